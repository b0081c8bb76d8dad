"""The phantom set is repeatable, consistent with its masks and metadata, and hierarchical."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cutis.curation.sources import import_source
from cutis.data.phantom import ArtefactRates, PhantomSettings, draw_phantom_set
from cutis.data.phantom.artefacts import ARTEFACTS, add_artefacts
from cutis.data.phantom.cohort import SHARES, PhantomLesion, draw_images
from cutis.data.phantom.skin import draw_skin
from cutis.errors import InputError

NONE = ArtefactRates(hair=0, ruler=0, ink=0, bubbles=0, dark_corners=0)


def content(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_seed_draws_the_same_bytes_and_another_does_not(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        draw_phantom_set(tmp_path / name, images=5, seed=seed)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert content(tmp_path / "a") != content(tmp_path / "c")


def test_a_set_holds_every_class_and_exactly_the_images_asked_for(phantom_set):
    table = pd.read_csv(phantom_set / "metadata.csv")
    assert len(table) == 60 == len(list((phantom_set / "images").iterdir()))
    assert set(table["diagnosis"]) == set(SHARES)
    assert table.groupby("lesion_id")["patient_id"].nunique().max() == 1
    assert table.groupby("lesion_id")["diagnosis"].nunique().max() == 1
    assert table["lesion_id"].duplicated().any(), "some lesions have several images"


def test_the_set_imports_as_a_valid_manifest_with_masks(phantom_set):
    manifest = import_source("phantom", phantom_set).manifest
    manifest.require_files()
    assert (manifest.frame["mask_path"] != "").all()
    assert manifest.frame["fitzpatrick"].between(1, 6).all()


def lesion(diagnosis, *, fitzpatrick=2, seed=1):
    return PhantomLesion("l", "p", diagnosis, 50, "female", "back", fitzpatrick, 1, seed)


@pytest.mark.parametrize("diagnosis", ["nevus", "melanoma", "vascular-lesion"])
def test_the_mask_covers_what_differs_from_the_skin(diagnosis):
    settings = PhantomSettings(mimicry=0, artefacts=NONE)
    for seed in range(5):
        ((picture, mask, _names),) = draw_images(lesion(diagnosis, seed=seed), settings)
        assert mask.shape == picture.shape[:2]
        assert 0.03 < mask.mean() < 0.7
        green = picture[:, :, 1].astype(float)
        assert green[mask].mean() < green[~mask].mean() - 15


def test_skin_darkens_from_type_one_to_six():
    shades = [
        draw_skin(np.random.default_rng(0), (64, 64), fitzpatrick=kind).mean()
        for kind in range(1, 7)
    ]
    assert shades == sorted(shades, reverse=True)


@pytest.mark.parametrize("name", ARTEFACTS)
def test_each_artefact_is_drawn_when_its_rate_is_one_and_never_at_zero(name):
    skin = draw_skin(np.random.default_rng(0), (96, 128), fitzpatrick=2)
    rates = NONE.model_copy(update={name: 1.0})
    drawn, names = add_artefacts(np.random.default_rng(1), skin.copy(), rates)
    assert names == (name,)
    assert np.abs(drawn - skin).max() > 10
    bare, none = add_artefacts(np.random.default_rng(1), skin.copy(), NONE)
    assert none == ()
    np.testing.assert_array_equal(bare, skin)


def test_masks_are_two_valued_files(phantom_set):
    mask = np.asarray(Image.open(next((phantom_set / "masks").iterdir())))
    assert mask.dtype == bool


@pytest.mark.parametrize("images", [0, -3])
def test_a_set_needs_at_least_one_image(tmp_path, images):
    with pytest.raises(InputError, match="images"):
        draw_phantom_set(tmp_path / "set", images=images, seed=0)


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        draw_phantom_set(tmp_path, images=1, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
