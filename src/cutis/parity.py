"""`Parity`: how closely the network that is served repeats the float network it was made from.

It is measured by `deploy.agreement`; a bundle carries it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import nan
from typing import Any


@dataclass(frozen=True)
class Agreement:
    """What two networks, a float one and what was made from it, answer to the same labelled images.

    Attributes:
        equal_answers: Share of images for which both find the same class most probable.
        balanced_accuracy: Of the float network.
        balanced_accuracy_drop: What the other one loses of it; below zero where it gains.
        classwise_ece: Classwise calibration error of the float network.
        classwise_ece_change: What the other one adds to it.
    """

    equal_answers: float
    balanced_accuracy: float
    balanced_accuracy_drop: float
    classwise_ece: float
    classwise_ece_change: float


@dataclass(frozen=True)
class Parity:
    """How closely ONNX Runtime repeats the float network; nan over 0 images until measured.

    Attributes:
        max_probability_difference: Of any class of any image.
        images: How many were compared.
        numbers: How the network's weights are stored: "float32", "float16" or "int8".
        agreement: On labelled images; None where only the probabilities were compared.
    """

    max_probability_difference: float
    images: int
    numbers: str = "float32"
    agreement: Agreement | None = None

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready description; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> "Parity":
        """Read what `to_dict` wrote; bundles before 8-bit networks name no numbers.

        Raises:
            KeyError, TypeError, ValueError: keys are missing or values make no sense.
        """
        judged = described.get("agreement")
        return cls(
            _number(described["max_probability_difference"]),
            int(described["images"]),
            str(described.get("numbers", "float32")),
            None
            if judged is None
            else Agreement(**{f.name: _number(judged[f.name]) for f in fields(Agreement)}),
        )


def _number(value: float | None) -> float:
    return nan if value is None else float(value)
