"""`ModelBundle`: a folder in which weights, classes, their tree, preprocessing and provenance travel.

    bundle/
      bundle.json            what is described below
      taxonomy.json          the tree of diagnoses that the classes are nodes of
      model.onnx             what is served
      weights.safetensors    what training continues from
      MODEL_CARD.md          for people
      rejection.safetensors  what tells its kind of picture from others; may be absent
      SHA256SUMS             a hash for each of them; `sha256sum -c SHA256SUMS` checks them too

The hashes stand in a file of their own so that `bundle.json` is covered as well. They find damage and
careless edits; they are no signature against somebody who can write the whole folder. The tree
travels too, so that a bundle means the same after the built-in tree has grown, and where a tree of
one's own is missing.
"""

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from safetensors import SafetensorError

from cutis.checks import FloatArray
from cutis.errors import BundleError, InputError, OutputError
from cutis.files import (
    atomic_path,
    exists,
    is_file,
    parse_json,
    require_replaceable_folder,
    sha256_of_file,
    write_json,
    write_text,
)
from cutis.imaging import Preprocessing
from cutis.parity import Parity
from cutis.readout import Readout
from cutis.taxonomy import ClassSet, Taxonomy
from cutis.taxonomy.exchange import tree_from_dict, tree_to_dict

FORMAT_VERSION = 1
FACTS, TREE, NETWORK, WEIGHTS, CARD = FILES = (
    "bundle.json",
    "taxonomy.json",
    "model.onnx",
    "weights.safetensors",
    "MODEL_CARD.md",
)
REJECTION = "rejection.safetensors"
SUMS = "SHA256SUMS"
INPUT_NAME, OUTPUT_NAMES = "images", ("logits", "features")

Arrays = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class BundleFacts:
    """What `bundle.json` says.

    Attributes:
        name: Of the model.
        architecture: The timm name of the backbone.
        classes: Taxonomy nodes in the order of the logits.
        taxonomy: The tree; written to a file of its own, `bundle.json` has its name and hash.
        preprocessing: From an RGB picture to the network's input.
        parity: Measured when the ONNX file was written.
        provenance: Data, settings, revision, version, date; whatever JSON can say.
        readout: What validation cases taught about its answers; None before any did.
        rejection: The thresholds that go with the arrays of `rejection.safetensors`; None where the
            model never rejects a picture.

    Raises:
        InputError: the classes are no class set, or the readout is for another number of them.
        TaxonomyError: a class is no node of the taxonomy, or two overlap.
    """

    name: str
    architecture: str
    classes: tuple[str, ...]
    taxonomy: Taxonomy
    preprocessing: Preprocessing
    parity: Parity
    provenance: Mapping[str, Any]
    readout: Readout | None = None
    rejection: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        nodes = ClassSet(self.taxonomy, self.classes).classes
        if nodes != self.classes:
            raise InputError(f"classes: {list(self.classes)} are not named by their nodes")
        if self.readout is not None:
            scaled = len(self.readout.calibration.shift)
            if scaled != len(nodes):
                raise InputError(f"readout: is for {scaled} classes, not {len(nodes)}")

    def calibrated(self, probabilities: FloatArray) -> FloatArray:
        """What the model answers, (n, k), where its network gives `probabilities` (n, k)."""
        return probabilities if self.readout is None else self.readout.calibration(probabilities)

    def to_dict(self) -> dict[str, Any]:
        """The content of `bundle.json`."""
        size = [None, 3, self.preprocessing.height, self.preprocessing.width]
        described = {
            "format_version": FORMAT_VERSION,
            "name": self.name,
            "architecture": self.architecture,
            "classes": list(self.classes),
            "taxonomy": {"name": self.taxonomy.name, "sha256": self.taxonomy.sha256},
            "input": {"name": INPUT_NAME, "shape": size, "type": "float32", "layout": "NCHW, RGB"},
            "outputs": list(OUTPUT_NAMES),
            "preprocessing": self.preprocessing.to_dict(),
            "parity": self.parity.to_dict(),
            "provenance": dict(self.provenance),
        }
        if self.readout is not None:
            described["readout"] = self.readout.to_dict()
        if self.rejection is not None:
            described["rejection"] = dict(self.rejection)
        return described

    @classmethod
    def from_dict(cls, described: Mapping[str, Any], taxonomy: Taxonomy) -> "BundleFacts":
        """Read what `to_dict` wrote.

        Raises:
            InputError: keys are missing or values make no sense.
        """
        try:
            if described["taxonomy"] != {"name": taxonomy.name, "sha256": taxonomy.sha256}:
                raise InputError(f"its taxonomy is not the one in {TREE}")
            readout, rejection = described.get("readout"), described.get("rejection")
            return cls(
                name=str(described["name"]),
                architecture=str(described["architecture"]),
                classes=tuple(described["classes"]),
                taxonomy=taxonomy,
                preprocessing=Preprocessing.from_dict(described["preprocessing"]),
                parity=Parity.from_dict(described["parity"]),
                provenance=dict(described["provenance"]),
                readout=None if readout is None else Readout.from_dict(readout),
                rejection=None if rejection is None else dict(rejection),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise InputError(f"not understood: {fault}") from fault


@dataclass(frozen=True, eq=False)
class ModelBundle:
    """A verified bundle on disk."""

    folder: Path
    facts: BundleFacts
    sha256: Mapping[str, str]  # of each of `FILES`, and of `REJECTION` where there is one

    @property
    def onnx(self) -> Path:
        """The network that is served."""
        return self.folder / NETWORK

    @property
    def weights(self) -> Path:
        """The weights that training continues from."""
        return self.folder / WEIGHTS

    @property
    def taxonomy(self) -> Taxonomy:
        """The tree that the classes belong to."""
        return self.facts.taxonomy

    @property
    def class_set(self) -> ClassSet:
        """The classes, as nodes of the taxonomy."""
        return ClassSet(self.taxonomy, self.facts.classes)

    def read(self, name: str) -> bytes:
        """The content of one of its files, verified as it is read.

        Raises:
            BundleError: it is not what it was when the bundle was loaded.
        """
        content = _read(self.folder, name)
        if hashlib.sha256(content).hexdigest() != self.sha256[name]:
            raise BundleError(f"{self.folder / name}: changed since the bundle was loaded")
        return content

    def rejection_arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """The named arrays of `rejection.safetensors`; none where the bundle has no such file.

        Raises:
            BundleError: it changed since the bundle was loaded, or is no file of arrays.
        """
        if REJECTION not in self.sha256:
            return {}
        try:
            return dict(safetensors.numpy.load(self.read(REJECTION)))
        except SafetensorError as fault:
            raise BundleError(f"{self.folder / REJECTION}: no file of arrays ({fault})") from fault

    @classmethod
    def load(cls, folder: Path) -> "ModelBundle":
        """Read a bundle and verify every file.

        Raises:
            BundleError: no bundle, a missing or altered file, or an unknown format version.
        """
        _require_bundle(folder)
        facts = _read(folder, FACTS)
        described = _known_version(facts, source=str(folder / FACTS))
        sums = _read_sums(folder)
        missing = [name for name in sums if not (folder / name).is_file()]
        if missing:
            raise BundleError(f"{folder}: without {', '.join(missing)}; copy the whole bundle")
        tree = _read(folder, TREE)
        found = {FACTS: hashlib.sha256(facts).hexdigest(), TREE: hashlib.sha256(tree).hexdigest()}
        for name in sums:
            if (found.get(name) or sha256_of_file(folder / name)) != sums[name]:
                raise BundleError(
                    f"{folder / name}: its content is not what {SUMS} says; "
                    "it was damaged or changed, get the bundle again"
                )
        try:
            taxonomy = tree_from_dict(parse_json(tree, source=TREE), source=TREE)
            read = BundleFacts.from_dict(described, taxonomy)
        except InputError as fault:
            raise BundleError(f"{folder / FACTS}: {fault}") from fault
        if (read.rejection is None) != (REJECTION not in sums):
            raise BundleError(
                f"{folder}: {REJECTION} and the thresholds for it in {FACTS} go together, and one "
                "of them is missing; get the bundle again"
            )
        return cls(folder, read, sums)


def require_bundle_place(folder: Path) -> Path:
    """Make sure that writing a bundle there replaces an older one at most; call it before long work.

    Raises:
        OutputError: it would replace anything else.
    """
    return require_replaceable_folder(folder, marker=FACTS, names={*FILES, REJECTION, SUMS})


def require_place_for_cards(folder: Path) -> Path:
    """Make sure that a card written there takes the place of no bundle's own; call it before the work.

    Raises:
        OutputError: a bundle stands there, whose `SHA256SUMS` would no longer be true.
    """
    if is_file(folder / FACTS):
        raise OutputError(
            f"{folder}: a bundle, which a new {CARD} would damage; give another folder"
        )
    return folder


def write_bundle(
    folder: Path,
    facts: BundleFacts,
    *,
    onnx: Path,
    weights: Path,
    model_card: str,
    rejection_arrays: Arrays | None = None,
) -> ModelBundle:
    """Write a bundle whole or not at all, replacing an older one.

    Args:
        folder: The bundle.
        facts: What `bundle.json` will say.
        onnx, weights: Files to copy.
        model_card: Markdown.
        rejection_arrays: What `facts.rejection` has thresholds for.

    Raises:
        BundleError: there are arrays and no thresholds for them, or thresholds without arrays.
        OutputError: the folder cannot be written, or holds anything but an older bundle.
    """
    require_bundle_place(folder)
    with atomic_path(folder) as partial:
        partial.mkdir()
        shutil.copyfile(onnx, partial / NETWORK)
        shutil.copyfile(weights, partial / WEIGHTS)
        write_text(partial / CARD, model_card)
        write_json(partial / TREE, tree_to_dict(facts.taxonomy))
        write_json(partial / FACTS, facts.to_dict())
        if rejection_arrays:
            content = safetensors.numpy.save(dict(rejection_arrays))
            # Not `save_file`, which would keep others from reading it.
            (partial / REJECTION).write_bytes(content)
        names = [*FILES, *([REJECTION] if rejection_arrays else [])]
        sums = [f"{sha256_of_file(partial / name)}  {name}\n" for name in names]
        write_text(partial / SUMS, "".join(sums))
        written = ModelBundle.load(partial)
    return replace(written, folder=folder)


def rewrite_bundle(
    bundle: ModelBundle,
    folder: Path,
    facts: BundleFacts,
    *,
    model_card: str | None = None,
    rejection_arrays: Arrays | None = None,
) -> ModelBundle:
    """Write the same network with other facts, as `write_bundle`; in its own place, if need be.

    Args:
        bundle: Whose network, weights and, by default, model card and arrays are kept.
        folder: The new bundle.
        facts, model_card, rejection_arrays: As in `write_bundle`.
    """
    kept = bundle.rejection_arrays() if facts.rejection is not None else None
    return write_bundle(
        folder,
        facts,
        onnx=bundle.onnx,
        weights=bundle.weights,
        model_card=bundle.read(CARD).decode() if model_card is None else model_card,
        rejection_arrays=rejection_arrays or kept,
    )


def _require_bundle(folder: Path) -> None:
    if is_file(folder / FACTS):
        return
    if is_file(folder / "bundle" / FACTS):
        raise BundleError(f"{folder}: a run folder; its bundle is {folder / 'bundle'}")
    if not exists(folder):
        raise BundleError(f"{folder}: no such folder; give the bundle/ folder of a training run")
    raise BundleError(
        f"{folder}: not a model bundle (no {FACTS}); give the bundle/ folder of a training run"
    )


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as fault:
        raise BundleError(f"{folder / name}: cannot be read ({fault.strerror})") from fault


def _known_version(content: bytes, *, source: str) -> dict[str, Any]:
    """What a `bundle.json` of this format says; asked first, as other formats have other files."""
    try:
        described = parse_json(content, source=source)
    except InputError as fault:
        raise BundleError(f"{fault}; get the bundle again") from fault
    version = described.get("format_version") if isinstance(described, dict) else None
    if type(version) is not int:
        raise BundleError(f"{source}: no format_version; this is not the file Cutis writes")
    if version != FORMAT_VERSION:
        way_out = "update cutis" if version > FORMAT_VERSION else "export it again"
        raise BundleError(
            f"{source}: format version {version}, this cutis reads {FORMAT_VERSION}; {way_out}"
        )
    return dict(described)


def _read_sums(folder: Path) -> dict[str, str]:
    """The hash of each file; a list that names anything else is not ours."""
    text = _read(folder, SUMS).decode("utf-8", "replace")
    sums: dict[str, str] = {}
    for line in text.splitlines():
        match = re.fullmatch(r"([0-9a-f]{64})  (.+)", line)
        if match is None or match[2] not in (*FILES, REJECTION) or match[2] in sums:
            raise BundleError(f"{folder / SUMS}: unexpected line {line!r}; get the bundle again")
        sums[match[2]] = match[1]
    missing = [name for name in FILES if name not in sums]
    if missing:
        raise BundleError(f"{folder / SUMS}: no hash for {', '.join(missing)}")
    return sums
