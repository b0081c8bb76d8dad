"""Plots leave nothing out, and say so where they cannot name everything."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from cutis.errors import InputError
from cutis.evaluation.classifier import evaluate
from cutis.evaluation.figures import classifier as figures
from cutis.evaluation.figures.calibration import reliability_figure
from cutis.evaluation.figures.questions import decision_figure, question_roc_figure
from cutis.evaluation.figures.style import MOST_INSIDE
from cutis.metrics.calibration import ReliabilityCurve
from cutis.metrics.decision import DecisionCurve
from cutis.metrics.ranking import Curve
from cutis.plots import to_svg
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import load_taxonomy


def judged(k, *, one_class=False):
    """What an imperfect classifier of k classes is worth on four images of each."""
    taxonomy = load_taxonomy()
    above = {node.parent for node in taxonomy.nodes.values()}
    classes = tuple(name for name in taxonomy.nodes if name not in above)[:k]
    truth = np.zeros(4 * k, int) if one_class else np.arange(4 * k) % k
    ids = [f"i{row}" for row in range(4 * k)]
    frame = pd.DataFrame({"image_id": ids, "path": "/nowhere.jpg", "split": "test"})
    frame["diagnosis"] = [classes[row] for row in truth]
    logits = np.random.default_rng(0).normal(size=(4 * k, k))
    logits[np.arange(4 * k), truth] += 2
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    manifest = Manifest(frame, taxonomy)
    return evaluate(Predictions(tuple(ids), classes, probabilities), manifest, replicates=100)


def legend_of(figure):
    (legend,) = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
    return [text.get_text() for text in legend.get_texts()], legend.get_title().get_text()


def curves_of(figure):
    """The curves without the diagonal, each as colour and style."""
    lines = [line for line in figure.axes[0].lines if line.get_color() != "#BBBBBB"]
    return [(line.get_color(), line.get_linestyle()) for line in lines]


def test_the_area_drawn_below_precision_and_recall_is_the_average_precision():
    found = judged(4)
    lines = figures.precision_recall_figure(found).axes[0].lines
    estimates = found.per_class["average_precision"].values()
    for line, estimate in zip(lines, estimates, strict=True):
        recall, precision = line.get_data()
        assert (line.get_drawstyle(), recall[0], recall[-1]) == ("steps-pre", 0, 1)
        assert np.diff(recall) @ precision[1:] == pytest.approx(estimate.value)


def test_every_version_is_in_every_reliability_diagram():
    at = np.array([0.2, 0.8])
    curve = ReliabilityCurve(at, at, at - 0.1, at + 0.1, np.array([5, 5]))
    names = ["as given", "temperature", "vector", "dirichlet", "isotonic", "a sixth"]
    report = SimpleNamespace(
        reliability={name: {"nevus": curve, "melanoma": curve} for name in names}
    )
    figure = reliability_figure(report)
    assert legend_of(figure)[0] == names
    looks = [
        (bar.lines[0].get_color(), bar.lines[0].get_marker()) for bar in figure.axes[1].containers
    ]
    assert len(set(looks)) == len(names)


@pytest.mark.parametrize("n", [3, 9, 12])
def test_every_question_has_a_curve_of_its_own_look(n):
    curve = Curve(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.array([np.inf, 0.0]))
    reports = [
        SimpleNamespace(task=SimpleNamespace(name=f"task {k}"), area=k, curve=curve, points=())
        for k in range(n)
    ]
    figure = question_roc_figure(reports)
    assert legend_of(figure)[0] == [f"task {k}: {k}" for k in range(n)]
    assert len(set(curves_of(figure))) == n
    assert bool(figure.legends) == (n > MOST_INSIDE)


def test_few_classes_are_named_in_the_plot_and_more_below_it():
    few, more = figures.roc_figure(judged(5)), figures.roc_figure(judged(20))
    assert not few.legends
    assert few.axes[0].get_legend() is not None
    assert more.axes[0].get_legend() is None
    names, title = legend_of(more)
    assert len(names) == 20
    assert title == "AUC [95 % interval]"
    assert len(set(curves_of(more))) == 20
    for figure in (few, more):
        to_svg(figure)  # lays it out
        height = figure.axes[0].get_window_extent().height / figure.dpi
        assert height > 4


def test_of_very_many_classes_the_lowest_are_named():
    evaluation = judged(40)
    names, title = legend_of(figures.roc_figure(evaluation))
    assert title == "AUC [95 % interval], the lowest 30 of 40 classes"
    areas = {name: estimate.value for name, estimate in evaluation.per_class["roc_auc"].items()}
    shown = [areas[name.partition(":")[0].replace(" ", "-")] for name in names[:-1]]
    assert names[-1].startswith("malignant")
    assert len(shown) == 30
    assert sorted(shown) == sorted(areas.values())[:30]
    assert len(curves_of(figures.precision_recall_figure(evaluation))) == 41


@pytest.mark.parametrize("k", [5, 40])
def test_a_confusion_matrix_has_room_for_its_letters(k):
    figure = figures.confusion_figure(judged(k))
    assert figure.get_figwidth() < 15
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    axes = figure.axes[0]
    cell_px = axes.get_window_extent().width / k
    assert axes.texts
    assert all(text.get_window_extent(renderer).width < cell_px for text in axes.texts)


def test_one_class_alone_defines_no_curve_and_warns_of_nothing():
    figure = figures.roc_figure(judged(3, one_class=True))
    assert [text.get_text() for text in figure.axes[0].texts] == ["the data define no curve"]
    to_svg(figure)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("folder", "a folder; give the history.csv of a run"),
        (b"\xff\xfe", "not a CSV table"),
        (b"epoch,train_loss\n", "no epochs"),
        (b"epoch,train_loss\n0,1\n", "not a history of epochs"),
    ],
)
def test_a_history_that_is_none_is_refused(tmp_path, content, message):
    path = tmp_path / "history.csv"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as refused:
        figures.history_figure(path)
    assert str(refused.value).startswith(f"{path}: ")


def test_a_history_counts_whole_epochs(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text(
        "epoch,train_loss,val_loss,val_macro_auc,val_balanced_accuracy\n"
        "0,2.0,1.9,0.6,0.2\n1,1.8,1.7,0.7,0.3\n"
    )
    for axes in figures.history_figure(path).axes:
        assert all(tick == round(tick) for tick in axes.get_xticks())


def test_a_decision_curve_shows_where_biopsying_all_is_better():
    thresholds = np.array([0.01, 0.5])
    curve = DecisionCurve(thresholds, np.array([0.1, 0.0]), np.array([0.3, -0.4]))
    reports = [SimpleNamespace(task=SimpleNamespace(name="a task"), decision=curve)]
    assert decision_figure(reports).axes[0].get_ylim()[1] > 0.3
