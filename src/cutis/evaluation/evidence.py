"""`evidence_sections`: what a reviewer asks of predictions beyond their plain figures."""

from collections.abc import Mapping, Sequence

import numpy as np

from cutis.errors import InputError
from cutis.evaluation.calibration import AS_GIVEN, judge_calibration
from cutis.evaluation.calibration_report import calibration_section
from cutis.evaluation.cases import Cases, judged_rows
from cutis.evaluation.certainty import judge_conformal_sets, judge_selection
from cutis.evaluation.certainty_report import conformal_section, selection_section
from cutis.evaluation.questions import IN_VALIDATION, PREVALENCE, answerable, ask
from cutis.evaluation.questions_report import questions_section
from cutis.evaluation.reading import Reading, Validation
from cutis.evaluation.section import Section
from cutis.evaluation.subgroups import analyse_subgroups
from cutis.evaluation.subgroups_report import subgroups_section
from cutis.metrics.cross_fitting import Fit
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy.tasks import find_task, usual_tasks


def evidence_sections(
    reading: Reading,
    manifest: Manifest,
    *,
    split: str = "test",
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
        reading: What is judged; without validation nothing is chosen: no thresholds, calibration maps
            or conformal sets.
        manifest, split, skip_outside: As in `evaluate`.
        maps: Calibration maps to fit and to compare, by name.
        tasks: Further questions, beside the `usual_tasks` of the tree.
        columns: Further columns to group by.
        prevalence: For predictive values.
        level: Of conformal sets.
        replicates, seed: Of the lesion-clustered bootstrap.

    Raises:
        InputError: validation and judged rows overlap, or a question, column or number makes no
            sense.
    """
    predictions, validation = reading.judged, reading.judged_validation
    judged = judged_rows(
        manifest, predictions.classes, split=split, skip_outside=skip_outside
    ).judged
    if validation is not None:
        validation.require_apart_from(judged)
    cases = Cases.of(predictions, judged, gains=reading.gains)
    sections = _questions(
        predictions,
        manifest if split == "all" else manifest.split(split),
        validation=validation,
        tasks=tasks,
        prevalence=prevalence,
        replicates=replicates,
        seed=seed,
    )
    given = reading.given.rows_for(judged.image_ids).probabilities
    versions = {AS_GIVEN: given} | reading.versions(judged, maps or {})
    clusters = judged.clusters()
    sections.append(
        calibration_section(
            judge_calibration(
                cases.truth,
                versions,
                predictions.classes,
                clusters,
                validation_cases=0 if validation is None else len(validation.manifest),
                cross_fitted=reading.crossed is not None,
                replicates=replicates,
                seed=seed,
            )
        )
    )
    selection = judge_selection(
        cases.truth,
        cases.probabilities,
        clusters,
        answers=cases.answers,
        replicates=replicates,
        seed=seed,
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
    usual = {task.name: task for task in usual_tasks(rows.taxonomy)}
    further = {name: find_task(name, rows.taxonomy) for name in tasks if name not in usual}
    wanted = [*usual.values(), *further.values()]
    possible, reasons = answerable(wanted, predictions, rows)
    without_points: dict[str, str] = {}
    if validation is not None:
        _choosable, without_points = answerable(
            possible, validation.predictions, validation.manifest, where=IN_VALIDATION
        )
    cannot = reasons | without_points
    refused = [cannot[name] for name in tasks if name in cannot]
    if refused:
        raise InputError(refused[0])
    reports = [
        ask(
            task,
            predictions,
            rows,
            validation=None
            if validation is None or task.name in without_points
            else (validation.predictions, validation.manifest),
            prevalence=prevalence,
            replicates=replicates,
            seed=seed,
        )
        for task in possible
    ]
    if not reports:
        return []
    return [
        questions_section(
            reports,
            unanswered=reasons,
            without_points=without_points,
            drawn=rows.drawn,
        )
    ]


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
