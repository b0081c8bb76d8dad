"""The sections of a report that every classifier gets."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from cutis.evaluation.cases import MALIGNANT, OVERALL, PER_CLASS
from cutis.evaluation.classifier import ErrorCase, Evaluation
from cutis.evaluation.estimates import Estimate
from cutis.evaluation.figures import classifier as figures
from cutis.evaluation.section import (
    Card,
    Picture,
    Section,
    Table,
    as_content,
    estimate_cells,
    estimate_lines,
    shown_part,
)
from cutis.thumbnails import thumbnail_uri
from cutis.wording import counted, words

FEW = 10  # lesions of a class, below which the interval of a mean over classes is too narrow
CARDS = ("macro_roc_auc", "balanced_accuracy", "accuracy", "macro_f1")
THUMBNAIL_PX = 160


def classifier_sections(evaluation: Evaluation, *, history: Figure | None = None) -> list[Section]:
    """Figures, curves, confusion matrix and errors.

    Args:
        evaluation: What to show.
        history: The run by epochs, as `history_figure` draws it.
    """
    sections = [_glance(evaluation), _overall(evaluation), _by_class(evaluation)]
    if evaluation.malignant:
        sections.append(_malignant(evaluation))
    sections.append(_plots(evaluation, history))
    if evaluation.errors:
        sections.append(_errors(evaluation))
    return sections


def _glance(evaluation: Evaluation) -> Section:
    cards = [Card(words(name), evaluation.overall[name]) for name in CARDS]
    if evaluation.malignant:
        cards.append(Card("malignant against benign, AUC", evaluation.malignant["roc_auc"]))
    return Section("glance", "At a glance", cards=tuple(cards))


def _overall(evaluation: Evaluation) -> Section:
    few = [f"{words(name)} {n}" for name, n in evaluation.drawn_by_class.items() if 0 < n < FEW]
    narrow = (
        f" Their intervals are too narrow where a class has few {evaluation.drawn}: {', '.join(few)}."
        if few
        else ""
    )
    return Section(
        "overall",
        "All figures",
        text=(
            "Balanced accuracy and macro figures are means over the classes that occur in the split."
            f"{narrow} A class that occurs but is never answered counts with a precision of zero in "
            "the macro mean; a figure that the data do not define is called undefined.",
        ),
        tables=(_estimate_table({name: evaluation.overall[name] for name in OVERALL}, n="n"),),
        content=as_content(evaluation.overall),
    )


def _by_class(evaluation: Evaluation) -> Section:
    counts = evaluation.class_counts
    rows = [
        (
            words(label),
            str(counts[label]),
            *(estimate_lines(evaluation.per_class[name][label]) for name in PER_CLASS),
        )
        for label in evaluation.classes
    ]
    return Section(
        "per_class",
        "By class, one against the rest",
        tables=(Table(("Class", "Images", *map(words, PER_CLASS)), tuple(rows)),),
        content=as_content(evaluation.per_class),
    )


def _malignant(evaluation: Evaluation) -> Section:
    return Section(
        "malignant_against_benign",
        "Malignant against benign",
        text=(
            "The probability of malignancy is the sum over malignant and premalignant classes; "
            "sensitivity and specificity are at a threshold of 0.5.",
        ),
        tables=(
            _estimate_table(
                {name: evaluation.malignant[name] for name in MALIGNANT}, n="malignant / n"
            ),
        ),
        content=as_content(evaluation.malignant),
    )


def _plots(evaluation: Evaluation, history: Figure | None) -> Section:
    plots = {
        "ROC curves of every class, with areas in the legend": figures.roc_figure(evaluation),
        "Precision-recall curves of every class": figures.precision_recall_figure(evaluation),
        "Confusion matrix with counts and row shares": figures.confusion_figure(evaluation),
        "Sensitivity of every class with intervals": figures.recall_figure(evaluation),
    }
    if history is not None:
        plots["Loss and validation figures by epoch"] = history
    return Section(
        "confusion_matrix",
        "Plots",
        plots=plots,
        content=evaluation.confusion.astype(int).tolist(),
    )


def _errors(evaluation: Evaluation) -> Section:
    wrong = evaluation.confusion.sum() - evaluation.confusion.trace()
    return Section(
        "errors",
        "Most confident errors",
        text=(f"{len(evaluation.errors)} of {counted(int(wrong), 'wrong answer')}.",),
        pictures=tuple(map(_error_picture, evaluation.errors)),
    )


def _error_picture(case: ErrorCase) -> Picture:
    truth, answer = words(case.truth), words(case.answer)
    return Picture(
        uri=thumbnail_uri(Path(case.path), side_px=THUMBNAIL_PX),
        alt=f"{case.image_id}: {truth} taken for {answer}",
        caption=(case.image_id, f"is {truth}", f"answered {answer} ({case.probability:.0%})"),
    )


def _estimate_table(estimates: Mapping[str, Estimate], *, n: str) -> Table:
    rows = [
        (words(name), *estimate_cells(estimate), shown_part(estimate.positives, estimate.n))
        for name, estimate in estimates.items()
    ]
    return Table(("Figure", "Value", "95 % interval", n), tuple(rows))
