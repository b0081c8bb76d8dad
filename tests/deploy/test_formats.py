"""A network in another format keeps its contract, and says what it lost."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.metrics import balanced_accuracy_score

from cutis import RESEARCH_USE_NOTICE
from cutis.bundle import BundleFacts, ModelBundle, rewrite_bundle
from cutis.deploy import formats
from cutis.deploy.export import export_bundle
from cutis.deploy.formats import export_format
from cutis.errors import BundleError, InputError, ManifestError, MissingExtraError, OutputError
from cutis.imaging import Preprocessing
from cutis.inference.predictor import Predictor
from cutis.models.backbones import BackboneSettings
from cutis.models.classifier import ModelSettings, create_classifier
from cutis.models.trained import load_trained
from cutis.parity import Parity
from cutis.tables.manifest import Manifest
from cutis.taxonomy import load_taxonomy

SIDE = 32
CLASSES = ("melanoma", "nevus", "dermatofibroma")
COLOURS = {"melanoma": (220, 40, 40), "nevus": (40, 220, 40), "dermatofibroma": (40, 40, 220)}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """An untrained network of a real architecture whose answers differ between colours."""
    torch.manual_seed(0)
    settings = ModelSettings(
        backbone=BackboneSettings(name="test_efficientnet.r160_in1k", weights="none")
    )
    model = create_classifier(settings, classes=len(CLASSES), image_size=SIDE)
    torch.nn.init.normal_(model.head[-1].weight)
    facts = BundleFacts(
        name="small",
        architecture=settings.backbone.name,
        classes=CLASSES,
        taxonomy=load_taxonomy(),
        preprocessing=Preprocessing(SIDE, SIDE),
        parity=Parity(float("nan"), 0),
        provenance={"head": settings.head.model_dump(mode="json")},
    )
    frames = np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8)
    folder = tmp_path_factory.mktemp("formats") / "bundle"
    return export_bundle(model, folder, facts, frames=frames, model_card="# Small\n")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Noisy coloured pictures, two thirds for training."""
    folder = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(1)
    rows = []
    for n in range(18):
        diagnosis = CLASSES[n % 3]
        noise = generator.normal(COLOURS[diagnosis], 30, (SIDE, SIDE, 3)).clip(0, 255)
        Image.fromarray(noise.astype(np.uint8)).save(folder / f"{n}.png")
        rows.append(
            {
                "image_id": str(n),
                "path": str(folder / f"{n}.png"),
                "diagnosis": diagnosis,
                "split": "train" if n < 12 else "val",
            }
        )
    return Manifest(pd.DataFrame(rows), load_taxonomy())


@pytest.mark.parametrize(("format", "share"), [("onnx-int8", 0.65), ("onnx-fp16", 0.7)])
def test_a_smaller_network_keeps_the_contract_and_is_smaller(
    bundle, images, tmp_path, format, share
):
    exported = export_format(
        bundle, tmp_path / "small", format=format, images=images, accept_loss=True
    )
    small = ModelBundle.load(tmp_path / "small")
    assert small.onnx.stat().st_size < share * bundle.onnx.stat().st_size
    assert small.weights.read_bytes() == bundle.weights.read_bytes()
    assert small.facts.parity == exported.parity
    assert small.facts.parity.numbers == formats.NUMBERS[format]
    assert small.facts.parity.images == 6
    assert replace(small.facts, parity=bundle.facts.parity).to_dict() == bundle.facts.to_dict()
    frames = np.random.default_rng(2).integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8)
    was, now = Predictor(bundle), Predictor(small)
    assert now.features(frames).dtype == np.float32
    assert now.features(frames).shape == was.features(frames).shape
    assert np.abs(now.probabilities(frames) - was.probabilities(frames)).max() < 0.01
    assert "Served network" in (tmp_path / "small" / "MODEL_CARD.md").read_text()


def test_half_precision_is_as_close_as_its_digits_are(bundle, images, tmp_path):
    exported = export_format(bundle, tmp_path / "small", format="onnx-fp16", images=images)
    assert 0 < exported.parity.max_probability_difference < 5e-3
    assert exported.missed == ()


def test_eight_bits_are_really_in_the_file(bundle, images, tmp_path):
    export_format(bundle, tmp_path / "a", format="onnx-int8", images=images, accept_loss=True)
    export_format(bundle, tmp_path / "b", format="onnx-int8", images=images, accept_loss=True)
    network = onnx.load(tmp_path / "a" / "model.onnx")
    kinds = [node.op_type for node in network.graph.node]
    assert kinds.count("DequantizeLinear") > kinds.count("Conv") > 0
    assert [output.name for output in network.graph.output] == ["logits", "features"]
    assert (tmp_path / "a" / "model.onnx").read_bytes() == (
        tmp_path / "b" / "model.onnx"
    ).read_bytes()


def test_a_loss_is_refused_with_its_figures(bundle, images, tmp_path, monkeypatch):
    answered = Predictor(bundle).probabilities(np.zeros((1, SIDE, SIDE, 3), np.uint8)).argmax()

    def ruin(source: Path, target: Path) -> None:
        """Shift the logits until it always answers with another class."""
        network = onnx.load(source)
        (bias,) = [a for a in network.graph.initializer if a.name.endswith("head.1.bias")]
        bias.raw_data = (100 * np.eye(3, dtype=np.float32)[(answered + 1) % 3]).tobytes()
        onnx.save(network, target)

    monkeypatch.setattr(formats, "store_half", ruin)
    with pytest.raises(BundleError, match=r"equal answers 0\.00 %, at least 99\.00 % needed"):
        export_format(bundle, tmp_path / "small", format="onnx-fp16", images=images)
    assert list(tmp_path.iterdir()) == []
    exported = export_format(
        bundle, tmp_path / "small", format="onnx-fp16", images=images, accept_loss=True
    )
    assert exported.missed
    assert ModelBundle.load(tmp_path / "small").facts.parity.agreement.equal_answers < 0.99


def test_half_weights_train_on_and_make_the_float_network_again(bundle, images, tmp_path):
    export_format(bundle, tmp_path / "small", format="onnx-fp16", images=images, half_weights=True)
    small = ModelBundle.load(tmp_path / "small")
    assert small.weights.stat().st_size < 0.6 * bundle.weights.stat().st_size
    before = load_trained(bundle.folder).network.state_dict()
    for name, value in load_trained(small.folder).network.state_dict().items():
        assert value.dtype == before[name].dtype
        assert torch.allclose(value.double(), before[name].double(), rtol=1e-3, atol=1e-6), name
    export_format(small, tmp_path / "float", format="onnx")
    again = ModelBundle.load(tmp_path / "float").facts.parity
    assert again.numbers == "float32"
    assert again.max_probability_difference < 1e-4


def test_another_size_is_another_input_and_leaves_out_what_was_fitted(bundle, images, tmp_path):
    exported = export_format(bundle, tmp_path / "large", format="onnx", size=48, images=images)
    large = ModelBundle.load(tmp_path / "large")
    assert (large.facts.preprocessing.height, large.facts.preprocessing.width) == (48, 48)
    assert large.facts.readout is None
    assert large.facts.provenance["resized"]["from_px"] == [SIDE, SIDE]
    judged = images.split("val")
    truth = [CLASSES.index(diagnosis) for diagnosis in judged.diagnoses]
    before, after = (
        Predictor(each)
        .probabilities(np.stack([each.facts.preprocessing.read(path) for path in judged.paths]))
        .argmax(axis=1)
        for each in (bundle, large)
    )
    scores = [balanced_accuracy_score(truth, answers) for answers in (before, after)]
    assert exported.resized.equal_answers == pytest.approx(np.mean(before == after))
    assert exported.resized.balanced_accuracy == pytest.approx(scores[0])
    assert exported.resized.balanced_accuracy_drop == pytest.approx(scores[0] - scores[1])
    frames = np.zeros((2, 48, 48, 3), dtype=np.uint8)
    assert Predictor(large).probabilities(frames).shape == (2, 3)


@pytest.mark.filterwarnings("ignore:.torch.jit.load. is deprecated:DeprecationWarning")
def test_torchscript_repeats_onnx_runtime_and_names_no_machine(bundle, tmp_path):
    exported = export_format(bundle, tmp_path / "out", format="torchscript")
    assert exported.parity.max_probability_difference < 1e-4
    contract = json.loads((tmp_path / "out" / "model.json").read_text())
    assert contract["notice"] == RESEARCH_USE_NOTICE
    assert contract["input"]["shape"] == [None, 3, SIDE, SIDE]
    assert contract["classes"] == list(CLASSES)
    network = torch.jit.load(tmp_path / "out" / "model.pt")
    logits, features = network(torch.zeros(5, 3, SIDE, SIDE))
    assert logits.shape == (5, 3)
    assert len(features) == 5
    content = (tmp_path / "out" / "model.pt").read_bytes()
    assert b"site-packages" not in content
    assert str(Path(formats.__file__).parents[1]).encode() not in content
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["model.json", "model.pt"]


def test_openvino_repeats_onnx_runtime(bundle, tmp_path):
    pytest.importorskip("openvino")
    exported = export_format(bundle, tmp_path / "out", format="openvino")
    assert exported.parity.max_probability_difference < 1e-4
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["model.bin", "model.json", "model.xml"]


def test_openvino_reports_nothing_to_anybody(tmp_path):
    pytest.importorskip("openvino")
    kept = {name: value for name, value in os.environ.items() if name != "CI"}  # where it is silent
    asked = "from cutis.deploy.interchange import openvino_package; openvino_package().Core()"
    environment = {**kept, "HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path.parent)}
    subprocess.run([sys.executable, "-c", asked], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []  # where it keeps an identifier


def test_openvino_that_is_missing_is_named_with_its_extra(bundle, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(formats, "_float_bundle", lambda *_a: pytest.fail("began"))
    with pytest.raises(MissingExtraError, match=r"cutis\[openvino\]"):
        export_format(bundle, tmp_path / "out", format="openvino")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["onnx-int8", "onnx-fp16"])
def test_what_may_change_answers_needs_pictures(bundle, tmp_path, format):
    with pytest.raises(InputError, match=f"{format}: answers may change.*--images"):
        export_format(bundle, tmp_path / "out", format=format)
    with pytest.raises(InputError, match="64 px: answers may change"):
        export_format(bundle, tmp_path / "out", format="onnx", size=64)


def test_what_the_manifest_lacks_is_found_out_before_any_work(
    bundle, images, tmp_path, monkeypatch
):
    monkeypatch.setattr(formats, "_float_bundle", lambda *_a: pytest.fail("began"))
    training = images.split("train")
    lost = training.with_columns(path=["gone.png"] * len(training), split="train")
    whole = images.split("val").frame
    gone = Manifest(pd.concat([whole, lost.frame]), images.taxonomy, images.name)
    for given, fault in (
        (training, "no rows in split 'val'; it has train"),
        (images.split("val"), "no rows in split 'train'; it has val"),
        (gone, r"gone\.png does not exist"),
    ):
        with pytest.raises(ManifestError, match=fault):
            export_format(bundle, tmp_path / "out", format="onnx-int8", images=given)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["torchscript", "openvino"])
def test_half_weights_are_refused_where_there_are_none(bundle, tmp_path, format):
    with pytest.raises(InputError, match="--half-weights is about weights of a bundle"):
        export_format(bundle, tmp_path / "out", format=format, half_weights=True)


def test_a_place_that_cannot_be_written_is_found_out_first(bundle, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(formats, "_float_bundle", lambda *_a: pytest.fail("began"))
    with pytest.raises(OutputError, match="cannot be written"):
        export_format(bundle, tmp_path / "file" / "out", format="onnx")


@pytest.mark.parametrize("format", ["onnx", "torchscript"])
def test_whatever_is_no_older_output_of_its_kind_is_never_replaced(
    bundle, tmp_path, monkeypatch, format
):
    monkeypatch.setattr(formats, "_float_bundle", lambda *_a: pytest.fail("began"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    for name in ("model.pt", "model.onnx", "notes.txt"):
        (tmp_path / name.partition(".")[2]).mkdir()
        (tmp_path / name.partition(".")[2] / name).touch()
    before = sorted(tmp_path.rglob("*"))
    other = bundle.folder if format == "torchscript" else tmp_path / "pt"
    for place in ("pt", "onnx", "txt", "file", ".", "/", str(other)):
        with pytest.raises(OutputError, match="give the name of"):
            export_format(bundle, Path(place), format=format)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.filterwarnings("ignore:.torch.jit.load. is deprecated:DeprecationWarning")
def test_an_older_output_of_its_kind_is_replaced(bundle, tmp_path):
    (tmp_path / "out").mkdir()
    for name in ("model.json", "model.xml", "model.bin"):
        (tmp_path / "out" / name).touch()
    export_format(bundle, tmp_path / "out", format="torchscript")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["model.json", "model.pt"]


def test_the_card_holds_what_is_true_of_the_new_bundle(bundle, images, tmp_path):
    card = (
        "# Small\n\n| | |\n| --- | --- |\n| Input | 32 x 32 px, squash |\n| Classes | 3 |\n\n"
        "## Served network\n\nolder\n\n## Calibration\n\n- Rejects.\n\n## Limits\n\nMany.\n"
    )
    carded = rewrite_bundle(bundle, tmp_path / "carded", bundle.facts, model_card=card)
    export_format(carded, tmp_path / "again", format="onnx")
    export_format(carded, tmp_path / "large", format="onnx", size=48, images=images)
    again, large = ((tmp_path / n / "MODEL_CARD.md").read_text() for n in ("again", "large"))
    for text in (again, large):
        assert text.count("## Served network\n\nIts weights are stored as float32") == 1
        assert "older" not in text
        assert "## Limits\n\nMany.\n" in text
    assert "| Input | 32 x 32 px, squash |" in again
    assert "## Calibration\n\n- Rejects.\n" in again
    assert "\n| Input | 48 x 48 px, squash |\n| Classes | 3 |\n" in large
    assert "Rejects" not in large
    assert "changed from 32 x 32 px to 48 x 48" in large


def test_the_command_prints_the_table_and_suggests_a_format(cutis, bundle, images, tmp_path):
    images.write(tmp_path / "manifest.csv")
    code, _out, err = cutis("export", bundle.folder, "--format", "onnx-int9", "-o", tmp_path / "o")
    assert code == 2
    assert "did you mean 'onnx-int8'?" in err
    code, _out, err = cutis(
        "export", bundle.folder, "--format", "onnx", "--size", 8, "-o", tmp_path / "o"
    )
    assert code == 2
    assert "32<=x<=1024" in err
    code, out, err = cutis(
        *("export", bundle.folder, "--format", "onnx-fp16", "-o", tmp_path / "o"),
        *("--images", tmp_path / "manifest.csv"),
    )
    assert (code, err) == (0, "")
    assert "float16 against float on 6 pictures" in out
    assert RESEARCH_USE_NOTICE in out
