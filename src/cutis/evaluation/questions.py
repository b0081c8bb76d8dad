"""Two-sided questions put to a classifier: melanoma or nevus, malignant or benign.

Thresholds are chosen on validation and carried to the judged cases. Rows that belong to neither side of
a question take no part in it, so a data set with other classes than the classifier's can be judged too.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

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
PARTIAL, LEAST_SENSITIVITY = "partial_auc_above_0.8", 0.8
AREAS = ("roc_auc", "average_precision", PARTIAL)
LEAST_CASES = 2  # on each side, below which nothing can be said
IN_VALIDATION = " in validation"


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

    def require_both_sides(self, task: Task, *, where: str = "") -> None:
        """Check that there is something to judge, or to choose on.

        Raises:
            InputError: fewer than `LEAST_CASES` on a side; `where` says of which rows.
        """
        sides = int(self.positive.sum()), int((~self.positive).sum())
        if min(sides) < LEAST_CASES:
            raise InputError(
                f"task {task.name!r}: {sides[0]} positive and {sides[1]} negative cases{where}; "
                f"at least {LEAST_CASES} of each are needed"
            )


def require_prevalence(prevalence: float) -> float:
    """Return `prevalence` when it lies between 0 and 1.

    Raises:
        InputError: it does not, or is nan.
    """
    if not 0 < prevalence < 1:
        raise InputError(
            f"prevalence: {prevalence:g} is not between 0 and 1; give the share of lesions that are "
            f"positive, such as {PREVALENCE}"
        )
    return prevalence


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
        prevalence: For predictive values, between 0 and 1.
        replicates, seed: Of the lesion-clustered bootstrap.

    Raises:
        InputError: too few cases on a side, here or in validation, classes that do not answer the
            question, or no such prevalence.
    """
    require_prevalence(prevalence)
    answers = Answers.to(task, predictions, manifest)
    answers.require_both_sides(task)
    chosen = {} if validation is None else _chosen_points(Answers.to(task, *validation), task)
    ranking = Ranking.of(answers.positive, answers.score)
    most = 1 - LEAST_SENSITIVITY  # of the partial area; its interval is that of the share of this

    def figures(weights: FloatArray) -> dict[str, FloatArray]:
        roc_auc, average_precision = ranking.areas(weights)
        calls = Calls.of(ranking, weights)
        found = {
            "roc_auc": roc_auc,
            "average_precision": average_precision,
            PARTIAL: calls.partial_area(min_sensitivity=LEAST_SENSITIVITY) / most,
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
        is_share=lambda _name: True,
        is_area=lambda name: name in AREAS,
        counted=_clusters_counted(answers, chosen),
    )
    share = estimates[PARTIAL]
    estimates[PARTIAL] = replace(
        share, value=share.value * most, low=share.low * most, high=share.high * most
    )
    return QuestionReport(
        task=task,
        positives=positives,
        negatives=len(answers.positive) - positives,
        left_out=answers.left_out,
        area=delong_auc(answers.positive, answers.score, clusters=answers.clusters),
        estimates={name: value for name, value in estimates.items() if "/" not in name},
        points=tuple(
            CarriedPoint(
                name,
                point,
                _with_biopsies(_with_ends_of_rates(_under(name, estimates), prevalence)),
            )
            for name, point in chosen.items()
        ),
        curve=ranking.roc_curve(),
        decision=decision_curve(answers.positive, answers.score),
        prevalence=prevalence,
    )


def answerable(
    tasks: Sequence[Task], predictions: Predictions, manifest: Manifest, *, where: str = ""
) -> tuple[list[Task], dict[str, str]]:
    """The tasks that can be judged, or chosen thresholds for, and why the others cannot.

    `where` ends a reason that is about these rows, such as " in validation".
    """
    possible: list[Task] = []
    reasons: dict[str, str] = {}
    for task in tasks:
        try:
            Answers.to(task, predictions, manifest).require_both_sides(task, where=where)
        except InputError as fault:
            reasons[task.name] = str(fault)
        else:
            possible.append(task)
    return possible, reasons


def _chosen_points(validation: Answers, task: Task) -> dict[str, OperatingPoint]:
    validation.require_both_sides(task, where=IN_VALIDATION)
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
    return {
        "sensitivity": here.sensitivity,
        "specificity": here.specificity,
        "ppv": ppv,
        "npv": npv,
    }


def _clusters_counted(answers: Answers, points: Collection[str]) -> dict[str, int]:
    """How many clusters each rate is counted among, and the areas of the smaller side."""
    positives = clusters_among(answers.clusters, answers.positive)
    negatives = clusters_among(answers.clusters, ~answers.positive)
    areas = dict.fromkeys(AREAS, min(positives, negatives))
    rates = {f"sensitivity_at_specificity_{share}": positives for share in SPECIFICITIES}
    rates |= {f"specificity_at_sensitivity_{share}": negatives for share in SENSITIVITIES}
    for point in points:
        rates |= {f"{point}/sensitivity": positives, f"{point}/specificity": negatives}
    return areas | rates


def _with_ends_of_rates(found: dict[str, Estimate], prevalence: float) -> dict[str, Estimate]:
    """Predictive values with the ends that both rates allow, where a rate is 0 or 1.

    Such a rate is the same on every replicate, and what follows from it varies too little or not at
    all, while the interval of the rate itself is Wilson's. Both predictive values grow with both rates.
    """
    rates = found["sensitivity"], found["specificity"]
    if all(0 < rate.value < 1 for rate in rates):
        return found
    ends = [[getattr(rate, end) for rate in rates] for end in ("low", "high")]
    (ppv_low, npv_low), (ppv_high, npv_high) = (
        predictive_values(*end, prevalence=prevalence) for end in ends
    )
    limits = {"ppv": (ppv_low, ppv_high), "npv": (npv_low, npv_high)}
    return found | {
        name: replace(found[name], low=float(low), high=float(high))
        for name, (low, high) in limits.items()
        if not math.isnan(found[name].value)
    }


def _with_biopsies(found: dict[str, Estimate]) -> dict[str, Estimate]:
    """With the number needed to biopsy, whose ends are those of the predictive value turned over."""
    ppv = found["ppv"]
    value, low, high = map(float, number_needed_to_biopsy(np.array([ppv.value, ppv.high, ppv.low])))
    return found | {"number_needed_to_biopsy": replace(ppv, value=value, low=low, high=high)}


def _under(name: str, estimates: Mapping[str, Estimate]) -> dict[str, Estimate]:
    prefix = f"{name}/"
    return {
        key.removeprefix(prefix): value
        for key, value in estimates.items()
        if key.startswith(prefix)
    }
