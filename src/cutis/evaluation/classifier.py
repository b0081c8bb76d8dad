"""`evaluate`: everything a table of predictions is worth on one split, with intervals."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cutis.checks import FloatArray
from cutis.errors import TaxonomyError
from cutis.evaluation.cases import (
    MALIGNANT,
    OVERALL,
    PER_CLASS,
    Cases,
    is_area,
    is_share,
    judged_rows,
)
from cutis.evaluation.estimates import Estimate, bootstrap_estimates
from cutis.metrics import classification
from cutis.metrics.ranking import Curve
from cutis.tables.manifest import Drawn, Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import ClassSet


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
    drawn: Drawn  # by the bootstrap
    drawn_by_class: Mapping[str, int]  # how many of these a class has
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


def evaluate(
    predictions: Predictions,
    manifest: Manifest,
    *,
    split: str = "test",
    replicates: int = 2000,
    seed: int = 0,
    errors_shown: int = 24,
    skip_outside: bool = False,
    gains: FloatArray | None = None,
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
        gains: Shape (k,), what a right answer of each class is worth, which decides on the answers;
            default, the same, so that the most probable class is the answer.

    Raises:
        InputError: images without a prediction, or too few replicates.
        TaxonomyError: a diagnosis that belongs to none of the predicted classes.
        ManifestError: the split is empty or nothing in it has a diagnosis.
    """
    rows = judged_rows(manifest, predictions.classes, split=split, skip_outside=skip_outside)
    judged = rows.judged
    classes = ClassSet(manifest.taxonomy, predictions.classes)
    _require_inside(judged, classes)
    cases = Cases.of(predictions, judged, gains=gains)
    counts = np.bincount(cases.truth, minlength=len(classes))
    positives = {
        f"{name}/{index}": int(count) for name in PER_CLASS for index, count in enumerate(counts)
    }
    if cases.malignant is not None:
        positives |= {f"malignant/{name}": int(cases.malignant.truth.sum()) for name in MALIGNANT}
    clusters = judged.clusters()
    counted = cases.clusters_counted(clusters)
    estimates = bootstrap_estimates(
        cases.figures,
        clusters,
        positives=positives,
        replicates=replicates,
        seed=seed,
        is_share=is_share,
        is_area=is_area,
        counted=counted,
    )
    named = list(zip(classes.classes, cases.rankings, strict=True))
    malignant: dict[str, Estimate] = {}
    if cases.malignant is not None:
        named.append(("malignant", cases.malignant.ranking))
        malignant = {name: estimates[f"malignant/{name}"] for name in MALIGNANT}
    return Evaluation(
        classes=classes.classes,
        split=split,
        images=len(judged),
        lesions=judged.lesion_count,
        drawn=judged.drawn,
        drawn_by_class={
            label: counted[f"recall/{index}"] for index, label in enumerate(classes.classes)
        },
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


def _require_inside(judged: Manifest, classes: ClassSet) -> None:
    outside = Counter(d for d in judged.diagnoses if classes.index_of(d) is None)
    if outside:
        raise TaxonomyError(
            judged.name,
            [
                f"diagnosis {diagnosis!r}, of {count} image{'s' if count > 1 else ''}, belongs to no "
                f"class of {list(classes.classes)}; --skip-outside leaves such images out"
                for diagnosis, count in sorted(outside.items())
            ],
        )


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
