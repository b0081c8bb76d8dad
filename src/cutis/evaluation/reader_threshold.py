"""From which score on a model says yes when it stands beside readers: three ways to choose."""

import numpy as np

from cutis.checks import did_you_mean, require_fraction
from cutis.errors import InputError
from cutis.evaluation.reader_cases import ReaderCases
from cutis.evaluation.reader_figures import ROUNDING, Tallies, mean_rates
from cutis.evaluation.reader_results import Threshold
from cutis.evaluation.reading import require_apart
from cutis.metrics.operating_points import sensitivity_at_specificity, youden_point
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy.tasks import Task


def choose_threshold(
    wanted: str,
    cases: ReaderCases,
    predictions: Predictions,
    manifest: Manifest,
    task: Task,
    *,
    validation: tuple[Predictions, Manifest] | None = None,
) -> Threshold:
    """A threshold by what a user typed: a number, "readers" or "validation".

    Args:
        wanted: The same.
        cases, predictions, manifest, task: What is judged.
        validation: The table and the manifest whose split val "validation" looks at, where they are
            others than those that are judged.

    Raises:
        InputError: neither, validation that nobody asks for, or as the function that is asked for.
        ManifestError: as `threshold_of_validation`.
    """
    if wanted == "validation":
        given, rows = (predictions, manifest) if validation is None else validation
        read = manifest.rows(manifest.frame["image_id"].isin(cases.image_ids).to_numpy())
        ordered = given.in_order_of(predictions.classes)
        return threshold_of_validation(ordered, rows, task, judged=read)
    if validation is not None:
        raise InputError("--validation goes with --threshold validation, which is not given")
    if wanted == "readers":
        return threshold_of_mean_reader(cases)
    try:
        return Threshold(require_fraction("threshold", float(wanted)), "as given")
    except ValueError:
        raise InputError(
            f"threshold {wanted!r}: not a number from 0 to 1, readers or validation"
            f"{did_you_mean(wanted, ('readers', 'validation'))}"
        ) from None


def threshold_of_mean_reader(cases: ReaderCases) -> Threshold:
    """The lowest threshold that keeps the mean reader's specificity, on these very images.

    Raises:
        InputError: no reader decided on a negative.
    """
    tallies = Tallies.of(cases.calls, cases.positive, np.ones((1, len(cases))))
    specificity = float(mean_rates(tallies)[1][0])
    if np.isnan(specificity):
        raise InputError(
            "no reader decided on a negative image, so there is no mean specificity; "
            "give the threshold as a number"
        )
    kept = min(max(specificity - ROUNDING, 0.0), 1.0)
    point = sensitivity_at_specificity(cases.positive, cases.score, specificity=kept)
    return Threshold(
        point.threshold,
        f"the lowest that keeps the mean reader's specificity of {specificity:.3f}, "
        "chosen on these same images",
    )


def threshold_of_validation(
    predictions: Predictions,
    manifest: Manifest,
    task: Task,
    *,
    judged: Manifest,
    split: str = "val",
) -> Threshold:
    """Youden's point on the validation split, to be carried to the images that were read.

    Args:
        predictions: Of all images of that split that belong to the question.
        manifest: The truth.
        task: The question.
        judged: The rows that were read, none of which may be among these.
        split: Where it is chosen.

    Raises:
        InputError: images of that split without a prediction, images or lesions that are judged too,
            or one side of the question missing.
        ManifestError: the manifest has no such split.
    """
    rows = manifest.split(split)
    asked = rows.rows(task.rows(rows.diagnoses))
    require_apart(
        asked,
        judged,
        way_out="judge other rows with --split, or give the threshold as a number",
    )
    try:
        given = predictions.rows_for(asked.image_ids)
    except InputError as fault:
        raise InputError(
            f"threshold from split {split!r}: {fault}; give their table with --validation"
        ) from fault
    score = task.score(given.probabilities, given.classes)
    known = ~np.isnan(score)
    positive = task.positive(asked.diagnoses)[known]
    if positive.all() or not positive.any():
        raise InputError(
            f"threshold from split {split!r}: {positive.sum()} positive and {(~positive).sum()} "
            "negative images there, and both are needed; give the threshold as a number"
        )
    point = youden_point(positive, score[known])
    return Threshold(
        point.threshold,
        f"the best sum of sensitivity and specificity on the {known.sum()} images of split {split}",
    )
