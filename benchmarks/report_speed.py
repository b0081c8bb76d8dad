"""How long the whole report of 10,000 cases takes, everything except stress.

    python benchmarks/report_speed.py

Drawn probabilities of seven classes, lesions of one to three images, age, sex, site; 2,000 validation
cases; 2,000 bootstrap replicates. From the values in memory to `report.html` and `result.json`.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from evaluation_speed import SHARES
from record import RESULTS, record

from cutis.evaluation.classifier import evaluate
from cutis.evaluation.classifier_report import classifier_sections
from cutis.evaluation.evidence import evidence_sections
from cutis.evaluation.reading import Reading, Validation
from cutis.evaluation.report import classifier_heading, write_report
from cutis.files import write_json
from cutis.inference.calibration import CALIBRATIONS
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import load_taxonomy

REPLICATES = 2000


def main() -> None:
    predictions, manifest = drawn(10_000, split="test", seed=0)
    reading = Reading.of(predictions, Validation.of(*drawn(2_000, split="val", seed=1)))
    seconds: dict[str, float] = {}
    start = time.perf_counter()
    found = evaluate(predictions, manifest, replicates=REPLICATES)
    seconds["figures"] = time.perf_counter() - start
    evidence = evidence_sections(
        reading,
        manifest,
        maps=CALIBRATIONS,
        replicates=REPLICATES,
    )
    seconds["evidence"] = time.perf_counter() - start - seconds["figures"]
    with tempfile.TemporaryDirectory() as folder:
        sections = [*classifier_sections(found), *evidence]
        write_report(classifier_heading(found, reading), sections, Path(folder), inputs={})
    seconds["whole"] = time.perf_counter() - start
    result = {
        **record("python benchmarks/report_speed.py"),
        "cases": len(manifest),
        "replicates": REPLICATES,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
    }
    write_json(RESULTS / "report_speed.json", result)
    print(result["seconds"])


def drawn(n: int, *, split: str, seed: int) -> tuple[Predictions, Manifest]:
    """Cases with imperfect probabilities."""
    generator = np.random.default_rng(seed)
    classes, shares = tuple(SHARES), np.array(list(SHARES.values()))
    lesion = np.repeat(np.arange(n), generator.integers(1, 4, n))[:n]
    truth = generator.choice(len(classes), n, p=shares)[lesion]
    logits = generator.normal(size=(n, len(classes))) + np.log(shares)
    logits[np.arange(n), truth] += 2.5
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    frame = pd.DataFrame(
        {
            "image_id": [f"{split}{row}" for row in range(n)],
            "path": [f"/nowhere/{split}{row}.jpg" for row in range(n)],
            "diagnosis": [classes[k] for k in truth],
            "lesion_id": [f"{split}-{name}" for name in lesion],
            "age_years": generator.integers(5, 90, n)[lesion].astype(float),
            "sex": np.array(["female", "male"])[generator.integers(2, size=n)[lesion]],
            "site": np.array(["back", "face", "trunk", "arm", "leg"])[
                generator.integers(5, size=n)[lesion]
            ],
            "split": split,
        }
    )
    manifest = Manifest(frame, load_taxonomy())
    return Predictions(manifest.image_ids, classes, probabilities), manifest


if __name__ == "__main__":
    main()
