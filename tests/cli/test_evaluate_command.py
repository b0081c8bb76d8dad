"""`cutis evaluate`: slips end in one message before the work starts."""

import json

import numpy as np
import pandas as pd
import pytest

from cutis.tables.predictions import Predictions

CLASSES = ("melanoma", "nevus")


@pytest.fixture
def job(tmp_path):
    """A manifest of three lesions in each of val and test, and predictions in a run folder."""
    ids = [f"i{row}" for row in range(24)]
    frame = pd.DataFrame({"image_id": ids, "path": [f"{name}.jpg" for name in ids]})
    frame["diagnosis"] = [CLASSES[row % 2] for row in range(24)]
    frame["split"] = ["val", "test"] * 6 + ["test", "val"] * 6
    frame["lesion_id"] = [f"{part}{row % 3}" for row, part in enumerate(frame["split"])]
    frame.to_csv(tmp_path / "m.csv", index=False)
    answers = np.random.default_rng(0).dirichlet([1, 1], size=24)
    (tmp_path / "run").mkdir()
    Predictions(tuple(ids), CLASSES, answers).write(tmp_path / "run" / "predictions-test.csv")
    (tmp_path / "run" / "history.csv").write_bytes(b"\xff\xfe")
    return tmp_path


P = "{0}/run/predictions-test.csv"


@pytest.mark.parametrize(
    ("predictions", "options", "message"),
    [
        ("{0}/run", (), "run: a folder; give the table of predictions in it: predictions-test.csv"),
        (P, ("--validation", "{0}/run"), "run: a folder; give the table"),
        (P, ("--repeat", "{0}/run"), "run: a folder; give the table"),
        (P, ("--history", "{0}/run"), "run: a folder; give the history.csv"),
        (P, ("--history", "{0}/run/history.csv"), "history.csv: not a CSV table"),
        (P, ("--stress-images", "9"), "--stress-images goes with --stress, which is not given"),
        (P, ("--explain-images", "9"), "--explain-images goes with --explain, which is not given"),
        (P, ("--seed", "-1"), "-1 is not in the range x>=0"),
        (P, ("--by", "lesion"), "the manifest has no column 'lesion'; did you mean 'lesion_id'?"),
        (P, ("--task", "melanomma:nevus"), "'melanomma' is not in taxonomy"),
        (P, ("--cross-fit",), "m.csv: cross-fitting needs at least 5 lesions, there are 3"),
        (
            P,
            ("--validation", P, "--calibration", "vector"),
            "m.csv: cross-fitting needs at least 5",
        ),
    ],
)
def test_a_slip_is_found_before_the_bootstrap(
    cutis, job, monkeypatch, predictions, options, message
):
    def too_late(*_given, **_options):
        raise AssertionError("the work has begun")

    monkeypatch.setattr("cutis.evaluation.classifier.evaluate", too_late)
    given = [text.format(job) for text in ("evaluate", predictions, "{0}/m.csv", *options)]
    code, out, err = cutis(*given, "-o", job / "report", "--replicates", "100")
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert not (job / "report" / "report.html").exists()


def test_a_picture_of_no_class_is_met_with_the_option_that_leaves_it_out(cutis, job):
    frame = pd.read_csv(job / "m.csv")
    frame.loc[frame["split"] == "test", "diagnosis"] = "dermatofibroma"
    frame.to_csv(job / "m.csv", index=False)
    code, _out, err = cutis("evaluate", P.format(job), job / "m.csv", "-o", job / "report")
    assert code == 2
    assert "m.csv: 1 problem(s)\n  - diagnosis 'dermatofibroma', of 12 images" in err
    assert "--skip-outside" in err


def test_every_table_that_the_page_shows_is_among_its_inputs(cutis, job):
    names = "epoch,train_loss,val_loss,val_macro_auc,val_balanced_accuracy"
    (job / "run" / "history.csv").write_text(f"{names}\n0,1,1,0.5,0.5\n")
    given = ("evaluate", P.format(job), job / "m.csv", "--history", job / "run" / "history.csv")
    code, _out, err = cutis(*given, "-o", job / "report", "--replicates", "100")
    assert (code, err) == (0, "")
    inputs = json.loads((job / "report" / "result.json").read_text())["inputs_sha256"]
    assert set(inputs) == {"predictions-test.csv", "m.csv", "history.csv"}
