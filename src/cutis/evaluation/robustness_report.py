"""The section of a report that says how a classifier fares under stress."""

from collections.abc import Iterator

from cutis.evaluation.figures.robustness import CHANGES, FLIPS, changes_figure, flips_figure
from cutis.evaluation.robustness import KindUnderStress, Step, StressTest
from cutis.evaluation.section import (
    Section,
    Table,
    as_content,
    estimate_lines,
    shown_part,
)
from cutis.perturbation.kinds import perturbation
from cutis.wording import counted, words


def stress_section(stress: StressTest) -> Section:
    """Plots of every severity, a table of the middle and the strongest ones, all in the JSON."""
    tested = any(kind.steps for kind in stress.kinds)
    plots = {}
    if tested:
        plots = {
            "Change of sensitivity, specificity and balanced accuracy by kind of perturbation and "
            "severity, with intervals": changes_figure(stress),
            "Share of images whose class or malignant call changed, by kind of perturbation and "
            "severity, with intervals": flips_figure(stress),
        }
    return Section(
        "robustness",
        "Under stress",
        text=tuple(_paragraphs(stress)),
        tables=(_table(stress),),
        plots=plots,
        content=as_content(stress),
    )


def _paragraphs(stress: StressTest) -> Iterator[str]:
    yield (
        f"{stress.images} of {counted(stress.available, 'image')}, every class in proportion, were "
        "judged as they are and after each perturbation, by the network's own probabilities and the "
        "most probable class. A change is the figure under stress less the figure "
        "without, over the same images; its interval resamples both answers of an image together. "
        "An image is called malignant from a probability of "
        f"{stress.threshold:g}."
    )
    over = next((kind for kind in stress.kinds if kind.kind == "painted_over"), None)
    if over is None:
        return
    if not over.steps:
        yield "The lesion was not painted over: no image has a usable mask."
        return
    last = over.steps[-1].changes
    known = f"a balanced accuracy of {last['balanced_accuracy'].stressed}"
    if "roc_auc" in last:
        known += f" and a malignant AUC of {last['roc_auc'].stressed}"
    yield (
        f"With the lesion and a wide margin painted over, {known} remain on "
        f"{counted(over.images, 'image')}. One answer to all of them would give "
        f"{1 / over.occurring:.3f}{' and 0.500' if 'roc_auc' in last else ''}, as {over.occurring} of "
        f"{len(stress.classes)} classes occur; what an interval leaves above that was read from the "
        "skin around the lesion, the frame or the picture's making, and not from the lesion. Left "
        f"out here: {counted(over.left_out, 'image')} without a mask, or whose lesion leaves too "
        "little skin to paint with."
    )


def _table(stress: StressTest) -> Table:
    names = [name for name in (*CHANGES, "roc_auc") if _has(stress, name)]
    flips = [name for name in FLIPS if _has(stress, name)]
    header = (
        "Perturbation (what the level counts)",
        "Level",
        "malignant / n" if "sensitivity" in names else "n",
        *(f"change of {words(name)}" for name in names),
        *(f"{words(name)} changed" for name in flips),
    )
    rows = [
        (
            f"{words(kind.kind)}: {perturbation(kind.kind).what} ({perturbation(kind.kind).amount})",
            f"{step.level:g}",
            shown_part(kind.malignant, kind.images),
            *(estimate_lines(step.changes[name].difference) for name in names),
            *(estimate_lines(step.flips[name]) for name in flips),
        )
        for kind in stress.kinds
        for step in _shown_steps(kind)
    ]
    caption = "Severity 3 and the strongest one; result.json has them all."
    return Table(header, tuple(rows), caption)


def _shown_steps(kind: KindUnderStress) -> tuple[Step, ...]:
    return tuple(step for step in kind.steps if step.severity in (3, len(kind.steps)))


def _has(stress: StressTest, name: str) -> bool:
    return any(
        name in step.changes or name in step.flips for kind in stress.kinds for step in kind.steps
    )
