"""`rejection_of_manifest`: fit a bundle's `Rejection` on the splits of a manifest."""

from collections.abc import Callable
from contextlib import closing
from itertools import islice

import numpy as np

from cutis.bundle import ModelBundle
from cutis.checks import FloatArray
from cutis.errors import ImageError, ManifestError
from cutis.inference.features import BATCH
from cutis.inference.frame_statistics import frame_statistics
from cutis.inference.predictor import Predictor
from cutis.inference.rejection import (
    FALSE_REJECTION_RATE,
    MIN_TRAINING,
    Rejection,
    fit_rejection,
)
from cutis.tables.manifest import Manifest

TRAINING = "train"
ENOUGH = 4000  # pictures of training; more are drawn from


def rejection_pictures(manifest: Manifest, *, split: str) -> tuple[Manifest, Manifest] | None:
    """The pictures that a rejection would be fitted on, and those that its limit comes from.

    None where there are too few of either, or where they are the same.
    """
    if split == TRAINING or TRAINING not in set(manifest.frame["split"]):
        return None
    training, validation = manifest.split(TRAINING), manifest.split(split)
    if len(training) < MIN_TRAINING or len(validation) < 1 / FALSE_REJECTION_RATE:
        return None
    drawn = np.random.default_rng(0).permutation(len(training)) < ENOUGH
    return training.rows(drawn), validation


def rejection_of_manifest(
    bundle: ModelBundle,
    training: Manifest,
    validation: Manifest,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> Rejection:
    """Fit on pictures that the network was trained on, and choose the limit on others.

    Raises:
        ManifestError: a picture cannot be read.
        BundleError: the network gives no features.
    """
    predictor = Predictor(bundle)
    features, statistics = described(predictor, training, on_progress=on_progress)
    others = described(predictor, validation, on_progress=on_progress)
    return fit_rejection(
        features, statistics, validation_features=others[0], validation_statistics=others[1]
    )


def described(
    predictor: Predictor, cases: Manifest, *, on_progress: Callable[[int], None] | None = None
) -> tuple[FloatArray, FloatArray]:
    """Features (n, d) and frame statistics of every picture.

    Raises:
        ManifestError: a picture cannot be read.
        BundleError: the network gives no features.
    """
    features: list[FloatArray] = []
    statistics: list[FloatArray] = []
    with closing(predictor.decoded(cases.paths)) as decoded:
        while batch := list(islice(decoded, BATCH)):
            faults = [str(frame) for _path, frame in batch if isinstance(frame, ImageError)]
            if faults:
                raise ManifestError(cases.name, faults)
            frames = np.stack([np.asarray(frame) for _path, frame in batch])
            features.append(predictor.features(frames))
            statistics.append(frame_statistics(frames))
            if on_progress is not None:
                on_progress(len(batch))
    return np.concatenate(features), np.concatenate(statistics)
