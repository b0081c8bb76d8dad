"""The `cutis` program: its command tree and what happens when a command fails.

Command modules import nothing heavy at their top, so that `cutis --help` stays fast.
"""

import importlib
import sys
from typing import NoReturn

import typer

from cutis import RESEARCH_USE_NOTICE, __version__
from cutis.errors import CutisError

COMMAND_MODULES = ("data", "audit", "train", "predict", "evaluate")

app = typer.Typer(
    name="cutis",
    help="From a folder of skin-lesion images to a judged, shipped classifier.",
    epilog=RESEARCH_USE_NOTICE,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(
    help="Import, describe, audit and split image collections.",
    no_args_is_help=True,
)
app.add_typer(data_app, name="data")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cutis {__version__}")
        raise typer.Exit


@app.callback()
def _cutis(
    _version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Options that come before the command."""


def command_tree() -> typer.Typer:
    """The application with every command registered on it."""
    for name in COMMAND_MODULES:
        importlib.import_module(f"cutis.cli.{name}")
    return app


def main() -> NoReturn:
    """Run the program; errors a user can cause end in their message and exit code 2."""
    try:
        command_tree()()
    except CutisError as fault:
        typer.echo(f"cutis: {fault}", err=True)
    except KeyboardInterrupt:
        typer.echo(
            "cutis: interrupted; finished files are whole, unfinished ones removed", err=True
        )
    sys.exit(2)
