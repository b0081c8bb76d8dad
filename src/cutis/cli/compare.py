"""`cutis compare`: a model beside the people who read the same images."""

import shlex
import sys
from pathlib import Path

import typer

from cutis.cli.app import app
from cutis.cli.terminal import plain_console


@app.command()
def compare(
    predictions: Path = typer.Argument(help="Table of class probabilities, ours or foreign."),
    manifest: Path = typer.Argument(help="Manifest with the diagnoses."),
    readings: Path = typer.Argument(
        help="Table of reader, image_id, decision, and if given confidence (0 to 1) or scale (1 to 5)."
    ),
    task: str = typer.Option(
        ..., help="The question: a named task, or a pair such as melanoma:nevus."
    ),
    output: Path = typer.Option(..., "-o", "--output", help="Folder for the report."),
    split: str = typer.Option("test", help="train, val, test, or all."),
    threshold: str = typer.Option(
        "readers",
        help="From which score on the model says yes: a number; readers, for the mean reader's "
        "specificity; or validation, for Youden's point on split val.",
    ),
    validation: Path | None = typer.Option(
        None, help="Predictions for split val, for --threshold validation; default, PREDICTIONS."
    ),
    validation_manifest: Path | None = typer.Option(
        None, help="Their manifest, where it is another one."
    ),
    with_model: Path | None = typer.Option(
        None, help="Readings of the same readers with the model's answer at hand, to be compared."
    ),
    literature: Path | None = typer.Option(
        None, help="TOML of published points, drawn for context only."
    ),
    replicates: int = typer.Option(2000, help="Bootstrap replicates, at least 100."),
    seed: int = typer.Option(0, min=0, help="Seed of the bootstrap."),
) -> None:
    """Compare a model with readers: curve, points, agreement and paired differences on one page."""
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE
    from cutis.errors import InputError
    from cutis.evaluation.conditions import compare_conditions
    from cutis.evaluation.conditions_report import conditions_section
    from cutis.evaluation.literature import read_literature
    from cutis.evaluation.reader_cases import ReaderCases
    from cutis.evaluation.reader_threshold import choose_threshold
    from cutis.evaluation.readers import compare_readers
    from cutis.evaluation.readers_report import readers_heading, readers_sections
    from cutis.evaluation.report import write_report
    from cutis.files import require_writable, sha256_by_name
    from cutis.tables.manifest import Manifest
    from cutis.tables.predictions import Predictions
    from cutis.tables.readings import Readings
    from cutis.taxonomy.tasks import find_task
    from cutis.wording import counted

    require_writable(output)
    if validation_manifest is not None and validation is None:
        raise InputError("--validation-manifest goes with --validation, which is not given")
    table = Manifest.read(manifest, check_files=False)
    question = find_task(task, table.taxonomy)
    answers = Predictions.read(predictions, table.taxonomy)
    chosen_on = None
    if validation is not None:
        rows = (
            Manifest.read(validation_manifest, check_files=False) if validation_manifest else table
        )
        chosen_on = Predictions.read(validation, rows.taxonomy), rows
    points = () if literature is None else read_literature(literature)

    def read_by(people: Path) -> ReaderCases:
        said = Readings.read(people, table.taxonomy)
        return ReaderCases.of(answers, table, said, question, split=split)

    cases = read_by(readings)
    helped = None if with_model is None else read_by(with_model)
    found = compare_readers(
        cases,
        title=question.title,
        split=split,
        threshold=choose_threshold(
            threshold, cases, answers, table, question, validation=chosen_on
        ),
        literature=points,
        replicates=replicates,
        seed=seed,
    )
    sections = readers_sections(found)
    assisted = None
    if helped is not None:
        assisted = compare_conditions(cases, helped, replicates=replicates, seed=seed)
        sections.append(conditions_section(assisted))
    others = (with_model, literature, validation, validation_manifest)
    further = [path for path in others if path is not None]
    inputs = [predictions, manifest, readings, *further]
    report = write_report(
        readers_heading(found),
        sections,
        output,
        inputs=sha256_by_name(inputs),
        command=shlex.join(["cutis", *sys.argv[1:]]),
    )
    console = plain_console()
    shown = Table(
        title=f"{question.title}: {found.images} images, {counted(len(found.readers), 'reader')}",
        title_justify="left",
    )
    shown.add_column("figure")
    shown.add_column("value [95 % interval]", justify="right")
    mean = found.mean
    shown.add_row("model, AUC", str(found.area))
    shown.add_row("mean reader, sensitivity", str(mean.sensitivity))
    shown.add_row("mean reader, specificity", str(mean.specificity))
    shown.add_row(
        "model at that specificity, sensitivity", str(mean.against_model.model_sensitivity)
    )
    shown.add_row("readers under the curve", f"{found.under_curve} of {found.compared}")
    if assisted is not None:
        for rate, both in assisted.mean.items():
            shown.add_row(f"gain of the mean reader with the model, {rate}", str(both.gain))
    console.print(shown)
    console.print(f"Report: {report}", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)
