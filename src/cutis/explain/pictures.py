"""`explain_pictures`: from files to a heat map in a PNG for each picture and method."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

import cutis
from cutis.checks import BoolArray, UInt8Array
from cutis.errors import ImageError
from cutis.explain.attribution import Method, attribute, input_of
from cutis.explain.checks import MapCheck, check_map
from cutis.explain.figures import attribution_figure
from cutis.explain.overlap import lesion_mask
from cutis.explain.target import Target
from cutis.files import atomic_path, write_json
from cutis.imaging import load_rgb
from cutis.inference.picture_files import image_ids
from cutis.models.modes import evaluating
from cutis.models.trained import TrainedClassifier, calibrated
from cutis.plots import save_png

FORMAT_VERSION = 1
SUMMARY = "explanation.json"
DPI = 150


@dataclass(frozen=True)
class ExplainedPicture:
    """One map of one picture.

    Attributes:
        image_id, path: Of the picture.
        node: That was explained.
        probability: Of the node.
        method: That made the map.
        file: The PNG, relative to the output folder.
        check: Of the map, if it was asked for.
    """

    image_id: str
    path: Path
    node: str
    probability: float
    method: Method
    file: str
    check: MapCheck | None


@dataclass(frozen=True)
class Explanation:
    """What became of a list of pictures."""

    pictures: tuple[ExplainedPicture, ...]
    failures: tuple[tuple[Path, str], ...]

    def to_json(self, model: TrainedClassifier) -> dict[str, Any]:
        """What `cutis explain --json` prints; `docs/explanation.md` describes every key."""
        return {
            "format_version": FORMAT_VERSION,
            "notice": cutis.RESEARCH_USE_NOTICE,
            "cutis": cutis.__version__,
            "model": {
                "name": model.name,
                "architecture": model.architecture,
                "weights_sha256": model.weights_sha256,
                "taxonomy": model.classes.taxonomy.name,
            },
            "pictures": [
                asdict(picture) | {"path": str(picture.path)} for picture in self.pictures
            ],
            "failures": [{"path": str(path), "reason": reason} for path, reason in self.failures],
        }


def explain_pictures(
    model: TrainedClassifier,
    paths: Sequence[Path],
    output: Path,
    *,
    methods: Sequence[Method] = ("saliency",),
    node: str | None = None,
    check: bool = False,
    masks: Mapping[str, Path] | None = None,
    seed: int = 0,
    on_progress: Callable[[int], None] | None = None,
) -> Explanation:
    """Explain files; one that cannot be read is reported and the rest go on.

    Args:
        model: Whose answers.
        paths: Files, each once.
        output: Folder for the PNGs and `explanation.json`; nothing is written when no file is read.
        methods: One PNG for each picture and method.
        node: A label of the taxonomy; None explains each picture's most probable class.
        check: Check every map, which takes as long as some dozens of maps.
        masks: Lesion masks by image id, for the checks.
        seed: Of everything random.
        on_progress: Called with 1 after each file.

    Raises:
        InputError: a file is given twice; or as `Target.of` and `attribute`.
        OutputError: the folder cannot be written.
    """
    asked = None if node is None else Target.of(node, model.classes)
    explained: list[ExplainedPicture] = []
    failures: list[tuple[Path, str]] = []
    for path, image_id in zip(paths, image_ids(paths), strict=True):
        try:
            frame = model.preprocessing.read(path)
            mask = _mask_of(model, (masks or {}).get(image_id), path)
        except ImageError as fault:
            failures.append((path, str(fault)))
        else:
            target = asked or most_probable(model, frame)
            for method in methods:
                attribution = attribute(model, frame, target, method=method, seed=seed)
                file = f"{image_id}-{target.node.replace('/', '-')}-{method}.png"
                with atomic_path(output / file) as partial:
                    figure = attribution_figure(frame, attribution, title=image_id)
                    save_png(figure, partial, dpi=DPI)
                checked = (
                    check_map(model, frame, attribution, mask=mask, seed=seed) if check else None
                )
                explained.append(
                    ExplainedPicture(
                        image_id, path, target.node, attribution.probability, method, file, checked
                    )
                )
        if on_progress is not None:
            on_progress(1)
    explanation = Explanation(tuple(explained), tuple(failures))
    if explained:
        write_json(output / SUMMARY, explanation.to_json(model))
    return explanation


def most_probable(model: TrainedClassifier, frame: UInt8Array) -> Target:
    """The class that the model answers with, as something to explain."""
    with evaluating(model.network), torch.no_grad():
        logits = model.network(input_of(model, frame))
        answer = int(calibrated(logits, model.calibration)[0].argmax())
    return Target.of(model.classes.classes[answer], model.classes)


def _mask_of(model: TrainedClassifier, mask: Path | None, picture: Path) -> BoolArray | None:
    if mask is None:
        return None
    height, width, _channels = load_rgb(picture).shape
    return lesion_mask(mask, model.preprocessing, picture_size=(height, width))
