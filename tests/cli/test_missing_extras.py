"""Where an extra is not installed, the message names it, before any work is done."""

import subprocess
import sys

import pytest
from PIL import Image

WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; from cutis.cli import main; main()"


@pytest.mark.parametrize(
    "command",
    [
        ("train", "manifest.csv", "-o", "run"),
        ("predict", "picture.png", "--explain", "maps"),
        ("explain", "dermoscopy-lite0", "picture.png", "-o", "maps"),
        ("export", "dermoscopy-lite0", "--format", "torchscript", "-o", "exported"),
    ],
    ids=lambda command: command[0],
)
def test_a_command_that_needs_torch_names_the_extra(command, tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "picture.png")
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2
    assert ended.stderr == "cutis: torch is not installed; try: pip install 'cutis[train]'\n"
    assert ended.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]


def test_the_card_of_a_bundle_is_copied_without_torch(tmp_path):
    command = [sys.executable, "-c", WITHOUT_TORCH, "card", "dermoscopy-lite0", "-o", "cards"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / "cards" / "MODEL_CARD.md").read_text().startswith("# Model card")
