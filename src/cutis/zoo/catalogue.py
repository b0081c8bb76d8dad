"""Finding a model: by its name in the zoo, or by the folder of anybody's bundle.

zoo/
  pins.py          the models' names and the hashes of their files
  bundles/NAME/    a bundle like any other
"""

from collections.abc import Sequence
from os.path import lexists
from pathlib import Path
from typing import Any

from cutis.bundle import CARD, FACTS, ModelBundle, require_place_for_cards
from cutis.checks import did_you_mean
from cutis.errors import BundleError
from cutis.files import exists, is_file, write_text
from cutis.imaging import SUFFIXES
from cutis.zoo.pins import PINS

BUNDLES = Path(__file__).parent / "bundles"
MAX_BYTES = 12_000_000  # of all models together, so that the package stays quick to install


def names() -> tuple[str, ...]:
    """The models that ship with this version, the default first."""
    return tuple(PINS)


def default_name() -> str:
    """The model that answers when none is asked for.

    Raises:
        BundleError: no model ships with this version.
    """
    if not PINS:
        raise BundleError("no model ships with this version of cutis; give a bundle of your own")
    return names()[0]


def find(name: str) -> ModelBundle:
    """A model of the zoo, each of its files verified against the hash pinned in this package.

    Raises:
        BundleError: there is no such model, or a file is missing or was changed.
    """
    if name not in PINS:
        raise BundleError(f"model {name!r}: {_not_in_the_zoo(name)}")
    try:
        bundle = ModelBundle.load(BUNDLES / name)
    except BundleError as fault:
        raise BundleError(f"model {name!r}: {fault}; it is part of cutis, install it again") from (
            fault
        )
    pinned = PINS[name]
    changed = [
        file for file in {**pinned, **bundle.sha256} if bundle.sha256.get(file) != pinned.get(file)
    ]
    if changed:
        raise BundleError(
            f"model {name!r}: {BUNDLES / name / changed[0]} is not the file that this version of "
            "cutis was released with; install it again, or copy the folder and give its path"
        )
    return bundle


def resolve(place: str | Path) -> ModelBundle:
    """The bundle that a name of the zoo or a folder means; where both exist, the name wins.

    Raises:
        BundleError: neither a model of the zoo nor a bundle, or a damaged one.
    """
    if str(place) in PINS:
        return find(str(place))
    if not exists(Path(place)):
        raise BundleError(
            f"{place}: no such folder, and {_not_in_the_zoo(str(place))}; give a name from "
            "`cutis zoo`, or the bundle/ folder of a training run"
        )
    return ModelBundle.load(Path(place))


def entry(name: str) -> dict[str, Any]:
    """What `cutis zoo` says of a model, ready for JSON.

    Raises:
        BundleError: as `find`.
    """
    bundle = find(name)
    facts = bundle.facts
    return {
        "name": name,
        "default": name == default_name(),
        "architecture": facts.architecture,
        "classes": list(facts.classes),
        "input_px": [facts.preprocessing.height, facts.preprocessing.width],
        "bytes": sum(path.stat().st_size for path in bundle.folder.iterdir()),
        "licence": facts.provenance.get("licence"),
        "results": facts.provenance.get("results", []),
    }


def is_bundle(place: Path) -> bool:
    """Whether a model of the zoo or a bundle stands there, rather than a run."""
    return str(place) in PINS or is_file(place / FACTS)


def leads(places: Sequence[Path]) -> bool:
    """Whether the first of some places means a model and the others pictures.

    It does where it is a model or the run around one, and where nothing stands there and it is not
    named like a picture: `resolve` then says what is wrong with it, as another model's answers would
    not be those that were asked for.
    """
    first, *others = places
    if is_bundle(first) or is_file(first / "bundle" / FACTS):
        return True
    return bool(others) and not lexists(first) and first.suffix.lower() not in SUFFIXES


def copy_card(place: Path, folder: Path) -> Path:
    """Write the card that a bundle carries.

    Raises:
        BundleError: as `resolve`.
        OutputError: the folder cannot be written, or is a bundle.
    """
    written = require_place_for_cards(folder) / CARD
    write_text(written, resolve(place).read(CARD).decode())
    return written


def _not_in_the_zoo(name: str) -> str:
    if not PINS:
        return "no model ships with this version of cutis"
    return f"the zoo has {', '.join(PINS)}{did_you_mean(name, PINS)}"
