"""An ONNX Runtime session for a bundle's network, on the processor that is there."""

from functools import cache
from pathlib import Path

import onnxruntime

from cutis.bundle import NETWORK, ModelBundle
from cutis.errors import BundleError

# As Linux names the instructions that add products of 8-bit numbers in 32 bits.
VNNI = frozenset({"avx512_vnni", "avx_vnni"})


def open_session(bundle: ModelBundle, *, threads: int) -> onnxruntime.InferenceSession:
    """Load the network of a bundle, verified as it is read.

    Raises:
        BundleError: the file changed since the bundle was loaded, or cannot be run.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    # Between batches the network's threads would spin, on cores that are decoding the next one.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Processors without VNNI add 8-bit products in 16 bits, where sums can overflow; this has ONNX
    # Runtime take wider instructions, which would only make the others twice as slow.
    options.add_session_config_entry("session.x64quantprecision", "0" if has_vnni() else "1")
    try:
        return onnxruntime.InferenceSession(
            bundle.read(NETWORK), options, providers=["CPUExecutionProvider"]
        )
    except BundleError:
        raise
    except Exception as fault:  # ONNX Runtime's own exceptions share no public base
        raise BundleError(f"{bundle.onnx}: ONNX Runtime cannot run it ({fault})") from fault


@cache
def has_vnni(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor says that it adds 8-bit products without overflow; False if unknown."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return not VNNI.isdisjoint(flags.split())
