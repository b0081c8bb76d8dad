"""A run follows its schedule, its patience and its precision, and says what it cannot do."""

from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from cutis.errors import ImageError, InputError, ManifestError, OutputError, SettingsError
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.training.module import LesionModule
from cutis.training.monitors import monitored
from cutis.training.optimizers import rate_factor
from cutis.training.progress import RichProgress
from cutis.training.recipe import TrainerSettings
from cutis.training.run_folder import RunFolder
from cutis.training.runner import Patience, train, trainer_hardware

SMALL = (
    "data.image_size=32",
    "model.backbone.name=test_efficientnet",
    "model.backbone.weights=none",
)


@pytest.fixture
def trained(split_phantom, small_recipe, tmp_path):
    """Trains a small network into a folder, in this process."""

    def run_with(*settings, name="run", resume=False, rows=None):
        run = RunFolder(tmp_path / name)
        manifest = Manifest.read(split_phantom) if rows is None else rows
        train(small_recipe(*SMALL, *settings), manifest, run, resume=resume)
        return run

    return run_with


def history(run):
    return pd.read_csv(run.history).drop(columns="seconds")


def weights_of(run):
    return load_file(run.weights)


def assert_same_weights(one, other):
    assert all(torch.equal(other[name], value) for name, value in one.items())


@pytest.mark.parametrize("accumulate", [1, 3])
def test_the_schedule_ends_with_the_last_optimiser_step(
    trained, small_recipe, accumulate, split_phantom
):
    pictures = len(Manifest.read(split_phantom).split("train"))
    assert (pictures // 8) % 3, "the last step of an epoch takes in fewer batches than the others"
    found = history(trained("trainer.epochs=3", f"trainer.accumulate={accumulate}"))
    recipe = small_recipe()
    factors = [rate_factor(epoch, recipe.schedule, epochs=3) for epoch in (1, 2, 3)]
    expected = [recipe.fine_tuning.learning_rate * factor for factor in factors]
    assert list(found["learning_rate"]) == pytest.approx(expected)


def test_a_resumed_average_takes_in_optimiser_steps_only(trained, monkeypatch):
    """Between two steps of accumulation the average stands still, in a resumed run too."""
    settings = ("trainer.epochs=2", "trainer.keep=last", "trainer.accumulate=2")
    whole = trained(*settings, name="whole")
    with monkeypatch.context() as patched:
        patched.setattr(LesionModule, "on_train_epoch_start", interrupted_in_the_second_epoch)
        with pytest.raises(ZeroDivisionError):
            trained(*settings, name="resumed")
    resumed = trained(*settings, name="resumed", resume=True)
    assert_same_weights(weights_of(whole), weights_of(resumed))


def interrupted_in_the_second_epoch(module):
    if module.current_epoch:
        raise ZeroDivisionError


def test_a_run_that_patience_ended_stays_ended(trained):
    settings = ("trainer.epochs=9", "trainer.patience=1", "trainer.keep=last")
    settings += ("fine_tuning.learning_rate=1e-9",)  # a network that stands still gains nothing
    run = trained(*settings)
    before, weights = history(run), weights_of(run)
    answers = run.predictions("val").read_bytes()
    assert len(before) < 9
    trained(*settings, resume=True)
    pd.testing.assert_frame_equal(history(run), before)
    assert_same_weights(weights, weights_of(run))
    assert run.predictions("val").read_bytes() == answers


def test_a_figure_that_is_not_defined_is_no_gain_and_no_reason_to_stop_at_once():
    patience = Patience("val_macro_auc", patience=2, mode="max")
    nan = torch.tensor(float("nan"))
    assert [patience._evaluate_stopping_criteria(nan)[0] for _ in range(2)] == [False, True]


def test_pictures_that_two_processes_were_given_count_once(monkeypatch):
    """Five pictures dealt to two processes, the first of them twice so that both have three."""
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([0, 1, 2, 0, 1])
    dealt = torch.tensor([[0, 2, 4], [1, 3, 0]])
    module = LesionModule.__new__(LesionModule)
    torch.nn.Module.__init__(module)
    module._validation = [(logits[dealt[0]], targets[dealt[0]], dealt[0])]
    gathered = iter([logits[dealt], targets[dealt], dealt])
    logged = {}
    monkeypatch.setattr(LesionModule, "trainer", SimpleNamespace(world_size=2))
    monkeypatch.setattr(LesionModule, "all_gather", lambda _self, _values: next(gathered))
    monkeypatch.setattr(LesionModule, "log_dict", lambda _self, found, **_: logged.update(found))
    module.on_validation_epoch_end()
    assert logged == monitored(targets.numpy(), logits.double().softmax(dim=1).numpy())


def test_a_diverging_run_names_its_epoch_and_what_to_lower(trained):
    with pytest.raises(InputError, match=r"epoch 1: .*fine_tuning\.learning_rate.*clip_norm"):
        trained("fine_tuning.learning_rate=1e30", "optimizer.name=sgd", "schedule.warmup_epochs=0")


@pytest.mark.parametrize("precision", ["64-true", "bf16-true", "16-true"])
def test_a_network_trained_in_another_precision_answers_in_the_common_one(trained, precision):
    epsilon = "optimizer.epsilon=1e-3"  # Adam's own is 0 in half precision
    run = trained(f"trainer.precision={precision}", epsilon)
    kept = next(value for value in weights_of(run).values() if value.is_floating_point())
    assert str(kept.dtype) == {"64": "torch.float64", "bf16": "torch.bfloat16"}.get(
        precision.partition("-")[0], "torch.float16"
    )
    rows = Manifest.read(run.manifest).split("test")
    answers = Predictions.read(run.predictions("test"), rows.taxonomy)
    assert set(answers.image_ids) == set(rows.image_ids)


@pytest.mark.parametrize(
    "asked",
    [
        {"precision": "foo"},
        {"accelerator": "foo"},
        {"accelerator": "tpu"},
        {"accelerator": "cpu", "devices": "foo"},
        {"accelerator": "cpu", "devices": 0},
        {"strategy": "foo"},
    ],
    ids=str,
)
def test_hardware_that_lightning_does_not_know_is_a_fault_of_the_settings(asked):
    with pytest.raises(SettingsError, match=r"^trainer: .*accelerator, devices, strategy"):
        trainer_hardware(TrainerSettings(**asked))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"devices": 1}, "auto"),
        ({"devices": 2}, "ddp_find_unused_parameters_true"),
        ({"devices": 1, "num_nodes": 2}, "ddp_find_unused_parameters_true"),
        ({"devices": 2, "strategy": "ddp"}, "ddp_find_unused_parameters_true"),
        ({"devices": 2, "strategy": "ddp_spawn"}, "ddp_spawn"),
    ],
    ids=str,
)
def test_several_devices_may_rest_the_backbone_while_the_head_learns(asked, found):
    hardware = trainer_hardware(TrainerSettings(accelerator="cpu", **asked))
    assert hardware["strategy"] == found


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (
            ["data.batch_size=1", "fine_tuning.head_only_epochs=0"],
            r"data\.batch_size = 1: .* BatchNorm",
        ),
        (
            ["data.train_size=40", "model.backbone.name=test_vit"],
            r"data\.train_size = 40: the backbone takes no pictures of 40 x 40",
        ),
        (
            ["model.backbone.name=rdnet_tiny", "fine_tuning.last_stages=1"],
            r"RDNet has no stages.*last_stages = null",
        ),
        (["trainer.accelerator=foo"], "trainer: "),
    ],
    ids=["a batch of one", "training size", "stages", "hardware"],
)
def test_what_cannot_be_trained_is_found_out_before_the_work(trained, tmp_path, settings, fault):
    with pytest.raises(InputError, match=fault):
        trained(*settings)
    assert not (tmp_path / "run").exists()


def test_a_validation_split_of_one_class_chooses_no_epoch(trained, split_phantom, tmp_path):
    rows = Manifest.read(split_phantom)
    frame = rows.frame
    alone = rows.rows(((frame["split"] != "val") | (frame["diagnosis"] == "nevus")).to_numpy())
    with pytest.raises(ManifestError, match="'val' does not define val_macro_auc"):
        trained(rows=alone)
    assert not (tmp_path / "run").exists()
    assert len(history(trained("trainer.monitor=val_loss", rows=alone))) == 1


def test_devices_with_less_than_a_batch_each_are_refused(trained):
    with pytest.raises(InputError, match=r"batch_size = 3\d: each of 2 devices has 1\d training"):
        trained("trainer.devices=2", "data.batch_size=64")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_picture_that_cannot_be_read_is_named_in_one_line(
    trained, split_phantom, tmp_path, workers
):
    rows = Manifest.read(split_phantom)
    (tmp_path / "bad.jpg").write_bytes(rows.paths[0].read_bytes()[:2000])
    first = (rows.frame["split"] == "train").to_numpy().argmax()
    paths = [str(path) for path in rows.paths]
    paths[first] = str(tmp_path / "bad.jpg")
    with pytest.raises(ImageError, match=r"^\S+bad\.jpg: cannot be decoded .*\?$") as caught:
        trained(f"data.workers={workers}", rows=rows.with_columns(path=paths))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("split", ["val", "test"])
def test_pictures_that_judge_are_known_to_decode_before_the_work(
    trained, split_phantom, tmp_path, split
):
    rows = Manifest.read(split_phantom)
    (tmp_path / "bad.jpg").write_bytes(rows.paths[0].read_bytes()[:2000])
    spoilt = (rows.frame["split"] == split).to_numpy().nonzero()[0][-2:]
    paths = [str(path) for path in rows.paths]
    for row in spoilt:
        paths[row] = str(tmp_path / "bad.jpg")
    with pytest.raises(
        ManifestError, match=r"split\.csv: 2 problem\(s\)(\n  - \S+bad\.jpg: .*){2}$"
    ):
        trained(rows=rows.with_columns(path=paths))
    assert not (tmp_path / "run").exists()


def test_the_bar_is_full_when_the_last_epoch_ends(trained, monkeypatch):
    bars = []
    monkeypatch.setattr(RichProgress, "on_train_end", lambda bar, *_: bars.append(bar._progress))
    trained("data.batch_size=64")  # more than there are pictures
    (bar,) = bars
    bar.stop()
    assert bar.finished


def test_a_disk_without_room_for_the_network_is_found_out_before_the_work(
    trained, monkeypatch, tmp_path
):
    weights = str(trained(name="begun").weights)
    settings = ("trainer.start_share=0.5", f"model.backbone.weights={weights}")
    run = trained(*settings, "fine_tuning.head_only_epochs=0", name="whole")
    needed = 2 * run.last_checkpoint.stat().st_size + run.weights.stat().st_size
    monkeypatch.setattr("shutil.disk_usage", lambda _place: SimpleNamespace(free=needed))
    with pytest.raises(OutputError, match=r"\d MiB free, about \d+ MiB needed"):
        trained(*settings)
    assert not list((tmp_path / "run").iterdir())


def test_the_head_alone_learns_from_one_picture_at_a_time(trained):
    run = trained("data.batch_size=1", "fine_tuning.last_stages=0")
    assert len(history(run)) == 1


def test_the_seeds_of_all_repeats_are_found_out_before_the_first(cutis, split_phantom, tmp_path):
    asked = ("--kfold", 2, "--repeats", 3, "--set", f"seed={2**32 - 2}")
    code, _output, errors = cutis("train", split_phantom, "-o", tmp_path / "run", *asked)
    assert code == 2
    assert "the last of 3 repeats would have 4294967296, above 4294967295" in errors
    assert not (tmp_path / "run").exists()


def test_weights_are_not_judged_by_pictures_that_they_learned_from(trained, split_phantom):
    weights = trained(name="begun").weights
    table = Manifest.read(split_phantom)
    swapped = table.frame["split"].replace({"train": "test", "test": "train"})
    other = table.with_columns(split=swapped)
    with pytest.raises(
        InputError, match=r"kept\.safetensors learned from \d+ pictures of split 'test'"
    ):
        trained(f"model.backbone.weights={weights}", name="second", rows=other)
    assert not (weights.parents[2] / "second").exists(), "found out before the work"
    trained(f"model.backbone.weights={weights}", name="second", rows=table)
