"""Means of weights: along the steps of one training, and with the weights that it began from."""

from copy import deepcopy
from typing import cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from cutis.models.classifier import Classifier


class AveragedWeights(nn.Module):
    """The network that validation judges and that ships, as means of what training passes through.

    Args:
        model: The network that learns, as training begins.
        decay: Of the exponential moving average over optimiser steps; 0: the last step alone.
        start_share: Share of the weights that training began from in the mean of both (the
            interpolation in weight space of Wortsman et al. 2022b, WiSE-FT); 0: none.
    """

    def __init__(self, model: Classifier, *, decay: float, start_share: float) -> None:
        super().__init__()
        self._share = start_share
        self.moving = _moving_average(model, decay) if decay else None
        self.start = _at_rest(model) if start_share else None
        self.mean = _at_rest(model) if start_share else None

    def update(self, model: Classifier) -> None:
        """Take in one optimiser step."""
        if self.moving is not None:
            self.moving.update_parameters(model)

    def judged(self, model: Classifier) -> Classifier:
        """The mean as it stands, in eval mode unless it is the model itself."""
        late = model if self.moving is None else cast(Classifier, self.moving.module)
        if self.start is None or self.mean is None:
            return late
        begun = self.start.state_dict()
        mixed = {
            name: (1 - self._share) * value + self._share * begun[name]
            if value.is_floating_point()
            else value
            for name, value in late.state_dict().items()
        }
        self.mean.load_state_dict(mixed)
        return self.mean


def _at_rest(model: Classifier) -> Classifier:
    return deepcopy(model).eval().requires_grad_(False)


def _moving_average(model: Classifier, decay: float) -> AveragedModel:
    """An average that starts as a copy of the model's state after the first step.

    Early on the window is short, so that a brief run is not judged by where it started (the
    ramp (1 + n) / (10 + n) of TensorFlow's ExponentialMovingAverage).
    """

    def averaged(average: Tensor, current: Tensor, steps: int | Tensor) -> Tensor:
        ramped = min(decay, (1 + int(steps)) / (10 + int(steps)))
        return torch.lerp(average.float(), current.float(), 1 - ramped)

    average = AveragedModel(model, avg_fn=averaged, use_buffers=True)
    average.eval().requires_grad_(False)
    return average
