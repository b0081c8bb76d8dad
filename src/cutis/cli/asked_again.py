"""`cutis evaluate --stress` and `--explain`: the bundle behind the predictions, asked again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cutis.bundle import ModelBundle
    from cutis.evaluation.section import Section
    from cutis.tables.manifest import Manifest
    from cutis.tables.predictions import Predictions


def bundle_behind(predictions: Predictions, place: Path) -> ModelBundle:
    """Load the model that may have made the predictions; call it before long work.

    Raises:
        BundleError: it cannot be used.
        InputError: it tells other classes apart.
    """
    from cutis.errors import InputError
    from cutis.zoo import resolve

    model = resolve(place)
    if set(model.facts.classes) != set(predictions.classes):
        raise InputError(
            f"{place}: tells apart {', '.join(sorted(model.facts.classes))}; the predictions are "
            f"about {', '.join(sorted(predictions.classes))}; give the bundle that made them"
        )
    return model


def require_stressed_pictures(
    model: ModelBundle, judged: Manifest, *, images: int, seed: int
) -> None:
    """Decode what the stress test will draw; call it before long work.

    Raises:
        ManifestError: pictures or masks that cannot be read.
    """
    from cutis.evaluation.robustness import drawn_rows
    from cutis.evaluation.stressed_answers import require_readable

    require_readable(drawn_rows(judged, model.facts.classes, images=images, seed=seed))


def stress_sections(
    model: ModelBundle, judged: Manifest, *, images: int, replicates: int, seed: int
) -> list[Section]:
    """The section on robustness, after asking the bundle about every perturbation of some images."""
    import numpy as np

    from cutis.cli.progress import progress_bar
    from cutis.evaluation.robustness import stress_test
    from cutis.evaluation.robustness_report import stress_section
    from cutis.inference.predictor import Predictor

    predictor, preprocessing = Predictor(model), model.facts.preprocessing
    with progress_bar(min(images, len(judged)), "stress test") as advance:
        found = stress_test(
            lambda pictures: predictor.probabilities(
                np.stack([*map(preprocessing.frame, pictures)])
            ),
            judged,
            classes=model.facts.classes,
            images=images,
            replicates=replicates,
            seed=seed,
            on_progress=advance,
        )
    return [stress_section(found)]


def explained_sections(
    model: ModelBundle, judged: Manifest, *, images: int, replicates: int, seed: int
) -> list[Section]:
    """The sections on the map of features and on heat maps."""
    from cutis.cli.progress import progress_bar
    from cutis.explain.sections import explanation_sections

    with progress_bar(len(judged) + min(images, len(judged)), "explaining") as advance:
        return explanation_sections(
            model, judged, images=images, replicates=replicates, seed=seed, on_progress=advance
        )
