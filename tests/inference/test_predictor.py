"""The predictor answers what can be computed by hand, whatever the files are called or contain."""

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cutis import RESEARCH_USE_NOTICE, __version__
from cutis.bundle import ModelBundle, write_bundle
from cutis.errors import BundleError, InputError
from cutis.imaging import Preprocessing
from cutis.inference import predictor as module
from cutis.inference.answer import answers, to_json
from cutis.inference.picture_files import find_pictures
from cutis.inference.predictor import SYMMETRIES, Predictor, symmetries
from cutis.readout import LogLinearMap
from cutis.tables.predictions import Predictions

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def softmax(*logits: float) -> np.ndarray:
    raised = np.exp(logits)
    return raised / raised.sum()


def draw(path: Path, colour: tuple[int, int, int] = RED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (30, 20), colour).save(path)
    return path


def noise(seed: int, n: int, side: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def bundle(colour_bundle: Path) -> ModelBundle:
    return ModelBundle.load(colour_bundle)


@pytest.fixture(scope="module")
def predictor(bundle: ModelBundle) -> Predictor:
    return Predictor(bundle, threads=1)


def rewritten(bundle: ModelBundle, folder: Path, **changes: object) -> ModelBundle:
    facts = replace(bundle.facts, **changes)
    return write_bundle(
        folder, facts, onnx=bundle.onnx, weights=bundle.weights, model_card="changed"
    )


def test_a_red_picture_is_what_the_weights_say(predictor, tmp_path):
    """Its channels are 1, -1, -1 after scaling, and a logit is four times its channel."""
    outcome = predictor.predict([draw(tmp_path / "red.png")])
    assert outcome.predictions.image_ids == ("red",)
    assert outcome.predictions.classes == ("melanoma", "nevus", "dermatofibroma")
    assert np.allclose(outcome.predictions.probabilities, [softmax(4, -4, -4)], atol=1e-6)
    assert outcome.failures == ()


def test_rows_follow_the_files_across_batches(predictor, tmp_path):
    colours = [RED, GREEN, BLUE, GREEN, RED, BLUE, RED]
    paths = [draw(tmp_path / f"{n}.png", colour) for n, colour in enumerate(colours)]
    outcome = predictor.predict(paths, batch_size=3)
    assert outcome.paths == tuple(paths)
    expected = [colour.index(255) for colour in colours]
    assert outcome.predictions.probabilities.argmax(axis=1).tolist() == expected


@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_the_answer_does_not_depend_on_the_batch(predictor, batch_size):
    frames = noise(0, 7)
    whole = predictor.probabilities(frames)
    parts = [
        predictor.probabilities(frames[at : at + batch_size]) for at in range(0, 7, batch_size)
    ]
    assert np.abs(np.concatenate(parts) - whole).max() < 1e-6


def test_rows_are_exact_distributions_even_for_huge_logits(bundle, readout, tmp_path):
    sharp = replace(readout, calibration=LogLinearMap(1e3 * np.eye(3), np.zeros(3)))
    sharpened = rewritten(bundle, tmp_path / "b", readout=sharp).facts
    own = Predictor(bundle, threads=1).probabilities(noise(1, 50))
    probabilities = sharpened.calibrated(own)
    assert probabilities.dtype == np.float64
    assert np.abs(probabilities.sum(axis=1) - 1).max() < 1e-12
    assert (probabilities >= 0).all()


def test_calibration_scales_and_shifts_the_logits(bundle, readout, tmp_path):
    """Of red they are 4, -4, -4; halved and shifted by 0, 1 and 2 they are 2, -1 and 0.

    The table of predictions keeps the network's own.
    """
    warm = rewritten(bundle, tmp_path / "b", readout=readout)
    outcome = Predictor(warm, threads=1).predict([draw(tmp_path / "red.png")])
    assert np.allclose(outcome.predictions.probabilities, [softmax(4, -4, -4)], atol=1e-6)
    (answer,) = answers(outcome, warm)
    told = [answer.probabilities[name] for name in warm.facts.classes]
    assert np.allclose(told, softmax(2, -1, 0), atol=1e-6)


def test_the_eight_views_are_the_symmetries_of_the_square():
    frame = np.arange(4 * 4 * 3).reshape(1, 4, 4, 3).astype(np.uint8)
    seen = list(symmetries(frame, SYMMETRIES))
    square = frame[0]
    turns = [np.rot90(square, quarter) for quarter in range(4)]
    every = {view.tobytes() for turned in turns for view in (turned, turned[:, ::-1])}
    assert len(every) == SYMMETRIES
    assert {view.tobytes() for view in seen} == every
    assert np.array_equal(seen[0][0], square)
    assert np.array_equal(seen[1][0], square[:, ::-1])
    assert np.array_equal(seen[2][0], square[::-1, ::-1])
    assert np.array_equal(seen[3][0], square[::-1])


def test_four_views_keep_an_oblong_shape():
    assert {view.shape for view in symmetries(noise(0, 2)[:, :5], 4)} == {(2, 5, 8, 3)}


@pytest.mark.parametrize("views", [2, 4, 8])
def test_views_are_averaged_as_probabilities(predictor, views):
    frames = noise(2, 3)
    each = [predictor.probabilities(np.ascontiguousarray(v)) for v in symmetries(frames, views)]
    averaged = predictor.probabilities(frames, views=views)
    assert np.allclose(averaged, np.mean(each, axis=0), atol=1e-12)
    assert not np.allclose(averaged, each[0], atol=1e-4)


@pytest.mark.parametrize("turn", range(4))
def test_with_all_views_a_turned_picture_gets_the_same_answer(predictor, turn):
    frames = noise(3, 4)
    turned = np.rot90(frames, turn, axes=(1, 2))[:, :, ::-1]
    expected = predictor.probabilities(frames, views=8)
    assert np.allclose(predictor.probabilities(turned, views=8), expected, atol=1e-6)


@pytest.mark.parametrize("views", [0, 9, -1])
def test_there_are_one_to_eight_views(predictor, views):
    with pytest.raises(InputError, match=r"not in 1\.\.8"):
        predictor.predict([], views=views)


def test_a_batch_holds_a_picture_at_least(predictor):
    with pytest.raises(InputError, match="batch_size: 0 is below 1"):
        predictor.predict([], batch_size=0)


def test_quarter_turns_of_an_oblong_input_are_refused_before_the_work(predictor, tmp_path):
    oblong = object.__new__(Predictor)
    facts = replace(predictor.bundle.facts, preprocessing=Preprocessing(6, 8))
    oblong.bundle = replace(predictor.bundle, facts=facts)
    with pytest.raises(InputError, match="use at most 4"):
        oblong.predict([tmp_path / "never-opened.png"], views=5)


def test_an_unreadable_file_is_reported_and_the_rest_go_on(predictor, tmp_path):
    paths = [draw(tmp_path / f"{n}.png", GREEN) for n in range(5)]
    paths[1].write_bytes(b"")
    paths[4].write_bytes(b"<html>")
    paths.insert(3, tmp_path / "absent.png")
    seen: list[int] = []
    outcome = predictor.predict(paths, batch_size=2, on_progress=seen.append)
    assert [path.name for path, _reason in outcome.failures] == ["1.png", "absent.png", "4.png"]
    assert outcome.predictions.image_ids == ("0", "2", "3")
    assert sum(seen) == len(paths)


def test_when_nothing_can_be_read_there_are_no_predictions(predictor, tmp_path):
    outcome = predictor.predict([tmp_path / "absent.png"])
    assert outcome.predictions is None
    assert len(outcome.failures) == 1
    assert predictor.predict([]).predictions is None


def test_decoding_stays_only_so_far_ahead_of_the_network(predictor, tmp_path, monkeypatch):
    decoded: list[Path] = []
    monkeypatch.setattr(module, "DECODED_AHEAD", 4)
    read = Preprocessing.read
    monkeypatch.setattr(Preprocessing, "read", lambda self, p: decoded.append(p) or read(self, p))
    paths = [draw(tmp_path / f"{n:02}.png") for n in range(30)]
    ahead: list[int] = []
    done = 0

    def look(finished: int) -> None:
        nonlocal done
        done += finished
        ahead.append(len(decoded) - done)

    predictor.predict(paths, batch_size=2, on_progress=look)
    assert sorted(decoded) == paths
    assert max(ahead) <= 4


def test_after_an_interruption_no_thread_goes_on_decoding(predictor, tmp_path, monkeypatch):
    started = threading.Event()
    decoded: list[Path] = []

    read = Preprocessing.read

    def slow(self: Preprocessing, path: Path) -> np.ndarray:
        started.set()
        decoded.append(path)
        time.sleep(0.02)
        return read(self, path)

    def interrupt(_finished: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Preprocessing, "read", slow)
    paths = [draw(tmp_path / f"{n:03}.png") for n in range(60)]
    with pytest.raises(KeyboardInterrupt):
        predictor.predict(paths, batch_size=1, on_progress=interrupt)
    time.sleep(0.1)
    seen = len(decoded)
    time.sleep(0.2)
    assert seen == len(decoded) < len(paths)


def test_a_file_given_twice_is_refused(predictor, tmp_path):
    path = draw(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png: given twice"):
        predictor.predict([path, path])


def test_names_that_are_no_text_can_still_be_written(predictor, tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    try:
        draw(tmp_path / "a.png").rename(path)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    outcome = predictor.predict([path])
    assert outcome.predictions.image_ids == ("caf\\udce9",)
    outcome.predictions.write(tmp_path / "out.csv")
    assert "caf" in (tmp_path / "out.csv").read_text()


def test_a_network_that_changed_after_loading_is_not_run(bundle, tmp_path):
    copy = rewritten(bundle, tmp_path / "b")
    copy.onnx.write_bytes(copy.onnx.read_bytes() + b"\0")
    with pytest.raises(BundleError, match="changed since"):
        Predictor(copy)


def test_a_network_that_cannot_be_run_is_named(bundle, tmp_path):
    (tmp_path / "junk").write_bytes(b"junk")
    broken = write_bundle(
        tmp_path / "b", bundle.facts, onnx=tmp_path / "junk", weights=bundle.weights, model_card=""
    )
    with pytest.raises(BundleError, match=r"model\.onnx: ONNX Runtime cannot run it"):
        Predictor(broken)


@pytest.mark.parametrize(
    "changes",
    [
        {"preprocessing": Preprocessing(9, 8)},
        {"classes": ("melanoma", "nevus")},
    ],
)
def test_a_network_that_breaks_the_contract_is_refused(bundle, tmp_path, changes):
    with pytest.raises(BundleError, match=r"takes .* and gives"):
        Predictor(rewritten(bundle, tmp_path / "b", **changes))


def test_a_network_that_answers_nonsense_is_refused(bundle, tmp_path):
    import onnx

    broken = onnx.load(bundle.onnx)
    broken.graph.initializer[1].CopyFrom(onnx.numpy_helper.from_array(np.float32("nan"), "four"))
    onnx.save(broken, tmp_path / "nan.onnx")
    written = write_bundle(
        tmp_path / "b",
        bundle.facts,
        onnx=tmp_path / "nan.onnx",
        weights=bundle.weights,
        model_card="",
    )
    with pytest.raises(BundleError, match="no numbers"):
        Predictor(written).probabilities(noise(0, 1))


def test_predictions_survive_the_table(predictor, bundle, tmp_path):
    paths = [draw(tmp_path / f"{n}.png", colour) for n, colour in enumerate((RED, BLUE))]
    found = predictor.predict(paths).predictions
    found.write(tmp_path / "out.csv")
    again = Predictions.read(tmp_path / "out.csv", bundle.taxonomy)
    assert again.image_ids == found.image_ids
    assert np.array_equal(again.probabilities, found.probabilities)


def test_an_answer_rolls_up_to_malignant_and_ranks_the_classes(predictor, bundle, tmp_path):
    (answer,) = answers(predictor.predict([draw(tmp_path / "blue.png", BLUE)]), bundle)
    melanoma, _nevus, dermatofibroma = softmax(-4, -4, 4)
    assert answer.malignant == pytest.approx(melanoma, rel=1e-5)
    assert list(answer.probabilities) == ["dermatofibroma", "melanoma", "nevus"]
    assert answer.best(1) == [("dermatofibroma", pytest.approx(dermatofibroma))]


def test_where_all_classes_are_on_one_side_malignant_is_undefined(bundle, tmp_path):
    benign = rewritten(
        bundle, tmp_path / "b", classes=("dermatofibroma", "nevus", "benign-keratosis")
    )
    outcome = Predictor(benign, threads=1).predict([draw(tmp_path / "red.png")])
    assert next(answers(outcome, benign)).malignant is None


def test_the_json_says_what_was_asked_of_which_model(predictor, bundle, tmp_path):
    outcome = predictor.predict([draw(tmp_path / "a.png"), tmp_path / "absent.png"], views=2)
    told = to_json(outcome, bundle, views=2)
    assert told["notice"] == RESEARCH_USE_NOTICE
    assert told["cutis"] == __version__
    assert told["model"]["name"] == "colours"
    assert told["model"]["sha256"] == bundle.sha256["model.onnx"]
    assert told["views"] == 2
    assert [image["path"] for image in told["images"]] == [str(tmp_path / "a.png")]
    (failure,) = told["failures"]
    assert failure["path"] == str(tmp_path / "absent.png")
    assert "absent.png" in failure["reason"]
    assert sum(told["images"][0]["probabilities"].values()) == pytest.approx(1)


def test_real_photographs_are_decoded_to_the_end(predictor, real_data):
    folder = real_data / "pad-ufes-20"
    if not folder.is_dir():
        pytest.skip("no photographs there")
    outcome = predictor.predict(find_pictures([folder])[:40])
    assert outcome.failures == ()
    assert len(outcome.predictions) == len(outcome.paths)
