"""`cutis predict`: from pictures to calibrated answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cutis.cli.app import app

if TYPE_CHECKING:
    from cutis.bundle import ModelBundle
    from cutis.inference.predictor import Outcome, Predictor


@app.command()
def predict(
    pictures: list[Path] = typer.Argument(
        help="Pictures, or folders of pictures; before them the model may stand.", readable=False
    ),
    model: Path | None = typer.Option(
        None, help="A model of the zoo, or the folder of a bundle; default, the zoo's first."
    ),
    csv: Path | None = typer.Option(
        None,
        help="Write the network's own probabilities to this .csv or .parquet, as evaluate reads.",
    ),
    answers: Path | None = typer.Option(
        None, help="Write calibrated answers, one row per picture, to this .csv or .parquet."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table."),
    abstain: bool = typer.Option(
        False, "--abstain", help='Say "refer" where the answer is not sure enough.'
    ),
    explain: Path | None = typer.Option(
        None, help="Write a heat map of each answer shown into this folder; needs torch."
    ),
    tta: int = typer.Option(
        1,
        min=1,
        max=8,
        help="Average over this many mirrored and turned views; 5 to 8 of a square.",
    ),
    batch_size: int = typer.Option(32, min=1, help="Pictures per step."),
) -> None:
    """Classify pictures; no torch needed.

    Exit code 1 when some files could not be read, 2 when nothing could be done.
    """
    from cutis import zoo
    from cutis.errors import InputError
    from cutis.inference.answer import to_json
    from cutis.inference.picture_files import find_pictures
    from cutis.inference.predictor import Predictor

    _require_writable(csv, answers, explain)
    if model is None and zoo.leads(pictures):
        model, *pictures = pictures
    bundle = zoo.resolve(zoo.default_name() if model is None else model)
    if not pictures:
        raise InputError(f"{model}: a model; give the pictures, too")
    if abstain and bundle.facts.readout is None:
        raise InputError(
            f"{bundle.folder}: not calibrated, so it cannot abstain; run `cutis calibrate` first"
        )
    paths = find_pictures(pictures)
    outcome = _with_progress(Predictor(bundle), paths, batch_size=batch_size, views=tta)
    for _path, reason in outcome.failures:
        typer.echo(f"cutis: {reason}", err=True)
    if outcome.predictions is None:
        raise InputError(f"none of {len(paths)} files could be read")
    _write(outcome, bundle, csv=csv, answers=answers, abstain=abstain)
    if explain is not None:
        _explain(outcome, bundle, explain, abstain=abstain)
    if as_json:
        typer.echo(json.dumps(to_json(outcome, bundle, views=tta), indent=2))
    else:
        from cutis.cli.answers import print_answers

        print_answers(outcome, bundle, abstain=abstain)
    if outcome.failures:
        raise typer.Exit(1)


def _require_writable(csv: Path | None, answers: Path | None, explain: Path | None) -> None:
    """Find out before the work whether its results can be made and kept."""
    from cutis.files import require_distinct, require_writable
    from cutis.tables.frames import require_writable_table

    require_distinct(csv, answers, explain)
    for table in (csv, answers):
        if table is not None:
            require_writable_table(table)
    if explain is not None:
        from cutis.explain.packages import require_packages

        require_packages()
        require_writable(explain)


def _with_progress(
    predictor: Predictor, paths: list[Path], *, batch_size: int, views: int
) -> Outcome:
    """Predict, with a progress bar where it takes a while."""
    if len(paths) < 2 * batch_size:
        return predictor.predict(paths, batch_size=batch_size, views=views)
    from cutis.cli.progress import progress_bar

    with progress_bar(len(paths), "predicting") as advance:
        return predictor.predict(paths, batch_size=batch_size, views=views, on_progress=advance)


def _write(
    outcome: Outcome, bundle: ModelBundle, *, csv: Path | None, answers: Path | None, abstain: bool
) -> None:
    from cutis.inference.answer import answers as each_answer
    from cutis.inference.answer_table import write_answers

    if csv is not None and outcome.predictions is not None:
        outcome.predictions.write(csv)
    if answers is not None:
        write_answers(each_answer(outcome, bundle), answers, abstain=abstain)


def _explain(outcome: Outcome, bundle: ModelBundle, folder: Path, *, abstain: bool) -> None:
    """Write heat maps of the answers that are shown, as `cutis explain` does; loads torch."""
    from cutis.cli.progress import progress_bar
    from cutis.explain.pictures import explain_pictures
    from cutis.inference.answer import answers
    from cutis.models.trained import load_trained

    given = zip(outcome.paths, answers(outcome, bundle), strict=True)
    shown = [path for path, answer in given if not answer.withheld(abstain=abstain)]
    if shown:
        trained = load_trained(bundle.folder)
        with progress_bar(len(shown), "explaining") as advance:
            explain_pictures(trained, shown, folder, on_progress=advance)
    told = f"{len(shown)} of {len(outcome.paths)} pictures have an answer to explain"
    typer.echo(f"cutis: heat maps: {folder} ({told})", err=True)
