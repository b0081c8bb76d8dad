"""What training with spoilt pictures gives, on validation pictures as they are and spoilt.

    python benchmarks/spoiling.py WORK --bundles WITHOUT WITH [--result NAME]

WORK is that of `benchmarks/ham10000.py`, the bundles are folders in it: the network without such
training first. Both answer about the same 1,005 validation pictures of HAM10000, as they are and with
every kind of fault at the strongest severity of training and at the strongest of all. Gains come with
the intervals of pairs. The faults are drawn by the program that drew them for training, from other
seeds and on other lesions; they are no evidence about real ones.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from on_validation import REPLICATES, compare
from record import RESULTS, record

from cutis.bundle import ModelBundle
from cutis.checks import FloatArray, UInt8Array
from cutis.data.transforms import Spoiling
from cutis.evaluation.cases import Cases
from cutis.files import write_json
from cutis.imaging import load_rgb
from cutis.inference.predictor import Predictor
from cutis.perturbation.kinds import perturb, seed_of
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions

SEVERITIES = (3, 5)
FIGURES = ("balanced_accuracy", "macro_roc_auc")
AT_A_TIME = 64
AS_THEY_ARE = "as they are"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--bundles", nargs=2, metavar=("WITHOUT", "WITH"), required=True)
    parser.add_argument("--result", default="spoiling", help="Name of the file in results/.")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    rows = Manifest.read(work / "split.csv").split("val")
    networks = [Predictor(ModelBundle.load(work / name)) for name in arguments.bundles]
    found = {
        change: judged(networks, rows, each) for change, each in answers(networks, rows).items()
    }
    result = {
        **record(
            f"python benchmarks/spoiling.py WORK --bundles {' '.join(arguments.bundles)} "
            f"--result {arguments.result}"
        ),
        "images": len(rows),
        "replicates": REPLICATES,
        "changes": found,
    }
    write_json(RESULTS / f"{arguments.result}.json", result)
    for change, figures in found.items():
        print(change, {name: round(each["value"], 3) for name, each in figures.items()})


def answers(networks: Sequence[Predictor], rows: Manifest) -> dict[str, list[FloatArray]]:
    """By change, what every network says, each of shape (n, k)."""
    pictures = [load_rgb(path) for path in rows.paths]
    seeds = [seed_of(image_id, seed=1) for image_id in rows.image_ids]
    found = {AS_THEY_ARE: [said(network, pictures) for network in networks]}
    for kind, severity in product(Spoiling.KINDS, SEVERITIES):
        spoilt = [
            perturb(picture, kind, severity, seed=seed)
            for picture, seed in zip(pictures, seeds, strict=True)
        ]
        found[f"{kind}, {severity}"] = [said(network, spoilt) for network in networks]
    return found


def said(network: Predictor, pictures: Sequence[UInt8Array]) -> FloatArray:
    """Probabilities of shape (n, k)."""
    frame = network.bundle.facts.preprocessing.frame
    parts = [pictures[first : first + AT_A_TIME] for first in range(0, len(pictures), AT_A_TIME)]
    return np.concatenate([network.probabilities(np.stack([*map(frame, part)])) for part in parts])


def judged(
    networks: Sequence[Predictor], rows: Manifest, probabilities: Sequence[FloatArray]
) -> dict[str, dict[str, Any]]:
    """Figures without and with, and the gain over the same draws of lesions."""
    cases = {
        name: Cases.of(Predictions(rows.image_ids, network.bundle.facts.classes, each), rows)
        for name, network, each in zip(("without", "with"), networks, probabilities, strict=True)
    }
    found = compare(cases, rows, over={"with": "without"}, figures=FIGURES)
    return {name: asdict(estimate) for name, estimate in found.items()}


if __name__ == "__main__":
    main()
