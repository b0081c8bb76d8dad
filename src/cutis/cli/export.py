"""`cutis export`: a bundle's network in another format, with what that did to its answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cutis.cli.app import app
from cutis.cli.terminal import plain_console

if TYPE_CHECKING:
    from cutis.deploy.formats import Exported


@app.command()
def export(
    bundle: Path = typer.Argument(help="Folder of a model bundle, or a name from `cutis zoo`."),
    format: str = typer.Option(
        ..., help="onnx, onnx-fp16 or onnx-int8 (a bundle), torchscript or openvino (a folder)."
    ),
    size: int | None = typer.Option(
        None, min=32, max=1024, help="Side of another input in pixels; answers change."
    ),
    images: Path | None = typer.Option(
        None,
        help="Manifest of the training: ranges come from split train, figures from split val. "
        "Needed by onnx-int8, onnx-fp16 and --size.",
    ),
    half_weights: bool = typer.Option(
        False, help="Store the weights that training continues from in half precision."
    ),
    accept_loss: bool = typer.Option(
        False, help="Write the bundle even if it repeats the float network too poorly."
    ),
    output: Path = typer.Option(..., "-o", "--output", help="The bundle or folder to write."),
) -> None:
    """Write a bundle's network in another format, if it still gives the same answers.

    Smaller numbers are compared with the float network on labelled validation pictures.
    """
    from cutis.deploy.formats import export_format
    from cutis.tables.manifest import Manifest
    from cutis.zoo import resolve

    model = resolve(bundle)
    table = None
    if images is not None:
        table = Manifest.read(images, taxonomy=model.taxonomy, check_files=False)
    exported = export_format(
        model,
        output,
        format=format,
        size=size,
        images=table,
        accept_loss=accept_loss,
        half_weights=half_weights,
    )
    _print(exported, output)


def _print(exported: Exported, output: Path) -> None:
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE
    from cutis.deploy.agreement import parity_rows

    console = plain_console()
    parity = exported.parity
    title = f"{parity.numbers} against float on {parity.images} pictures"
    table = Table("figure", "float", "exported", "allowed", title=title, title_justify="left")
    for row in parity_rows(parity):
        table.add_row(*row)
    console.print(table)
    if exported.resized is not None:
        was, lost = exported.resized.balanced_accuracy, exported.resized.balanced_accuracy_drop
        console.print(
            f"Balanced accuracy at the old size {was:.4f}, at the new one {was - lost:.4f}. "
            "Calibration, thresholds and rejection belonged to the old size and are left out.",
            soft_wrap=True,
        )
    for limit in exported.missed:
        console.print(f"Accepted although it misses a limit: {limit}", soft_wrap=True)
    console.print(f"Written: {output}", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)
