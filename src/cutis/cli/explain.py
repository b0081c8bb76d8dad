"""`cutis explain`: from a trained network and pictures to heat maps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cutis.cli.app import app
from cutis.cli.progress import progress_bar
from cutis.cli.terminal import plain_console

if TYPE_CHECKING:
    from cutis.explain.pictures import Explanation
    from cutis.models.trained import TrainedClassifier

SHOWN = 50  # rows of the table


@app.command()
def explain(
    model: Path = typer.Argument(
        help="A model of the zoo, a bundle, or the run folder it came from."
    ),
    pictures: list[Path] = typer.Argument(help="Pictures, or folders of pictures.", readable=False),
    output: Path = typer.Option(..., "-o", "--output", help="Folder for the heat maps."),
    method: list[str] = typer.Option(
        ["saliency"],
        help="saliency, smoothgrad, integrated-gradients, grad-cam, grad-cam++ or occlusion; "
        "may be repeated. all stands for every one that the network allows.",
    ),
    node: str | None = typer.Option(
        None, help="Explain this diagnosis or group; default, each picture's most probable class."
    ),
    check: bool = typer.Option(
        False, "--check", help="Check every map: weights randomised, pixels deleted and inserted."
    ),
    masks: Path | None = typer.Option(
        None, help="With --check: folder of lesion masks, each named by its picture, as .png."
    ),
    seed: int = typer.Option(0, min=0, help="Of everything random."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table."),
) -> None:
    """Show which pixels speak for a diagnosis.

    Exit code 1 when some files could not be read, 2 when nothing could be done.
    """
    from cutis.errors import InputError
    from cutis.explain.packages import require_packages

    require_packages()  # before what loads them
    from cutis.explain.attribution import parse_methods
    from cutis.explain.overlap import find_masks
    from cutis.explain.pictures import SUMMARY, explain_pictures
    from cutis.explain.target import Target
    from cutis.files import require_writable
    from cutis.inference.picture_files import find_pictures
    from cutis.models.trained import load_trained

    require_writable(output)
    paths = find_pictures(pictures)
    trained = load_trained(model)
    methods = parse_methods(method, trained)
    if node is not None:
        Target.of(node, trained.classes)
    if masks is not None and not check:
        raise InputError("--masks is read by --check; add it")
    with progress_bar(len(paths), "explaining") as advance:
        explanation = explain_pictures(
            trained,
            paths,
            output,
            methods=methods,
            node=node,
            check=check,
            masks=None if masks is None else find_masks(masks, paths),
            seed=seed,
            on_progress=advance,
        )
    for _path, reason in explanation.failures:
        typer.echo(f"cutis: {reason}", err=True)
    if not explanation.pictures:
        raise InputError(f"none of {len(paths)} files could be read")
    if as_json:
        typer.echo((output / SUMMARY).read_text(encoding="utf-8"), nl=False)
    else:
        _print_table(explanation, trained, output)
    if explanation.failures:
        raise typer.Exit(1)


def _print_table(explanation: Explanation, model: TrainedClassifier, output: Path) -> None:
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE
    from cutis.wording import percentage

    nodes = model.classes.taxonomy.nodes
    with_checks = any(picture.check is not None for picture in explanation.pictures)
    table = Table(title=f"{model.name} ({model.architecture})", title_justify="left")
    # With the checks' columns beside it, what they are about has one column, so that 80 characters do.
    names = ("image", "explained", "probability", "method")
    for name in ["\n".join(names)] if with_checks else names:
        table.add_column(name, overflow="fold")
    for name in ("deletion", "insertion", "randomised", "on lesion\n(area)") * with_checks:
        table.add_column(name, justify="right", no_wrap=True)
    for picture in explanation.pictures[:SHOWN]:
        cells = [
            picture.image_id,
            nodes[picture.node].name,
            percentage(picture.probability),
            picture.method,
        ]
        if picture.check is not None:
            seen = picture.check
            cells = ["\n".join(cells)]
            cells += [_figure(seen.deletion), _figure(seen.insertion), _figure(seen.randomised)]
            cells += [f"{_figure(seen.mass_inside)} ({_figure(seen.area_share)})"]
        table.add_row(*cells, end_section=with_checks)
    console = plain_console()
    console.print(table)
    if len(explanation.pictures) > SHOWN:
        rest = len(explanation.pictures) - SHOWN
        console.print(f"... and {rest} more", soft_wrap=True)
    console.print(f"Heat maps and explanation.json: {output}", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


def _figure(value: float) -> str:
    return "-" if value != value else f"{value:.2f}"
