"""`compare_readers`: a model beside the people who read the same images, all with intervals.

Source: Esteva et al. 2017, Nature 542:115, figure 3. Model and readers are judged on the same images,
and one bootstrap over lesions weighs both, so that a difference has the interval of the pair and not
of two levels. The readers are taken as they are; what would hold for other readers is for the
multi-reader analysis to say, where readers gave scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cutis.checks import BoolArray, FloatArray
from cutis.errors import InputError
from cutis.evaluation.estimates import LEAST_REPLICATES, Estimate, clusters_among, estimate_from
from cutis.evaluation.literature import LiteraturePoint
from cutis.evaluation.mrmc import obuchowski_rockette
from cutis.evaluation.reader_cases import ReaderCases
from cutis.evaluation.reader_figures import ROUNDING, Tallies, pair_kappas, study_figures
from cutis.evaluation.reader_results import (
    AgainstModel,
    Answers,
    Counts,
    MeanReader,
    PairAgreement,
    ReaderComparison,
    ReaderResult,
    ScoredComparison,
    Threshold,
    Vote,
)
from cutis.metrics.comparison import holm
from cutis.metrics.delong import Area, delong_auc, delong_covariance
from cutis.metrics.intervals import bootstrap, percentile_interval
from cutis.metrics.ranking import Ranking

SHARES = (
    "sensitivity",
    "specificity",
    "model",
)  # figures between 0 and 1, by the end of their name
MAJORITY = "majority of readers"
MAJORITY_WITH_MODEL = "majority of readers and model"


def compare_readers(
    cases: ReaderCases,
    *,
    title: str,
    split: str,
    threshold: Threshold,
    literature: tuple[LiteraturePoint, ...] = (),
    replicates: int = 2000,
    seed: int = 0,
) -> ReaderComparison:
    """Put a model beside readers.

    Args:
        cases: The images that were read.
        title, split: What was asked, and where, for the report.
        threshold: From which score on the model says yes.
        literature: Published points, drawn and otherwise left alone.
        replicates: Of the bootstrap, at least 100.
        seed: Of the bootstrap.

    Raises:
        InputError: too few replicates.
    """
    if replicates < LEAST_REPLICATES:
        raise InputError(
            f"replicates: {replicates} is too few for an interval; use {LEAST_REPLICATES} or more"
        )
    votes = {
        MAJORITY: _majority(cases.calls),
        MAJORITY_WITH_MODEL: _majority_with_model(cases, threshold.value),
    }
    figures = study_figures(
        cases, threshold=threshold.value, votes={name: vote[0] for name, vote in votes.items()}
    )
    found = _Found(
        figures(np.ones((1, len(cases)))),
        bootstrap(figures, cases.clusters, replicates=replicates, seed=seed),
        cases.positive,
        cases.clusters,
    )
    rows = range(len(cases.readers))
    adjusted = holm({f"{row}": found.p(f"reader/{row}/gain") for row in rows})
    readers = tuple(_reader(cases, row, found, adjusted[f"{row}"]) for row in rows)
    everywhere = np.ones(len(cases), dtype=bool)
    return ReaderComparison(
        title=title,
        split=split,
        images=len(cases),
        positives=int(cases.positive.sum()),
        lesions=cases.lesions,
        drawn=cases.drawn,
        left_out=cases.left_out,
        area=delong_auc(cases.positive, cases.score, clusters=cases.clusters),
        curve=Ranking.of(cases.positive, cases.score).roc_curve(),
        threshold=threshold,
        model=found.answers("model", (cases.score >= threshold.value).astype(np.float64)),
        readers=readers,
        mean=_mean_reader(readers, found),
        under_curve=sum(each.against_model.gain.value > ROUNDING for each in readers),
        share_under_curve=found.estimate("share_under", everywhere),
        pairs=pair_agreement(cases.calls, found.replicates["pairs"]),
        fleiss=found.estimate("fleiss", cases.has_read.sum(axis=0) > 1),
        votes=tuple(
            Vote(name, int((~np.isnan(calls)).sum()), ties, found.answers(f"vote/{name}", calls))
            for name, (calls, ties) in votes.items()
        ),
        scored=compare_scores_of_readers(cases),
        literature=literature,
        replicates=replicates,
        seed=seed,
    )


def pair_agreement(calls: FloatArray, replicates: FloatArray | None = None) -> PairAgreement:
    """Cohen's kappa of every pair of readers.

    Args:
        calls: Shape (r, n); 1 for yes, 0 for no, nan for no decision.
        replicates: Shape (b, p), `pair_kappas` of a bootstrap over cases; without it no intervals.
    """
    r = len(calls)
    kappa, low, high = (np.full((r, r), np.nan) for _matrix in range(3))
    upper = np.triu_indices(r, 1)
    kappa[upper] = pair_kappas(calls, np.ones((1, calls.shape[1])))[0]
    if replicates is not None:
        for row, column, drawn in zip(*upper, replicates.T, strict=True):
            low[row, column], high[row, column] = percentile_interval(drawn)
    for matrix in (kappa, low, high):
        matrix.T[upper] = matrix[upper]
        np.fill_diagonal(matrix, 1.0)
    decided = (~np.isnan(calls)).astype(np.float64)
    return PairAgreement(kappa, low, high, decided @ decided.T)


def compare_scores_of_readers(cases: ReaderCases) -> ScoredComparison | None:
    """The multi-reader analysis of readers' areas against the model's.

    The design must be crossed, so only images count that every reader with any score has scored.

    Returns:
        None where nobody gave scores, or these images lack positives or negatives.
    """
    scoring = np.asarray(~np.isnan(cases.ratings).all(axis=1))
    common = ~np.isnan(cases.ratings[scoring]).any(axis=0)
    positive = cases.positive[common]
    if not scoring.any() or positive.all() or not positive.any():
        return None
    names = [name for name, gave in zip(cases.readers, scoring, strict=True) if gave]
    r = len(names)
    scores = np.concatenate([cases.ratings[scoring][:, common], cases.score[None, common]])
    areas, covariance = delong_covariance(positive, scores, clusters=cases.clusters[common])
    # The model answers the same whoever else reads: its row stands beside every reader.
    beside = np.append(np.arange(r), np.full(r, r))
    analysis = obuchowski_rockette(
        areas[beside].reshape(2, r),
        covariance[np.ix_(beside, beside)],
        treatments=("readers", "model"),
        readers=names,
    )
    return ScoredComparison(len(positive), int(positive.sum()), analysis)


@dataclass(frozen=True, eq=False)
class _Found:
    """Figures of a study and their bootstrap replicates."""

    values: Mapping[str, FloatArray]  # (1,)
    replicates: Mapping[str, FloatArray]  # (r,)
    positive: BoolArray
    clusters: npt.NDArray[np.generic]  # (n,)

    def estimate(self, name: str, rows: BoolArray) -> Estimate:
        """A figure with its interval and the images and positives it was measured on."""
        figure = name.rpartition("/")[2]
        side = ~self.positive if figure == "specificity" else self.positive
        return estimate_from(
            float(self.values[name][0]),
            self.replicates[name],
            clusters=len(np.unique(self.clusters)),
            is_share=figure in SHARES,
            counted=clusters_among(self.clusters, rows & side),
            n=int(rows.sum()),
            positives=int((self.positive & rows).sum()),
        )

    def p(self, name: str) -> float:
        """Two-sided p of zero: twice the smaller tail of the replicates, themselves one of them.

        nan where there is no interval: replicates that do not vary say nothing about chance.
        """
        drawn = self.replicates[name]
        drawn = drawn[~np.isnan(drawn)]
        if np.isnan(self.values[name][0]) or np.isnan(percentile_interval(drawn)[0]):
            return float("nan")
        tail = min((drawn <= ROUNDING).sum(), (drawn >= -ROUNDING).sum())
        return float(min(2 * (tail + 1) / (len(drawn) + 1), 1.0))

    def answers(self, name: str, calls: FloatArray) -> Answers:
        """The decisions (n,) that the figures below `name` are about."""
        decided = ~np.isnan(calls)
        return Answers(
            counts=_counts(calls, self.positive),
            sensitivity=self.estimate(f"{name}/sensitivity", decided),
            specificity=self.estimate(f"{name}/specificity", decided),
        )

    def against_model(self, name: str, rows: BoolArray, *, adjusted_p: float) -> AgainstModel:
        """The model at the specificity of `name`."""
        return AgainstModel(
            model_sensitivity=self.estimate(f"{name}/model", rows),
            gain=self.estimate(f"{name}/gain", rows),
            p=self.p(f"{name}/gain"),
            adjusted_p=adjusted_p,
        )


def _reader(cases: ReaderCases, row: int, found: _Found, adjusted_p: float) -> ReaderResult:
    name, decided = f"reader/{row}", cases.has_read[row]
    return ReaderResult(
        reader=cases.readers[row],
        images=int(decided.sum()),
        answers=found.answers(name, cases.calls[row]),
        kappa=found.estimate(f"{name}/kappa", decided),
        against_model=found.against_model(name, decided, adjusted_p=adjusted_p),
        area=_own_area(cases, row),
    )


def _own_area(cases: ReaderCases, row: int) -> Area | None:
    scored = ~np.isnan(cases.ratings[row])
    positive = cases.positive[scored]
    if not positive.any() or positive.all():
        return None
    return delong_auc(positive, cases.ratings[row, scored], clusters=cases.clusters[scored])


def _mean_reader(readers: tuple[ReaderResult, ...], found: _Found) -> MeanReader:
    everywhere = np.ones(len(found.positive), dtype=bool)
    rates = np.array([[r.answers.sensitivity.value, r.answers.specificity.value] for r in readers])
    return MeanReader(
        readers=len(readers),
        sensitivity=found.estimate("mean/sensitivity", everywhere),
        sensitivity_sd=_standard_deviation(rates[:, 0]),
        specificity=found.estimate("mean/specificity", everywhere),
        specificity_sd=_standard_deviation(rates[:, 1]),
        against_model=found.against_model("mean", everywhere, adjusted_p=found.p("mean/gain")),
    )


def _standard_deviation(values: FloatArray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.std(ddof=1)) if len(defined) > 1 else float("nan")


def _counts(calls: FloatArray, positive: BoolArray) -> Counts:
    tallies = Tallies.of(calls[None], positive, np.ones((1, len(calls))))
    tallied = (tallies.found, tallies.missed, tallies.alarms, tallies.kept)
    return Counts(*(int(count[0, 0]) for count in tallied))


def _majority(calls: FloatArray) -> tuple[FloatArray, int]:
    """What half of the deciders or more say, (n,), nan where nobody decided; and how many ties."""
    yes, no = (calls == 1).sum(axis=0), (calls == 0).sum(axis=0)
    decided = np.where(yes + no > 0, yes >= no, np.nan)
    return decided, int(((yes == no) & (yes > 0)).sum())


def _majority_with_model(cases: ReaderCases, threshold: float) -> tuple[FloatArray, int]:
    """The same with the model as one more decider, on images on which a reader decided."""
    model = np.where(cases.has_read.any(axis=0), cases.score >= threshold, np.nan)
    return _majority(np.concatenate([cases.calls, model[None]]))
