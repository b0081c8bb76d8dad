"""`write_look_alikes`: for each picture a row of the training cases nearest to it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cutis
from cutis.bundle import NETWORK, ModelBundle
from cutis.errors import InputError
from cutis.explain.feature_figures import neighbours_figure
from cutis.explain.neighbors import Neighbour, TrainingCases, nearest_cases
from cutis.files import atomic_path, write_json
from cutis.inference.features import Features, extract_features
from cutis.inference.picture_files import image_ids
from cutis.inference.predictor import Predictor
from cutis.plots import save_png
from cutis.tables.manifest import Manifest

FORMAT_VERSION = 1
SUMMARY = "neighbors.json"


@dataclass(frozen=True, eq=False)
class LookAlikes:
    """The cases near to each of a list of pictures, and the files, of training too, that failed."""

    cases: dict[str, tuple[Neighbour, ...]]
    paths: dict[str, Path]
    failures: tuple[tuple[Path, str], ...]

    def to_json(self, bundle: ModelBundle) -> dict[str, Any]:
        """What `cutis neighbors --json` prints."""
        return {
            "format_version": FORMAT_VERSION,
            "notice": cutis.RESEARCH_USE_NOTICE,
            "cutis": cutis.__version__,
            "model": {"name": bundle.facts.name, "sha256": bundle.sha256[NETWORK]},
            "pictures": [
                {
                    "image_id": image_id,
                    "path": str(self.paths[image_id]),
                    "neighbors": [asdict(case) | {"path": str(case.path)} for case in cases],
                }
                for image_id, cases in self.cases.items()
            ],
            "failures": [{"path": str(path), "reason": reason} for path, reason in self.failures],
        }


def write_look_alikes(
    predictor: Predictor,
    manifest: Manifest,
    paths: Sequence[Path],
    output: Path,
    *,
    k: int = 5,
    known: Features | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> LookAlikes:
    """Find the nearest training cases of files and draw them, a PNG for each file.

    Args:
        predictor: Of the bundle.
        manifest: With the training cases.
        paths: Files, each once.
        output: Folder for the PNGs and `neighbors.json`.
        k: Cases for each file.
        known: Features of the training pictures by the same network; computed where None.
        on_progress: Called with the number of files just finished, of training too.

    Raises:
        ManifestError: the manifest has no training split.
        InputError: none of the files can be read, or as `nearest_cases`.
        OutputError: the folder cannot be written.
    """
    training = manifest.split("train").labelled()
    unreadable: tuple[tuple[Path, str], ...] = ()
    if known is None:
        known, unreadable = extract_features(
            predictor, training.paths, training.image_ids, on_progress=on_progress
        )
    elif known.model_sha256 != predictor.bundle.sha256[NETWORK]:
        raise InputError("features: from another network than the bundle's; compute them again")
    cases = TrainingCases.of(manifest, known)
    queries, failures = extract_features(
        predictor, paths, image_ids(paths), on_progress=on_progress
    )
    path_of = dict(zip(image_ids(paths), paths, strict=True))
    found = nearest_cases(queries, path_of, cases, k=k)
    result = LookAlikes(found, {name: path_of[name] for name in found}, unreadable + failures)
    names = {node: manifest.taxonomy.nodes[node].name for node in manifest.taxonomy.nodes}
    for image_id, near in found.items():
        with atomic_path(output / f"{image_id}-neighbors.png") as partial:
            figure = neighbours_figure(path_of[image_id], image_id, near, names)
            save_png(figure, partial, dpi=150)
    write_json(output / SUMMARY, result.to_json(predictor.bundle))
    return result
