"""The model card, written from what is known; what is not known says "not provided".

`render_model_card` writes it from a run, `render_judged_card` adds what reports found.
"""

import re
from collections.abc import Mapping, Sequence

import jinja2

from cutis import RESEARCH_USE_NOTICE
from cutis.deploy.judgement import Judgement, figure
from cutis.deploy.templates import template
from cutis.imaging import Preprocessing
from cutis.markdown import with_section, without_section

# What the licence of a training set asks of the weights.
LICENCES = {
    "ham10000": "CC BY-NC-SA 4.0 (HAM10000: Tschandl, Rosendahl, Kittler, Sci Data 2018)",
    "isic2017": "CC0 (ISIC 2017 challenge)",
    "pad-ufes-20": "CC BY 4.0 (PAD-UFES-20: Pacheco et al., Data in Brief 2020)",
    "phantom": "none; drawn pictures carry no rights and no evidence",
}

_TEMPLATE = """\
# Model card: {{ name }}

> {{ notice }}

| | |
| --- | --- |
| Architecture | {{ architecture }} |
{% if mean_of -%}
| Weights | mean of those of {{ mean_of | join(", ") }} |
{% endif -%}
| Input | {{ height }} x {{ width }} px, {{ fit }} |
| Classes | {{ classes | join(", ") }} |
| Trained on | {{ data or "not provided" }} |
| Licence of the weights | {{ licence }} |
| Made with | cutis {{ version }}, revision {{ revision or "not provided" }} |

## Intended use

Research on dermoscopic image classification and as a starting point for fine-tuning. It answers only
with the classes above, whatever it is shown, and it does not know patients, history or palpation.

## Training data

{{ counts or "not provided" }}

Lesions, patients and duplicates that the manifest names were kept on one side of every split.

## Results on validation

{{ results or "not provided" }}

{% if epoch_is_chosen -%}
The kept epoch was chosen on this split, so these figures are somewhat flattering. Judge the model with
{%- else -%}
No epoch was chosen on this split; settings may have been. Judge the model with
{%- endif %}
`cutis evaluate` on data that took no part in its making.

## Limits

Not measured beyond validation: subgroups, calibration, other devices and clinics, images without a
lesion.
"""


def render_model_card(
    *,
    name: str,
    architecture: str,
    mean_of: tuple[str, ...],
    classes: tuple[str, ...],
    height: int,
    width: int,
    fit: str,
    sources: tuple[str, ...],
    counts: Mapping[str, int],
    results: Mapping[str, float],
    epoch_is_chosen: bool,
    version: str,
    revision: str | None,
) -> str:
    """Markdown for people; every argument is a fact of the run."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(_TEMPLATE).render(
        name=name,
        notice=RESEARCH_USE_NOTICE,
        architecture=architecture,
        mean_of=mean_of,
        height=height,
        width=width,
        fit=fit,
        classes=classes,
        data=", ".join(sources),
        licence="; ".join(LICENCES.get(source, f"{source}: not provided") for source in sources)
        or "not provided",
        counts="\n".join(f"- {label}: {count} images" for label, count in counts.items()),
        results="\n".join(f"- {figure}: {value:.4f}" for figure, value in results.items()),
        epoch_is_chosen=epoch_is_chosen,
        version=version,
        revision=revision,
    )


def resized_card(card: str, *, was: Preprocessing, now: Preprocessing) -> str:
    """A card with another input size in its table, and what the old one still stands behind."""
    row = f"| Input | {now.height} x {now.width} px, {now.fit} |"
    return with_section(
        re.sub(r"^\| Input \|.*$", row, card, flags=re.M),
        "Input size",
        f"The input was changed from {was.height} x {was.width} px to {now.height} x {now.width}. "
        "Results and limits above were found before that; calibration, thresholds and rejection were "
        "left out, as they belonged to the old size.",
    )


def render_judged_card(card: str, judged: Sequence[Judgement]) -> str:
    """A bundle's card with its results and limits as the reports found them.

    Args:
        card: As the bundle carries it; its own sections on limits and on the same sets are replaced.
        judged: The model's own test split first, then external sets.
    """
    for title in (*(f"Results: {each.name}" for each in judged), "Limits"):
        card = without_section(card, title)
    results_of = template("judged")
    results = "".join(results_of.render(judged=each, figure=figure) for each in judged)
    limits = template("limits").render(judged=judged, figure=figure)
    return f"{card.rstrip()}\n\n{results}{limits}"
