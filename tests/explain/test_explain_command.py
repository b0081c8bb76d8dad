"""`cutis explain` as a program: what it draws, prints and returns."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image

from cutis import RESEARCH_USE_NOTICE
from cutis.explain.pictures import explain_pictures
from cutis.imaging import Preprocessing
from cutis.models.backbones import BackboneSettings
from cutis.models.classifier import ModelSettings, create_classifier
from cutis.models.trained import TrainedClassifier
from cutis.models.weights import save_weights
from cutis.taxonomy import ClassSet, Node, Taxonomy

SIDE = 64
DOCUMENT = Path(__file__).parents[2] / "docs" / "explanation.md"


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory) -> Path:
    """The run folder of a small network that has learned nothing."""
    run = tmp_path_factory.mktemp("explain") / "run"
    (run / "checkpoints").mkdir(parents=True)
    torch.manual_seed(0)
    settings = ModelSettings(backbone=BackboneSettings(name="test_efficientnet", weights="none"))
    network = create_classifier(settings, classes=3, image_size=SIDE)
    save_weights(network, run / "checkpoints" / "kept.safetensors")
    labels = ("melanoma", "nevus", "dermatofibroma")
    facts = {"image_id": labels, "path": "x.png", "diagnosis": labels, "split": "train"}
    table = pd.DataFrame(facts)
    table.to_csv(run / "manifest.csv", index=False)
    described = {
        "data": {"image_size": SIDE, "fit": "crop", "interpolation": "bilinear"},
        "model": settings.model_dump(mode="json"),
    }
    (run / "settings.json").write_text(json.dumps(described))
    return run


@pytest.fixture
def pictures(phantom_set) -> list[Path]:
    return sorted((phantom_set / "images").glob("*"))[:2]


def test_each_picture_and_method_gets_a_file_and_a_line(cutis, run_folder, pictures, tmp_path):
    code, out, err = cutis(
        "explain", run_folder, *pictures, "-o", tmp_path / "o", "--method", "saliency",
        "--method", "grad-cam++", "--node", "benign",
    )  # fmt: skip
    assert code == 0, err
    assert RESEARCH_USE_NOTICE in out
    for picture in pictures:
        for method in ("saliency", "grad-cam++"):
            with Image.open(tmp_path / "o" / f"{picture.stem}-benign-{method}.png") as drawn:
                assert min(drawn.size) > 300
            assert any(picture.stem in line and method in line for line in out.splitlines())


def test_the_json_describes_every_map_and_every_key_is_documented(
    cutis, run_folder, pictures, phantom_set, tmp_path
):
    masks = phantom_set / "masks"
    code, out, err = cutis(
        "explain", run_folder, pictures[0], "-o", tmp_path / "o", "--json", "--check",
        "--masks", masks,
    )  # fmt: skip
    assert code == 0, err
    told = json.loads(out)
    assert told == json.loads((tmp_path / "o" / "explanation.json").read_text())
    (picture,) = told["pictures"]
    assert (tmp_path / "o" / picture["file"]).is_file()
    assert picture["node"] in ("melanoma", "nevus", "dermatofibroma")
    assert picture["probability"] > 1 / 3 - 1e-6  # the most probable of three
    assert 0 <= picture["check"]["mass_inside"] <= 1
    assert 0 < picture["check"]["area_share"] < 1
    page = DOCUMENT.read_text(encoding="utf-8")
    keys = [*told, *told["model"], *picture, *picture["check"]]
    assert [key for key in keys if f"`{key}`" not in page] == []


def test_the_table_of_checks_fits_into_80_columns(
    cutis, run_folder, pictures, tmp_path, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = cutis("explain", run_folder, pictures[0], "-o", tmp_path / "o", "--check")
    assert code == 0
    for word in ("explained", "probability", "deletion", "insertion", "randomised", "saliency"):
        assert word in out
    assert pictures[0].stem in out
    assert "…" not in out


def test_an_unreadable_picture_is_reported_and_the_rest_goes_on(
    cutis, run_folder, pictures, tmp_path
):
    (tmp_path / "page.jpg").write_text("<html>")
    code, out, err = cutis(
        "explain", run_folder, tmp_path / "page.jpg", pictures[0], "-o", tmp_path / "o"
    )
    assert code == 1
    assert "page.jpg: a web page" in err
    assert pictures[0].stem in out


def test_a_mask_of_another_shape_fails_its_picture_alone(cutis, run_folder, pictures, tmp_path):
    Image.new("L", (60, 10)).save(tmp_path / f"{pictures[0].stem}.png")
    code, out, err = cutis(
        "explain", run_folder, *pictures, "-o", tmp_path / "o", "--check", "--masks", tmp_path
    )
    assert code == 1
    assert "60 x 10 pixels are not the shape of its picture" in err
    assert pictures[1].stem in out


def test_a_node_that_is_named_like_a_path_stays_in_the_folder(linear, pictures, tmp_path):
    tree = Taxonomy("t", {node: Node(node, node, None) for node in ("../../../bad", "good")})
    model = TrainedClassifier(linear, ClassSet(tree, ("good", "bad")), Preprocessing(16, 16))
    explain_pictures(model, pictures[:1], tmp_path / "a" / "o", node="bad")
    assert [path.parent for path in tmp_path.rglob("*.png")] == [tmp_path / "a" / "o"]


def test_when_nothing_could_be_read_nothing_is_written(cutis, run_folder, tmp_path):
    (tmp_path / "page.jpg").write_text("<html>")
    code, out, err = cutis("explain", run_folder, tmp_path / "page.jpg", "-o", tmp_path / "o")
    assert (code, out) == (2, "")
    assert "none of 1 files could be read" in err
    assert list((tmp_path / "o").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "gradcam"], "did you mean 'grad-cam'"),
        (["--node", "melanomma"], "did you mean 'melanoma'"),
        (["--node", "melanoma-in-situ"], "finer than the class 'melanoma'"),
        (["--node", "psoriasis"], "no class is part of it"),
        (["--masks", "."], "--masks is read by --check"),
    ],
)
def test_what_cannot_be_done_ends_in_one_message(
    cutis, run_folder, pictures, tmp_path, options, message
):
    code, out, err = cutis("explain", run_folder, pictures[0], "-o", tmp_path / "o", *options)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_a_model_that_is_none_is_named(cutis, pictures, tmp_path):
    code, _out, err = cutis("explain", tmp_path, pictures[0], "-o", tmp_path / "o")
    assert code == 2
    assert "neither a model bundle nor a run folder" in err
