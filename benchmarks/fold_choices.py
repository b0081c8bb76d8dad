"""What one change of the first round gives, on lesion-grouped folds of the training split.

    python benchmarks/fold_choices.py WORK [--only NAME ...]

WORK is that of `benchmarks/ham10000.py`. Each is the first round of configs/ham10000.toml with one
change, for six epochs unless the change names others, and the last epoch answers. Gains are over the
same without a change, six epochs, the teachers of `benchmarks/distillation.py`, and those of mixed
pictures also over as many epochs without them. Every image is judged by a network that saw no image of
its lesion. Validation and test split take no part. A choice whose training was stopped is judged on the
folds that were ready.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from distillation import EPOCHS, FOLDS, on_folds
from on_validation import REPLICATES, judge, shown
from record import RESULTS, record

from cutis.files import write_json
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.training.run_folder import RunFolder

AS_IT_IS = "teachers"
CHOICES = {
    "balanced": ("data.balance=1", "loss.logit_adjustment=0"),
    "larger": ("model.backbone.name=tf_efficientnet_lite2",),
    "pixels": ("data.train_size=192", "data.image_size=224"),
    "longer": ("trainer.epochs=12",),
    "mixed": ("augmentation.mixup_alpha=0.3", "augmentation.cutmix_alpha=0.5", "trainer.epochs=12"),
}
"""Name of a run -> its settings."""
ALSO_OVER = {"mixed": "longer"}
"""Name of a run -> another one of as many epochs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", nargs="*", help="names of choices to train; default, all")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    rows = Manifest.read(on_folds(work, AS_IT_IS).manifest).split("train")
    found = {}
    for name, settings in CHOICES.items():
        if arguments.only is None or name in arguments.only:
            on_folds(work, name, *settings)
        if folds := _ready(work / name):
            found[name] = {"settings": settings, **_judged(work, AS_IT_IS, name, rows, folds)}
    for name, first in ALSO_OVER.items():
        if folds := sorted({*_ready(work / name)} & {*_ready(work / first)}):
            found[name][f"over_{first}"] = _judged(work, first, name, rows, folds)
    result = {
        **record("python benchmarks/fold_choices.py WORK"),
        "folds": FOLDS,
        "epochs": EPOCHS,
        "replicates": REPLICATES,
        "choices": found,
    }
    write_json(RESULTS / "fold_choices.json", result)
    for name, each in found.items():
        print(f"{name}, folds {each['folds']}\n{shown(each['figures'])}")


def _ready(run: Path) -> list[int]:
    return [fold for fold in range(FOLDS) if _answers_of(run, fold).exists()]


def _answers_of(run: Path, fold: int) -> Path:
    return RunFolder(run / f"fold-{fold}").predictions("val")


def _judged(work: Path, first: str, name: str, rows: Manifest, folds: list[int]) -> dict[str, Any]:
    judged = rows.rows(rows.frame["fold"].isin(folds).to_numpy())
    answers = {run: _pooled(work / run, rows, folds) for run in (first, name)}
    return {"folds": folds, "images": len(judged), "figures": judge(answers, judged)}


def _pooled(run: Path, rows: Manifest, folds: list[int]) -> Predictions:
    return together(Predictions.read(_answers_of(run, fold), rows.taxonomy) for fold in folds)


def together(parts: Iterable[Predictions]) -> Predictions:
    """What several networks answer about different images, as one table."""
    parts = list(parts)
    ids = tuple(image_id for part in parts for image_id in part.image_ids)
    return Predictions(ids, parts[0].classes, np.concatenate([p.probabilities for p in parts]))


if __name__ == "__main__":
    main()
