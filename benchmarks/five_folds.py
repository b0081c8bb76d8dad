"""Three rounds of training, shortened, on five lesion-grouped folds of all of HAM10000.

    python benchmarks/five_folds.py WORK

WORK is that of `benchmarks/ham10000.py`. Every image is judged by a network that saw no image of its
lesion, after configs/ham10000.toml, again after configs/second-round.toml from there on, and again
after the same settings on the pictures of `benchmarks/zoo_model.py`. The two later networks also answer
about the same lesions at 224 px. No epoch is chosen: the first round keeps the last one's running mean,
the others the mean of where they began and where they ended. The map of probabilities is, as in a
bundle, the one of least log loss, each lesion's fitted on other lesions; balanced answers take the
frequencies of all. The recipes were chosen on 1,005 of these images.
"""

import argparse
import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from asking import answers
from on_validation import REPLICATES, judge, shown
from record import REPOSITORY, RESULTS, cutis, record
from zoo_model import SAME_LESIONS, SECOND_ROUND, by_processing, pooled

from cutis.bundle import ModelBundle
from cutis.files import write_json
from cutis.inference.fitting import METHODS
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.training.run_folder import RunFolder

FOLDS = 5
EPOCHS = {"first": 6, "second": 4, "third": 3}  # of 12 each in the recipes, where the third has 8
FIRST_ROUND = REPOSITORY / "configs" / "ham10000.toml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work.resolve()
    first = first_round(work)
    second = second_round(work, first)
    third = third_round(work, second)
    sets = {
        "ham10000": {"first": first, "second": second, "third": third},
        SAME_LESIONS: {"second": asked_again(second), "third": asked_again(third)},
    }
    found = {name: judged(runs) for name, runs in sets.items()}
    result = {
        **record("python benchmarks/five_folds.py WORK"),
        "epochs": EPOCHS,
        "replicates": REPLICATES,
        "sets": found,
    }
    write_json(RESULTS / "five_folds.json", result)
    for name, each in found.items():
        print(f"{name}, gains\n{shown(each['gains'])}")


def first_round(work: Path) -> RunFolder:
    """From ImageNet weights."""
    run = RunFolder(work / "folds")
    recipe = ("--config", FIRST_ROUND, "--set", f"trainer.epochs={EPOCHS['first']}")
    told = ("ham10000.csv", *recipe, "--kfold", FOLDS, "-o", run.path, "--resume")
    cutis("train", *told, folder=work)
    return run


def second_round(work: Path, begun: RunFolder) -> RunFolder:
    """From the first round of the same fold on, with the same lesions left out."""
    run = RunFolder(work / "folds-refined")
    changed = (f"trainer.epochs={EPOCHS['second']}", "data.image_size=160")
    for fold in range(FOLDS):
        before = one(begun, fold)
        go_on(before, one(run, fold), before.manifest, *changed)
    return gathered(run, Manifest.read(begun.manifest))


def third_round(work: Path, begun: RunFolder) -> RunFolder:
    """From the second round on, with the zoo's pictures; a lesion is left out in all of its own."""
    run, rows = RunFolder(work / "folds-zoo"), Manifest.read(begun.manifest)
    everything = pooled(rows)
    for fold in range(FOLDS):
        held = everything.frame["fold"].to_numpy() == fold
        other = ~everything.frame["image_id"].isin(rows.image_ids).to_numpy()
        split = np.where(held, "val", "train")
        table = work / f"folds-zoo-{fold}.csv"
        everything.with_columns(split=split).rows(~(held & other)).write(table)
        go_on(one(begun, fold), one(run, fold), table, f"trainer.epochs={EPOCHS['third']}")
    return gathered(run, rows)


def one(run: RunFolder, fold: int) -> RunFolder:
    """A fold's own run."""
    return RunFolder(run.path / f"fold-{fold}")


def go_on(before: RunFolder, after: RunFolder, table: Path, *settings: str) -> None:
    """One fold, trained on from the weights of its last round, unless that is done."""
    if after.bundle.exists():
        return
    changed = [f"model.backbone.weights={before.weights}", *settings]
    told = [word for each in changed for word in ("--set", each)]
    cutis("train", table, "--config", SECOND_ROUND, *told, "-o", after.path, "--resume")


def gathered(run: RunFolder, rows: Manifest) -> RunFolder:
    """The same, with what its folds answered about the lesions that they had not seen."""
    parts = [pd.read_csv(one(run, fold).predictions("val")) for fold in range(FOLDS)]
    pd.concat(parts).to_csv(run.out_of_fold, index=False)
    rows.write(run.manifest)
    return run


def asked_again(run: RunFolder) -> RunFolder:
    """The same networks about the same lesions at 224 px, gathered likewise."""
    rows = by_processing(pooled(Manifest.read(run.manifest)))[SAME_LESIONS]
    again = RunFolder(run.path / "at-224-px")
    for fold in range(FOLDS):
        held = rows.rows(rows.frame["fold"].to_numpy() == fold)
        target = one(again, fold).predictions("val")
        target.parent.mkdir(parents=True, exist_ok=True)
        answers(ModelBundle.load(one(run, fold).bundle), held).write(target)
    return gathered(again, rows)


def judged(runs: Mapping[str, RunFolder]) -> dict[str, Any]:
    """The rounds on one set of pictures, and the gains of each over the one before."""
    rows = Manifest.read(next(iter(runs.values())).manifest)
    rounds = {name: figures(run) for name, run in runs.items()}
    told = {name: Predictions.read(run.out_of_fold, rows.taxonomy) for name, run in runs.items()}
    gains = {
        later: judge(
            {each: told[each] for each in (earlier, later)},
            rows,
            fit=METHODS[rounds[later]["calibrated"]["map"]],
        )[later]
        for earlier, later in pairwise(runs)
    }
    return {
        "images": len(rows),
        "lesions": rows.frame["lesion_id"].nunique(),
        "rounds": rounds,
        "gains": gains,
    }


def figures(run: RunFolder) -> dict[str, Any]:
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
