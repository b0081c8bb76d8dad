"""`cutis card`: model card, data card and reporting checklists from a run and its reports."""

from pathlib import Path

import typer

from cutis.cli.app import app
from cutis.cli.terminal import plain_console


@app.command()
def card(
    run: Path = typer.Argument(
        help="A finished training run; or a bundle or model of the zoo, whose card is copied."
    ),
    report: list[Path] = typer.Option(
        [], help="Folder of `cutis evaluate`: first the test split, then external sets."
    ),
    output: Path = typer.Option(..., "-o", "--output", help="Folder for the documents."),
) -> None:
    """Write what is known about a model and its data, and what is not.

    A bundle does not know the rows it was trained on, so of it there is only the card it carries.
    """
    from cutis import RESEARCH_USE_NOTICE
    from cutis.zoo import copy_card, is_bundle

    console = plain_console()
    if is_bundle(run) and not report:
        written = [copy_card(run, output)]
    else:
        from cutis.deploy.cards import write_cards
        from cutis.training.run_folder import RunFolder

        written = write_cards(RunFolder(run), report, output)
    for path in written:
        console.print(str(path), soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)
