"""The section about readers without and with the model."""

from collections.abc import Iterator, Mapping

from cutis.evaluation.conditions import (
    RATES,
    WITH,
    WITHOUT,
    ConditionComparison,
    ReaderInBoth,
    TwoRates,
)
from cutis.evaluation.figures.conditions import conditions_figure
from cutis.evaluation.multi_reader_table import multi_reader_table
from cutis.evaluation.section import Section, Table, as_content
from cutis.wording import counted


def conditions_section(found: ConditionComparison) -> Section:
    """Rates and areas in both conditions, and what they gain."""
    tables = [_table(found)]
    if found.scored is not None:
        tables.append(
            multi_reader_table(
                found.scored.analysis,
                means={WITHOUT: "mean without model", WITH: "mean with model"},
            )
        )
    return Section(
        "conditions",
        "Readers without and with the model",
        text=_text(found),
        tables=tuple(tables),
        plots={
            "Sensitivity and specificity of every reader, from without to with the model": (
                conditions_figure(found)
            )
        },
        content=as_content(found),
    )


def _text(found: ConditionComparison) -> tuple[str, ...]:
    gains = [f"{rate} {found.mean[rate].gain}" for rate in RATES]
    alone = f" In one condition only: {', '.join(found.left_out)}." if found.left_out else ""
    scored = (
        "No multi-reader analysis: no images, positive and negative, that readers scored in both."
        if found.scored is None
        else f"The multi-reader analysis is over the {found.scored.images} images "
        f"({found.scored.positives} positive) that all scoring readers scored in both conditions: "
        "Obuchowski and Rockette's, with DeLong's covariances and Hillis's degrees of freedom."
    )
    return (
        f"{counted(len(found.readers), 'reader')} and {found.images} images, {found.positives} "
        f"positive, that at least one of them read in both conditions.{alone} With the model minus "
        f"without, on average over readers: {', '.join(gains)}. Intervals are over cases, both "
        "conditions drawn together, for these readers.",
        scored,
    )


def _table(found: ConditionComparison) -> Table:
    header = ("Reader", "n", *(f"{rate}: without, with, gain" for rate in RATES))
    rows = [
        (each.reader, str(each.images), *_cells(each.rates), _switched(each))
        for each in found.readers
    ]
    decided = found.mean[RATES[0]].gain.n
    rows.append(("mean reader", str(decided), *_cells(found.mean), ""))
    return Table((*header, "Changed to right / wrong"), tuple(rows))


def _cells(rates: Mapping[str, TwoRates]) -> Iterator[str]:
    for rate in RATES:
        both = rates[rate]
        yield f"{both.without}\n{both.with_model}\ngain {both.gain}"


def _switched(each: ReaderInBoth) -> str:
    return f"{each.switches.to_right} / {each.switches.to_wrong}"
