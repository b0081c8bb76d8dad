"""DeLong's area and variance for a million cases, against comparing every positive with every negative.

    python benchmarks/delong_speed.py

The plain loop computes the structural components as DeLong et al. (1988) define them. A million cases
would take it hours, so it is timed on fewer and scaled by the number of pairs; on those both must give
the same area and variance to 1e-9.
"""

import json
import time
from collections.abc import Callable

import numpy as np
from record import RESULTS, record

from cutis.files import write_json
from cutis.metrics.delong import delong_auc, paired_delong

CASES, TIMED, RUNS = 1_000_000, 20_000, 5


def cohort(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Seeded cases, a tenth of them positive."""
    generator = np.random.default_rng(0)
    positive = generator.random(n) < 0.1
    return positive, generator.normal(size=n) + positive


def plain(positive: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    """Area and variance from the structural components, one positive after the other."""
    negatives = score[~positive]
    of_positives, wins = [], np.zeros(len(negatives))
    for value in score[positive]:
        won = (negatives < value) + 0.5 * (negatives == value)
        of_positives.append(won.mean())
        wins += won
    of_negatives = wins / len(of_positives)
    variance = np.var(of_positives, ddof=1) / len(of_positives)
    return np.mean(of_positives), variance + np.var(of_negatives, ddof=1) / len(negatives)


def fastest(job: Callable[[], object], *, runs: int = RUNS) -> float:
    """Seconds of the fastest run, which other work on the machine disturbed least."""
    seconds = []
    for _run in range(runs):
        started = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> None:
    few, many = cohort(TIMED), cohort(CASES)
    slow = plain(*few)
    area = delong_auc(*few)
    difference = max(abs(area.auc - slow[0]), abs(area.variance - slow[1]))
    lesion = np.arange(CASES) // 2
    noisy = many[1] + np.random.default_rng(1).normal(size=CASES)
    pairs = {
        n: float(positive.sum() * (~positive).sum())
        for n, (positive, _) in ((TIMED, few), (CASES, many))
    }
    plain_seconds = fastest(lambda: plain(*few), runs=2) * pairs[CASES] / pairs[TIMED]
    ours = fastest(lambda: delong_auc(*many))
    result = {
        **record("python benchmarks/delong_speed.py"),
        "cases": CASES,
        "positives": int(many[0].sum()),
        "cutis_seconds": round(ours, 3),
        "cutis_seconds_with_lesions": round(fastest(lambda: delong_auc(*many, clusters=lesion)), 3),
        "cutis_seconds_paired": round(fastest(lambda: paired_delong(*many, noisy)), 3),
        "plain_seconds_scaled": round(plain_seconds, 1),
        "plain_cases_timed": TIMED,
        "ratio": round(plain_seconds / ours, 1),
        "largest_difference": difference,
    }
    assert difference < 1e-9, result
    assert ours < 2, result
    write_json(RESULTS / "delong_speed.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
