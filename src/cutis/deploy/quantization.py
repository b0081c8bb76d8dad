"""Smaller numbers in an ONNX file: weights in half precision, or 8-bit arithmetic.

Half precision is storage only: a cast stands behind each array, ONNX Runtime folds it on loading, and
the network computes as fast and as far as the float one.

Eight bits are static: ranges of activations come from real pictures (ONNX Runtime's quantiser, in
QuantizeLinear / DequantizeLinear form). Weights have a scale per channel. Both are described in
docs/export.md.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from cutis.bundle import INPUT_NAME
from cutis.checks import FloatArray, UInt8Array
from cutis.deploy.quiet import quiet
from cutis.imaging import Preprocessing

LARGEST_HALF = float(np.finfo(np.float16).max)
CALIBRATION_IMAGES = 256
CALIBRATION_BATCH = 4
FLOAT_CONVOLUTIONS = (6, 12, 18, 24)  # how many stay in float, tried in this order


def store_half(source: Path, target: Path) -> None:
    """Write a float network with its matrices and kernels in half precision, each behind a cast.

    Vectors, such as biases, stay as they are, and so does an array with a value that half precision
    cannot hold.
    """
    network = onnx.load(source)
    arrays = {array.name: array for array in network.graph.initializer if _fits_half(array)}
    casts = []
    for name, array in arrays.items():
        half = numpy_helper.to_array(array).astype(np.float16)
        array.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *network.graph.node]
    del network.graph.node[:]
    network.graph.node.extend(nodes)
    target.write_bytes(network.SerializeToString())


def quantise(
    source: Path,
    target: Path,
    frames: UInt8Array,
    *,
    preprocessing: Preprocessing,
    float_convolutions: int,
) -> None:
    """Write a float network with 8-bit convolutions and sums.

    The first convolutions stay in float: few channels carry the whole picture there, and an error made
    early is carried through the network. So does what follows the last convolution, that is features
    and logits.

    Args:
        source: The float network.
        target: The file to write.
        frames: Shape (n, h, w, 3), uint8, of training pictures; the ranges of activations are theirs.
        preprocessing: From a frame to the network's input.
        float_convolutions: How many stay in float.
    """
    with tempfile.TemporaryDirectory(prefix="cutis-quantise-") as scratch, quiet(""):
        prepared = Path(scratch, "prepared.onnx")
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            target,
            _Pictures(frames, preprocessing),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Clip", "Relu", "Add"],
            nodes_to_exclude=_convolutions(onnx.load(prepared))[:float_convolutions],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )


class _Pictures(CalibrationDataReader):  # type: ignore[misc]
    """Frames as ONNX Runtime's quantiser asks for them."""

    def __init__(self, frames: UInt8Array, preprocessing: Preprocessing) -> None:
        starts = range(0, len(frames), CALIBRATION_BATCH)
        self._batches = (
            {INPUT_NAME: preprocessing.normalise(frames[start : start + CALIBRATION_BATCH])}
            for start in starts
        )

    def get_next(self) -> dict[str, FloatArray] | None:
        """The next batch, None after the last."""
        return next(self._batches, None)


def _convolutions(network: ModelProto) -> list[str]:
    """Their names, in order."""
    return [node.name for node in network.graph.node if node.op_type == "Conv"]


def _fits_half(array: TensorProto) -> bool:
    if array.data_type != TensorProto.FLOAT or len(array.dims) < 2:
        return False
    return bool(np.abs(numpy_helper.to_array(array)).max() <= LARGEST_HALF)
