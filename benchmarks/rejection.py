"""How well a bundle tells dermoscopy from other pictures, and what other methods would do.

    python benchmarks/rejection.py BUNDLE MANIFEST [--images 400]

The bundle comes from `cutis calibrate`, with the same manifest. In-domain are pictures of its test
split, by source, and of ISIC 2017's validation set. Everyday photographs are halved: the method was
chosen with one half (seed 7), the other was looked at once. The folder of real data is `CUTIS_DATA`.
Other organs are the few examples that the packages scikit-image and pydicom carry; without both
packages they are left out.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from organs import other_organs
from outsiders import OUTSIDERS, draw_outsiders
from record import DATA, RESULTS, record
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from cutis.bundle import ModelBundle
from cutis.checks import FloatArray, UInt8Array
from cutis.files import write_json
from cutis.imaging import SUFFIXES, load_rgb
from cutis.inference.frame_statistics import frame_statistics
from cutis.inference.predictor import Predictor
from cutis.inference.rejection import Rejection
from cutis.metrics.delong import delong_auc
from cutis.perturbation.kinds import PERTURBATIONS, perturb
from cutis.tables.manifest import Manifest

TRAINING = 1500
DRAWN = 60  # of each kind
CHANGED = 60  # pictures of the test split

Seen = tuple[FloatArray, FloatArray, FloatArray]  # logits, features, statistics, a row a picture
Method = Callable[[Seen], FloatArray]


def seen(predictor: Predictor, frames: list[UInt8Array]) -> Seen:
    """What the methods look at, from one run of the network per batch."""
    batches = [np.stack(frames[start : start + 32]) for start in range(0, len(frames), 32)]
    asked = [(predictor.logits(b), predictor.features(b), frame_statistics(b)) for b in batches]
    logits, features, statistics = (np.concatenate(parts) for parts in zip(*asked, strict=True))
    return logits, features, statistics


def some(paths: list[Path], n: int) -> list[Path]:
    """At most n, drawn with seed 0."""
    return [paths[k] for k in np.random.default_rng(0).permutation(len(paths))[:n]]


def insiders(manifest: Manifest, images: int) -> dict[str, list[Path]]:
    """Dermoscopy that neither the network nor the limit has seen."""
    test = manifest.split("test")
    sources = test.frame["source"].to_numpy()
    found = {
        f"{name}, test": some(list(test.rows(sources == name).paths), images)
        for name in sorted(set(sources))
    }
    return found | {"isic 2017, validation": pictures(DATA / "isic2017" / "val")}


def outsiders() -> dict[str, list[Path]]:
    """Photographs of other things."""
    everyday = pictures(DATA / "everyday-photos")
    order = np.random.default_rng(7).permutation(len(everyday))
    half = len(everyday) // 2
    return {
        "everyday, half for the choice": [everyday[k] for k in order[:half]],
        "everyday, other half": [everyday[k] for k in order[half:]],
        "smartphone photographs of lesions": pictures(DATA / "pad-ufes-20" / "images"),
    }


def pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def alternatives(training: Seen) -> dict[str, Method]:
    """Methods of the literature, fitted on the same pictures; all larger for stranger pictures."""
    logits, features, statistics = training
    called = logits.argmax(axis=1)
    mean, components = features.mean(axis=0), 64
    basis = PCA(components, svd_solver="covariance_eigh").fit(features).components_.T
    reduced = (features - mean) @ basis
    classes = np.unique(called)
    centres = np.stack([reduced[called == k].mean(axis=0) for k in classes])
    within = LedoitWolf().fit(reduced - centres[np.searchsorted(classes, called)])
    overall, spread = LedoitWolf().fit(reduced), LedoitWolf().fit(statistics)
    unit = NearestNeighbors(n_neighbors=5).fit(_unit(features))

    def conditional(rows: FloatArray) -> FloatArray:
        return np.asarray(np.min([within.mahalanobis(rows - centre) for centre in centres], axis=0))

    def left_over(found: FloatArray) -> FloatArray:
        off = found - mean
        squares = (off**2).sum(axis=1) - ((off @ basis) ** 2).sum(axis=1)
        return np.asarray(np.sqrt(np.maximum(squares, 0)))

    weight = logits.max(axis=1).mean() / left_over(features).mean()
    return {
        "maximum softmax probability": lambda s: -np.exp(s[0].max(axis=1) + _energy(s[0])),
        "maximum logit": lambda s: -s[0].max(axis=1),
        "energy": lambda s: _energy(s[0]),
        "Mahalanobis, by class": lambda s: conditional((s[1] - mean) @ basis),
        "relative Mahalanobis": lambda s: (
            conditional((s[1] - mean) @ basis) - overall.mahalanobis((s[1] - mean) @ basis)
        ),
        "nearest neighbours of directions": lambda s: unit.kneighbors(_unit(s[1]))[0][:, -1],
        "ViM": lambda s: weight * left_over(s[1]) + _energy(s[0]),
        "frame statistics alone, Mahalanobis": lambda s: spread.mahalanobis(s[2]),
    }


def _unit(features: FloatArray) -> FloatArray:
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9))


def _energy(logits: FloatArray) -> FloatArray:
    return np.asarray(-np.logaddexp.reduce(logits, axis=1))


def area(inside: FloatArray, outside: FloatArray) -> list[float]:
    """The area under the curve and its 95 % interval."""
    truth = np.repeat([False, True], [len(inside), len(outside)])
    found = delong_auc(truth, np.concatenate([inside, outside]))
    return [round(float(value), 4) for value in (found.auc, found.low, found.high)]


def perturbed(
    predictor: Predictor, rejection: Rejection, paths: list[Path]
) -> dict[str, list[int]]:
    """How many of these pictures are rejected at the mildest, middle and strongest severity."""
    preprocessing = predictor.bundle.facts.preprocessing
    found: dict[str, list[int]] = {}
    pictures_of = [load_rgb(path) for path in paths]
    for kind, perturbation in PERTURBATIONS.items():
        if kind == "painted_over":  # needs a mask
            continue
        severities = perturbation.severities
        found[kind] = []
        for severity in dict.fromkeys(
            (severities[0], severities[len(severities) // 2], severities[-1])
        ):
            frames = [
                preprocessing.frame(perturb(rgb, kind, severity, seed=seed))
                for seed, rgb in enumerate(pictures_of)
            ]
            _logits, features, statistics = seen(predictor, frames)
            distances = rejection.distance(features, statistics)
            found[kind].append(int((distances > rejection.limit).sum()))
    return found


def measure(bundle: ModelBundle, manifest: Manifest, images: int) -> dict[str, object]:
    predictor, preprocessing = Predictor(bundle), bundle.facts.preprocessing

    def read(paths: list[Path]) -> Seen:
        return seen(predictor, [preprocessing.read(path) for path in paths])

    assert bundle.facts.rejection is not None, "calibrate it with a training split first"
    rejection = Rejection.from_arrays(bundle.rejection_arrays(), bundle.facts.rejection)
    inside = {name: read(paths) for name, paths in insiders(manifest, images).items()}
    outside = {
        f"drawn: {kind}": seen(
            predictor, [preprocessing.frame(p) for p in draw_outsiders(kind, DRAWN, seed=2)]
        )
        for kind in OUTSIDERS
    }
    outside |= {name: read(paths) for name, paths in outsiders().items()}
    if organs := [preprocessing.frame(picture) for picture in other_organs().values()]:
        outside["other organs"] = seen(predictor, organs)
    training = read(some(list(manifest.split("train").paths), TRAINING))

    def own(found: Seen) -> FloatArray:
        return rejection.distance(found[1], found[2])

    # The method was chosen without ISIC 2017, and its areas are against the test split alone.
    tested = [name for name in inside if name.endswith("test")]

    def areas(method: Method, names: list[str]) -> dict[str, list[float]]:
        known = np.concatenate([method(inside[name]) for name in tested])
        return {name: area(known, method(outside[name])) for name in names}

    once = "everyday, other half"
    return {
        "rejection": dict(bundle.facts.rejection),
        "kilobytes": round(sum(a.nbytes for a in rejection.to_arrays().values()) / 1e3),
        "rejected": {
            name: [int((own(s) > rejection.limit).sum()), len(s[0])]
            for name, s in (inside | outside).items()
        },
        f"rejected_when_changed_of_{CHANGED}": perturbed(
            predictor, rejection, some(list(manifest.split("test").paths), CHANGED)
        ),
        "auroc": areas(own, list(outside)),
        "alternatives": {
            name: {k: v[0] for k, v in areas(method, [n for n in outside if n != once]).items()}
            for name, method in alternatives(training).items()
        },
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("bundle", type=Path)
    asked.add_argument("manifest", type=Path)
    asked.add_argument("--images", type=int, default=400, help="At most, per source.")
    asked.add_argument("-o", "--output", type=Path, default=RESULTS / "rejection.json")
    options = asked.parse_args()
    bundle = ModelBundle.load(options.bundle)
    manifest = Manifest.read(options.manifest, check_files=False)
    result = {
        **record(f"python benchmarks/rejection.py BUNDLE MANIFEST --images {options.images}"),
        "model": bundle.facts.name,
        **measure(bundle, manifest, options.images),
    }
    write_json(options.output, result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
