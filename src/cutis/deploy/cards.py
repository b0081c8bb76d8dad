"""`write_cards`: model card, data card and checklists of a run, written from its results."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cutis import RESEARCH_USE_NOTICE
from cutis.bundle import CARD, ModelBundle, require_place_for_cards
from cutis.curation.datasheet import Description, describe
from cutis.deploy.checklists import KnownRun, facts, render_checklists
from cutis.deploy.judgement import Judgement
from cutis.deploy.model_card import LICENCES, render_judged_card
from cutis.deploy.templates import template
from cutis.errors import InputError
from cutis.files import is_file, is_folder, read_json, require_writable, write_text
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
    if not is_file(run.settings) or not is_folder(run.bundle):
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
        OutputError: the folder cannot be written, or is a bundle.
    """
    require_place_for_cards(folder)
    known = read_known_run(run, reports)
    card = ModelBundle.load(run.bundle).read(CARD).decode()
    require_writable(folder)
    texts = {
        CARD: render_judged_card(card, known.judged),
        DATA: render_data_card(known.splits),
        CHECKLISTS: render_checklists(facts(known)),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    return [folder / name for name in texts]


def render_data_card(splits: Mapping[str, Description]) -> str:
    """What the run was trained and judged on, by split and over "all"."""
    parts = dict(splits)
    whole = parts.pop("all")
    return template("data_card").render(
        notice=RESEARCH_USE_NOTICE,
        whole=whole,
        splits=parts,
        sources=list(whole.values.get("source", {})),
        licences=LICENCES,
    )
