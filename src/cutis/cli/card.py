"""`cutis card`: model card, data card and reporting checklists from a run and its reports."""

from pathlib import Path

import typer

from cutis.cli.app import app


@app.command()
def card(
    run: Path = typer.Argument(help="Folder of a finished training run."),
    report: list[Path] = typer.Option(
        [], help="Folder of `cutis evaluate`: first the test split, then external sets."
    ),
    output: Path = typer.Option(..., "-o", "--output", help="Folder for the documents."),
) -> None:
    """Write what is known about a model and its data, and what is not."""
    from rich.console import Console

    from cutis import RESEARCH_USE_NOTICE
    from cutis.deploy.cards import write_cards
    from cutis.training.run_folder import RunFolder

    console = Console()
    for path in write_cards(RunFolder(run), report, output):
        console.print(str(path), soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)
