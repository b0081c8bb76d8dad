"""What survives a `kill -9`: the state after every epoch, the history, and the weights to keep.

Every file is written whole under another name and then renamed, so at any moment the run folder
holds one complete checkpoint, whose history is that of the table or one epoch longer.
"""

import csv
import io
import math
import time
from typing import Any, Literal

import lightning
import torch
from lightning.pytorch.callbacks import Checkpoint

from cutis.data.sampling import EpochSampler
from cutis.errors import InputError, first_line
from cutis.files import atomic_path, write_text
from cutis.models.weights import save_weights
from cutis.training.module import LesionModule
from cutis.training.monitors import Monitor, merit
from cutis.training.run_folder import RunFolder

HISTORY_COLUMNS = (
    "epoch",
    "train_loss",
    "val_loss",
    "val_macro_auc",
    "val_balanced_accuracy",
    "learning_rate",
    "seconds",
)


def require_checkpoint(run: RunFolder) -> None:
    """Find out whether a run that lives in its folder can go on.

    Raises:
        InputError: its last state is gone, or never was, as in a soup; or cannot be read.
    """
    last = run.last_checkpoint
    if not last.exists():
        if run.history.exists():
            raise InputError(
                f"{run.path}: has a history but no {last.relative_to(run.path)} to go on from, like a "
                "soup; choose another -o"
            )
        return
    try:
        torch.load(last, weights_only=True, map_location="cpu", mmap=True)
    except Exception as fault:  # torch's zip reader and unpickler fail in many ways
        raise InputError(
            f"{last}: damaged, or not the state of a run ({first_line(fault).partition('. ')[0]}); "
            "choose another -o"
        ) from fault


class EpochCheckpoint(Checkpoint):
    """After every epoch: one row of history, the full state, and the weights if they are the best.

    Args:
        run: Where to write.
        keep: "best" keeps the weights of the best epoch by `monitor`, "last" those of the last.
        monitor: The validation figure; losses count downwards, nan as worst.
        sampler: Told which epoch a resumed run begins with, since Lightning tells it only when the
            loader's workers have already begun.
    """

    def __init__(
        self,
        run: RunFolder,
        *,
        keep: Literal["best", "last"],
        monitor: Monitor,
        sampler: EpochSampler,
    ) -> None:
        self.history: list[dict[str, float]] = []
        self._run = run
        self._keep = keep
        self._monitor = monitor
        self._sampler = sampler
        self._best = -math.inf
        self._started = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """What the checkpoint remembers of this callback."""
        return {"history": self.history, "best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.history = list(state_dict["history"])
        self._best = state_dict["best"]
        self._sampler.set_epoch(len(self.history))

    def on_fit_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Write down an epoch that a killed run had no time left for, though its state is there."""
        if self.history and trainer.is_global_zero:
            write_text(self._run.history, _history_text(self.history))

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Write the epoch down; weights and state first, the history that speaks of them last."""
        assert isinstance(pl_module, LesionModule)
        logged = trainer.callback_metrics
        record = {key: float(logged[key]) for key in HISTORY_COLUMNS if key in logged}
        record |= {
            "epoch": float(trainer.current_epoch),
            "learning_rate": float(trainer.optimizers[0].param_groups[0]["lr"]),
            "seconds": round(time.monotonic() - self._started, 2),
        }
        self.history.append(record)
        score = merit(self._monitor, record[self._monitor])
        is_kept = self._keep == "last" or score > self._best or len(self.history) == 1
        self._best = max(self._best, score)
        if not trainer.is_global_zero:
            trainer.save_checkpoint(self._run.last_checkpoint)  # takes part, writes nothing
            return
        if is_kept:
            with atomic_path(self._run.weights) as partial:
                save_weights(pl_module.judged, partial)
        with atomic_path(self._run.last_checkpoint) as partial:
            trainer.save_checkpoint(partial)
        write_text(self._run.history, _history_text(self.history))


def _history_text(history: list[dict[str, float]]) -> str:
    table = io.StringIO()
    writer = csv.DictWriter(table, HISTORY_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for record in history:
        writer.writerow(record | {"epoch": int(record["epoch"])})
    return table.getvalue()
