"""Figures of several networks on the validation split, for choices that are made there.

Those of each network as it answers and, under "calibrated/", of maps fitted on other lesions, with
balanced answers; gains are over the first network, with the same draws of lesions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cutis.checks import FloatArray
from cutis.evaluation.cases import Cases, is_share
from cutis.evaluation.estimates import Estimate, bootstrap_estimates
from cutis.evaluation.reading import Validation
from cutis.inference.calibration import fit_dirichlet
from cutis.metrics.cross_fitting import Fit
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions

FIGURES = ("macro_roc_auc", "balanced_accuracy", "log_loss")
REPLICATES = 2000
Found = dict[str, dict[str, dict[str, Any]]]  # network -> figure -> fields of `Estimate`


def judge(answers: Mapping[str, Predictions], rows: Manifest, *, fit: Fit = fit_dirichlet) -> Found:
    """Figures of several networks on the same rows; gains are over the first.

    Args:
        answers: By the name of the network.
        rows: What they are about.
        fit: Of the maps.
    """
    cases: dict[str, Cases] = {}
    for name, predictions in answers.items():
        given = Validation(predictions.rows_for(rows.image_ids), rows)
        calibrated = given.cross_fitted(fit).predictions
        cases[name] = Cases.of(given.predictions, rows)
        cases[f"{name}/calibrated"] = Cases.of(calibrated, rows, gains=given.gains())
    first = next(iter(answers))
    over = {name: _like(first, name) for name in cases}
    estimates = compare(cases, rows, over=over, figures=FIGURES)
    return {
        network: {
            name.removeprefix(f"{network}/"): asdict(estimate)
            for name, estimate in estimates.items()
            if name.startswith(f"{network}/")
        }
        for network in answers
    }


def compare(
    cases: Mapping[str, Cases], rows: Manifest, *, over: Mapping[str, str], figures: Sequence[str]
) -> dict[str, Estimate]:
    """Figures of several answers on the same draws of lesions, as NAME/FIGURE and NAME/FIGURE/gain.

    Args:
        cases: The answers by name.
        rows: What they are about.
        over: Name -> the name that its gains are over.
        figures: Of `Cases.figures`.
    """

    def drawn(weights: FloatArray) -> dict[str, FloatArray]:
        found = {name: each.figures(weights) for name, each in cases.items()}
        values = {f"{name}/{figure}": found[name][figure] for name in cases for figure in figures}
        return values | {
            f"{name}/{figure}/gain": found[name][figure] - found[before][figure]
            for name, before in over.items()
            for figure in figures
        }

    return bootstrap_estimates(
        drawn,
        rows.clusters(),
        replicates=REPLICATES,
        seed=0,
        is_share=lambda name: is_share(name.rpartition("/")[2]) and not name.endswith("/gain"),
    )


def shown(found: Found) -> str:
    """Values alone, a line for each network."""
    return "\n".join(
        f"  {name}: " + ", ".join(f"{figure} {each['value']:.3f}" for figure, each in by.items())
        for name, by in found.items()
    )


def _like(first: str, name: str) -> str:
    """The first network, read as `name` is."""
    return f"{first}/calibrated" if name.endswith("/calibrated") else first
