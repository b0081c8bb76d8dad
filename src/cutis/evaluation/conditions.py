"""Readers without and with the model: the same people, the same images, two ways of reading.

Sensitivity and specificity are compared over cases by a paired bootstrap, for these readers; where
readers gave scores, the two conditions are the two treatments of a multi-reader multi-case analysis,
which speaks of other readers too. Whether the second reading remembered the first is for the design
of the study to prevent, by a pause or by drawing the order (Obuchowski and Bullen 2022).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from cutis.checks import BoolArray, FloatArray
from cutis.errors import InputError
from cutis.evaluation.estimates import Estimate, bootstrap_estimates, clusters_among
from cutis.evaluation.mrmc import obuchowski_rockette
from cutis.evaluation.reader_cases import ReaderCases
from cutis.evaluation.reader_figures import Tallies
from cutis.evaluation.reader_results import ScoredComparison
from cutis.metrics.classification import mean_over_defined
from cutis.metrics.delong import delong_covariance

WITHOUT, WITH = "without model", "with model"
RATES = ("sensitivity", "specificity")


@dataclass(frozen=True)
class TwoRates:
    """A rate in both conditions, and its gain: with the model minus without."""

    without: Estimate
    with_model: Estimate
    gain: Estimate


@dataclass(frozen=True)
class Switches:
    """Decisions that differ between the conditions."""

    to_right: int
    to_wrong: int


@dataclass(frozen=True)
class ReaderInBoth:
    """One reader on the images on which there is a decision in both conditions."""

    reader: str
    images: int
    rates: Mapping[str, TwoRates]  # names of `RATES`
    switches: Switches


@dataclass(frozen=True, eq=False)
class ConditionComparison:
    """What the model changes for the people who see its answer.

    Attributes:
        images, positives: That at least one of the readers read in both conditions.
        readers: Who read in both, in alphabetical order.
        left_out: Readers who read in one condition only.
        mean: Rates averaged over readers; intervals are over cases, for these readers.
        scored: The multi-reader analysis; None where readers gave no scores to the same positives and
            negatives in both conditions.
        replicates, seed: Of the bootstrap.
    """

    images: int
    positives: int
    readers: tuple[ReaderInBoth, ...]
    left_out: tuple[str, ...]
    mean: Mapping[str, TwoRates]
    scored: ScoredComparison | None
    replicates: int
    seed: int


def compare_conditions(
    without: ReaderCases, with_model: ReaderCases, *, replicates: int = 2000, seed: int = 0
) -> ConditionComparison:
    """Compare two conditions on what they share.

    Args:
        without: The study of readers alone.
        with_model: The same question to the same readers with the model's answer at hand.
        replicates, seed: Of the lesion-clustered bootstrap.

    Raises:
        InputError: no reader in both, no positives or negatives that a reader read in both, or too
            few replicates.
    """
    readers = sorted(set(without.readers) & set(with_model.readers))
    if not readers:
        raise InputError(
            "conditions: no reader has the same name in both; "
            f"{', '.join(without.readers[:3])} against {', '.join(with_model.readers[:3])}"
        )
    shared = set(with_model.image_ids)
    images = [image_id for image_id in without.image_ids if image_id in shared]
    seen = _read_in_both(_of(without, readers, images), _of(with_model, readers, images))
    images = [image_id for image_id, read in zip(images, seen, strict=True) if read]
    first, second = _of(without, readers, images), _of(with_model, readers, images)
    if first.positive.all() or not first.positive.any():
        raise InputError(
            f"conditions: {len(images)} images were read in both by one and the same reader, "
            f"{int(first.positive.sum())} of them positive; both sides are needed"
        )
    decided = first.has_read & second.has_read
    calls = [np.where(decided, condition.calls, np.nan) for condition in (first, second)]
    estimates = bootstrap_estimates(
        _figures(calls, first.positive),
        first.clusters,
        replicates=replicates,
        seed=seed,
        is_share=lambda name: not name.endswith("/gain"),
        counted=_clusters_counted(decided, first),
    )
    return ConditionComparison(
        images=len(images),
        positives=int(first.positive.sum()),
        readers=tuple(
            ReaderInBoth(
                reader=reader,
                images=int(decided[row].sum()),
                rates=_rates(estimates, str(row), decided[row], first.positive),
                switches=_switches(calls[0][row], calls[1][row], first.positive),
            )
            for row, reader in enumerate(readers)
        ),
        left_out=tuple(sorted(set(without.readers) ^ set(with_model.readers))),
        mean=_rates(estimates, "mean", np.asarray(decided.any(axis=0)), first.positive),
        scored=_compare_scores(first, second),
        replicates=replicates,
        seed=seed,
    )


def _of(cases: ReaderCases, readers: list[str], images: list[str]) -> ReaderCases:
    """The study cut down to some readers and images, in that order."""
    place = {image_id: position for position, image_id in enumerate(cases.image_ids)}
    columns = [place[image_id] for image_id in images]
    rows = [cases.readers.index(reader) for reader in readers]
    return replace(
        cases,
        image_ids=tuple(images),
        positive=cases.positive[columns],
        score=cases.score[columns],
        clusters=cases.clusters[columns],
        readers=tuple(readers),
        calls=cases.calls[np.ix_(rows, columns)],
        ratings=cases.ratings[np.ix_(rows, columns)],
    )


def _read_in_both(without: ReaderCases, with_model: ReaderCases) -> BoolArray:
    """Shape (n,): where some reader decided in both conditions, or gave a score in both."""
    decided = without.has_read & with_model.has_read
    scored = ~np.isnan(without.ratings) & ~np.isnan(with_model.ratings)
    return np.asarray((decided | scored).any(axis=0))


def _figures(
    calls: list[FloatArray], positive: BoolArray
) -> Callable[[FloatArray], dict[str, FloatArray]]:
    """Rates by reader and on average, as a function of weights (b, n)."""

    def figures(weights: FloatArray) -> dict[str, FloatArray]:
        found: dict[str, FloatArray] = {}
        tallies = [Tallies.of(condition, positive, weights) for condition in calls]
        for rate in RATES:
            before, after = (getattr(each, rate) for each in tallies)  # (b, r)
            for name, values in (("without", before), ("with", after), ("gain", after - before)):
                found |= {f"{row}/{rate}/{name}": column for row, column in enumerate(values.T)}
                found[f"mean/{rate}/{name}"] = mean_over_defined(values)
        return found

    return figures


def _clusters_counted(decided: BoolArray, cases: ReaderCases) -> dict[str, int]:
    """How many clusters each rate is counted among, by reader; on average, those of any reader."""
    by_reader = {str(row): images for row, images in enumerate(decided)}
    by_reader["mean"] = decided.any(axis=0)
    sides = {"sensitivity": cases.positive, "specificity": ~cases.positive}
    return {
        f"{who}/{rate}/{when}": clusters_among(cases.clusters, rows & sides[rate])
        for who, rows in by_reader.items()
        for rate in RATES
        for when in ("without", "with")
    }


def _rates(
    estimates: Mapping[str, Estimate], who: str, rows: BoolArray, positive: BoolArray
) -> dict[str, TwoRates]:
    n, positives = int(rows.sum()), int((rows & positive).sum())

    def on_these(name: str) -> Estimate:
        return replace(estimates[f"{who}/{name}"], n=n, positives=positives)

    return {
        rate: TwoRates(*(on_these(f"{rate}/{name}") for name in ("without", "with", "gain")))
        for rate in RATES
    }


def _switches(without: FloatArray, with_model: FloatArray, positive: BoolArray) -> Switches:
    changed = ~np.isnan(without) & (without != with_model)
    right = with_model == positive
    return Switches(int((changed & right).sum()), int((changed & ~right).sum()))


def _compare_scores(without: ReaderCases, with_model: ReaderCases) -> ScoredComparison | None:
    """Areas of both conditions over the images that all scoring readers scored in both."""
    ratings = np.stack([with_model.ratings, without.ratings])  # (2, r, n)
    scoring = ~np.isnan(ratings).all(axis=2).any(axis=0)
    common = ~np.isnan(ratings[:, scoring]).any(axis=(0, 1))
    positive = without.positive[common]
    if not scoring.any() or positive.all() or not positive.any():
        return None
    names = [name for name, gave in zip(without.readers, scoring, strict=True) if gave]
    scores = ratings[:, scoring][:, :, common].reshape(2 * len(names), -1)
    areas, covariance = delong_covariance(positive, scores, clusters=without.clusters[common])
    analysis = obuchowski_rockette(
        areas.reshape(2, -1), covariance, treatments=(WITH, WITHOUT), readers=names
    )
    return ScoredComparison(len(positive), int(positive.sum()), analysis)
