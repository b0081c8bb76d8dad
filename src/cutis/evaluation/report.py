"""The report: one self-contained page for people, and `result.json` with the same numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

import cutis
from cutis.evaluation.classifier import Evaluation
from cutis.evaluation.estimates import AS_WHOLE, HOW_DRAWN
from cutis.evaluation.reading import Reading
from cutis.evaluation.section import Section, shown, shown_ends
from cutis.files import require_writable, write_json, write_text
from cutis.plots import to_svg
from cutis.wording import counted

FORMAT_VERSION = 1


@dataclass(frozen=True, eq=False)
class Heading:
    """What stands at the top of a report, above its sections.

    Attributes:
        title: Of the page.
        subtitle: What was judged, in a sentence or two.
        method: How intervals were made, in a sentence or two; stands at the end of the page.
        facts: The same for `result.json`, at its top level.
    """

    title: str
    subtitle: str
    method: str
    facts: Mapping[str, Any]


def classifier_heading(evaluation: Evaluation, reading: Reading) -> Heading:
    """The heading of a classifier's report.

    Args:
        evaluation: What was found.
        reading: What was judged.
    """
    lesions = "" if evaluation.lesions is None else f" of {counted(evaluation.lesions, 'lesion')}"
    left_out = "".join(
        f" Left out: {counted(rows, 'row')} {why}."
        for rows, why in (
            (evaluation.left_out, "without a diagnosis"),
            (evaluation.outside, "of other diagnoses"),
        )
        if rows
    )
    return Heading(
        title="Classifier report",
        subtitle=f"Split {evaluation.split}: {counted(evaluation.images, 'image')}{lesions}, "
        f"{len(evaluation.classes)} classes.{left_out} {reading.in_words()}".rstrip(),
        method=f"Intervals come from {evaluation.replicates} bootstrap replicates "
        f"(seed {evaluation.seed}): {HOW_DRAWN}. {AS_WHOLE[evaluation.drawn]}",
        facts={
            "split": evaluation.split,
            "images": evaluation.images,
            "lesions": evaluation.lesions,
            "left_out_without_diagnosis": evaluation.left_out,
            "left_out_other_diagnoses": evaluation.outside,
            "reading": reading.to_dict(),
            "interval": {
                "level": 0.95,
                "method": f"bootstrap over {evaluation.drawn}, {HOW_DRAWN}",
                "replicates": evaluation.replicates,
                "seed": evaluation.seed,
            },
            "classes": evaluation.class_counts,
        },
    )


def write_report(
    heading: Heading,
    sections: Sequence[Section],
    folder: Path,
    *,
    inputs: Mapping[str, str],
    command: str = "",
) -> Path:
    """Write `report.html` and `result.json`.

    Args:
        heading: What was judged.
        sections: In the order of the page.
        folder: Created if need be.
        inputs: SHA-256 of every file the evaluation came from, by name.
        command: How to make the report again.

    Returns:
        The path of `report.html`.

    Raises:
        OutputError: the folder cannot be written.
    """
    require_writable(folder, free_bytes=20 * 2**20)
    page = _template().render(
        heading=heading,
        sections=sections,
        inputs=inputs,
        command=command,
        date=datetime.now(UTC).date().isoformat(),
        version=cutis.__version__,
        notice=cutis.RESEARCH_USE_NOTICE,
    )
    report = folder / "report.html"
    write_json(folder / "result.json", as_json(heading, sections, inputs=inputs, command=command))
    write_text(report, page)
    return report


def as_json(
    heading: Heading, sections: Sequence[Section], *, inputs: Mapping[str, str], command: str = ""
) -> dict[str, Any]:
    """The content of `result.json`: every estimate with its interval and denominators."""
    return {
        "format_version": FORMAT_VERSION,
        "notice": cutis.RESEARCH_USE_NOTICE,
        "cutis": cutis.__version__,
        "command": command,
        "inputs_sha256": dict(inputs),
        **heading.facts,
        **{section.key: section.content for section in sections if section.content is not None},
    }


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"figure": shown, "ends": shown_ends, "svg": to_svg}
    text = resources.files("cutis.evaluation").joinpath("report.html").read_text(encoding="utf-8")
    return environment.from_string(text)
