"""Answers on the screen: one picture with its whole tree, or many with one row each."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from cutis.cli.terminal import plain_console

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from cutis.bundle import ModelBundle
    from cutis.inference.answer import Answer
    from cutis.inference.predictor import Outcome
    from cutis.readout import Readout

SHOWN = 50  # rows of the table
POOR_PICTURE = (
    "Probabilities and thresholds were found on mostly better pictures and are less to be relied on "
    "here; take a better one if you can."
)


def print_answers(outcome: Outcome, bundle: ModelBundle, *, abstain: bool) -> None:
    """Print them, with the model and the notice."""
    from cutis import RESEARCH_USE_NOTICE
    from cutis.inference.answer import answers

    console = plain_console()
    given = answers(outcome, bundle)
    if len(outcome.paths) == 1:
        _print_one(next(given), bundle, console, abstain=abstain)
    else:
        _print_many([*islice(given, SHOWN)], bundle, console, abstain=abstain)
    if len(outcome.paths) > SHOWN:
        rest = len(outcome.paths) - SHOWN
        console.print(f"... and {rest} more; --csv and --answers keep them all", soft_wrap=True)
    console.print(_model(bundle), soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


def _print_one(answer: Answer, bundle: ModelBundle, console: Console, *, abstain: bool) -> None:
    from rich.padding import Padding
    from rich.table import Table

    from cutis.wording import percentage

    readout, nodes = bundle.facts.readout, bundle.taxonomy.nodes
    table = Table(title=answer.image_id, title_justify="left")
    table.add_column("diagnosis", overflow="fold")
    table.add_column("probability", justify="right", overflow="fold")
    if readout is not None:
        table.add_column(f"in the {_rate(readout)} set", justify="center", overflow="fold")
    for line in answer.outline:
        name = Padding(nodes[line.node].name, (0, 0, 0, 2 * line.depth))
        cells: list[RenderableType] = [name, percentage(line.probability)]
        if answer.set is not None:
            cells.append("yes" if line.node in answer.set else "")
        table.add_row(*cells)
    if answer.verdict is not None:
        console.print(f"Picture {answer.verdict.in_words()}.", soft_wrap=True)
    withheld = answer.withheld(abstain=abstain)
    if withheld:
        console.print(f"No answer ({withheld}); leave it to a person.", soft_wrap=True)
    else:
        console.print(table)
        for call in answer.calls:
            console.print(call.in_words(), soft_wrap=True)
        if readout is not None:
            console.print(_sets_in_words(readout), soft_wrap=True)
        if answer.verdict is not None and answer.verdict.warnings:
            console.print(POOR_PICTURE, soft_wrap=True)


def _print_many(
    given: list[Answer], bundle: ModelBundle, console: Console, *, abstain: bool
) -> None:
    from rich.table import Table

    from cutis.wording import percentage

    nodes, readout = bundle.taxonomy.nodes, bundle.facts.readout
    table = Table()
    table.add_column("image", overflow="fold")
    table.add_column("malignant", justify="right", overflow="fold")
    table.add_column("answer", overflow="fold")
    table.add_column("second" if readout is None else f"{_rate(readout)} set", overflow="fold")
    for heading in ("suspicious of",) * (readout is not None) + ("picture",) * _has_verdicts(given):
        table.add_column(heading, overflow="fold")
    for answer in given:
        best, second = [f"{nodes[n].name} {percentage(p)}" for n, p in answer.best(2)]
        withheld = answer.withheld(abstain=abstain)
        malignant = "-" if answer.malignant is None or withheld else percentage(answer.malignant)
        cells = [answer.image_id, malignant, withheld or best]
        if answer.set is None:
            cells.append("" if withheld else second)
        else:
            called = [call.point.task for call in answer.calls if call.suspicious]
            cells.append("" if withheld else ", ".join(nodes[n].name for n in answer.set))
            cells.append("" if withheld else ", ".join(called) or "-")
        if answer.verdict is not None:
            cells.append(answer.verdict.status)
        table.add_row(*cells)
    console.print(table)
    if readout is not None:
        console.print(_sets_in_words(readout), soft_wrap=True)


def _rate(readout: Readout) -> str:
    """How often a set is to hold the truth."""
    return f"{100 * readout.sets.level:g}%"


def _sets_in_words(readout: Readout) -> str:
    """What a set is worth: its rate is one over all lesions, which rare diagnoses may be far from."""
    return (
        f"The {_rate(readout)} set held the truth for {readout.sets.coverage:.1%} of "
        f"{readout.fitted_on.unit} in validation, all diagnoses taken together; of rare ones it "
        "can miss far more."
    )


def _has_verdicts(given: list[Answer]) -> bool:
    return any(answer.verdict is not None for answer in given)


def _model(bundle: ModelBundle) -> str:
    """The model, and how far its probabilities are to be believed."""
    facts = bundle.facts
    known = f"Model {facts.name} ({facts.architecture}, {bundle.sha256['model.onnx'][:12]})"
    if facts.readout is None:
        return f"{known}, not calibrated: probabilities are the network's own."
    fitted_on = facts.readout.fitted_on
    known += f", calibrated on {fitted_on.images} images of {fitted_on.lesions} {fitted_on.unit}"
    if not fitted_on.absent:
        return f"{known}."
    names = ", ".join(bundle.taxonomy.nodes[node].name for node in fitted_on.absent)
    return f"{known}, with no case of {names}: not to be relied on where it could be one."
