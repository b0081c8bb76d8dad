"""A bundle's network as float, half-precision and 8-bit ONNX, against eager PyTorch, as ratios.

    python benchmarks/export_speed.py --bundle runs/ham10000/bundle --images ham10000.csv

All answer the same validation pictures, decoded beforehand, on the cores this process may use. The
candidates take turns picture by picture, so that other work on the machine meets them alike. Only the
network is timed, without decoding; PyTorch is the same network in eval mode under `inference_mode`,
with weights from the bundle.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from record import RESULTS, record

from cutis.bundle import ModelBundle
from cutis.deploy.formats import NUMBERS, export_format
from cutis.files import write_json
from cutis.imaging import load_rgb
from cutis.inference.predictor import Predictor
from cutis.models.trained import load_trained
from cutis.tables.manifest import Manifest
from cutis.threads import usable_cores

PICTURES, WARM_UP, BATCH, BATCHES = 200, 10, 32, 12

Answer = Callable[[np.ndarray], object]


def candidates(
    bundle: ModelBundle, manifest: Manifest, scratch: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is timed, by name, and the parity of each exported network."""
    network = load_trained(bundle.folder).network.eval()
    preprocessing = bundle.facts.preprocessing
    answers: dict[str, Answer] = {
        "torch": lambda frames: network(torch.from_numpy(preprocessing.normalise(frames)))
    }
    parity = {}
    for format in NUMBERS:
        exported = export_format(
            bundle, scratch / format, format=format, images=manifest, accept_loss=True
        )
        made = ModelBundle.load(scratch / format)
        answers[format] = Predictor(made).logits
        parity[format] = {**asdict(exported.parity), "onnx_bytes": made.onnx.stat().st_size}
    return answers, parity


@torch.inference_mode()
def seconds(answers: Mapping[str, Answer], inputs: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Seconds per call; the candidates take turns on each input."""
    taken: dict[str, list[float]] = {name: [] for name in answers}
    for frames in inputs:
        for name, answer in answers.items():
            started = perf_counter()
            answer(frames)
            taken[name].append(perf_counter() - started)
    return {name: np.array(values) for name, values in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    given = parser.parse_args()
    bundle = ModelBundle.load(given.bundle)
    manifest = Manifest.read(given.images, taxonomy=bundle.taxonomy, check_files=False)
    preprocessing = bundle.facts.preprocessing
    torch.set_num_threads(usable_cores())
    with tempfile.TemporaryDirectory(prefix="cutis-export-speed-") as scratch:
        answers, parity = candidates(bundle, manifest, Path(scratch))
        paths = manifest.labelled().split("val").paths[:PICTURES]
        frames = np.stack([preprocessing.frame(load_rgb(path)) for path in paths])
        seconds(answers, [frames[n : n + 1] for n in range(WARM_UP)])
        single = seconds(answers, [frames[n : n + 1] for n in range(len(frames))])
        generator = np.random.default_rng(0)
        batches = [frames[generator.integers(len(frames), size=BATCH)] for _ in range(BATCHES)]
        batched = seconds(answers, batches)
    result = {
        **record("python benchmarks/export_speed.py --bundle BUNDLE --images MANIFEST"),
        "network": f"{bundle.facts.architecture} at {preprocessing.height} px",
        "pictures": len(frames),
        "batch_1_ms": {
            name: {
                "p50": round(1e3 * float(np.median(taken)), 2),
                "p95": round(1e3 * float(np.quantile(taken, 0.95)), 2),
                "times_faster_than_torch": ratio(single["torch"], taken),
            }
            for name, taken in single.items()
        },
        "batch_32_pictures_per_second": {
            name: {
                "p50": round(BATCH / float(np.median(taken)), 1),
                "times_faster_than_torch": ratio(batched["torch"], taken),
            }
            for name, taken in batched.items()
        },
        "parity": parity,
    }
    write_json(RESULTS / "export_speed.json", result)
    print(json.dumps(result, indent=2))


def ratio(torch_seconds: np.ndarray, taken: np.ndarray) -> float:
    """How many times faster than PyTorch, by medians."""
    return round(float(np.median(torch_seconds) / np.median(taken)), 2)


if __name__ == "__main__":
    main()
