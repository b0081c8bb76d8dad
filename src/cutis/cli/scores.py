"""`cutis scores`: several scores in one plain table against each other."""

import shlex
import sys
from pathlib import Path

import typer

from cutis.cli.app import app
from cutis.cli.terminal import plain_console


@app.command()
def scores(
    table: Path = typer.Argument(help="CSV or Parquet table, one row per case."),
    truth: str = typer.Option(
        ..., help="Column of the truth: 1 and 0, yes and no, or true and false."
    ),
    score: list[str] = typer.Option(..., help="Column of a score; repeat it for each one."),
    output: Path = typer.Option(..., "-o", "--output", help="Folder for the report."),
    by: list[str] = typer.Option(
        [], help="Column to look at cases by, numbers with cut points: age=50,70; may be repeated."
    ),
    cluster: str | None = typer.Option(
        None, help="Column of lesions or patients whose rows depend on each other."
    ),
    replicates: int = typer.Option(2000, help="Bootstrap replicates, at least 100."),
    seed: int = typer.Option(0, min=0, help="Seed of the bootstrap."),
) -> None:
    """Compare scores of the same cases: areas, operating points and decision curves, also by band."""
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE
    from cutis.evaluation.report import write_report
    from cutis.evaluation.scores import compare_scores
    from cutis.evaluation.scores_report import scores_heading, scores_sections
    from cutis.evaluation.section import p_equals
    from cutis.files import require_writable, sha256_of_file
    from cutis.tables.scores import Covariate, ScoreTable

    require_writable(output)
    covariates = [Covariate.parse(text) for text in by]
    cases = ScoreTable.read(table, truth=truth, scores=score, by=covariates, cluster=cluster)
    found = compare_scores(cases, replicates=replicates, seed=seed)
    report = write_report(
        scores_heading(found),
        scores_sections(found),
        output,
        inputs={table.name: sha256_of_file(table)},
        command=shlex.join(["cutis", *sys.argv[1:]]),
    )
    console = plain_console()
    shown = Table(title=f"{found.cases} cases, {found.positives} positive", title_justify="left")
    shown.add_column("figure")
    shown.add_column("value [95 % interval]", justify="right")
    for name, area in found.areas.items():
        shown.add_row(f"{name}, AUC", str(area))
    for pair in found.pairs:
        shown.add_row(f"{pair.first} - {pair.second}", f"{pair.area}, {p_equals(pair.area.p)}")
    console.print(shown)
    console.print(f"Report: {report}", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)
