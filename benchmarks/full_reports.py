"""The whole report of the HAM10000 model: its own test split, another continent, and photographs.

    python benchmarks/full_reports.py WORK

WORK is that of `benchmarks/ham10000.py`, whose `fine-tuned` run is judged on

    ham10000      its test split, with stress and explanation
    isic2017      ISIC 2017, train and val: dermoscopy from other clinics, by marks of artefacts too
    pad-ufes-20   smartphone photographs, which it was not made for

Thresholds and calibration maps come from the HAM10000 validation split in all three. Each `result.json`
is kept in `benchmarks/results/`, and a plot of the first in `docs/images/`.
"""

import argparse
import json
import os
from pathlib import Path

from record import DATA, REPOSITORY, RESULTS, cutis, today

from cutis.evaluation.figures.questions import question_roc_figure
from cutis.evaluation.questions import ask
from cutis.evaluation.reading import Validation
from cutis.files import write_json
from cutis.plots import save_png
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy.tasks import TASKS, find_task

RUN = "fine-tuned"
MARKS = ("dark_corner", "hair", "gel_border", "gel_bubble", "ruler", "ink", "patches")
EXTERNAL = {"isic2017": ("isic", []), "pad-ufes-20": ("pad-ufes-20", ["--skip-missing"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work
    asked_again = ["--stress", f"{RUN}/bundle", "--explain", f"{RUN}/bundle"]
    evaluate(work, f"{RUN}/predictions-test.csv", "split.csv", *asked_again, name="ham10000")
    for name, (source, options) in EXTERNAL.items():
        cutis("data", "import", source, DATA / name, *options, "-o", f"{name}.csv", folder=work)
        kept = ["--csv", f"{name}-predictions.csv"]
        cutis("predict", DATA / name, "--model", f"{RUN}/bundle", *kept, folder=work)
        external = ["--split", "all", "--skip-outside", "--validation-manifest", "split.csv"]
        if name == "isic2017":  # the only one whose images the table names
            external += ["--columns-from", str(DATA / "tables" / "isic_bias_artefacts.csv")]
            external += [word for mark in MARKS for word in ("--by", mark)]
        evaluate(work, f"{name}-predictions.csv", f"{name}.csv", *external, name=name)
    draw_questions(work)


def evaluate(work: Path, predictions: str, manifest: str, *options: str, name: str) -> None:
    """Write a report and keep its numbers."""
    folder = f"report-{name}"
    validation = ["--validation", f"{RUN}/predictions-val.csv"]
    cutis("evaluate", predictions, manifest, *validation, *options, "-o", folder, folder=work)
    result = json.loads((work / folder / "result.json").read_text())
    result["command"] = result["command"].replace(f"{DATA}{os.sep}", "$CUTIS_DATA/")
    result["date"] = today()
    write_json(RESULTS / f"report-{name}.json", result)


def draw_questions(work: Path) -> None:
    """ROC curves of the questions on the test split, for the documents."""
    manifest = Manifest.read(work / "split.csv", check_files=False)
    taxonomy = manifest.taxonomy
    predictions = Predictions.read(work / RUN / "predictions-test.csv", taxonomy)
    chosen_on = Validation.of(
        Predictions.read(work / RUN / "predictions-val.csv", taxonomy), manifest
    )
    reports = [
        ask(
            find_task(name, taxonomy),
            predictions,
            manifest.split("test"),
            validation=(chosen_on.predictions, chosen_on.manifest),
        )
        for name in TASKS
    ]
    target = REPOSITORY / "docs" / "images" / "questions.png"
    save_png(question_roc_figure(reports), target, dpi=110)


if __name__ == "__main__":
    main()
