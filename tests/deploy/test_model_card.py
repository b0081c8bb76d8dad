"""The model card says what is known, and that the rest is not."""

from typing import Any

import pytest

from cutis import RESEARCH_USE_NOTICE
from cutis.deploy.model_card import LICENCES, render_model_card

KNOWN: dict[str, Any] = {
    "name": "first",
    "architecture": "tf_efficientnet_lite0",
    "mean_of": (),
    "classes": ("melanoma", "nevus"),
    "height": 128,
    "width": 160,
    "fit": "squash",
    "sources": ("ham10000",),
    "counts": {"melanoma": 12, "nevus": 34},
    "results": {"val_macro_auc": 0.91234},
    "epoch_is_chosen": True,
    "version": "0.1.0",
    "revision": "abc123",
}


def test_the_card_states_what_is_known():
    card = render_model_card(**KNOWN)
    for fact in (
        RESEARCH_USE_NOTICE,
        "tf_efficientnet_lite0",
        "128 x 160",
        "melanoma, nevus",
        "- nevus: 34 images",
        "0.9123",
        "abc123",
        "0.1.0",
    ):
        assert fact in card
    assert "not provided" not in card


def test_weights_trained_on_ham10000_say_that_they_are_not_for_commerce():
    assert "CC BY-NC-SA 4.0" in render_model_card(**KNOWN)


@pytest.mark.parametrize("source", LICENCES)
def test_every_licence_of_a_mixture_is_stated(source):
    card = render_model_card(**KNOWN | {"sources": ("clinic-7", source)})
    assert LICENCES[source] in card
    assert "clinic-7: not provided" in card


def test_what_is_unknown_is_not_provided():
    unknown = {"sources": (), "counts": {}, "results": {}, "revision": None}
    assert render_model_card(**KNOWN | unknown).count("not provided") == 5


def test_every_section_is_there():
    card = render_model_card(**KNOWN)
    headings = [line for line in card.splitlines() if line.startswith("## ")]
    assert headings == [
        "## Intended use",
        "## Training data",
        "## Results on validation",
        "## Limits",
    ]


def test_a_mean_of_weights_is_called_one():
    lines = render_model_card(**KNOWN | {"mean_of": ("one", "other")}).splitlines()
    alone = render_model_card(**KNOWN).splitlines()
    assert lines == [*alone[:7], "| Weights | mean of those of one, other |", *alone[7:]]


def test_an_epoch_is_said_to_be_chosen_only_where_one_was():
    chosen, last = (
        render_model_card(**KNOWN | {"epoch_is_chosen": each}).split("## ")[3]
        for each in (True, False)
    )
    assert "- val_macro_auc: 0.9123\n\nThe kept epoch was chosen on this split, so" in chosen
    assert "- val_macro_auc: 0.9123\n\nNo epoch was chosen on this split; settings may" in last
    for each in (chosen, last):
        assert "Judge the model with\n`cutis evaluate` on data" in each
