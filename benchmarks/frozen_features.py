"""Head searches on a frozen backbone: features once through ONNX Runtime, against passes in PyTorch.

    OMP_NUM_THREADS=1 python benchmarks/frozen_features.py MANIFEST [--model MODEL] [--images 10000]

Ours is what `cutis probe` does: every picture goes through the network once, then `fit_probe` fits one
head per strength. The other side is one epoch of what a tutorial would write, the frozen network in
eager PyTorch over the same frames, for each head and epoch again; it is timed on a few batches and
scaled up. Decoding is left out of both. One thread each: seconds are the processor's, and threads that
wait for each other beside other work would count as computing.
"""

import argparse
from pathlib import Path
from time import process_time

import numpy as np
from record import RESULTS, record

from cutis.files import write_json
from cutis.inference.features import Features
from cutis.inference.predictor import Predictor
from cutis.inference.probe import STRENGTHS, fit_probe
from cutis.tables.manifest import Manifest
from cutis.zoo import default_name, resolve

BATCH = 32
EAGER_BATCHES = 8
EPOCHS = 12  # of the usual frozen recipe, for each head


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--model", help="default, the zoo's first")
    parser.add_argument("--images", type=int, default=10_000)
    given = parser.parse_args()
    model = given.model or default_name()
    bundle = resolve(model)
    table = Manifest.read(given.manifest, taxonomy=bundle.taxonomy).labelled()
    kept = np.random.default_rng(0).permutation(len(table)) < given.images
    table = table.rows(kept)
    frames = np.stack([bundle.facts.preprocessing.read(path) for path in table.paths])
    batches = [frames[start : start + BATCH] for start in range(0, len(frames), BATCH)]

    started = process_time()
    predictor = Predictor(bundle, threads=1)
    values = np.concatenate([predictor.features(batch) for batch in batches])
    extracted = process_time()
    found = fit_probe(Features(table.image_ids, values, "benchmark"), table)
    searched = process_time()
    once, search = extracted - started, searched - extracted
    epoch = eager_epoch(model, batches[:EAGER_BATCHES]) / (BATCH * EAGER_BATCHES) * len(frames)
    plain = epoch * EPOCHS * len(STRENGTHS)
    result = {
        **record(
            "OMP_NUM_THREADS=1 python benchmarks/frozen_features.py MANIFEST "
            f"--images {given.images}"
        ),
        "model": Path(model).name,
        "images": len(frames),
        "heads": len(STRENGTHS),
        "seconds": {
            "features_once": round(once, 2),
            "head_search": round(search, 2),
            "eager_epoch": round(epoch, 2),
            "eager_search": round(plain, 1),
        },
        "ratio_first_search": round(plain / (once + search), 1),
        "ratio_later_searches": round(plain / search, 1),
        "validation_macro_auc": found.tried[found.kept],
    }
    write_json(RESULTS / "frozen_features.json", result)
    print(result)


def eager_epoch(model: str, batches: list[np.ndarray]) -> float:
    """Seconds of the processor for some batches in eager PyTorch, after one to warm up."""
    import torch

    from cutis.models.trained import load_trained

    trained = load_trained(Path(model))
    network = trained.network.eval()
    images = [torch.from_numpy(trained.preprocessing.normalise(batch)) for batch in batches]
    with torch.no_grad():
        network(images[0])
        started = process_time()
        for batch in images:
            network(batch)
        return process_time() - started


if __name__ == "__main__":
    main()
