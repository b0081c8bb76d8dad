"""How many pictures a second each perturbation takes.

    python benchmarks/stress.py

Measured on drawn pictures of 200 x 150, in processor seconds of one core. How far a bundle falls under
them is in `benchmarks/full_reports.py`.
"""

import json
import time

from record import RESULTS, record

from cutis.data.phantom import PhantomSettings
from cutis.data.phantom.cohort import draw_cohort, draw_images
from cutis.files import write_json
from cutis.perturbation.kinds import PERTURBATIONS, perturb

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


def main() -> None:
    result = {**record("python benchmarks/stress.py"), **speed()}
    print(json.dumps(result, indent=2))
    write_json(RESULTS / "stress.json", result)


if __name__ == "__main__":
    main()
