"""`Classifier`: a backbone turns pictures into features, and a head turns them into logits."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from cutis import zoo
from cutis.errors import InputError
from cutis.models.backbones import (
    SAVED,
    ZOO,
    BackboneSettings,
    create_backbone,
    facts_beside,
    feature_width,
    saved_weights,
)


class HeadSettings(BaseModel):
    """What stands on the pooled features."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (), description="Widths of dense ReLU layers before the last."
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout before the last layer.")


class ModelSettings(BaseModel):
    """The network: backbone and head."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    backbone: BackboneSettings = BackboneSettings()
    head: HeadSettings = HeadSettings()


class Classifier(nn.Module):
    """Images (n, 3, h, w) to logits (n, k), by way of features (n, d)."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def features(self, images: Tensor) -> Tensor:
        """The pooled output of the backbone, shape (n, d)."""
        features: Tensor = self.backbone(images)
        return features.flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits, shape (n, k)."""
        logits: Tensor = self.head(self.features(images))
        return logits


def create_classifier(
    settings: ModelSettings,
    *,
    classes: int,
    image_size: int,
    names: Sequence[str] = (),
    whole: bool = False,
) -> Classifier:
    """A classifier with a pretrained backbone and a fresh head.

    When the backbone's weights are those of a whole classifier with the same head, such as a run's
    `kept.safetensors` or a model of the zoo, the head comes from there too, so that training goes on
    from it.

    Args:
        settings: Backbone and head.
        classes: How many.
        image_size: Side of the input in pixels.
        names: Of the classes, in order; a model of the zoo gives its head to the same ones only, and
            so does a file of weights with a bundle's facts beside it, or those of its run folder.
            Of any other file the number of classes has to do.
        whole: Whether the head has to come from the weights.

    Raises:
        InputError: as `create_backbone` and `feature_width`, or there is no head for these classes.
    """
    backbone = create_backbone(settings.backbone)
    widths = [feature_width(backbone, size=image_size), *settings.head.hidden]
    layers: list[nn.Module] = []
    for width, next_width in pairwise(widths):
        layers += [nn.Linear(width, next_width), nn.ReLU()]
    head = nn.Sequential(*layers, nn.Dropout(settings.head.dropout), nn.Linear(widths[-1], classes))
    weights = settings.backbone.weights
    continued = _may_continue(weights, names) and _continue_head(head, settings.backbone)
    if whole and not continued:
        raise InputError(
            f"model.backbone.weights: {weights!r} has no head for these {classes} classes in this "
            "order; give the weights of a classifier that knows them, or set trainer.start_share to 0"
        )
    return Classifier(backbone, head)


def untrained_classifier(settings: ModelSettings, *, classes: int, image_size: int) -> Classifier:
    """The network with random weights, for others to be loaded: none are fetched to be overwritten.

    Raises:
        InputError: as `create_classifier`.
    """
    bare = settings.backbone.model_copy(update={"weights": "none"})
    settings = settings.model_copy(update={"backbone": bare})
    return create_classifier(settings, classes=classes, image_size=image_size)


def _may_continue(weights: str, names: Sequence[str]) -> bool:
    if weights.startswith(ZOO):
        return zoo.find(weights.removeprefix(ZOO)).facts.classes == tuple(names)
    if not weights.endswith(SAVED):
        return False
    told = facts_beside(Path(weights)).get("classes")
    return told is None or not names or told == list(names)


def _continue_head(head: nn.Module, backbone: BackboneSettings) -> bool:
    """Give a head its saved weights; whether there were any that fit."""
    weights = saved_weights(backbone.weights, architecture=backbone.name)
    saved = {
        key.removeprefix("head."): value
        for key, value in weights.items()
        if key.startswith("head.")
    }
    shapes = {key: value.shape for key, value in head.state_dict().items()}
    if shapes != {key: value.shape for key, value in saved.items()}:
        return False
    head.load_state_dict(saved)
    return True
