"""The table of a multi-reader multi-case analysis."""

import math
from collections.abc import Iterator

from cutis.evaluation.mrmc import Contrast, MeanArea, MultiReaderAnalysis
from cutis.evaluation.section import Table, shown, shown_ends, shown_p

HEADER = ("Area", "Value", "95 % interval", "Degrees of freedom", "p")


def multi_reader_table(analysis: MultiReaderAnalysis, *, means: dict[str, str]) -> Table:
    """Mean areas, then every pair of treatments for random and for fixed readers.

    Args:
        analysis: What was found.
        means: Treatments whose mean area is shown, and what to call it.
    """
    by_name = dict(zip(analysis.treatments, analysis.means, strict=True))
    rows = [(called, *_mean(by_name[treatment])) for treatment, called in means.items()]
    caption = (
        "Multi-reader multi-case analysis. With random readers it speaks of other readers of this "
        "kind, with fixed readers of these only."
    )
    return Table(HEADER, (*rows, *_contrasts(analysis)), caption)


def _mean(mean: MeanArea) -> tuple[str, ...]:
    return shown(mean.area), shown_ends(mean.low, mean.high), _degrees(mean.degrees_of_freedom), ""


def _contrasts(analysis: MultiReaderAnalysis) -> Iterator[tuple[str, ...]]:
    for kind, contrasts in (
        ("random", analysis.random_readers),
        ("fixed", analysis.fixed_readers),
    ):
        for name, contrast in contrasts.items():
            yield f"{name}, {kind} readers", *_tested(contrast)


def _tested(contrast: Contrast) -> tuple[str, ...]:
    return (
        shown(contrast.difference),
        shown_ends(contrast.low, contrast.high),
        _degrees(contrast.degrees_of_freedom),
        shown_p(contrast.p),
    )


def _degrees(value: float) -> str:
    if math.isnan(value):
        return "undefined"
    return "normal" if math.isinf(value) else f"{value:.1f}"
