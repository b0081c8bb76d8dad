"""Cross-validation: what each model saw, what inner folds chose, and that it can be done again."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from cutis import config
from cutis.errors import InputError, SettingsError
from cutis.files import read_json, write_json
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import load_taxonomy
from cutis.training import fold_runs
from cutis.training.crossval import cross_validate, cross_validate_repeatedly
from cutis.training.run_folder import RunFolder
from cutis.training.runner import train

TINY = (
    "data.image_size=32",
    "data.batch_size=8",
    "data.workers=0",
    "model.backbone.name=mobilenetv3_small_050",
    "model.backbone.weights=none",
    "trainer.epochs=1",
    "trainer.accelerator=cpu",
)
CLASSES = ("melanoma", "nevus")
PER_CLASS = 10  # images of each class in each fold of the drawn study
# Balanced accuracy of two recipes on each of three folds. Over all folds A is ahead; without fold 0,
# B is.
RIGHT = {0.5: (1.0, 0.6, 0.6), 1.0: (0.5, 0.8, 0.8)}
CHOICE = "loss.logit_adjustment=0.5,1.0"


@pytest.fixture(scope="module")
def phantom(split_phantom):
    return Manifest.read(split_phantom)


@pytest.fixture
def study():
    """Three folds of two classes, without pictures."""
    n = 3 * 2 * PER_CLASS
    frame = pd.DataFrame(
        {
            "image_id": [f"i{row:02}" for row in range(n)],
            "path": "/nowhere.jpg",
            "diagnosis": np.tile(CLASSES, n // 2),
            "lesion_id": [f"l{row:02}" for row in range(n)],
            "fold": np.repeat([0, 1, 2], 2 * PER_CLASS),
        }
    )
    return Manifest(frame, load_taxonomy())


@pytest.fixture
def instead_of_training(monkeypatch):
    """Runs that answer as `RIGHT` says, in the order in which they were asked for."""
    started = []

    def answer(recipe, manifest, run, *, resume, console):
        started.append(run.path)
        write_json(run.settings, recipe.model_dump(mode="json"))
        for split in set(manifest.frame["split"]) - {"train"}:
            rows = manifest.split(split)
            fold = rows.frame["fold"].iloc[0]
            wanted = RIGHT[recipe.loss.logit_adjustment][int(fold)]
            truth = np.array([CLASSES.index(name) for name in rows.diagnoses])
            right = np.arange(len(rows)) // 2 < round(wanted * PER_CLASS)
            called = np.where(right, truth, 1 - truth)
            probabilities = np.where(np.arange(2) == called[:, None], 0.9, 0.1)
            Predictions(rows.image_ids, CLASSES, probabilities).write(run.predictions(split))

    monkeypatch.setattr(fold_runs, "train", answer)
    return started


def candidates(choices=(CHOICE,)):
    return config.load_alternatives(
        "default", ["trainer.monitor=val_balanced_accuracy"], list(choices)
    )


def test_inner_folds_choose_without_the_fold_that_is_judged(study, instead_of_training, tmp_path):
    run = RunFolder(tmp_path)
    cross_validate(candidates(), study, run, folds=3)
    found = read_json(run.choices)
    a, b = candidates()
    assert [fold["chosen"] for fold in found["folds"]] == [b, a, a]
    assert found["folds"][0]["scores"] == pytest.approx({a: 0.6, b: 0.8})
    assert found["folds"][1]["scores"] == pytest.approx({a: 0.8, b: 0.65})
    chosen = [read_json(run.path / f"fold-{fold}" / "settings.json") for fold in range(3)]
    assert [each["loss"]["logit_adjustment"] for each in chosen] == [1.0, 0.5, 0.5]
    pooled = Predictions.read(run.out_of_fold, study.taxonomy)
    assert sorted(pooled.image_ids) == sorted(study.image_ids)
    assert len(instead_of_training) == 2 * 3 + 3


def test_a_resumed_choice_repeats_nothing_and_a_changed_recipe_is_refused(
    study, instead_of_training, tmp_path
):
    run = RunFolder(tmp_path)
    cross_validate(candidates(), study, run, folds=3)
    before = run.choices.read_bytes(), run.out_of_fold.read_bytes()
    instead_of_training.clear()
    (run.path / "fold-1" / "predictions-val.csv").unlink()
    cross_validate(candidates(), study, run, folds=3, resume=True)
    assert instead_of_training == [run.path / "fold-1"]
    assert before == (run.choices.read_bytes(), run.out_of_fold.read_bytes())
    other = candidates(["loss.logit_adjustment=1.0,0.5"])
    with pytest.raises(InputError, match=r"other settings: loss\.logit_adjustment \(was 0\.5\)"):
        cross_validate(other, study, run, folds=3, resume=True)
    moved = study.with_columns(fold=study.frame["fold"].iloc[::-1].to_numpy())
    with pytest.raises(InputError, match="other folds"):
        cross_validate(candidates(), moved, run, folds=3, resume=True)


@pytest.mark.parametrize(
    ("choices", "folds", "message"),
    [
        ([CHOICE], 2, "needs 3 or more"),
        (["trainer.monitor=val_loss,val_macro_auc"], 3, r"trainer\.monitor differs"),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(study, tmp_path, choices, folds, message):
    rows = study.with_columns(fold=study.frame["fold"] % folds)
    with pytest.raises(InputError, match=message):
        cross_validate(candidates(choices), rows, RunFolder(tmp_path), folds=folds)


def test_choices_make_a_grid():
    grid = config.load_alternatives(
        "default",
        [],
        ["loss.logit_adjustment=0.5,1.0", "model.backbone.name=resnet18,resnet50"],
    )
    assert [(r.loss.logit_adjustment, r.model.backbone.name) for r in grid.values()] == [
        (0.5, "resnet18"),
        (0.5, "resnet50"),
        (1.0, "resnet18"),
        (1.0, "resnet50"),
    ]
    with pytest.raises(SettingsError, match="expected key=value,value"):
        config.load_alternatives("default", [], ["loss.logit_adjustment=0.5"])


def test_every_repeat_is_the_cross_validation_of_its_seed_over_other_folds(
    study, instead_of_training, tmp_path
):
    own = RunFolder(tmp_path / "one")
    recipe = config.load("default", ["loss.logit_adjustment=0.5"])
    repeats = cross_validate_repeatedly(
        {"": recipe}, study, RunFolder(tmp_path / "all"), folds=3, repeats=2
    )
    dealt = [Manifest.read(each.manifest, check_files=False).frame["fold"] for each in repeats]
    assert list(dealt[0]) == list(study.frame["fold"]), "the first keeps the manifest's folds"
    assert (dealt[0] != dealt[1]).any()
    one = recipe.model_copy(update={"seed": 1})
    cross_validate({"": one}, study.with_columns(fold=np.nan), own, folds=3)
    assert own.out_of_fold.read_bytes() == repeats[1].out_of_fold.read_bytes()


def test_repeats_and_choices_need_folds(cutis, tmp_path):
    code, _out, err = cutis("train", "m.csv", "-o", tmp_path, "--repeats", 2)
    assert code == 2
    assert "need --kfold" in err


def test_which_left_out_fold_is_called_val_has_no_say_in_the_weights(phantom, tmp_path):
    recipe = fold_runs.without_choice_of_epoch(
        config.load("default", [*TINY, "trainer.patience=1"])
    )
    folded = phantom.with_columns(fold=pd.factorize(phantom.frame["patient_id"])[0] % 3)
    weights, answers = [], []
    for name, (val, test) in {"one": (0, 1), "other": (1, 0)}.items():
        run = RunFolder(tmp_path / name)
        train(recipe, fold_runs.with_folds_left_out(folded, val=val, test=test), run)
        weights.append(load_file(run.weights))
        answers.append([run.predictions("val").read_text(), run.predictions("test").read_text()])
    assert all(torch.equal(weights[1][name], value) for name, value in weights[0].items())
    assert answers[0] == answers[1][::-1]


def test_cross_validation_predicts_every_image_once_by_a_model_that_never_saw_it(
    cutis, phantom, tmp_path
):
    phantom.write(tmp_path / "m.csv")
    settings = [word for override in TINY for word in ("--set", override)]
    run = RunFolder(tmp_path / "cv")
    code, _out, err = cutis("train", tmp_path / "m.csv", "-o", run.path, "--kfold", 2, *settings)
    assert code == 0, err
    assert re.search(r"cutis evaluate \S+out-of-fold\.csv", err)
    pooled = Predictions.read(run.out_of_fold, phantom.taxonomy)
    development = phantom.rows((phantom.frame["split"] != "test").to_numpy())
    assert sorted(pooled.image_ids) == sorted(development.image_ids)
    for fold in range(2):
        one = Manifest.read(run.path / f"fold-{fold}" / "manifest.csv")
        assert not set(one.split("train").frame["patient_id"]) & set(
            one.split("val").frame["patient_id"]
        )
        assert (
            json.loads((run.path / f"fold-{fold}" / "settings.json").read_text())["trainer"]["keep"]
            == "last"
        )
