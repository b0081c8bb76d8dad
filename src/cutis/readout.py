"""`Readout`: what validation cases taught about a network's answers, so that they can be read.

A map from the network's probabilities to frequencies, thresholds with what they found, a rule for
sets of diagnoses and one for leaving a picture to a person. A bundle carries it; the values here are
what was fitted, how is the matter of `inference.fitting`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from cutis.checks import BoolArray, FloatArray, require_fraction
from cutis.errors import InputError

_FLOOR = 1e-12  # a probability of zero has no logarithm


@dataclass(frozen=True, eq=False)
class LogLinearMap:
    """Log probabilities multiplied by a matrix and shifted, then rows made to sum to 1 again.

    Dirichlet calibration (Kull et al. 2019). With a diagonal matrix it is vector scaling, with one
    scale for all classes and no shift temperature scaling (Guo et al. 2017).

    Raises:
        InputError: shapes do not fit each other, or a value is not finite.
    """

    scale: FloatArray  # (k, k), how much each class takes (row) of each log probability (column)
    shift: FloatArray  # (k,)

    def __post_init__(self) -> None:
        if self.shift.ndim != 1 or self.scale.shape != 2 * self.shift.shape:
            raise InputError(
                f"calibration: a scale of shape {self.scale.shape} for shifts of {self.shift.shape}"
            )
        if not (np.isfinite(self.scale).all() and np.isfinite(self.shift).all()):
            raise InputError("calibration: a scale or shift is not finite")

    def __call__(self, probabilities: FloatArray) -> FloatArray:
        """Calibrated probabilities (n, k)."""
        return softmax(log_probabilities(probabilities) @ self.scale.T + self.shift)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready description; a diagonal matrix is given as its diagonal."""
        diagonal = np.diag(self.scale)
        scale = self.scale if (self.scale != np.diag(diagonal)).any() else diagonal
        return {"scale": scale.tolist(), "shift": self.shift.tolist()}

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> "LogLinearMap":
        """Read what `to_dict` wrote.

        Raises:
            InputError: the values make no sense.
        """
        scale, shift = (np.array(described[name], dtype=np.float64) for name in ("scale", "shift"))
        return cls(np.diag(scale) if scale.ndim == 1 else scale, shift)


Unit = Literal["lesions", "patients"]  # what counts once


@dataclass(frozen=True)
class FittedOn:
    """The cases that a readout was fitted on.

    Attributes:
        manifest_sha256: Of the manifest's file; None where there was none.
        split: Of the manifest.
        images, lesions: How many.
        unit: What `lesions` counts: patients where the manifest named them.
        absent: Classes of which there was no case.

    Raises:
        InputError: a count is none, or another unit.
    """

    manifest_sha256: str | None
    split: str
    images: int
    lesions: int
    unit: Unit = "lesions"
    absent: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.unit not in get_args(Unit):
            raise InputError(f"unit: {self.unit!r} is neither {' nor '.join(get_args(Unit))}")
        _require_count("lesions", self.lesions, least=1, most=_require_count("images", self.images))


@dataclass(frozen=True)
class ValidatedThreshold:
    """A threshold of a two-sided question, and what it gave in validation.

    A picture is called suspicious when the question's score is at least the threshold.

    Attributes:
        task: The question, as `taxonomy.find_task` takes it.
        aim: The sensitivity that was asked for.
        threshold: Of the score.
        found, positives: Images on the positive side: called, and all.
        spared, negatives: Images on the negative side: not called, and all.

    Raises:
        InputError: a share is not in [0, 1], a side has no images, or a part exceeds its whole.
    """

    task: str
    aim: float
    threshold: float
    found: int
    positives: int
    spared: int
    negatives: int

    def __post_init__(self) -> None:
        if not isinstance(self.task, str):
            raise InputError(f"task: {self.task!r} is not the name of a question")
        _require_share("aim", self.aim)
        _require_share("threshold", self.threshold)
        for part, whole in (("found", "positives"), ("spared", "negatives")):
            most = _require_count(whole, getattr(self, whole), least=1)
            _require_count(part, getattr(self, part), most=most)

    @property
    def sensitivity(self) -> float:
        """Share of positive images that were called."""
        return self.found / self.positives

    @property
    def specificity(self) -> float:
        """Share of negative images that were not called."""
        return self.spared / self.negatives


@dataclass(frozen=True)
class SetRule:
    """Which classes belong to a set that holds the truth at a stated rate.

    Attributes:
        level: The rate, such as 0.9.
        threshold: A class is in when its probability is at least this.
        coverage: Share of validation lesions whose truth a set held, each judged with the map and
            the threshold of other lesions.
        mean_size: Classes per set, counted in the same way.
    """

    level: float
    threshold: float
    coverage: float
    mean_size: float

    def __post_init__(self) -> None:
        _require_share("level", self.level)
        _require_share("threshold", self.threshold)

    def sets(self, probabilities: FloatArray) -> BoolArray:
        """Which classes the sets hold, shape (n, k); the most probable one always."""
        best = probabilities.max(axis=1, keepdims=True)
        return np.asarray((probabilities >= self.threshold) | (probabilities == best))


@dataclass(frozen=True)
class AbstentionRule:
    """When a picture is left to a person, so that the answers given are seldom wrong.

    Attributes:
        risk: The bound on the share of wrong answers among those given.
        confidence: With which it holds for lesions like those of validation.
        threshold: An answer is given when its probability is at least this; None where no threshold
            kept the bound, so that every picture is left to a person.
        coverage: Share of validation images that were answered.
        error: Share of wrong answers among them, each lesion counting once; None where there are none.

    Raises:
        InputError: one of them is no share.
    """

    risk: float
    confidence: float
    threshold: float | None
    coverage: float
    error: float | None

    def __post_init__(self) -> None:
        for name in ("risk", "confidence", "coverage"):
            _require_share(name, getattr(self, name))
        if self.threshold is not None:
            _require_share("threshold", self.threshold)
            _require_share("error", self.error)
        elif self.error is not None:
            raise InputError(f"error: {self.error!r} without a threshold that gives answers")

    def refers(self, probabilities: FloatArray) -> BoolArray:
        """Which pictures are left to a person, shape (n,)."""
        threshold = np.inf if self.threshold is None else self.threshold
        return np.asarray(probabilities.max(axis=1) < threshold)


@dataclass(frozen=True, eq=False)
class Readout:
    """What validation taught.

    Attributes:
        fitted_on: The cases.
        method: How the map was fitted: "temperature", "vector" or "dirichlet".
        calibration: From the network's probabilities to calibrated ones.
        error_before, error_after: Classwise calibration error in validation, without the map and with
            a map that was fitted on other lesions.
        thresholds: Of two-sided questions, on calibrated probabilities, as is what follows.
        sets: The rule for sets of diagnoses.
        abstention: The rule for leaving pictures to a person.
    """

    fitted_on: FittedOn
    method: str
    calibration: LogLinearMap
    error_before: float
    error_after: float
    thresholds: tuple[ValidatedThreshold, ...]
    sets: SetRule
    abstention: AbstentionRule

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready description; `Readout.from_dict` reads it back."""
        return {
            "fitted_on": asdict(self.fitted_on),
            "calibration": {
                "method": self.method,
                **self.calibration.to_dict(),
                "error_before": self.error_before,
                "error_after": self.error_after,
            },
            "operating_points": [asdict(each) for each in self.thresholds],
            "sets": asdict(self.sets),
            "abstention": asdict(self.abstention),
        }

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> "Readout":
        """Read what `to_dict` wrote.

        Raises:
            InputError: keys are missing or unknown, or values make no sense.
        """
        try:
            fitted_on, calibration = described["fitted_on"], described["calibration"]
            absent = tuple(map(str, fitted_on.get("absent", ())))  # older bundles do not say
            return cls(
                fitted_on=FittedOn(**{**fitted_on, "absent": absent}),
                method=str(calibration["method"]),
                calibration=LogLinearMap.from_dict(calibration),
                error_before=float(calibration["error_before"]),
                error_after=float(calibration["error_after"]),
                thresholds=tuple(
                    ValidatedThreshold(**point) for point in described["operating_points"]
                ),
                sets=SetRule(**described["sets"]),
                abstention=AbstentionRule(**described["abstention"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise InputError(f"readout: not understood ({fault})") from fault


def _require_share(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name}: {value!r} is not a number")
    require_fraction(name, value)


def _require_count(name: str, value: object, *, least: int = 0, most: int | None = None) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{name}: {value!r} is not a whole number")
    if value < least or (most is not None and value > most):
        bound = f"at least {least}" if most is None else f"in {least}..{most}"
        raise InputError(f"{name}: {value} is not {bound}")
    return value


def softmax(logits: FloatArray) -> FloatArray:
    """Rows of logits (n, k) as distributions; SciPy's would triple the time a prediction takes."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def log_probabilities(probabilities: FloatArray) -> FloatArray:
    """Logarithms, finite for a probability of zero, too."""
    return np.asarray(np.log(np.maximum(probabilities, _FLOOR)))
