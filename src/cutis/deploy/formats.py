"""A bundle's network in another format: ONNX files come as bundles, others beside their contract.

Whatever may change answers (8-bit arithmetic, half precision) is compared with the float network on
labelled validation pictures, and refused where it loses more than `agreement.LIMITS` allow. The other
formats have to repeat the numbers. Another input size makes another float network; what it does to
the answers is measured, too.
"""

import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from cutis.bundle import CARD, BundleFacts, ModelBundle, require_bundle_place, write_bundle
from cutis.checks import UInt8Array, did_you_mean
from cutis.deploy.agreement import SECTION, measure_parity, misses, served_network
from cutis.deploy.export import MAX_PROBABILITY_DIFFERENCE, export_bundle
from cutis.deploy.interchange import (
    openvino_package,
    require_interchange_place,
    write_contract,
    write_openvino,
    write_torchscript,
)
from cutis.deploy.model_card import resized_card
from cutis.deploy.quantization import (
    CALIBRATION_IMAGES,
    FLOAT_CONVOLUTIONS,
    quantise,
    store_half,
)
from cutis.errors import BundleError, InputError
from cutis.files import atomic_path, require_writable
from cutis.imaging import Preprocessing
from cutis.inference.predictor import Predictor
from cutis.inference.recalibration import SECTION as CALIBRATION
from cutis.markdown import with_section, without_section
from cutis.models.backbones import feature_width
from cutis.models.classifier import Classifier
from cutis.models.trained import load_trained
from cutis.models.weights import store_half_weights
from cutis.parity import Agreement, Parity
from cutis.readout import softmax
from cutis.tables.manifest import Manifest

NUMBERS = {"onnx": "float32", "onnx-fp16": "float16", "onnx-int8": "int8"}
FORMATS = (*NUMBERS, "torchscript", "openvino")
DRAWN_FRAMES = 8  # of noise, on which numbers are compared


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        parity: With the float network of the same input size.
        resized: What another input size did to the float network's answers, where it is another.
        missed: The limits that were missed and accepted, in words.
    """

    parity: Parity
    resized: Agreement | None = None
    missed: tuple[str, ...] = ()


def export_format(
    bundle: ModelBundle,
    output: Path,
    *,
    format: str,
    size: int | None = None,
    images: Manifest | None = None,
    accept_loss: bool = False,
    half_weights: bool = False,
) -> Exported:
    """Write a bundle's network in another format.

    Args:
        bundle: Its ONNX file may be of any numbers; the float network is then made from its weights.
        output: A bundle for ONNX formats, otherwise a folder with the network and its contract.
        format: One of `FORMATS`.
        size: Side of another input, in pixels. What was fitted on answers at the old size
            (calibration, thresholds, rejection) is left out.
        images: With labelled rows in split "val" and, for 8 bits, in "train".
        accept_loss: Write even what misses `agreement.LIMITS`.
        half_weights: Store weights.safetensors in half precision.

    Raises:
        InputError: no such format, a size the network does not take, no `images` where answers
            may change, or half-precision weights for a format without weights of its own.
        ManifestError: a split that is needed is missing.
        BundleError: the network cannot be built, or repeats the float one too poorly.
        MissingExtraError: openvino is not installed.
        OutputError: the output cannot be written, or would replace anything but older output of its
            kind.
    """
    if format not in FORMATS:
        guess = did_you_mean(format, FORMATS)
        raise InputError(f"format {format!r}: choose one of {', '.join(FORMATS)}{guess}")
    if half_weights and format not in NUMBERS:
        raise InputError(
            f"format {format!r}: --half-weights is about weights of a bundle; leave it out"
        )
    (require_bundle_place if format in NUMBERS else require_interchange_place)(output)
    own = bundle.facts.preprocessing
    wanted = own if size is None else replace(own, height=size, width=size)
    validation = training = None
    if wanted != own or format in ("onnx-fp16", "onnx-int8"):
        validation = _validation(images, what=f"{size} px" if wanted != own else format)
    if format == "onnx-int8" and images is not None:
        training = _calibration_pictures(images)
    if format == "openvino":
        openvino_package()
    require_writable(output.absolute().parent)
    with tempfile.TemporaryDirectory(prefix="cutis-export-") as scratch:
        reference = _float_bundle(bundle, wanted, Path(scratch, "float"))
        resized = None
        if wanted != own and validation is not None:
            resized = measure_parity(bundle, reference, validation, numbers="float32").agreement
        if format not in NUMBERS:
            return Exported(_write_interchange(reference, output, format=format), resized)
        network, parity = reference.onnx, reference.facts.parity
        if format != "onnx" and validation is not None:
            network = Path(scratch, "network.onnx")
            parity = _shrink(reference, network, training, validation, format=format)
        missed = _require_parity(parity, output, accept_loss=accept_loss)
        weights = bundle.weights
        if half_weights:
            weights = Path(scratch, "half.safetensors")
            store_half_weights(bundle.weights, weights)
        facts = _facts(bundle, wanted, parity, resized)
        write_bundle(
            output,
            facts,
            onnx=network,
            weights=weights,
            model_card=_card(bundle, facts),
            rejection_arrays=bundle.rejection_arrays() if facts.rejection is not None else None,
        )
    return Exported(parity, resized, missed)


def _validation(images: Manifest | None, *, what: str) -> Manifest:
    """The labelled pictures on which answers are compared."""
    if images is None:
        raise InputError(
            f"{what}: answers may change, which is measured on labelled pictures; give --images "
            "with the manifest of the training, or one like it"
        )
    validation = images.labelled().split("val")
    validation.require_files()
    return validation


def _float_bundle(bundle: ModelBundle, wanted: Preprocessing, scratch: Path) -> ModelBundle:
    """The bundle itself where its network is that, otherwise one made from its weights."""
    facts = bundle.facts
    if wanted == facts.preprocessing and facts.parity.numbers == "float32":
        return bundle
    network = _network(bundle)
    feature_width(network.backbone, size=wanted.height)  # refuses sizes that it does not take
    return export_bundle(
        network,
        scratch,
        replace(facts, preprocessing=wanted, rejection=None),
        frames=_drawn(wanted),
        model_card="",
    )


def _network(bundle: ModelBundle) -> Classifier:
    network = load_trained(bundle.folder).network
    assert isinstance(network, Classifier)
    return network


def _drawn(preprocessing: Preprocessing) -> UInt8Array:
    shape = (DRAWN_FRAMES, preprocessing.height, preprocessing.width, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def _shrink(
    reference: ModelBundle,
    network: Path,
    training: Manifest | None,
    validation: Manifest,
    *,
    format: str,
) -> Parity:
    """Write the network with smaller numbers; of 8 bits, for `training`, as many as limits allow."""

    def compared() -> Parity:
        trial = write_bundle(
            network.with_suffix(""),
            replace(reference.facts, rejection=None),
            onnx=network,
            weights=reference.weights,
            model_card="",
        )
        return measure_parity(reference, trial, validation, numbers=NUMBERS[format])

    if training is None:
        store_half(reference.onnx, network)
        return compared()
    preprocessing = reference.facts.preprocessing
    frames = np.stack([preprocessing.read(path) for path in training.paths])
    for kept in FLOAT_CONVOLUTIONS:
        quantise(
            reference.onnx,
            network,
            frames,
            preprocessing=preprocessing,
            float_convolutions=kept,
        )
        parity = compared()
        if parity.agreement is not None and not misses(parity.agreement):
            break
    return parity


def _calibration_pictures(images: Manifest) -> Manifest:
    """Training pictures, drawn with a fixed seed."""
    training = images.split("train")
    drawn = np.random.default_rng(0).permutation(len(training))[:CALIBRATION_IMAGES]
    pictures = training.rows(np.isin(np.arange(len(training)), drawn))
    pictures.require_files()
    return pictures


def _require_parity(parity: Parity, output: Path, *, accept_loss: bool) -> tuple[str, ...]:
    """The limits that were missed.

    Raises:
        BundleError: there are some, and the loss is not accepted.
    """
    missed = misses(parity.agreement) if parity.agreement is not None else ()
    if missed and not accept_loss:
        raise BundleError(
            f"{output}: not written, as the {parity.numbers} network does not repeat the float one "
            f"on {parity.images} validation pictures: {'; '.join(missed)}; "
            "choose another format, or --accept-loss to write it nevertheless"
        )
    return missed


def _facts(
    bundle: ModelBundle, wanted: Preprocessing, parity: Parity, resized: Agreement | None
) -> BundleFacts:
    """What the new bundle says; at another size, without what was fitted at the old one."""
    facts = replace(bundle.facts, preprocessing=wanted, parity=parity)
    if resized is None:
        return facts
    own = bundle.facts.preprocessing
    change = {"from_px": [own.height, own.width], **asdict(resized)}
    provenance = {**facts.provenance, "resized": change}
    return replace(facts, provenance=provenance, readout=None, rejection=None)


def _card(bundle: ModelBundle, facts: BundleFacts) -> str:
    """The bundle's card as it is true of the new one."""
    card, was = bundle.read(CARD).decode(), bundle.facts.preprocessing
    if facts.preprocessing != was:
        card = resized_card(without_section(card, CALIBRATION), was=was, now=facts.preprocessing)
    return with_section(card, SECTION, served_network(facts.parity))


def _write_interchange(reference: ModelBundle, output: Path, *, format: str) -> Parity:
    """Write TorchScript or OpenVINO files and their contract, if they repeat ONNX Runtime."""
    facts = reference.facts
    frames = _drawn(facts.preprocessing)
    require_interchange_place(output)
    with atomic_path(output) as partial:
        partial.mkdir()
        if format == "openvino":
            network = write_openvino(reference.onnx, partial)
        else:
            height, width = facts.preprocessing.height, facts.preprocessing.width
            network = write_torchscript(_network(reference), partial, height=height, width=width)
        answers = softmax(network(facts.preprocessing.normalise(frames)))
        difference = float(np.abs(answers - Predictor(reference).probabilities(frames)).max())
        if not difference <= MAX_PROBABILITY_DIFFERENCE:  # nan is refused, too
            raise BundleError(
                f"{output}: not written, as {format} differs from ONNX Runtime by {difference:.2g} "
                f"in probability, more than {MAX_PROBABILITY_DIFFERENCE:g}"
            )
        parity = Parity(difference, len(frames))
        write_contract(partial, replace(facts, parity=parity))
    return parity
