"""`cutis compare` and `cutis scores` as programs: a report, or one message and exit code 2."""

import json

import numpy as np
import pandas as pd
import pytest

from cutis import RESEARCH_USE_NOTICE


@pytest.fixture
def study(tmp_path):
    """A folder with predictions, a manifest, readings, published points and a plain table."""
    generator = np.random.default_rng(0)
    n = 40
    truth = np.array(["melanoma", "nevus"])[np.arange(n) % 2]
    chance = np.clip(generator.normal(np.where(truth == "melanoma", 0.65, 0.35), 0.2), 0, 1)
    ids = [f"i{k}" for k in range(n)]
    split = np.where(np.arange(n) < 10, "val", "test")
    pd.DataFrame({"image_id": ids, "mel": chance, "nv": 1 - chance}).to_csv(
        tmp_path / "predictions.csv", index=False
    )
    pd.DataFrame(
        {"image_id": ids, "path": [f"{i}.jpg" for i in ids], "diagnosis": truth, "split": split}
    ).to_csv(tmp_path / "manifest.csv", index=False)
    rows = [
        (reader, ids[k], "yes" if (truth[k] == "melanoma") != (generator.random() < 0.3) else "no")
        for reader in ("Ada", "Ben")
        for k in range(10, n)
    ]
    pd.DataFrame(rows, columns=["reader", "image_id", "decision"]).to_csv(
        tmp_path / "readings.csv", index=False
    )
    pd.DataFrame(
        {"y": (truth == "melanoma") * 1, "a": chance, "b": generator.random(n), "age": range(n)}
    ).to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "points.toml").write_text(
        '[[point]]\nname = "A"\nsensitivity = 0.8\nspecificity = 0.7\nn = 10\nsource = "B"\n'
    )
    return tmp_path


COMPARE = ("compare", "{0}/predictions.csv", "{0}/manifest.csv", "{0}/readings.csv")
SCORES = ("scores", "{0}/table.csv", "--truth", "y", "--score", "a")


def at(folder, *arguments):
    return [argument.format(folder) for argument in arguments]


@pytest.mark.parametrize("threshold", ["readers", "validation", "0.4"])
def test_compare_writes_a_report_and_says_the_main_figures(cutis, study, threshold):
    options = ("--task", "melanoma-nevus", "-o", "{0}/out", "--replicates", "100")
    options += ("--threshold", threshold, "--literature", "{0}/points.toml")
    code, out, err = cutis(*at(study, *COMPARE, *options))
    assert (code, err) == (0, "")
    assert "30 images, 2 readers" in out
    assert RESEARCH_USE_NOTICE in out
    result = json.loads((study / "out" / "result.json").read_text())
    assert set(result["inputs_sha256"]) == {
        "predictions.csv",
        "manifest.csv",
        "readings.csv",
        "points.toml",
    }
    assert (study / "out" / "report.html").is_file()


def apart(study):
    """The same with the predictions of each split in a table of its own, and who was left out."""
    table = pd.read_csv(study / "predictions.csv")
    table.iloc[:10].to_csv(study / "val.csv", index=False)
    table.iloc[10:].to_csv(study / "predictions.csv", index=False)
    readings = pd.read_csv(study / "readings.csv")
    malignant = [f"i{k}" for k in range(0, 40, 2)]
    third = readings[(readings["reader"] == "Ada") & readings["image_id"].isin(malignant)]
    readings = pd.concat([readings, third.assign(reader="Cy")])
    readings.to_csv(study / "readings.csv", index=False)


def test_compare_takes_the_threshold_from_a_table_of_validation_rows(cutis, study):
    asked = ("--task", "melanoma-nevus", "-o", "{0}/out", "--replicates", "100")
    asked += ("--threshold", "validation")
    code, _out, err = cutis(*at(study, *COMPARE, *asked))
    assert (code, err) == (0, "")
    whole = json.loads((study / "out" / "result.json").read_text())
    apart(study)
    code, _out, err = cutis(*at(study, *COMPARE, *asked))
    assert code == 2
    assert "10 of 10 images have no prediction" in err
    assert "give their table with --validation" in err
    code, out, err = cutis(*at(study, *COMPARE, *asked, "--validation", "{0}/val.csv"))
    assert (code, err) == (0, "")
    result = json.loads((study / "out" / "result.json").read_text())
    assert result["decisions"]["threshold"] == whole["decisions"]["threshold"]
    assert "val.csv" in result["inputs_sha256"]
    # Cy read melanomas only, so two readers can lie under the curve and not three.
    assert " of 2 " in next(line for line in out.splitlines() if "under the curve" in line)
    rows = pd.read_csv(study / "manifest.csv")
    rows[rows["split"] == "val"].to_csv(study / "elsewhere.csv", index=False)
    rows[rows["split"] != "val"].to_csv(study / "manifest.csv", index=False)
    further = ("--validation", "{0}/val.csv", "--validation-manifest", "{0}/elsewhere.csv")
    code, _out, err = cutis(*at(study, *COMPARE, *asked, *further))
    assert (code, err) == (0, "")
    result = json.loads((study / "out" / "result.json").read_text())
    assert result["decisions"]["threshold"] == whole["decisions"]["threshold"]


def test_scores_writes_a_report_and_says_the_areas(cutis, study):
    options = ("--score", "b", "--by", "age=10,20", "-o", "{0}/out", "--replicates", "100")
    code, out, err = cutis(*at(study, *SCORES, *options))
    assert (code, err) == (0, "")
    assert "a - b" in out
    assert "p = " in out
    assert RESEARCH_USE_NOTICE in out
    result = json.loads((study / "out" / "result.json").read_text())
    assert [band["cases"] for band in result["by_age"]] == [10, 10, 20]
    assert "a" in result["decision_curves"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--task", "melanomma:nevus"), "did you mean 'melanoma'?"),
        (
            ("--task", "melanoma", "--threshold", "often"),
            "not a number from 0 to 1, readers or validation",
        ),
        (("--task", "melanoma-nevus", "--threshold", "reader"), "did you mean 'readers'?"),
        (("--task", "melanoma-nevus", "--split", "train"), "no rows in split 'train'"),
        (("--task", "melanoma-nevus", "--replicates", "9"), "too few for an interval"),
        (("--task", "melanoma-nevus", "--literature", "{0}/none.toml"), "no such file"),
        (("--task", "keratinocyte-carcinoma"), "try another --task"),
        (
            ("--task", "melanoma-nevus", "--validation", "{0}/predictions.csv"),
            "--validation goes with --threshold validation",
        ),
        (
            ("--task", "melanoma-nevus", "--validation-manifest", "{0}/manifest.csv"),
            "--validation-manifest goes with --validation",
        ),
        (
            ("--task", "melanoma-nevus", "--threshold", "validation", "--split", "val"),
            "none of its 30 images belongs to",
        ),
        (("--task", "melanoma-nevus", "--seed", "-1"), "-1 is not in the range x>=0"),
        ((), "Missing option '--task'"),
    ],
)
def test_compare_ends_bad_input_in_one_message_and_exit_code_2(cutis, study, options, message):
    code, out, err = cutis(*at(study, *COMPARE, "-o", "{0}/out", *options))
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_faulty_second_readings_are_found_before_the_bootstrap(cutis, study, monkeypatch):
    def too_late(*_given, **_options):
        raise AssertionError("the work has begun")

    monkeypatch.setattr("cutis.evaluation.readers.compare_readers", too_late)
    asked = ("-o", "{0}/out", "--task", "melanoma-nevus", "--with-model", "{0}/table.csv")
    code, _out, err = cutis(*at(study, *COMPARE, *asked))
    assert code == 2
    assert "column 'reader' is missing" in err


def test_faulty_readings_are_listed_at_once(cutis, study):
    (study / "readings.csv").write_text("reader,image_id,decision\nAda,i12,maybe\nAda,,yes\n")
    code, _out, err = cutis(*at(study, *COMPARE, "-o", "{0}/out", "--task", "melanoma-nevus"))
    assert code == 2
    assert "2 problem(s)" in err
    assert "line 2: decision 'maybe'" in err
    assert not (study / "out" / "report.html").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--score", "c"), "column 'c' is missing"),
        (("--by", "age"), "give cut points"),
        (("--by", "age=ten"), "cut points are numbers"),
        (("--cluster", "who"), "column 'who' is missing"),
        (("--replicates", "9"), "too few for an interval"),
        (("--seed", "-1"), "-1 is not in the range x>=0"),
        (("-o", "/proc/self/x"), "cannot be written"),
    ],
)
def test_scores_ends_bad_input_in_one_message_and_exit_code_2(cutis, study, options, message):
    code, out, err = cutis(*at(study, *SCORES, "-o", "{0}/out", *options))
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
