"""`cutis data import | describe | fetch | phantom`: from somebody's pictures to a manifest."""

from pathlib import Path

import typer

from cutis.cli.app import data_app
from cutis.errors import InputError


@data_app.command("import")
def import_(
    source: str = typer.Argument(help="ham10000, isic, pad-ufes-20, folder, table or phantom."),
    path: Path = typer.Argument(help="Folder of the data set; for `table` its CSV file."),
    output: Path = typer.Option(..., "-o", "--output", help="Manifest, .csv or .parquet."),
    skip_missing: bool = typer.Option(
        False, "--skip-missing", help="Leave out rows whose picture does not exist."
    ),
    column: list[str] = typer.Option(
        [], metavar="OURS=THEIRS", help="For `table`: what a column is called there."
    ),
    images: list[Path] = typer.Option([], help="Folder of pictures, if it is not found by itself."),
    taxonomy: str = typer.Option("skin", help="Built-in tree, or a .toml file."),
) -> None:
    """Read a data set as it is distributed and write a manifest."""
    from rich.console import Console
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE
    from cutis.curation.sources import SourceOptions, import_source
    from cutis.files import require_writable
    from cutis.taxonomy import load_taxonomy

    require_writable(output.absolute().parent)
    options = SourceOptions(
        taxonomy=load_taxonomy(taxonomy),
        skip_missing=skip_missing,
        columns=dict(_pair(each) for each in column),
        images=tuple(images),
    )
    found = import_source(source, path, options)
    found.manifest.write(output)
    frame = found.manifest.frame
    shown = Table(title=f"{output}: {len(frame)} images", title_justify="left")
    shown.add_column("diagnosis")
    shown.add_column("images", justify="right")
    shown.add_column("lesions", justify="right")
    for diagnosis, rows in frame.groupby("diagnosis"):
        lesions = rows["lesion_id"][rows["lesion_id"] != ""].nunique()
        shown.add_row(str(diagnosis) or "unknown", str(len(rows)), str(lesions or "-"))
    console = Console()
    console.print(shown)
    if found.missing:
        console.print(f"{len(found.missing)} rows without a picture were left out:")
        console.print(", ".join(found.missing[:5]) + (" ..." if found.missing[5:] else ""))
    console.print(f"Next: cutis data audit {output} -o audit/", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


@data_app.command()
def describe(
    manifest: Path = typer.Argument(help="Manifest to describe."),
    output: Path | None = typer.Option(
        None, "-o", "--output", help="Folder for plots, a contact sheet and describe.json."
    ),
) -> None:
    """Print counts and missing values; with -o also draw them."""
    from rich.console import Console
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE
    from cutis.curation.datasheet import describe as summarise
    from cutis.curation.datasheet import write_description
    from cutis.tables.manifest import Manifest

    table = Manifest.read(manifest, check_leaks=False)
    found = summarise(table)
    console = Console()
    for title, counts in (("counts", found.totals), ("missing values", found.missing)):
        shown = Table("", "rows", title=title, title_justify="left")
        for name, count in counts.items():
            shown.add_row(name, str(count))
        console.print(shown)
    for column, values in found.values.items():
        shown = Table(column, "images", title_justify="left")
        for name, count in values.items():
            shown.add_row(name, str(count))
        console.print(shown)
    if output is not None:
        for path in write_description(table, found, output):
            console.print(f"written: {path}", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


@data_app.command()
def fetch(
    collection: str = typer.Argument(help="ham10000."),
    output: Path = typer.Option(..., "-o", "--output", help="Folder to download to."),
    limit: int | None = typer.Option(None, min=1, help="Stop after so many images."),
    api: str = typer.Option(
        "https://api.isic-archive.com/api/v2", help="Address of the ISIC archive's interface."
    ),
) -> None:
    """Download a collection from the ISIC archive; run it again to go on where it stopped."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    from cutis import RESEARCH_USE_NOTICE
    from cutis.curation.fetch import fetch_collection

    with Progress(*Progress.get_default_columns(), MofNCompleteColumn()) as progress:
        task = progress.add_task("fetching", total=None)
        metadata = fetch_collection(
            collection,
            output,
            api=api,
            limit=limit,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    console = Console()
    console.print(f"Next: cutis data import isic {metadata.parent} -o manifest.csv", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


@data_app.command()
def phantom(
    output: Path = typer.Argument(help="New folder for the set."),
    images: int = typer.Option(200, help="How many images to draw."),
    seed: int = typer.Option(0, help="Of everything drawn."),
) -> None:
    """Draw a phantom set: procedural pictures that look like dermoscopy and are no evidence."""
    from rich.console import Console

    from cutis import RESEARCH_USE_NOTICE
    from cutis.data.phantom import draw_phantom_set

    drawn = draw_phantom_set(output, images=images, seed=seed)
    console = Console()
    console.print(f"{images} images drawn in {drawn}; they are no evidence about skin.")
    console.print(f"Next: cutis data import phantom {drawn} -o manifest.csv", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not (ours and equals and theirs):
        raise InputError(f"--column {text!r}: expected OURS=THEIRS, such as diagnosis=dx")
    return ours, theirs
