"""`cutis calibrate`: teach a bundle what its answers mean on pictures of one's own."""

from pathlib import Path

import typer

from cutis.cli.app import app
from cutis.cli.progress import progress_bar


@app.command()
def calibrate(
    model: Path = typer.Argument(help="A model of the zoo, or the folder of a bundle."),
    manifest: Path = typer.Argument(help="Manifest with pictures that took no part in training."),
    output: Path = typer.Option(..., "-o", "--output", help="Folder for the new bundle."),
    split: str = typer.Option("val", help="The split to learn from: train, val or test."),
    level: float = typer.Option(
        0.9, help="How often a set of diagnoses is to hold the truth, between 0 and 1."
    ),
    risk: float = typer.Option(
        0.1, help="Share of answers that may be wrong with --abstain, between 0 and 1."
    ),
    method: str | None = typer.Option(
        None,
        help="vector, dirichlet or temperature; default, the one of least log loss on other lesions.",
    ),
) -> None:
    """Fit probabilities, thresholds, sets of diagnoses and abstention on labelled pictures.

    Where the manifest has a training split too, it also learns to reject pictures unlike those.

    The network stays as it is. What is fitted holds for pictures and shares of diagnoses like those of
    the split.
    """
    from cutis import RESEARCH_USE_NOTICE
    from cutis.bundle import require_bundle_place
    from cutis.files import require_writable, sha256_of_file
    from cutis.inference.recalibration import calibrate_bundle, describe, pictures_to_ask
    from cutis.tables.manifest import Manifest
    from cutis.zoo import resolve

    require_bundle_place(output)
    require_writable(output.absolute().parent)
    bundle = resolve(model)
    table = Manifest.read(manifest, taxonomy=bundle.taxonomy)
    with progress_bar(pictures_to_ask(table, split=split), "calibrating") as advance:
        written = calibrate_bundle(
            bundle,
            table,
            output,
            split=split,
            level=level,
            risk=risk,
            method=method,
            manifest_sha256=sha256_of_file(manifest),
            on_progress=advance,
        )
    typer.echo("\n".join(describe(written.facts)))
    typer.echo(f"Bundle: {written.folder}")
    typer.echo(RESEARCH_USE_NOTICE)
