"""What training minimises: cross-entropy or focal loss, with answers to class imbalance."""

from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from cutis.checks import FloatArray, IntArray
from cutis.errors import InputError


class LossSettings(BaseModel):
    """What training minimises."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: Literal["cross_entropy", "focal"] = Field("cross_entropy", description="The loss.")
    class_weights: float = Field(
        0.0, ge=0, le=1, description="Weigh classes by n_class ** -x; 0: equally, 1: inversely."
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share spread over all classes; with logit_adjustment x, by prior ** x, so that "
        "the network's own answers are smoothed evenly.",
    )
    focal_gamma: float = Field(2.0, ge=0, description="Focusing parameter of the focal loss.")
    logit_adjustment: float = Field(
        0.0,
        ge=0,
        description="Add x * log(prior) to the logits in training only, so that the network's own "
        "answers are for balanced classes (Menon et al. 2021, eq. 10). The prior is that of the "
        "training split: data.balance or loss.class_weights beside it answer imbalance a second time.",
    )


class ClassificationLoss(nn.Module):
    """Mean loss of a batch.

    Args:
        settings: Which loss.
        class_counts: Shape (k,), training pictures per class.

    Raises:
        InputError: a class has no training picture.
    """

    weights: Tensor
    offsets: Tensor

    def __init__(self, settings: LossSettings, class_counts: IntArray) -> None:
        super().__init__()
        if class_counts.min(initial=1) < 1:
            raise InputError("a class has no training picture")
        prior = class_counts / class_counts.sum()
        weights = prior**-settings.class_weights
        weights /= (weights * prior).sum()  # the mean weight of a training picture is 1
        offsets = settings.logit_adjustment * np.log(prior)
        self._settings = settings
        self.register_buffer("weights", torch.tensor(weights, dtype=torch.float32), False)
        self.register_buffer("offsets", torch.tensor(offsets, dtype=torch.float32), False)

    def soft_targets(self, targets: IntArray, answers: FloatArray, *, weight: float) -> Tensor:
        """The shares that teach the diagnoses and, beside them, the answers of other networks.

        Adjusted logits are compared with shares as frequent as the training pictures, so answers for
        balanced classes are brought to those frequencies first.

        Args:
            targets: Shape (n,), positions.
            answers: Shape (n, k), probabilities that networks trained with the same logit adjustment
                gave.
            weight: Of the answers; the diagnoses have the rest.

        Returns:
            Shape (n, k).
        """
        classes = len(self.offsets)
        named = functional.one_hot(torch.as_tensor(targets), classes).to(torch.float32)
        taught = torch.softmax(torch.tensor(answers, dtype=torch.float32).log() + self.offsets, 1)
        return (1 - weight) * named + weight * taught

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss, a scalar.

        Args:
            logits: Shape (n, k).
            targets: Shape (n,), positions, or (n, k), shares of each class.
        """
        shares = targets
        if targets.ndim == 1:
            shares = functional.one_hot(targets, logits.shape[1]).to(logits.dtype)
        smoothing = self._settings.label_smoothing
        shares = (1 - smoothing) * shares + smoothing * self.offsets.softmax(dim=0)
        log_probabilities = functional.log_softmax(logits + self.offsets, dim=1)
        terms = -shares * log_probabilities * self.weights
        if self._settings.name == "focal":
            # Lin et al. 2017, eq. 5, summed over classes so that mixed targets are defined too.
            doubt = 1 - log_probabilities.exp()
            doubt = doubt.clamp_min(torch.finfo(doubt.dtype).tiny)  # 0 ** (gamma - 1) is infinite
            terms = terms * doubt**self._settings.focal_gamma
        return terms.sum(dim=1).mean()
