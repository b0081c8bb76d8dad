"""The end of the card of the model that ships: folds and known failures, from the numbers in results/.

    python benchmarks/zoo_card.py > zoo-card.md

For `scripts/zoo.py --section`, after `five_folds.py`, `zoo_model.py`, `spoiling.py` and `rejection.py`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from record import RESULTS

from cutis.deploy.judgement import figure

SOURCES = {
    "folds": "five_folds",
    "home": "zoo-ham10000",
    "elsewhere": "zoo-isic2017",
    "spoilt": "spoiling",
    "rejection": "rejection-zoo",
}
WORST = 6  # faults that are listed
TEMPLATE = Path(__file__).with_suffix(".md.jinja")


def main() -> None:
    known = {
        name: json.loads((RESULTS / f"{file}.json").read_text()) for name, file in SOURCES.items()
    }
    print(section(known))


def section(known: Mapping[str, Any]) -> str:
    """The Markdown, from the contents of `SOURCES`."""
    rejected, spoilt = known["rejection"]["rejected"], known["spoilt"]
    halves = [counts for name, counts in rejected.items() if name.startswith("everyday")]
    kinds = sorted(
        (change.removesuffix(", 5") for change in spoilt["changes"] if change.endswith(", 5")),
        key=lambda kind: _accuracy(spoilt, f"{kind}, 5")["value"],
    )
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        **known,
        phones=rejected["smartphone photographs of lesions"],
        clinics=rejected["isic 2017, validation"],
        everyday=[sum(column) for column in zip(*halves, strict=True)],
        kinds=kinds[:WORST],
        figure=figure,
        area=lambda found: figure({**found, "value": found["auc"]}),
        shown=lambda change: figure(_accuracy(spoilt, change)),
    )


def _accuracy(spoilt: Mapping[str, Any], change: str) -> Mapping[str, Any]:
    """The balanced accuracy of what ships."""
    found: Mapping[str, Any] = spoilt["changes"][change]["with/balanced_accuracy"]
    return found


if __name__ == "__main__":
    main()
