"""Readers and an algorithm on 1,295 biopsied lesions: the figures of docs/readers.md.

    CUTIS_DATA=../shared/data python benchmarks/lesion_size.py

The table is `lesion-size-2020_metadata.csv` (CC0): the truth, the mean score of a crowd of readers and
the score of an algorithm for the same lesions.
"""

import json
import time

from record import DATA, RESULTS, record

from cutis.evaluation.scores import compare_scores
from cutis.evaluation.section import as_content
from cutis.files import sha256_of_file, write_json
from cutis.tables.scores import Covariate, ScoreTable

TABLE = DATA / "tables" / "lesion-size-2020_metadata.csv"
PUBLISHED = {"adae_score": 0.810, "crowd_score": 0.703}
BY = ("diameter=4,6,9", "age=50,70")


def main() -> None:
    started = time.perf_counter()
    table = ScoreTable.read(
        TABLE, truth="target", scores=[*PUBLISHED], by=[Covariate.parse(text) for text in BY]
    )
    found = compare_scores(table)
    seconds = time.perf_counter() - started
    areas = {name: round(area.auc, 3) for name, area in found.areas.items()}
    assert areas == PUBLISHED, areas
    result = {
        **record("python benchmarks/lesion_size.py"),
        "table": TABLE.name,
        "sha256": sha256_of_file(TABLE),
        "cases": found.cases,
        "positives": found.positives,
        "replicates": found.replicates,
        "seed": found.seed,
        "seconds": round(seconds, 2),
        "areas": as_content(found.areas),
        "paired_delong": as_content(found.pairs),
        "at_sensitivity": as_content(found.at_sensitivity),
        "specificity_gains": as_content(found.specificity_gains),
        "net_benefit": {name: as_content(b.estimates) for name, b in found.benefits.items()},
        "bands": as_content(found.bands),
    }
    write_json(RESULTS / "lesion_size.json", result)
    print(json.dumps({"areas": areas, "p": found.pairs[0].area.p, "seconds": seconds}, indent=2))


if __name__ == "__main__":
    main()
