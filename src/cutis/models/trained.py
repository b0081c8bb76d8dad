"""`TrainedClassifier`: a network with its weights, classes and preprocessing, read from disk.

A bundle holds all of it. A run folder is read by way of its bundle, or, before one was exported,
from its settings, its manifest and the weights of the kept epoch.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic
import torch
from torch import Tensor, nn

from cutis import zoo
from cutis.bundle import FACTS, ModelBundle
from cutis.errors import BundleError, InputError
from cutis.files import exists, is_file, read_json, sha256_of_file
from cutis.imaging import Preprocessing
from cutis.models.backbones import BackboneSettings, backbone_preprocessing
from cutis.models.classifier import HeadSettings, ModelSettings, untrained_classifier
from cutis.models.weights import load_weights
from cutis.readout import LogLinearMap
from cutis.tables.manifest import Manifest
from cutis.taxonomy import ClassSet

SETTINGS, MANIFEST, KEPT = RUN_FILES = (
    "settings.json",
    "manifest.csv",
    "checkpoints/kept.safetensors",
)


@dataclass(frozen=True, eq=False)
class TrainedClassifier:
    """A network that has learned, with everything that is needed to ask it.

    Attributes:
        network: Images (n, 3, h, w) to logits (n, k); in whatever mode it was left.
        classes: What the k logits stand for.
        preprocessing: From an RGB picture to the network's input.
        name: Of the model.
        architecture: The timm name of the backbone.
        weights_sha256: Of the file the weights came from; "" when they came from none.
        calibration: From its probabilities to those that the model answers with; None leaves them.
    """

    network: nn.Module
    classes: ClassSet
    preprocessing: Preprocessing
    name: str = "classifier"
    architecture: str = ""
    weights_sha256: str = ""
    calibration: LogLinearMap | None = None


def calibrated(logits: Tensor, calibration: LogLinearMap | None) -> Tensor:
    """Logits (n, k) in double precision, whose softmax is what the model answers with."""
    logs = logits.double().log_softmax(dim=1)
    if calibration is None:
        return logs
    scale, shift = (torch.from_numpy(v).to(logs) for v in (calibration.scale, calibration.shift))
    return logs @ scale.T + shift


def load_trained(place: Path) -> TrainedClassifier:
    """Read a model of the zoo, a bundle or a run folder.

    Raises:
        BundleError: none of the three, a damaged bundle, or one whose network is none that Cutis
            builds.
        InputError: weights or settings that do not fit each other.
    """
    if str(place) in zoo.names() or not exists(place) or is_file(place / FACTS):
        return _from_bundle(zoo.resolve(place))
    if is_file(place / "bundle" / FACTS):
        return _from_bundle(ModelBundle.load(place / "bundle"))
    missing = [name for name in RUN_FILES if not is_file(place / name)]
    if not missing:
        return _from_run(place)
    if len(missing) == len(RUN_FILES):
        raise BundleError(
            f"{place}: neither a model bundle nor a run folder; give what `cutis train` wrote"
        )
    raise BundleError(f"{place}: a run folder without {', '.join(missing)}; did training finish?")


def _from_bundle(bundle: ModelBundle) -> TrainedClassifier:
    facts = bundle.facts
    try:
        head = HeadSettings.model_validate(facts.provenance["head"])
        settings = ModelSettings(
            backbone=BackboneSettings.model_validate({"name": facts.architecture}), head=head
        )
        network = untrained_classifier(
            settings, classes=len(facts.classes), image_size=facts.preprocessing.height
        )
    except (KeyError, pydantic.ValidationError, InputError) as fault:
        reason = "it does not say what its head is" if isinstance(fault, KeyError) else fault
        raise BundleError(
            f"{bundle.folder}: its network {facts.architecture!r} cannot be built ({reason}); "
            "it can be served, but not be looked into"
        ) from fault
    load_weights(network, bundle.weights)
    return TrainedClassifier(
        network,
        bundle.class_set,
        facts.preprocessing,
        name=facts.name,
        architecture=facts.architecture,
        weights_sha256=sha256_of_file(bundle.weights),
        calibration=None if facts.readout is None else facts.readout.calibration,
    )


def _from_run(run: Path) -> TrainedClassifier:
    described = read_json(run / SETTINGS)
    try:
        data: dict[str, Any] = described["data"]
        settings = ModelSettings.model_validate(described["model"])
        preprocessing = backbone_preprocessing(
            settings.backbone.name,
            size=data["image_size"],
            fit=data["fit"],
            interpolation=data["interpolation"],
        )
    except (KeyError, TypeError, pydantic.ValidationError) as fault:
        raise InputError(f"{run / SETTINGS}: not the settings of a run ({fault})") from fault
    manifest = Manifest.read(run / MANIFEST, check_files=False)
    wanted = data.get("classes")
    classes = ClassSet(manifest.taxonomy, tuple(wanted)) if wanted else manifest.dealt().class_set()
    network = untrained_classifier(settings, classes=len(classes), image_size=preprocessing.height)
    load_weights(network, run / KEPT)
    return TrainedClassifier(
        network,
        classes,
        preprocessing,
        name=run.absolute().name,
        architecture=settings.backbone.name,
        weights_sha256=sha256_of_file(run / KEPT),
    )
