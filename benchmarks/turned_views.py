"""What the mean over turned views of a picture gives, on lesion-grouped folds of the training split.

    python benchmarks/turned_views.py WORK

WORK is that of `benchmarks/fold_choices.py`, whose networks with mixed pictures answer about the
lesions they had not seen, from one, four and eight views (`cutis predict --tta`). Gains are over one
view. Validation and test split take no part.
"""

import argparse
from pathlib import Path

from asking import answers
from distillation import FOLDS
from fold_choices import AS_IT_IS, together
from on_validation import REPLICATES, judge, shown
from record import RESULTS, record
from safetensors.torch import load_file

from cutis.bundle import ModelBundle
from cutis.config import load
from cutis.deploy.publish import publish_run
from cutis.files import write_json
from cutis.models.classifier import untrained_classifier
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.training.run_folder import RunFolder
from cutis.training.training_data import TrainingData

RUN = "mixed"
VIEWS = (1, 4, 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work.resolve()
    folds = [RunFolder(work / RUN / f"fold-{fold}") for fold in range(FOLDS)]
    rows = Manifest.read(work / AS_IT_IS / "manifest.csv").split("train")
    bundles = [published(run) for run in folds]
    told = {
        str(views): together(asked(*each, views) for each in zip(folds, bundles, strict=True))
        for views in VIEWS
    }
    found = judge(told, rows)
    result = {
        **record("python benchmarks/turned_views.py WORK"),
        "run": RUN,
        "folds": FOLDS,
        "images": len(rows),
        "replicates": REPLICATES,
        "figures": found,
    }
    write_json(RESULTS / "turned_views.json", result)
    print(shown(found))


def published(run: RunFolder) -> ModelBundle:
    """The bundle of a fold, which is trained without one."""
    if not run.bundle.exists():
        manifest = Manifest.read(run.manifest)
        recipe = load(run.settings, ["model.backbone.weights=none"])
        classes = len(TrainingData.from_manifest(manifest).classes)
        side = recipe.data.image_size
        model = untrained_classifier(recipe.model, classes=classes, image_size=side)
        model.load_state_dict(load_file(run.weights))
        publish_run(run, recipe, model, manifest)
    return ModelBundle.load(run.bundle)


def asked(run: RunFolder, bundle: ModelBundle, views: int) -> Predictions:
    """What a fold answers about the lesions that it had not seen; an answer that is there is kept."""
    held = Manifest.read(run.manifest).split("val")
    table = run.path / f"views-{views}.csv"
    if not table.exists():
        answers(bundle, held, views=views).write(table)
    return Predictions.read(table, held.taxonomy)


if __name__ == "__main__":
    main()
