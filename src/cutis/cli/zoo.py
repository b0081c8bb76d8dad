"""`cutis zoo`: the models that ship inside the package."""

from __future__ import annotations

import json
from typing import Any

import typer

from cutis.cli.app import app
from cutis.cli.terminal import plain_console


@app.command()
def zoo(
    name: str | None = typer.Argument(None, help="Print the card of this model."),
    as_json: bool = typer.Option(
        False, "--json", help="Print JSON instead of a table, or of a card."
    ),
) -> None:
    """List the models that ship with Cutis; their names stand wherever a bundle may stand."""
    from cutis import RESEARCH_USE_NOTICE
    from cutis.bundle import CARD
    from cutis.zoo import entry, find, names

    if name is not None and not as_json:
        typer.echo(find(name).read(CARD).decode(), nl=False)
        return
    entries = [entry(each) for each in (names() if name is None else [name])]
    if as_json:
        typer.echo(json.dumps({"notice": RESEARCH_USE_NOTICE, "models": entries}, indent=2))
    else:
        _print_models(entries)


def _print_models(entries: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE

    console = plain_console()
    for each in entries:
        height, width = each["input_px"]
        table = Table(show_header=False, box=None, title_justify="left")
        table.title = each["name"] + (" (the default)" if each["default"] else "")
        table.add_row("tells apart", ", ".join(each["classes"]))
        table.add_row("network", f"{each['architecture']}, {height} x {width} px")
        table.add_row("size", f"{each['bytes'] / 1e6:.1f} MB")
        table.add_row("licence", each["licence"] or "not provided")
        for result in each["results"]:
            table.add_row(f"on {result['name']}", _headline(result))
        console.print(table)
    if not entries:
        console.print("No model ships with this version.", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


def _headline(result: dict[str, Any]) -> str:
    """One set that the model was judged on, with its figures."""
    from cutis.wording import words

    figures = ", ".join(
        f"{words(name)} {each['value']:.3f} [{each['low']:.3f}, {each['high']:.3f}]"
        for name, each in result["figures"].items()
    )
    return f"{figures} ({result['images']} images, split {result['split']})"
