"""What one change of a short recipe gives, on validation, with intervals.

    python benchmarks/recipe_choices.py WORK [--only NAME ...]

WORK is that of `benchmarks/ham10000.py`, whose `short` run (the first round's settings, smaller
pictures, three epochs) every other run differs from in one choice. Networks that were not trained for
balanced classes name rare ones seldom, so each is judged as it is and calibrated with balanced answers.
Gains are over `short`. Intervals are those of the pictures; two runs that differ in nothing but the
seed show what training itself leaves to chance. The test split takes no part.
"""

import argparse
import json
from pathlib import Path

from ham10000 import recipes
from on_validation import REPLICATES, judge, shown
from record import RESULTS, cutis, record

from cutis.files import write_json
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions

PLAIN = ["loss.logit_adjustment=0"]
CHOICES = {
    "no answer to imbalance": PLAIN,
    "focal loss": [*PLAIN, "loss.name=focal"],
    "class weights": [*PLAIN, "loss.class_weights=1"],
    "balanced sampling": [*PLAIN, "data.balance=1"],
    "focal loss, adjusted logits": ["loss.name=focal"],
    "a larger network, lite1": ["model.backbone.name=tf_efficientnet_lite1"],
    "a larger network, lite2": ["model.backbone.name=tf_efficientnet_lite2"],
    "nothing but the seed": ["seed=1"],
    "nothing but the seed, again": ["seed=2"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", nargs="*", help="names of choices; default, all")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    table, options = recipes(work)["short"]
    folders = {"short": work / "short"}
    for name, changes in CHOICES.items():
        folders[name] = work / f"short-{name.replace(', ', '-').replace(' ', '-')}"
        if not arguments.only or name in arguments.only:
            changed = [word for change in changes for word in ("--set", change)]
            cutis("train", work / table, *options, *changed, "-o", folders[name], "--resume")
    manifest = Manifest.read(work / table)
    answers = {
        name: Predictions.read(folder / "predictions-val.csv", manifest.taxonomy)
        for name, folder in folders.items()
        if (folder / "predictions-val.csv").exists()
    }
    rows = manifest.split("val")
    result = {
        **record("python benchmarks/recipe_choices.py WORK"),
        "images": len(rows),
        "replicates": REPLICATES,
        "settings": json.loads((folders["short"] / "settings.json").read_text()),
        "changes": {name: changes for name, changes in CHOICES.items() if name in answers},
        "figures": judge(answers, rows),
    }
    write_json(RESULTS / "recipe_choices.json", result)
    print(shown(result["figures"]))


if __name__ == "__main__":
    main()
