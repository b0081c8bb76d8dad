"""The report of a model beside readers."""

from collections.abc import Iterator
from itertools import combinations

from cutis.evaluation.estimates import AS_WHOLE, HOW_DRAWN, Estimate
from cutis.evaluation.figures import readers as figures
from cutis.evaluation.literature import CONTEXT_ONLY
from cutis.evaluation.multi_reader_table import multi_reader_table
from cutis.evaluation.reader_results import AgainstModel, Answers, ReaderComparison, ReaderResult
from cutis.evaluation.report import Heading
from cutis.evaluation.section import (
    Card,
    Section,
    Table,
    as_content,
    estimate_cells,
    estimate_lines,
    shown,
    shown_ends,
    shown_p,
)
from cutis.wording import counted

MOST_PAIRS = 45  # of ten readers; more stand in `result.json` only
ANSWERS = ("Sensitivity", "Specificity", "True positive", "Missed", "False alarm", "True negative")


def readers_heading(found: ReaderComparison) -> Heading:
    """What stands above and below the report."""
    lesions = "" if found.lesions is None else f" of {counted(found.lesions, 'lesion')}"
    return Heading(
        title=f"Model and readers: {found.title}",
        subtitle=f"Split {found.split}: {found.images} images{lesions}, {found.positives} positive, "
        f"{counted(len(found.readers), 'reader')}.",
        method=f"Intervals come from {found.replicates} bootstrap replicates over cases "
        f"(seed {found.seed}; {HOW_DRAWN}), with the same weights for model and readers; the "
        f"readers are taken as they are. {AS_WHOLE[found.drawn]} The interval of an AUC is DeLong's.",
        facts={
            "task": found.title,
            "split": found.split,
            "images": found.images,
            "positives": found.positives,
            "lesions": found.lesions,
            "left_out": dict(found.left_out),
            "interval": {
                "level": 0.95,
                "method": f"bootstrap over {found.drawn}, paired, {HOW_DRAWN}",
                "replicates": found.replicates,
                "seed": found.seed,
            },
        },
    )


def readers_sections(found: ReaderComparison) -> list[Section]:
    """Curve, readers one by one, agreement, majorities, scores and context, in this order."""
    sections = [_glance(found), _decisions(found), _one_by_one(found), _agreement(found)]
    sections.append(_votes(found))
    sections += [*_scores(found), *_literature(found)]
    return sections


def _glance(found: ReaderComparison) -> Section:
    mean = found.mean
    return Section(
        "comparison",
        "Model and readers on the same images",
        text=tuple(_summary(found)),
        cards=(
            Card("model, AUC", _as_estimate(found)),
            Card("mean reader, sensitivity", mean.sensitivity),
            Card("mean reader, specificity", mean.specificity),
            Card("model at that specificity, sensitivity", mean.against_model.model_sensitivity),
        ),
        plots={
            "ROC curve of the model with every reader as a point and the mean reader with standard "
            "deviations": figures.curve_figure(found),
            "Sensitivity of the model less that of each reader at the reader's specificity, with "
            "intervals": figures.gains_figure(found),
        },
        content={
            "area": as_content(found.area),
            "mean_reader": as_content(mean),
            "readers_under_curve": found.under_curve,
            "readers_compared": found.compared,
            "share_under_curve": as_content(found.share_under_curve),
            "curve": as_content(found.curve),
        },
    )


def _summary(found: ReaderComparison) -> Iterator[str]:
    one_sided = len(found.readers) - found.compared
    if one_sided:
        yield (
            f"{one_sided} of {counted(len(found.readers), 'reader')} did not decide on both sides of "
            "the question and cannot be placed beside the curve; the mean reader counts them for the "
            "rate that they have."
        )
    if found.compared:
        yield (
            f"The model's curve passes above {found.under_curve} of "
            f"{counted(found.compared, 'reader')} (a share of {found.share_under_curve}): at their own "
            "specificity, on the images they read, the model finds more positives."
        )
    yield (
        f"The mean reader has a sensitivity of {found.mean.sensitivity} "
        f"(standard deviation over readers {shown(found.mean.sensitivity_sd)}) and a specificity of "
        f"{found.mean.specificity} (standard deviation {shown(found.mean.specificity_sd)})."
    )
    if any(each.images < found.images for each in found.readers):
        yield (
            "Some readers read part of the images. The plot shows their points beside the curve of all "
            "images; every comparison takes the model on the images of that reader."
        )
    gone = [f"{count} {reason}" for reason, count in found.left_out.items() if count]
    if gone:
        yield f"Left out: {'; '.join(gone)}."


def _decisions(found: ReaderComparison) -> Section:
    rows = [("model", str(found.images), *_answer_cells(found.model))]
    rows += [
        (each.reader, str(each.images), *_answer_cells(each.answers)) for each in found.readers
    ]
    return Section(
        "decisions",
        "Decisions, side by side",
        text=(
            f"The model says yes from {found.threshold.value:.4g} on; that is "
            f"{found.threshold.origin}. A reader's n are the images on which the reader decided.",
        ),
        tables=(Table(("", "n", *ANSWERS), tuple(rows)),),
        plots={
            "Confusion matrices of the model and of all readings": figures.confusion_figure(found)
        },
        content={"threshold": as_content(found.threshold), "model": as_content(found.model)},
    )


def _one_by_one(found: ReaderComparison) -> Section:
    rows = [(each.reader, *_against_cells(each.against_model)) for each in found.readers]
    rows.append(("mean reader", *_against_cells(found.mean.against_model)))
    return Section(
        "readers",
        "The model at each reader's specificity",
        text=(
            "On the images that the reader read, the model's threshold falls as far as it can without "
            "more false alarms than the reader gave. A gain above zero is in favour of the model. Both "
            "are resampled together, so the interval is that of the difference; p is adjusted over all "
            "readers by Holm, and the mean reader is a question of its own. Where readers call at "
            "different thresholds, the mean of their points lies below a curve that passes through all "
            "of them, so its gain is above zero for a model that is no better than they are.",
        ),
        tables=(
            Table(
                ("Reader", "n", "Sensitivity of the model", "Gain", "p", "p, adjusted"), tuple(rows)
            ),
        ),
        content=[as_content(each) for each in found.readers],
    )


def _agreement(found: ReaderComparison) -> Section:
    rows = [(each.reader, str(each.images), *estimate_cells(each.kappa)) for each in found.readers]
    plots = {}
    if len(found.readers) > 1:
        plots = {"Cohen's kappa of every pair of readers": figures.agreement_figure(found)}
    return Section(
        "agreement",
        "Agreement",
        text=(
            f"Fleiss' kappa of the readers with each other is {found.fleiss}, over images on which at "
            "least two decided; the median of Cohen's kappa over pairs of readers is "
            f"{shown(found.pairs.median)}. Kappa depends on how frequent positives are among the "
            "images, and says nothing about who is right; the table compares each reader with the "
            "truth.",
        ),
        tables=(
            Table(("Reader", "n", "Cohen's kappa with the truth", "95 % interval"), tuple(rows)),
            *_pairs(found),
        ),
        plots=plots,
        content={
            "fleiss": as_content(found.fleiss),
            "median_pair": found.pairs.median,
            "pairs": as_content(found.pairs),
        },
    )


def _pairs(found: ReaderComparison) -> Iterator[Table]:
    """The kappas of pairs with their intervals, where a page has room for them."""
    names = [each.reader for each in found.readers]
    pairs = list(combinations(range(len(names)), 2))
    if not 0 < len(pairs) <= MOST_PAIRS:
        return
    agreement = found.pairs
    rows = tuple(
        (
            f"{names[a]}, {names[b]}",
            f"{agreement.images[a, b]:.0f}",
            shown(agreement.kappa[a, b]),
            shown_ends(agreement.low[a, b], agreement.high[a, b]),
        )
        for a, b in pairs
    )
    yield Table(
        ("Pair", "n", "Cohen's kappa", "95 % interval"),
        rows,
        caption="Pairs of readers, over cases",
    )


def _votes(found: ReaderComparison) -> Section:
    rows = [
        (vote.name, str(vote.images), str(vote.ties), *_answer_cells(vote.answers))
        for vote in found.votes
    ]
    return Section(
        "majority",
        "Majorities",
        text=(
            "Every reader of an image has one vote, and so has the model where it takes part. Half of "
            "the votes are enough for yes, as a doubtful lesion is treated; ties are counted.",
        ),
        tables=(Table(("", "n", "Ties", *ANSWERS), tuple(rows)),),
        content=as_content(found.votes),
    )


def _scores(found: ReaderComparison) -> Iterator[Section]:
    if not any(each.area for each in found.readers):
        return
    tables = [_area_table(found.readers)]
    text = [
        "Areas under the curves of the readers' own scores, a confidence or a five-point scale, where "
        "they gave any."
    ]
    if found.scored is None:
        text.append(
            "No multi-reader analysis: the images that all of these readers scored lack positives or "
            "negatives."
        )
    else:
        text.append(
            f"The multi-reader analysis is over the {found.scored.images} images "
            f"({found.scored.positives} positive) that all of these readers scored: Obuchowski and "
            "Rockette's, with DeLong's covariances and Hillis's degrees of freedom."
        )
        tables.append(
            multi_reader_table(found.scored.analysis, means={"readers": "mean of readers"})
        )
    yield Section(
        "scores",
        "Readers' scores",
        text=tuple(text),
        tables=tuple(tables),
        content={
            "areas": {each.reader: as_content(each.area) for each in found.readers},
            "multi_reader": as_content(found.scored),
        },
    )


def _area_table(readers: tuple[ReaderResult, ...]) -> Table:
    rows = [
        (
            each.reader,
            f"{each.area.positives} / {each.area.positives + each.area.negatives}",
            shown(each.area.auc),
            shown_ends(each.area.low, each.area.high),
        )
        for each in readers
        if each.area is not None
    ]
    return Table(("Reader", "Positives / n", "AUC", "95 % interval"), tuple(rows))


def _literature(found: ReaderComparison) -> Iterator[Section]:
    if not found.literature:
        return
    rows = [
        (point.name, shown(point.sensitivity), shown(point.specificity), str(point.n), point.source)
        for point in found.literature
    ]
    yield Section(
        "literature",
        "Published points, for context",
        text=(
            f"Measured on {CONTEXT_ONLY}. They are drawn beside the curve and take part in no figure "
            "and no test.",
        ),
        tables=(Table(("", "Sensitivity", "Specificity", "n", "Source"), tuple(rows)),),
        content=as_content(found.literature),
    )


def _as_estimate(found: ReaderComparison) -> Estimate:
    area = found.area
    return Estimate(area.auc, area.low, area.high, found.images, found.positives)


def _answer_cells(answers: Answers) -> tuple[str, ...]:
    counts = answers.counts
    return (
        estimate_lines(answers.sensitivity),
        estimate_lines(answers.specificity),
        str(counts.true_positives),
        str(counts.false_negatives),
        str(counts.false_positives),
        str(counts.true_negatives),
    )


def _against_cells(against: AgainstModel) -> tuple[str, ...]:
    return (
        str(against.gain.n),
        estimate_lines(against.model_sensitivity),
        estimate_lines(against.gain),
        shown_p(against.p),
        shown_p(against.adjusted_p),
    )
