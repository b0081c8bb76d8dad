"""`cutis embed` and `cutis neighbors`: how a network arranges pictures; no torch needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cutis.cli.app import app
from cutis.cli.progress import progress_bar
from cutis.cli.terminal import plain_console

if TYPE_CHECKING:
    from cutis.explain.atlas import Atlas

SHOWN = 50  # rows of the table


@app.command()
def embed(
    bundle: Path = typer.Argument(help="A model of the zoo, or the folder of a bundle."),
    manifest: Path = typer.Argument(help="Manifest with the pictures."),
    output: Path = typer.Option(..., "-o", "--output", help="Folder for the map."),
    split: str = typer.Option("test", help="train, val, test, or all."),
    method: str = typer.Option("tsne", help="tsne, or umap (pip install 'cutis[maps]')."),
    by: str = typer.Option(
        "class", help="Colour by class, status, or a level of the taxonomy such as nine-way."
    ),
    limit: int = typer.Option(1500, min=4, help="The most pictures on the map."),
    seed: int = typer.Option(
        0, min=0, max=2**32 - 1, help="Of the layout and of what is left out."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table."),
) -> None:
    """Lay pictures out by the network's features, in a page that shows them.

    Exit code 1 when some files could not be read, 2 when nothing could be done.
    """
    from cutis.explain.atlas import PAGE, SUMMARY, make_atlas, write_atlas
    from cutis.explain.embedding import parse_projection
    from cutis.files import require_writable
    from cutis.inference.predictor import Predictor
    from cutis.tables.manifest import Manifest
    from cutis.zoo import resolve

    require_writable(output)
    projection = parse_projection(method)
    model = resolve(bundle)
    table = Manifest.read(manifest, taxonomy=model.taxonomy, check_files=False)
    with progress_bar(len(table), "embedding") as advance:
        atlas = make_atlas(
            Predictor(model),
            table,
            split=split,
            projection=projection,
            by=by,
            limit=limit,
            seed=seed,
            on_progress=advance,
        )
    write_atlas(atlas, output, model, split=split, by=by)
    for _path, reason in atlas.failures:
        typer.echo(f"cutis: {reason}", err=True)
    if as_json:
        typer.echo((output / SUMMARY).read_text(encoding="utf-8"), nl=False)
    else:
        _print_groups(atlas, output / PAGE)
    if atlas.failures:
        raise typer.Exit(1)


@app.command()
def neighbors(
    bundle: Path = typer.Argument(help="A model of the zoo, or the folder of a bundle."),
    manifest: Path = typer.Argument(help="Manifest that the bundle was trained on."),
    pictures: list[Path] = typer.Argument(help="Pictures, or folders of pictures.", readable=False),
    output: Path = typer.Option(..., "-o", "--output", help="Folder for the pictures' neighbours."),
    k: int = typer.Option(5, "-k", "--count", min=1, help="Training cases for each picture."),
    features: Path | None = typer.Option(
        None, help="features.npz that `cutis embed --split train` wrote; saves computing them."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table."),
) -> None:
    """Show the training cases that a picture looks like, never its own lesion, patient or copy.

    Exit code 1 when some files could not be read, 2 when nothing could be done.
    """
    from cutis.explain.look_alikes import SUMMARY, write_look_alikes
    from cutis.files import require_writable
    from cutis.inference.features import Features
    from cutis.inference.picture_files import find_pictures
    from cutis.inference.predictor import Predictor
    from cutis.tables.manifest import Manifest
    from cutis.zoo import resolve

    require_writable(output)
    paths = find_pictures(pictures)
    known = None if features is None else Features.read(features)
    model = resolve(bundle)
    table = Manifest.read(manifest, taxonomy=model.taxonomy, check_files=False)
    to_embed = 0 if known is not None else len(table.split("train").labelled())
    with progress_bar(to_embed + len(paths), "embedding") as advance:
        found = write_look_alikes(
            Predictor(model), table, paths, output, k=k, known=known, on_progress=advance
        )
    for _path, reason in found.failures:
        typer.echo(f"cutis: {reason}", err=True)
    if as_json:
        typer.echo((output / SUMMARY).read_text(encoding="utf-8"), nl=False)
    else:
        names = {node: model.taxonomy.nodes[node].name for node in model.taxonomy.nodes}
        rows = {
            image_id: [f"{names[case.diagnosis]} {case.cosine:.2f}" for case in cases]
            for image_id, cases in found.cases.items()
        }
        _print_neighbours(rows, output)
    if found.failures:
        raise typer.Exit(1)


def _print_groups(atlas: Atlas, page: Path) -> None:
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE
    from cutis.explain.atlas import NEIGHBOURS

    shown = atlas.shown
    title = f"{len(shown.image_ids)} pictures"
    table = Table("group", "pictures", title=title, title_justify="left")
    for name in shown.legend:
        table.add_row(name, str(shown.labels.count(name)))
    console = plain_console()
    console.print(table)
    console.print(
        f"Same group among the {NEIGHBOURS} nearest of other lesions: {atlas.agreement_in_words}",
        soft_wrap=True,
    )
    console.print(f"Page: {page}", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


def _print_neighbours(rows: dict[str, list[str]], output: Path) -> None:
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE

    table = Table("image", "looks like (cosine of features), nearest first")
    for image_id, cases in list(rows.items())[:SHOWN]:
        table.add_row(image_id, ", ".join(cases) or "-")
    console = plain_console()
    console.print(table)
    if len(rows) > SHOWN:
        console.print(f"... and {len(rows) - SHOWN} more", soft_wrap=True)
    console.print(f"Pictures and neighbors.json: {output}", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)
