"""Two-sided questions put to a classifier: melanoma or nevus, malignant or benign.

Thresholds are chosen on validation and carried to the judged cases. Rows that belong to neither side of
a question take no part in it, so a data set with other classes than the classifier's can be judged too.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cutis.checks import BoolArray, FloatArray
from cutis.errors import InputError
from cutis.evaluation.estimates import Estimate, bootstrap_estimates, clusters_among
from cutis.metrics.decision import (
    DecisionCurve,
    decision_curve,
    number_needed_to_biopsy,
    predictive_values,
)
from cutis.metrics.delong import Area, delong_auc
from cutis.metrics.operating_points import (
    OperatingPoint,
    at_sensitivity,
    at_specificity,
    carried,
    specificity_at_sensitivity,
    youden_point,
)
from cutis.metrics.ranking import Curve, Ranking
from cutis.metrics.thresholds import Calls
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy.tasks import Task

SPECIFICITIES = (0.85, 0.95)
SENSITIVITIES = (0.9, 0.95)
PREVALENCE = 0.05
LEAST_CASES = 2  # on each side, below which nothing can be said


@dataclass(frozen=True)
class CarriedPoint:
    """A threshold chosen on validation and what it gives on the judged cases.

    Predictive values hold where a share `prevalence` of the lesions is positive.
    """

    name: str
    chosen: OperatingPoint  # on validation
    estimates: Mapping[str, Estimate]  # sensitivity, specificity, ppv, npv, number_needed_to_biopsy


@dataclass(frozen=True, eq=False)
class QuestionReport:
    """What a classifier is worth on one question."""

    task: Task
    positives: int
    negatives: int
    left_out: int  # rows that belong to neither side
    area: Area  # DeLong, clustered
    estimates: Mapping[str, Estimate]
    points: tuple[CarriedPoint, ...]  # empty without validation predictions
    curve: Curve
    decision: DecisionCurve
    prevalence: float


@dataclass(frozen=True, eq=False)
class Answers:
    """Truth and score of the rows that belong to a question."""

    positive: BoolArray  # (n,)
    score: FloatArray  # (n,), in [0, 1]
    clusters: npt.NDArray[np.generic]  # (n,)
    left_out: int

    @classmethod
    def to(cls, task: Task, predictions: Predictions, manifest: Manifest) -> "Answers":
        """Ask; a row for which the classifier gives neither side any probability is scored 0.5.

        Raises:
            InputError: images without a prediction, or classes that do not answer the question.
        """
        rows = task.rows(manifest.diagnoses)
        asked = manifest.rows(rows)
        given = predictions.rows_for(asked.image_ids)
        score = np.nan_to_num(task.score(given.probabilities, given.classes), nan=0.5)
        return cls(task.positive(asked.diagnoses), score, asked.clusters(), int((~rows).sum()))

    def require_both_sides(self, task: Task) -> None:
        """Check that there is something to judge.

        Raises:
            InputError: fewer than `LEAST_CASES` on a side.
        """
        sides = int(self.positive.sum()), int((~self.positive).sum())
        if min(sides) < LEAST_CASES:
            raise InputError(
                f"task {task.name!r}: {sides[0]} positive and {sides[1]} negative cases"
            )


def ask(
    task: Task,
    predictions: Predictions,
    manifest: Manifest,
    *,
    validation: tuple[Predictions, Manifest] | None = None,
    prevalence: float = PREVALENCE,
    replicates: int = 1000,
    seed: int = 0,
) -> QuestionReport:
    """Judge a classifier on one question.

    Args:
        task: The question.
        predictions, manifest: The judged rows; every row that belongs to the question has a
            prediction.
        validation: Predictions and rows on which thresholds are chosen.
        prevalence: For predictive values.
        replicates, seed: Of the lesion-clustered bootstrap.

    Raises:
        InputError: too few cases on a side, or classes that do not answer the question.
    """
    answers = Answers.to(task, predictions, manifest)
    answers.require_both_sides(task)
    chosen = {} if validation is None else _chosen_points(Answers.to(task, *validation), task)
    ranking = Ranking.of(answers.positive, answers.score)

    def figures(weights: FloatArray) -> dict[str, FloatArray]:
        roc_auc, average_precision = ranking.areas(weights)
        calls = Calls.of(ranking, weights)
        found = {
            "roc_auc": roc_auc,
            "average_precision": average_precision,
            "partial_auc_above_0.8": calls.partial_area(min_sensitivity=0.8),
        }
        for share in SPECIFICITIES:
            found[f"sensitivity_at_specificity_{share}"] = at_specificity(calls, share).sensitivity
        for share in SENSITIVITIES:
            found[f"specificity_at_sensitivity_{share}"] = at_sensitivity(calls, share).specificity
        for name, point in chosen.items():
            found |= {
                f"{name}/{figure}": value
                for figure, value in _at(point, answers, weights, prevalence).items()
            }
        return found

    positives = int(answers.positive.sum())
    estimates = bootstrap_estimates(
        figures,
        answers.clusters,
        replicates=replicates,
        seed=seed,
        is_share=_is_share,
        counted=_clusters_counted(answers, chosen),
    )
    return QuestionReport(
        task=task,
        positives=positives,
        negatives=len(answers.positive) - positives,
        left_out=answers.left_out,
        area=delong_auc(answers.positive, answers.score, clusters=answers.clusters),
        estimates={name: value for name, value in estimates.items() if "/" not in name},
        points=tuple(
            CarriedPoint(name, point, _under(name, estimates)) for name, point in chosen.items()
        ),
        curve=ranking.roc_curve(),
        decision=decision_curve(answers.positive, answers.score),
        prevalence=prevalence,
    )


def answerable(
    tasks: Sequence[Task], predictions: Predictions, manifest: Manifest
) -> tuple[list[Task], dict[str, str]]:
    """The tasks that can be judged, and why the others cannot."""
    possible: list[Task] = []
    reasons: dict[str, str] = {}
    for task in tasks:
        try:
            Answers.to(task, predictions, manifest).require_both_sides(task)
        except InputError as fault:
            reasons[task.name] = str(fault)
        else:
            possible.append(task)
    return possible, reasons


def _chosen_points(validation: Answers, task: Task) -> dict[str, OperatingPoint]:
    validation.require_both_sides(task)
    points = {
        f"sensitivity {share} in validation": specificity_at_sensitivity(
            validation.positive, validation.score, sensitivity=share
        )
        for share in SENSITIVITIES
    }
    return points | {
        "largest Youden index in validation": youden_point(validation.positive, validation.score)
    }


def _at(
    point: OperatingPoint, answers: Answers, weights: FloatArray, prevalence: float
) -> dict[str, FloatArray]:
    here = carried(point.threshold, answers.positive, answers.score, weights=weights)
    ppv, npv = predictive_values(here.sensitivity, here.specificity, prevalence=prevalence)
    needed = number_needed_to_biopsy(here.sensitivity, here.specificity, prevalence=prevalence)
    return {
        "sensitivity": here.sensitivity,
        "specificity": here.specificity,
        "ppv": ppv,
        "npv": npv,
        "number_needed_to_biopsy": needed,
    }


def _clusters_counted(answers: Answers, points: Collection[str]) -> dict[str, int]:
    """How many clusters each rate is counted among, and the areas of the smaller side."""
    positives = clusters_among(answers.clusters, answers.positive)
    negatives = clusters_among(answers.clusters, ~answers.positive)
    areas = dict.fromkeys(("roc_auc", "average_precision"), min(positives, negatives))
    rates = {f"sensitivity_at_specificity_{share}": positives for share in SPECIFICITIES}
    rates |= {f"specificity_at_sensitivity_{share}": negatives for share in SENSITIVITIES}
    for point in points:
        rates |= {f"{point}/sensitivity": positives, f"{point}/specificity": negatives}
    return areas | rates


def _is_share(figure: str) -> bool:
    return not figure.startswith("partial_auc") and not figure.endswith("number_needed_to_biopsy")


def _under(name: str, estimates: Mapping[str, Estimate]) -> dict[str, Estimate]:
    prefix = f"{name}/"
    return {
        key.removeprefix(prefix): value
        for key, value in estimates.items()
        if key.startswith(prefix)
    }
