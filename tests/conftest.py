"""What the tests share: the real data where there are any, and one phantom set."""

import os
import sys
from pathlib import Path

# Tests run side by side, so each keeps to one core; NumPy and torch read it on import.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
from hypothesis import settings

# A law holds or it does not; how long a busy machine takes to find out is not part of it.
settings.register_profile("cutis", deadline=None)
settings.load_profile("cutis")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data that `CUTIS_DATA` names; the test is skipped where it is missing."""
    folder = Path(os.environ.get("CUTIS_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set CUTIS_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def phantom_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 60 drawn pictures, their masks and metadata; read it, never write to it."""
    from cutis.data.phantom import draw_phantom_set

    folder = tmp_path_factory.mktemp("phantom") / "set"
    draw_phantom_set(folder, images=60, seed=0)
    return folder


@pytest.fixture
def cutis(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the program in this process: its exit code, output and errors."""
    from cutis.cli import main

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cutis", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "160")
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture(scope="session")
def readout():
    """What validation might have taught about `colour_bundle`; the numbers are chosen by hand."""
    import numpy as np

    from cutis.readout import (
        AbstentionRule,
        FittedOn,
        LogLinearMap,
        Readout,
        SetRule,
        ValidatedThreshold,
    )

    return Readout(
        fitted_on=FittedOn(None, "val", 40, 30),
        method="vector",
        calibration=LogLinearMap(0.5 * np.eye(3), np.array([0.0, 1.0, 2.0])),
        error_before=0.05,
        error_after=0.01,
        thresholds=(
            ValidatedThreshold("melanoma", 0.9, 0.25, 9, 10, 24, 30),
            ValidatedThreshold("malignancy", 0.95, 0.2, 10, 10, 21, 30),
        ),
        sets=SetRule(0.9, 0.1, 0.92, 1.4),
        abstention=AbstentionRule(0.1, 0.95, 0.6, 0.7, 0.05),
    )


@pytest.fixture(scope="session")
def colour_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle for 8 x 8 pixels that tells red, green and blue apart; read it, never write to it.

    Of a plain picture the logit of a class is 4 times its channel, scaled to [-1, 1]: red is a
    melanoma, green a nevus, blue a dermatofibroma. The pixels at the top and left weigh more, so
    that mirrored and turned pictures get other answers.
    """
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from safetensors.numpy import save_file

    from cutis.bundle import BundleFacts, write_bundle
    from cutis.imaging import Preprocessing
    from cutis.parity import Parity
    from cutis.taxonomy import load_taxonomy

    side = 8
    slope = np.linspace(0.5, -0.5, side)
    weight = (1 + slope[:, None] + slope[None, :] / 2) / side**2
    kernel = np.zeros((3, 3, side, side), dtype=np.float32)
    kernel[range(3), range(3)] = weight
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["images", "kernel"], ["mean_colour"]),
            helper.make_node("Flatten", ["mean_colour"], ["features"]),
            helper.make_node("Mul", ["features", "four"], ["logits"]),
        ],
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, side, side])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3])
            for name in ("logits", "features")
        ],
        [
            numpy_helper.from_array(kernel, "kernel"),
            numpy_helper.from_array(np.float32(4), "four"),
        ],
    )
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    scratch = tmp_path_factory.mktemp("colours")
    onnx.save(network, scratch / "model.onnx")
    save_file({"kernel": kernel}, scratch / "weights.safetensors")
    facts = BundleFacts(
        name="colours",
        architecture="by hand",
        classes=("melanoma", "nevus", "dermatofibroma"),
        taxonomy=load_taxonomy(),
        preprocessing=Preprocessing(side, side),
        parity=Parity(0.0, 1),
        provenance={"sources": ["drawn"]},
    )
    return write_bundle(
        scratch / "bundle",
        facts,
        onnx=scratch / "model.onnx",
        weights=scratch / "weights.safetensors",
        model_card="# Colours\n",
    ).folder
