"""The sections about folds and repeats."""

from collections.abc import Mapping

from cutis.evaluation.figures.folds import spread_figure
from cutis.evaluation.folds import FoldSummary, RepeatSummary, Spread
from cutis.evaluation.section import Section, Table, as_content, estimate_cells, shown
from cutis.tables.manifest import Drawn
from cutis.wording import words_of_parts


def folds_section(summary: FoldSummary, *, drawn: Drawn) -> Section:
    """Mean and standard deviation over folds beside the pooled estimate.

    Args:
        summary: At least two folds.
        drawn: What the bootstrap draws.
    """
    sizes = ", ".join(map(str, summary.images))
    return Section(
        "folds",
        "Fold by fold",
        text=(
            f"{len(summary.folds)} folds of {sizes} images. The predictions are taken to be "
            "out-of-fold: each by a model that has not seen the fold. Mean and standard deviation are "
            "over folds; pooled figures are of all predictions in one table, with an interval over "
            f"{drawn}.",
            "The standard deviation shows how figures vary between folds of this size. It is no "
            "standard error, however it is divided: the models share most of their training cases, and "
            "no unbiased estimate of the variance exists from one cross-validation (Bengio and "
            f"Grandvalet 2004). The interval over {drawn} holds for these models, not for others "
            "trained alike. Pooled areas under curves rank scores of several models against each "
            "other, so they may lie below the mean over folds (Forman and Scholz 2010).",
        ),
        tables=(
            _table(
                summary.figures,
                parts=[f"fold {fold}" for fold in summary.folds],
                all="Pooled",
                with_mean=True,
            ),
        ),
        plots={
            "Headline figures of every fold, with the pooled figure and its interval": spread_figure(
                summary.figures, part="one fold", together=f"pooled, 95 % interval over {drawn}"
            )
        },
        content={
            "folds": list(summary.folds),
            "images": list(summary.images),
            "figures": _content(summary.figures, "by_fold", "pooled"),
        },
    )


def repeats_section(summary: RepeatSummary, *, drawn: Drawn) -> Section:
    """Mean over repeats with its interval, and the spread; `drawn` as in `folds_section`."""
    return Section(
        "repeats",
        "Repeats",
        text=(
            f"The same images, predicted {summary.repeats} times over other folds. A figure is "
            "computed for each repeat and averaged, on the same bootstrap weights, so its interval is "
            f"over {drawn}; probabilities are not averaged, which would judge an ensemble.",
            "The standard deviation over repeats shows what the draw of folds and the seeds of "
            "training add. Repeats share all of their cases, so more of them do not make the interval "
            f"narrower than the {drawn} allow.",
        ),
        tables=(
            _table(
                summary.figures,
                parts=[f"repeat {number}" for number in range(summary.repeats)],
                all="Mean",
                with_mean=False,
            ),
        ),
        plots={
            "Headline figures of every repeat, with their mean and its interval": spread_figure(
                summary.figures, part="one repeat", together=f"mean, 95 % interval over {drawn}"
            )
        },
        content={
            "repeats": summary.repeats,
            "figures": _content(summary.figures, "by_repeat", "mean"),
        },
    )


def _table(figures: Mapping[str, Spread], *, parts: list[str], all: str, with_mean: bool) -> Table:
    """One row per figure; `with_mean` where the mean over parts is not the estimate itself."""
    rows = tuple(
        (
            words_of_parts(name),
            *estimate_cells(spread.estimate),
            *([shown(spread.mean)] if with_mean else []),
            shown(spread.standard_deviation),
            *map(shown, spread.values),
        )
        for name, spread in figures.items()
    )
    mean = ("Mean",) if with_mean else ()
    return Table(("Figure", all, "95 % interval", *mean, "Standard deviation", *parts), rows)


def _content(figures: Mapping[str, Spread], parts: str, together: str) -> dict[str, object]:
    return {
        name: {
            together: as_content(spread.estimate),
            "mean_of_parts": spread.mean,
            "standard_deviation": spread.standard_deviation,
            parts: as_content(spread.values),
        }
        for name, spread in figures.items()
    }
