"""A progress bar with images per second, time left and the figures so far."""

import time
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cutis.data.dataset import Sample

# Short, so that a line fits a terminal of 80 columns; all are of the validation but the first.
_SHOWN = {
    "train_loss": "loss",
    "val_loss": "val loss",
    "val_macro_auc": "macro AUC",
    "val_balanced_accuracy": "balanced acc.",
}


class RichProgress(Callback):
    """One bar for the whole run and one printed line per epoch.

    Args:
        images_per_epoch: Training pictures shown in an epoch.
        console: Where to draw; default, standard error.
    """

    def __init__(self, images_per_epoch: int, *, console: Console | None = None) -> None:
        self._images_per_epoch = images_per_epoch
        self._console = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[rate]} images/s"),
            TimeElapsedColumn(),
            TextColumn("elapsed,"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=self._console,
        )
        self._epoch_started = time.monotonic()
        self._images = 0

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Show the bar; a resumed run starts part of the way."""
        if not trainer.is_global_zero:
            return
        epochs = trainer.max_epochs or 1
        self._task = self._progress.add_task(
            "training",
            total=epochs * self._images_per_epoch,
            completed=trainer.current_epoch * self._images_per_epoch,
            rate="-",
        )
        self._progress.start()

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Start counting images."""
        self._epoch_started, self._images = time.monotonic(), 0

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Sample,
        batch_idx: int,
    ) -> None:
        """Move the bar."""
        if not trainer.is_global_zero:
            return
        shown = len(batch.image) * trainer.world_size
        self._images += shown
        rate = self._images / max(time.monotonic() - self._epoch_started, 1e-9)
        self._progress.update(
            self._task,
            advance=shown,
            rate=f"{rate:.0f}",
            description=f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}",
        )

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Print the figures of the epoch."""
        if not trainer.is_global_zero:
            return
        figures = trainer.callback_metrics
        shown = "  ".join(
            f"{title} {float(figures[name]):.4f}"
            for name, title in _SHOWN.items()
            if name in figures
        )
        line = f"epoch {trainer.current_epoch + 1:>3}  {shown}"
        self._console.print(line, highlight=False, soft_wrap=True)

    def on_train_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Take the bar away."""
        self._progress.stop()

    def on_exception(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        exception: BaseException,
    ) -> None:
        """Leave the terminal usable after an error or Ctrl-C."""
        self._progress.stop()
