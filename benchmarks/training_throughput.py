"""Images per second: our loader against a plain PIL loop, our training against a plain timm loop.

    python benchmarks/training_throughput.py

Both pairs run in one process on the same pictures (HAM10000), the same network and batch size. The
plain training loop is what a tutorial would write: contiguous tensors, no allocator settings, one
loader process; it runs first, since the allocator settings of the second last for the process.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from record import DATA, REPOSITORY, RESULTS, record

from cutis import config
from cutis.curation.sources import import_source
from cutis.curation.splits import split_manifest
from cutis.files import write_json
from cutis.models.classifier import create_classifier
from cutis.training.loaders import training_loaders
from cutis.training.run_folder import RunFolder
from cutis.training.runner import fit, trainer_hardware
from cutis.training.training_data import TrainingData

import timm  # isort: skip
from PIL import Image  # isort: skip
from torch.utils.data import DataLoader, Dataset  # isort: skip
from torchvision import transforms  # isort: skip

IMAGES = 1024  # about as many
RECIPE = config.load(REPOSITORY / "configs" / "ham10000.toml", ["fine_tuning.head_only_epochs=0"])
SIDE = RECIPE.data.train_size or RECIPE.data.image_size
BATCH = RECIPE.data.batch_size


class PlainDataset(Dataset[tuple[torch.Tensor, int]]):
    """`PIL.open` and torchvision transforms, as in a tutorial; the same augmentation."""

    def __init__(self, paths: list[Path], targets: list[int]) -> None:
        self.samples = list(zip(paths, targets, strict=True))
        a = RECIPE.augmentation
        self.transform = transforms.Compose(
            [
                transforms.RandomResizedCrop(
                    SIDE, scale=(a.zoom, 1.0), ratio=(1 / a.stretch, a.stretch)
                ),
                transforms.RandomHorizontalFlip(),
                transforms.RandomVerticalFlip(),
                transforms.ColorJitter(a.brightness, a.contrast, a.saturation),
                transforms.ToTensor(),
                transforms.Normalize((0.5,) * 3, (0.5,) * 3),
            ]
        )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        path, target = self.samples[row]
        return self.transform(Image.open(path).convert("RGB")), target


def rate(batches: Callable[[], Iterable[object]]) -> float:
    """Pictures per second of one pass."""
    started, shown = time.perf_counter(), 0
    for _batch in batches():
        shown += BATCH
    return shown / (time.perf_counter() - started)


def plain_training(loader: DataLoader[tuple[torch.Tensor, int]]) -> float:
    """One epoch of a plain timm loop."""
    model = timm.create_model(RECIPE.model.backbone.name, num_classes=7).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    started, shown = time.perf_counter(), 0
    for images, targets in loader:
        loss = torch.nn.functional.cross_entropy(model(images), targets)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        shown += len(images)
    return shown / (time.perf_counter() - started)


def our_training(data: TrainingData) -> float:
    """The second of two epochs of `fit`: the first fills the cache of frames."""
    recipe = RECIPE.model_copy(update={"trainer": RECIPE.trainer.model_copy(update={"epochs": 2})})
    model = create_classifier(recipe.model, classes=len(data.classes), image_size=SIDE)
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder))
        fit(recipe, data, model, run, hardware=trainer_hardware(recipe.trainer), resume=False)
        last = run.history.read_text().splitlines()[-1].split(",")
    shown = len(data.splits["train"]) // BATCH * BATCH
    return shown / float(last[-1])


def main() -> None:
    folder = DATA
    manifest = import_source("ham10000", folder / "ham10000").manifest
    split = split_manifest(manifest, seed=0)
    training = split.split("train")
    stride = len(training) // IMAGES
    keep = np.arange(len(training)) % stride == 0
    few = training.rows(keep)
    validation = split.split("val")
    val = validation.rows(np.arange(len(validation)) < 64)
    classes = manifest.class_set()
    data = TrainingData({"train": few, "val": val}, classes)
    plain = DataLoader(
        PlainDataset(list(few.paths), classes.indices_of(few.diagnoses)),
        batch_size=BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=1,
    )
    loaders = training_loaders(RECIPE, data)
    figures = {"plain_loader": rate(lambda: plain)}
    list(islice(loaders.train, len(loaders.train)))  # the first epoch decodes, as it would in a run
    figures["our_loader"] = rate(lambda: loaders.train)
    figures["plain_timm_training"] = plain_training(plain)
    figures["our_training"] = our_training(data)
    result = {
        **record("python benchmarks/training_throughput.py"),
        "torch": torch.__version__.partition("+")[0],
        "images": len(few),
        "side_px": SIDE,
        "batch_size": BATCH,
        "images_per_second": {name: round(value, 1) for name, value in figures.items()},
        "loader_ratio": round(figures["our_loader"] / figures["plain_loader"], 2),
        "training_ratio": round(figures["our_training"] / figures["plain_timm_training"], 2),
        "loader_over_training": round(figures["our_loader"] / figures["our_training"], 2),
    }
    write_json(RESULTS / "training_throughput.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
