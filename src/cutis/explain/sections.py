"""What a report shows of the checks of heat maps."""

from collections.abc import Sequence

from cutis.evaluation.section import Section, Table, as_content, estimate_cells
from cutis.explain.checks import MethodChecks
from cutis.explain.figures import checks_figure

COLUMNS = {
    "deletion": "Deletion area",
    "insertion": "Insertion area",
    "randomised": "Correlation after randomising",
    "mass_inside": "Share on the lesion",
    "area_share": "Lesion's area (chance)",
    "gain_inside": "On the lesion, above chance",
}


def checks_section(methods: Sequence[MethodChecks]) -> Section:
    """The checks of several methods, on the same pictures, as a section of a report."""
    rows = tuple(
        (
            method.method,
            *("; ".join(filter(None, estimate_cells(method.estimates[key]))) for key in COLUMNS),
        )
        for method in methods
    )
    pictures = max((each.n for method in methods for each in method.estimates.values()), default=0)
    return Section(
        key="heat_maps",
        title="Do the heat maps mean anything?",
        text=(
            f"Heat maps of {pictures} pictures, each for its most probable class. A map that shows "
            "the network is lost with its weights (correlation near 0); one that shows what matters "
            "has a small deletion and a large insertion area; one that finds the lesion has more of "
            "itself there than the lesion's share of the picture.",
        ),
        tables=(Table(("Method", *COLUMNS.values()), rows, "Means; 95 % intervals over lesions."),),
        plots={
            "For each method of drawing heat maps: share on the lesion above chance, insertion less "
            "deletion area, and correlation after the weights are randomised": checks_figure(
                methods
            )
        },
        content={method.method: as_content(method.estimates) for method in methods},
    )
