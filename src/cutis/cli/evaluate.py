"""`cutis evaluate`: from predictions and a manifest to a report."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cutis.cli.app import app
from cutis.cli.terminal import plain_console

if TYPE_CHECKING:
    from cutis.evaluation.reading import Reading
    from cutis.tables.manifest import Manifest
    from cutis.tables.predictions import Predictions

STRESS_IMAGES, EXPLAIN_IMAGES = 400, 24


@app.command()
def evaluate(
    predictions: Path = typer.Argument(help="Table of class probabilities, ours or foreign."),
    manifest: Path = typer.Argument(help="Manifest with the diagnoses."),
    output: Path = typer.Option(..., "-o", "--output", help="Folder for the report."),
    split: str = typer.Option("test", help="train, val, test, or all."),
    validation: Path | None = typer.Option(
        None, help="Predictions for validation rows: thresholds and calibration come from them."
    ),
    validation_manifest: Path | None = typer.Option(
        None, help="Their manifest, where it is another one; its val split is used."
    ),
    cross_fit: bool = typer.Option(
        False,
        "--cross-fit",
        help="For out-of-fold predictions, in place of --validation: calibration and balanced answers "
        "of each lesion come from the other lesions.",
    ),
    calibration: str | None = typer.Option(
        None,
        help="Judge what a map fitted on validation makes of the predictions: temperature, vector, "
        "dirichlet or isotonic.",
    ),
    answer: str = typer.Option(
        "probable",
        help="Which diagnosis is the answer: the probable one, or the balanced one, which is raised "
        "most over its frequency in validation.",
    ),
    task: list[str] = typer.Option([], help="A further question, such as melanoma:nevus."),
    by: list[str] = typer.Option([], help="A further column to look at groups by."),
    columns_from: Path | None = typer.Option(
        None,
        help="Table with further columns by image, such as marks of artefacts: groups are those that "
        "--by names, or without it all.",
    ),
    repeat: list[Path] = typer.Option(
        [], help="Predictions of the same rows from other folds, one table per further repeat."
    ),
    prevalence: float = typer.Option(0.05, help="For predictive values, between 0 and 1."),
    skip_outside: bool = typer.Option(
        False, "--skip-outside", help="Leave out rows whose diagnosis belongs to no class."
    ),
    replicates: int = typer.Option(2000, help="Bootstrap replicates, at least 100."),
    seed: int = typer.Option(0, min=0, help="Seed of the bootstrap."),
    history: Path | None = typer.Option(None, help="A run's history.csv, to show its curves."),
    stress: Path | None = typer.Option(
        None, help="The bundle behind the predictions: ask it again about changed pictures."
    ),
    stress_images: int | None = typer.Option(
        None, min=1, help=f"How many images the stress test draws; default, {STRESS_IMAGES}."
    ),
    explain: Path | None = typer.Option(
        None, help="The bundle behind the predictions: map its features and check its heat maps."
    ),
    explain_images: int | None = typer.Option(
        None, min=1, help=f"How many images heat maps are checked on; default, {EXPLAIN_IMAGES}."
    ),
) -> None:
    """Judge predictions, with intervals, in one page and one JSON file."""
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE
    from cutis.cli.asked_again import (
        bundle_behind,
        explained_sections,
        require_stressed_pictures,
        stress_sections,
    )
    from cutis.errors import InputError
    from cutis.evaluation.cases import judged_rows
    from cutis.evaluation.classifier import evaluate as judge
    from cutis.evaluation.classifier_report import classifier_sections
    from cutis.evaluation.evidence import evidence_sections
    from cutis.evaluation.figures.classifier import history_figure
    from cutis.evaluation.folds import summarise_folds, summarise_repeats
    from cutis.evaluation.folds_report import folds_section, repeats_section
    from cutis.evaluation.questions import require_prevalence
    from cutis.evaluation.report import classifier_heading, write_report
    from cutis.evaluation.subgroups import require_columns
    from cutis.explain.packages import require_packages
    from cutis.files import require_writable, sha256_by_name
    from cutis.inference.calibration import CALIBRATIONS
    from cutis.tables.columns import with_further_columns
    from cutis.tables.manifest import Manifest
    from cutis.tables.predictions import Predictions
    from cutis.taxonomy.tasks import find_task
    from cutis.wording import counted, words

    for name, images, asked in (
        ("stress", stress_images, stress),
        ("explain", explain_images, explain),
    ):
        if images is not None and asked is None:
            raise InputError(f"--{name}-images goes with --{name}, which is not given")
    stress_images, explain_images = stress_images or STRESS_IMAGES, explain_images or EXPLAIN_IMAGES
    if explain is not None:
        require_packages()
    require_writable(output)
    require_prevalence(prevalence)
    table = Manifest.read(manifest, check_files=False)
    further: tuple[str, ...] = ()
    if columns_from is not None:
        table, further = with_further_columns(table, columns_from, chosen=by)
    require_columns(table.frame, by)
    for question in task:
        find_task(question, table.taxonomy)
    given = Predictions.read(predictions, table.taxonomy)
    others = [Predictions.read(path, table.taxonomy) for path in repeat]
    epochs = None if history is None else history_figure(history)
    stressed = None if stress is None else bundle_behind(given, stress)
    explained = None if explain is None else bundle_behind(given, explain)
    judged = judged_rows(table, given.classes, split=split, skip_outside=skip_outside).judged
    if stressed is not None:
        require_stressed_pictures(stressed, judged, images=stress_images, seed=seed)
    reading = _reading(
        given,
        table,
        split=split,
        validation=validation,
        validation_manifest=validation_manifest,
        cross_fit=cross_fit,
        calibration=calibration,
        answer=answer,
    )
    found = judge(
        reading.judged,
        table,
        split=split,
        replicates=replicates,
        seed=seed,
        skip_outside=skip_outside,
        gains=reading.gains,
    )
    evidence = evidence_sections(
        reading,
        table,
        split=split,
        maps=CALIBRATIONS,
        tasks=task,
        columns=[*by, *further],
        prevalence=prevalence,
        replicates=replicates,
        seed=seed,
        skip_outside=skip_outside,
    )
    validated_across = []
    by_fold = summarise_folds(reading.judged, judged, found, gains=reading.gains)
    if by_fold is not None:
        validated_across.append(folds_section(by_fold, drawn=judged.drawn))
    if others:
        tables = [reading.judged, *(reading.again(other) for other in others)]
        repeats = summarise_repeats(
            tables, judged, gains=reading.gains, replicates=replicates, seed=seed
        )
        validated_across.append(repeats_section(repeats, drawn=judged.drawn))
    asked_again = []
    if stressed is not None:
        asked_again += stress_sections(
            stressed, judged, images=stress_images, replicates=replicates, seed=seed
        )
    if explained is not None:
        asked_again += explained_sections(
            explained, judged, images=explain_images, replicates=replicates, seed=seed
        )
    facts = [model.folder / "bundle.json" for model in (stressed, explained) if model is not None]
    inputs = [predictions, manifest, validation, validation_manifest, columns_from, history]
    report = write_report(
        classifier_heading(found, reading),
        [*classifier_sections(found, history=epochs), *validated_across, *evidence, *asked_again],
        output,
        inputs=sha256_by_name([path for path in [*inputs, *repeat, *facts] if path is not None]),
        command=shlex.join(["cutis", *sys.argv[1:]]),
    )
    console = plain_console()
    shown = Table(title=f"{split}: {counted(found.images, 'image')}", title_justify="left")
    shown.add_column("figure")
    shown.add_column("value [95 % interval]", justify="right")
    for name in ("macro_roc_auc", "balanced_accuracy", "accuracy", "macro_f1"):
        shown.add_row(words(name), str(found.overall[name]))
    for name, estimate in found.malignant.items():
        shown.add_row(f"malignant: {words(name)}", str(estimate))
    console.print(shown)
    console.print(f"Report: {report}", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


def _reading(
    given: Predictions,
    table: Manifest,
    *,
    split: str,
    validation: Path | None,
    validation_manifest: Path | None,
    cross_fit: bool,
    calibration: str | None,
    answer: str,
) -> Reading:
    """How the predictions are read: what is chosen, and on which rows."""
    from cutis.errors import InputError
    from cutis.evaluation.reading import Reading, Validation
    from cutis.inference.calibration import CALIBRATIONS
    from cutis.metrics.cross_fitting import require_lesions
    from cutis.tables.manifest import Manifest
    from cutis.tables.predictions import Predictions

    if cross_fit and validation is not None:
        raise InputError("--cross-fit chooses on the judged rows; leave out --validation")
    if validation_manifest is not None and validation is None:
        raise InputError("--validation-manifest goes with --validation, which is not given")
    if cross_fit:
        judged = Validation.of(given, table, split=split)
        require_lesions(judged.manifest.clusters(), source=table.name)
        return Reading.crossing(
            judged,
            beside=judged.beside(given, table, split=split),
            maps=CALIBRATIONS,
            calibration=calibration,
            answer=answer,
        )
    chosen_on = None
    if validation is not None:
        rows = (
            Manifest.read(validation_manifest, check_files=False) if validation_manifest else table
        )
        chosen_on = Validation.of(Predictions.read(validation, rows.taxonomy), rows)
        if calibration is not None:
            require_lesions(chosen_on.manifest.clusters(), source=rows.name)
    return Reading.of(given, chosen_on, maps=CALIBRATIONS, calibration=calibration, answer=answer)
