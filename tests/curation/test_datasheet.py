"""A description counts what a hand would count; its pictures show what there is."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cutis import RESEARCH_USE_NOTICE
from cutis.curation.datasheet import NO_DIAGNOSIS, ClassCounts, describe, write_description
from cutis.curation.figures import (
    CAPTION_PX,
    CLASSES_SHOWN,
    TILE_PX,
    TITLE_PX,
    contact_sheet,
    counts_figure,
)
from cutis.errors import ManifestError, OutputError
from cutis.tables.manifest import Manifest
from cutis.taxonomy import load_taxonomy

SKIN = load_taxonomy()
COLOURS = {"melanoma": (200, 30, 30), "nevus": (30, 30, 200), "": (30, 160, 30)}


@pytest.fixture
def manifest(tmp_path):
    """Six images: two of one melanoma, three nevi of two lesions, one without a diagnosis."""
    rows = [
        ("a", "melanoma", "L1", "P1", 40, "male", "train", 2),
        ("b", "melanoma", "L1", "P1", 40, "male", "train", 2),
        ("c", "nevus", "L2", "P1", 19, "male", "test", 10 / 2),
        ("d", "nevus", "L3", "P2", np.nan, "", "val", np.nan),
        ("e", "nevus", "L3", "P2", 80, "", "val", np.nan),
        ("f", "", "", "", 95, "female", "train", 3),
    ]
    names = ("image_id", "diagnosis", "lesion_id", "patient_id", "age_years", "sex", "split")
    frame = pd.DataFrame(rows, columns=[*names, "fitzpatrick"])
    for image_id, diagnosis in zip(frame["image_id"], frame["diagnosis"], strict=True):
        Image.new("RGB", (300, 200), COLOURS[diagnosis]).save(tmp_path / f"{image_id}.png")
    return Manifest(frame.assign(path=[str(tmp_path / f"{i}.png") for i in "abcdef"]), SKIN)


def test_everything_is_counted_as_by_hand(manifest):
    found = describe(manifest)
    assert found.totals == {
        "images": 6,
        "lesions": 3,
        "lesions with several images": 2,
        "patients": 2,
    }
    assert found.classes == {
        "nevus": ClassCounts(images=3, lesions=2, patients=2),
        "melanoma": ClassCounts(images=2, lesions=1, patients=1),
        NO_DIAGNOSIS: ClassCounts(images=1, lesions=0, patients=0),
    }
    assert found.images_per_lesion == {1: 1, 2: 2}
    assert found.missing == {
        "diagnosis": 1,
        "lesion_id": 1,
        "patient_id": 1,
        "age_years": 1,
        "sex": 2,
        "site": 6,
        "fitzpatrick": 2,
        "ground_truth": 6,
        "mask_path": 6,
    }
    assert found.values["sex"] == {"male": 3, "female": 1}
    assert list(found.values["split"].items()) == [("train", 3), ("val", 2), ("test", 1)]
    assert list(found.values["fitzpatrick"].items()) == [("2", 2), ("3", 1), ("5", 1)]
    assert "site" not in found.values


def test_an_age_on_a_border_belongs_to_the_older_band(manifest):
    bands = describe(manifest).values["age"]
    assert {band: count for band, count in bands.items() if count} == {
        "0 to 19": 1,
        "40 to 49": 2,
        "80 and over": 2,
    }


def test_an_empty_manifest_cannot_be_described(manifest):
    with pytest.raises(ManifestError, match="no rows to describe"):
        describe(manifest.rows(np.zeros(6, dtype=bool)))


def test_the_folder_gets_counts_and_two_pictures(manifest, tmp_path):
    found = describe(manifest)
    paths = write_description(manifest, found, tmp_path / "out")
    assert [path.name for path in paths] == ["describe.json", "counts.png", "contact-sheet.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        path.name for path in paths
    )
    written = json.loads(paths[0].read_text())
    assert written["notice"] == RESEARCH_USE_NOTICE
    assert written["classes"]["nevus"] == {"images": 3, "lesions": 2, "patients": 2}
    assert written["missing"]["sex"] == 2
    for path in paths[1:]:
        with Image.open(path) as picture:
            picture.verify()


def test_a_place_that_cannot_be_written_is_refused(manifest, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        write_description(manifest, describe(manifest), tmp_path / "file")


def test_every_chart_has_a_title_and_a_unit_and_shows_all_counts(manifest):
    charts = [axes for axes in counts_figure(describe(manifest)).axes if axes.get_visible()]
    titles = {axes.get_title(loc="left"): axes for axes in charts}
    assert set(titles) == {
        "Images by diagnosis",
        "Images by split",
        "Images by sex",
        "Images by fitzpatrick",
        "Images by age",
        "Lesions by number of images",
        "Images without a value",
    }
    assert all(axes.get_xlabel() in ("images", "lesions") for axes in charts)
    bars = [bar.get_width() for bar in titles["Images by diagnosis"].patches]
    assert bars == [3, 2, 1]


def test_a_column_of_many_values_keeps_its_tail_in_one_bar(manifest):
    many = manifest.with_columns(site=[f"site {k}" for k in range(6)])
    wide = Manifest(
        pd.concat([many.frame.assign(image_id=many.frame["image_id"] + str(k),
                                     site=many.frame["site"] + str(k)) for k in range(5)]),
        SKIN,
    )  # fmt: skip
    figure = counts_figure(describe(wide))
    (axes,) = [a for a in figure.axes if a.get_title(loc="left") == "Images by site"]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(labels) == 16
    assert labels[-1] == "15 others"
    assert sum(bar.get_width() for bar in axes.patches) == 30


def test_values_that_look_alike_have_a_bar_each(manifest):
    sites = ["lower-limb", "lower limb", "lower_limb", "$_$", "back", "back"]
    figure = counts_figure(describe(manifest.with_columns(site=sites)))
    (axes,) = [a for a in figure.axes if a.get_title(loc="left") == "Images by site"]
    assert [bar.get_y() + bar.get_height() / 2 for bar in axes.patches] == [0, 1, 2, 3, 4]
    assert sorted(bar.get_width() for bar in axes.patches) == [1, 1, 1, 1, 2]


def tile_colour(sheet, row, column):
    left = column * TILE_PX[0] + 40
    top = row * (TITLE_PX + TILE_PX[1] + CAPTION_PX) + TITLE_PX + 40
    return sheet.getpixel((left, top))


def test_the_contact_sheet_has_a_row_per_class_and_a_picture_per_lesion(manifest):
    sheet = contact_sheet(manifest, per_class=3)
    white = (255, 255, 255)
    rows = [[tile_colour(sheet, row, column) for column in range(3)] for row in range(3)]
    assert rows == [
        [COLOURS["nevus"], COLOURS["nevus"], white],
        [COLOURS["melanoma"], white, white],
        [COLOURS[""], white, white],
    ]


def test_the_contact_sheet_shows_an_unreadable_picture_as_a_grey_tile(manifest, tmp_path):
    (tmp_path / "a.png").write_bytes(b"broken")
    assert tile_colour(contact_sheet(manifest, per_class=3), 1, 0) == (136, 136, 136)


def test_the_contact_sheet_depends_on_its_seed_alone(phantom_set):
    from cutis.curation.sources import import_source

    manifest = import_source("phantom", phantom_set).manifest
    first, again, other = (
        contact_sheet(manifest, per_class=2, seed=seed).tobytes() for seed in (0, 0, 1)
    )
    assert first == again != other


def test_the_contact_sheet_of_many_classes_shows_the_largest(manifest):
    nodes = sorted(SKIN.leaves)[: CLASSES_SHOWN + 3]
    rows = [manifest.frame.assign(image_id=f"i{k}", diagnosis=node) for k, node in enumerate(nodes)]
    wide = Manifest(pd.concat([each.head(1) for each in rows]), SKIN)
    sheet = contact_sheet(wide, per_class=1)
    assert sheet.height == CLASSES_SHOWN * (TITLE_PX + TILE_PX[1] + CAPTION_PX) + TITLE_PX
