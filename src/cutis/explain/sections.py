"""What a report shows of a network: its map of the pictures, and what its heat maps are worth."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cutis.bundle import ModelBundle
from cutis.evaluation.section import Section, Table, as_content, estimate_lines
from cutis.explain.atlas import NEIGHBOURS, Atlas, make_atlas, picture_notes
from cutis.explain.attribution import Method, attribute, parse_methods
from cutis.explain.checks import MapCheck, MethodChecks, check_map, summarise_checks
from cutis.explain.figures import checks_figure
from cutis.explain.map_page import map_fragment
from cutis.explain.overlap import lesion_mask
from cutis.explain.pictures import most_probable
from cutis.imaging import load_rgb
from cutis.inference.predictor import Predictor
from cutis.models.trained import TrainedClassifier, load_trained
from cutis.tables.manifest import Manifest

COLUMNS = {
    "deletion": "Deletion area",
    "insertion": "Insertion area",
    "randomised": "Correlation after randomising",
    "mass_inside": "Share on the lesion",
    "area_share": "Lesion's area (chance)",
    "gain_inside": "On the lesion, above chance",
}
CHECKED_METHODS: tuple[Method, ...] = ("saliency", "grad-cam")


def explanation_sections(
    bundle: ModelBundle,
    judged: Manifest,
    *,
    images: int = 24,
    replicates: int = 1000,
    seed: int = 0,
    on_progress: Callable[[int], None] | None = None,
) -> list[Section]:
    """A map of the judged pictures by the network's features, and checks of its heat maps.

    Args:
        bundle: The network behind the predictions.
        judged: The rows that the report is about.
        images: How many pictures heat maps are checked on, drawn at random.
        replicates, seed: Of the bootstrap and of everything drawn.
        on_progress: Called with the number of pictures just finished, of the map and of the checks.

    Raises:
        BundleError: the network gives no features, or Cutis cannot build it.
        InputError: too few pictures for a map.
    """
    atlas = make_atlas(Predictor(bundle), judged, split="all", seed=seed, on_progress=on_progress)
    readable = judged.rows(judged.frame["image_id"].isin(atlas.features.image_ids).to_numpy())
    drawn = np.random.default_rng(seed).permutation(len(readable))[:images]
    rows = readable.rows(np.isin(np.arange(len(readable)), drawn))
    checked = _checked(load_trained(bundle.folder), rows, seed=seed, on_progress=on_progress)
    summaries = [
        summarise_checks(method, checks, rows.clusters(), replicates=replicates, seed=seed)
        for method, checks in checked.items()
    ]
    return [map_section(atlas), checks_section(summaries)]


def map_section(atlas: Atlas) -> Section:
    """The map of features as a section of a report; thumbnails where the mouse points."""
    return Section(
        key="feature_map",
        title="How the network arranges the pictures",
        text=(
            f"{len(atlas.shown.image_ids)} of {len(atlas.features)} pictures, t-SNE of the last hidden "
            "layer. Only neighbourhoods mean something, not distances between groups. Share of the "
            f"{NEIGHBOURS} nearest pictures of other lesions with the same class: "
            f"{atlas.agreement_in_words}.",
            *([f"Not readable: {len(atlas.failures)} files."] if atlas.failures else []),
        ),
        fragment=map_fragment(atlas.shown, atlas.manifest.paths, picture_notes(atlas)),
        content={
            "pictures": len(atlas.features),
            "neighbours": NEIGHBOURS,
            "same_class_of_other_lesions": atlas.agreement,
            "by_chance": atlas.chance,
        },
    )


def _checked(
    model: TrainedClassifier,
    rows: Manifest,
    *,
    seed: int,
    on_progress: Callable[[int], None] | None,
) -> dict[Method, list[MapCheck]]:
    """The checks of each method that the network allows, one for each row's most probable class."""
    allowed = parse_methods(["all"], model)
    checks: dict[Method, list[MapCheck]] = {m: [] for m in CHECKED_METHODS if m in allowed}
    for path, mask_path in zip(rows.paths, rows.frame["mask_path"], strict=True):
        rgb = load_rgb(path)
        frame = model.preprocessing.frame(rgb)
        mask = (
            lesion_mask(Path(mask_path), model.preprocessing, picture_size=rgb.shape[:2])
            if mask_path
            else None
        )
        target = most_probable(model, frame)
        for method, found in checks.items():
            heat = attribute(model, frame, target, method=method, seed=seed)
            found.append(check_map(model, frame, heat, mask=mask, seed=seed))
        if on_progress is not None:
            on_progress(1)
    return checks


def checks_section(methods: Sequence[MethodChecks]) -> Section:
    """The checks of several methods, on the same pictures, as a section of a report."""
    rows = tuple(
        (
            method.method,
            *(estimate_lines(method.estimates[key]) for key in COLUMNS),
        )
        for method in methods
    )
    pictures = max((each.n for method in methods for each in method.estimates.values()), default=0)
    return Section(
        key="heat_maps",
        title="Do the heat maps mean anything?",
        text=(
            f"Heat maps of {pictures} pictures, each for its most probable class. A map that shows "
            "the network is lost with its weights (correlation near 0); one that shows what matters "
            "has a small deletion and a large insertion area; one that finds the lesion has more of "
            "itself there than the lesion's share of the picture.",
        ),
        tables=(Table(("Method", *COLUMNS.values()), rows, "Means; 95 % intervals over lesions."),),
        plots={
            "For each method of drawing heat maps: share on the lesion above chance, insertion less "
            "deletion area, and correlation after the weights are randomised": checks_figure(
                methods
            )
        },
        content={method.method: as_content(method.estimates) for method in methods},
    )
