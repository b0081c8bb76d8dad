"""Whether balanced sampling beats adjusted logits, on lesion-grouped folds of the training split.

    python benchmarks/balanced_sampling.py WORK

WORK is that of `benchmarks/ham10000.py`. Both are the first round of configs/ham10000.toml, six epochs,
none of them chosen; adjusted logits are the teachers of `benchmarks/distillation.py`. Every image of
the training split is judged by a network that saw no image of its lesion. Validation and test split
take no part.
"""

import argparse
from pathlib import Path

from distillation import EPOCHS, FOLDS, on_folds
from on_validation import REPLICATES, judge, shown
from record import RESULTS, record

from cutis.files import write_json
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions

SETTINGS = ("data.balance=1", "loss.logit_adjustment=0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work.resolve()
    runs = {
        "adjusted logits": on_folds(work, "teachers"),
        "balanced sampling": on_folds(work, "balanced", *SETTINGS),
    }
    rows = Manifest.read(runs["adjusted logits"].manifest).split("train")
    answers = {name: Predictions.read(run.out_of_fold, rows.taxonomy) for name, run in runs.items()}
    found = judge(answers, rows)
    result = {
        **record("python benchmarks/balanced_sampling.py WORK"),
        "folds": FOLDS,
        "epochs": EPOCHS,
        "images": len(rows),
        "replicates": REPLICATES,
        "figures": found,
    }
    write_json(RESULTS / "balanced_sampling.json", result)
    print(shown(found))


if __name__ == "__main__":
    main()
