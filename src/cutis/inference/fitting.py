"""`fit_readout`: from a network's answers to validation cases to a `Readout`.

Everything but the final map is chosen on cross-fitted probabilities, so that thresholds and rates are
not flattered by the map's fit. Sets and abstention count every lesion once, as a clinic sees new
lesions and not further images of known ones; thresholds of questions count images.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from cutis.checks import (
    BoolArray,
    FloatArray,
    IntArray,
    did_you_mean,
    require_fraction,
    require_same_length,
)
from cutis.errors import InputError
from cutis.inference.calibration import fit_dirichlet, fit_temperature, fit_vector_scaling
from cutis.metrics.calibration import classwise_calibration_error
from cutis.metrics.cross_fitting import Labels, cross_fitted, folds_of, parts_of
from cutis.metrics.operating_points import specificity_at_sensitivity
from cutis.metrics.probability import log_loss
from cutis.metrics.ranking import require_both_classes
from cutis.readout import (
    AbstentionRule,
    FittedOn,
    LogLinearMap,
    Readout,
    SetRule,
    Unit,
    ValidatedThreshold,
)
from cutis.taxonomy import ClassSet, Task, find_task

METHODS: Mapping[str, Callable[[FloatArray, IntArray], LogLinearMap]] = {  # a bundle can carry
    "vector": fit_vector_scaling,
    "dirichlet": fit_dirichlet,
    "temperature": fit_temperature,
}
AIMS = (("melanoma", 0.9), ("malignancy", 0.95))  # question and sensitivity
CONFIDENCE = 0.95
COVERAGES = np.arange(2, 21) / 20  # tried in this order, until one breaks the bound
LEAST_LESIONS = 10  # below which nothing can be learned


def fit_readout(
    probabilities: FloatArray,
    diagnoses: Sequence[str],
    lesions: Labels,
    classes: ClassSet,
    *,
    level: float = 0.9,
    risk: float = 0.1,
    method: str | None = None,
    split: str = "val",
    unit: Unit = "lesions",
    manifest_sha256: str | None = None,
) -> Readout:
    """Fit the map, the thresholds and the rules.

    Args:
        probabilities: Shape (n, k), the network's own, uncalibrated.
        diagnoses: Shape (n,), nodes at or below a class.
        lesions: Shape (n,), which images belong together.
        classes: What the k columns stand for.
        level: Share of lesions whose truth a set of diagnoses is to hold.
        risk: Bound on the share of wrong answers among those given.
        method: One of `METHODS`; default, the one of smaller cross-fitted log loss.
        split, unit, manifest_sha256: For the record; the unit is what `lesions` are.

    Raises:
        InputError: no such method, too few lesions, cases of one class only, lengths differ, or a rate
            that is not strictly between 0 and 1.
        TaxonomyError: a diagnosis belongs to no class.
    """
    images = require_same_length(probabilities=probabilities, diagnoses=diagnoses, lesions=lesions)
    distinct = require_fitting(
        lesions, level=level, risk=risk, method=method, split=split, unit=unit
    )
    truth = require_cases(diagnoses, classes, split=split)
    fold = folds_of(lesions)
    tried = METHODS if method is None else (method,)
    crossed = {m: cross_fitted(METHODS[m], probabilities, truth, fold) for m in tried}
    method = min(tried, key=lambda m: float(log_loss(truth, crossed[m])))
    honest = crossed[method]
    weights = lesion_weights(lesions)
    return Readout(
        fitted_on=FittedOn(manifest_sha256, split, images, distinct, unit, _absent(truth, classes)),
        method=method,
        calibration=METHODS[method](probabilities, truth),
        error_before=float(classwise_calibration_error(truth, probabilities)),
        error_after=float(classwise_calibration_error(truth, honest)),
        thresholds=tuple(_thresholds(honest, diagnoses, classes)),
        sets=fit_sets(honest, truth, weights, fold, level=level),
        abstention=fit_abstention(honest, truth, lesions, risk=risk),
    )


def require_fitting(
    lesions: Labels,
    *,
    level: float,
    risk: float,
    method: str | None,
    split: str,
    unit: Unit = "lesions",
) -> int:
    """Check what `fit_readout` is asked for, before the network answers; how many lesions there are.

    Raises:
        InputError: as `fit_readout`.
    """
    for name, value in (("level", level), ("risk", risk)):
        if not 0 < value < 1:
            raise InputError(f"{name}: {value} is not between 0 and 1")
    if method is not None and method not in METHODS:
        raise InputError(
            f"method {method!r}: choose one of {', '.join(METHODS)}{did_you_mean(method, METHODS)}"
        )
    distinct = len(np.unique(lesions))
    if distinct < LEAST_LESIONS:
        raise InputError(
            f"calibration needs at least {LEAST_LESIONS} {unit}, split {split!r} has {distinct}"
        )
    return distinct


def require_cases(diagnoses: Sequence[str], classes: ClassSet, *, split: str) -> IntArray:
    """The classes of diagnoses, shape (n,); of one alone a map would learn that there are no others.

    Raises:
        InputError: all belong to the same class.
        TaxonomyError: a diagnosis belongs to no class.
    """
    truth = np.array(classes.indices_of(diagnoses))
    if len(np.unique(truth)) < 2:
        raise InputError(
            "calibration needs cases of at least two classes, "
            f"split {split!r} has {classes.classes[truth[0]]} alone"
        )
    return truth


def lesion_weights(lesions: Labels) -> FloatArray:
    """What each image counts, shape (n,), so that every lesion counts one."""
    _names, member, counts = np.unique(lesions, return_inverse=True, return_counts=True)
    return np.asarray(1 / counts[member])


def fit_sets(
    probabilities: FloatArray, truth: IntArray, weights: FloatArray, fold: IntArray, *, level: float
) -> SetRule:
    """The threshold at which a new lesion's set holds the truth with probability `level`.

    Split conformal prediction with the probability of the truth as conformity (Sadinle et al. 2019),
    lesion by lesion: the images of a lesion share its weight, and one more lesion, the new one, has
    conformity 0 (Dunn, Wasserman and Ramdas 2023, pooled distribution functions).

    Args:
        probabilities: Shape (n, k), calibrated on other lesions.
        truth: Shape (n,), positions.
        weights: Shape (n,), of a lesion's images summing to 1.
        fold: Shape (n,); the coverage is measured on each with the threshold of the others.
        level: The rate.
    """
    given = probabilities[np.arange(len(truth)), truth]
    held, size = np.empty(len(truth)), np.empty(len(truth))
    for here, elsewhere in parts_of(fold):
        threshold = conformal_threshold(given[elsewhere], weights[elsewhere], level=level)
        found = SetRule(level, threshold, np.nan, np.nan).sets(probabilities[here])
        held[here] = found[np.arange(len(found)), truth[here]]
        size[here] = found.sum(axis=1)
    return SetRule(
        level=level,
        threshold=conformal_threshold(given, weights, level=level),
        coverage=float(np.average(held, weights=weights)),
        mean_size=float(np.average(size, weights=weights)),
    )


def conformal_threshold(given: FloatArray, weights: FloatArray, *, level: float) -> float:
    """The largest threshold that a share `level` reaches, a new lesion of conformity 0 included.

    Args:
        given: Shape (n,), the probability of the truth.
        weights: Shape (n,), summing to the number of lesions.
        level: The share.

    Returns:
        One of `given`, or 0 where there are too few lesions for the level.

    Example:
        >>> given = np.array([0.9, 0.8, 0.7, 0.2])
        >>> conformal_threshold(given, np.ones(4), level=0.6)
        0.7
        >>> conformal_threshold(given, np.ones(4), level=0.9)
        0.0
    """
    order = np.argsort(-given, kind="stable")
    reached = np.cumsum(weights[order]) / (weights.sum() + 1)
    enough = np.flatnonzero(reached >= level - 1e-12)
    return float(given[order[enough[0]]]) if len(enough) else 0.0


def fit_abstention(
    probabilities: FloatArray, truth: IntArray, lesions: Labels, *, risk: float
) -> AbstentionRule:
    """The most generous threshold that keeps the share of wrong answers below `risk`.

    Thresholds are tested from strict to generous and the last one before the first failure is kept,
    which needs no correction for their number (Angelopoulos et al. 2021, "Learn then test", fixed
    sequence). One lesion is one trial; its loss is the share of its answered images that are wrong.

    Args:
        probabilities: Shape (n, k), calibrated on other lesions.
        truth: Shape (n,), positions.
        lesions: Shape (n,).
        risk: The bound, which holds with confidence `CONFIDENCE`.

    Raises:
        InputError: the risk is not in [0, 1].
    """
    require_fraction("risk", risk)
    confidence = probabilities.max(axis=1)
    wrong = probabilities.argmax(axis=1) != truth
    least = np.log(1 - CONFIDENCE) / np.log(
        1 - risk
    )  # fewer lesions prove nothing, all right or not
    kept = AbstentionRule(risk, CONFIDENCE, None, 0.0, None)
    for coverage in COVERAGES:
        threshold = float(np.quantile(confidence, 1 - coverage, method="lower"))
        answered = confidence >= threshold
        losses = _loss_by_lesion(wrong[answered], lesions[answered])
        if len(losses) < least:
            continue
        if p_value_of_excess_risk(losses, risk=risk) > 1 - CONFIDENCE:
            break
        kept = AbstentionRule(
            risk, CONFIDENCE, threshold, float(answered.mean()), float(losses.mean())
        )
    return kept


def p_value_of_excess_risk(losses: FloatArray, *, risk: float) -> float:
    """p-value of "the mean loss is above `risk`", for independent losses (n,) in [0, 1].

    The smaller of Hoeffding's and Bentkus's bound (Bates et al. 2021, proposition 3).
    """
    from scipy.stats import binom

    n, mean = len(losses), float(losses.mean())
    below = min(mean, risk)
    divergence = _entropy_part(below, risk) + _entropy_part(1 - below, 1 - risk)
    hoeffding = np.exp(-n * divergence)
    bentkus = np.e * binom.cdf(np.ceil(n * mean - 1e-9), n, risk)
    return float(min(hoeffding, bentkus, 1.0))


def _absent(truth: IntArray, classes: ClassSet) -> tuple[str, ...]:
    return tuple(name for k, name in enumerate(classes.classes) if not (truth == k).any())


def _thresholds(
    probabilities: FloatArray, diagnoses: Sequence[str], classes: ClassSet
) -> Iterator[ValidatedThreshold]:
    """One for each of `AIMS` that the classes can answer and validation has cases of both sides for."""
    for name, aim in AIMS:
        try:
            task = find_task(name, classes.taxonomy)
            yield _threshold(task, probabilities, diagnoses, classes, aim=aim)
        except InputError:
            continue


def _threshold(
    task: Task,
    probabilities: FloatArray,
    diagnoses: Sequence[str],
    classes: ClassSet,
    *,
    aim: float,
) -> ValidatedThreshold:
    rows = task.rows(diagnoses)
    positive = task.positive(diagnoses)[rows]
    score = task.score(probabilities[rows], classes.classes)
    require_both_classes(positive, f"task {task.name!r}")
    threshold = specificity_at_sensitivity(positive, score, sensitivity=aim).threshold
    called = score >= threshold
    return ValidatedThreshold(
        task=task.name,
        aim=aim,
        threshold=threshold,
        found=int((called & positive).sum()),
        positives=int(positive.sum()),
        spared=int((~called & ~positive).sum()),
        negatives=int((~positive).sum()),
    )


def _loss_by_lesion(wrong: BoolArray, lesions: Labels) -> FloatArray:
    _names, member = np.unique(lesions, return_inverse=True)
    return np.asarray(np.bincount(member, weights=wrong) / np.bincount(member))


def _entropy_part(observed: float, expected: float) -> float:
    return observed * float(np.log(observed / expected)) if observed > 0 else 0.0
