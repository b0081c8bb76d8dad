"""What is said about each picture, for people in a table and for programs in JSON."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from cutis import RESEARCH_USE_NOTICE, __version__
from cutis.bundle import NETWORK, ModelBundle
from cutis.errors import InputError
from cutis.inference.predictor import Outcome
from cutis.tables.predictions import Predictions
from cutis.taxonomy import malignant_probability

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Answer:
    """The answer to one picture.

    Attributes:
        image_id: As in the table of predictions.
        path: The file.
        malignant: The summed probability of malignant and premalignant classes; None where the
            tree does not put the model's classes on two sides.
        probabilities: Of every class, a node of the taxonomy, the most probable first.
    """

    image_id: str
    path: str
    malignant: float | None
    probabilities: dict[str, float]

    def best(self, n: int) -> list[tuple[str, float]]:
        """The n most probable classes."""
        return list(self.probabilities.items())[:n]


def answers(outcome: Outcome, bundle: ModelBundle) -> Iterator[Answer]:
    """One answer per picture that could be read, in the order of the files."""
    found = outcome.predictions
    if found is None:
        return
    malignant = _malignant(found, bundle)
    for row, path in enumerate(outcome.paths):
        probabilities = found.probabilities[row]
        yield Answer(
            image_id=found.image_ids[row],
            path=str(path),
            malignant=malignant[row],
            probabilities={
                found.classes[k]: float(probabilities[k])
                for k in (-probabilities).argsort(kind="stable")
            },
        )


def to_json(outcome: Outcome, bundle: ModelBundle, *, views: int) -> dict[str, Any]:
    """What `cutis predict --json` prints; `docs/prediction.md` describes every key."""
    return {
        "format_version": FORMAT_VERSION,
        "notice": RESEARCH_USE_NOTICE,
        "cutis": __version__,
        "model": {
            "name": bundle.facts.name,
            "architecture": bundle.facts.architecture,
            "sha256": bundle.sha256[NETWORK],
            "taxonomy": bundle.taxonomy.name,
        },
        "views": views,
        "images": [asdict(answer) for answer in answers(outcome, bundle)],
        "failures": [{"path": str(path), "reason": reason} for path, reason in outcome.failures],
    }


def _malignant(found: Predictions, bundle: ModelBundle) -> list[float | None]:
    try:
        rolled_up = malignant_probability(found.probabilities, found.classes, bundle.taxonomy)
    except InputError:
        return [None] * len(found)
    return [min(float(probability), 1.0) for probability in rolled_up]
