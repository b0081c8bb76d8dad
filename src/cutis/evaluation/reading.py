"""`Reading`: how a table of probabilities is read before it is judged.

Through which map, and which diagnosis is the answer. Whatever is chosen is chosen on validation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from cutis.checks import FloatArray, IntArray, did_you_mean
from cutis.errors import InputError
from cutis.evaluation.cases import Cases, judged_rows
from cutis.metrics.cross_fitting import Fit, Map, cross_fitted, folds_of
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions

ANSWERS = {
    "probable": "the most probable diagnosis",
    "balanced": "the diagnosis raised most over its frequency in validation",
}


@dataclass(frozen=True, eq=False)
class Validation:
    """What thresholds and calibration maps are chosen on, and nothing else is.

    Raises:
        InputError: predictions and rows are not of the same images in the same order.
    """

    predictions: Predictions
    manifest: Manifest  # labelled rows, all of which belong to a class

    def __post_init__(self) -> None:
        if self.predictions.image_ids != self.manifest.image_ids:
            raise InputError("validation: predictions and rows are not of the same images in order")

    @classmethod
    def of(
        cls, predictions: Predictions, manifest: Manifest, *, split: str = "val"
    ) -> "Validation":
        """The rows of one split.

        Raises:
            ManifestError: the split has no row with a diagnosis.
            InputError: rows without a prediction.
        """
        judged = judged_rows(manifest, predictions.classes, split=split, skip_outside=True).judged
        return cls(predictions.rows_for(judged.image_ids), judged)

    @cached_property
    def cases(self) -> tuple[IntArray, FloatArray]:
        """Truth (n,) and probabilities (n, k)."""
        cases = Cases.of(self.predictions, self.manifest)
        return cases.truth, cases.probabilities

    def cross_fitted(self, fit: Fit) -> "Validation":
        """The same with calibrated probabilities, each by a map that was fitted on other lesions.

        What is chosen on them is not flattered by the map's fit.

        Raises:
            InputError: too few lesions.
        """
        truth, probabilities = self.cases
        fold = folds_of(np.array(self.manifest.clusters()))
        calibrated = cross_fitted(fit, probabilities, truth, fold)
        return Validation(replace(self.predictions, probabilities=calibrated), self.manifest)

    def gains(self) -> FloatArray:
        """What a right answer of each class is worth in balanced accuracy, shape (k,).

        Raises:
            InputError: a class without a case.
        """
        counts = np.bincount(self.cases[0], minlength=len(self.predictions.classes))
        absent = [name for name, n in zip(self.predictions.classes, counts, strict=True) if not n]
        if absent:
            raise InputError(f"balanced answers: validation has no case of {', '.join(absent)}")
        return np.asarray(counts.sum() / (len(counts) * counts))

    def require_apart_from(self, judged: Manifest) -> None:
        """Check that nothing is judged that something was chosen on.

        Raises:
            InputError: images or lesions in both.
        """
        for what, mine, theirs in (
            ("image", self.manifest.image_ids, judged.image_ids),
            ("lesion", self.manifest.frame["lesion_id"], judged.frame["lesion_id"]),
        ):
            both = sorted((set(mine) & set(theirs)) - {""})
            if both:
                raise InputError(
                    f"validation: {len(both)} {what}s are judged too, such as {both[0]}; "
                    "give predictions for other lesions"
                )


@dataclass(frozen=True, eq=False)
class Reading:
    """A table of probabilities, as it came and as it is judged.

    Attributes:
        given: As it came.
        judged: What the chosen map makes of it.
        given_validation, judged_validation: The same for validation; None where nothing may be chosen.
        gains: Shape (k,), what each class's probability is multiplied by before the largest is the
            answer; None: the most probable class is.
        calibration: The chosen map's name.
        fitted: The map, fitted on all of validation; None where none was chosen.
        answer: One of `ANSWERS`.
    """

    given: Predictions
    judged: Predictions
    given_validation: Validation | None = None
    judged_validation: Validation | None = None
    gains: FloatArray | None = None
    calibration: str | None = None
    fitted: Map | None = None
    answer: str = "probable"

    @classmethod
    def of(
        cls,
        given: Predictions,
        validation: Validation | None = None,
        *,
        maps: Mapping[str, Fit] | None = None,
        calibration: str | None = None,
        answer: str = "probable",
    ) -> "Reading":
        """Fit what was asked for on validation.

        Args:
            given: The table.
            validation: Of the same classes, in any order.
            maps: The calibration maps there are.
            calibration: One of them; None judges probabilities as they came.
            answer: One of `ANSWERS`. "balanced" is Bayes' rule for balanced accuracy where the
                probabilities are those of cases like validation's (Menon et al. 2021, section 3).

        Raises:
            InputError: no such map or answer, validation is needed and absent or of other classes,
                or it lacks what is needed.
        """
        if answer not in ANSWERS:
            raise InputError(
                f"answer {answer!r}: choose one of {', '.join(ANSWERS)}"
                f"{did_you_mean(answer, ANSWERS)}"
            )
        if validation is None:
            if calibration is not None or answer != "probable":
                raise InputError(
                    "a calibration and balanced answers are chosen on validation; add --validation"
                )
            return cls(given, given)
        ordered = validation.predictions.in_order_of(given.classes)
        validation = Validation(ordered, validation.manifest)
        gains = validation.gains() if answer == "balanced" else None
        if calibration is None:
            return cls(given, given, validation, validation, gains, answer=answer)
        maps = maps or {}
        if calibration not in maps:
            raise InputError(
                f"calibration {calibration!r}: choose one of {', '.join(maps)}"
                f"{did_you_mean(calibration, maps)}"
            )
        fit = maps[calibration]
        truth, probabilities = validation.cases
        fitted = fit(probabilities, truth)
        return cls(
            given=given,
            judged=replace(given, probabilities=fitted(given.probabilities)),
            given_validation=validation,
            judged_validation=validation.cross_fitted(fit),
            gains=gains,
            calibration=calibration,
            fitted=fitted,
            answer=answer,
        )

    def again(self, other: Predictions) -> Predictions:
        """Another table of the same classes, read through the same map."""
        ordered = other.in_order_of(self.given.classes)
        if self.fitted is None:
            return ordered
        return replace(ordered, probabilities=self.fitted(ordered.probabilities))

    def to_dict(self) -> dict[str, Any]:
        """What `result.json` says of it."""
        told = {"calibration": self.calibration, "answer": self.answer}
        return told | {"in_words": self.in_words()}

    def in_words(self) -> str:
        """One sentence; "" where everything is read as it came."""
        if self.calibration is None and self.gains is None:
            return ""
        given = "are as given"
        if self.calibration is not None:
            given = f"were calibrated on validation ({self.calibration})"
        return f"Probabilities {given}; the answer is {ANSWERS[self.answer]}."
