"""The section about subgroups."""

import math

from cutis.evaluation.figures.subgroups import subgroup_figure
from cutis.evaluation.section import Section, Table, as_content, shown_part
from cutis.evaluation.subgroups import FIGURES, Subgroup, SubgroupAnalysis
from cutis.wording import counted, words


def subgroups_section(analysis: SubgroupAnalysis) -> Section:
    """Figures of every group, and gaps to everybody else."""
    skipped = ", ".join(map(words, analysis.skipped))
    not_known = f" Not known, or the same for all rows: {skipped}." if skipped else ""
    gaps = [gap for subgroup in analysis.subgroups for gap in subgroup.gaps.values()]
    tested = counted(sum(not math.isnan(gap.low) for gap in gaps), "gap")
    apart = [
        f"{words(subgroup.column)} {subgroup.group}, {words(name)} {subgroup.gaps[name]}"
        for subgroup, name in analysis.distinguishable
    ]
    found = "; ".join(apart) if apart else "none"
    return Section(
        "subgroups",
        "Subgroups",
        text=(
            "Groups stand in their own order and are not ranked. A group with fewer than "
            f"{analysis.least_positives} malignant or benign cases is too few for figures.{not_known} "
            "Balanced accuracy is a mean over the classes that occur in the group, which need not be "
            "those of other groups; sensitivity and specificity are those of the malignant call, at a "
            "threshold of 0.5.",
            "A gap is the figure of the group minus that of everybody else whose group is known, "
            "resampled together. Of "
            f"{tested} with an interval, not corrected for their number, those that exclude zero: "
            f"{found}.",
        ),
        tables=(
            Table(
                ("Group", "malignant / n", *(f"{words(name)}" for name in FIGURES)),
                tuple(_row(subgroup) for subgroup in analysis.subgroups),
                caption="Value and 95 % interval, then the gap to everybody else",
            ),
        ),
        plots={"Figures of every subgroup with intervals": subgroup_figure(analysis)}
        if any(not subgroup.too_few for subgroup in analysis.subgroups)
        else {},
        content={
            "groups": as_content(analysis.subgroups),
            "skipped_columns": list(analysis.skipped),
            "least_positives": analysis.least_positives,
        },
    )


def _row(subgroup: Subgroup) -> tuple[str, ...]:
    cells = [
        f"{words(subgroup.column)}: {subgroup.group}",
        shown_part(subgroup.malignant, subgroup.images),
    ]
    for name in FIGURES:
        if subgroup.too_few:
            cells.append("too few")
            continue
        gap = subgroup.gaps.get(name)
        lines = [str(subgroup.estimates[name])]
        cells.append("\n".join([*lines, f"gap {gap}"] if gap is not None else lines))
    return tuple(cells)
