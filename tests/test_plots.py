"""Figures show names as they are written, whatever is in them."""

import io
import warnings

import pytest
from matplotlib.figure import Figure
from PIL import Image

from cutis.plots import save_png, to_svg


def named(name):
    """A figure with the name in every place where a name may stand."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], label=name)
    axes.set_yticks([0, 1], [name, name])
    axes.set(title=name, xlabel=name)
    axes.legend()
    axes.barh([name], [1])
    figure.suptitle(name)
    figure.legend(loc="outside lower center")
    return figure


@pytest.mark.parametrize("name", [r"$\frac$", "$x^2$", "costs 5$ or 6$"])
def test_dollars_are_no_formula(tmp_path, name):
    svg = to_svg(named(name))
    assert svg.count(f"<!-- {name} -->") >= 6
    assert svg == to_svg(named(name))
    save_png(named(name), tmp_path / "a.png", dpi=50)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (300, 200)


def test_a_letter_the_font_lacks_is_drawn_without_a_warning(tmp_path):
    figure = named("山田")
    with pytest.warns(UserWarning, match="missing from font"):
        figure.savefig(io.BytesIO(), format="png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_svg(figure)
        save_png(figure, tmp_path / "a.png", dpi=50)


def test_other_warnings_are_heard():
    figure = Figure(figsize=(1, 1), layout="constrained")
    figure.subplots().legend(*[[]] * 2, title="far too wide for it " * 20)
    figure.axes[0].set_ylabel("and too high " * 20)
    with pytest.warns(UserWarning, match="constrained_layout not applied"):
        to_svg(figure)


def test_a_page_gets_one_element():
    svg = to_svg(named("a"))
    assert svg.startswith("<svg")
    assert svg.count("</svg>") == 1
