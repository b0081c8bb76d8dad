"""Exporting a network to ONNX, accepted only if ONNX Runtime repeats what torch computed."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cutis.bundle import (
    INPUT_NAME,
    OUTPUT_NAMES,
    BundleFacts,
    ModelBundle,
    write_bundle,
)
from cutis.checks import UInt8Array
from cutis.deploy.quiet import quiet
from cutis.errors import BundleError
from cutis.files import require_writable
from cutis.inference.predictor import Predictor
from cutis.models.classifier import Classifier
from cutis.models.modes import evaluating
from cutis.models.weights import save_weights
from cutis.parity import Parity
from cutis.readout import softmax

MAX_PROBABILITY_DIFFERENCE = 1e-4


class BothOutputs(nn.Module):
    """A classifier that gives its features, too: images to logits (n, k) and features (n, d)."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and features."""
        features = self.model.features(images)
        return self.model.head(features), features


def export_onnx(model: Classifier, path: Path, *, height: int, width: int) -> None:
    """Write a network as one ONNX file with a free batch size.

    The file takes `images` (n, 3, height, width) and gives `logits` (n, k) and `features` (n, d).
    It says nothing of the machine that wrote it: the exporter's notes hold source lines and folders.
    """
    example = torch.zeros(2, 3, height, width)
    with quiet("torch.onnx", "onnxscript", "onnx_ir"), evaluating(model):
        program = torch.onnx.export(
            BothOutputs(model).eval(),
            (example,),
            input_names=[INPUT_NAME],
            output_names=list(OUTPUT_NAMES),
            dynamic_shapes={INPUT_NAME: {0: torch.export.Dim("batch", min=1, max=4096)}},
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # so the dynamo exporter promises
    network = program.model_proto
    for part in (network.graph, *network.graph.node, *network.graph.value_info):
        part.ClearField("metadata_props")
    path.write_bytes(network.SerializeToString())


def export_bundle(
    model: Classifier,
    folder: Path,
    facts: BundleFacts,
    *,
    frames: UInt8Array,
    model_card: str,
) -> ModelBundle:
    """Export, measure the parity on real frames, and write the bundle only if it is good enough.

    Args:
        model: On the CPU.
        folder: The bundle.
        facts: Everything but the parity, which is measured here.
        frames: Shape (n, h, w, 3), uint8, what `Preprocessing.frame` gives; a few dozen suffice.
        model_card: Markdown.

    Raises:
        BundleError: a probability differs by more than `MAX_PROBABILITY_DIFFERENCE`.
        OutputError: the folder cannot be written.
    """
    preprocessing = facts.preprocessing
    require_writable(folder.absolute().parent, free_bytes=3 * _size_bytes(model))
    with tempfile.TemporaryDirectory(prefix="cutis-export-") as scratch:
        onnx, weights = Path(scratch, "model.onnx"), Path(scratch, "weights.safetensors")
        export_onnx(model, onnx, height=preprocessing.height, width=preprocessing.width)
        save_weights(model, weights)
        trial = write_bundle(
            Path(scratch, "trial"), facts, onnx=onnx, weights=weights, model_card=model_card
        )
        difference = probability_difference(model, Predictor(trial), frames)
        if not difference <= MAX_PROBABILITY_DIFFERENCE:  # nan is refused, too
            raise BundleError(
                f"{folder}: ONNX Runtime differs from torch by {difference:.2g} in probability, "
                f"more than {MAX_PROBABILITY_DIFFERENCE:g}; the bundle was not written"
            )
        measured = replace(facts, parity=Parity(difference, len(frames)))
        return write_bundle(folder, measured, onnx=onnx, weights=weights, model_card=model_card)


def probability_difference(model: Classifier, predictor: Predictor, frames: UInt8Array) -> float:
    """The largest absolute difference of any probability between torch and ONNX Runtime."""
    facts = predictor.bundle.facts
    images = torch.from_numpy(facts.preprocessing.normalise(frames))
    with evaluating(model), torch.inference_mode():
        expected = softmax(model(images).double().numpy())
    return float(np.abs(expected - predictor.probabilities(frames)).max())


def _size_bytes(model: nn.Module) -> int:
    return sum(value.nbytes for value in model.state_dict().values())
