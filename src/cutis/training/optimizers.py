"""Optimisers and learning-rate schedules by name."""

import math
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from timm.optim.rmsprop_tf import RMSpropTF
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from cutis.models.transfer import ParameterGroup


class OptimizerSettings(BaseModel):
    """How weights move. Learning rates are part of the fine-tuning settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: Literal["adamw", "adam", "sgd", "rmsprop"] = Field(
        "adamw", description="The optimiser; rmsprop is TensorFlow's, with epsilon under the root."
    )
    weight_decay: float = Field(0.01, ge=0, description="Of weights, not of biases and norms.")
    momentum: float = Field(0.9, ge=0, lt=1, description="Of sgd and rmsprop; beta1 of Adam.")
    rmsprop_decay: float = Field(0.9, gt=0, lt=1, description="Smoothing of squared gradients.")
    epsilon: float | None = Field(None, gt=0, description="Null: the optimiser's own default.")


class ScheduleSettings(BaseModel):
    """How learning rates change over the run."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: Literal["cosine", "step", "constant"] = Field("cosine", description="The shape.")
    warmup_epochs: float = Field(1.0, ge=0, description="Linear rise from zero to the peak.")
    floor: float = Field(0.01, ge=0, le=1, description="Where cosine ends, as a part of the peak.")
    step_epochs: int = Field(30, ge=1, description="Epochs between the drops of `step`.")
    step_divisor: float = Field(16.0, gt=1, description="What each drop divides by.")


def create_optimizer(groups: list[ParameterGroup], settings: OptimizerSettings) -> Optimizer:
    """An optimiser in which each group keeps its own rate."""
    parameters = [
        {
            "params": list(group.parameters),
            "lr": group.learning_rate,
            "weight_decay": settings.weight_decay if group.decays else 0.0,
        }
        for group in groups
    ]
    epsilon: dict[str, Any] = {} if settings.epsilon is None else {"eps": settings.epsilon}
    if settings.name == "sgd":
        momentum = settings.momentum
        return torch.optim.SGD(parameters, momentum=momentum, nesterov=momentum > 0)
    if settings.name == "rmsprop":
        return RMSpropTF(
            parameters, alpha=settings.rmsprop_decay, momentum=settings.momentum, **epsilon
        )
    kind = torch.optim.AdamW if settings.name == "adamw" else torch.optim.Adam
    return kind(parameters, betas=(settings.momentum, 0.999), **epsilon)


def create_schedule(
    optimizer: Optimizer, settings: ScheduleSettings, *, epochs: int, steps_per_epoch: int
) -> LambdaLR:
    """A schedule stepped once per optimiser step."""

    def factor(step: int) -> float:
        return rate_factor(step / steps_per_epoch, settings, epochs=epochs)

    return LambdaLR(optimizer, factor)


def rate_factor(epoch: float, settings: ScheduleSettings, *, epochs: int) -> float:
    """The learning rate at a fractional epoch, as a part of the peak.

    Example:
        >>> esteva = ScheduleSettings(name="step", warmup_epochs=0)
        >>> [rate_factor(epoch, esteva, epochs=90) for epoch in (0, 30, 60)]
        [1.0, 0.0625, 0.00390625]
    """
    if epoch < settings.warmup_epochs:
        return min(max(epoch, 1e-3) / settings.warmup_epochs, 1.0)
    if settings.name == "constant":
        return 1.0
    if settings.name == "step":
        return settings.step_divisor ** -math.floor(epoch / settings.step_epochs)
    remaining = max(epochs - settings.warmup_epochs, 1e-9)
    done = min((epoch - settings.warmup_epochs) / remaining, 1.0)
    return settings.floor + (1 - settings.floor) * 0.5 * (1 + math.cos(math.pi * done))
