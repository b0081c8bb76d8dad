"""`ModelBundle`: a folder in which weights, class order, preprocessing and provenance travel together.

    bundle/
      bundle.json          what is described below
      model.onnx           what is served
      weights.safetensors  what training continues from
      MODEL_CARD.md        for people
      SHA256SUMS           a hash for each of the four; `sha256sum -c SHA256SUMS` checks them too

The hashes stand in a file of their own so that `bundle.json` is covered as well. They find damage and
careless edits; they are no signature against somebody who can write the whole folder.
"""

import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cutis.errors import BundleError, InputError
from cutis.files import atomic_path, read_json, sha256_of_file, write_json
from cutis.imaging import Preprocessing
from cutis.taxonomy import ClassSet, Taxonomy, load_taxonomy

FORMAT_VERSION = 1
FILES = ("bundle.json", "model.onnx", "weights.safetensors", "MODEL_CARD.md")
SUMS = "SHA256SUMS"
INPUT_NAME, OUTPUT_NAMES = "images", ("logits", "features")


@dataclass(frozen=True)
class Parity:
    """How closely ONNX Runtime repeats what torch computed."""

    max_probability_difference: float
    images: int


@dataclass(frozen=True)
class BundleFacts:
    """What `bundle.json` says.

    Attributes:
        name: Of the model.
        architecture: The timm name of the backbone.
        classes: Taxonomy nodes in the order of the logits.
        taxonomy: Name of the tree, and the hash of its content.
        preprocessing: From an RGB picture to the network's input.
        parity: Measured when the ONNX file was written.
        provenance: Data, settings, revision, version, date.
        temperature: Logits are divided by it before the softmax.
        operating_points: Named thresholds; empty until some are chosen on validation.
    """

    name: str
    architecture: str
    classes: tuple[str, ...]
    taxonomy: str
    taxonomy_sha256: str
    preprocessing: Preprocessing
    parity: Parity
    provenance: Mapping[str, Any]
    temperature: float = 1.0
    operating_points: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise InputError(f"temperature: {self.temperature} is not above zero")

    def to_dict(self) -> dict[str, Any]:
        """The content of `bundle.json`."""
        size = [None, 3, self.preprocessing.height, self.preprocessing.width]
        contract = {"name": INPUT_NAME, "shape": size, "type": "float32", "layout": "NCHW, RGB"}
        described = {key: value for key, value in asdict(self).items() if key != "preprocessing"}
        return {
            "format_version": FORMAT_VERSION,
            **described,
            "input": contract,
            "outputs": list(OUTPUT_NAMES),
            "preprocessing": self.preprocessing.to_dict(),
        }

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> "BundleFacts":
        """Read what `to_dict` wrote.

        Raises:
            InputError: keys are missing or values make no sense.
        """
        try:
            return cls(
                name=str(described["name"]),
                architecture=str(described["architecture"]),
                classes=tuple(described["classes"]),
                taxonomy=str(described["taxonomy"]),
                taxonomy_sha256=str(described["taxonomy_sha256"]),
                preprocessing=Preprocessing.from_dict(described["preprocessing"]),
                parity=Parity(**described["parity"]),
                provenance=dict(described["provenance"]),
                temperature=float(described["temperature"]),
                operating_points=tuple(described["operating_points"]),
            )
        except (KeyError, TypeError, ValueError) as fault:
            raise InputError(f"not understood: {fault}") from fault


@dataclass(frozen=True)
class ModelBundle:
    """A verified bundle on disk."""

    folder: Path
    facts: BundleFacts
    sha256: Mapping[str, str]  # of each of `FILES`

    @property
    def onnx(self) -> Path:
        """The network that is served."""
        return self.folder / "model.onnx"

    @property
    def weights(self) -> Path:
        """The weights that training continues from."""
        return self.folder / "weights.safetensors"

    @property
    def class_set(self) -> ClassSet:
        """The classes, as nodes of the taxonomy."""
        return ClassSet(self.taxonomy, self.facts.classes)

    @property
    def taxonomy(self) -> Taxonomy:
        """The tree that the classes belong to."""
        return load_taxonomy(self.facts.taxonomy)

    @classmethod
    def load(cls, folder: Path) -> "ModelBundle":
        """Read a bundle and verify every file.

        Raises:
            BundleError: no bundle, a missing or altered file, an unknown format version, or a
                taxonomy other than the one it was trained with.
        """
        if not (folder / "bundle.json").is_file():
            raise BundleError(
                f"{folder}: not a model bundle (no bundle.json); "
                "give the bundle/ folder of a training run"
            )
        sums = _read_sums(folder)
        for name in FILES:
            if not (folder / name).is_file():
                raise BundleError(f"{folder}: {name} is missing; copy the whole bundle folder")
            if sha256_of_file(folder / name) != sums[name]:
                raise BundleError(
                    f"{folder / name}: its content is not what {SUMS} says; "
                    "it was damaged or changed, get the bundle again"
                )
        try:
            described = read_json(folder / "bundle.json")
            version = described["format_version"]
            if version != FORMAT_VERSION:
                raise BundleError(
                    f"{folder}: format version {version!r}; this cutis reads {FORMAT_VERSION}, "
                    "a newer one may read it"
                )
            facts = BundleFacts.from_dict(described)
        except BundleError:
            raise
        except (InputError, KeyError, TypeError) as fault:
            raise BundleError(f"{folder / 'bundle.json'}: {fault}") from fault
        if load_taxonomy(facts.taxonomy).sha256 != facts.taxonomy_sha256:
            raise BundleError(
                f"{folder}: made with another version of taxonomy {facts.taxonomy!r}; "
                "export it again from its run"
            )
        return cls(folder, facts, sums)


def write_bundle(
    folder: Path, facts: BundleFacts, *, onnx: Path, weights: Path, model_card: str
) -> ModelBundle:
    """Write a bundle whole or not at all, replacing an older one.

    Args:
        folder: The bundle.
        facts: What `bundle.json` will say.
        onnx, weights: Files to copy.
        model_card: Markdown.

    Raises:
        OutputError: the folder cannot be written.
    """
    with atomic_path(folder) as partial:
        partial.mkdir()
        shutil.copyfile(onnx, partial / "model.onnx")
        shutil.copyfile(weights, partial / "weights.safetensors")
        (partial / "MODEL_CARD.md").write_text(model_card, encoding="utf-8")
        write_json(partial / "bundle.json", facts.to_dict())
        lines = [f"{sha256_of_file(partial / name)}  {name}\n" for name in FILES]
        (partial / SUMS).write_text("".join(lines), encoding="utf-8")
    return ModelBundle.load(folder)


def _read_sums(folder: Path) -> dict[str, str]:
    try:
        text = (folder / SUMS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise BundleError(f"{folder}: {SUMS} is missing or unreadable") from fault
    found = dict(reversed(match) for match in re.findall(r"^([0-9a-f]{64})  (\S+)$", text, re.M))
    missing = [name for name in FILES if name not in found]
    if missing:
        raise BundleError(f"{folder}: {SUMS} has no hash for {', '.join(missing)}")
    return {name: found[name] for name in FILES}
