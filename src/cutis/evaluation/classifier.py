"""`evaluate`: everything a table of predictions is worth on one split, with intervals.

Each figure is written once, as a function of row weights: weights of one give the estimate, the
weights of a lesion-clustered bootstrap give its 95 % interval.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cutis.checks import BoolArray, FloatArray, IntArray
from cutis.errors import ManifestError
from cutis.evaluation.estimates import Estimate, bootstrap_estimates, clusters_among
from cutis.metrics import classification
from cutis.metrics.probability import brier_score, log_loss
from cutis.metrics.ranking import Curve, Ranking
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


@dataclass(frozen=True)
class ErrorCase:
    """A confident wrong answer."""

    image_id: str
    path: str
    truth: str
    answer: str
    probability: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a table of predictions is worth on one split."""

    classes: tuple[str, ...]
    split: str
    images: int
    lesions: int | None  # None where the manifest names no lesions
    left_out: int  # rows of the split without a diagnosis
    outside: int  # rows whose diagnosis belongs to no class, left out on request
    confusion: FloatArray  # (k, k), truth by answer
    overall: Mapping[str, Estimate]
    per_class: Mapping[str, Mapping[str, Estimate]]  # figure -> class
    malignant: Mapping[str, Estimate]  # empty where the classes are all on one side
    roc_curves: Mapping[str, Curve]  # by class, and "malignant"
    precision_recall_curves: Mapping[str, Curve]
    errors: tuple[ErrorCase, ...]
    replicates: int
    seed: int

    @property
    def class_counts(self) -> dict[str, int]:
        """Images of each class in the split."""
        return {
            name: int(count)
            for name, count in zip(self.classes, self.confusion.sum(axis=1), strict=True)
        }


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

    @classmethod
    def of(cls, predictions: Predictions, manifest: Manifest) -> "Cases":
        """Align predictions with the rows of a manifest, all of which have a diagnosis.

        Raises:
            InputError: images without a prediction.
            TaxonomyError: a diagnosis that belongs to none of the predicted classes.
        """
        classes = ClassSet(manifest.taxonomy, predictions.classes)
        truth = np.array(classes.indices_of(manifest.diagnoses))
        probabilities = predictions.rows_for(manifest.image_ids).probabilities
        rankings = tuple(Ranking.of(truth == k, probabilities[:, k]) for k in range(len(classes)))
        sides = [classes.taxonomy.is_malignant(name) for name in classes.classes]
        if None in sides or len(set(sides)) < 2:
            return cls(truth, probabilities, rankings, None)
        malignant = np.array(sides, dtype=bool)[truth]
        score = malignant_probability(probabilities, classes.classes, classes.taxonomy)
        ranked = MalignantCases(malignant, score, Ranking.of(malignant, score))
        return cls(truth, probabilities, rankings, ranked)

    @property
    def answers(self) -> IntArray:
        """The most probable class of each row, the first one of equals."""
        return np.asarray(self.probabilities.argmax(axis=1))

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
            # A class that occurs but is never answered has no precision; its share of a macro mean
            # is zero, as in scikit-learn. A class that does not occur takes no part.
            counted = np.where(occurs, np.nan_to_num(values), np.nan)
            ranked = name in ("roc_auc", "average_precision")
            found[f"macro_{name}"] = classification.mean_over_defined(values if ranked else counted)
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


def evaluate(
    predictions: Predictions,
    manifest: Manifest,
    *,
    split: str = "test",
    replicates: int = 2000,
    seed: int = 0,
    errors_shown: int = 24,
    skip_outside: bool = False,
) -> Evaluation:
    """Judge predictions on one split of a manifest.

    Args:
        predictions: Class columns are nodes of the manifest's taxonomy; a row's diagnosis may lie
            below its class.
        manifest: The truth, and the lesions that the bootstrap resamples whole.
        split: train, val, test, or all.
        replicates: Of the bootstrap, at least 100.
        seed: Of the bootstrap.
        errors_shown: How many of the most confident errors to keep.
        skip_outside: Leave out rows whose diagnosis belongs to none of the classes.

    Raises:
        InputError: images without a prediction, or too few replicates.
        TaxonomyError: a diagnosis that belongs to none of the predicted classes.
        ManifestError: the split is empty or nothing in it has a diagnosis.
    """
    rows = judged_rows(manifest, predictions.classes, split=split, skip_outside=skip_outside)
    judged = rows.judged
    classes = ClassSet(manifest.taxonomy, predictions.classes)
    cases = Cases.of(predictions, judged)
    counts = np.bincount(cases.truth, minlength=len(classes))
    positives = {
        f"{name}/{index}": int(count) for name in PER_CLASS for index, count in enumerate(counts)
    }
    if cases.malignant is not None:
        positives |= {f"malignant/{name}": int(cases.malignant.truth.sum()) for name in MALIGNANT}
    estimates = bootstrap_estimates(
        cases.figures,
        judged.clusters(),
        positives=positives,
        replicates=replicates,
        seed=seed,
        is_share=is_share,
        counted=_clusters_counted(cases, judged.clusters()),
    )
    named = list(zip(classes.classes, cases.rankings, strict=True))
    malignant: dict[str, Estimate] = {}
    if cases.malignant is not None:
        named.append(("malignant", cases.malignant.ranking))
        malignant = {name: estimates[f"malignant/{name}"] for name in MALIGNANT}
    lesions = judged.frame["lesion_id"]
    return Evaluation(
        classes=classes.classes,
        split=split,
        images=len(judged),
        lesions=None if (lesions == "").all() else len(set(judged.clusters())),
        left_out=rows.without_diagnosis,
        outside=rows.outside,
        confusion=classification.confusion_matrix(cases.truth, cases.answers, len(classes)),
        overall={name: estimates[name] for name in OVERALL},
        per_class={
            name: {
                label: estimates[f"{name}/{index}"] for index, label in enumerate(classes.classes)
            }
            for name in PER_CLASS
        },
        malignant=malignant,
        roc_curves={
            name: ranking.roc_curve()
            for name, ranking in named
            if ranking.positive.any() and not ranking.positive.all()
        },
        precision_recall_curves={
            name: ranking.precision_recall_curve()
            for name, ranking in named
            if ranking.positive.any()
        },
        errors=_confident_errors(cases, judged, classes, errors_shown),
        replicates=replicates,
        seed=seed,
    )


def _clusters_counted(cases: Cases, clusters: npt.NDArray[np.generic]) -> dict[str, int]:
    """How many clusters each share of one class, or of one side, is counted among."""
    found: dict[str, int] = {}
    for index in range(cases.probabilities.shape[1]):
        occurs, answered = cases.truth == index, cases.answers == index
        found |= {f"{name}/{index}": clusters_among(clusters, occurs) for name in PER_CLASS}
        found[f"precision/{index}"] = clusters_among(clusters, answered)
        found[f"f1/{index}"] = clusters_among(clusters, occurs | answered)
        found[f"specificity/{index}"] = clusters_among(clusters, ~occurs)
    if cases.malignant is not None:
        truth = cases.malignant.truth
        found |= {f"malignant/{name}": clusters_among(clusters, truth) for name in MALIGNANT}
        found["malignant/specificity"] = clusters_among(clusters, ~truth)
    return found


def _confident_errors(
    cases: Cases, judged: Manifest, classes: ClassSet, shown: int
) -> tuple[ErrorCase, ...]:
    answers = cases.answers
    wrong = np.flatnonzero(answers != cases.truth)
    confidence = cases.probabilities[wrong, answers[wrong]]
    return tuple(
        ErrorCase(
            image_id=judged.image_ids[row],
            path=str(judged.paths[row]),
            truth=classes.classes[cases.truth[row]],
            answer=classes.classes[answers[row]],
            probability=float(cases.probabilities[row, answers[row]]),
        )
        for row in wrong[np.argsort(-confidence, kind="stable")][:shown]
    )
