"""Files for other runtimes, TorchScript and OpenVINO, each beside a JSON file with its contract."""

import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cutis import RESEARCH_USE_NOTICE
from cutis.bundle import OUTPUT_NAMES, BundleFacts
from cutis.checks import FloatArray
from cutis.deploy.export import BothOutputs
from cutis.errors import MissingExtraError
from cutis.files import require_replaceable_folder, write_json
from cutis.models.classifier import Classifier
from cutis.models.modes import evaluating

CONTRACT = "model.json"
FILES = (CONTRACT, "model.pt", "model.xml", "model.bin")  # of either format

Network = Callable[[FloatArray], FloatArray]  # images (n, 3, h, w) to logits (n, k)


def require_interchange_place(folder: Path) -> Path:
    """Make sure that a folder of these files replaces an older one at most; call it before long work.

    Raises:
        OutputError: it would replace anything else.
    """
    return require_replaceable_folder(folder, marker=CONTRACT, names=FILES)


def write_contract(folder: Path, facts: BundleFacts) -> None:
    """Say what the network beside it takes and gives: what `bundle.json` says, with the notice."""
    write_json(folder / CONTRACT, {"notice": RESEARCH_USE_NOTICE, **facts.to_dict()})


def write_torchscript(model: Classifier, folder: Path, *, height: int, width: int) -> Network:
    """Write `model.pt`, traced and frozen, with a free batch size.

    It says nothing of the machine that wrote it: TorchScript keeps source lines and folders, which
    are left out.

    Args:
        model: On the CPU.
        folder: Exists.
        height, width: Of the input, in pixels.

    Returns:
        The network as it is read back.
    """
    example = torch.zeros(2, 3, height, width)
    file, whole = folder / "model.pt", folder / "whole.pt"
    with warnings.catch_warnings(), evaluating(model), torch.inference_mode():
        warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript announces its own end
        traced = torch.jit.trace(BothOutputs(model).eval(), example)  # type: ignore[no-untyped-call]
        torch.jit.freeze(traced).save(whole)
        with zipfile.ZipFile(whole) as source, zipfile.ZipFile(file, "w") as target:
            for entry in source.infolist():
                if not entry.filename.endswith(".debug_pkl"):
                    target.writestr(entry, source.read(entry))
        whole.unlink()
        read_back = torch.jit.load(file)  # type: ignore[no-untyped-call]

    def logits(images: FloatArray) -> FloatArray:
        with torch.inference_mode():
            return np.asarray(read_back(torch.from_numpy(images))[0])

    return logits


def openvino_package() -> Any:
    """openvino, without the package by which it tells its maker of every import and conversion.

    Raises:
        MissingExtraError: it is not installed.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError:
        raise MissingExtraError("openvino", "openvino") from None
    return openvino


def write_openvino(onnx: Path, folder: Path) -> Network:
    """Write `model.xml` and `model.bin`, in float, from an ONNX file.

    Returns:
        The network as it is read back, computing in float.

    Raises:
        MissingExtraError: openvino is not installed.
    """
    openvino = openvino_package()
    openvino.save_model(openvino.convert_model(onnx), folder / "model.xml", compress_to_fp16=False)
    exact = {"INFERENCE_PRECISION_HINT": "f32"}  # some processors would compute in bfloat16
    compiled = openvino.compile_model(folder / "model.xml", "CPU", exact)
    return lambda images: np.asarray(compiled(images)[OUTPUT_NAMES[0]])
