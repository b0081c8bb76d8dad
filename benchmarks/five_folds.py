"""The first round's recipe, shortened, on five lesion-grouped folds of all of HAM10000.

    python benchmarks/five_folds.py WORK

WORK is that of `benchmarks/ham10000.py`. Every image is judged by a network that saw no image of its
lesion. No epoch is chosen: the last one's running mean is kept. The map of probabilities is, as in a
bundle, the one of least log loss, each lesion's fitted on other lesions; balanced answers take the
frequencies of all. The recipe was chosen on 1,005 of these images.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd
from record import REPOSITORY, RESULTS, cutis, record

from cutis.files import write_json
from cutis.inference.fitting import METHODS
from cutis.training.run_folder import RunFolder

FOLDS = 5
EPOCHS = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work.resolve()
    recipe = ["--config", REPOSITORY / "configs" / "ham10000.toml"]
    recipe += ["--set", f"trainer.epochs={EPOCHS}", "--kfold", FOLDS]
    cutis("train", "ham10000.csv", *recipe, "-o", "folds", "--resume", folder=work)
    run = RunFolder(work / "folds")
    given = judge(run, "report")
    versions = given["calibration"]["versions"]
    losses = {name: versions[name]["log_loss"]["value"] for name in METHODS}
    chosen = min(losses, key=lambda name: losses[name])
    calibrated = judge(run, "report-calibrated", "--calibration", chosen, "--answer", "balanced")
    result = {
        **record("python benchmarks/five_folds.py WORK"),
        "epochs": EPOCHS,
        "training_seconds": round(sum(map(training_seconds, run.path.glob("fold-*/history.csv")))),
        **{key: given[key] for key in ("images", "lesions", "classes")},
        "log_loss_by_map": losses,
        "as_given": kept(given, "as given"),
        "calibrated": {"map": chosen, **kept(calibrated, chosen)},
    }
    write_json(RESULTS / "five_folds.json", result)
    for name in ("as_given", "calibrated"):
        print(name, json.dumps(result[name]["overall"], indent=2))


def judge(run: RunFolder, report: str, *reading: str) -> dict[str, Any]:
    """Judge out-of-fold predictions; what is chosen for a lesion is chosen on the others."""
    told = [run.out_of_fold, run.manifest, "--split", "all", "--cross-fit", *reading]
    cutis("evaluate", *told, "-o", run.path / report)
    found: dict[str, Any] = json.loads((run.path / report / "result.json").read_text())
    return found


def kept(found: dict[str, Any], version: str) -> dict[str, Any]:
    """Headline figures with intervals over lesions, and the spread over folds."""
    return {
        **{key: found[key] for key in ("overall", "malignant_against_benign", "folds")},
        "per_class": {key: found["per_class"][key] for key in ("recall", "roc_auc")},
        "melanoma": found["questions"]["melanoma"]["estimates"],
        "classwise_ece": found["calibration"]["versions"][version]["classwise_ece"],
    }


def training_seconds(history: Path) -> float:
    """What the epochs of one fold took."""
    return float(pd.read_csv(history)["seconds"].sum())


if __name__ == "__main__":
    main()
