"""Answers as a table: one row per picture, with what was called and what is to be thought of it.

It stands beside the table of predictions, whose rows are distributions that `cutis evaluate` reads.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cutis.files import atomic_path
from cutis.inference.answer import Answer
from cutis.inference.picture_files import in_utf8
from cutis.tables.frames import pyarrow_packages

REFER = "refer"


def write_answers(answers: Iterable[Answer], path: Path, *, abstain: bool) -> None:
    """Write CSV, or Parquet where the name ends in .parquet.

    Args:
        answers: In the order of the rows.
        path: Checked by `require_writable_table`.
        abstain: Say "refer" in place of an answer that is not sure enough.
    """
    rows = [_row(answer, abstain=abstain) for answer in answers]
    with atomic_path(path) as partial:
        if path.suffix == ".parquet":
            pyarrow, parquet = pyarrow_packages()
            parquet.write_table(pyarrow.Table.from_pylist(rows), partial)
        else:
            _write_csv(rows, partial)


def _row(answer: Answer, *, abstain: bool) -> dict[str, Any]:
    (best, probability), *_rest = answer.probabilities.items()
    row = {
        "image_id": answer.image_id,
        "path": in_utf8(answer.path),
        "answer": REFER if abstain and answer.refer else best,
        "probability": probability,
        "malignant": answer.malignant,
        "set": None if answer.set is None else ";".join(answer.set),
        "refer": answer.refer,
    } | {name: answer.probabilities[name] for name in sorted(answer.probabilities)}
    for call in answer.calls:
        row[f"{call.point.task}_score"] = call.score
        row[f"{call.point.task}_suspicious"] = call.suspicious
    verdict = answer.verdict
    return row | {
        "verdict": None if verdict is None else verdict.status,
        "reasons": None if verdict is None else "; ".join(verdict.reasons),
    }


def _write_csv(rows: Sequence[dict[str, Any]], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as out:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
