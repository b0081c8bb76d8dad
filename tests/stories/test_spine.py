"""The spine: curate, split, learn a handful of images by heart, predict, evaluate."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from cutis.cli.app import command_tree

LEARN_BY_HEART = """
[data]
image_size = 64
batch_size = 8
workers = 0

[augmentation]
zoom = 1.0
stretch = 1.0
horizontal_flip = 0.0
vertical_flip = 0.0
quarter_turns = false
brightness = 0.0
contrast = 0.0
saturation = 0.0

[model.head]
dropout = 0.0

[trainer]
epochs = 20
average_decay = 0.0
keep = "last"
"""


def cutis(*arguments: object) -> str:
    """What the command prints; it must succeed."""
    outcome = CliRunner().invoke(command_tree(), [str(a) for a in arguments])
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


@pytest.fixture
def split(phantom_set, tmp_path):
    """A manifest of two kinds of lesion, split by lesion into train and val."""
    everything, two_kinds = tmp_path / "everything.csv", tmp_path / "two-kinds.csv"
    cutis("data", "import", "phantom", phantom_set, "-o", everything)
    table = pd.read_csv(everything)
    table[table["diagnosis"].isin(["nevus", "melanoma"])].to_csv(two_kinds, index=False)
    cutis("data", "audit", two_kinds, "-o", tmp_path / "audit")
    audited = tmp_path / "audit" / "manifest.csv"
    cutis("data", "split", audited, "--test", 0, "--val", 0.25, "-o", tmp_path / "split.csv")
    return tmp_path / "split.csv"


def test_a_model_that_learned_its_training_images_by_heart_names_them_all(split, tmp_path):
    settings = tmp_path / "by-heart.toml"
    settings.write_text(LEARN_BY_HEART)
    run = tmp_path / "run"
    cutis("train", split, "--config", settings, "-o", run)

    table = pd.read_csv(split)
    training = table[table["split"] == "train"]
    pictures = [split.parent / path for path in training["path"]]
    found = tmp_path / "found.csv"
    cutis("predict", *pictures, "--model", run / "bundle", "--csv", found)
    cutis(
        "evaluate", found, split, "--split", "train", "--replicates", 100,
        "--explain", run / "bundle", "--explain-images", 2, "-o", tmp_path / "report",
    )  # fmt: skip

    result = json.loads((tmp_path / "report" / "result.json").read_text())
    assert result["overall"]["accuracy"]["value"] == 1.0
    assert result["feature_map"]["pictures"] == len(training)
    assert set(result["heat_maps"]) == {"saliency", "grad-cam"}

    cutis("card", run, "--report", tmp_path / "report", "-o", tmp_path / "cards")
    assert "accuracy | 1.000" in (tmp_path / "cards" / "MODEL_CARD.md").read_text()
