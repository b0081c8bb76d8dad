"""How pretrained weights are allowed to move: what is frozen, for how long, and at which rate.

A frozen layer keeps its BatchNorm statistics too; freezing weights alone would let them drift.
"""

from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict, Field
from timm.models import group_parameters
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from cutis.errors import InputError
from cutis.models.classifier import Classifier
from cutis.models.modes import evaluating


class FineTuning(BaseModel):
    """How pretrained weights are allowed to move."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    head_only_epochs: int = Field(1, ge=0, description="Epochs before the backbone thaws.")
    last_stages: int | None = Field(
        None,
        ge=0,
        description="Thaw only this many stages, as timm groups them, from the end; 0 never thaws; "
        "null: all.",
    )
    learning_rate: float = Field(1e-3, gt=0, description="Peak rate of the head.")
    backbone_rate_scale: float = Field(
        1.0, gt=0, le=1, description="Rate of the last backbone stage / head rate."
    )
    depth_decay: float = Field(
        1.0, gt=0, le=1, description="Factor on the rate for each stage further from the head."
    )


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share a learning rate and a weight decay."""

    parameters: tuple[nn.Parameter, ...]
    learning_rate: float
    decays: bool  # biases and normalisation layers do not


def backbone_stages(backbone: nn.Module) -> list[list[str]]:
    """Names of the backbone's parameters by stage, first stage first, as timm groups them.

    A normalisation after the last stage, as of ConvNeXt, belongs to it.

    Raises:
        InputError: the network does not say what its stages are.
    """
    matcher = getattr(backbone, "group_matcher", None)
    try:
        coarse = None if matcher is None else matcher(coarse=True)
    except (AssertionError, NotImplementedError):
        coarse = None
    if coarse is None:
        raise InputError(f"{type(backbone).__name__} has no stages that timm knows of")
    grouped: dict[object, list[str]] = group_parameters(backbone, coarse)
    stages = [grouped[key] for key in sorted(grouped, key=float)]  # type: ignore[arg-type]
    values = dict(backbone.named_parameters())
    if len(stages) > 1 and all(values[name].ndim == 1 for name in stages[-1]):
        stages[-2:] = [stages[-2] + stages[-1]]
    return stages


def freeze(model: Classifier, settings: FineTuning) -> None:
    """Stop gradients to every backbone stage that never thaws.

    Raises:
        InputError: stages are treated one by one, and the network does not say what they are.
    """
    stages = _stages_to_tell_apart(model.backbone, settings)
    thawed = len(stages) if settings.last_stages is None else settings.last_stages
    frozen = {name for stage in stages[: max(len(stages) - thawed, 0)] for name in stage}
    for name, parameter in model.backbone.named_parameters():
        parameter.requires_grad_(name not in frozen)


def hold_frozen_statistics(model: Classifier) -> None:
    """Put BatchNorm layers whose weights are frozen into eval mode, so that they use ImageNet's."""
    for module in model.modules():
        if isinstance(module, _BatchNorm) and not any(p.requires_grad for p in module.parameters()):
            module.eval()


@torch.no_grad()
def require_batch_statistics(model: Classifier, *, size: int) -> None:
    """Find out whether BatchNorm can learn from one picture at a time, after `freeze`.

    Args:
        model: The network.
        size: Side of training pictures, px.

    Raises:
        InputError: a layer that learns has one value per channel then, which has no variance.
    """
    alone: list[nn.Module] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if inputs[0].numel() == inputs[0].shape[1]:
            alone.append(layer)

    handles = [
        module.register_forward_pre_hook(note)
        for module in model.modules()
        if isinstance(module, _BatchNorm) and any(p.requires_grad for p in module.parameters())
    ]
    try:
        with evaluating(model):
            model(torch.zeros(1, 3, size, size))
    finally:
        for handle in handles:
            handle.remove()
    if alone:
        raise InputError(
            f"data.batch_size = 1: of one picture of {size} x {size} px, {len(alone)} BatchNorm layers "
            "that learn see one value per channel; give 2 or more, or fine_tuning.last_stages = 0"
        )


def _stages_to_tell_apart(backbone: nn.Module, settings: FineTuning) -> list[list[str]]:
    """The stages, or all parameters as one stage where all stages are treated alike."""
    try:
        return backbone_stages(backbone)
    except InputError as fault:
        if settings.last_stages in (None, 0) and settings.depth_decay == 1:
            return [[name for name, _ in backbone.named_parameters()]]
        raise InputError(
            f"{fault}; give fine_tuning.last_stages = null or 0 and fine_tuning.depth_decay = 1"
        ) from fault


def parameter_groups(model: Classifier, settings: FineTuning) -> list[ParameterGroup]:
    """Trainable parameters, head first, each backbone stage with its own rate.

    Raises:
        InputError: as `freeze`.
    """
    rates = {f"head.{name}": settings.learning_rate for name, _ in model.head.named_parameters()}
    rate = settings.learning_rate * settings.backbone_rate_scale
    for stage in reversed(_stages_to_tell_apart(model.backbone, settings)):
        rates |= {f"backbone.{name}": rate for name in stage}
        rate *= settings.depth_decay
    grouped: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in sorted(model.named_parameters(), key=lambda item: -rates[item[0]]):
        if parameter.requires_grad:
            grouped.setdefault((rates[name], parameter.ndim > 1), []).append(parameter)
    return [
        ParameterGroup(tuple(parameters), learning_rate=rate, decays=decays)
        for (rate, decays), parameters in grouped.items()
    ]
