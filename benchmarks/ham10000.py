"""HAM10000, all 10,015 images at 200 x 150, split by lesion with seed 0: what each recipe reaches.

    python benchmarks/ham10000.py WORK [--only NAME ...]

WORK keeps the run folders; a run that is there is resumed, a finished one only judged again, as its
network answers and, under "calibrated", through a map fitted on validation and with balanced answers;
under "calibrated_views" likewise, but from the mean over eight turned views of every picture. Every
choice was made on validation, or on folds of the training split.

    fine-tuned     configs/ham10000.toml: the model's first round
    refined        configs/second-round.toml, from there on: the model
    frozen         configs/frozen-baseline.toml: frozen ImageNet base, dense 512, dropout, Adam 1e-4
    short          a short version of fine-tuned, on the lesion split
    short-random   the same on a random split of images, to show how much leakage flatters
"""

import argparse
import csv
import json
from pathlib import Path
from typing import Any

from asking import answers
from record import DATA, REPOSITORY, RESULTS, cutis, record, today

from cutis.bundle import ModelBundle
from cutis.curation.splits import split_manifest
from cutis.files import write_json
from cutis.tables.manifest import Manifest

CONFIGS = REPOSITORY / "configs"
VIEWS = 8
READING = ("--calibration", "vector", "--answer", "balanced")
AS_READ = ("reading", "overall", "malignant_against_benign", "confusion_matrix")
SHORT = ["--set", "data.train_size=96", "--set", "data.image_size=112", "--set", "trainer.epochs=3"]


def recipes(work: Path) -> dict[str, tuple[str, list[str]]]:
    """Run name -> the manifest it is trained on, and its options."""
    fine_tuned = ["--config", str(CONFIGS / "ham10000.toml")]
    begun = work / "fine-tuned" / "bundle" / "weights.safetensors"
    second = ["--config", str(CONFIGS / "second-round.toml"), "--set", "data.image_size=160"]
    second += ["--set", f"model.backbone.weights={begun}"]
    return {
        "fine-tuned": ("split.csv", fine_tuned),
        "refined": ("split.csv", second),
        "frozen": ("split.csv", ["--config", str(CONFIGS / "frozen-baseline.toml")]),
        "short": ("split.csv", [*fine_tuned, *SHORT]),
        "short-random": ("random.csv", [*fine_tuned, *SHORT]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", nargs="*", help="names of runs; default, all")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    prepare_manifests(work)
    out = RESULTS / "ham10000.json"
    results = json.loads(out.read_text()) if out.exists() else {"runs": {}}
    for name in recipes(work):
        if arguments.only and name not in arguments.only:
            continue
        results["runs"][name] = run(name, work)
        results |= record("python benchmarks/ham10000.py WORK")
        write_json(out, results)
        print(json.dumps({name: results["runs"][name]["overall"]}, indent=2))


def prepare_manifests(work: Path) -> None:
    """Import, split by lesion, and split at random as if every image were a lesion of its own."""
    if (work / "random.csv").exists():
        return
    cutis("data", "import", "ham10000", DATA / "ham10000", "-o", work / "ham10000.csv")
    cutis("data", "split", work / "ham10000.csv", "--seed", 0, "-o", work / "split.csv")
    apart = Manifest.read(work / "ham10000.csv")
    split_manifest(apart.with_columns(lesion_id=apart.image_ids), seed=0).write(work / "random.csv")


def run(name: str, work: Path) -> dict[str, object]:
    """Train, or go on training, and judge on the test split."""
    table, options = recipes(work)[name]
    folder, manifest = work / name, work / table
    cutis("train", manifest, *options, "-o", folder, "--resume")
    result = judge(folder, manifest, "report")
    calibrated = judge(folder, manifest, "report-calibrated", *READING)
    from_views = judge(
        folder, manifest, "report-views", *READING, asked=ask_views(folder, manifest)
    )
    with (folder / "history.csv").open() as stream:
        epochs = list(csv.DictReader(stream))
    shown = [
        option.replace(f"{work}/", "WORK/").replace(f"{CONFIGS}/", "configs/") for option in options
    ]
    return {
        "command": " ".join(["cutis train", f"WORK/{table}", *shown, "-o", f"WORK/{name}"]),
        "date": today(),
        "epochs": len(epochs),
        "training_seconds": round(sum(float(epoch["seconds"]) for epoch in epochs)),
        "validation": {
            key: float(value) for key, value in epochs[-1].items() if key.startswith("val_")
        },
        **{
            key: result[key]
            for key in (
                "images",
                "lesions",
                "classes",
                "interval",
                "overall",
                "malignant_against_benign",
                "confusion_matrix",
            )
        },
        "per_class": {key: result["per_class"][key] for key in ("recall", "roc_auc")},
        "calibrated": {key: calibrated[key] for key in AS_READ},
        "calibrated_views": {key: from_views[key] for key in AS_READ},
    }


def ask_views(folder: Path, manifest: Path) -> str:
    """Tables of answers from several views, beside those of the run; what their names begin with."""
    bundle = ModelBundle.load(folder / "bundle")
    for split in ("val", "test"):
        rows = Manifest.read(manifest).split(split)
        answers(bundle, rows, views=VIEWS).write(folder / f"views-{split}.csv")
    return "views"


def judge(
    folder: Path, manifest: Path, report: str, *reading: str, asked: str = "predictions"
) -> dict[str, Any]:
    """Judge a run's tables on the test split; what is chosen is chosen on validation."""
    validation = ["--validation", folder / f"{asked}-val.csv"]
    told = [*validation, *reading, "--history", folder / "history.csv", "-o", folder / report]
    cutis("evaluate", folder / f"{asked}-test.csv", manifest, *told)
    found: dict[str, Any] = json.loads((folder / report / "result.json").read_text())
    return found


if __name__ == "__main__":
    main()
