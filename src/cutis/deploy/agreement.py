"""What a network made from a float one must repeat, measured on labelled validation pictures."""

from dataclasses import dataclass

import numpy as np

from cutis.bundle import ModelBundle
from cutis.checks import FloatArray, IntArray, require_same_length
from cutis.errors import InputError
from cutis.inference.predictor import Predictor
from cutis.metrics.calibration import classwise_calibration_error
from cutis.metrics.classification import balanced_accuracy, confusion_matrix
from cutis.parity import Agreement, Parity
from cutis.tables.manifest import Manifest


@dataclass(frozen=True)
class Limits:
    """How far an accepted network may be from its float one; all are shares."""

    equal_answers: float = 0.99
    balanced_accuracy_drop: float = 0.005
    classwise_ece_change: float = 0.01


LIMITS = Limits()
SECTION = "Served network"  # of the model card


def agreement(truth: IntArray, reference: FloatArray, other: FloatArray) -> Agreement:
    """Compare two networks' answers to the same labelled images.

    Args:
        truth: Shape (n,), positions below k.
        reference: Shape (n, k), probabilities of the float network.
        other: Shape (n, k), those of the one made from it.

    Raises:
        InputError: lengths differ.

    Example:
        >>> truth = np.array([0, 0, 1, 1])
        >>> agreement(truth, np.eye(2)[truth], np.eye(2)[[0, 1, 1, 1]]).balanced_accuracy_drop
        0.25
    """
    require_same_length(truth=truth, reference=reference, other=other)
    was, now = (_balanced_accuracy(truth, answers) for answers in (reference, other))
    said, says = (float(classwise_calibration_error(truth, p)) for p in (reference, other))
    equal = float(np.mean(reference.argmax(axis=1) == other.argmax(axis=1)))
    return Agreement(equal, was, was - now, said, says - said)


def misses(found: Agreement, limits: Limits = LIMITS) -> tuple[str, ...]:
    """What an agreement falls short of, in words with figures; a nan misses its limit.

    Example:
        >>> misses(Agreement(0.985, 0.8, 0.001, 0.02, -0.001))
        ('equal answers 98.50 %, at least 99.00 % needed',)
    """
    missed = []
    if not found.equal_answers >= limits.equal_answers:
        missed.append(
            f"equal answers {100 * found.equal_answers:.2f} %, "
            f"at least {100 * limits.equal_answers:.2f} % needed"
        )
    if not found.balanced_accuracy_drop <= limits.balanced_accuracy_drop:
        missed.append(
            f"balanced accuracy falls by {100 * found.balanced_accuracy_drop:.2f} points, "
            f"at most {100 * limits.balanced_accuracy_drop:.2f} allowed"
        )
    if not abs(found.classwise_ece_change) <= limits.classwise_ece_change:
        missed.append(
            f"classwise ECE changes by {found.classwise_ece_change:+.4f}, "
            f"at most {limits.classwise_ece_change:.4f} either way allowed"
        )
    return tuple(missed)


def parity_rows(parity: Parity, limits: Limits = LIMITS) -> list[tuple[str, str, str, str]]:
    """A parity as a table: the figure, of the float network, of the other one, and what is allowed."""
    difference = f"{parity.max_probability_difference:.2g}"
    rows = [("largest difference of a probability", "", difference, "")]
    judged = parity.agreement
    if judged is None:
        return rows
    accuracy, ece = judged.balanced_accuracy, judged.classwise_ece
    return [
        (
            "balanced accuracy",
            f"{accuracy:.4f}",
            f"{accuracy - judged.balanced_accuracy_drop:.4f}",
            f"loses at most {limits.balanced_accuracy_drop:.3f}",
        ),
        (
            "classwise ECE",
            f"{ece:.4f}",
            f"{ece + judged.classwise_ece_change:.4f}",
            f"within {limits.classwise_ece_change:.2f}",
        ),
        (
            "equal answers",
            "",
            f"{100 * judged.equal_answers:.2f} %",
            f"at least {100 * limits.equal_answers:.0f} %",
        ),
        *rows,
    ]


def served_network(parity: Parity) -> str:
    """What a model card says about the network that is served, in its section `SECTION`."""
    rows = "\n".join(f"| {' | '.join(row)} |" for row in parity_rows(parity))
    return (
        f"Its weights are stored as {parity.numbers}. Compared with the float "
        f"network on {parity.images} pictures, the most probable diagnosis being the answer:\n\n"
        f"| figure | float | {parity.numbers} | allowed |\n| --- | --- | --- | --- |\n{rows}\n"
    )


def measure_parity(
    reference: ModelBundle,
    other: ModelBundle,
    validation: Manifest,
    *,
    numbers: str,
) -> Parity:
    """Ask two bundles with the same classes about every picture of a labelled manifest.

    Args:
        reference: With the float network.
        other: With the network made from it.
        validation: Labelled rows.
        numbers: How `other` stores its weights, as `Parity` has it.

    Raises:
        TaxonomyError: a diagnosis belongs to no class of the bundles.
        InputError: a picture cannot be read.
    """
    truth = np.array(reference.class_set.indices_of(validation.diagnoses))
    was, now = (_answers(bundle, validation) for bundle in (reference, other))
    difference = float(np.abs(was - now).max())
    return Parity(difference, len(truth), numbers, agreement(truth, was, now))


def _balanced_accuracy(truth: IntArray, probabilities: FloatArray) -> float:
    classes = probabilities.shape[1]
    return float(balanced_accuracy(confusion_matrix(truth, probabilities.argmax(axis=1), classes)))


def _answers(bundle: ModelBundle, manifest: Manifest) -> FloatArray:
    outcome = Predictor(bundle).predict(manifest.paths)
    if outcome.predictions is None or outcome.failures:
        raise InputError(f"{manifest.name}: {outcome.failures[0][1]}")
    return bundle.facts.calibrated(outcome.predictions.probabilities)
