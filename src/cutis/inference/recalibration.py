"""`calibrate_bundle`: ask a bundle about labelled pictures and write down what that taught."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cutis.bundle import (
    CARD,
    BundleFacts,
    ModelBundle,
    require_bundle_place,
    rewrite_bundle,
)
from cutis.checks import FloatArray
from cutis.errors import ManifestError
from cutis.inference.fitting import fit_readout, require_cases, require_fitting
from cutis.inference.predictor import Predictor
from cutis.inference.rejection_fitting import rejection_of_manifest, rejection_pictures
from cutis.markdown import with_section
from cutis.readout import Unit
from cutis.tables.manifest import Manifest
from cutis.taxonomy import find_task

METHODS_IN_WORDS = {
    "temperature": "temperature scaling",
    "vector": "vector scaling",
    "dirichlet": "Dirichlet calibration",
}
SECTION = "Calibration"  # of the model card


def calibrate_bundle(
    bundle: ModelBundle,
    manifest: Manifest,
    folder: Path,
    *,
    split: str = "val",
    level: float = 0.9,
    risk: float = 0.1,
    method: str | None = None,
    manifest_sha256: str | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> ModelBundle:
    """Write the bundle with a readout that was fitted on one split; an earlier one is forgotten.

    Where the manifest has a training split as well, the bundle also learns which pictures are unlike
    them; elsewhere it keeps what it knows of that.

    Args:
        bundle: Whose network is asked, through ONNX Runtime, as it will be served.
        manifest: Read with the bundle's taxonomy.
        folder: The new bundle; may be the old one's.
        split: Its labelled rows are used. Never one that the network was trained on.
        level, risk, method: As in `fit_readout`.
        manifest_sha256: For the record.
        on_progress: Called with the number of files just finished.

    Raises:
        ManifestError: no such split, no diagnosis in it, or a picture that cannot be read.
        TaxonomyError: a diagnosis that belongs to none of the bundle's classes.
        InputError: as `fit_readout`.
        OutputError: the folder cannot be written, or holds anything but an older bundle.
    """
    require_bundle_place(folder)  # all of this before the work
    cases = manifest.split(split).labelled()
    if not len(cases):
        raise ManifestError(manifest.name, [f"no labelled rows in split {split!r}"])
    lesions = cases.clusters()
    unit: Unit = "patients" if cases.drawn == "patients" else "lesions"
    require_fitting(lesions, level=level, risk=risk, method=method, split=split, unit=unit)
    require_cases(cases.diagnoses, bundle.class_set, split=split)
    readout = fit_readout(
        uncalibrated_probabilities(bundle, cases, on_progress=on_progress),
        cases.diagnoses,
        lesions,
        bundle.class_set,
        level=level,
        risk=risk,
        method=method,
        split=split,
        unit=unit,
        manifest_sha256=manifest_sha256,
    )
    facts, arrays = replace(bundle.facts, readout=readout), None
    known = rejection_pictures(manifest, split=split)
    if known is not None:
        rejection = rejection_of_manifest(bundle, *known, on_progress=on_progress)
        facts, arrays = replace(facts, rejection=rejection.to_dict()), rejection.to_arrays()
    return rewrite_bundle(
        bundle,
        folder,
        facts,
        model_card=with_section(bundle.read(CARD).decode(), SECTION, "\n".join(describe(facts))),
        rejection_arrays=arrays,
    )


def pictures_to_ask(manifest: Manifest, *, split: str) -> int:
    """How many pictures `calibrate_bundle` runs the network on."""
    known = rejection_pictures(manifest, split=split) or ()
    return len(manifest.split(split).labelled()) + sum(map(len, known))


def uncalibrated_probabilities(
    bundle: ModelBundle, cases: Manifest, *, on_progress: Callable[[int], None] | None = None
) -> FloatArray:
    """What the network itself answers for every row, shape (n, k).

    Raises:
        ManifestError: a picture cannot be read.
    """
    outcome = Predictor(bundle).predict(cases.paths, on_progress=on_progress)
    if outcome.failures or outcome.predictions is None:
        raise ManifestError(cases.name, [reason for _path, reason in outcome.failures])
    return outcome.predictions.probabilities


def describe(facts: BundleFacts) -> list[str]:
    """What a calibrated bundle has learned, one Markdown list item each."""
    readout, taxonomy = facts.readout, facts.taxonomy
    assert readout is not None
    fitted_on, sets, abstention = readout.fitted_on, readout.sets, readout.abstention
    unit = fitted_on.unit
    lines = [
        f"Fitted on {fitted_on.images} images of {fitted_on.lesions} {unit}, split "
        f"'{fitted_on.split}'; images of one {unit[:-1]} were kept together.",
        f"Probabilities: {METHODS_IN_WORDS[readout.method]}; classwise calibration error "
        f"{readout.error_before:.3f} before, {readout.error_after:.3f} with a map from other {unit}.",
    ]
    if fitted_on.absent:
        names = ", ".join(taxonomy.nodes[node].name for node in fitted_on.absent)
        lines.append(
            f"There was no case of {names}: what is fitted all but rules out a class without cases, "
            "whatever a picture shows."
        )
    lines += [
        f"{find_task(point.task, taxonomy).title}: threshold {point.threshold:.3f} found "
        f"{point.found} of {point.positives} ({point.sensitivity:.1%}) and spared {point.spared} "
        f"of {point.negatives} ({point.specificity:.1%})."
        for point in readout.thresholds
    ]
    lines.append(
        f"Sets of diagnoses at {100 * sets.level:g}%: held the truth for {sets.coverage:.1%} of "
        f"{unit}, with {sets.mean_size:.2f} diagnoses on average."
    )
    if abstention.threshold is None:
        lines.append(
            f"No threshold kept the share of wrong answers below {100 * abstention.risk:g}%."
        )
    else:
        lines.append(
            f"With --abstain: {abstention.coverage:.1%} of images answered, {abstention.error:.1%} of "
            f"these answers wrong, every {unit[:-1]} counting once; below {100 * abstention.risk:g}% "
            f"with {100 * abstention.confidence:g}% confidence."
        )
    if facts.rejection is None:
        lines.append("Strange pictures are not rejected: there were too few to learn them from.")
    else:
        lines.append(
            f"Rejects pictures farther than {facts.rejection['limit']:.2f} from "
            f"{facts.rejection['fitted_on']} of training, as at most "
            f"{facts.rejection['false_rejection_rate']:.0%} of "
            f"{facts.rejection['chosen_on']} in validation are."
        )
    return [f"- {line}" for line in lines]
