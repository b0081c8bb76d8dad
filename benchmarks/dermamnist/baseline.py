"""MedMNIST's recipe: ResNet-18 from scratch, Adam at 1e-3, batches of 128, no augmentation.

The rate is divided by 10 at 50 % and at 75 % of the epochs (50 and 75 of MedMNIST's 100), and the
epoch with the best validation AUC is kept (github.com/MedMNIST/experiments, MedMNIST2D). Training goes
on from its last finished epoch.
"""

import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import cutis.torch_setup
from cutis.checks import FloatArray, IntArray, UInt8Array
from cutis.errors import InputError
from cutis.files import atomic_path
from cutis.imaging import Preprocessing, load_rgb
from cutis.metrics.ranking import macro_roc_auc
from cutis.models.modes import evaluating
from cutis.tables.manifest import SPLITS, Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import ClassSet

# isort: split
from torchvision.models import resnet18

BATCH, RATE = 128, 1e-3


def create_network(size: int, *, classes: int) -> nn.Module:
    """ResNet-18 with first weights by chance, as MedMNIST has it for this size.

    At 28 px it is the one for CIFAR: a 3 x 3 stem without pooling, and PyTorch's own first weights.
    Larger pictures get torchvision's.
    """
    network = resnet18(num_classes=classes)
    if size == 28:
        network.conv1 = nn.Conv2d(3, 64, kernel_size=3, padding=1, bias=False)
        network.maxpool = nn.Identity()
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.BatchNorm2d | nn.Linear):
                layer.reset_parameters()
    laid_out: nn.Module = network.to(memory_format=torch.channels_last)
    return laid_out


def rate_at(epoch: int, *, epochs: int) -> float:
    """The learning rate of an epoch, counted from 0.

    Example:
        >>> [rate_at(epoch, epochs=100) for epoch in (0, 49, 50, 75)]
        [0.001, 0.001, 0.0001, 1e-05]
    """
    falls = sum(epoch >= share * epochs for share in (0.5, 0.75))
    return float(RATE / 10**falls)


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures of one split in memory."""

    rows: Manifest
    pixels: UInt8Array  # (n, size, size, 3)
    targets: IntArray  # (n,), positions in the class set

    @classmethod
    def of(cls, rows: Manifest, classes: ClassSet) -> "Pictures":
        """Decode every picture of a manifest; all have one size."""
        pixels = np.stack([load_rgb(path) for path in rows.paths])
        return cls(rows, pixels, np.array(classes.indices_of(rows.diagnoses), dtype=np.int64))

    def batches(self, order: IntArray) -> Iterator[tuple[Tensor, Tensor]]:
        """Pictures (b, 3, size, size), scaled to [-1, 1], and targets (b,)."""
        preprocessing = Preprocessing(*self.pixels.shape[1:3])
        for first in range(0, len(order), BATCH):
            chosen = order[first : first + BATCH]
            images = torch.from_numpy(preprocessing.normalise(self.pixels[chosen]))
            targets = torch.from_numpy(self.targets[chosen])
            yield images.contiguous(memory_format=torch.channels_last), targets


@dataclass
class State:
    """A training between two epochs."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    kept: dict[str, Tensor] = field(default_factory=dict)  # weights of the best epoch
    history: list[dict[str, float]] = field(default_factory=list)  # one row per epoch

    def save(self, path: Path, *, epochs: int) -> None:
        """Write everything that resuming needs."""
        content = {
            "epochs": epochs,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "kept": self.kept,
            "history": self.history,
        }
        with atomic_path(path) as partial:
            torch.save(content, partial)

    def load(self, path: Path, *, epochs: int) -> None:
        """Go on from a file that `save` wrote.

        Raises:
            InputError: it was written under another number of epochs.
        """
        content: dict[str, Any] = torch.load(path, weights_only=True)
        if content["epochs"] != epochs:
            raise InputError(f"{path}: started with {content['epochs']} epochs, not {epochs}")
        self.network.load_state_dict(content["network"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.kept, self.history = content["kept"], content["history"]


def train_baseline(manifest: Manifest, folder: Path, *, epochs: int, seed: int = 0) -> None:
    """Train, or go on training, and write `history.csv` and the predictions for val and test.

    Args:
        manifest: Square pictures of one size, with a split column.
        folder: Where `last.pt` and the results go.
        epochs: Passes over the training split.
        seed: Of the first weights and of the order of pictures.

    Raises:
        InputError: the folder holds a training of another number of epochs.
    """
    cutis.torch_setup.keep_freed_memory()
    classes = manifest.class_set()
    pictures = {name: Pictures.of(manifest.split(name), classes) for name in SPLITS}
    torch.manual_seed(seed)
    network = create_network(pictures["train"].pixels.shape[1], classes=len(classes))
    state = State(network, torch.optim.Adam(network.parameters(), lr=RATE))
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "last.pt").exists():
        state.load(folder / "last.pt", epochs=epochs)
    for epoch in range(len(state.history), epochs):
        _run_epoch(state, pictures["train"], pictures["val"], rate_at(epoch, epochs=epochs), seed)
        state.save(folder / "last.pt", epochs=epochs)
        _write_history(folder / "history.csv", state.history)
        print(f"epoch {epoch + 1} of {epochs}:", state.history[-1], flush=True)
    network.load_state_dict(state.kept)
    for name in ("val", "test"):
        rows = pictures[name].rows
        found = Predictions(rows.image_ids, classes.classes, probabilities(network, pictures[name]))
        found.write(folder / f"predictions-{name}.csv")


def _run_epoch(
    state: State, training: Pictures, validation: Pictures, rate: float, seed: int
) -> None:
    """One pass over the training pictures; leaves a row of history, and the weights if best."""
    started = time.perf_counter()
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    order = np.random.default_rng((seed, len(state.history))).permutation(len(training.targets))
    loss = _train(state, training, order)
    answers = probabilities(state.network, validation)
    best = max((row["val_macro_auc"] for row in state.history), default=-np.inf)
    auc = macro_roc_auc(validation.targets, answers)
    state.history.append(
        {
            "rate": rate,
            "train_loss": loss,
            "val_macro_auc": auc,
            "val_accuracy": float((answers.argmax(axis=1) == validation.targets).mean()),
            "seconds": time.perf_counter() - started,
        }
    )
    if auc > best:
        state.kept = {key: value.clone() for key, value in state.network.state_dict().items()}


def _train(state: State, pictures: Pictures, order: IntArray) -> float:
    """Mean loss of one pass, a picture counting once."""
    state.network.train()
    total, started = 0.0, time.perf_counter()
    for step, (images, targets) in enumerate(pictures.batches(order), start=1):
        state.optimizer.zero_grad()
        loss = functional.cross_entropy(state.network(images), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimizer.step()
        total += float(loss.detach()) * len(targets)
        if step == 10:
            speed = step * BATCH / (time.perf_counter() - started)
            print(f"{speed:.1f} images a second, {len(order)} an epoch", flush=True)
    return total / len(order)


@torch.inference_mode()
def probabilities(network: nn.Module, pictures: Pictures) -> FloatArray:
    """Class probabilities (n, k)."""
    with evaluating(network):
        order = np.arange(len(pictures.targets))
        logits = [network(images).double() for images, _targets in pictures.batches(order)]
    found: FloatArray = torch.cat(logits).softmax(dim=1).numpy()
    return found


def _write_history(path: Path, history: list[dict[str, float]]) -> None:
    with atomic_path(path) as partial, partial.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, history[0])
        writer.writeheader()
        writer.writerows(history)
