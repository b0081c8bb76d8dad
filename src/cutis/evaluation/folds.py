"""Cross-validation judged: every headline figure fold by fold, and over repeats with other folds.

The standard deviation over folds says how much figures vary between parts of this size. It is no
standard error: folds share most of their training cases, and no estimate of the variance from one
cross-validation alone is free of bias (Bengio and Grandvalet 2004, J Mach Learn Res 5:1089). What the
choice of judged lesions adds is in the lesion-clustered interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cutis.checks import FloatArray
from cutis.errors import InputError
from cutis.evaluation.cases import MALIGNANT, OVERALL, Cases, is_area, is_share
from cutis.evaluation.classifier import Evaluation
from cutis.evaluation.estimates import Estimate, bootstrap_estimates
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions

HEADLINES = (*OVERALL, *(f"malignant/{name}" for name in MALIGNANT))


@dataclass(frozen=True, eq=False)
class Spread:
    """One figure on several parts, and its estimate from all of them together.

    Attributes:
        values: Shape (p,), nan where a part does not define the figure.
        estimate: Of folds, the figure of the pooled predictions; of repeats, the mean over them.
    """

    values: FloatArray
    estimate: Estimate

    @property
    def mean(self) -> float:
        """Over the parts that define the figure; nan where none does."""
        defined = self._defined
        return float(defined.mean()) if len(defined) else float("nan")

    @property
    def standard_deviation(self) -> float:
        """The same, with one degree of freedom less; nan for fewer than two parts."""
        defined = self._defined
        return float(defined.std(ddof=1)) if len(defined) > 1 else float("nan")

    @property
    def _defined(self) -> FloatArray:
        return self.values[~np.isnan(self.values)]


@dataclass(frozen=True, eq=False)
class FoldSummary:
    """Figures by fold, each fold judged by a model that has not seen it."""

    folds: tuple[int, ...]  # k names
    images: tuple[int, ...]  # of each
    figures: Mapping[str, Spread]  # names of `HEADLINES`


@dataclass(frozen=True, eq=False)
class RepeatSummary:
    """Figures by repeat: the same rows, each time predicted over other folds."""

    repeats: int
    figures: Mapping[str, Spread]  # names of `HEADLINES`


def summarise_folds(
    predictions: Predictions,
    judged: Manifest,
    pooled: Evaluation,
    *,
    gains: FloatArray | None = None,
) -> FoldSummary | None:
    """Judge each fold alone.

    Args:
        predictions: Out-of-fold, as `cutis train --kfold` writes them.
        judged: The rows that `pooled` was judged on.
        pooled: All of them together.
        gains: As in `evaluate`.

    Returns:
        None where a row has no fold, or all have the same.
    """
    column = judged.frame["fold"]
    folds = sorted(set(column.dropna()))
    if column.isna().any() or len(folds) < 2:
        return None
    members = [judged.rows((column == fold).to_numpy()) for fold in folds]
    estimates = {**pooled.overall, **{f"malignant/{n}": e for n, e in pooled.malignant.items()}}
    by_fold = [_plain(predictions, rows, gains) for rows in members]
    return FoldSummary(
        folds=tuple(int(fold) for fold in folds),
        images=tuple(len(rows) for rows in members),
        figures={
            name: Spread(np.array([values[name] for values in by_fold]), estimate)
            for name, estimate in estimates.items()
        },
    )


def summarise_repeats(
    tables: Sequence[Predictions],
    judged: Manifest,
    *,
    gains: FloatArray | None = None,
    replicates: int = 2000,
    seed: int = 0,
) -> RepeatSummary:
    """Judge the same rows once per repeat, and the mean over repeats.

    A figure is computed for every repeat on the same bootstrap weights and averaged, so that the
    interval of the mean is over lesions. Probabilities are not averaged: that would judge an ensemble.

    Args:
        tables: Predictions of the same classes, one table per repeat.
        judged: The rows, all of which belong to a class.
        gains: As in `evaluate`.
        replicates, seed: Of the lesion-clustered bootstrap.

    Raises:
        InputError: fewer than two tables, other classes, or rows without a prediction.
    """
    if len(tables) < 2:
        raise InputError("repeats: at least two tables of predictions are needed")
    expected = sorted(tables[0].classes)
    for number, table in enumerate(tables[1:], start=2):
        if sorted(table.classes) != expected:
            raise InputError(
                f"repeats: table {number} has the classes {', '.join(sorted(table.classes))}, "
                f"the first {', '.join(expected)}"
            )
    cases = [Cases.of(table, judged, gains=gains) for table in tables]

    def means(weights: FloatArray) -> dict[str, FloatArray]:
        found = [each.figures(weights) for each in cases]
        return {
            name: np.mean([values[name] for values in found], axis=0)
            for name in HEADLINES
            if name in found[0]
        }

    clusters = judged.clusters()
    counted = [each.clusters_counted(clusters) for each in cases]
    estimates = bootstrap_estimates(
        means,
        clusters,
        replicates=replicates,
        seed=seed,
        is_share=is_share,
        is_area=is_area,
        counted={name: min(each[name] for each in counted) for name in counted[0]},
    )
    by_repeat = [_plain(table, judged, gains) for table in tables]
    return RepeatSummary(
        repeats=len(tables),
        figures={
            name: Spread(np.array([values[name] for values in by_repeat]), estimate)
            for name, estimate in estimates.items()
        },
    )


def _plain(predictions: Predictions, rows: Manifest, gains: FloatArray | None) -> dict[str, float]:
    """Headline figures of some rows, without intervals."""
    found = Cases.of(predictions, rows, gains=gains).figures(np.ones((1, len(rows))))
    return {name: float(found[name][0]) for name in HEADLINES if name in found}
