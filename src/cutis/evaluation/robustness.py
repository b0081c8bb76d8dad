"""`stress_test`: how far a classifier falls when pictures get worse, pair by pair.

Every picture is judged as it is and under each perturbation of `cutis.perturbation.kinds`. Both
answers of a picture, and all pictures of a lesion, are resampled together, so the interval is that of
the change and not of the level. The model is a function that is passed in: pictures to probabilities.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cutis.checks import BoolArray, FloatArray, IntArray, require_fraction
from cutis.errors import InputError, ManifestError
from cutis.evaluation.cases import Cases
from cutis.evaluation.estimates import LEAST_REPLICATES, Estimate, bootstrap_estimates
from cutis.evaluation.stressed_answers import Predict, ask
from cutis.metrics import classification
from cutis.perturbation.kinds import PERTURBATIONS, perturbation
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import ClassSet


@dataclass(frozen=True)
class Change:
    """One figure without and with a perturbation, over the same images."""

    clean: float
    stressed: Estimate
    difference: Estimate  # stressed - clean, with the interval of the difference


@dataclass(frozen=True)
class Step:
    """One severity of one perturbation.

    Attributes:
        severity: From 1.
        level: What the severity means, in the unit of the perturbation's `amount`.
        changes: balanced_accuracy; and sensitivity, specificity and roc_auc of the malignant call,
            unless the classes are all on one side.
        flips: The share of images whose most probable class ("answer") and whose malignant call
            ("malignant_call") changed.
    """

    severity: int
    level: float
    changes: Mapping[str, Change]
    flips: Mapping[str, Estimate]


@dataclass(frozen=True)
class KindUnderStress:
    """One perturbation in all its severities.

    Attributes:
        kind: Its name in `PERTURBATIONS`.
        images, malignant: How many were judged, and how many of them are malignant.
        occurring: How many classes these images have.
        left_out: Images without a usable lesion mask, where the perturbation needs one.
        steps: One per severity; empty when no image could be perturbed.
    """

    kind: str
    images: int
    malignant: int | None
    occurring: int
    left_out: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class StressTest:
    """How far a classifier falls under each perturbation.

    Attributes:
        classes: The model's, in the order of its columns.
        images: How many were judged, drawn from `available` with equal shares of every class.
        available: Rows with a diagnosis.
        threshold: Probability from which an image is called malignant.
        kinds: In the order asked for.
        replicates, seed: Of the bootstrap; the seed is also that of the drawing.
    """

    classes: tuple[str, ...]
    images: int
    available: int
    threshold: float
    kinds: tuple[KindUnderStress, ...]
    replicates: int
    seed: int


def stress_test(
    predict: Predict,
    manifest: Manifest,
    *,
    classes: Sequence[str],
    images: int = 400,
    seed: int = 0,
    replicates: int = 2000,
    kinds: Sequence[str] = tuple(PERTURBATIONS),
    threshold: float = 0.5,
    on_progress: Callable[[int], None] | None = None,
) -> StressTest:
    """Judge a classifier on pictures as they are and under every perturbation.

    Args:
        predict: From pictures, uint8 (h, w, 3) of any size, to probabilities (n, k).
        manifest: The rows to draw from; those without a diagnosis are passed over.
        classes: What the k columns stand for, nodes of the manifest's taxonomy.
        images: How many to judge, drawn in proportion from every class; all, if there are fewer.
        seed: Of the images drawn, of what is drawn on them, and of the bootstrap.
        replicates: Of the bootstrap.
        kinds: Names of perturbations.
        threshold: Probability from which an image is called malignant.
        on_progress: Called with the number of images just finished.

    Raises:
        InputError: an option is out of range, a kind unknown, or `predict` gives no probabilities.
        ManifestError: nothing has a diagnosis.
        TaxonomyError: a diagnosis that belongs to none of the classes.
        ImageError: a picture or a mask cannot be read.
    """
    for kind in kinds:
        perturbation(kind)
    if images < 1:
        raise InputError(f"images: {images} is not at least 1")
    if replicates < LEAST_REPLICATES:
        raise InputError(f"replicates: {replicates} is below {LEAST_REPLICATES}")
    require_fraction("threshold", threshold)
    drawn = drawn_rows(manifest, classes, images=images, seed=seed)
    answers = ask(predict, drawn, kinds, classes=len(classes), seed=seed, on_progress=on_progress)
    return StressTest(
        classes=tuple(classes),
        images=len(drawn),
        available=len(manifest.labelled()),
        threshold=threshold,
        kinds=tuple(
            _judged(
                kind,
                drawn,
                Predictions(drawn.image_ids, tuple(classes), answers.clean),
                answers.stressed[kind],
                threshold=threshold,
                replicates=replicates,
                seed=seed,
            )
            for kind in kinds
        ),
        replicates=replicates,
        seed=seed,
    )


def drawn_rows(manifest: Manifest, classes: Sequence[str], *, images: int, seed: int) -> Manifest:
    """The rows that `stress_test` judges, whose pictures `require_readable` can look at before it.

    Raises:
        ManifestError: nothing has a diagnosis.
        TaxonomyError: a diagnosis that belongs to none of the classes.
    """
    labelled = manifest.labelled()
    if not len(labelled):
        raise ManifestError(manifest.name, ["no row has a diagnosis"])
    truth = ClassSet(manifest.taxonomy, tuple(classes)).indices_of(labelled.diagnoses)
    return labelled.rows(_drawn_in_proportion(np.array(truth), images, seed=seed))


def _drawn_in_proportion(truth: IntArray, images: int, *, seed: int) -> BoolArray:
    """Which rows to keep: every class gives its share, up to one image."""
    n = len(truth)
    if images >= n:
        return np.ones(n, dtype=bool)
    shuffled = np.random.default_rng(seed).permutation(n)
    by_class = shuffled[np.argsort(truth[shuffled], kind="stable")]
    keep = np.zeros(n, dtype=bool)
    keep[by_class[((np.arange(images) + 0.5) * n / images).astype(int)]] = True
    return keep


def _judged(
    kind: str,
    drawn: Manifest,
    clean: Predictions,
    stressed: FloatArray,
    *,
    threshold: float,
    replicates: int,
    seed: int,
) -> KindUnderStress:
    """One kind, over the images that have answers; `stressed` has shape (severities, n, k)."""
    has_answers = np.asarray(~np.isnan(stressed).any(axis=(0, 2)))
    tested, left_out = drawn.rows(has_answers), int((~has_answers).sum())
    if not len(tested):
        return KindUnderStress(
            kind, images=0, malignant=None, occurring=0, left_out=left_out, steps=()
        )
    before = Cases.of(clean, tested)
    levels = perturbation(kind).levels
    steps = [
        _step(
            before,
            Cases.of(Predictions(tested.image_ids, clean.classes, probabilities), tested),
            tested,
            severity=severity,
            level=level,
            threshold=threshold,
            replicates=replicates,
            seed=seed,
        )
        for severity, (level, probabilities) in enumerate(
            zip(levels, stressed[:, has_answers], strict=True), start=1
        )
    ]
    malignant = None if before.malignant is None else int(before.malignant.truth.sum())
    occurring = len(np.unique(before.truth))
    return KindUnderStress(kind, len(tested), malignant, occurring, left_out, tuple(steps))


def _step(
    before: Cases,
    after: Cases,
    tested: Manifest,
    *,
    severity: int,
    level: float,
    threshold: float,
    replicates: int,
    seed: int,
) -> Step:
    """Before and after over the same replicates, so that the interval is that of the change."""
    flips = _flips(before, after, threshold=threshold)
    clusters = tested.clusters()

    def figures(weights: FloatArray) -> dict[str, FloatArray]:
        was = _figures(before, weights, threshold=threshold)
        now = _figures(after, weights, threshold=threshold)
        shares = {name: weights @ flip / weights.sum(axis=1) for name, flip in flips.items()}
        return (
            {f"clean {name}": value for name, value in was.items()}
            | {f"stressed {name}": value for name, value in now.items()}
            | {f"difference {name}": value - was[name] for name, value in now.items()}
            | shares
        )

    found = bootstrap_estimates(
        figures,
        clusters,
        replicates=replicates,
        seed=seed,
        is_share=lambda name: not name.startswith("difference "),
        is_area=lambda name: name in ("clean roc_auc", "stressed roc_auc"),
        counted=_clusters_counted(before, clusters),
    )
    names = [name.removeprefix("clean ") for name in found if name.startswith("clean ")]
    changes = {
        name: Change(
            found[f"clean {name}"].value, found[f"stressed {name}"], found[f"difference {name}"]
        )
        for name in names
    }
    return Step(severity, level, changes, {name: found[name] for name in flips})


def _clusters_counted(cases: Cases, clusters: npt.NDArray[np.generic]) -> dict[str, int]:
    """How many clusters each figure is counted among, before and after."""
    counted = cases.clusters_counted(clusters)
    return {
        f"{when} {name.removeprefix('malignant/')}": count
        for when in ("clean", "stressed")
        for name, count in counted.items()
        if name == "balanced_accuracy" or name.startswith("malignant/")
    }


def _figures(cases: Cases, weights: FloatArray, *, threshold: float) -> dict[str, FloatArray]:
    """Each figure for rows of weights (r, n)."""
    k = cases.probabilities.shape[1]
    confusion = classification.confusion_matrix(cases.truth, cases.answers, k, weights=weights)
    found = {"balanced_accuracy": classification.balanced_accuracy(confusion)}
    if cases.malignant is not None:
        truth, called = cases.malignant.truth, cases.malignant.score >= threshold
        recall = classification.recall(
            classification.confusion_matrix(
                truth.astype(np.int64), called.astype(np.int64), 2, weights=weights
            )
        )
        found["sensitivity"], found["specificity"] = recall[..., 1], recall[..., 0]
        found["roc_auc"] = cases.malignant.ranking.roc_auc(weights)
    return found


def _flips(before: Cases, after: Cases, *, threshold: float) -> dict[str, FloatArray]:
    """1 where a decision changed, shape (n,)."""
    found = {"answer": (before.answers != after.answers).astype(np.float64)}
    if before.malignant is not None and after.malignant is not None:
        was, now = before.malignant.score >= threshold, after.malignant.score >= threshold
        found["malignant_call"] = (was != now).astype(np.float64)
    return found
