"""`Verdict`: whether a picture is of the kind that the model knows."""

from dataclasses import dataclass
from typing import Literal

from cutis.checks import FloatArray, UInt8Array
from cutis.inference.frame_statistics import frame_statistics
from cutis.inference.picture_checks import picture_warnings
from cutis.inference.rejection import Rejection

Status = Literal["accepted", "accepted with warnings", "rejected"]


@dataclass(frozen=True)
class Verdict:
    """What is to be thought of a picture before its answer is read.

    Attributes:
        rejected: Why the picture is none for the model; None where it is one.
        warnings: What may make the answer worse.
        distance: From the pictures of training, as `Rejection.distance` gives it.
    """

    rejected: str | None
    warnings: tuple[str, ...]
    distance: float

    @property
    def status(self) -> Status:
        """The verdict in a word or three."""
        if self.rejected is not None:
            return "rejected"
        return "accepted with warnings" if self.warnings else "accepted"

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not plainly accepted."""
        return self.warnings if self.rejected is None else (self.rejected,)

    def in_words(self) -> str:
        """The status and its reasons."""
        return f"{self.status} ({'; '.join(self.reasons)})" if self.reasons else self.status


def verdicts(rejection: Rejection, frames: UInt8Array, features: FloatArray) -> tuple[Verdict, ...]:
    """One for each frame.

    Args:
        rejection: Fitted with the network that gives the features.
        frames: Shape (n, h, w, 3).
        features: Shape (n, d), of the same pictures.
    """
    distances = rejection.distance(features, frame_statistics(frames))
    return tuple(
        Verdict(_why_rejected(float(distance), rejection), picture_warnings(frame), float(distance))
        for frame, distance in zip(frames, distances, strict=True)
    )


def _why_rejected(distance: float, rejection: Rejection) -> str | None:
    if distance <= rejection.limit:
        return None
    return (
        "unlike the pictures that the model was trained on: distance "
        f"{distance:.2f}, at most {rejection.limit:.2f}"
    )
