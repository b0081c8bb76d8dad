"""What `cutis predict` says when the model has learned what its answers mean."""

import csv
import json
import os
from dataclasses import replace
from importlib import resources

import jsonschema
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cutis import RESEARCH_USE_NOTICE
from cutis.bundle import ModelBundle, rewrite_bundle
from cutis.cli.terminal import plain_console
from cutis.inference.answer import Call, answers
from cutis.inference.frame_statistics import frame_statistics
from cutis.inference.predictor import Predictor
from cutis.inference.recalibration import describe
from cutis.inference.rejection import fit_rejection
from cutis.readout import LogLinearMap, ValidatedThreshold

SCHEMA = json.loads(
    (resources.files("cutis.inference") / "answer.schema.json").read_text(encoding="utf-8")
)


def grainy(n, *, seed):
    """Frames of every colour with a faint grain, the only pictures that `judging_bundle` knows."""
    generator = np.random.default_rng(seed)
    colour = generator.integers(20, 236, (n, 1, 1, 3))
    return (colour + generator.integers(-15, 16, (n, 8, 8, 3))).astype(np.uint8)


@pytest.fixture(scope="module")
def judging_bundle(colour_bundle, readout, tmp_path_factory):
    """`colour_bundle` with the readout of `conftest` and a rejection of what has no grain."""
    bundle = ModelBundle.load(colour_bundle)
    predictor = Predictor(bundle, threads=1)
    known, kept_out = grainy(200, seed=0), grainy(200, seed=1)
    rejection = fit_rejection(
        predictor.features(known),
        frame_statistics(known),
        validation_features=predictor.features(kept_out),
        validation_statistics=frame_statistics(kept_out),
    )
    return rewrite_bundle(
        bundle,
        tmp_path_factory.mktemp("judging") / "bundle",
        replace(bundle.facts, readout=readout, rejection=rejection.to_dict()),
        rejection_arrays=rejection.to_arrays(),
    ).folder


@pytest.fixture
def pictures(tmp_path):
    """Two pictures of the known kind, one sure and one not, and a plain one."""
    grain = np.random.default_rng(2).integers(-15, 16, (8, 8, 3))
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, colour in (("sure", (235, 20, 20)), ("unsure", (160, 120, 100))):
        Image.fromarray((np.array(colour) + grain).astype(np.uint8)).save(folder / f"{name}.png")
    Image.new("RGB", (8, 8), (255, 255, 255)).save(folder / "plain.png")
    return folder


def test_one_picture_gets_its_whole_tree_and_the_thresholds_in_words(
    cutis, judging_bundle, pictures
):
    code, out, err = cutis("predict", pictures / "sure.png", "--model", judging_bundle)
    assert (code, err) == (0, "")
    lines = [line.strip("│ ") for line in out.splitlines()]
    named = [line.split("  ")[0].strip("│ ") for line in lines if "%" in line and "│" in line]
    assert named == [
        "Malignant lesion", "Melanoma", "Benign lesion", "Dermatofibroma", "Melanocytic nevus",
    ]  # fmt: skip
    assert "Picture accepted." in out
    assert "in the 90% set" in out
    melanoma = next(line for line in lines if line.startswith("Called suspicious of melanoma"))
    assert "threshold of 25.0% that found 90% of cases in validation (9 of 10)" in melanoma
    assert "The 90% set held the truth for 92.0% of lesions in validation, all diagnoses" in out
    assert "calibrated on 40 images of 30 lesions" in out
    assert RESEARCH_USE_NOTICE in out


@pytest.mark.parametrize("several", [False, True], ids=["one", "several"])
def test_a_narrow_terminal_cuts_no_figure_and_no_word(
    cutis, judging_bundle, pictures, monkeypatch, several
):
    monkeypatch.setattr("cutis.cli.answers.plain_console", lambda: plain_console(width=40))
    asked = pictures if several else pictures / "sure.png"
    _code, out, _err = cutis("predict", asked, "--model", judging_bundle)
    assert "\u2026" not in out


def test_a_level_that_is_no_whole_percentage_is_not_rounded(
    cutis, colour_bundle, readout, pictures, tmp_path
):
    bundle = ModelBundle.load(colour_bundle)
    finer = replace(readout, sets=replace(readout.sets, level=0.975))
    folder = rewrite_bundle(bundle, tmp_path / "finer", replace(bundle.facts, readout=finer)).folder
    for asked in (pictures, pictures / "sure.png"):
        assert "97.5% set" in cutis("predict", asked, "--model", folder)[1]
    assert "Sets of diagnoses at 97.5%:" in "\n".join(describe(ModelBundle.load(folder).facts))


def test_nothing_is_shown_as_impossible_or_sure(cutis, colour_bundle, readout, pictures, tmp_path):
    bundle = ModelBundle.load(colour_bundle)
    steep = replace(readout, calibration=LogLinearMap(50 * np.eye(3), np.zeros(3)))
    folder = rewrite_bundle(bundle, tmp_path / "steep", replace(bundle.facts, readout=steep)).folder
    for asked in (pictures, pictures / "sure.png"):
        out = cutis("predict", asked, "--model", folder)[1]
        assert ">99.9%" in out
        assert "100.0%" not in out
        assert " 0.0%" not in out


def test_the_json_is_what_its_schema_says(cutis, judging_bundle, colour_bundle, pictures):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    (pictures / "broken.png").touch()
    for bundle in (judging_bundle, colour_bundle):
        code, out, _err = cutis("predict", pictures, "--model", bundle, "--json")
        assert code == 1
        jsonschema.validate(json.loads(out), SCHEMA)


def test_the_schema_knows_a_map_between_classes(cutis, colour_bundle, readout, pictures, tmp_path):
    between = LogLinearMap(
        np.array([[1.0, 0.2, 0.0], [0.1, 0.9, 0.0], [0.0, 0.0, 1.0]]), np.zeros(3)
    )
    bundle = ModelBundle.load(colour_bundle)
    facts = replace(bundle.facts, readout=replace(readout, calibration=between))
    folder = rewrite_bundle(bundle, tmp_path / "between", facts).folder
    told = json.loads(cutis("predict", pictures, "--model", folder, "--json")[1])
    jsonschema.validate(told, SCHEMA)
    assert told["model"]["readout"]["calibration"]["scale"] == between.scale.tolist()


def test_the_schema_refuses_what_it_does_not_describe(cutis, judging_bundle, pictures):
    told = json.loads(cutis("predict", pictures, "--model", judging_bundle, "--json")[1])
    told["images"][0]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        jsonschema.validate(told, SCHEMA)


def test_sets_calls_and_verdicts_follow_from_the_probabilities(cutis, judging_bundle, pictures):
    told = json.loads(cutis("predict", pictures, "--model", judging_bundle, "--json")[1])
    for image in told["images"]:
        given = image["probabilities"]
        best = next(iter(given))
        assert image["set"] == [name for name in given if given[name] >= 0.1 or name == best]
        melanoma, malignancy = image["calls"]
        assert melanoma["score"] == pytest.approx(given["melanoma"])
        assert melanoma["threshold"] == 0.25
        assert melanoma["suspicious"] == (given["melanoma"] >= 0.25)
        assert malignancy["score"] == pytest.approx(image["malignant"])
        rolled_up = {line["node"]: line["probability"] for line in image["outline"]}
        assert rolled_up["malignant"] + rolled_up["benign"] == pytest.approx(1)
        assert rolled_up["benign"] == pytest.approx(given["nevus"] + given["dermatofibroma"])
        assert "Melanocytic nevus" in {line["name"] for line in image["outline"]}
    by_name = {image["image_id"]: image for image in told["images"]}
    plain = by_name["plain"]["verdict"]
    assert plain["status"] == "rejected"
    assert f"distance {plain['distance']:.2f}, at most" in plain["rejected"]
    assert by_name["sure"]["verdict"]["status"] == "accepted"
    assert {name: image["refer"] for name, image in by_name.items()} == {
        "sure": False, "unsure": True, "plain": True,
    }  # fmt: skip


def test_a_score_at_the_threshold_is_called_in_the_words_of_what_validation_found():
    point = ValidatedThreshold("melanoma", 0.9, 0.25, 9, 10, 24, 30)
    assert Call(point, 0.25).in_words() == (
        "Called suspicious of melanoma (25.0%) at the threshold of 25.0% that found 90% of cases in "
        "validation (9 of 10) and spared 80% of the others."
    )
    assert Call(point, 0.2).in_words().startswith("Not called suspicious of melanoma (20.0%) at")
    assert "(<0.1%) at the threshold of 25.0%" in Call(point, 0.0002).in_words()


def test_the_table_says_what_the_json_says(cutis, judging_bundle, pictures, tmp_path):
    table = tmp_path / "answers.csv"
    options = ["--model", judging_bundle, "--json", "--answers", table]
    told = json.loads(cutis("predict", pictures, *options)[1])
    with table.open(newline="") as stream:
        written = list(csv.DictReader(stream))
    for image, row in zip(told["images"], written, strict=True):
        given, verdict = image["probabilities"], image["verdict"]
        why = verdict["warnings"] if verdict["rejected"] is None else [verdict["rejected"]]
        expected = {
            "image_id": image["image_id"],
            "path": image["path"],
            "answer": max(given, key=given.get),
            "probability": max(given.values()),
            "malignant": image["malignant"],
            "set": ";".join(image["set"]),
            "refer": image["refer"],
            **{name: given[name] for name in ("dermatofibroma", "melanoma", "nevus")},
            "melanoma_score": image["calls"][0]["score"],
            "melanoma_suspicious": image["calls"][0]["suspicious"],
            "malignancy_score": image["calls"][1]["score"],
            "malignancy_suspicious": image["calls"][1]["suspicious"],
            "verdict": verdict["status"],
            "reasons": "; ".join(why),
        }
        assert list(row.items()) == [(name, str(value)) for name, value in expected.items()]


def test_each_question_is_answered_by_its_own_classes(colour_bundle, readout, pictures, tmp_path):
    bundle = ModelBundle.load(colour_bundle)
    classes = ("melanoma", "nevus", "basal-cell-carcinoma")
    facts = replace(bundle.facts, classes=classes, readout=readout)
    changed = rewrite_bundle(bundle, tmp_path / "changed", facts)
    (answer,) = answers(Predictor(changed, threads=1).predict([pictures / "unsure.png"]), changed)
    melanoma, malignancy = answer.calls
    given = answer.probabilities
    assert given["basal-cell-carcinoma"] > 0.05
    assert melanoma.score == pytest.approx(given["melanoma"])
    assert malignancy.score == pytest.approx(given["melanoma"] + given["basal-cell-carcinoma"])


def test_who_does_not_abstain_sees_every_answer_and_what_it_is_suspicious_of(
    cutis, judging_bundle, pictures
):
    asked = ("predict", pictures, "--model", judging_bundle)
    out, told = cutis(*asked)[1], json.loads(cutis(*asked, "--json")[1])
    rows = {row.split()[1]: row.split("│")[1:-1] for row in out.splitlines() if "│" in row}
    called = set()
    for image in told["images"]:
        if image["verdict"]["status"] == "accepted":
            cells = [cell.strip() for cell in rows[image["image_id"]]]
            answer, suspicious = cells[2], cells[4]
            assert answer.endswith(f" {max(image['probabilities'].values()):.1%}")
            found = [call["task"] for call in image["calls"] if call["suspicious"]]
            assert suspicious == (", ".join(found) or "-")
            called.add(suspicious)
    assert len(called) > 1


def test_who_abstains_says_refer(cutis, judging_bundle, pictures, tmp_path):
    table = tmp_path / "answers.csv"
    options = ["--model", judging_bundle, "--abstain", "--answers", table]
    code, out, _err = cutis("predict", pictures, *options)
    assert code == 0
    rows = {line.split()[1]: line for line in out.splitlines() if line.startswith("│")}
    assert {name for name, row in rows.items() if "refer" in row} == {"unsure"}
    assert "Melanoma" in rows["sure"]
    with table.open(newline="") as stream:
        written = {row["image_id"]: row for row in csv.DictReader(stream)}
    assert {name: row["answer"] for name, row in written.items()} == {
        "sure": "melanoma", "unsure": "refer", "plain": "refer",
    }  # fmt: skip
    assert written["plain"]["verdict"] == "rejected"
    one = cutis("predict", pictures / "unsure.png", *options[:3])[1]
    assert "No answer (refer); leave it to a person." in one
    assert "Melanoma" not in one


def test_no_answer_is_shown_for_a_picture_that_is_rejected(cutis, judging_bundle, pictures):
    alone = cutis("predict", pictures / "plain.png", "--model", judging_bundle)[1]
    among = cutis("predict", pictures, "--model", judging_bundle)[1]
    assert "Picture rejected" in alone
    assert "No answer (rejected)" in alone
    (row,) = [line for line in among.splitlines() if " plain " in line]
    assert row.count("rejected") == 2
    for text in (alone, row):
        assert "%" not in text.replace("90%", "")
        assert "suspicious" not in text


def test_only_answers_that_are_shown_have_heat_maps(
    cutis, judging_bundle, pictures, tmp_path, monkeypatch
):
    drawn = []
    monkeypatch.setattr("cutis.models.trained.load_trained", lambda _place: None)
    monkeypatch.setattr(
        "cutis.explain.pictures.explain_pictures",
        lambda _model, paths, _folder, **_options: drawn.append([path.stem for path in paths]),
    )
    options = ("--model", judging_bundle, "--explain", tmp_path / "maps")
    err = cutis("predict", pictures, *options)[2]
    assert "(2 of 3 pictures have an answer to explain)" in err
    cutis("predict", pictures, *options, "--abstain")
    cutis("predict", pictures / "plain.png", *options)
    assert drawn == [["sure", "unsure"], ["sure"]]


def test_an_answer_to_a_poor_picture_says_that_it_is_less_to_be_relied_on(
    cutis, judging_bundle, pictures, monkeypatch
):
    asked = ("predict", pictures / "sure.png", "--model", judging_bundle)
    assert "less to be relied on" not in cutis(*asked)[1]
    found = ("noisy or hairy: grain of 9.0 grey levels",)
    monkeypatch.setattr("cutis.inference.verdict.picture_warnings", lambda _frame: found)
    out = cutis(*asked)[1]
    assert "Picture accepted with warnings (noisy or hairy: grain of 9.0 grey levels)." in out
    assert "less to be relied on" in out
    (told,) = json.loads(cutis(*asked, "--json")[1])["images"]
    assert told["verdict"]["warnings"] == list(found)


def test_answers_are_written_as_parquet_too(cutis, judging_bundle, pictures, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = tmp_path / "answers.parquet"
    assert cutis("predict", pictures, "--model", judging_bundle, "--answers", table)[0] == 0
    found = parquet.read_table(table).to_pydict()
    assert found["image_id"] == ["plain", "sure", "unsure"]
    assert found["melanoma_suspicious"][1] is True


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_name_that_is_no_text_is_written_escaped(
    cutis, judging_bundle, pictures, tmp_path, ending
):
    pytest.importorskip("pyarrow")
    try:
        (pictures / "sure.png").rename(pictures / os.fsdecode(b"caf\xe9.png"))
    except OSError:
        pytest.skip("names are text on this disk")
    table = tmp_path / f"answers.{ending}"
    assert cutis("predict", pictures, "--model", judging_bundle, "--answers", table)[0] == 0
    found = pd.read_csv(table) if ending == "csv" else pd.read_parquet(table)
    assert found["image_id"][0] == "caf\\udce9"
    assert found["path"][0] == f"{pictures}/caf\\udce9.png"


def test_a_model_that_is_not_calibrated_cannot_abstain(cutis, colour_bundle, pictures):
    code, _out, err = cutis("predict", pictures, "--model", colour_bundle, "--abstain")
    assert code == 2
    assert "not calibrated" in err
    assert "cutis calibrate" in err
    assert "not calibrated" in cutis("predict", pictures, "--model", colour_bundle)[1]


def test_the_same_pictures_give_the_same_bytes(cutis, judging_bundle, pictures, tmp_path):
    printed = []
    for run in ("first", "second"):
        csv_file = tmp_path / f"{run}.csv"
        options = ["--model", judging_bundle, "--json", "--csv", csv_file]
        printed.append(cutis("predict", pictures, *options)[1].encode() + csv_file.read_bytes())
    assert printed[0] == printed[1]


def test_batches_of_any_size_agree(judging_bundle):
    predictor, frames = Predictor(ModelBundle.load(judging_bundle)), grainy(13, seed=5)
    whole, verdicts = predictor.ask(frames)
    for size in (1, 4):
        parts = [predictor.ask(frames[at : at + size]) for at in range(0, 13, size)]
        assert np.abs(np.concatenate([part for part, _ in parts]) - whole).max() < 1e-5
        assert np.allclose(
            predictor.ask(frames, views=2 * size)[0],
            predictor.probabilities(frames, views=2 * size),
        )
        assert [v.status for _, found in parts for v in found] == [v.status for v in verdicts]
