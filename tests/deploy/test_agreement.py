"""Agreement of two networks, counted by hand, and what falls short of the limits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cutis.bundle import ModelBundle
from cutis.deploy.agreement import agreement, measure_parity, misses, served_network
from cutis.errors import InputError
from cutis.parity import Agreement, Parity
from cutis.tables.manifest import Manifest
from cutis.taxonomy import load_taxonomy

GOOD = Agreement(
    equal_answers=0.99,
    balanced_accuracy=0.8,
    balanced_accuracy_drop=0.005,
    classwise_ece=0.03,
    classwise_ece_change=-0.01,
)


def test_four_images_counted_by_hand():
    truth = np.array([0, 0, 1, 1])
    reference = np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.6, 0.4]])
    other = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.6, 0.4]])
    found = agreement(truth, reference, other)
    assert found.equal_answers == 3 / 4
    assert found.balanced_accuracy == pytest.approx(3 / 4)  # recalls 1 and 1/2
    assert found.balanced_accuracy_drop == pytest.approx(1 / 4)  # then 1/2 and 1/2
    # Every forecast is alone in its bin: per class 0.1, 0.2, 0.2, 0.6, and 0.6 instead of 0.2.
    assert found.classwise_ece == pytest.approx(1.1 / 4)
    assert found.classwise_ece_change == pytest.approx(0.4 / 4)


def test_the_limits_themselves_are_allowed():
    assert misses(GOOD) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"equal_answers": 0.9899}, "equal answers 98.99 %"),
        ({"balanced_accuracy_drop": 0.0051}, "falls by 0.51 points"),
        ({"classwise_ece_change": 0.0101}, "changes by +0.0101"),
        ({"classwise_ece_change": -0.0101}, "changes by -0.0101"),
        ({"balanced_accuracy_drop": np.nan}, "falls by nan points"),
    ],
)
def test_each_limit_is_missed_alone(change, said):
    (missed,) = misses(replace(GOOD, **change))
    assert said in missed


def test_a_bundle_agrees_with_itself_on_pictures(colour_bundle, tmp_path):
    bundle = ModelBundle.load(colour_bundle)
    parity = measure_parity(bundle, bundle, painted(tmp_path), numbers="int8")
    assert parity.max_probability_difference == 0
    assert (parity.images, parity.numbers) == (2, "int8")
    assert parity.agreement.equal_answers == parity.agreement.balanced_accuracy == 1


def test_an_unreadable_picture_is_named(colour_bundle, tmp_path):
    bundle = ModelBundle.load(colour_bundle)
    manifest = painted(tmp_path)
    manifest.paths[1].write_bytes(b"")
    with pytest.raises(InputError, match=r"nevus\.png: the file is empty"):
        measure_parity(bundle, bundle, manifest, numbers="int8")


def test_a_parity_survives_json_and_older_bundles_are_float():
    measured = Parity(0.01, 5, "int8", GOOD)
    assert Parity.from_dict(measured.to_dict()) == measured
    older = Parity.from_dict({"max_probability_difference": None, "images": 0})
    assert np.isnan(older.max_probability_difference)
    assert (older.numbers, older.agreement) == ("float32", None)


def test_the_card_says_what_was_lost():
    section = served_network(Parity(0.01, 1005, "int8", GOOD))
    assert "| balanced accuracy | 0.8000 | 0.7950 |" in section
    assert "1005 pictures" in section


def painted(folder: Path) -> Manifest:
    """A red melanoma and a green nevus, as the colour bundle sees them."""
    rows = []
    for name, colour in (("melanoma", (255, 0, 0)), ("nevus", (0, 255, 0))):
        Image.new("RGB", (9, 9), colour).save(folder / f"{name}.png")
        rows.append({"image_id": name, "path": str(folder / f"{name}.png"), "diagnosis": name})
    return Manifest(pd.DataFrame(rows), load_taxonomy())
