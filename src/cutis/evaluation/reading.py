"""`Reading`: how a table of probabilities is read before it is judged.

Through which map, and which diagnosis is the answer. Whatever is chosen is chosen on validation, or
for each lesion on the others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from cutis.checks import FloatArray, IntArray, did_you_mean
from cutis.errors import InputError
from cutis.evaluation.cases import Cases, judged_rows
from cutis.metrics.cross_fitting import Fit, cross_fitted, folds_of, parts_of
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions

ANSWERS = {
    "probable": "the most probable diagnosis",
    "balanced": "the diagnosis raised most over its frequency",
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
        fold = folds_of(self.manifest.clusters())
        calibrated = cross_fitted(fit, probabilities, truth, fold)
        return Validation(replace(self.predictions, probabilities=calibrated), self.manifest)

    def cross_fitted_beside(self, fit: Fit, outside: "Beside") -> Predictions:
        """Calibrated probabilities of further rows, each by a map that was fitted on other lesions.

        For a lesion that is not among these rows, that is the map of all of them.

        Raises:
            InputError: too few lesions.
        """
        truth, known = self.cases
        given = outside.predictions.probabilities
        frames = [self.manifest.frame, outside.manifest.frame]
        both = replace(self.manifest, frame=pd.concat(frames, ignore_index=True))
        mine, theirs = np.split(both.clusters(), [len(self.manifest)])
        calibrated = np.array(fit(known, truth)(given))
        for here, elsewhere in parts_of(folds_of(mine)):
            shared = np.isin(theirs, mine[here])
            if shared.any():
                calibrated[shared] = fit(known[elsewhere], truth[elsewhere])(given[shared])
        return replace(outside.predictions, probabilities=calibrated)

    def beside(
        self, predictions: Predictions, manifest: Manifest, *, split: str
    ) -> "Beside | None":
        """The labelled rows of a split that are not among these; None where there are none.

        Rows without a prediction are not among them either.
        """
        rows = (manifest if split == "all" else manifest.split(split)).labelled()
        ids = rows.frame["image_id"]
        further = ~ids.isin(self.manifest.image_ids) & ids.isin(predictions.image_ids)
        if not further.any():
            return None
        outside = rows.rows(further.to_numpy())
        return Beside(predictions.rows_for(outside.image_ids), outside)

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
        require_apart(self.manifest, judged, way_out="give predictions for other lesions")


def require_apart(chosen_on: Manifest, judged: Manifest, *, way_out: str) -> None:
    """Check that nothing is judged that something was chosen on.

    Raises:
        InputError: images, lesions or patients in both; the message ends in `way_out`.
    """
    for column in ("image_id", "lesion_id", "patient_id"):
        both = sorted((set(chosen_on.frame[column]) & set(judged.frame[column])) - {""})
        if both:
            what = column.removesuffix("_id")
            raise InputError(
                f"validation: {len(both)} {what}s are judged too, such as {both[0]}; {way_out}"
            )


@dataclass(frozen=True, eq=False)
class Beside:
    """Rows that belong to no class, on which nothing can be fitted but questions can be asked."""

    predictions: Predictions
    manifest: Manifest  # of the same images in the same order


@dataclass(frozen=True, eq=False)
class Reading:
    """A table of probabilities, as it came and as it is judged.

    Attributes:
        given: As it came.
        judged: What the chosen map makes of it.
        again: Reads another table of the same images alike.
        given_validation, judged_validation: The same for validation; None where there is none.
        crossed: The judged rows as they came, where what is chosen for a lesion is chosen on the
            others.
        gains: Shape (k,), what each class's probability is multiplied by before the largest is the
            answer; None: the most probable class is.
        calibration: The chosen map's name.
        answer: One of `ANSWERS`.
    """

    given: Predictions
    judged: Predictions
    again: Callable[[Predictions], Predictions]
    given_validation: Validation | None = None
    judged_validation: Validation | None = None
    crossed: Validation | None = None
    gains: FloatArray | None = None
    calibration: str | None = None
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
        fit = _asked_for(calibration, maps or {}, answer)
        if validation is None:
            if fit is not None or answer != "probable":
                raise InputError(
                    "a calibration and balanced answers are chosen on validation; add --validation, "
                    "or --cross-fit where the predictions are out-of-fold"
                )
            return cls(given, given, lambda other: other.in_order_of(given.classes))
        ordered = validation.predictions.in_order_of(given.classes)
        validation = Validation(ordered, validation.manifest)
        truth, probabilities = validation.cases
        fitted = None if fit is None else fit(probabilities, truth)

        def read(table: Predictions) -> Predictions:
            table = table.in_order_of(given.classes)
            if fitted is None:
                return table
            return replace(table, probabilities=fitted(table.probabilities))

        return cls(
            given,
            given if fit is None else read(given),
            read,
            given_validation=validation,
            judged_validation=validation if fit is None else validation.cross_fitted(fit),
            gains=validation.gains() if answer == "balanced" else None,
            calibration=calibration,
            answer=answer,
        )

    @classmethod
    def crossing(
        cls,
        judged: Validation,
        *,
        beside: Beside | None = None,
        maps: Mapping[str, Fit] | None = None,
        calibration: str | None = None,
        answer: str = "probable",
    ) -> "Reading":
        """Fit what was asked for on the judged rows themselves, for each lesion on other lesions.

        For out-of-fold predictions, which leave no rows for validation.

        Args:
            judged: The rows and what was predicted for them.
            beside: Further rows, which are read alike and take no part in any fit.
            maps, calibration, answer: As in `of`. The frequencies behind balanced answers are those
                of all rows.

        Raises:
            InputError: no such map or answer, or the rows lack what is needed.
        """
        fit = _asked_for(calibration, maps or {}, answer)

        def read(table: Predictions) -> Predictions:
            table = table.in_order_of(judged.predictions.classes)
            if fit is None:
                return table
            rows = Validation(table.rows_for(judged.manifest.image_ids), judged.manifest)
            return rows.cross_fitted(fit).predictions

        given = seen = judged.predictions
        if fit is not None:
            seen = read(given)
        if beside is not None:
            further = beside.predictions
            given = _together(given, further)
            if fit is not None:
                further = judged.cross_fitted_beside(fit, beside)
            seen = _together(seen, further)
        return cls(
            given,
            seen,
            read,
            crossed=judged,
            gains=judged.gains() if answer == "balanced" else None,
            calibration=calibration,
            answer=answer,
        )

    def versions(self, rows: Manifest, maps: Mapping[str, Fit]) -> dict[str, FloatArray]:
        """What each map would make of some rows, by name; empty where no map can be fitted.

        Args:
            rows: n of the rows that are read.
            maps: To be compared.

        Returns:
            Each of shape (n, k).
        """
        if self.crossed is not None:
            crossed = {name: self.crossed.cross_fitted(fit) for name, fit in maps.items()}
            return {
                name: each.predictions.rows_for(rows.image_ids).probabilities
                for name, each in crossed.items()
            }
        if self.given_validation is None:
            return {}
        truth, known = self.given_validation.cases
        given = self.given.rows_for(rows.image_ids).probabilities
        return {name: fit(known, truth)(given) for name, fit in maps.items()}

    def to_dict(self) -> dict[str, Any]:
        """What `result.json` says of it."""
        told = {"calibration": self.calibration, "answer": self.answer}
        return told | {"in_words": self.in_words()}

    def in_words(self) -> str:
        """One sentence; "" where everything is read as it came."""
        if self.calibration is None and self.gains is None:
            return ""
        chosen_on, among = "validation", "in validation"
        if self.crossed is not None:
            chosen_on, among = "other lesions", "among these images"
        given = "are as given"
        if self.calibration is not None:
            given = f"were calibrated on {chosen_on} ({self.calibration})"
        where = "" if self.gains is None else f" {among}"
        return f"Probabilities {given}; the answer is {ANSWERS[self.answer]}{where}."


def _together(first: Predictions, second: Predictions) -> Predictions:
    """Two tables of different images and the same classes in the same order."""
    both = np.concatenate([first.probabilities, second.probabilities])
    return replace(first, image_ids=(*first.image_ids, *second.image_ids), probabilities=both)


def _asked_for(calibration: str | None, maps: Mapping[str, Fit], answer: str) -> Fit | None:
    """How to fit the map of that name; None where none is asked for.

    Raises:
        InputError: no such map or answer.
    """
    if answer not in ANSWERS:
        raise InputError(
            f"answer {answer!r}: choose one of {', '.join(ANSWERS)}{did_you_mean(answer, ANSWERS)}"
        )
    if calibration is None:
        return None
    if calibration not in maps:
        raise InputError(
            f"calibration {calibration!r}: choose one of {', '.join(maps)}"
            f"{did_you_mean(calibration, maps)}"
        )
    return maps[calibration]
