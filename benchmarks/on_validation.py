"""Figures of several networks on the validation split, for choices that are made there.

Those of each network as it answers and, under "calibrated/", of Dirichlet maps fitted on other lesions,
with balanced answers; gains are over the first network, with the same draws of lesions.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cutis.checks import FloatArray
from cutis.evaluation.cases import Cases, is_share
from cutis.evaluation.estimates import bootstrap_estimates
from cutis.evaluation.reading import Validation
from cutis.inference.calibration import fit_dirichlet
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions

FIGURES = ("macro_roc_auc", "balanced_accuracy", "log_loss")
REPLICATES = 2000
Found = dict[str, dict[str, dict[str, Any]]]  # network -> figure -> fields of `Estimate`


def judge(answers: Mapping[str, Predictions], rows: Manifest) -> Found:
    """Figures of several networks on the same rows; gains are over the first."""
    cases: dict[str, Cases] = {}
    for name, predictions in answers.items():
        given = Validation(predictions.rows_for(rows.image_ids), rows)
        calibrated = given.cross_fitted(fit_dirichlet).predictions
        cases[name] = Cases.of(given.predictions, rows)
        cases[f"{name}/calibrated"] = Cases.of(calibrated, rows, gains=given.gains())
    first = next(iter(answers))

    def figures(weights: FloatArray) -> dict[str, FloatArray]:
        found = {name: each.figures(weights) for name, each in cases.items()}
        values = {f"{name}/{figure}": found[name][figure] for name in cases for figure in FIGURES}
        return values | {
            f"{name}/{figure}/gain": found[name][figure] - found[_like(first, name)][figure]
            for name in cases
            for figure in FIGURES
        }

    estimates = bootstrap_estimates(
        figures,
        rows.clusters(),
        replicates=REPLICATES,
        seed=0,
        is_share=lambda name: is_share(name.rpartition("/")[2]) and not name.endswith("/gain"),
    )
    return {
        network: {
            name.removeprefix(f"{network}/"): asdict(estimate)
            for name, estimate in estimates.items()
            if name.startswith(f"{network}/")
        }
        for network in answers
    }


def shown(found: Found) -> str:
    """Values alone, a line for each network."""
    return "\n".join(
        f"  {name}: " + ", ".join(f"{figure} {each['value']:.3f}" for figure, each in by.items())
        for name, by in found.items()
    )


def _like(first: str, name: str) -> str:
    """The first network, read as `name` is."""
    return f"{first}/calibrated" if name.endswith("/calibrated") else first
