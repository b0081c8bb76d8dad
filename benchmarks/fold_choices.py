"""What one change of the first round gives, on lesion-grouped folds of the training split.

    python benchmarks/fold_choices.py WORK [--only NAME ...]

WORK is that of `benchmarks/ham10000.py`. Each is the first round of configs/ham10000.toml with one
change, for six epochs unless the change names others, and the last epoch answers. Gains are over two
runs without a change, where they are in WORK, too: the teachers of `benchmarks/distillation.py`, of six
epochs, and `longer`, of twelve as in the recipe. Every image is judged by a network that saw no image
of its lesion. Validation and test split take no part. A choice whose training was stopped is judged on
the folds that were ready, and what was found about the others before is kept.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from distillation import EPOCHS, FOLDS, on_folds
from on_validation import REPLICATES, judge, shown
from record import RESULTS, record, today

from cutis.files import write_json
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.training.run_folder import RunFolder

AS_IT_IS, LONGER = "teachers", "longer"
CHOICES = {
    "balanced": ("data.balance=1", "loss.logit_adjustment=0"),
    "larger": ("model.backbone.name=tf_efficientnet_lite2",),
    "pixels": ("data.train_size=192", "data.image_size=224"),
    LONGER: ("trainer.epochs=12",),
    "mixed": ("augmentation.mixup_alpha=0.3", "augmentation.cutmix_alpha=0.5", "trainer.epochs=12"),
    "longest": (
        "augmentation.mixup_alpha=0.1",
        "augmentation.cutmix_alpha=0.2",
        "trainer.epochs=24",
    ),
}
"""Name of a run -> its settings."""
RESULT = RESULTS / "fold_choices.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", nargs="*", choices=CHOICES, help="train these; default, all")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    names = list(CHOICES) if arguments.only is None else arguments.only
    if arguments.only is None:
        on_folds(work, AS_IT_IS)
    for name in names:
        on_folds(work, name, *CHOICES[name])
    known = json.loads(RESULT.read_text())["choices"] if RESULT.exists() else {}
    found = {
        name: {
            "settings": settings,
            "over": known.get(name, {}).get("over", {}) | _judged(work, name),
        }
        for name, settings in CHOICES.items()
    }
    result = {
        **record("python benchmarks/fold_choices.py WORK"),
        "folds": FOLDS,
        "epochs": EPOCHS,
        "replicates": REPLICATES,
        "choices": found,
    }
    write_json(RESULT, result)
    for name in names:
        for first in found[name]["over"].values():
            print(f"{name}, folds {first['folds']}\n{shown(first['figures'])}")


def _judged(work: Path, name: str) -> dict[str, Any]:
    """A choice's figures and gains over each run, itself included, on the folds that both have here."""
    over = {}
    for first in dict.fromkeys((AS_IT_IS, LONGER, name)):
        folds = sorted({*_ready(work / name)} & {*_ready(work / first)})
        if folds:
            rows = Manifest.read(RunFolder(work / name).manifest)
            judged = rows.rows(rows.frame["fold"].isin(folds).to_numpy())
            answers = {run: _pooled(work / run, rows, folds) for run in (first, name)}
            over[first] = {
                "date": today(),
                "folds": folds,
                "images": len(judged),
                "figures": judge(answers, judged),
            }
    return over


def _ready(run: Path) -> list[int]:
    return [fold for fold in range(FOLDS) if _answers_of(run, fold).exists()]


def _answers_of(run: Path, fold: int) -> Path:
    return RunFolder(run / f"fold-{fold}").predictions("val")


def _pooled(run: Path, rows: Manifest, folds: list[int]) -> Predictions:
    return together(Predictions.read(_answers_of(run, fold), rows.taxonomy) for fold in folds)


def together(parts: Iterable[Predictions]) -> Predictions:
    """What several networks answer about different images, as one table."""
    parts = list(parts)
    ids = tuple(image_id for part in parts for image_id in part.image_ids)
    return Predictions(ids, parts[0].classes, np.concatenate([p.probabilities for p in parts]))


if __name__ == "__main__":
    main()
