"""`cutis data import | describe | fetch | phantom`: from somebody's pictures to a manifest."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cutis.cli.app import data_app
from cutis.cli.next_steps import next_step
from cutis.cli.progress import open_ended_bar
from cutis.cli.taxonomy import TREE_HELP
from cutis.cli.terminal import plain_console
from cutis.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from cutis.curation.datasheet import Description


@data_app.command("import")
def import_(
    source: str = typer.Argument(help="ham10000, isic, pad-ufes-20, folder, table or phantom."),
    path: Path = typer.Argument(
        help="Folder of the data set; for `table`, and if you like for `isic`, its CSV file."
    ),
    output: Path = typer.Option(..., "-o", "--output", help="Manifest, .csv or .parquet."),
    skip_missing: bool = typer.Option(
        False,
        "--skip-missing",
        help="Leave out rows whose picture or mask does not exist, and list them.",
    ),
    column: list[str] = typer.Option(
        [], metavar="OURS=THEIRS", help="For `table`: what a column is called there."
    ),
    images: list[Path] = typer.Option([], help="Folder of pictures, if it is not found by itself."),
    taxonomy: str = typer.Option("skin", help=TREE_HELP),
) -> None:
    """Read a data set as it is distributed and write a manifest."""

    from cutis import RESEARCH_USE_NOTICE
    from cutis.curation.datasheet import describe as summarise
    from cutis.curation.sources import SourceOptions, import_source
    from cutis.files import exists, write_text
    from cutis.tables.frames import require_writable_table
    from cutis.taxonomy import load_taxonomy

    require_writable_table(output)
    options = SourceOptions(
        taxonomy=load_taxonomy(taxonomy),
        skip_missing=skip_missing,
        columns=_pairs(column),
        images=tuple(images),
    )
    found = import_source(source, path, options)
    if any(exists(output) and output.samefile(table) for table in found.tables):
        raise InputError(f"{output}: is what the manifest is read from; give -o another name")
    found.manifest.write(output)
    console = plain_console()
    console.print(_class_table(summarise(found.manifest), title=str(output)))
    listed = output.with_name(f"{output.stem}.missing.txt")
    if found.missing:
        write_text(listed, "\n".join(found.missing) + "\n")
        console.print(
            f"{len(found.missing)} rows whose picture or mask does not exist were left out: {listed}",
            soft_wrap=True,
        )
    else:
        listed.unlink(missing_ok=True)  # of an earlier import
    console.print(next_step("data", "audit", output, "-o", "audit/"), soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


@data_app.command()
def describe(
    manifest: Path = typer.Argument(help="Manifest to describe."),
    output: Path | None = typer.Option(
        None, "-o", "--output", help="Folder for plots, a contact sheet and describe.json."
    ),
) -> None:
    """Print counts and missing values; with -o also draw them."""
    from rich.columns import Columns

    from cutis import RESEARCH_USE_NOTICE
    from cutis.curation.datasheet import describe as summarise
    from cutis.curation.datasheet import write_description
    from cutis.files import require_writable
    from cutis.tables.manifest import Manifest
    from cutis.wording import words

    if output is not None:
        require_writable(output)
    table = Manifest.read(manifest, check_leaks=False)
    found = summarise(table)
    console = plain_console()
    console.print(_class_table(found, title=str(manifest)))
    tables = [
        _count_table(words(name), "images", counts)
        for name, counts in found.values.items()
        if name != "diagnosis"
    ]
    lesions = {str(images): count for images, count in found.images_per_lesion.items()}
    if lesions:
        tables.append(_count_table("images of a lesion", "lesions", lesions))
    tables.append(_count_table("column", "images without it", found.missing))
    console.print(Columns(tables, padding=(0, 2)))
    if output is not None:
        for path in write_description(table, found, output):
            console.print(f"Written: {path}", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


@data_app.command()
def fetch(
    collection: str = typer.Argument(
        help="ham10000, or the archive's number of another collection."
    ),
    output: Path = typer.Option(..., "-o", "--output", help="Folder to download to."),
    limit: int | None = typer.Option(None, min=1, help="Stop after so many images."),
    api: str = typer.Option(
        "https://api.isic-archive.com/api/v2", help="Address of the ISIC archive's interface."
    ),
) -> None:
    """Download a collection from the ISIC archive; run it again to go on where it stopped."""
    from cutis import RESEARCH_USE_NOTICE
    from cutis.curation.fetch import fetch_collection

    with open_ended_bar("fetching") as advance:
        metadata = fetch_collection(collection, output, api=api, limit=limit, on_progress=advance)
    console = plain_console()
    console.print(f"Pictures and {metadata} are complete.", soft_wrap=True)
    advice = next_step("data", "import", "isic", metadata.parent, "-o", "manifest.csv")
    console.print(advice, soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


@data_app.command()
def phantom(
    output: Path = typer.Argument(help="New folder for the set."),
    images: int = typer.Option(200, min=1, help="How many images to draw."),
    seed: int = typer.Option(0, min=0, help="Of everything drawn."),
    size: str = typer.Option("224x168", help="Of every image, WIDTHxHEIGHT in pixels."),
) -> None:
    """Draw a phantom set: procedural pictures that look like dermoscopy and are no evidence."""
    from pydantic import ValidationError

    from cutis import RESEARCH_USE_NOTICE
    from cutis.data.phantom import PhantomSettings, draw_phantom_set
    from cutis.errors import SettingsError
    from cutis.wording import counted

    sides = re.fullmatch(r"([0-9]{1,9})x([0-9]{1,9})", size)
    if not sides:
        raise SettingsError(f"--size {size!r}: expected WIDTHxHEIGHT, such as 224x168")
    try:
        settings = PhantomSettings(width=int(sides[1]), height=int(sides[2]))
    except ValidationError as fault:
        first = fault.errors()[0]
        raise SettingsError(f"--size {size}: {first['loc'][0]}: {first['msg']}") from None
    drawn = draw_phantom_set(output, images=images, seed=seed, settings=settings)
    console = plain_console()
    what = counted(images, "image")
    console.print(f"{what} drawn in {drawn}, no evidence about skin.", soft_wrap=True)
    advice = next_step("data", "import", "phantom", drawn, "-o", "manifest.csv")
    console.print(advice, soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


def _class_table(found: "Description", *, title: str) -> "Table":
    from rich.table import Table

    shown = Table(title=title, title_justify="left", show_footer=True)
    shown.add_column("diagnosis", "all")
    for kind in ("images", "lesions", "patients"):
        shown.add_column(kind, str(found.totals[kind] or "-"), justify="right")
    for diagnosis, counts in found.classes.items():
        numbers = (counts.images, counts.lesions, counts.patients)
        shown.add_row(diagnosis, *(str(number or "-") for number in numbers))
    return shown


def _count_table(what: str, unit: str, counts: Mapping[str, int], *, shown: int = 20) -> "Table":
    from rich.table import Table

    table = Table(what)
    table.add_column(unit, justify="right")
    for name, count in list(counts.items())[:shown]:
        table.add_row(name, str(count))
    if len(counts) > shown:
        table.add_row(f"{len(counts) - shown} others", str(sum(list(counts.values())[shown:])))
    return table


def _pairs(texts: list[str]) -> dict[str, str]:
    """What our columns are called in the file, by their names."""
    theirs: dict[str, str] = {}
    for text in texts:
        ours, _equals, name = text.partition("=")
        if not (ours and name):
            raise InputError(f"--column {text!r}: expected OURS=THEIRS, such as diagnosis=dx")
        if ours in theirs:
            raise InputError(f"--column {text!r}: {ours} is given twice; give it once")
        theirs[ours] = name
    return theirs
