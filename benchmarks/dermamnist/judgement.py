"""What the two recipes are worth on the same test pictures, in MedMNIST's figures and one more.

MedMNIST reports the mean one-against-rest AUC over all classes and the plain share of right answers;
balanced accuracy stands beside them because two of three pictures show a nevus.
"""

from cutis.checks import FloatArray
from cutis.evaluation.cases import Cases
from cutis.evaluation.estimates import Estimate, bootstrap_estimates
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions

FIGURES = {"auc": "macro_roc_auc", "accuracy": "accuracy", "balanced_accuracy": "balanced_accuracy"}

# Official split, which leaks: orientation, never a comparison.
PUBLISHED = {
    "28": {
        "ResNet-18, MedMNIST v2 (Yang et al. 2023)": {"auc": 0.917, "accuracy": 0.735},
        "VGG-16, best end to end of the MedMNIST+ study": {"accuracy": 0.766},
    },
    "64": {"VGG-16, best end to end of the MedMNIST+ study": {"accuracy": 0.795}},
    "128": {"VGG-16, best end to end of the MedMNIST+ study": {"accuracy": 0.818}},
}


def compare(
    ours: Predictions,
    baseline: Predictions,
    rows: Manifest,
    *,
    replicates: int = 2000,
    seed: int = 0,
) -> dict[str, dict[str, Estimate]]:
    """Each recipe's figures, and ours minus the baseline's on the same pictures.

    Args:
        ours, baseline: Predictions for every row.
        rows: The test pictures; lesions are drawn whole, for both recipes together.
        replicates, seed: Of the bootstrap.

    Returns:
        "ours", "baseline" and "difference", each by the names of `FIGURES`.

    Raises:
        InputError: an image without a prediction.
    """
    systems = {"ours": Cases.of(ours, rows), "baseline": Cases.of(baseline, rows)}

    def figures(weights: FloatArray) -> dict[str, FloatArray]:
        found = {name: cases.figures(weights) for name, cases in systems.items()}
        each = {
            f"{name}/{short}": found[name][figure]
            for name in systems
            for short, figure in FIGURES.items()
        }
        gained = {
            f"difference/{short}": each[f"ours/{short}"] - each[f"baseline/{short}"]
            for short in FIGURES
        }
        return each | gained

    estimates = bootstrap_estimates(
        figures,
        rows.clusters(),
        replicates=replicates,
        seed=seed,
        is_share=lambda name: not name.startswith("difference/"),
    )
    return {
        name: {short: estimates[f"{name}/{short}"] for short in FIGURES}
        for name in (*systems, "difference")
    }
