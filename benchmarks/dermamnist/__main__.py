"""DermaMNIST on a split that does not leak: MedMNIST's recipe beside ours, at 28, 64 and 128 px.

    python -m benchmarks.dermamnist WORK
    python -m benchmarks.dermamnist WORK --size 28 --only baseline --baseline-epochs 15

From the repository's root. WORK keeps pictures and runs; a training that was stopped goes on, a
finished one is only judged again, as soon as its counterpart is there too. Every choice was made on
validation. Both recipes look at the same squeezed pictures; ours enlarges them for its network, which
adds no information.
"""

import argparse
import csv
import json
from pathlib import Path

from benchmarks.dermamnist.baseline import train_baseline
from benchmarks.dermamnist.judgement import PUBLISHED, compare
from benchmarks.dermamnist.task import officially_split, squeezed_manifest
from benchmarks.record import DATA, REPOSITORY, RESULTS, cutis, record
from cutis.evaluation.section import as_content
from cutis.files import write_json
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions

OFFICIAL_TABLE = DATA / "tables" / "dermamnist_split.csv"
CONFIG = REPOSITORY / "configs" / "ham10000.toml"
RESULT = RESULTS / "dermamnist.json"
SPLITS = {"clean": "7:1:2 by lesion, seed 0", "official": "leaky, for comparison only"}
SIDES = {28: (112, 96), 64: (128, 112), 128: (160, 128)}  # of our network, judged and trained, px


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--size", type=int, nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--split", nargs="+", choices=SPLITS, default=list(SPLITS))
    parser.add_argument("--only", nargs="*", choices=("baseline", "ours"), help="none: judge")
    parser.add_argument("--baseline-epochs", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=12, help="of ours")
    given = parser.parse_args()
    systems = ("baseline", "ours") if given.only is None else given.only  # none: judge again
    given.work.mkdir(parents=True, exist_ok=True)
    for split in given.split:
        if split == "official" and not OFFICIAL_TABLE.exists():
            print(f"official split left out: there is no {OFFICIAL_TABLE.name}")
            continue
        for size in given.size:
            manifest = prepare(given.work, split, size)
            runs = given.work / f"{split}-{size}"
            if "baseline" in systems:
                train_baseline(manifest, runs / "baseline", epochs=given.baseline_epochs)
            if "ours" in systems:
                train_ours(manifest, runs, size=size, epochs=given.epochs)
            judge(runs, given.work, split, size)


def prepare(work: Path, split: str, size: int) -> Manifest:
    """The manifest that both recipes train on."""
    clean = clean_split(work)
    source = clean if split == "clean" else officially_split(clean, OFFICIAL_TABLE)
    return squeezed_manifest(source, work / f"pictures-{size}", size=size)


def clean_split(work: Path) -> Manifest:
    """HAM10000, dealt by lesion; duplicates, near ones too, never straddle either."""
    if not (work / "split.csv").exists():
        cutis("data", "import", "ham10000", DATA / "ham10000", "-o", work / "ham10000.csv")
        cutis("data", "split", work / "ham10000.csv", "--seed", 0, "-o", work / "split.csv")
    return Manifest.read(work / "split.csv")


def our_settings(size: int, *, epochs: int) -> list[str]:
    """What differs from configs/ham10000.toml: the whole frame, and frequencies as they are.

    The recipe's logit adjustment answers for balanced classes, which costs the plain accuracy that
    MedMNIST counts.
    """
    image_size, train_size = SIDES[size]
    return [
        f"data.image_size={image_size}",
        f"data.train_size={train_size}",
        "data.fit=squash",
        "data.interpolation=bicubic",
        "loss.logit_adjustment=0",
        f"trainer.epochs={epochs}",
    ]


def train_ours(manifest: Manifest, runs: Path, *, size: int, epochs: int) -> None:
    """Fine-tune ImageNet's lite0 as a user would; the run may live in `runs` already."""
    runs.mkdir(parents=True, exist_ok=True)
    manifest.write(runs / "manifest.csv")
    options = [text for line in our_settings(size, epochs=epochs) for text in ("--set", line)]
    config = ("--config", CONFIG)
    cutis("train", runs / "manifest.csv", *config, *options, "-o", runs / "ours", "--resume")


def judge(runs: Path, work: Path, split: str, size: int) -> None:
    """Compare the two recipes on the test pictures, once both are finished."""
    folders = {name: runs / name for name in ("baseline", "ours")}
    tables = {name: folder / "predictions-test.csv" for name, folder in folders.items()}
    if unfinished := [name for name, table in tables.items() if not table.exists()]:
        print(f"{split} split, {size} px: not judged before {' and '.join(unfinished)} is finished")
        return
    clean = clean_split(work)
    found = {name: Predictions.read(table, clean.taxonomy) for name, table in tables.items()}
    image_ids = set(found["ours"].image_ids)
    rows = clean.rows(clean.frame["image_id"].isin(image_ids).to_numpy())
    runs_done = {name: training(folder) for name, folder in folders.items()}
    figures = compare(found["ours"], found["baseline"], rows)
    result = {
        "split": SPLITS[split],
        **record(
            f"python -m benchmarks.dermamnist WORK --split {split} --size {size} "
            f"--baseline-epochs {runs_done['baseline']['epochs']} "
            f"--epochs {runs_done['ours']['epochs']}"
        ),
        "images": len(rows),
        "lesions": len(set(rows.clusters())),
        "training": runs_done,
        "figures": as_content(figures),
        "published_on_the_official_split": PUBLISHED[str(size)],
    }
    known = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    write_json(RESULT, known | {f"{split}-{size}": result})
    for name, estimates in figures.items():
        print("|", " | ".join([f"{size} px, {name}", *map(str, estimates.values())]), "|")


def training(folder: Path) -> dict[str, object]:
    """How long a recipe was trained, and what its best epoch reached on validation."""
    with (folder / "history.csv").open() as stream:
        epochs = list(csv.DictReader(stream))
    kept = max(range(len(epochs)), key=lambda index: float(epochs[index]["val_macro_auc"]))
    validation = {k: float(v) for k, v in epochs[kept].items() if k.startswith("val_")}
    seconds = round(sum(float(epoch["seconds"]) for epoch in epochs))
    return {
        "epochs": len(epochs),
        "kept_epoch": kept + 1,
        "seconds": seconds,
        "validation": validation,
    }


if __name__ == "__main__":
    main()
