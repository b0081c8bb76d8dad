"""What a student of fold networks gains over the same recipe without teachers, on validation.

    python benchmarks/distillation.py WORK

WORK is that of `benchmarks/ham10000.py`, whose `fine-tuned` run is the student without teachers.

    teachers   configs/ham10000.toml, six epochs, on four lesion-grouped folds of the training split;
               what each answers about the fold that it has not seen is what is taught
    taught     configs/ham10000.toml, where half of what is learned is those answers

The student is as large as each of its teachers, and the weight of their answers was not tuned. Gains
are over the student without teachers, with the same draws of lesions; what training itself leaves to
chance is not in their intervals. The test split takes no part.
"""

import argparse
from pathlib import Path

from ham10000 import recipes
from on_validation import REPLICATES, judge, shown
from record import RESULTS, cutis, record

from cutis.files import write_json
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.training.run_folder import RunFolder

FOLDS, EPOCHS = 4, 6
STUDENTS = ("fine-tuned", "taught")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work.resolve()
    teachers = on_folds(work, "teachers")
    train_students(work)
    rows = Manifest.read(work / "split.csv").split("val")
    students = {
        name: Predictions.read(RunFolder(work / name).predictions("val"), rows.taxonomy)
        for name in STUDENTS
    }
    known = Manifest.read(teachers.manifest).split("train")
    taught = Predictions.read(teachers.out_of_fold, known.taxonomy)
    found = judge({"teachers": taught}, known) | judge(students, rows)
    result = {
        **record("python benchmarks/distillation.py WORK"),
        "folds": FOLDS,
        "epochs of teachers": EPOCHS,
        "images": {"teachers": len(known), **dict.fromkeys(STUDENTS, len(rows))},
        "replicates": REPLICATES,
        "figures": found,
    }
    write_json(RESULTS / "distillation.json", result)
    print(shown(found))


def on_folds(work: Path, run: str, *settings: str) -> RunFolder:
    """The first round, shortened, on folds of the training split; a run that is there is resumed."""
    table, recipe = recipes(work)["fine-tuned"]
    changed = [word for each in (f"trainer.epochs={EPOCHS}", *settings) for word in ("--set", each)]
    folds = ("--kfold", FOLDS, "--leave-out", "val")
    cutis("train", table, *recipe, *folds, *changed, "-o", run, "--resume", folder=work)
    return RunFolder(work / run)


def train_students(work: Path) -> None:
    """With and without teachers."""
    table, recipe = recipes(work)["fine-tuned"]
    answers = RunFolder(Path("teachers")).out_of_fold
    for run, options in {
        "fine-tuned": (),
        "taught": ("--set", f"distillation.predictions={answers}"),
    }.items():
        cutis("train", table, *recipe, *options, "-o", run, "--resume", folder=work)


if __name__ == "__main__":
    main()
