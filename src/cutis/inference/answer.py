"""What is said about each picture, for people in a table and for programs in JSON.

`answer.schema.json` describes the JSON; a test holds the two together.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from cutis import RESEARCH_USE_NOTICE, __version__
from cutis.bundle import NETWORK, ModelBundle
from cutis.checks import FloatArray
from cutis.errors import InputError
from cutis.inference.outline import Line, outlines
from cutis.inference.predictor import Outcome
from cutis.inference.verdict import Verdict
from cutis.readout import Readout, ValidatedThreshold
from cutis.tables.predictions import Predictions
from cutis.taxonomy import Taxonomy, find_task, malignant_probability
from cutis.wording import percentage

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Call:
    """The answer to a two-sided question.

    Attributes:
        point: The threshold and what it found in validation.
        score: p(positive) / (p(positive) + p(negative)).
    """

    point: ValidatedThreshold
    score: float

    @property
    def suspicious(self) -> bool:
        """Whether the score reaches the threshold."""
        return self.score >= self.point.threshold

    def in_words(self) -> str:
        """One sentence."""
        point = self.point
        return (
            f"{'Called' if self.suspicious else 'Not called'} suspicious of {point.task} "
            f"({percentage(self.score)}) at the threshold of {percentage(point.threshold)} that found "
            f"{point.sensitivity:.0%} of cases in validation ({point.found} of {point.positives}) "
            f"and spared {point.specificity:.0%} of the others."
        )


@dataclass(frozen=True)
class Answer:
    """The answer to one picture.

    Attributes:
        image_id: As in the table of predictions.
        path: The file.
        malignant: The summed probability of malignant and premalignant classes; None where the
            tree does not put the model's classes on two sides.
        probabilities: Of every class, a node of the taxonomy, the most probable first.
        outline: The same rolled up in the tree.
        set: The classes of the set that holds the truth at a stated rate; None, as `refer`, where
            the model is not calibrated.
        calls: Answers to two-sided questions.
        refer: Whether the picture is to be left to a person: the answer is not sure enough for the
            bound on wrong answers, or the picture is rejected.
        verdict: On the picture; None where the model cannot tell strange ones.
    """

    image_id: str
    path: str
    malignant: float | None
    probabilities: dict[str, float]
    outline: tuple[Line, ...]
    set: tuple[str, ...] | None
    calls: tuple[Call, ...]
    refer: bool | None
    verdict: Verdict | None

    def withheld(self, *, abstain: bool) -> str:
        """The word that stands for an answer which nobody should read; "" where it may be read."""
        if self.verdict is not None and self.verdict.rejected is not None:
            return "rejected"
        return "refer" if abstain and self.refer else ""

    def best(self, n: int) -> list[tuple[str, float]]:
        """The n most probable classes."""
        return list(self.probabilities.items())[:n]


def answers(outcome: Outcome, bundle: ModelBundle) -> Iterator[Answer]:
    """One answer per picture that could be read, in the order of the files."""
    if outcome.predictions is None:
        return
    given = bundle.facts.calibrated(outcome.predictions.probabilities)
    found = replace(outcome.predictions, probabilities=given)
    readout, taxonomy = bundle.facts.readout, bundle.taxonomy
    roots = outlines(found.classes, taxonomy)
    malignant = _malignant(found, taxonomy)
    scores = _scores(found, readout, taxonomy)
    sets = None if readout is None else readout.sets.sets(given)
    unsure = None if readout is None else readout.abstention.refers(given)
    for row, (image_id, path) in enumerate(zip(found.image_ids, outcome.paths, strict=True)):
        here = given[row]
        order = (-here).argsort(kind="stable")
        verdict = None if outcome.verdicts is None else outcome.verdicts[row]
        is_rejected = verdict is not None and verdict.rejected is not None
        yield Answer(
            image_id=image_id,
            path=str(path),
            malignant=malignant[row],
            probabilities={found.classes[k]: float(here[k]) for k in order},
            outline=tuple(line for root in roots for line in root.lines(here)),
            set=None if sets is None else tuple(found.classes[k] for k in order if sets[row, k]),
            calls=tuple(Call(point, float(score[row])) for point, score in scores),
            refer=None if unsure is None else bool(unsure[row]) or is_rejected,
            verdict=verdict,
        )


def to_json(outcome: Outcome, bundle: ModelBundle, *, views: int) -> dict[str, Any]:
    """What `cutis predict --json` prints."""
    readout = bundle.facts.readout
    return {
        "format_version": FORMAT_VERSION,
        "notice": RESEARCH_USE_NOTICE,
        "cutis": __version__,
        "model": {
            "name": bundle.facts.name,
            "architecture": bundle.facts.architecture,
            "sha256": bundle.sha256[NETWORK],
            "taxonomy": bundle.taxonomy.name,
            "readout": None if readout is None else readout.to_dict(),
        },
        "views": views,
        "images": [_described(answer, bundle.taxonomy) for answer in answers(outcome, bundle)],
        "failures": [{"path": str(path), "reason": reason} for path, reason in outcome.failures],
    }


def _described(answer: Answer, taxonomy: Taxonomy) -> dict[str, Any]:
    verdict = answer.verdict
    return {
        "image_id": answer.image_id,
        "path": answer.path,
        "malignant": answer.malignant,
        "probabilities": answer.probabilities,
        "outline": [
            {**asdict(line), "name": taxonomy.nodes[line.node].name} for line in answer.outline
        ],
        "set": None if answer.set is None else list(answer.set),
        "calls": [
            {
                "task": call.point.task,
                "score": call.score,
                "threshold": call.point.threshold,
                "suspicious": call.suspicious,
            }
            for call in answer.calls
        ],
        "refer": answer.refer,
        "verdict": None
        if verdict is None
        else {
            "status": verdict.status,
            "rejected": verdict.rejected,
            "warnings": list(verdict.warnings),
            "distance": verdict.distance,
        },
    }


def _malignant(found: Predictions, taxonomy: Taxonomy) -> list[float | None]:
    try:
        rolled_up = malignant_probability(found.probabilities, found.classes, taxonomy)
    except InputError:
        return [None] * len(found)
    return [min(float(probability), 1.0) for probability in rolled_up]


def _scores(
    found: Predictions, readout: Readout | None, taxonomy: Taxonomy
) -> list[tuple[ValidatedThreshold, FloatArray]]:
    """Each operating point with the scores of its question; 0.5 where neither side has any share."""
    return [
        (
            point,
            np.nan_to_num(
                find_task(point.task, taxonomy).score(found.probabilities, found.classes), nan=0.5
            ),
        )
        for point in (readout.thresholds if readout is not None else ())
    ]
