"""Every figure of a reader study as a function of row weights, for one bootstrap over all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from cutis.checks import BoolArray, FloatArray
from cutis.evaluation.reader_cases import ReaderCases
from cutis.metrics.agreement import cohen_kappa, fleiss_kappa
from cutis.metrics.classification import mean_over_defined
from cutis.metrics.operating_points import carried
from cutis.metrics.ranking import Ranking
from cutis.metrics.shares import share
from cutis.metrics.thresholds import Calls

ROUNDING = 1e-9  # sensitivities closer than this are equal


@dataclass(frozen=True, eq=False)
class Tallies:
    """Decisions of m deciders by truth, each (b, m) for b rows of weights."""

    found: FloatArray
    missed: FloatArray
    alarms: FloatArray
    kept: FloatArray

    @classmethod
    def of(cls, calls: FloatArray, positive: BoolArray, weights: FloatArray) -> "Tallies":
        """Count.

        Args:
            calls: Shape (m, n); 1 for yes, 0 for no, nan for no decision.
            positive: Shape (n,).
            weights: Shape (b, n).
        """
        yes, no = calls == 1, calls == 0
        groups = (yes & positive, no & positive, yes & ~positive, no & ~positive)
        return cls(*(weights @ group.T.astype(np.float64) for group in groups))

    @property
    def sensitivity(self) -> FloatArray:
        """Shape (b, m); nan without a decision on a positive."""
        return share(self.found, self.found + self.missed)

    @property
    def specificity(self) -> FloatArray:
        """Shape (b, m); nan without a decision on a negative."""
        return share(self.kept, self.kept + self.alarms)

    @property
    def kappa(self) -> FloatArray:
        """Cohen's kappa with the truth, shape (b, m)."""
        rows = [[self.kept, self.alarms], [self.missed, self.found]]
        return cohen_kappa(np.moveaxis(np.array(rows), (0, 1), (-2, -1)))


def mean_rates(tallies: Tallies) -> tuple[FloatArray, FloatArray]:
    """Mean sensitivity and mean specificity (b,) over the deciders that define them."""
    return mean_over_defined(tallies.sensitivity), mean_over_defined(tallies.specificity)


def best_sensitivity(counted: Calls, alarms: FloatArray) -> FloatArray:
    """The best sensitivity among thresholds with no more false alarms than given.

    Args:
        counted: Of b rows of weights.
        alarms: Shape (b,), in the same weights.

    Returns:
        Shape (b,); nan where the alarms are, or a class is missing.
    """
    allowed = counted.alarms <= (alarms + ROUNDING)[:, None]
    position = np.maximum(allowed.sum(axis=-1) - 1, 0)
    found = np.take_along_axis(counted.found, position[:, None], axis=-1)[:, 0]
    defined = (counted.negatives > 0) & ~np.isnan(alarms)
    return np.where(defined, share(found, counted.positives), np.nan)


def answers_by_image(calls: FloatArray) -> FloatArray:
    """How many readers said no and yes to each image, (n, 2)."""
    return np.stack([(calls == 0).sum(axis=0), (calls == 1).sum(axis=0)], axis=1)


def pair_kappas(calls: FloatArray, weights: FloatArray) -> FloatArray:
    """Cohen's kappa of every pair of deciders on what both decided.

    Args:
        calls: Shape (r, n); 1 for yes, 0 for no, nan for no decision.
        weights: Shape (b, n).

    Returns:
        Shape (b, p), pairs in the order of `np.triu_indices(r, 1)`; nan where undefined.
    """
    sides = np.stack([calls == 0, calls == 1], axis=1).astype(np.float64)  # (r, 2, n)
    pairs = []
    for row in range(len(calls) - 1):
        others = sides[row + 1 :].reshape(-1, calls.shape[1]).T  # (n, 2 (r - row - 1))
        counts = np.stack([(weights * side) @ others for side in sides[row]], axis=1)
        confusion = counts.reshape(len(weights), 2, -1, 2).swapaxes(1, 2)  # (b, others, 2, 2)
        pairs.append(cohen_kappa(confusion))
    return np.concatenate(pairs, axis=1) if pairs else np.empty((len(weights), 0))


def study_figures(
    cases: ReaderCases, *, threshold: float, votes: Mapping[str, FloatArray]
) -> Callable[[FloatArray], dict[str, FloatArray]]:
    """A function of weights (b, n) that gives named figures (b,).

    Args:
        cases: The study.
        threshold: From which score on the model says yes.
        votes: Decisions (n,) of groups, by name.

    Returns:
        The names are `model/...`, `reader/<row>/...`, `mean/...`, `vote/<name>/...`, `share_under`,
        `fleiss`, and `pairs`, which is (b, p) as in `pair_kappas`.
    """
    readers = len(cases.readers)
    calls = np.concatenate([cases.calls, *(vote[None] for vote in votes.values())])
    read = cases.has_read
    rankings = [Ranking.of(cases.positive[seen], cases.score[seen]) for seen in read]
    ranking = Ranking.of(cases.positive, cases.score)
    counts = answers_by_image(cases.calls).astype(np.int64)
    several = counts.sum(axis=1) > 1

    def figures(weights: FloatArray) -> dict[str, FloatArray]:
        everybody = Tallies.of(calls, cases.positive, weights)
        point = carried(threshold, cases.positive, cases.score, weights=weights)
        found = {"model/sensitivity": point.sensitivity, "model/specificity": point.specificity}
        sensitivity, specificity = everybody.sensitivity, everybody.specificity
        matched = [
            best_sensitivity(Calls.of(rankings[row], weights[:, read[row]]), alarms)
            for row, alarms in enumerate(everybody.alarms.T[:readers])
        ]
        for row, model in enumerate(matched):
            found |= {
                f"reader/{row}/sensitivity": sensitivity[:, row],
                f"reader/{row}/specificity": specificity[:, row],
                f"reader/{row}/kappa": everybody.kappa[:, row],
                f"reader/{row}/model": model,
                f"reader/{row}/gain": model - sensitivity[:, row],
            }
        for row, name in enumerate(votes, start=readers):
            found[f"vote/{name}/sensitivity"] = sensitivity[:, row]
            found[f"vote/{name}/specificity"] = specificity[:, row]
        gains = np.stack([found[f"reader/{row}/gain"] for row in range(readers)], axis=1)
        under = np.where(np.isnan(gains), np.nan, gains > ROUNDING)
        found["share_under"] = mean_over_defined(under)
        found["pairs"] = pair_kappas(cases.calls, weights)
        found["fleiss"] = _fleiss(counts[several], weights[:, several])
        mean_sensitivity = mean_over_defined(sensitivity[:, :readers])
        mean_specificity = mean_over_defined(specificity[:, :readers])
        counted = Calls.of(ranking, weights)
        model = best_sensitivity(counted, (1 - mean_specificity) * counted.negatives)
        return found | {
            "mean/sensitivity": mean_sensitivity,
            "mean/specificity": mean_specificity,
            "mean/model": model,
            "mean/gain": model - mean_sensitivity,
        }

    return figures


def _fleiss(counts: FloatArray, weights: FloatArray) -> FloatArray:
    if not len(counts):
        return np.full(len(weights), np.nan)
    return fleiss_kappa(counts.astype(np.int64), weights=weights)
