"""Cross-validation: what each model saw, what inner folds chose, and that it can be done again."""

import json
import re
import shlex

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from cutis import config
from cutis.curation.splits import fold_manifest
from cutis.errors import InputError, ManifestError, SettingsError
from cutis.files import read_json, write_json
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import load_taxonomy
from cutis.training import fold_runs
from cutis.training.crossval import cross_validate, cross_validate_repeatedly
from cutis.training.losses import LossSettings
from cutis.training.run_folder import RunFolder
from cutis.training.runner import prepare_run_folder, train

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
        manifest.write(run.manifest)
        write_json(run.settings, recipe.model_dump(mode="json"))
        for split in set(manifest.frame["split"]) - {"train"}:
            rows = manifest.split(split)
            fold = rows.frame["fold"].iloc[0]
            wanted = RIGHT[recipe.loss.logit_adjustment][int(fold)]
            truth = np.array([int(name != "melanoma") for name in rows.diagnoses])
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
    assert found["monitor"] == "val_balanced_accuracy"
    for fold in range(3):
        seen = Manifest.read(run.path / f"fold-{fold}" / "manifest.csv", check_files=False)
        assert set(seen.split("val").frame["fold"]) == {fold}
    pooled = Predictions.read(run.out_of_fold, study.taxonomy)
    assert sorted(pooled.image_ids) == sorted(study.image_ids)
    assert len(instead_of_training) == 2 * 3 + 3


def test_a_smaller_loss_is_chosen_and_of_equal_candidates_the_first(
    study, instead_of_training, tmp_path, monkeypatch
):
    def chosen(recipes, name):
        run = RunFolder(tmp_path / name)
        cross_validate(recipes, study, run, folds=3)
        return [fold["chosen"] for fold in read_json(run.choices)["folds"]]

    by_loss = config.load_alternatives("default", ["trainer.monitor=val_loss"], [CHOICE])
    a, b = by_loss
    assert chosen(by_loss, "loss") == [b, a, a]
    monkeypatch.setitem(RIGHT, 1.0, RIGHT[0.5])
    assert chosen(by_loss, "equal") == [a, a, a]


def test_a_resumed_choice_repeats_nothing_and_a_changed_recipe_is_refused(
    study, instead_of_training, tmp_path
):
    run = RunFolder(tmp_path)
    cross_validate(candidates(), study, run, folds=3)
    before = run.choices.read_bytes(), run.out_of_fold.read_bytes()
    instead_of_training.clear()
    half_done = run.path / "inner" / "candidate-1" / "without-0-2"
    (half_done / "predictions-test.csv").unlink()
    (run.path / "fold-1" / "predictions-val.csv").unlink()
    cross_validate(candidates(), study, run, folds=3, resume=True)
    assert instead_of_training == [half_done, run.path / "fold-1"]
    assert before == (run.choices.read_bytes(), run.out_of_fold.read_bytes())
    other = candidates(["loss.logit_adjustment=1.0,0.5"])
    with pytest.raises(InputError, match=r"other settings: loss\.logit_adjustment \(was 0\.5\)"):
        cross_validate(other, study, run, folds=3, resume=True)
    with pytest.raises(
        InputError, match="folds choose between settings there; give the same --choose"
    ):
        cross_validate(dict([*candidates().items()][:1]), study, run, folds=3, resume=True)
    moved = study.with_columns(fold=study.frame["fold"].iloc[::-1].to_numpy())
    with pytest.raises(InputError, match=r"another manifest .*'i00' has fold '2', which was '0'"):
        cross_validate(candidates(), moved, run, folds=3, resume=True)
    renamed = study.with_columns(diagnosis=[CLASSES[1], *study.diagnoses[1:]])
    with pytest.raises(InputError, match=r"'i00' has diagnosis 'nevus', which was 'melanoma'"):
        cross_validate(candidates(), renamed, run, folds=3, resume=True)


def test_a_finished_run_of_other_rows_is_not_kept(study, instead_of_training, tmp_path):
    run, recipe = RunFolder(tmp_path), config.load()
    rows = fold_runs.with_folds_left_out(study, val=0)
    recipe = recipe.model_copy(update={"loss": LossSettings(logit_adjustment=0.5)})
    fold_runs.train_unless_finished(recipe, rows, run, resume=True)
    fold_runs.train_unless_finished(recipe, rows, run, resume=True)
    assert len(instead_of_training) == 1
    fold_runs.train_unless_finished(recipe, rows, run)
    assert len(instead_of_training) == 2, "without resume it is for `train` to refuse"
    other = rows.with_columns(lesion_id=["l01", *rows.frame["lesion_id"][1:]])
    with pytest.raises(InputError, match="'i00' has lesion_id 'l01', which was 'l00'"):
        fold_runs.train_unless_finished(recipe, other, run, resume=True)


def test_test_rows_take_no_part_though_the_manifest_gives_them_folds(
    study, instead_of_training, tmp_path
):
    is_test = np.arange(len(study)) % (2 * PER_CLASS) < 4
    marked = study.with_columns(
        split=np.where(is_test, "test", "train"), diagnosis=[*study.diagnoses[:-1], ""]
    )
    run = RunFolder(tmp_path)
    one = config.load("default", ["loss.logit_adjustment=0.5"])
    cross_validate({"": one}, marked, run, folds=3)
    is_test[-1] = True  # a row without a diagnosis takes no part either
    development = [name for name, out in zip(study.image_ids, is_test, strict=True) if not out]
    pooled = Predictions.read(run.out_of_fold, study.taxonomy)
    assert sorted(pooled.image_ids) == development
    for fold in range(3):
        seen = Manifest.read(run.path / f"fold-{fold}" / "manifest.csv", check_files=False)
        assert list(seen.image_ids) == development
    judged = Manifest.read(run.manifest, check_files=False)
    assert list(judged.image_ids) == development
    assert list(judged.frame["fold"]) == list(study.frame["fold"][~is_test])


def test_a_manifest_with_another_number_of_folds_is_dealt_anew(
    study, instead_of_training, tmp_path
):
    run = RunFolder(tmp_path)
    one = config.load("default", ["loss.logit_adjustment=0.5", "seed=3"])
    cross_validate({"": one}, study, run, folds=2)
    dealt = list(Manifest.read(run.manifest, check_files=False).frame["fold"])
    assert dealt == list(fold_manifest(study, folds=2, seed=3).frame["fold"])
    assert dealt != list(fold_manifest(study, folds=2, seed=0).frame["fold"])


def test_folds_of_a_split_manifest_ask_for_no_more_names_than_the_split(
    study, instead_of_training, tmp_path
):
    one = config.load("default", ["loss.logit_adjustment=0.5"])
    patient_ids = [f"p{row // 2}" for row in range(len(study))]
    patients = study.with_columns(lesion_id="", patient_id=patient_ids, fold=np.nan)
    with pytest.raises(ManifestError, match="60 rows have no lesion_id"):
        cross_validate({"": one}, patients, RunFolder(tmp_path / "unsplit"), folds=3)
    run = RunFolder(tmp_path / "split")
    cross_validate({"": one}, patients.with_columns(split="train"), run, folds=3)
    folded = Manifest.read(run.manifest, check_files=False).frame
    assert (folded.groupby("patient_id")["fold"].nunique() == 1).all()


def test_folds_that_part_a_lesion_are_refused(study, instead_of_training, tmp_path):
    parted = study.with_columns(lesion_id=["l59", *study.frame["lesion_id"][1:]])
    run = RunFolder(tmp_path / "cv")
    with pytest.raises(ManifestError, match="l59"):
        cross_validate({"": config.load()}, parted, run, folds=3)
    assert not run.path.exists()


def test_folds_of_test_rows_alone_are_not_counted(study, instead_of_training, tmp_path):
    """Without its test rows the manifest has two folds, so three are dealt."""
    is_test = study.frame["fold"] == 2
    marked = study.with_columns(split=np.where(is_test, "test", "train"))
    run = RunFolder(tmp_path)
    cross_validate(
        {"": config.load("default", ["loss.logit_adjustment=0.5"])}, marked, run, folds=3
    )
    dealt = Manifest.read(run.manifest, check_files=False).frame["fold"]
    assert len(dealt) == (~is_test).sum()
    assert set(dealt) == {0, 1, 2}


def test_a_class_that_a_fold_takes_away_is_named_before_anything_is_trained(
    study, instead_of_training, tmp_path
):
    rare = study.with_columns(diagnosis=[*study.diagnoses[:-1], "dermatofibroma"])
    one = dict([next(iter(candidates().items()))])
    run = RunFolder(tmp_path / "cv")
    with pytest.raises(
        ManifestError, match=r"without fold 2 no picture .* dermatofibroma"
    ) as fault:
        cross_validate(one, rare, run, folds=3)
    assert len(fault.value.problems) == 1
    with pytest.raises(ManifestError, match="without fold 2"):
        cross_validate_repeatedly(one, rare, run, folds=3, repeats=2)
    in_two = ["dermatofibroma", *study.diagnoses[1:-1], "dermatofibroma"]
    with pytest.raises(ManifestError, match="without fold 0 and 2 no picture") as fault:
        cross_validate(candidates(), study.with_columns(diagnosis=in_two), run, folds=3)
    assert len(fault.value.problems) == 1
    without_fold = study.with_columns(
        diagnosis=[*study.diagnoses[:-1], "dermatofibroma"],
        fold=[*study.frame["fold"][:-1], np.nan],
    )
    with pytest.raises(ManifestError, match="dermatofibroma"):  # in the folds of the second repeat
        cross_validate_repeatedly(one, without_fold, run, folds=3, repeats=2)
    assert not instead_of_training
    assert not run.path.exists()
    coarse = config.load(
        "default", ["loss.logit_adjustment=0.5", 'data.classes=["malignant", "benign"]']
    )
    cross_validate({"": coarse}, rare, run, folds=3)


def test_a_fold_that_cannot_tell_the_candidates_apart_is_named_before_anything_is_trained(
    study, instead_of_training, tmp_path
):
    """Fold 1 holds one class and has no AUC; the others hold both, so training never lacks one."""
    four = study.with_columns(
        fold=np.arange(len(study)) // 2 % 4,
        diagnosis=np.where(np.arange(len(study)) // 2 % 4 == 1, "nevus", study.diagnoses),
    )
    by_area = config.load_alternatives("default", ["trainer.monitor=val_macro_auc"], [CHOICE])
    with pytest.raises(ManifestError, match="fold 1 does not define val_macro_auc") as fault:
        cross_validate(by_area, four, RunFolder(tmp_path / "cv"), folds=4)
    assert len(fault.value.problems) == 1
    assert not instead_of_training


@pytest.mark.parametrize(
    "setting",
    [
        "trainer.devices=2",
        'trainer.devices="0,1"',
        "trainer.devices=-1",
        "trainer.num_nodes=2",
        "auto",
    ],
)
def test_several_devices_are_refused_before_anything_is_trained(
    study, instead_of_training, tmp_path, monkeypatch, setting
):
    monkeypatch.setattr(
        torch.cuda, "device_count", lambda: 4 if setting in ("auto", "trainer.devices=-1") else 1
    )
    settings = [] if setting == "auto" else [setting]
    one = config.load("default", ["trainer.devices=1", "loss.logit_adjustment=0.5"])
    several = config.load("default", settings)
    for candidates in ({"": several}, {"one": one, "several": several}):
        with pytest.raises(InputError, match=r"--kfold trains on one device.*trainer\.devices=1"):
            cross_validate(candidates, study, RunFolder(tmp_path), folds=3)
    assert not instead_of_training
    for fits in (['trainer.devices="3,"'], ["trainer.accelerator=cpu"]):
        fold_runs.require_one_device(config.load("default", fits).trainer)


def test_what_lives_in_a_folder_is_not_overwritten_by_something_else(
    study, instead_of_training, tmp_path
):
    recipe = config.load("default", ["loss.logit_adjustment=0.5"])
    single, folds, repeats = (RunFolder(tmp_path / name) for name in ("one", "folds", "repeats"))
    whole = fold_runs.with_folds_left_out(study, val=0)
    fold_runs.train_unless_finished(recipe, whole, single)
    cross_validate({"": recipe}, study, folds, folds=3)
    cross_validate_repeatedly({"": recipe}, study, repeats, folds=3, repeats=2)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.csv")}
    for resume in (False, True):
        for run in (folds, repeats):
            with pytest.raises(InputError, match=r"already holds .*, not a run; choose another"):
                prepare_run_folder(recipe, whole, run, resume=resume)
        for run in (single, repeats):
            with pytest.raises(InputError, match="not a cross-validation; choose another"):
                cross_validate({"": recipe}, study, run, folds=3, resume=resume)
        for run in (single, folds):
            with pytest.raises(InputError, match="not repeats of a cross-validation; choose"):
                cross_validate_repeatedly(
                    {"": recipe}, study, run, folds=3, repeats=2, resume=resume
                )
    with pytest.raises(InputError, match="already holds a cross-validation; add --resume"):
        cross_validate({"": recipe}, study, folds, folds=3)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*.csv")}
    (tmp_path / "stopped").mkdir()
    study.write(tmp_path / "stopped" / "manifest.csv")
    cross_validate({"": recipe}, study, RunFolder(tmp_path / "stopped"), folds=3, resume=True)


@pytest.mark.parametrize(
    ("choices", "folds", "message"),
    [
        ([CHOICE], 2, "needs 3 or more"),
        (["trainer.monitor=val_loss,val_macro_auc"], 3, r"trainer\.monitor differs"),
        (['data.classes=["mel","nv"],["malignant","benign"]'], 3, r"data\.classes differs"),
        (["trainer.keep=best,last"], 3, r"'trainer\.keep=last' are the same recipe on folds"),
        ([CHOICE, "trainer.patience=0,3"], 3, "are the same recipe on folds"),
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
    instead_of_training.clear()
    for name, repeat, given, count in (
        ("all", recipe, study, 2),
        ("one", one, study.with_columns(fold=np.nan), 1),
    ):
        run = RunFolder(tmp_path / name)
        cross_validate_repeatedly({"": repeat}, given, run, folds=3, repeats=count, resume=True)
    assert not instead_of_training, "nothing that is finished is trained again"


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
    (told,) = re.findall(r"^Judge them: cutis (.*) -o report/$", err, flags=re.M)
    judged = tmp_path / "report"
    assert cutis(*shlex.split(told), "-o", judged, "--replicates", 100)[0] == 0
    assert (judged / "report.html").exists()
    pooled = Predictions.read(run.out_of_fold, phantom.taxonomy)
    development = phantom.rows((phantom.frame["split"] != "test").to_numpy())
    assert sorted(pooled.image_ids) == sorted(development.image_ids)
    for fold in range(2):
        assert f"{run.path / f'fold-{fold}'}:\nepoch   1  loss" in err
        one = Manifest.read(run.path / f"fold-{fold}" / "manifest.csv")
        assert not set(one.split("train").frame["patient_id"]) & set(
            one.split("val").frame["patient_id"]
        )
        assert (
            json.loads((run.path / f"fold-{fold}" / "settings.json").read_text())["trainer"]["keep"]
            == "last"
        )
