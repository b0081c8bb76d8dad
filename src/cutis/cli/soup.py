"""`cutis soup`: the mean of several runs' weights as a model of its own."""

from pathlib import Path

import typer

from cutis.cli.app import app
from cutis.cli.next_steps import how_to_judge
from cutis.cli.terminal import plain_console


@app.command()
def soup(
    runs: list[Path] = typer.Argument(help="Run folders of `cutis train`, two or more."),
    output: Path = typer.Option(..., "-o", "--output", help="Run folder to write."),
    settings: list[str] = typer.Option(
        [], "--set", metavar="KEY=VALUE", help="Override one setting of the first run."
    ),
) -> None:
    """Average the weights of runs that went on from the same ones, and export the mean as a bundle.

    The runs differ in seeds or settings and share manifest, classes, network and
    model.backbone.weights, which are those of a whole classifier where the seeds differ.
    """
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE, config
    from cutis.bundle import require_bundle_place
    from cutis.deploy.publish import publish_run
    from cutis.training.run_folder import RunFolder
    from cutis.training.soup import cook
    from cutis.wording import words

    ingredients, target = [RunFolder(path) for path in runs], RunFolder(output)
    require_bundle_place(target.bundle)
    recipe = config.load(ingredients[0].settings, settings)
    cooked = cook(ingredients, recipe, target)
    bundle = publish_run(target, recipe, cooked.model, cooked.manifest, mean_of=ingredients)
    shown = Table(title="validation", title_justify="left")
    shown.add_column("weights", overflow="fold")
    for name in cooked.validation:
        shown.add_column(words(name.removeprefix("val_")), justify="right")
    for name, figures in {**cooked.ingredients, "their mean": cooked.validation}.items():
        shown.add_row(name, *(f"{value:.3f}" for value in figures.values()))
    console = plain_console()
    console.print(shown)
    console.print(f"Run folder: {target.path}", soft_wrap=True)
    console.print(f"Bundle:     {bundle.folder}", soft_wrap=True)
    advice = f"Judge it:   {how_to_judge(target, target.manifest)}"
    console.print(advice, soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)
