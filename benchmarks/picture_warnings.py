"""How often good dermoscopy is warned of, whether masks agree about lesions that are cut off, and how
often the fault of a camera is noticed.

    python benchmarks/picture_warnings.py MANIFEST [--images 500]

On the test split, by source; frames are the 176-px centre crops of the model of the zoo. Faults are
drawn on the first hundred pictures at every severity of the stress test.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from record import RESULTS, record

from cutis.files import write_json
from cutis.imaging import Preprocessing, load_rgb
from cutis.inference.picture_checks import picture_warnings
from cutis.perturbation.kinds import PERTURBATIONS, perturb
from cutis.tables.manifest import Manifest

FRAMES = Preprocessing(176, 176, "crop")
CUT_OFF = "the lesion reaches the edge"
SHARES = {"under 2 %": (0.0, 0.02), "2 to 25 %": (0.02, 0.25), "over 25 %": (0.25, 1.01)}
NOTICED_AS = {
    "blur": "blurry",
    "noise": "noisy",
    "jpeg": "blocky",
    "darker": "too dark",
    "brighter": "too bright",
}
CHANGED = 100  # pictures of each source


def edge_covered(mask: Path) -> float:
    """The share of the edge of the centre crop that a mask covers."""
    with Image.open(mask) as opened:
        lesion = np.asarray(opened.convert("L")) > 127
    spare = (lesion.shape[1] - lesion.shape[0]) // 2
    crop = lesion[:, spare : lesion.shape[1] - spare]
    return float(np.concatenate([crop[0], crop[-1], crop[:, 0], crop[:, -1]]).mean())


def noticed(paths: list[Path]) -> dict[str, list[int]]:
    """How many pictures are warned of for the fault that was drawn on them, by severity."""
    pictures = [load_rgb(path) for path in paths]
    return {
        kind: [
            sum(
                warning.startswith(name)
                for seed, rgb in enumerate(pictures)
                for warning in picture_warnings(
                    FRAMES.frame(perturb(rgb, kind, severity, seed=seed))
                )
            )
            for severity in PERTURBATIONS[kind].severities
        ]
        for kind, name in NOTICED_AS.items()
    }


def measure(manifest: Manifest, images: int) -> dict[str, object]:
    drawn = np.random.default_rng(0).permutation(len(manifest))[:images]
    chosen = manifest.frame.iloc[np.sort(drawn)]
    kinds = [
        {warning.partition(":")[0] for warning in picture_warnings(FRAMES.read(Path(path)))}
        for path in chosen["path"]
    ]
    found: dict[str, object] = {
        "images": len(chosen),
        f"noticed by severity, of {CHANGED}": noticed([*map(Path, chosen["path"][:CHANGED])]),
        "warned": sum(map(bool, kinds)),
        "kinds": dict(Counter(kind for each in kinds for kind in each)),
    }
    if (chosen["mask_path"] != "").all():
        covered = np.array([edge_covered(Path(mask)) for mask in chosen["mask_path"]])
        warned = np.array([CUT_OFF in each for each in kinds])
        found["cut off, warned of by share of the edge in the mask"] = {
            name: [int(warned[rows].sum()), int(rows.sum())]
            for name, (low, high) in SHARES.items()
            for rows in [(covered >= low) & (covered < high)]
        }
    return found


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("manifest", type=Path)
    asked.add_argument("--images", type=int, default=500, help="At most, per source.")
    options = asked.parse_args()
    test = Manifest.read(options.manifest, check_files=False).split("test")
    sources = test.frame["source"].to_numpy()
    result = {
        **record(f"python benchmarks/picture_warnings.py MANIFEST --images {options.images}"),
        "sources": {
            name: measure(test.rows(sources == name), options.images)
            for name in sorted(set(sources))
        },
    }
    write_json(RESULTS / "picture_warnings.json", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
