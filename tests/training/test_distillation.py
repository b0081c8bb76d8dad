"""A student learns what its teachers answered, and never about what its run leaves out."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from cutis.errors import InputError
from cutis.files import write_json
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.training.distillation import DistillationSettings, answers_of_teachers
from cutis.training.losses import ClassificationLoss, LossSettings
from cutis.training.run_folder import RunFolder
from cutis.training.runner import train
from cutis.training.training_data import TrainingData

COUNTS = np.array([900, 90, 10])


@pytest.fixture(scope="module")
def data(split_phantom):
    return TrainingData.from_manifest(Manifest.read(split_phantom))


def some_answers(image_ids, classes, seed=0):
    drawn = np.random.default_rng(seed).dirichlet(np.ones(len(classes)), len(image_ids))
    return Predictions(tuple(image_ids), tuple(classes), drawn)


def written(answers, tmp_path):
    answers.write(tmp_path / "answers.csv")
    return DistillationSettings(predictions=str(tmp_path / "answers.csv"))


@pytest.mark.parametrize("adjustment", [0.0, 1.2])
def test_the_best_student_answers_as_its_teacher_whatever_the_adjustment(adjustment):
    answers = np.array([[0.2, 0.3, 0.5], [0.9, 0.1, 0.0]])
    loss = ClassificationLoss(LossSettings(logit_adjustment=adjustment), COUNTS)
    targets = loss.soft_targets(np.array([0, 1]), answers, weight=1.0)
    logits = torch.zeros(2, 3, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=200)

    def closure():
        optimizer.zero_grad()
        value = loss(logits, targets)
        value.backward()
        return value

    optimizer.step(closure)
    np.testing.assert_allclose(logits.detach().softmax(1), answers, atol=2e-3)


def test_the_loss_is_that_of_diagnoses_and_of_answers_by_their_weights():
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    diagnoses = np.arange(8) % 3
    answers = some_answers([str(row) for row in range(8)], "abc").probabilities
    loss = ClassificationLoss(LossSettings(), COUNTS)
    found = loss(logits, loss.soft_targets(diagnoses, answers, weight=0.3))
    parts = (functional.cross_entropy(logits, torch.tensor(each)) for each in (diagnoses, answers))
    expected = sum(weight * part for weight, part in zip((0.7, 0.3), parts, strict=True))
    torch.testing.assert_close(found.double(), expected.double(), rtol=1e-5, atol=1e-6)


def test_answers_come_in_the_order_of_the_training_rows_and_classes(data, tmp_path):
    rows, classes = data.splits["train"], data.classes.classes
    answers = some_answers(rows.image_ids, classes)
    shuffled = answers.in_order_of(classes[::-1]).rows_for(rows.image_ids[::-1])
    found = answers_of_teachers(written(shuffled, tmp_path), data)
    np.testing.assert_array_equal(found, answers.probabilities)
    assert answers_of_teachers(DistillationSettings(), data) is None


@pytest.mark.parametrize("split", ["val", "test"])
def test_answers_about_what_the_run_leaves_out_are_refused(data, tmp_path, split):
    ids = [*data.splits["train"].image_ids, data.splits[split].image_ids[0]]
    with pytest.raises(InputError, match=rf"in split '{split}' .*{ids[-1]};.*--leave-out val"):
        answers_of_teachers(written(some_answers(ids, data.classes.classes), tmp_path), data)


def test_answers_that_do_not_fit_are_refused_with_the_file(data, tmp_path):
    ids, classes = data.splits["train"].image_ids, data.classes.classes
    for ids_given, classes_given, message in (
        (ids[1:], classes, r"answers\.csv: 1 of .* images have no prediction"),
        (ids, classes[1:], r"answers\.csv: the classes are"),
    ):
        with pytest.raises(InputError, match=message):
            answers_of_teachers(written(some_answers(ids_given, classes_given), tmp_path), data)
    with pytest.raises(InputError, match="no such file"):
        answers_of_teachers(DistillationSettings(predictions="nowhere.csv"), data)


@pytest.mark.parametrize(
    "mixing", [(), ("augmentation.mixup_alpha=0.3", "augmentation.cutmix_alpha=0.5")]
)
def test_a_student_with_no_weight_on_diagnoses_says_what_its_teacher_says(
    split_phantom, data, small_recipe, tmp_path, mixing
):
    rows, classes = data.splits["train"], data.classes.classes
    said = {}
    for favourite in (0, 1):
        always = np.full((len(rows), len(classes)), 1e-3 / (len(classes) - 1))
        always[:, favourite] = 0.999
        answers = Predictions(tuple(rows.image_ids), classes, always)
        recipe = small_recipe(
            "model.backbone.weights=none",
            "fine_tuning.learning_rate=1e-2",
            "fine_tuning.head_only_epochs=0",
            "trainer.epochs=2",
            "trainer.keep=last",
            f"distillation.predictions={written(answers, tmp_path).predictions}",
            "distillation.weight=1",
            *mixing,
        )
        run = RunFolder(tmp_path / f"run-{favourite}")
        train(recipe, Manifest.read(split_phantom), run)
        found = Predictions.read(run.predictions("val"), data.classes.taxonomy).in_order_of(classes)
        said[favourite] = found.probabilities.mean(axis=0)
    assert said[0][0] > said[1][0] + 0.2
    assert said[1][1] > said[0][1] + 0.2


def test_teachers_by_folds_of_the_training_split_teach_a_student(
    cutis, split_phantom, small_recipe, tmp_path
):
    recipe, folds = tmp_path / "settings.json", RunFolder(tmp_path / "folds")
    write_json(recipe, small_recipe("model.backbone.weights=none").model_dump(mode="json"))
    told = ("train", split_phantom, "--config", recipe)
    code, _out, err = cutis(*told, "--kfold", 2, "--leave-out", "val", "-o", folds.path)
    assert code == 0, err
    manifest = Manifest.read(split_phantom)
    taught = Predictions.read(folds.out_of_fold, manifest.taxonomy)
    assert sorted(taught.image_ids) == sorted(manifest.split("train").image_ids)
    teachers = f"distillation.predictions={folds.out_of_fold}"
    code, _out, err = cutis(*told, "--set", teachers, "-o", tmp_path / "student")
    assert code == 0, err
    assert (tmp_path / "student" / "bundle" / "bundle.json").is_file()


def test_a_refused_table_leaves_no_run_behind(cutis, split_phantom, tmp_path):
    settings = ("--set", f"distillation.predictions={tmp_path / 'nowhere.csv'}")
    code, _out, err = cutis("train", split_phantom, *settings, "-o", tmp_path / "run")
    assert code == 2
    assert "nowhere.csv: no such file" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--leave-out", "val"], "need --kfold"),
        (["--kfold", 2, "--leave-out", "validation"], "no rows in split 'validation'"),
    ],
)
def test_splits_to_leave_out_need_folds_and_must_be_there(
    cutis, split_phantom, tmp_path, options, message
):
    code, _out, err = cutis("train", split_phantom, "-o", tmp_path / "run", *options)
    assert code == 2
    assert message in err
    assert not (tmp_path / "run").exists()
