"""The first round's recipe, shortened, on five lesion-grouped folds of all of HAM10000.

    python benchmarks/five_folds.py WORK

WORK is that of `benchmarks/ham10000.py`. Every image is judged by a network that saw no image of its
lesion. No epoch is chosen: the last one's running mean is kept. The map of probabilities is, as in a
bundle, the one of least log loss, each lesion's fitted on other lesions; balanced answers take the
frequencies of all. The recipe was chosen on 1,005 of these images.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from record import REPOSITORY, RESULTS, cutis, record

from cutis.evaluation.calibration import AS_GIVEN, judge_calibration
from cutis.evaluation.classifier import evaluate
from cutis.evaluation.estimates import Estimate
from cutis.evaluation.folds import summarise_folds
from cutis.evaluation.questions import ask
from cutis.evaluation.reading import Validation
from cutis.files import write_json
from cutis.inference.fitting import METHODS
from cutis.metrics.probability import log_loss
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import find_task
from cutis.training.run_folder import RunFolder

FOLDS = 5
EPOCHS = 6
REPLICATES = 2000
KEPT = ("macro_roc_auc", "balanced_accuracy", "accuracy", "log_loss")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work.resolve()
    recipe = ["--config", REPOSITORY / "configs" / "ham10000.toml"]
    recipe += ["--set", f"trainer.epochs={EPOCHS}", "--kfold", FOLDS]
    cutis("train", "ham10000.csv", *recipe, "-o", "folds", "--resume", folder=work)
    run = RunFolder(work / "folds")
    manifest = Manifest.read(run.manifest)
    answers = Predictions.read(run.out_of_fold, manifest.taxonomy)
    given = Validation.of(answers, manifest, split="all")
    maps = {name: given.cross_fitted(fit) for name, fit in METHODS.items()}
    losses = {name: float(log_loss(*other.cases)) for name, other in maps.items()}
    chosen = min(losses, key=lambda name: losses[name])
    result: dict[str, Any] = {
        **record("python benchmarks/five_folds.py WORK"),
        "epochs": EPOCHS,
        "training_seconds": round(sum(map(training_seconds, run.path.glob("fold-*/history.csv")))),
        "images": len(manifest),
        "lesions": len(set(manifest.clusters())),
        "classes": list(given.predictions.classes),
        "log_loss_by_map": losses,
        "as_given": figures(given),
        "calibrated": {"map": chosen, **figures(maps[chosen], balanced=True)},
    }
    write_json(RESULTS / "five_folds.json", result)
    print(
        json.dumps({name: result[name]["overall"] for name in ("as_given", "calibrated")}, indent=2)
    )


def figures(answers: Validation, *, balanced: bool = False) -> dict[str, object]:
    """Headline figures with intervals over lesions, and the spread over folds."""
    predictions, rows = answers.predictions, answers.manifest
    gains = answers.gains() if balanced else None
    found = evaluate(predictions, rows, split="all", gains=gains, replicates=REPLICATES)
    folds = summarise_folds(predictions, rows, found, gains=gains)
    assert folds is not None
    melanoma = ask(find_task("melanoma", rows.taxonomy), predictions, rows, replicates=REPLICATES)
    truth, probabilities = answers.cases
    calibration = judge_calibration(
        truth,
        {AS_GIVEN: probabilities},
        predictions.classes,
        rows.clusters(),
        replicates=REPLICATES,
    )
    return {
        "overall": plain({name: found.overall[name] for name in KEPT}),
        "malignant_roc_auc": asdict(found.malignant["roc_auc"]),
        "recall": plain(found.per_class["recall"]),
        "roc_auc": plain(found.per_class["roc_auc"]),
        "melanoma": plain(melanoma.estimates),
        "classwise_ece": asdict(calibration.estimates[AS_GIVEN]["classwise_ece"]),
        "folds": {
            name: {
                "values": folds.figures[name].values.tolist(),
                "mean": folds.figures[name].mean,
                "standard_deviation": folds.figures[name].standard_deviation,
            }
            for name in KEPT
        },
    }


def training_seconds(history: Path) -> float:
    """What the epochs of one fold took."""
    return float(pd.read_csv(history)["seconds"].sum())


def plain(estimates: Mapping[str, Estimate]) -> dict[str, dict[str, object]]:
    """The fields of each estimate."""
    return {name: asdict(estimate) for name, estimate in estimates.items()}


if __name__ == "__main__":
    main()
