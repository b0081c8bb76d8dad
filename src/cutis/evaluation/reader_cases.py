"""`ReaderCases`: the images of one question that were read, with everybody's answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cutis.checks import BoolArray, FloatArray, did_you_mean
from cutis.errors import InputError, ManifestError
from cutis.tables.manifest import Drawn, Manifest
from cutis.tables.predictions import Predictions
from cutis.tables.readings import NO, SCORES, YES, Readings
from cutis.taxonomy.tasks import Task


@dataclass(frozen=True, eq=False)
class ReaderCases:
    """The images of one question that at least one reader read, in the manifest's order.

    Attributes:
        image_ids: n images.
        positive: Shape (n,), the truth.
        score: Shape (n,), the model's, larger is more suspicious.
        clusters: Shape (n,), as `Manifest.clusters`.
        lesions: How many there are; None where the manifest names none.
        drawn: What the clusters are.
        readers: r names, in alphabetical order.
        calls: Shape (r, n); 1 for yes, 0 for no, nan where the reader did not read the image or did
            not decide.
        ratings: Shape (r, n), each reader's own score, larger is more suspicious; nan where not given.
        left_out: What was left out, by the reason.
    """

    image_ids: tuple[str, ...]
    positive: BoolArray
    score: FloatArray
    clusters: npt.NDArray[np.str_]
    lesions: int | None
    drawn: Drawn
    readers: tuple[str, ...]
    calls: FloatArray
    ratings: FloatArray
    left_out: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def has_read(self) -> BoolArray:
        """Shape (r, n): where a reader decided."""
        return ~np.isnan(self.calls)

    @classmethod
    def of(
        cls,
        predictions: Predictions,
        manifest: Manifest,
        readings: Readings,
        task: Task,
        *,
        split: str = "test",
    ) -> "ReaderCases":
        """Put predictions, truth and readings of the same images side by side.

        A diagnosis answers yes where it lies on the positive side of the task, and no otherwise, other
        sides included: a nevus called a wart was not taken for a melanoma. One too coarse to tell
        (malignant, when melanoma is asked for) decides nothing.

        Args:
            predictions: Of every image that was read; others may be missing.
            manifest: The truth. Readings of images that it lacks are a mistake; those of images
                outside the split or the question are left out.
            readings: Need not be complete.
            task: The question.
            split: train, val, test, or all.

        Raises:
            InputError: readings of unknown images, images without a prediction, or no image or only
                one side of the question was read.
            ManifestError: the manifest has no such split.
        """
        _require_known_images(readings, manifest)
        rows = manifest if split == "all" else manifest.split(split)
        asked = rows.rows(task.rows(rows.diagnoses))
        read = asked.rows(asked.frame["image_id"].isin(readings.image_ids).to_numpy())
        if not len(read):
            raise InputError(
                f"{readings.name}: none of its {len(readings.image_ids)} images belongs to "
                f"{task.title!r} in split {split!r}; try another --task, or --split all"
            )
        score = task.score(predictions.rows_for(read.image_ids).probabilities, predictions.classes)
        scored = read.rows(~np.isnan(score))
        positive = task.positive(scored.diagnoses)
        if positive.all() or not positive.any():
            raise ManifestError(
                manifest.name,
                [
                    f"of the images that were read, {positive.sum()} are positive and "
                    f"{(~positive).sum()} negative for {task.title!r}; both are needed"
                ],
            )
        wide = _by_image(readings, scored.image_ids)
        return cls(
            image_ids=scored.image_ids,
            positive=positive,
            score=score[~np.isnan(score)],
            clusters=scored.clusters(),
            lesions=scored.lesion_count,
            drawn=scored.drawn,
            readers=readings.readers,
            calls=_calls(wide["decision"], task),
            ratings=_ratings(wide),
            left_out={
                "images of the question that nobody read": len(asked) - len(read),
                "images read outside the split or the question": len(readings.image_ids)
                - len(read),
                "images that the model gives no probability on either side": len(read)
                - len(scored),
            },
        )


def _require_known_images(readings: Readings, manifest: Manifest) -> None:
    known = set(manifest.image_ids)
    unknown = [image_id for image_id in readings.image_ids if image_id not in known]
    if unknown:
        raise InputError(
            f"{readings.name}: {len(unknown)} of {len(readings.image_ids)} images are not in "
            f"{manifest.name}, such as {', '.join(unknown[:3])}"
            f"{did_you_mean(unknown[0], known)}"
        )


def _by_image(readings: Readings, image_ids: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Each column of the readings as readers by images."""
    wide = readings.frame.set_index(["reader", "image_id"]).unstack("image_id")
    return {
        name: pd.DataFrame(wide[name]).reindex(index=[*readings.readers], columns=[*image_ids])
        for name in ("decision", *SCORES)
    }


def _calls(decisions: pd.DataFrame, task: Task) -> FloatArray:
    said = sorted(set(decisions.to_numpy(dtype=object).ravel()) - {YES, NO, "", np.nan}, key=str)
    nodes = [word for word in said if isinstance(word, str)]
    above = {ancestor for node in task.positive_nodes for ancestor in task.taxonomy.ancestors(node)}
    answers: dict[object, float] = {YES: 1.0, NO: 0.0}
    for node, positive in zip(nodes, task.positive(nodes), strict=True):
        answers[node] = np.nan if node in above else float(positive)
    return np.asarray(decisions.map(lambda word: answers.get(word, np.nan)).to_numpy(dtype=float))


def _ratings(wide: Mapping[str, pd.DataFrame]) -> FloatArray:
    """A reader's confidences, or where there are none the values on the scale."""
    confidence, scale = (wide[name].to_numpy(dtype=float) for name in SCORES)
    gave_confidence = ~np.isnan(confidence).all(axis=1, keepdims=True)
    return np.asarray(np.where(gave_confidence, confidence, scale))
