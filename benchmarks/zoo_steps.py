"""What each step towards the model of the zoo gave, on validation, with intervals.

    python benchmarks/zoo_steps.py WORK

WORK is that of `benchmarks/zoo_model.py`, after `spoil`. The weights of every step answer at 176 px
about the validation split of HAM10000 and about the same lesions at 224 px. Figures are those of the
network itself and, "calibrated", of Dirichlet maps fitted on other lesions, with balanced answers.
Gains are over the first weights, with the same draws of lesions.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import torch
from on_validation import REPLICATES, judge, shown
from record import RESULTS, record
from safetensors.torch import load_file
from zoo_model import (
    MIDDLE,
    SECOND_ROUND,
    SECOND_ROUNDS,
    SIDE_PX,
    SOUP,
    SPOILT,
    START,
    by_processing,
    last_weights,
)

from cutis.config import load
from cutis.files import write_json
from cutis.models.classifier import untrained_classifier
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.training.prediction import predict_probabilities
from cutis.training.run_folder import RunFolder
from cutis.training.training_data import TrainingData

Weights = Mapping[str, torch.Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work.resolve()
    manifest = Manifest.read(work / "zoo.csv")
    answers = {name: answered(manifest, weights) for name, weights in steps(work).items()}
    sets = by_processing(manifest.split("val"))
    found = {name: judge(answers, rows) for name, rows in sets.items()}
    result = {
        **record("python benchmarks/zoo_steps.py WORK"),
        "input_px": SIDE_PX,
        "replicates": REPLICATES,
        "images": {name: len(rows) for name, rows in sets.items()},
        "steps": found,
    }
    write_json(RESULTS / "zoo-steps.json", result)
    for name, by_step in found.items():
        print(f"{name}\n{shown(by_step)}")


def steps(work: Path) -> dict[str, Weights]:
    """Name -> weights, in the order in which they came about."""
    second, again = (RunFolder(work / name) for name in SECOND_ROUNDS)
    return {
        "first weights": load_file(work / START),
        "first round, kept epoch": load_file(RunFolder(work / "zoo").weights),
        "mean of first, kept and last": load_file(work / MIDDLE),
        "second round, last epoch": last_weights(second),
        "mean of its beginning and end": load_file(second.weights),
        "the same with another seed": load_file(again.weights),
        "mean of both": load_file(RunFolder(work / SOUP).weights),
        "mean of that and a round with spoilt pictures": load_file(
            RunFolder(work / SPOILT).weights
        ),
    }


def answered(manifest: Manifest, weights: Weights) -> Predictions:
    """What the network with these weights says about the validation split."""
    recipe = load(SECOND_ROUND, [f"data.image_size={SIDE_PX}"])
    data = TrainingData.from_manifest(manifest)
    model = untrained_classifier(recipe.model, classes=len(data.classes), image_size=SIDE_PX)
    model.load_state_dict({name: weights[name] for name in model.state_dict()})
    rows = data.splits["val"]
    return predict_probabilities(
        model.eval(), rows, data.classes, recipe.preprocessing(), batch_size=64
    )


if __name__ == "__main__":
    main()
