"""The checks of a map tell a good one from a bad one, where it is known which is which."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy.stats import spearmanr

from cutis.bundle import ModelBundle
from cutis.errors import ImageError, InputError
from cutis.explain.attribution import attribute
from cutis.explain.checks import MapCheck, check_map, summarise_checks
from cutis.explain.overlap import find_masks, lesion_mask, overlap
from cutis.explain.sanity import causal_curves, randomised_cascade, rank_correlation
from cutis.explain.sections import checks_section, explanation_sections
from cutis.explain.target import Target
from cutis.imaging import Preprocessing
from cutis.models.backbones import BackboneSettings
from cutis.models.classifier import ModelSettings, create_classifier
from cutis.tables.manifest import Manifest

TWO = ("melanoma", "nevus")


# -- weights randomised ---------------------------------------------------------------------------


def test_a_map_of_the_weights_is_lost_with_the_weights(trained, linear, frame):
    model = trained(linear, classes=TWO)
    target = Target.of("melanoma", model.classes)
    before = {name: value.clone() for name, value in linear.state_dict().items()}
    cascade = randomised_cascade(model, frame, target, method="saliency")
    assert cascade.stages == ("1",)
    assert abs(cascade.last) < 0.25
    assert all(torch.equal(before[name], value) for name, value in linear.state_dict().items())


def test_a_map_of_the_picture_alone_survives_and_is_found_out(trained, patch_reader, frame):
    """Whatever its last layer knows, this network reads one patch, so the place stays the same."""
    reader = torch.nn.Sequential(patch_reader, torch.nn.Linear(2, 2))
    with torch.no_grad():  # however these are shuffled, the two answers differ
        reader[1].weight[:] = torch.tensor([[2.0, 0.5], [0.3, 1.0]])
    model = trained(reader, classes=TWO)
    target = Target.of("melanoma", model.classes)
    cascade = randomised_cascade(model, frame, target, method="saliency", seed=1)
    assert cascade.last > 0.9


def test_the_cascade_goes_from_the_head_through_timms_stages(trained):
    settings = ModelSettings(backbone=BackboneSettings(name="test_efficientnet", weights="none"))
    torch.manual_seed(0)
    network = create_classifier(settings, classes=3, image_size=64)
    model = trained(network, side=64)
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    target = Target.of("melanoma", model.classes)
    cascade = randomised_cascade(model, picture, target, method="saliency")
    assert cascade.stages[0] == "head"
    assert cascade.stages[-1] == "stage 1"
    assert len(cascade.stages) == len(cascade.correlation) > 3
    assert cascade.last < 0.5
    again = randomised_cascade(model, picture, target, method="saliency")
    assert np.array_equal(cascade.correlation, again.correlation)


@given(
    arrays(np.float64, (4, 5), elements=st.integers(-3, 3)),
    arrays(np.float64, (4, 5), elements=st.integers(-3, 3)),
)
def test_the_rank_correlation_is_scipys(first, second):
    ours = rank_correlation(first, second)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(spearmanr(first.ravel(), second.ravel()).statistic)


# -- deletion and insertion -----------------------------------------------------------------------


def test_hiding_the_patch_that_is_read_first_is_better_than_hiding_it_last(
    trained, patch_reader, patch, frame
):
    model = trained(patch_reader, classes=TWO)
    right = attribute(model, frame, Target.of("melanoma", model.classes))
    wrong = replace(right, heat=1.0 - patch)
    first, last = (causal_curves(model, frame, each, steps=16) for each in (right, wrong))
    assert first.deletion_area < last.deletion_area
    assert first.insertion_area > last.insertion_area


def test_the_curves_begin_and_end_with_what_they_say(trained, patch_reader, patch, frame):
    model = trained(patch_reader, classes=TWO)
    found = attribute(model, frame, Target.of("melanoma", model.classes))
    curves = causal_curves(model, frame, found, steps=16)
    assert curves.share.tolist() == np.linspace(0, 1, 17).tolist()
    assert curves.deletion[0] == pytest.approx(found.probability)
    assert curves.insertion[-1] == pytest.approx(found.probability)
    # The patch is a sixteenth of the picture: one step hides all of it, and nothing else matters.
    assert np.allclose(curves.deletion[1:], curves.deletion[1])
    plain = (frame / 127.5 - 1).mean()
    assert curves.deletion[1] == pytest.approx(1 / (1 + np.exp(-8 * plain)), abs=1e-6)


def test_equal_values_are_ordered_by_the_seed_and_not_by_their_place(trained, linear, frame):
    model = trained(linear, classes=TWO)
    found = attribute(model, frame, Target.of("melanoma", model.classes))
    flat = replace(found, heat=np.zeros((16, 16)))
    one, same, other = (
        causal_curves(model, frame, flat, steps=8, seed=seed).deletion for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_curve_of_one_step_is_refused(trained, linear, frame):
    model = trained(linear, classes=TWO)
    found = attribute(model, frame, Target.of("melanoma", model.classes))
    with pytest.raises(InputError, match="fewer than two"):
        causal_curves(model, frame, found, steps=1)


# -- overlap with the lesion ----------------------------------------------------------------------


@given(
    arrays(np.float64, (3, 4), elements=st.integers(0, 9)),
    arrays(np.bool_, (3, 4)),
)
def test_inside_and_outside_share_the_mass_and_the_pointing(evidence, mask):
    inside, outside = overlap(evidence, mask), overlap(evidence, ~mask)
    if evidence.sum() and mask.any() and not mask.all():
        assert inside.mass_inside + outside.mass_inside == pytest.approx(1)
        assert inside.pointing + outside.pointing == pytest.approx(1)
        assert inside.area_share + outside.area_share == pytest.approx(1)


def test_a_map_that_knows_nothing_is_at_chance():
    mask = np.zeros((10, 10), dtype=bool)
    mask[:3] = True
    even = overlap(np.full((10, 10), 0.7), mask)
    assert even.mass_inside == pytest.approx(even.area_share) == pytest.approx(0.3)
    assert even.pointing == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("evidence", "mask"),
    [(np.zeros((2, 2)), np.ones((2, 2), bool)), (np.ones((2, 2)), np.zeros((2, 2), bool))],
    ids=["no evidence", "no lesion"],
)
def test_without_evidence_or_lesion_nothing_is_defined(evidence, mask):
    found = overlap(evidence, mask)
    assert np.isnan([found.mass_inside, found.pointing, found.area_share]).all()


def test_a_map_with_negative_values_or_another_shape_is_refused():
    with pytest.raises(InputError, match="at least zero"):
        overlap(np.array([[-1.0]]), np.array([[True]]))
    with pytest.raises(InputError, match="shape"):
        overlap(np.ones((2, 2)), np.ones((2, 3), bool))


def test_a_mask_is_cropped_as_its_picture_is_whatever_its_resolution(tmp_path):
    mask = np.zeros((450, 600), dtype=np.uint8)
    mask[:, 75:300] = 255  # the left half of the square that is left of the frame
    Image.fromarray(mask).convert("1").save(tmp_path / "mask.png")
    seen = lesion_mask(
        tmp_path / "mask.png", Preprocessing(32, 32, fit="crop"), picture_size=(150, 200)
    )
    expected = np.zeros((32, 32), dtype=bool)
    expected[:, :16] = True
    assert np.array_equal(seen, expected)


def test_a_mask_of_another_shape_is_refused(tmp_path):
    Image.new("L", (60, 60)).save(tmp_path / "mask.png")
    with pytest.raises(ImageError, match="not the shape of its picture, 200 x 150"):
        lesion_mask(tmp_path / "mask.png", Preprocessing(8, 8), picture_size=(150, 200))


def test_masks_are_found_by_the_names_of_pictures(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    pictures = [tmp_path / "x" / "a.jpg", tmp_path / "x" / "b.jpg"]
    assert find_masks(tmp_path, pictures) == {"a": tmp_path / "a.png"}
    with pytest.raises(InputError, match="no mask for any of 1 pictures"):
        find_masks(tmp_path, pictures[1:])
    as_distributed = tmp_path / "b_segmentation.png"
    Image.new("L", (4, 4)).save(as_distributed)
    assert find_masks(tmp_path, pictures[1:]) == {"b": as_distributed}
    with pytest.raises(InputError, match=r"a\.png: would be the mask of several pictures"):
        find_masks(tmp_path, [pictures[0], tmp_path / "y" / "a.jpg"])


# -- many pictures --------------------------------------------------------------------------------


def test_a_good_map_passes_every_check(trained, patch_reader, patch, frame):
    reader = torch.nn.Sequential(patch_reader, torch.nn.Linear(2, 2))
    torch.nn.init.eye_(reader[1].weight)
    model = trained(reader, classes=TWO)
    good = attribute(model, frame, Target.of("melanoma", model.classes))
    check = check_map(model, frame, good, mask=patch)
    assert (check.mass_inside, check.pointing, check.area_share) == (1.0, 1.0, 1 / 16)
    assert check.insertion > check.deletion


def test_means_are_over_pictures_where_a_figure_is_defined():
    checks = [
        MapCheck(0.2, 0.8, 0.1, 0.6, 1.0, 0.2),
        MapCheck(0.4, 0.6, 0.3),
        MapCheck(0.3, 0.7, float("nan"), 0.4, 0.0, 0.4),
    ]
    found = summarise_checks("saliency", checks, np.array(["a", "b", "c"]), replicates=200)
    figures = found.estimates
    assert figures["insertion_gain"].value == pytest.approx(0.4)
    assert figures["randomised"].value == pytest.approx(0.2)
    assert figures["gain_inside"].value == pytest.approx(0.2)
    assert (figures["gain_inside"].n, figures["gain_inside"].positives) == (3, 2)
    assert figures["gain_inside"].low <= 0.2 <= figures["gain_inside"].high


def test_a_report_gets_every_method_with_its_numbers():
    checks = [MapCheck(0.2, 0.8, 0.1), MapCheck(0.4, 0.6, 0.3)]
    found = summarise_checks("grad-cam", checks, np.array(["a", "b"]), replicates=100)
    section = checks_section([found])
    (table,) = section.tables
    assert table.rows[0][:2] == ("grad-cam", "0.300\n0.200 to 0.400")
    assert table.rows[0][4] == "undefined"  # no masks were given
    assert section.content["grad-cam"]["insertion"]["value"] == pytest.approx(0.7)
    assert len(section.plots) == 1


def test_a_report_checks_what_the_network_allows_on_pictures_that_can_be_read(
    trained, linear, colour_bundle, phantom_set, monkeypatch, tmp_path
):
    """The network has no convolutional maps, so no Grad-CAM; one of seven files is no picture."""
    files = sorted((phantom_set / "images").glob("*"))[:6]
    (tmp_path / "broken.jpg").touch()
    lines = [f"{path.stem},{path},nevus" for path in (*files, tmp_path / "broken.jpg")]
    table = tmp_path / "manifest.csv"
    table.write_text("\n".join(["image_id,path,diagnosis", *lines]))
    model = trained(linear, classes=("melanoma", "nevus"))
    monkeypatch.setattr("cutis.explain.sections.load_trained", lambda _folder: model)
    sections = explanation_sections(
        ModelBundle.load(colour_bundle), Manifest.read(table), images=7, replicates=100
    )
    assert "Not readable: 1 files." in sections[0].text
    assert sections[1].content.keys() == {"saliency"}
    assert sections[1].content["saliency"]["deletion"]["n"] == 6


def test_no_maps_are_no_summary():
    with pytest.raises(InputError, match="no maps"):
        summarise_checks("saliency", [], np.array([], dtype=str))
