"""How many pictures a second each perturbation takes, and how far a bundle falls under them.

    python benchmarks/stress.py
    python benchmarks/stress.py --bundle BUNDLE --manifest split.csv [--images 400]

Speed is measured on drawn pictures of 200 x 150, in processor seconds of one core. The second form
adds the stress test of a bundle on the test split of a manifest.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from record import RESULTS, record

from cutis.bundle import ModelBundle
from cutis.data.phantom import PhantomSettings
from cutis.data.phantom.cohort import draw_cohort, draw_images
from cutis.evaluation.robustness import stress_test
from cutis.evaluation.section import as_content
from cutis.files import write_json
from cutis.inference.predictor import Predictor
from cutis.perturbation.kinds import PERTURBATIONS, perturb
from cutis.tables.manifest import Manifest

PICTURES = 16


def speed() -> dict[str, object]:
    """Pictures a second by kind, over all of its severities."""
    settings = PhantomSettings(height=150, width=200)
    subjects = [
        (picture, mask)
        for lesion in draw_cohort(images=PICTURES, seed=0, settings=settings)
        for picture, mask, _artefacts in draw_images(lesion, settings)
    ]
    seconds: dict[str, float] = {}
    for kind, found in PERTURBATIONS.items():
        started = time.process_time()
        for seed, (picture, mask) in enumerate(subjects):
            for severity in found.severities:
                perturb(picture, kind, severity, seed=seed, mask=mask)
        seconds[kind] = (time.process_time() - started) / len(subjects)
    steps = {kind: len(found.levels) for kind, found in PERTURBATIONS.items()}
    return {
        "pictures_per_second": {kind: round(steps[kind] / seconds[kind]) for kind in steps},
        "steps": sum(steps.values()),
        "seconds_for_all_steps_of_one_picture": round(sum(seconds.values()), 3),
        "minutes_for_2000_pictures": round(2000 * sum(seconds.values()) / 60, 1),
    }


def fall(bundle: Path, manifest: Path, images: int) -> dict[str, object]:
    """The stress test of a bundle."""
    model = ModelBundle.load(bundle)
    predictor, preprocessing = Predictor(model), model.facts.preprocessing
    started = time.process_time()
    found = stress_test(
        lambda pictures: predictor.probabilities(np.stack([*map(preprocessing.frame, pictures)])),
        Manifest.read(manifest, check_files=False).split("test"),
        classes=model.facts.classes,
        images=images,
    )
    taken = round(time.process_time() - started, 1)
    return {"processor_seconds": taken, "robustness": as_content(found)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--manifest", type=Path)
    parser.add_argument("--images", type=int, default=400)
    given = parser.parse_args()
    result = {
        **record("python benchmarks/stress.py"),
        **speed(),
    }
    print(json.dumps(result, indent=2))
    write_json(RESULTS / "stress.json", result)
    if given.bundle and given.manifest:
        write_json(
            RESULTS / "stress_of_bundle.json", fall(given.bundle, given.manifest, given.images)
        )


if __name__ == "__main__":
    main()
