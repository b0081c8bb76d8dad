"""`cutis predict`: from a bundle and pictures to a table of probabilities."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cutis.cli.app import app

if TYPE_CHECKING:
    from cutis.bundle import ModelBundle
    from cutis.inference.predictor import Outcome, Predictor

SHOWN = 50  # rows of the table


@app.command()
def predict(
    bundle: Path = typer.Argument(help="Folder of a model bundle."),
    pictures: list[Path] = typer.Argument(help="Pictures, or folders of pictures."),
    csv: Path | None = typer.Option(None, help="Write probabilities to this .csv or .parquet."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table."),
    tta: int = typer.Option(
        1,
        min=1,
        max=8,
        help="Average over this many mirrored and turned views; 5 to 8 of a square.",
    ),
    batch_size: int = typer.Option(32, min=1, help="Pictures per step."),
) -> None:
    """Classify pictures; no torch needed.

    Exit code 1 when some files could not be read, 2 when nothing could be done.
    """
    from cutis.bundle import ModelBundle
    from cutis.errors import InputError
    from cutis.inference.answer import to_json
    from cutis.inference.predictor import Predictor, find_pictures
    from cutis.tables.predictions import require_writable_table

    if csv is not None:
        require_writable_table(csv)
    model = ModelBundle.load(bundle)
    paths = find_pictures(pictures)
    outcome = _with_progress(Predictor(model), paths, batch_size=batch_size, views=tta)
    for _path, reason in outcome.failures:
        typer.echo(f"cutis: {reason}", err=True)
    if outcome.predictions is None:
        raise InputError(f"none of {len(paths)} files could be read")
    if csv is not None:
        outcome.predictions.write(csv)
    if as_json:
        typer.echo(json.dumps(to_json(outcome, model, views=tta), indent=2))
    else:
        _print_table(outcome, model)
    if outcome.failures:
        raise typer.Exit(1)


def _with_progress(
    predictor: Predictor, paths: list[Path], *, batch_size: int, views: int
) -> Outcome:
    """Predict, with a progress bar where it takes a while."""
    if len(paths) < 2 * batch_size:
        return predictor.predict(paths, batch_size=batch_size, views=views)
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("predicting", total=len(paths))
        return predictor.predict(
            paths,
            batch_size=batch_size,
            views=views,
            on_progress=lambda n: progress.advance(task, n),
        )


def _print_table(outcome: Outcome, model: ModelBundle) -> None:
    from rich.console import Console
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE
    from cutis.inference.answer import answers

    nodes = model.taxonomy.nodes
    table = Table(title=f"{model.facts.name} ({model.facts.architecture})", title_justify="left")
    table.add_column("image", overflow="fold")
    table.add_column("malignant", justify="right")
    table.add_column("first")
    table.add_column("second")
    for answer in islice(answers(outcome, model), SHOWN):
        malignant = "-" if answer.malignant is None else f"{answer.malignant:.1%}"
        best = [f"{nodes[node].name} {probability:.1%}" for node, probability in answer.best(2)]
        table.add_row(answer.image_id, malignant, *best)
    console = Console(markup=False, emoji=False, highlight=False)
    console.print(table)
    if len(outcome.paths) > SHOWN:
        rest = len(outcome.paths) - SHOWN
        console.print(f"... and {rest} more; --csv keeps them all", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)
