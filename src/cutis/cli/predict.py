"""`cutis predict`: from a bundle and pictures to a table of probabilities."""

import json
from pathlib import Path

import typer

from cutis.cli.app import app


@app.command()
def predict(
    bundle: Path = typer.Argument(help="Folder of a model bundle."),
    pictures: list[Path] = typer.Argument(help="Pictures, or folders of pictures."),
    csv: Path | None = typer.Option(None, help="Write probabilities to this .csv or .parquet."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table."),
    tta: int = typer.Option(1, min=1, max=8, help="Average over this many symmetries."),
    batch_size: int = typer.Option(32, min=1, help="Pictures per step."),
) -> None:
    """Classify pictures; no torch needed.

    Exit code 1 when some files could not be read, 2 when nothing could be done.
    """
    from rich.console import Console

    from cutis import RESEARCH_USE_NOTICE, __version__
    from cutis.bundle import ModelBundle
    from cutis.errors import InputError
    from cutis.files import require_writable
    from cutis.inference.predictor import Predictor, find_pictures

    if csv is not None:
        require_writable(csv.absolute().parent)
    model = ModelBundle.load(bundle)
    paths = find_pictures(pictures)
    errors = Console(stderr=True)
    outcome = _with_progress(Predictor(model), paths, batch_size=batch_size, views=tta)
    for _path, reason in outcome.failures:
        errors.print(f"cutis: {reason}", highlight=False, markup=False, soft_wrap=True)
    if outcome.predictions is None:
        raise InputError(f"none of {len(paths)} files could be read")
    found = outcome.predictions
    if csv is not None:
        found.write(csv)
    if as_json:
        answer = {
            "notice": RESEARCH_USE_NOTICE,
            "cutis": __version__,
            "model": model.facts.name,
            "model_sha256": model.sha256["model.onnx"],
            "images": [
                {
                    "image_id": image_id,
                    "path": str(path),
                    "probabilities": dict(zip(found.classes, row.tolist(), strict=True)),
                }
                for image_id, path, row in zip(
                    found.image_ids, outcome.paths, found.probabilities, strict=True
                )
            ],
            "failures": [
                {"path": str(path), "reason": reason} for path, reason in outcome.failures
            ],
        }
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        _print_table(model, found)
    if outcome.failures:
        raise typer.Exit(1)


def _with_progress(predictor, paths, *, batch_size, views):  # type: ignore[no-untyped-def]
    from rich.console import Console
    from rich.progress import Progress

    errors = Console(stderr=True)
    with Progress(console=errors, transient=True, disable=len(paths) < 2 * batch_size) as progress:
        task = progress.add_task("predicting", total=len(paths))
        return predictor.predict(
            paths,
            batch_size=batch_size,
            views=views,
            on_progress=lambda n: progress.advance(task, n),
        )


def _print_table(model, found, *, shown=50):  # type: ignore[no-untyped-def]
    from rich.console import Console
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE
    from cutis.errors import InputError
    from cutis.taxonomy import malignant_probability

    taxonomy = model.taxonomy
    try:
        malignant = malignant_probability(found.probabilities, found.classes, taxonomy)
    except InputError:
        malignant = None
    table = Table(title=f"{model.facts.name} ({model.facts.architecture})", title_justify="left")
    table.add_column("image")
    for header in ("malignant", "first", "second"):
        table.add_column(header, justify="right" if header == "malignant" else "left")
    for row, image_id in enumerate(found.image_ids[:shown]):
        probabilities = found.probabilities[row]
        best = [
            f"{taxonomy.nodes[found.classes[k]].name} {probabilities[k]:.1%}"
            for k in (-probabilities).argsort()[:2]
        ]
        table.add_row(image_id, "-" if malignant is None else f"{malignant[row]:.1%}", *best)
    console = Console()
    console.print(table)
    if len(found) > shown:
        console.print(f"... and {len(found) - shown} more; use --csv to keep them all")
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)
