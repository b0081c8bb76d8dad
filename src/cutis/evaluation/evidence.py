"""`evidence_sections`: what a reviewer asks of predictions beyond their plain figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cutis.checks import FloatArray, IntArray
from cutis.errors import InputError
from cutis.evaluation.calibration import AS_GIVEN, judge_calibration
from cutis.evaluation.calibration_report import calibration_section
from cutis.evaluation.cases import Cases, judged_rows
from cutis.evaluation.certainty import judge_conformal_sets, judge_selection
from cutis.evaluation.certainty_report import conformal_section, selection_section
from cutis.evaluation.questions import PREVALENCE, answerable, ask
from cutis.evaluation.questions_report import questions_section
from cutis.evaluation.section import Section
from cutis.evaluation.subgroups import analyse_subgroups
from cutis.evaluation.subgroups_report import subgroups_section
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy.tasks import TASKS, find_task

Fit = Callable[[FloatArray, IntArray], Callable[[FloatArray], FloatArray]]


@dataclass(frozen=True, eq=False)
class Validation:
    """What thresholds and calibration maps are chosen on, and nothing else is."""

    predictions: Predictions
    manifest: Manifest  # labelled rows, all of which belong to a class

    @classmethod
    def of(
        cls, predictions: Predictions, manifest: Manifest, *, split: str = "val"
    ) -> "Validation":
        """The rows of one split.

        Raises:
            ManifestError: the split has no row with a diagnosis.
            InputError: rows without a prediction.
        """
        judged = judged_rows(manifest, predictions.classes, split=split, skip_outside=True).judged
        return cls(predictions.rows_for(judged.image_ids), judged)

    @cached_property
    def cases(self) -> tuple[IntArray, FloatArray]:
        """Truth (n,) and probabilities (n, k)."""
        cases = Cases.of(self.predictions, self.manifest)
        return cases.truth, cases.probabilities

    def require_apart_from(self, judged: Manifest) -> None:
        """Check that nothing is judged that something was chosen on.

        Raises:
            InputError: images or lesions in both.
        """
        for what, mine, theirs in (
            ("image", self.manifest.image_ids, judged.image_ids),
            ("lesion", self.manifest.frame["lesion_id"], judged.frame["lesion_id"]),
        ):
            both = sorted((set(mine) & set(theirs)) - {""})
            if both:
                raise InputError(
                    f"validation: {len(both)} {what}s are judged too, such as {both[0]}; "
                    "give predictions for other lesions"
                )


def evidence_sections(
    predictions: Predictions,
    manifest: Manifest,
    *,
    split: str = "test",
    validation: Validation | None = None,
    maps: Mapping[str, Fit] | None = None,
    tasks: Sequence[str] = (),
    columns: Sequence[str] = (),
    prevalence: float = PREVALENCE,
    level: float = 0.9,
    replicates: int = 1000,
    seed: int = 0,
    skip_outside: bool = False,
) -> list[Section]:
    """Questions, calibration, certainty and subgroups.

    Args:
        predictions, manifest, split, skip_outside: As in `evaluate`.
        validation: Without it nothing is chosen: no thresholds, calibration maps or conformal sets.
        maps: Calibration maps to fit on validation, by name.
        tasks: Further questions, beside `TASKS`.
        columns: Further columns to group by.
        prevalence: For predictive values.
        level: Of conformal sets.
        replicates, seed: Of the lesion-clustered bootstrap.

    Raises:
        InputError: validation and judged rows overlap, or a question, column or number makes no
            sense.
    """
    judged = judged_rows(
        manifest, predictions.classes, split=split, skip_outside=skip_outside
    ).judged
    if validation is not None:
        validation.require_apart_from(judged)
    cases = Cases.of(predictions, judged)
    sections = _questions(
        predictions,
        manifest if split == "all" else manifest.split(split),
        validation=validation,
        tasks=tasks,
        prevalence=prevalence,
        replicates=replicates,
        seed=seed,
    )
    versions = {AS_GIVEN: cases.probabilities}
    if validation is not None:
        truth, given = validation.cases
        for name, fit in (maps or {}).items():
            versions[name] = fit(given, truth)(cases.probabilities)
    clusters = judged.clusters()
    sections.append(
        calibration_section(
            judge_calibration(
                cases.truth,
                versions,
                predictions.classes,
                clusters,
                validation_cases=0 if validation is None else len(validation.manifest),
                replicates=replicates,
                seed=seed,
            )
        )
    )
    selection = judge_selection(
        cases.truth, cases.probabilities, clusters, replicates=replicates, seed=seed
    )
    sections.append(selection_section(selection))
    if validation is not None:
        sections.append(
            _conformal(
                validation,
                cases,
                judged,
                predictions.classes,
                level=level,
                replicates=replicates,
                seed=seed,
            )
        )
    subgroups = analyse_subgroups(cases, judged, columns=columns, replicates=replicates, seed=seed)
    return [*sections, subgroups_section(subgroups)]


def _questions(
    predictions: Predictions,
    rows: Manifest,
    *,
    validation: Validation | None,
    tasks: Sequence[str],
    prevalence: float,
    replicates: int,
    seed: int,
) -> list[Section]:
    wanted = [find_task(name, rows.taxonomy) for name in dict.fromkeys([*TASKS, *tasks])]
    possible, reasons = answerable(wanted, predictions, rows)
    refused = [reasons[name] for name in tasks if name in reasons]
    if refused:
        raise InputError(refused[0])
    reports = [
        ask(
            task,
            predictions,
            rows,
            validation=None
            if validation is None
            else (validation.predictions, validation.manifest),
            prevalence=prevalence,
            replicates=replicates,
            seed=seed,
        )
        for task in possible
    ]
    return [questions_section(reports, unanswered=reasons)] if reports else []


def _conformal(
    validation: Validation,
    cases: Cases,
    judged: Manifest,
    classes: tuple[str, ...],
    *,
    level: float,
    replicates: int,
    seed: int,
) -> Section:
    calibration = validation.cases
    everywhere = bool(np.bincount(calibration[0], minlength=len(classes)).all())
    return conformal_section(
        [
            judge_conformal_sets(
                calibration,
                (cases.truth, cases.probabilities),
                classes,
                judged.clusters(),
                level=level,
                per_class=per_class,
                replicates=replicates,
                seed=seed,
            )
            for per_class in ((False, True) if everywhere else (False,))
        ]
    )
