"""Both rounds of the recipe, shortened, on five lesion-grouped folds of all of HAM10000.

    python benchmarks/five_folds.py WORK

WORK is that of `benchmarks/ham10000.py`. Every image is judged by a network that saw no image of its
lesion, after configs/ham10000.toml and again after configs/second-round.toml from there on. No epoch is
chosen: the first round keeps the last one's running mean, the second the mean of where it began and
where it ended. The map of probabilities is, as in a bundle, the one of least log loss, each lesion's
fitted on other lesions; balanced answers take the frequencies of all. Both recipes were chosen on 1,005
of these images.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd
from on_validation import REPLICATES, judge, shown
from record import REPOSITORY, RESULTS, cutis, record

from cutis.files import write_json
from cutis.inference.fitting import METHODS
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.training.run_folder import RunFolder

FOLDS = 5
FIRST_EPOCHS, SECOND_EPOCHS = 6, 4  # of 12 and 12
CONFIGS = REPOSITORY / "configs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work.resolve()
    runs = {"first": first_round(work), "second": second_round(work)}
    rounds = {name: judged(run) for name, run in runs.items()}
    rows = Manifest.read(runs["first"].manifest)
    answers = {name: Predictions.read(run.out_of_fold, rows.taxonomy) for name, run in runs.items()}
    gains = judge(answers, rows, fit=METHODS[rounds["second"]["calibrated"]["map"]])["second"]
    result = {
        **record("python benchmarks/five_folds.py WORK"),
        "epochs": {"first": FIRST_EPOCHS, "second": SECOND_EPOCHS},
        "images": len(rows),
        "lesions": rows.frame["lesion_id"].nunique(),
        "rounds": rounds,
        "gains of the second": {"replicates": REPLICATES, **gains},
    }
    write_json(RESULTS / "five_folds.json", result)
    for name, each in rounds.items():
        print(name, json.dumps(each["calibrated"]["overall"], indent=2))
    print(shown({"second over first": gains}))


def first_round(work: Path) -> RunFolder:
    """From ImageNet weights."""
    run = RunFolder(work / "folds")
    recipe = ("--config", CONFIGS / "ham10000.toml", "--set", f"trainer.epochs={FIRST_EPOCHS}")
    told = ("ham10000.csv", *recipe, "--kfold", FOLDS, "-o", run.path, "--resume")
    cutis("train", *told, folder=work)
    return run


def second_round(work: Path) -> RunFolder:
    """From the first round of the same fold on, with the same lesions left out."""
    begun, run = RunFolder(work / "folds"), RunFolder(work / "folds-refined")
    for fold in range(FOLDS):
        go_on(*(RunFolder(each.path / f"fold-{fold}") for each in (begun, run)))
    parts = [pd.read_csv(run.path / f"fold-{fold}/predictions-val.csv") for fold in range(FOLDS)]
    pd.concat(parts).to_csv(run.out_of_fold, index=False)
    Manifest.read(begun.manifest).write(run.manifest)
    return run


def go_on(before: RunFolder, after: RunFolder) -> None:
    """One fold's second round, from the weights of its first, unless it is there."""
    if after.bundle.exists():
        return
    settings = (
        f"trainer.epochs={SECOND_EPOCHS}",
        "data.image_size=160",
        f"model.backbone.weights={before.weights}",
    )
    told = [word for each in settings for word in ("--set", each)]
    recipe = ("--config", CONFIGS / "second-round.toml", *told)
    cutis("train", before.manifest, *recipe, "-o", after.path, "--resume")


def judged(run: RunFolder) -> dict[str, Any]:
    """What is kept of one round; what is chosen for a lesion is chosen on the others."""
    given = report(run, "report")
    versions = given["calibration"]["versions"]
    losses = {name: versions[name]["log_loss"]["value"] for name in METHODS}
    chosen = min(losses, key=lambda name: losses[name])
    calibrated = report(run, "report-calibrated", "--calibration", chosen, "--answer", "balanced")
    return {
        "log_loss_by_map": losses,
        "as_given": kept(given, "as given"),
        "calibrated": {"map": chosen, **kept(calibrated, chosen)},
    }


def report(run: RunFolder, name: str, *reading: str) -> dict[str, Any]:
    """Judge out-of-fold predictions."""
    told = [run.out_of_fold, run.manifest, "--split", "all", "--cross-fit", *reading]
    cutis("evaluate", *told, "-o", run.path / name)
    found: dict[str, Any] = json.loads((run.path / name / "result.json").read_text())
    return found


def kept(found: dict[str, Any], version: str) -> dict[str, Any]:
    """Headline figures with intervals over lesions, and the spread over folds."""
    return {
        **{key: found[key] for key in ("overall", "malignant_against_benign", "folds")},
        "per_class": {key: found["per_class"][key] for key in ("recall", "roc_auc")},
        "melanoma": found["questions"]["melanoma"]["estimates"],
        "classwise_ece": found["calibration"]["versions"][version]["classwise_ece"],
    }


if __name__ == "__main__":
    main()
