"""`cutis train`: from a manifest with a split to a run folder with a bundle."""

from functools import partial
from pathlib import Path

import typer

from cutis.cli.app import app
from cutis.cli.next_steps import how_to_judge, to_type
from cutis.cli.terminal import plain_console


@app.command()
def train(
    manifest: Path = typer.Argument(help="Manifest with a split column."),
    output: Path = typer.Option(..., "-o", "--output", help="Run folder to write."),
    config: str = typer.Option(
        "default", help="Settings: a .toml file, a run's settings.json, or a recipe's name."
    ),
    settings: list[str] = typer.Option(
        [], "--set", metavar="KEY=VALUE", help="Override one setting; may be repeated."
    ),
    resume: bool = typer.Option(False, help="Go on with the run in the output folder."),
    kfold: int = typer.Option(
        0, min=0, help="Train K models on K folds and pool their out-of-fold predictions."
    ),
    repeats: int = typer.Option(
        1, min=1, help="With --kfold: do so several times, each time over other folds."
    ),
    leave_out: list[str] = typer.Option(
        [], metavar="SPLIT", help="With --kfold: a split that takes no part; test never does."
    ),
    choose: list[str] = typer.Option(
        [],
        metavar="KEY=VALUE,VALUE",
        help="With --kfold: let inner folds choose a setting for each fold; several make a grid.",
    ),
) -> None:
    """Fine-tune a classifier and export it as a bundle.

    Several GPUs or nodes are settings of Lightning's Trainer, such as --set trainer.devices=4.
    """

    from cutis import RESEARCH_USE_NOTICE
    from cutis import config as configuration
    from cutis.bundle import require_bundle_place
    from cutis.deploy.publish import publish_run
    from cutis.errors import InputError, SettingsError
    from cutis.tables.manifest import Manifest
    from cutis.training.crossval import cross_validate_repeatedly
    from cutis.training.recipe import LARGEST_SEED
    from cutis.training.run_folder import RunFolder
    from cutis.training.runner import train as train_one

    console = plain_console(stderr=True)
    say = partial(console.print, soft_wrap=True)
    if not kfold and (choose or leave_out or repeats > 1):
        raise InputError("--repeats, --leave-out and --choose need --kfold")
    candidates = configuration.load_alternatives(config, settings, choose)
    last_seed = max(recipe.seed for recipe in candidates.values()) + repeats - 1
    if last_seed > LARGEST_SEED:
        raise SettingsError(
            f"seed: the last of {repeats} repeats would have {last_seed}, above {LARGEST_SEED}; give a "
            "smaller one"
        )
    table = Manifest.read(manifest)
    run = RunFolder(output)
    if kfold:
        first, *others = cross_validate_repeatedly(
            candidates,
            table.without_splits(leave_out),
            run,
            folds=kfold,
            repeats=repeats,
            resume=resume,
            console=console,
        )
        for folder in (first, *others):
            say(f"Out-of-fold predictions: {folder.out_of_fold}")
            if choose:
                say(f"What inner folds chose:  {folder.choices}")
        further = (word for folder in others for word in ("--repeat", folder.out_of_fold))
        asked = (first.out_of_fold, first.manifest, "--split", "all", *further)
        say(f"Judge them: {to_type('evaluate', *asked, '-o', 'report/')}")
    else:
        require_bundle_place(run.bundle)
        (recipe,) = candidates.values()
        model = train_one(recipe, table, run, resume=resume, console=console)
        bundle = publish_run(run, recipe, model, table)
        say(f"Run folder: {run.path}")
        uncalibrated = ", not calibrated: split 'val' has too few lesions or classes"
        say(f"Bundle:     {bundle.folder}{'' if bundle.facts.readout else uncalibrated}")
        say(f"Judge it:   {how_to_judge(run, manifest, '--history', run.history)}")
    say(RESEARCH_USE_NOTICE)
