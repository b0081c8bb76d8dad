"""Put a bundle into the zoo: check it, name it, write its card from results, pin its files.

    python scripts/zoo.py BUNDLE NAME --report TEST [--report EXTERNAL ...] [--section FILE] [--default]

BUNDLE is small already (`cutis export --format onnx-int8`) and calibrated (`cutis calibrate`). The
reports are folders of `cutis evaluate` about this very bundle: its own test split first, then external
sets. Their headline figures go into `bundle.json`, where `cutis zoo` finds them, and all of it into the
card, before its limits; the Markdown of `--section` comes last. A model of that name is replaced;
nothing changes when a check fails.
"""

import argparse
import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cutis.bundle import CARD, ModelBundle, rewrite_bundle
from cutis.deploy.judgement import Judgement
from cutis.deploy.model_card import LICENCES, render_judged_card
from cutis.errors import CutisError, InputError
from cutis.files import write_text
from cutis.inference.predictor import Predictor
from cutis.markdown import without_section
from cutis.zoo import catalogue

HEADLINES = ("macro_roc_auc", "balanced_accuracy")
PINS = Path(catalogue.__file__).with_name("pins.py")


def main() -> None:
    """Read the command line, ship, pin, and say what the zoo takes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("name")
    parser.add_argument("--report", type=Path, action="append", required=True)
    parser.add_argument("--section", type=Path, help="Markdown, the end of the card")
    parser.add_argument("--default", action="store_true", help="answers when none is asked for")
    given = parser.parse_args()
    try:
        bundle = ModelBundle.load(given.bundle)
        judged = [Judgement.read(report) for report in given.report]
        section = given.section.read_text(encoding="utf-8") if given.section else ""
        shipped = ship(bundle, given.name, judged, section=section)
    except CutisError as fault:
        sys.exit(f"zoo: {fault}")
    first = given.default or not catalogue.PINS
    pin(given.name, shipped.sha256, first=first)
    print(f"{shipped.folder}: {total_bytes(catalogue.BUNDLES) / 1e6:.1f} MB in the zoo")


def ship(
    bundle: ModelBundle, name: str, judged: Sequence[Judgement], *, section: str = ""
) -> ModelBundle:
    """Write a checked bundle into the zoo under its new name.

    Args:
        bundle: Small and calibrated.
        name: What people will call it.
        judged: Its own test split first, then external sets.
        section: Markdown, the end of its card.

    Raises:
        InputError: a name that is no name, reports of other classes, a source without a known
            licence, or too many bytes.
        BundleError: the network cannot be run, or its parity was never measured.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise InputError(f"name {name!r}: small letters, digits and single hyphens, please")
    require_judged(bundle, judged)
    require_parity(bundle)
    target = catalogue.BUNDLES / name
    others = total_bytes(catalogue.BUNDLES) - total_bytes(target)
    if others + total_bytes(bundle.folder) > catalogue.MAX_BYTES:
        raise InputError(
            f"{bundle.folder}: with it the zoo takes "
            f"{(others + total_bytes(bundle.folder)) / 1e6:.1f} MB, more than "
            f"{catalogue.MAX_BYTES / 1e6:.0f}; export it as onnx-int8 with half-precision weights"
        )
    provenance = {
        **bundle.facts.provenance,
        "licence": licence(bundle),
        "results": [headline(each) for each in judged],
    }
    facts = replace(bundle.facts, name=name, provenance=provenance)
    card = re.sub(r"\A# Model card: .*", f"# Model card: {name}", bundle.read(CARD).decode())
    for title in re.findall(r"^## (.+)$", section, flags=re.M):
        card = without_section(card, title)
    card = render_judged_card(card, judged) + (f"\n{section.strip()}\n" if section else "")
    return rewrite_bundle(bundle, target, facts, model_card=card)


def require_judged(bundle: ModelBundle, judged: Sequence[Judgement]) -> None:
    """The reports are about a model with these classes."""
    for each in judged:
        if set(each.result["classes"]) != set(bundle.facts.classes):
            raise InputError(f"report {each.name}: about other classes than {bundle.folder}")


def require_parity(bundle: ModelBundle) -> None:
    """The network runs here, and what was measured when it was written is there."""
    side = bundle.facts.preprocessing
    Predictor(bundle).probabilities(np.zeros((1, side.height, side.width, 3), dtype=np.uint8))
    parity = bundle.facts.parity
    if not parity.images or math.isnan(parity.max_probability_difference):
        raise InputError(f"{bundle.folder}: its parity was never measured; export it again")


def licence(bundle: ModelBundle) -> str:
    """What the training data ask of the weights."""
    sources = bundle.facts.provenance.get("sources") or []
    unknown = [source for source in sources if source not in LICENCES]
    if unknown or not sources:
        raise InputError(f"{bundle.folder}: no licence known for {unknown or 'its sources'}")
    return "; ".join(LICENCES[source] for source in sources)


def headline(judged: Judgement) -> dict[str, Any]:
    """The few figures that `cutis zoo` shows of one report."""
    overall: Mapping[str, Mapping[str, Any]] = judged.result["overall"]
    return {
        "name": judged.name,
        "split": judged.result["split"],
        "images": judged.result["images"],
        "lesions": judged.result.get("lesions"),
        "figures": {
            name: {key: overall[name][key] for key in ("value", "low", "high")}
            for name in HEADLINES
        },
    }


def total_bytes(folder: Path) -> int:
    """Of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def pin(name: str, sha256: Mapping[str, str], *, first: bool) -> None:
    """Write the hashes of a model's files into `pins.py`, and drop models that are gone."""
    others = {
        each: sums
        for each, sums in catalogue.PINS.items()
        if each != name and (catalogue.BUNDLES / each).is_dir()
    }
    pins = {name: dict(sha256), **others} if first else {**others, name: dict(sha256)}
    opening = PINS.read_text(encoding="utf-8").partition("PINS:")[0]
    lines = [f'    "{model}": {{\n{_hashes(sums)}    }},\n' for model, sums in pins.items()]
    body = "{\n" + "".join(lines) + "}"
    write_text(PINS, f"{opening}PINS: dict[str, dict[str, str]] = {body}\n")


def _hashes(sums: Mapping[str, str]) -> str:
    return "".join(f'        "{file}": "{digest}",\n' for file, digest in sums.items())


if __name__ == "__main__":
    main()
