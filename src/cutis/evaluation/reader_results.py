"""What a comparison of a model with readers found, as values."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cutis.checks import FloatArray
from cutis.evaluation.estimates import Estimate
from cutis.evaluation.literature import LiteraturePoint
from cutis.evaluation.mrmc import MultiReaderAnalysis
from cutis.metrics.delong import Area
from cutis.metrics.ranking import Curve
from cutis.tables.manifest import Drawn


@dataclass(frozen=True)
class Counts:
    """Decisions by truth."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int


@dataclass(frozen=True)
class Threshold:
    """From which score on the model says yes, and how that was chosen."""

    value: float
    origin: str


@dataclass(frozen=True)
class Answers:
    """What somebody's decisions are worth."""

    counts: Counts
    sensitivity: Estimate
    specificity: Estimate


@dataclass(frozen=True)
class AgainstModel:
    """The model at somebody's specificity, on the same images.

    Attributes:
        model_sensitivity: The best among thresholds that give no more false alarms.
        gain: That less the sensitivity of the reader; above zero the reader lies under the curve.
        p: Whether the gain is zero, from the bootstrap that gives its interval.
        adjusted_p: By Holm over all readers; of the mean reader, the same as `p`.
    """

    model_sensitivity: Estimate
    gain: Estimate
    p: float
    adjusted_p: float


@dataclass(frozen=True)
class ReaderResult:
    """One reader.

    Attributes:
        reader: The name.
        images: On which the reader decided.
        kappa: Cohen's, with the truth.
        area: Of the reader's own scores; None where not given for positives and negatives.
    """

    reader: str
    images: int
    answers: Answers
    kappa: Estimate
    against_model: AgainstModel
    area: Area | None


@dataclass(frozen=True)
class MeanReader:
    """The mean over readers.

    Intervals are over cases, for these readers; standard deviations are over readers, and nan for one.
    """

    readers: int
    sensitivity: Estimate
    sensitivity_sd: float
    specificity: Estimate
    specificity_sd: float
    against_model: AgainstModel


@dataclass(frozen=True)
class Vote:
    """A group that decides by majority; half of the votes are enough for yes.

    `images` is how many it decided on, `ties` how many of these were split in half.
    """

    name: str
    images: int
    ties: int
    answers: Answers


@dataclass(frozen=True, eq=False)
class PairAgreement:
    """Cohen's kappa of every pair of readers on the images both decided on, (r, r); 1 on the diagonal.

    nan where a pair shares no image or gave one and the same answer throughout. Intervals are over
    cases.
    """

    kappa: FloatArray
    low: FloatArray  # (r, r)
    high: FloatArray  # (r, r)
    images: FloatArray  # (r, r)

    @property
    def median(self) -> float:
        """Over the pairs that define it; nan where none does."""
        values = self.kappa[np.triu_indices(len(self.kappa), 1)]
        values = values[~np.isnan(values)]
        return float(np.median(values)) if len(values) else float("nan")


@dataclass(frozen=True, eq=False)
class ScoredComparison:
    """The areas of readers who gave scores against the model's, on the images all of them scored."""

    images: int
    positives: int
    analysis: MultiReaderAnalysis  # readers, then the model


@dataclass(frozen=True, eq=False)
class ReaderComparison:
    """A model and readers on the same images.

    Attributes:
        title: The question.
        split: Where the images come from.
        images, positives, lesions: That were read; `lesions` is None where the manifest names none.
        drawn: By the bootstrap.
        left_out: What was left out, by the reason.
        area, curve: The model's, on all of the images.
        threshold, model: The model's decisions at one threshold.
        readers: In alphabetical order.
        mean: Of the readers.
        under_curve, share_under_curve: How many readers lie under the model's curve, and the same as a
            share of those who decided on positives and negatives, with its interval over cases.
        pairs, fleiss: Agreement of the readers with each other.
        votes: Majorities with and without the model.
        scored: None where no readers scored the same positives and negatives.
        literature: Published points, for context.
        replicates, seed: Of the bootstrap.
    """

    title: str
    split: str
    images: int
    positives: int
    lesions: int | None
    drawn: Drawn
    left_out: Mapping[str, int]
    area: Area
    curve: Curve
    threshold: Threshold
    model: Answers
    readers: tuple[ReaderResult, ...]
    mean: MeanReader
    under_curve: int
    share_under_curve: Estimate
    pairs: PairAgreement
    fleiss: Estimate
    votes: tuple[Vote, ...]
    scored: ScoredComparison | None
    literature: tuple[LiteraturePoint, ...]
    replicates: int
    seed: int

    @property
    def compared(self) -> int:
        """How many readers decided on both sides, so that they can be put beside the curve."""
        return sum(not np.isnan(reader.against_model.gain.value) for reader in self.readers)
