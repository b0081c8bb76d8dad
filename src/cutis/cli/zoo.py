"""`cutis zoo`: the models that ship inside the package."""

from __future__ import annotations

import json
from typing import Any

import typer

from cutis.cli.app import app


@app.command()
def zoo(
    name: str | None = typer.Argument(None, help="Print the card of this model."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table."),
) -> None:
    """List the models that ship with Cutis; their names stand wherever a bundle may stand."""
    from cutis import RESEARCH_USE_NOTICE
    from cutis.bundle import CARD
    from cutis.zoo import entry, find, names

    if name is not None:
        typer.echo(find(name).read(CARD).decode(), nl=False)
        return
    entries = [entry(each) for each in names()]
    if as_json:
        typer.echo(json.dumps({"notice": RESEARCH_USE_NOTICE, "models": entries}, indent=2))
    else:
        _print_table(entries)


def _print_table(entries: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE

    console = Console(markup=False, emoji=False, highlight=False)
    table = Table("model", "tells apart", "input", "MB", "judged on", "licence", show_lines=True)
    for each in entries:
        height, width = each["input_px"]
        table.add_row(
            each["name"] + (" (default)" if each["default"] else ""),
            ", ".join(each["classes"]),
            f"{height} x {width} px",
            f"{each['bytes'] / 1e6:.1f}",
            "\n".join(map(_headline, each["results"])) or "not provided",
            each["licence"] or "not provided",
        )
    if entries:
        console.print(table)
    else:
        console.print("No model ships with this version.", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


def _headline(result: dict[str, Any]) -> str:
    """One set that the model was judged on, with its figures."""
    figures = ", ".join(
        f"{name.replace('_', ' ')} {each['value']:.3f} [{each['low']:.3f}, {each['high']:.3f}]"
        for name, each in result["figures"].items()
    )
    return f"{result['name']} ({result['images']} images): {figures}"
