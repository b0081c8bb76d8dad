"""Subgroups: the same figures by age, sex, site, skin type, source, ground truth and artefact.

A figure of a group with fewer than `LEAST_POSITIVES` malignant or benign cases is "too few" and is
not shown.
A gap is the figure of a group minus that of everybody else whose group is known; both are resampled
together, so that its interval is a paired one. Groups are listed by name, never ranked.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from cutis.checks import BoolArray, FloatArray, did_you_mean
from cutis.errors import InputError
from cutis.evaluation.cases import Cases
from cutis.evaluation.estimates import Estimate, bootstrap_estimates, clusters_among
from cutis.metrics import classification
from cutis.metrics.ranking import Ranking
from cutis.tables.manifest import Manifest

LEAST_POSITIVES = 20
AGE_BANDS_YEARS = (0, 30, 45, 60, 75, math.inf)
USUAL = ("age_years", "sex", "site", "fitzpatrick", "source", "ground_truth")
FIGURES = ("balanced_accuracy", "malignant_roc_auc", "sensitivity", "specificity")
UNKNOWN = "unknown"
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class Subgroup:
    """The figures of one group, and how far they lie from those of everybody else."""

    column: str
    group: str
    images: int
    malignant: int | None  # None where the classes are all on one side
    estimates: Mapping[str, Estimate]  # empty where there are too few
    gaps: Mapping[str, Estimate]  # empty too where everybody else is too few

    @property
    def too_few(self) -> bool:
        """Whether the group is too small for its figures to be shown."""
        return not self.estimates


@dataclass(frozen=True)
class SubgroupAnalysis:
    """Every group of every column that was looked at."""

    subgroups: tuple[Subgroup, ...]
    skipped: tuple[str, ...]  # columns in which nothing, or one value only, is known
    least_positives: int = LEAST_POSITIVES

    @property
    def distinguishable(self) -> tuple[tuple[Subgroup, str], ...]:
        """Groups and figures whose gap's interval, not corrected for their number, excludes 0."""
        return tuple(
            (subgroup, name)
            for subgroup in self.subgroups
            for name, gap in subgroup.gaps.items()
            if gap.low > 0 or gap.high < 0
        )


def analyse_subgroups(
    cases: Cases,
    manifest: Manifest,
    *,
    columns: Sequence[str] = (),
    replicates: int = 1000,
    seed: int = 0,
) -> SubgroupAnalysis:
    """Judge groups of rows apart.

    Args:
        cases: The judged rows.
        manifest: The same rows.
        columns: Further columns of the manifest to group by, beside `USUAL`.
        replicates, seed: Of the lesion-clustered bootstrap.

    Raises:
        InputError: a column is not in the manifest, or too few replicates.
    """
    found: list[Subgroup] = []
    skipped: list[str] = []
    for column in dict.fromkeys([*USUAL, *columns]):
        labels = group_labels(manifest.frame, column)
        groups = _in_order(set(labels.tolist()) - {UNKNOWN})
        if len(groups) < 2:
            skipped.append(column)
            continue
        known = labels != UNKNOWN
        members = {group: labels == group for group in groups}
        others = {group: known & ~rows for group, rows in members.items()}
        found += _judge(
            cases,
            manifest,
            column=column,
            members=members,
            others=others,
            replicates=replicates,
            seed=seed,
        )
    return SubgroupAnalysis(tuple(found), tuple(skipped))


def require_columns(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Check that there is something to group by.

    Raises:
        InputError: a column is missing.
    """
    for column in columns:
        if column not in frame:
            guess = did_you_mean(column, map(str, frame.columns))
            raise InputError(f"subgroups: the manifest has no column {column!r}{guess}")


def group_labels(frame: pd.DataFrame, column: str) -> npt.NDArray[np.str_]:
    """The group of every row: ages in bands of years, other values as they are written.

    Raises:
        InputError: no such column.
    """
    require_columns(frame, [column])
    values = frame[column]
    if column == "age_years":
        return np.array([_age_band(float(value)) for value in values.astype(float)])
    return np.array([_written(value) for value in values])


def _age_band(years: float) -> str:
    if not years >= AGE_BANDS_YEARS[0]:  # nor is nan
        return UNKNOWN
    top = int(np.searchsorted(AGE_BANDS_YEARS, years, side="right"))
    low, high = AGE_BANDS_YEARS[top - 1], AGE_BANDS_YEARS[min(top, len(AGE_BANDS_YEARS) - 1)]
    return f"{low:.0f} and over" if math.isinf(high) else f"{low:.0f} to {high - 1:.0f}"


def _written(value: object) -> str:
    if value == "" or value is None or (isinstance(value, float) and math.isnan(value)):
        return UNKNOWN
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _in_order(groups: Iterable[str]) -> list[str]:
    """Age bands and numbers by size, names by alphabet."""

    def size(group: str) -> tuple[float, str]:
        first = group.split(" ")[0]
        return (float(first) if _NUMBER.fullmatch(first) else math.inf), group

    return sorted(groups, key=size)


def _judge(
    cases: Cases,
    manifest: Manifest,
    *,
    column: str,
    members: Mapping[str, BoolArray],
    others: Mapping[str, BoolArray],
    replicates: int,
    seed: int,
) -> Iterator[Subgroup]:
    malignant = np.zeros(len(manifest), bool) if cases.malignant is None else cases.malignant.truth
    enough = {group: _enough(rows, malignant) for group, rows in members.items()}
    compared = {group: enough[group] and _enough(rows, malignant) for group, rows in others.items()}
    parts = {
        f"{group}/in": _Part.of(cases, rows) for group, rows in members.items() if enough[group]
    }
    parts |= {
        f"{group}/out": _Part.of(cases, rows) for group, rows in others.items() if compared[group]
    }

    def figures(weights: FloatArray) -> dict[str, FloatArray]:
        by_part = {name: part.figures(weights) for name, part in parts.items()}
        result = {
            f"{group}/{name}": value
            for group in members
            if enough[group]
            for name, value in by_part[f"{group}/in"].items()
        }
        return result | {
            f"{group}/{name}/gap": value - by_part[f"{group}/out"][name]
            for group in members
            if compared[group]
            for name, value in by_part[f"{group}/in"].items()
        }

    clusters = manifest.clusters()
    estimates = (
        bootstrap_estimates(
            figures,
            clusters,
            replicates=replicates,
            seed=seed,
            is_share=lambda name: not name.endswith("/gap"),
            is_area=lambda name: name.endswith("/malignant_roc_auc"),
            counted={
                f"{group}/{name}": count
                for group in members
                if enough[group]
                for name, count in parts[f"{group}/in"].clusters_counted(clusters).items()
            },
        )
        if parts
        else {}
    )
    for group, rows in members.items():
        yield Subgroup(
            column,
            group,
            int(rows.sum()),
            None if cases.malignant is None else int(malignant[rows].sum()),
            {
                name: _counted(estimates[f"{group}/{name}"], rows, malignant)
                for name in FIGURES
                if f"{group}/{name}" in estimates
            },
            {
                name: _counted(estimates[f"{group}/{name}/gap"], rows | others[group], malignant)
                for name in FIGURES
                if f"{group}/{name}/gap" in estimates
            },
        )


def _enough(rows: BoolArray, malignant: BoolArray) -> bool:
    positives = int(malignant[rows].sum())
    return min(positives, int(rows.sum()) - positives) >= LEAST_POSITIVES


def _counted(estimate: Estimate, rows: BoolArray, malignant: BoolArray) -> Estimate:
    """With the rows that it was measured on as its denominators."""
    return replace(estimate, n=int(rows.sum()), positives=int(malignant[rows].sum()))


@dataclass(frozen=True, eq=False)
class _Part:
    """Some of the rows, with what their figures need sorted once."""

    rows: BoolArray
    cases: Cases
    ranking: Ranking

    @classmethod
    def of(cls, cases: Cases, rows: BoolArray) -> "_Part":
        assert cases.malignant is not None  # who has enough positives has malignant cases
        return cls(
            rows, cases, Ranking.of(cases.malignant.truth[rows], cases.malignant.score[rows])
        )

    def figures(self, weights: FloatArray) -> dict[str, FloatArray]:
        """The figures of these rows under weights (r, n) of all rows."""
        assert self.cases.malignant is not None
        mine = weights[:, self.rows]
        k = self.cases.probabilities.shape[1]
        confusion = classification.confusion_matrix(
            self.cases.truth[self.rows], self.cases.answers[self.rows], k, weights=mine
        )
        called = (self.cases.malignant.score[self.rows] >= 0.5).astype(np.int64)
        truth = self.cases.malignant.truth[self.rows].astype(np.int64)
        recall = classification.recall(
            classification.confusion_matrix(truth, called, 2, weights=mine)
        )
        return {
            "balanced_accuracy": classification.balanced_accuracy(confusion),
            "malignant_roc_auc": self.ranking.roc_auc(mine),
            "sensitivity": recall[..., 1],
            "specificity": recall[..., 0],
        }

    def clusters_counted(self, clusters: npt.NDArray[np.generic]) -> dict[str, int]:
        """How many clusters of these rows each figure is counted among, as `Cases` counts them."""
        assert self.cases.malignant is not None
        mine, truth = clusters[self.rows], self.cases.truth[self.rows]
        malignant = self.cases.malignant.truth[self.rows]
        inside, outside = clusters_among(mine, malignant), clusters_among(mine, ~malignant)
        return {
            "balanced_accuracy": min(clusters_among(mine, truth == k) for k in np.unique(truth)),
            "malignant_roc_auc": min(inside, outside),
            "sensitivity": inside,
            "specificity": outside,
        }
