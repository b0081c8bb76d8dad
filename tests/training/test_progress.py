"""The bar counts pictures of the whole run, and the lines say what was measured."""

import io
import time
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from cutis.training.progress import RichProgress


@pytest.fixture
def drawn(monkeypatch):
    """A bar of three epochs of 40 pictures, a trainer to tell it of, a clock and what it draws on."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    screen = io.StringIO()
    trainer = SimpleNamespace(
        is_global_zero=True, max_epochs=3, current_epoch=0, world_size=1, callback_metrics={}
    )
    bar = RichProgress(40, console=Console(file=screen, width=80))
    yield bar, trainer, clock, screen
    bar.on_exception(trainer, None, KeyboardInterrupt())


def show(bar, trainer, pictures):
    bar.on_train_batch_end(trainer, None, None, SimpleNamespace(image=torch.zeros(pictures, 1)), 0)


def test_a_resumed_run_starts_part_of_the_way(drawn):
    bar, trainer, clock, _screen = drawn
    trainer.current_epoch, trainer.world_size = 1, 2
    bar.on_train_start(trainer, None)
    (task,) = bar._progress.tasks
    assert (task.completed, task.total) == (40, 120)
    bar.on_train_epoch_start(trainer, None)
    clock.now += 2
    show(bar, trainer, 8)  # on each of two devices
    show(bar, trainer, 8)
    assert task.completed == 72
    assert (task.description, task.fields["rate"]) == ("epoch 2/3", "16")
    bar.on_train_epoch_start(trainer, None)
    clock.now += 1
    show(bar, trainer, 4)
    assert task.fields["rate"] == "8"  # of this epoch


def test_an_epochs_line_has_its_figures_and_one_process_alone_draws(drawn):
    bar, trainer, _clock, screen = drawn
    trainer.current_epoch = 1
    trainer.callback_metrics = {
        "train_loss": torch.tensor(0.5),
        "val_macro_auc": torch.tensor(0.87654),
        "val_loss": torch.tensor(1.25),
        "val_balanced_accuracy": torch.tensor(0.75),
    }
    trainer.is_global_zero = False
    bar.on_train_start(trainer, None)
    show(bar, trainer, 8)
    bar.on_train_epoch_end(trainer, None)
    assert not bar._progress.tasks
    assert screen.getvalue() == ""
    trainer.is_global_zero = True
    bar.on_train_epoch_end(trainer, None)
    line = "epoch   2  loss 0.5000  val loss 1.2500  macro AUC 0.8765  balanced acc. 0.7500\n"
    assert screen.getvalue() == line
