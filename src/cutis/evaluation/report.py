"""The report: one self-contained page for people, and `result.json` with the same numbers."""

import base64
import io
import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from PIL import Image, ImageDraw

import cutis
from cutis.errors import ImageError
from cutis.evaluation import figures
from cutis.evaluation.classifier import MALIGNANT, OVERALL, PER_CLASS, Estimate, Evaluation
from cutis.files import require_writable, write_json, write_text
from cutis.imaging import open_rgb

FORMAT_VERSION = 1
THUMBNAIL_PX = 160


def write_report(
    evaluation: Evaluation,
    folder: Path,
    *,
    inputs: Mapping[str, str],
    command: str = "",
    history: Path | None = None,
) -> Path:
    """Write `report.html` and `result.json`.

    Args:
        evaluation: What to show.
        folder: Created if need be.
        inputs: SHA-256 of every file the evaluation came from, by name.
        command: How to make the report again.
        history: The `history.csv` of the run, to show its curves.

    Returns:
        The path of `report.html`.

    Raises:
        OutputError: the folder cannot be written.
        InputError: the history cannot be read.
    """
    require_writable(folder, free_bytes=20 * 2**20)
    plots = {
        "ROC curves of every class, with areas in the legend": figures.roc_figure(evaluation),
        "Precision-recall curves of every class": figures.precision_recall_figure(evaluation),
        "Confusion matrix with counts and row shares": figures.confusion_figure(evaluation),
        "Sensitivity of every class with intervals": figures.recall_figure(evaluation),
    }
    if history is not None:
        plots["Loss and validation figures by epoch"] = figures.history_figure(history)
    page = _template().render(
        evaluation=evaluation,
        overall={name: evaluation.overall[name] for name in OVERALL},
        malignant={name: evaluation.malignant[name] for name in MALIGNANT if evaluation.malignant},
        per_class=PER_CLASS,
        counts=evaluation.class_counts,
        plots={alt: figures.to_svg(figure) for alt, figure in plots.items()},
        gallery=[(case, thumbnail_uri(Path(case.path))) for case in evaluation.errors],
        inputs=inputs,
        command=command,
        date=datetime.now(UTC).date().isoformat(),
        version=cutis.__version__,
        notice=cutis.RESEARCH_USE_NOTICE,
    )
    report = folder / "report.html"
    write_json(folder / "result.json", as_json(evaluation, inputs=inputs, command=command))
    write_text(report, page)
    return report


def as_json(
    evaluation: Evaluation, *, inputs: Mapping[str, str], command: str = ""
) -> dict[str, Any]:
    """The content of `result.json`: every estimate with its interval and denominators."""

    def estimates(found: Mapping[str, Estimate]) -> dict[str, Any]:
        return {name: asdict(estimate) for name, estimate in found.items()}

    return {
        "format_version": FORMAT_VERSION,
        "notice": cutis.RESEARCH_USE_NOTICE,
        "cutis": cutis.__version__,
        "command": command,
        "inputs_sha256": dict(inputs),
        "split": evaluation.split,
        "images": evaluation.images,
        "lesions": evaluation.lesions,
        "left_out_without_diagnosis": evaluation.left_out,
        "interval": {
            "level": 0.95,
            "method": "percentile bootstrap over lesions",
            "replicates": evaluation.replicates,
            "seed": evaluation.seed,
        },
        "classes": evaluation.class_counts,
        "confusion_matrix": evaluation.confusion.astype(int).tolist(),
        "overall": estimates(evaluation.overall),
        "per_class": {name: estimates(evaluation.per_class[name]) for name in evaluation.per_class},
        "malignant_against_benign": estimates(evaluation.malignant),
    }


def thumbnail_uri(path: Path) -> str:
    """A small JPEG of a picture as a data URI; a grey card where it cannot be read."""
    try:
        picture = open_rgb(path)
    except ImageError:
        picture = Image.new("RGB", (THUMBNAIL_PX, THUMBNAIL_PX * 3 // 4), "#888888")
        ImageDraw.Draw(picture).text((10, 10), "not readable", fill="white")
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["words"] = lambda name: name.replace("-", " ").replace("_", " ")
    environment.filters["figure"] = _figure
    text = resources.files("cutis.evaluation").joinpath("report.html").read_text(encoding="utf-8")
    return environment.from_string(text)


def _figure(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.3f}"
