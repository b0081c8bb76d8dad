"""`write_cards`: model card, data card and checklists of a run, written from its results."""

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import jinja2

from cutis import RESEARCH_USE_NOTICE, zoo
from cutis.bundle import CARD, FACTS, ModelBundle
from cutis.curation.datasheet import Description, describe
from cutis.deploy.checklists import NOT_PROVIDED, KnownRun, facts, render_checklists
from cutis.deploy.judgement import Judgement, figure
from cutis.deploy.model_card import LICENCES
from cutis.errors import InputError
from cutis.files import read_json, require_writable, write_text
from cutis.tables.manifest import SPLITS, Manifest
from cutis.training.recipe import Recipe
from cutis.training.run_folder import RunFolder

DATA, CHECKLISTS = "DATA_CARD.md", "CHECKLISTS.md"


def read_known_run(run: RunFolder, reports: Sequence[Path]) -> KnownRun:
    """Everything the cards are written from.

    Args:
        run: A finished run.
        reports: Folders of `cutis evaluate`; the first is the run's own test split, the others are
            external.

    Raises:
        InputError: no run, no bundle, or a report that is none.
    """
    if not run.settings.is_file() or not run.bundle.is_dir():
        raise InputError(f"{run.path}: not a finished training run; give the -o of `cutis train`")
    manifest = Manifest.read(run.manifest, check_files=False)
    judged = [Judgement.read(report) for report in reports]
    present = [name for name in SPLITS if (manifest.frame["split"] == name).any()]
    return KnownRun(
        recipe=Recipe.model_validate(read_json(run.settings)),
        splits={"all": describe(manifest)}
        | {name: describe(manifest.split(name)) for name in present},
        environment=read_json(run.environment),
        internal=judged[0] if judged else None,
        external=judged[1:],
    )


def write_cards(run: RunFolder, reports: Sequence[Path], folder: Path) -> list[Path]:
    """Write the three documents.

    Raises:
        InputError: as `read_known_run`.
        BundleError: the run's bundle is damaged.
        OutputError: the folder cannot be written.
    """
    require_writable(folder)
    known = read_known_run(run, reports)
    card = ModelBundle.load(run.bundle).read(CARD).decode()
    texts = {
        CARD: render_judged_card(card, known),
        DATA: render_data_card(known.splits),
        CHECKLISTS: render_checklists(facts(known)),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    return [folder / name for name in texts]


def is_bundle(place: Path) -> bool:
    """Whether a model of the zoo or a bundle stands there, rather than a run."""
    return str(place) in zoo.names() or (place / FACTS).is_file()


def copy_card(place: Path, folder: Path) -> Path:
    """Write the card that a bundle carries.

    Raises:
        BundleError: no bundle, or a damaged one.
        OutputError: the folder cannot be written.
    """
    card = zoo.resolve(place).read(CARD).decode()
    write_text(folder / CARD, card)
    return folder / CARD


def render_judged_card(card: str, known: KnownRun) -> str:
    """The bundle's card with the results of every report before its limits."""
    judged = [*([known.internal] if known.internal else []), *known.external]
    template = _template("judged")
    results = "".join(template.render(judged=each, figure=figure) for each in judged)
    answers = facts(known)
    limits = "\n".join(
        [
            "## Limits",
            "",
            f"- Calibration: {answers.get('calibration', NOT_PROVIDED)}",
            f"- Subgroups, balanced accuracy: {answers.get('subgroups', NOT_PROVIDED)}",
            f"- Robustness: {answers.get('robustness', NOT_PROVIDED)}",
            "- Not measured: other devices and clinics than those above, images that show no lesion.",
            "",
        ]
    )
    return card.partition("## Limits")[0] + results + limits


def render_data_card(splits: Mapping[str, Description]) -> str:
    """What the run was trained and judged on, by split and over "all"."""
    parts = dict(splits)
    whole = parts.pop("all")
    return _template("data_card").render(
        notice=RESEARCH_USE_NOTICE,
        whole=whole,
        splits=parts,
        sources=list(whole.values.get("source", {})),
        licences=LICENCES,
    )


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    file = resources.files("cutis.deploy").joinpath(f"{name}.md.jinja")
    return environment.from_string(file.read_text(encoding="utf-8"))
