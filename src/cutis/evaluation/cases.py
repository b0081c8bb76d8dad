"""`Cases`: what is judged, and every figure of it as a function of row weights.

Weights of one give the estimate, the weights of a lesion-clustered bootstrap its interval.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cutis.checks import BoolArray, FloatArray, IntArray
from cutis.errors import ManifestError
from cutis.evaluation.estimates import clusters_among
from cutis.metrics import classification
from cutis.metrics.probability import brier_score, log_loss
from cutis.metrics.ranking import Ranking
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import ClassSet, malignant_probability

PER_CLASS = ("precision", "recall", "specificity", "f1", "roc_auc", "average_precision")
OVERALL = (
    "balanced_accuracy",
    "accuracy",
    *(f"macro_{name}" for name in PER_CLASS),
    "log_loss",
    "brier_score",
)
MALIGNANT = ("roc_auc", "average_precision", "sensitivity", "specificity")


def is_share(figure: str) -> bool:
    """Whether a figure of `Cases.figures` lies between 0 and 1."""
    return figure not in ("log_loss", "brier_score")


def is_area(figure: str) -> bool:
    """Whether it is the area under one curve, and not a mean over classes."""
    return not figure.startswith("macro_") and (
        "roc_auc" in figure or "average_precision" in figure
    )


@dataclass(frozen=True, eq=False)
class MalignantCases:
    """The malignant-against-benign question over the same rows."""

    truth: BoolArray
    score: FloatArray
    ranking: Ranking


@dataclass(frozen=True, eq=False)
class Cases:
    """The judged rows, sorted once for every figure."""

    truth: IntArray  # (n,), positions in the class set
    probabilities: FloatArray  # (n, k)
    rankings: tuple[Ranking, ...]  # one per class, against the rest
    malignant: MalignantCases | None  # None where the classes are all on one side
    gains: FloatArray  # (k,), what a right answer of each class is worth

    @classmethod
    def of(
        cls, predictions: Predictions, manifest: Manifest, *, gains: FloatArray | None = None
    ) -> "Cases":
        """Align predictions with the rows of a manifest, all of which have a diagnosis.

        Args:
            predictions: Of the classes.
            manifest: The rows.
            gains: Shape (k,), what a right answer of each class is worth; default, the same.

        Raises:
            InputError: images without a prediction.
            TaxonomyError: a diagnosis that belongs to none of the predicted classes.
        """
        classes = ClassSet(manifest.taxonomy, predictions.classes)
        truth = np.array(classes.indices_of(manifest.diagnoses))
        probabilities = predictions.rows_for(manifest.image_ids).probabilities
        rankings = tuple(Ranking.of(truth == k, probabilities[:, k]) for k in range(len(classes)))
        worth = np.ones(len(classes)) if gains is None else gains
        sides = [classes.taxonomy.is_malignant(name) for name in classes.classes]
        if None in sides or len(set(sides)) < 2:
            return cls(truth, probabilities, rankings, None, worth)
        malignant = np.array(sides, dtype=bool)[truth]
        score = malignant_probability(probabilities, classes.classes, classes.taxonomy)
        ranked = MalignantCases(malignant, score, Ranking.of(malignant, score))
        return cls(truth, probabilities, rankings, ranked, worth)

    @property
    def answers(self) -> IntArray:
        """The class of the largest expected gain in each row, the first one of equals.

        With equal gains that is the most probable class.
        """
        return np.asarray((self.probabilities * self.gains).argmax(axis=1))

    def figures(self, weights: FloatArray) -> dict[str, FloatArray]:
        """Every figure for rows of weights (r, n); names are those of `OVERALL`, "figure/class"."""
        k = self.probabilities.shape[1]
        confusion = classification.confusion_matrix(self.truth, self.answers, k, weights=weights)
        areas = [ranking.areas(weights) for ranking in self.rankings]
        per_class = {
            "precision": classification.precision(confusion),
            "recall": classification.recall(confusion),
            "specificity": classification.specificity(confusion),
            "f1": classification.f1(confusion),
            "roc_auc": np.stack([auc for auc, _ap in areas], axis=-1),
            "average_precision": np.stack([ap for _auc, ap in areas], axis=-1),
        }
        occurs = confusion.sum(axis=-1) > 0
        found = {
            "accuracy": classification.accuracy(confusion),
            "balanced_accuracy": classification.balanced_accuracy(confusion),
            "log_loss": log_loss(self.truth, self.probabilities, weights=weights),
            "brier_score": brier_score(self.truth, self.probabilities, weights=weights),
        }
        for name, values in per_class.items():
            found |= {f"{name}/{index}": values[..., index] for index in range(k)}
            if name == "precision":
                # A class that occurs but is never answered has none; its share of the mean is zero,
                # as in scikit-learn.
                values = np.nan_to_num(values)
            # A class that does not occur takes no part.
            found[f"macro_{name}"] = classification.mean_over_defined(
                np.where(occurs, values, np.nan)
            )
        return found | self._malignant_figures(weights)

    def _malignant_figures(self, weights: FloatArray) -> dict[str, FloatArray]:
        if self.malignant is None:
            return {}
        called = (self.malignant.score >= 0.5).astype(np.int64)
        confusion = classification.confusion_matrix(
            self.malignant.truth.astype(np.int64), called, 2, weights=weights
        )
        recall = classification.recall(confusion)
        roc_auc, average_precision = self.malignant.ranking.areas(weights)
        return {
            "malignant/roc_auc": roc_auc,
            "malignant/average_precision": average_precision,
            "malignant/sensitivity": recall[..., 1],
            "malignant/specificity": recall[..., 0],
        }

    def clusters_counted(self, clusters: npt.NDArray[np.generic]) -> dict[str, int]:
        """How many clusters each share is counted among, but for accuracy, which counts all.

        An area is known no better than the smaller of its two sides lets it be, and a mean over classes
        no better than the smallest class.
        """
        found: dict[str, int] = {}
        for index in range(self.probabilities.shape[1]):
            occurs, answered = self.truth == index, self.answers == index
            inside, outside = clusters_among(clusters, occurs), clusters_among(clusters, ~occurs)
            found |= {
                f"precision/{index}": clusters_among(clusters, answered),
                f"recall/{index}": inside,
                f"specificity/{index}": outside,
                f"f1/{index}": clusters_among(clusters, occurs | answered),
                f"roc_auc/{index}": min(inside, outside),
                f"average_precision/{index}": min(inside, outside),
            }
        occurring = np.unique(self.truth)
        found["balanced_accuracy"] = min(found[f"recall/{index}"] for index in occurring)
        for name in PER_CLASS:
            found[f"macro_{name}"] = min(found[f"{name}/{index}"] for index in occurring)
        if self.malignant is not None:
            truth = self.malignant.truth
            inside, outside = clusters_among(clusters, truth), clusters_among(clusters, ~truth)
            found |= {
                "malignant/sensitivity": inside,
                "malignant/specificity": outside,
                "malignant/roc_auc": min(inside, outside),
                "malignant/average_precision": min(inside, outside),
            }
        return found


@dataclass(frozen=True, eq=False)
class JudgedRows:
    """The rows of a split that can be judged, and how many were left out."""

    judged: Manifest
    without_diagnosis: int
    outside: int  # whose diagnosis belongs to no class


def judged_rows(
    manifest: Manifest, classes: tuple[str, ...], *, split: str, skip_outside: bool = False
) -> JudgedRows:
    """The rows of a split whose diagnosis belongs to one of the classes.

    Args:
        manifest: The truth.
        classes: Taxonomy nodes.
        split: train, val, test, or all.
        skip_outside: Count rows of other diagnoses instead of refusing them.

    Raises:
        ManifestError: nothing is left.
        TaxonomyError: a row of another diagnosis, unless they are skipped.
    """
    rows = manifest if split == "all" else manifest.split(split)
    labelled = rows.labelled()
    if not len(labelled):
        raise ManifestError(manifest.name, [f"split {split!r} has no row with a diagnosis"])
    class_set = ClassSet(manifest.taxonomy, classes)
    inside = np.array([class_set.index_of(d) is not None for d in labelled.diagnoses])
    judged = labelled.rows(inside) if skip_outside else labelled
    if not len(judged):
        raise ManifestError(manifest.name, [f"no diagnosis belongs to any of {list(classes)}"])
    return JudgedRows(judged, len(rows) - len(labelled), len(labelled) - len(judged))
