"""The model of the zoo: its data, its training, its export, and what it reaches.

    python benchmarks/zoo_model.py WORK [--only data train refine spoil ship judge]

WORK is that of `benchmarks/ham10000.py`, whose `fine-tuned` run is what training starts from. The
data are HAM10000 in both processings, with every lesion in the split it has there, and the training
part of ISIC 2017, whose seborrheic keratoses count as benign keratoses. The test split of HAM10000
takes no part, and every choice was made on its validation split.

    data      WORK/zoo.csv
    train     configs/zoo.toml, into WORK/zoo; a run that is there is resumed. The mean of its first,
              best and last weights (Wortsman et al. 2022) is published as WORK/zoo-averaged/bundle
    refine    configs/second-round.toml without spoilt pictures, from there on, with two seeds, into
              WORK/zoo-refined and WORK/zoo-refined-again; the mean of their weights is WORK/zoo-soup
    spoil     the same settings again from there on, with an artefact or a camera's fault drawn over
              every other picture, into WORK/zoo-spoilt
    ship      8-bit network, half-precision weights, calibrated on validation: WORK/zoo-shipped. The
              limit of rejection also comes from ISIC 2017's validation part, without its labels
    judge     the shipped bundle on the test split in both processings, on the validation part of
              ISIC 2017 and on the photographs of PAD-UFES-20, with calibrated probabilities and
              balanced answers, and "as given", and under stress; numbers go to benchmarks/results/
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from asking import answers
from record import DATA, REPOSITORY, RESULTS, cutis, record, today
from safetensors.torch import load_file

from cutis.bundle import ModelBundle
from cutis.config import load
from cutis.curation.sources import SourceOptions, import_source
from cutis.deploy.publish import publish_run
from cutis.files import write_json
from cutis.metrics.delong import delong_auc
from cutis.models.classifier import untrained_classifier
from cutis.tables.manifest import Manifest
from cutis.training.run_folder import RunFolder
from cutis.training.soup import mean_of, serve
from cutis.training.training_data import TrainingData

FIRST_ROUND = REPOSITORY / "configs" / "zoo.toml"
SECOND_ROUND = REPOSITORY / "configs" / "second-round.toml"
STAGES = ("data", "train", "refine", "spoil", "ship", "judge")
START = "fine-tuned/bundle/weights.safetensors"
MIDDLE = "zoo-averaged/bundle/weights.safetensors"
KEPT = ("overall", "malignant_against_benign", "confusion_matrix")  # of the other readings
SECOND_ROUNDS = ("zoo-refined", "zoo-refined-again")  # by seed
SOUP = "zoo-soup"
SPOILT = "zoo-spoilt"
CLEAN = "augmentation.spoiling=0"
THIRD = ("trainer.epochs=8", "seed=2")
SAME_LESIONS = "ham10000-224"
SIDE_PX = 176  # of the averaged network's input: least log loss on validation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", nargs="*", choices=STAGES, default=STAGES)
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    if "data" in arguments.only:
        pooled(Manifest.read(work / "split.csv")).write(work / "zoo.csv")
    if "train" in arguments.only:
        train(work, FIRST_ROUND, work / START, "zoo")
        publish_mean_of_first_round(work)
    if "refine" in arguments.only:
        for seed, run in enumerate(SECOND_ROUNDS):
            train(work, SECOND_ROUND, work / MIDDLE, run, CLEAN, f"seed={seed}")
        soup(work)
    if "spoil" in arguments.only:
        train(work, SECOND_ROUND, work / SOUP / "bundle/weights.safetensors", SPOILT, *THIRD)
    if "ship" in arguments.only:
        smaller = ["--format", "onnx-int8", "--half-weights", "--images", "zoo.csv"]
        cutis("export", f"{SPOILT}/bundle", *smaller, "-o", "zoo-small", folder=work)
        for_calibration(Manifest.read(work / "zoo.csv")).write(work / "zoo-calibration.csv")
        cutis("calibrate", "zoo-small", "zoo-calibration.csv", "-o", "zoo-shipped", folder=work)
    if "judge" in arguments.only:
        judge(work)


def train(
    work: Path,
    config: Path,
    start: Path | str,
    run: str,
    *settings: str,
    manifest: str = "zoo.csv",
) -> None:
    """Train on from some weights; a run that is there is resumed."""
    changed = [f"model.backbone.weights={start}", *settings]
    told = [word for each in changed for word in ("--set", each)]
    cutis("train", manifest, "--config", config, *told, "-o", run, "--resume", folder=work)


def pooled(spine: Manifest) -> Manifest:
    """HAM10000 twice and ISIC 2017's training part, one lesion in one split.

    Args:
        spine: HAM10000 with its split.
    """
    again = spine.frame.assign(
        image_id=spine.frame["image_id"] + "-224",
        path=[
            str(DATA / SAME_LESIONS / "images" / Path(path).name) for path in spine.frame["path"]
        ],
        mask_path="",
    )
    again = again[[Path(path).exists() for path in again["path"]]]
    clinics = import_source("isic", DATA / "isic2017").manifest.labelled().split("train")
    coarse = {"seborrheic-keratosis": "benign-keratosis"}
    named = clinics.frame["diagnosis"].replace(coarse)
    elsewhere = clinics.frame.assign(diagnosis=named, source="isic2017")
    return Manifest(pd.concat([spine.frame, again, elsewhere], ignore_index=True), spine.taxonomy)


def by_processing(pooled: Manifest) -> dict[str, Manifest]:
    """HAM10000's rows, and those of the same lesions in their other processing."""
    again = pooled.frame["image_id"].str.endswith("-224").to_numpy()
    once = (pooled.frame["source"] == "ham10000").to_numpy() & ~again
    return {"ham10000": pooled.rows(once), SAME_LESIONS: pooled.rows(again)}


def publish_mean_of_first_round(work: Path) -> None:
    """A run folder with the mean of the weights that training began with, liked best and ended with."""
    run, target = RunFolder(work / "zoo"), RunFolder(work / "zoo-averaged")
    if target.settings.exists():
        return
    weights = mean_of([load_file(work / START), load_file(run.weights), last_weights(run)])
    begun = f"model.backbone.weights={work / START}"
    recipe = load(FIRST_ROUND, [f"data.image_size={SIDE_PX}", begun])
    manifest = Manifest.read(run.manifest)
    classes = len(TrainingData.from_manifest(manifest).classes)
    model = untrained_classifier(recipe.model, classes=classes, image_size=SIDE_PX)
    serve(weights, model, recipe, manifest, target)
    publish_run(target, recipe, model, manifest)


def soup(work: Path) -> None:
    """The mean of both second rounds, as a run folder."""
    if not (work / SOUP / "bundle").exists():
        cutis("soup", *SECOND_ROUNDS, "-o", SOUP, folder=work)


def last_weights(run: RunFolder) -> dict[str, torch.Tensor]:
    """The running average that the last epoch left."""
    state = torch.load(run.last_checkpoint, weights_only=True)["state_dict"]
    prefix = "averages.moving.module."
    return {
        name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)
    }


def for_calibration(pooled: Manifest) -> Manifest:
    """The same, with ISIC 2017's validation part, so that the limit of rejection knows its pictures.

    They come without diagnoses: the rest of the calibration stays HAM10000's.
    """
    clinics = import_source("isic", DATA / "isic2017").manifest.split("val")
    unnamed = clinics.frame.assign(diagnosis="", source="isic2017")
    return Manifest(pd.concat([pooled.frame, unnamed], ignore_index=True), pooled.taxonomy)


def judge(work: Path) -> None:
    """The shipped bundle on what it has not seen; the numbers are kept."""
    for name, rows in by_processing(Manifest.read(work / "zoo.csv")).items():
        rows.write(work / f"zoo-{name}.csv")
    photographs = import_source(
        "pad-ufes-20", DATA / "pad-ufes-20", SourceOptions(skip_missing=True)
    )
    photographs.manifest.write(work / "zoo-pad-ufes-20.csv")
    known = ["--validation-manifest", "zoo-ham10000.csv"]
    evaluate(work, "ham10000", "val", [])
    evaluate(work, "ham10000", "test", known)
    evaluate(work, SAME_LESIONS, "test", known)
    evaluate(work, "pad-ufes-20", "all", ["--skip-outside", *known])
    write_json(RESULTS / "zoo-isic2017.json", melanoma_elsewhere(work))
    write_json(RESULTS / "zoo-stress.json", under_stress(work))


def under_stress(work: Path) -> dict[str, object]:
    """What every change of test pictures costs the shipped bundle, as its network answers."""
    table, folder = "zoo-ham10000-test-predictions.csv", "zoo-report-stress"
    cutis(
        *("evaluate", table, "zoo-ham10000.csv", "--stress", "zoo-shipped", "-o", folder),
        folder=work,
    )
    found = json.loads((work / folder / "result.json").read_text())["robustness"]
    return {
        **record("python benchmarks/zoo_model.py WORK --only judge"),
        "images": found["images"],
        "changes": {
            kind["kind"]: [
                {"level": step["level"]}
                | {name: _brief(each) for name, each in step["changes"].items()}
                for step in kind["steps"]
            ]
            for kind in found["kinds"]
        },
    }


def _brief(change: Mapping[str, Any]) -> dict[str, list[float]]:
    """A figure under stress and how far it changed, each with its interval."""
    return {
        key: [round(change[key][part], 4) for part in ("value", "low", "high")]
        for key in ("stressed", "difference")
    }


def melanoma_elsewhere(work: Path) -> dict[str, object]:
    """Melanoma against the rest in ISIC 2017's validation part, where the rest has no finer name."""
    clinics = import_source("isic", DATA / "isic2017").manifest.split("val")
    found = answers(ModelBundle.load(work / "zoo-shipped"), clinics)
    area = delong_auc(
        np.array(clinics.diagnoses) == "melanoma",
        found.probabilities[:, found.classes.index("melanoma")],
    )
    return {
        **record("python benchmarks/zoo_model.py WORK --only judge"),
        "images": len(clinics),
        "melanomas": clinics.diagnoses.count("melanoma"),
        "melanoma_roc_auc": asdict(area),
    }


def evaluate(work: Path, name: str, split: str, options: list[str]) -> None:
    """Ask the shipped bundle about a split and judge its answers."""
    shipped = ModelBundle.load(work / "zoo-shipped")
    assert shipped.facts.readout is not None
    manifest = Manifest.read(work / f"zoo-{name}.csv")
    judged = manifest if split == "all" else manifest.split(split)
    table, folder = f"zoo-{name}-{split}-predictions.csv", f"zoo-report-{name}-{split}"
    answers(shipped, judged).write(work / table)
    if split == "val":  # thresholds and maps come from here, no figures
        return
    validation = ["--validation", "zoo-ham10000-val-predictions.csv", "--by", "sex", "--by", "site"]
    told = ["evaluate", table, f"zoo-{name}.csv", "--split", split, *validation, *options]
    calibrated = ("--calibration", shipped.facts.readout.method)
    readings = {"": (*calibrated, "--answer", "balanced"), "as_given": (), "as_shown": calibrated}
    found = {}
    for reading, given in readings.items():
        report = f"{folder}-{reading}" if reading else folder
        cutis(*told, *given, "-o", report, folder=work)
        found[reading] = json.loads((work / report / "result.json").read_text())
    others = {
        reading: {key: found[reading][key] for key in KEPT}
        | {"per_class": {"recall": found[reading]["per_class"]["recall"]}}
        for reading in ("as_given", "as_shown")
    }
    write_json(RESULTS / f"zoo-{name}.json", {**found[""], **others, "date": today()})


if __name__ == "__main__":
    main()
