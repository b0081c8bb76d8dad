"""Where an extra is not installed, the message names it, before any work is done."""

import subprocess
import sys

import pytest
from PIL import Image

WITHOUT = "import sys; sys.modules['{}'] = None; from cutis.cli import main; main()"
PREDICT = ("predict", "picture.png", "--explain", "maps", "--csv", "predictions.csv")
REPORT = ("evaluate", "p.csv", "m.csv", "--explain", "dermoscopy-lite0", "-o", "report")
EXPLAIN = ("explain", "dermoscopy-lite0", "picture.png", "-o", "maps")


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        (("train", "manifest.csv", "-o", "run"), "torch", "train"),
        (("export", "dermoscopy-lite0", "--format", "onnx", "-o", "new"), "torch", "train"),
        (PREDICT, "torch", "explain"),
        (PREDICT, "captum", "explain"),
        (REPORT, "captum", "explain"),
        (EXPLAIN, "torch", "explain"),
        (EXPLAIN, "captum", "explain"),
    ],
)
def test_a_command_names_the_extra_that_it_needs(command, package, extra, tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "picture.png")
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(package), *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2
    told = f"cutis: {package} is not installed; try: pip install 'cutis[{extra}]'\n"
    assert ended.stderr == told
    assert ended.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]


def test_the_card_of_a_bundle_is_copied_without_torch(tmp_path):
    command = [
        sys.executable,
        "-c",
        WITHOUT.format("torch"),
        "card",
        "dermoscopy-lite0",
        "-o",
        "cards",
    ]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / "cards" / "MODEL_CARD.md").read_text().startswith("# Model card")
