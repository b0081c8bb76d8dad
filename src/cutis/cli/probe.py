"""`cutis probe`: a new head on the features of a model, in seconds once they are computed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cutis.cli.app import app

if TYPE_CHECKING:
    from cutis.bundle import ModelBundle
    from cutis.inference.features import Features
    from cutis.tables.manifest import Manifest


@app.command()
def probe(
    model: Path = typer.Argument(help="A model of the zoo, or the folder of a bundle."),
    manifest: Path = typer.Argument(help="Manifest with diagnoses and a split."),
    output: Path = typer.Option(..., "-o", "--output", help="Folder for features and predictions."),
    balance: bool = typer.Option(
        False, "--balance", help="Weigh classes by the inverse of their number."
    ),
) -> None:
    """Fit a linear head on frozen features; they are computed once and kept in the folder.

    The head is chosen on val; predictions for val and test are tables that `cutis evaluate` judges.
    Exit code 1 when some files could not be read, 2 when nothing could be done.
    """
    import cutis.zoo
    from cutis import RESEARCH_USE_NOTICE
    from cutis.files import require_writable, write_json
    from cutis.inference.probe import fit_probe
    from cutis.tables.manifest import Manifest
    from cutis.training.run_folder import RunFolder

    RunFolder(output).require_nothing_but("a probe")
    require_writable(output)
    bundle = cutis.zoo.resolve(model)
    table = Manifest.read(manifest, taxonomy=bundle.taxonomy, check_files=False).labelled()
    features, failures = _features(bundle, table, output / "features.npz")
    found = fit_probe(features, table, balance=balance)
    for name, predictions in found.predictions.items():
        predictions.write(output / f"predictions-{name}.csv")
    summary = {
        "notice": RESEARCH_USE_NOTICE,
        "model": {"name": bundle.facts.name, "sha256": features.model_sha256},
        "images": dict(found.images),
        "validation_macro_auc": {f"{c:g}": auc for c, auc in found.tried.items()},
        "kept": found.kept,
    }
    write_json(output / "probe.json", summary)
    for strength, auc in found.tried.items():
        kept = "  (kept)" if strength == found.kept else ""
        typer.echo(f"C = {strength:g}: macro AUC {auc:.4f} on validation{kept}")
    typer.echo(f"Predictions and probe.json: {output}")
    typer.echo(RESEARCH_USE_NOTICE)
    if failures:
        raise typer.Exit(1)


def _features(bundle: ModelBundle, table: Manifest, path: Path) -> tuple[Features, int]:
    """Those kept in the folder, if they are of this network and these pictures, or new ones.

    Also how many pictures could not be read.
    """
    from cutis.bundle import NETWORK
    from cutis.cli.progress import progress_bar
    from cutis.inference.features import Features, extract_features
    from cutis.inference.predictor import Predictor

    if path.exists():
        kept = Features.read(path)
        wanted = zip(table.image_ids, (str(file.absolute()) for file in table.paths), strict=True)
        known = set(zip(kept.image_ids, kept.files, strict=bool(kept.files)))
        if kept.model_sha256 == bundle.sha256[NETWORK] and known.issuperset(wanted):
            return kept, 0
    with progress_bar(len(table), "computing features") as advance:
        features, failures = extract_features(
            Predictor(bundle), table.paths, table.image_ids, on_progress=advance
        )
    for _path, reason in failures:
        typer.echo(f"cutis: {reason}", err=True)
    features.write(path)
    return features, len(failures)
