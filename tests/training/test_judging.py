"""What a finished training says to type next can be typed."""

import shlex

import pandas as pd
import pytest

from cutis.bundle import ModelBundle
from cutis.files import write_json


@pytest.mark.parametrize("judged", ["test", "val"])
def test_the_command_that_judges_a_run(cutis, split_phantom, small_recipe, tmp_path, judged):
    split, recipe, run = (tmp_path / name for name in ("my split.csv", "settings.json", "run"))
    table = pd.read_csv(split_phantom, dtype=str, keep_default_na=False)
    if judged == "val":
        table["split"] = table["split"].replace("test", "train")
    table.to_csv(split, index=False)
    write_json(recipe, small_recipe("model.backbone.weights=none").model_dump(mode="json"))
    code, _output, errors = cutis("train", split, "--config", recipe, "-o", run)
    assert code == 0, errors
    (advice,) = (line for line in errors.splitlines() if line.startswith("Judge it:"))
    told = shlex.split(advice.partition(":")[2])
    assert told[:3] == ["cutis", "evaluate", str(run / f"predictions-{judged}.csv")]
    assert ("There is no test split" in errors) == (judged == "val")
    calibrated = ModelBundle.load(run / "bundle").facts.readout is not None
    assert ("not calibrated: split 'val' has too few lesions or classes" in errors) != calibrated
    code, _output, errors = cutis(*told[1:], "--replicates", 100)
    assert code == 0, errors
    assert (run / "report" / "report.html").is_file()


def test_a_run_whose_validation_shows_one_class_is_shipped_uncalibrated(
    cutis, split_phantom, small_recipe, tmp_path, monkeypatch
):
    monkeypatch.setattr("cutis.deploy.publish.LEAST_LESIONS", 1)
    split, recipe, run = (tmp_path / name for name in ("split.csv", "settings.json", "run"))
    table = pd.read_csv(split_phantom, dtype=str, keep_default_na=False)
    others = (table["split"] == "val") & (table["diagnosis"] != "nevus")
    table[~others].to_csv(split, index=False)
    settings = ("model.backbone.weights=none", "trainer.monitor=val_loss")
    write_json(recipe, small_recipe(*settings).model_dump(mode="json"))
    code, _output, errors = cutis("train", split, "--config", recipe, "-o", run)
    assert code == 0, errors
    assert ModelBundle.load(run / "bundle").facts.readout is None
    assert "has too few lesions or classes" in errors
