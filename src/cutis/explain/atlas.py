"""`write_atlas`: a split of a manifest, laid out by features, as a page, a figure and tables."""

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cutis
from cutis.bundle import NETWORK, ModelBundle
from cutis.errors import ManifestError
from cutis.explain.embedding import PROJECTIONS, FeatureMap, Projection, project, spread_sample
from cutis.explain.embedding import labels_of as labels_by
from cutis.explain.feature_figures import feature_map_figure
from cutis.explain.map_page import map_fragment, map_page
from cutis.explain.neighbors import neighbour_agreement
from cutis.files import atomic_path, require_writable, write_json, write_text
from cutis.inference.features import Features, extract_features
from cutis.inference.predictor import Predictor
from cutis.plots import save_png
from cutis.tables.manifest import Manifest

FORMAT_VERSION = 1
PAGE, PICTURE, POINTS, FEATURES, SUMMARY = (
    "map.html",
    "map.png",
    "map.csv",
    "features.npz",
    "map.json",
)
NEIGHBOURS = 10


@dataclass(frozen=True, eq=False)
class Atlas:
    """A map with what it was made from.

    Attributes:
        shown: The map.
        manifest: The rows that are shown, in the order of the map.
        features: Of every picture that could be read, more than are shown where there are many.
        agreement: Mean share of the 10 nearest pictures of other lesions with the same label; nan
            where no picture has as many.
        chance: The same for pictures drawn at random.
        failures: Files that could not be read.
    """

    shown: FeatureMap
    manifest: Manifest
    features: Features
    agreement: float
    chance: float
    failures: tuple[tuple[Path, str], ...]

    @property
    def agreement_in_words(self) -> str:
        """How often near pictures share a label."""
        if math.isnan(self.agreement):
            return f"undefined, as no picture has {NEIGHBOURS} others"
        return f"{self.agreement:.1%}, by chance {self.chance:.1%}"

    def to_json(self, bundle: ModelBundle, *, split: str, by: str) -> dict[str, Any]:
        """What `cutis embed --json` prints."""
        return {
            "format_version": FORMAT_VERSION,
            "notice": cutis.RESEARCH_USE_NOTICE,
            "cutis": cutis.__version__,
            "model": {"name": bundle.facts.name, "sha256": bundle.sha256[NETWORK]},
            "split": split,
            "projection": self.shown.projection,
            "coloured_by": by,
            "pictures": len(self.features),
            "shown": len(self.shown.image_ids),
            "groups": {name: self.shown.labels.count(name) for name in self.shown.legend},
            "neighbours_of_other_lesions": {
                "k": NEIGHBOURS,
                "same_group": self.agreement,
                "by_chance": self.chance,
            },
            "failures": [{"path": str(path), "reason": reason} for path, reason in self.failures],
        }


def make_atlas(
    predictor: Predictor,
    manifest: Manifest,
    *,
    split: str = "test",
    projection: Projection = "tsne",
    by: str = "class",
    limit: int = 1500,
    seed: int = 0,
    on_progress: Callable[[int], None] | None = None,
) -> Atlas:
    """Lay out a split of a manifest.

    Args:
        predictor: Of the bundle whose features are shown.
        manifest: With the pictures.
        split: "train", "val", "test", or "all".
        projection, by, seed: As `project` and `labels_of`.
        limit: The most pictures on the map; of more, some are drawn at random, by label.
        on_progress: Called with the number of pictures just finished.

    Raises:
        ManifestError: no such split, or it is empty.
        InputError: as `project`, `labels_of` and `spread_sample`.
        BundleError: the network gives no features.
    """
    rows = manifest if split == "all" else manifest.split(split)
    if not len(rows):
        raise ManifestError(manifest.name, ["no rows"])
    labels = labels_by(rows, predictor.bundle.class_set, by=by)
    spread_sample(labels, limit=limit)  # what cannot be shown is found out first
    features, failures = extract_features(
        predictor, rows.paths, rows.image_ids, on_progress=on_progress
    )
    readable = set(features.image_ids)
    rows = rows.rows(rows.frame["image_id"].isin(readable).to_numpy())
    labels = labels_by(rows, predictor.bundle.class_set, by=by)
    agreement, chance = neighbour_agreement(features, labels, rows.clusters(), k=NEIGHBOURS)
    sample = spread_sample(labels, limit=limit, seed=seed)
    ids = tuple(features.image_ids[row] for row in sample)
    chosen = Features(ids, features.values[sample], features.model_sha256)
    shown = FeatureMap(
        ids,
        project(chosen, projection=projection, seed=seed),
        tuple(labels[row] for row in sample),
        projection,
    )
    kept = rows.rows(rows.frame["image_id"].isin(set(ids)).to_numpy())
    return Atlas(shown, kept, features, agreement, chance, failures)


def write_atlas(atlas: Atlas, folder: Path, bundle: ModelBundle, *, split: str, by: str) -> None:
    """Write the page, the figure, the points, the features and `map.json`.

    Raises:
        OutputError: the folder cannot be written.
    """
    require_writable(folder, free_bytes=20 * 2**20)
    facts = {
        "Network": f"{bundle.facts.name} ({bundle.facts.architecture})",
        "Pictures": f"{len(atlas.shown.image_ids)} of {len(atlas.features)} of split {split}",
        "Layout": f"{PROJECTIONS[atlas.shown.projection]} of the cosines of features",
        "Coloured by": by,
        f"Same group among the {NEIGHBOURS} nearest of other lesions": atlas.agreement_in_words,
    }
    fragment = map_fragment(atlas.shown, atlas.manifest.paths, picture_notes(atlas))
    write_text(folder / PAGE, map_page("Pictures by their features", facts, [fragment]))
    with atomic_path(folder / PICTURE) as partial:
        save_png(feature_map_figure(atlas.shown), partial, dpi=140)
    with (
        atomic_path(folder / POINTS) as partial,
        partial.open("w", newline="", encoding="utf-8") as out,
    ):
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["image_id", "x", "y", "group"])
        for row in zip(
            atlas.shown.image_ids, *atlas.shown.points.T, atlas.shown.labels, strict=True
        ):
            writer.writerow(row)
    atlas.features.write(folder / FEATURES)
    write_json(folder / SUMMARY, atlas.to_json(bundle, split=split, by=by))


def picture_notes(atlas: Atlas) -> list[str]:
    """A line for each picture of a map: its diagnosis, and its group where that says more."""
    nodes = atlas.manifest.taxonomy.nodes
    names = [nodes[d].name if d else "no diagnosis" for d in atlas.manifest.diagnoses]
    return [
        name if name == label else f"{name} ({label})"
        for name, label in zip(names, atlas.shown.labels, strict=True)
    ]
