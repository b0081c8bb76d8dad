"""The `cutis` program: its command tree and what happens when a command fails.

Command modules import nothing heavy at their top, and help is printed plain (rich would triple the
time it takes), so that `cutis --help` stays fast.
"""

import errno
import importlib
import os
import re
import sys
from io import TextIOWrapper
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from cutis import RESEARCH_USE_NOTICE, __version__
from cutis.errors import CutisError, InputError, MissingExtraError

COMMAND_MODULES = (
    "data",
    "audit",
    "train",
    "soup",
    "calibrate",
    "predict",
    "zoo",
    "probe",
    "evaluate",
    "card",
    "export",
    "explain",
    "embed",
    "compare",
    "scores",
    "taxonomy",
)
DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT)


class InterruptedWorkError(CutisError):
    """Ctrl-C, once every unfinished file is gone."""

    def __init__(self) -> None:
        super().__init__("interrupted; finished files are whole, unfinished ones were removed")


class _Program(TyperGroup):
    """The command tree, in which Ctrl-C and an empty argument are errors with a message."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "" in args:  # as a path it would be the current folder
            raise InputError("an argument is empty; is a variable of the shell not set?")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise InterruptedWorkError from None
        except SystemExit as ended:  # Lightning turns Ctrl-C into exit(1)
            if isinstance(ended.__context__, KeyboardInterrupt):
                raise InterruptedWorkError from None
            raise


app = typer.Typer(
    cls=_Program,
    rich_markup_mode=None,
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
    """Run the program; errors a user can cause end in their message and exit code 2.

    A reader that stops reading (`cutis ... | head`) ends the program quietly with exit code 1.
    """
    _print_any_file_name()
    code = 2
    try:
        code = _run()
    except CutisError as fault:
        typer.echo(f"cutis: {fault}", err=True)
    except ModuleNotFoundError as fault:
        typer.echo(f"cutis: {_missing_extra(fault)}", err=True)
    except KeyboardInterrupt:
        typer.echo(f"cutis: {InterruptedWorkError()}", err=True)
    except BrokenPipeError:
        _discard_output()
        code = 1
    except OSError as fault:
        if fault.errno not in DISK_IS_FULL:
            raise
        _discard_output()
        typer.echo(f"cutis: {fault.filename or 'output'}: {fault.strerror}", err=True)
    sys.exit(code)


def _run() -> int:
    """Run the command that the arguments name, to the last byte of its output; its exit code."""
    code: object = 0
    try:
        command_tree()()
    except SystemExit as ended:
        code = ended.code
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.flush()
    return code if isinstance(code, int) else int(code is not None)


def _missing_extra(fault: ModuleNotFoundError) -> MissingExtraError:
    """Which extra holds the module that is missing; a module that none holds is a bug and is raised."""
    from importlib import metadata

    module = (fault.name or "").partition(".")[0]
    for requirement in metadata.requires("cutis") or ():
        package, _, condition = requirement.partition(";")
        extra = re.search(r"extra == .(\w+)", condition)
        if extra and re.split(r"[^\w-]", package)[0].replace("-", "_") == module:
            return MissingExtraError(module, extra[1])
    raise fault


def _print_any_file_name() -> None:
    """Print names that the terminal's encoding lacks escaped, instead of failing on them."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Let what is still buffered go nowhere, as Python would otherwise fail on it while it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
