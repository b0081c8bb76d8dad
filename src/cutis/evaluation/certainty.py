"""How a classifier does when it may leave cases to a person, or answer with a set of diagnoses."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from crepes import ConformalClassifier

from cutis.checks import BoolArray, FloatArray, IntArray, require_fraction
from cutis.errors import InputError
from cutis.evaluation.estimates import Estimate, bootstrap_estimates, clusters_among
from cutis.metrics.selective import RiskCoverage, risk_at_coverage, risk_coverage
from cutis.metrics.shares import share

COVERAGES = (0.7, 0.8, 0.9)


@dataclass(frozen=True, eq=False)
class SelectivePrediction:
    """Error rate among the cases that are kept, most certain first.

    Attributes:
        curve: Risk is the share of wrong answers among those kept.
        estimates: "aurc", and "risk_at_0.8" and so on, whose `n` are the cases that are kept: at least
            that share, and more where equally certain ones are kept together.
    """

    curve: RiskCoverage
    estimates: Mapping[str, Estimate]


@dataclass(frozen=True, eq=False)
class ConformalSets:
    """Sets of classes that hold the truth at a stated rate.

    Attributes:
        level: The stated rate.
        per_class: Whether the rate was promised for every class (Mondrian) or on average.
        sets: Shape (n, k), which classes each set holds.
        coverage: Share of sets with the truth in them, over all cases.
        coverage_by_class: The same for the cases of each class.
        size: Mean number of classes in a set.
        empty: Share of sets without any class.
        calibration_cases: Of each class in validation.
    """

    level: float
    per_class: bool
    sets: BoolArray
    coverage: Estimate
    coverage_by_class: Mapping[str, Estimate]
    size: Estimate
    empty: Estimate
    calibration_cases: Mapping[str, int]


def judge_selection(
    truth: IntArray,
    probabilities: FloatArray,
    clusters: npt.NDArray[np.generic],
    *,
    answers: IntArray | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> SelectivePrediction:
    """Keep cases by the probability of their answer.

    Args:
        truth: Shape (n,), positions.
        probabilities: Shape (n, k).
        clusters: Shape (n,); what the bootstrap draws whole.
        answers: Shape (n,), positions; default, the most probable class of each row.
        replicates, seed: Of the bootstrap.
    """
    if answers is None:
        answers = np.asarray(probabilities.argmax(axis=1))
    confidence = probabilities[np.arange(len(truth)), answers]
    wrong = (answers != truth).astype(np.float64)

    def figures(weights: FloatArray) -> dict[str, FloatArray]:
        curve = risk_coverage(confidence, wrong, weights=weights)
        points = {f"risk_at_{c}": risk_at_coverage(curve, c).risk for c in COVERAGES}
        return {"aurc": curve.area, **points}

    curve = risk_coverage(confidence, wrong)
    kept = {f"risk_at_{c}": confidence >= risk_at_coverage(curve, c).threshold for c in COVERAGES}
    estimates = bootstrap_estimates(
        figures,
        clusters,
        replicates=replicates,
        seed=seed,
        is_share=lambda _name: True,
        counted={name: clusters_among(clusters, rows) for name, rows in kept.items()},
    )
    return SelectivePrediction(
        curve,
        estimates
        | {name: replace(estimates[name], n=int(rows.sum())) for name, rows in kept.items()},
    )


def judge_conformal_sets(
    calibration: tuple[IntArray, FloatArray],
    test: tuple[IntArray, FloatArray],
    classes: tuple[str, ...],
    clusters: npt.NDArray[np.generic],
    *,
    level: float = 0.9,
    per_class: bool,
    replicates: int = 1000,
    seed: int = 0,
) -> ConformalSets:
    """Split conformal prediction with one minus the probability of the class as nonconformity.

    Source: Vovk et al. 2005; Sadinle et al. 2019 ("least ambiguous sets"); per class, Vovk 2012. The
    promise holds when validation and test cases are exchangeable; several images of one lesion are
    not quite.

    Args:
        calibration, test: Truth (n,) and probabilities (n, k) of validation and of the judged cases.
        classes: Their k names.
        clusters: Shape (n,) of the judged cases.
        level: The stated rate of coverage, such as 0.9.
        per_class: Promise it for every class, or on average only.
        replicates, seed: Of the bootstrap that gives the achieved coverage its interval.

    Raises:
        InputError: no validation cases, or a class that has none when coverage is per class.
    """
    require_fraction("level", level)
    truth, probabilities = test
    counts = np.bincount(calibration[0], minlength=len(classes))
    if not counts.sum() or (per_class and not counts.all()):
        absent = [name for name, count in zip(classes, counts, strict=True) if not count]
        raise InputError(f"conformal sets: validation has no case of {', '.join(absent)}")
    sets = _sets(calibration, probabilities, level=level, per_class=per_class)
    held = sets[np.arange(len(truth)), truth].astype(np.float64)
    sizes = sets.sum(axis=1).astype(np.float64)

    def figures(weights: FloatArray) -> dict[str, FloatArray]:
        total = weights.sum(axis=-1)
        by_class = {
            f"coverage/{k}": share(weights @ (held * (truth == k)), weights @ (truth == k))
            for k in range(len(classes))
        }
        return by_class | {
            "coverage": share(weights @ held, total),
            "size": share(weights @ sizes, total),
            "empty": share(weights @ (sizes == 0), total),
        }

    positives = {
        f"coverage/{k}": int(n) for k, n in enumerate(np.bincount(truth, minlength=len(classes)))
    }
    found = bootstrap_estimates(
        figures,
        clusters,
        positives=positives,
        replicates=replicates,
        seed=seed,
        is_share=lambda name: name != "size",
        counted={
            f"coverage/{k}": clusters_among(clusters, truth == k) for k in range(len(classes))
        },
    )
    return ConformalSets(
        level=level,
        per_class=per_class,
        sets=sets,
        coverage=found["coverage"],
        coverage_by_class={name: found[f"coverage/{k}"] for k, name in enumerate(classes)},
        size=found["size"],
        empty=found["empty"],
        calibration_cases={name: int(n) for name, n in zip(classes, counts, strict=True)},
    )


def _sets(
    calibration: tuple[IntArray, FloatArray],
    probabilities: FloatArray,
    *,
    level: float,
    per_class: bool,
) -> BoolArray:
    truth, given = calibration
    nonconformity = 1 - given[np.arange(len(truth)), truth]
    if not per_class:
        fitted = ConformalClassifier().fit(nonconformity)
        return _as_sets(fitted.predict_set(1 - probabilities, confidence=level, smoothing=False))
    columns = []
    for k in range(probabilities.shape[1]):
        fitted = ConformalClassifier().fit(nonconformity[truth == k])
        column = 1 - probabilities[:, [k]]
        columns.append(_as_sets(fitted.predict_set(column, confidence=level, smoothing=False)))
    return np.concatenate(columns, axis=1)


def _as_sets(found: npt.NDArray[np.generic]) -> BoolArray:
    return np.asarray(found).astype(bool)
