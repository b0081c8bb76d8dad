"""The models that ship are what they were released as, and stand wherever a bundle may stand."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cutis import RESEARCH_USE_NOTICE
from cutis.bundle import CARD, FACTS, SUMS, ModelBundle
from cutis.errors import BundleError
from cutis.files import sha256_of_file
from cutis.inference.picture_files import find_pictures
from cutis.inference.predictor import Predictor
from cutis.zoo import catalogue


@pytest.fixture
def zoo(colour_bundle, tmp_path, monkeypatch) -> Path:
    """The zoo with two models, of which the first is `colours`; the folder of their bundles."""
    monkeypatch.setattr(catalogue, "BUNDLES", tmp_path / "zoo")
    sums = dict(ModelBundle.load(colour_bundle).sha256)
    monkeypatch.setattr(catalogue, "PINS", {"colours": sums, "shades": sums})
    for name in ("colours", "shades"):
        shutil.copytree(colour_bundle, tmp_path / "zoo" / name)
    return tmp_path / "zoo"


@pytest.mark.parametrize("name", catalogue.names())
def test_every_model_that_ships_is_what_it_was_released_as(name):
    told = catalogue.entry(name)
    assert told["licence"]
    assert told["results"]
    assert RESEARCH_USE_NOTICE in catalogue.find(name).read(CARD).decode()


def test_the_models_that_ship_are_small_and_all_are_pinned():
    files = [path for path in catalogue.BUNDLES.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= catalogue.MAX_BYTES
    assert {path.parent.name for path in files} == set(catalogue.names())


@pytest.mark.parametrize("name", catalogue.names())
def test_a_model_that_ships_answers_alike_alone_and_in_company(name, phantom_set):
    bundle = catalogue.find(name)
    frames = np.stack(
        [bundle.facts.preprocessing.read(path) for path in find_pictures([phantom_set])[:9]]
    )
    predictor = Predictor(bundle, threads=1)
    alone = np.concatenate([predictor.probabilities(frame[None]) for frame in frames])
    company = predictor.probabilities(frames)
    assert np.abs(company - alone).max() <= 1e-5
    assert np.ptp(alone, axis=0).max() > 0.01  # it does look at the pictures
    assert predictor.probabilities(frames).tobytes() == company.tobytes()
    assert Predictor(bundle, threads=1).probabilities(frames).tobytes() == company.tobytes()


def test_a_name_is_the_model_of_the_zoo_and_a_folder_is_a_bundle(zoo, colour_bundle, monkeypatch):
    assert catalogue.resolve("shades").folder == zoo / "shades"
    assert catalogue.resolve(colour_bundle).folder == colour_bundle
    assert catalogue.default_name() == "colours"
    monkeypatch.chdir(colour_bundle.parent)
    shutil.copytree(colour_bundle, "colours", dirs_exist_ok=True)
    assert catalogue.resolve(Path("colours")).folder == zoo / "colours"  # a stray folder is not it


@pytest.mark.parametrize("place", ["colour", "COLOURS", "runs/colors"])
def test_an_unknown_name_is_answered_with_a_like_one(zoo, place):
    with pytest.raises(BundleError, match=r"no such folder.*colours, shades.*cutis zoo"):
        catalogue.resolve(place)
    if "/" not in place:
        with pytest.raises(BundleError, match="did you mean 'colours'"):
            catalogue.resolve(place)


@pytest.mark.parametrize("file", [FACTS, "model.onnx", "weights.safetensors"])
def test_a_model_with_a_changed_byte_is_refused_even_when_its_sums_were_made_to_agree(zoo, file):
    path = zoo / "colours" / file
    content = bytearray(path.read_bytes())
    place = content.rindex(b'"drawn"') + 1 if file == FACTS else len(content) // 2
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match=rf"'colours'.*{file}.*install it again"):
        catalogue.find("colours")
    sums = zoo / "colours" / SUMS
    old = ModelBundle.load(zoo / "shades").sha256[file]
    sums.write_text(sums.read_text().replace(old, sha256_of_file(path)))
    with pytest.raises(BundleError, match=rf"'colours'.*{file} is not the file.*install it again"):
        catalogue.find("colours")


def test_a_model_whose_files_were_not_installed_says_so(zoo):
    shutil.rmtree(zoo / "colours")
    with pytest.raises(BundleError, match=r"no such folder.*install it again"):
        catalogue.find("colours")


def test_a_newer_format_asks_for_an_update(zoo):
    facts = zoo / "colours" / FACTS
    facts.write_text(facts.read_text().replace('"format_version": 1', '"format_version": 99'))
    with pytest.raises(BundleError, match=r"format version 99.*update cutis"):
        catalogue.resolve("colours")


def test_the_list_names_every_model_with_its_size_licence_and_figures(zoo, cutis):
    code, out, err = cutis("zoo")
    assert (code, err) == (0, "")
    assert "colours (the default)" in out
    assert "8 x 8 px" in out
    assert "not provided" in out  # nobody has judged this one
    assert RESEARCH_USE_NOTICE in out
    told = json.loads(cutis("zoo", "--json")[1])["models"]
    assert [model["name"] for model in told] == ["colours", "shades"]
    assert json.loads(cutis("zoo", "shades", "--json")[1])["models"] == told[1:]
    assert told[0]["classes"] == ["melanoma", "nevus", "dermatofibroma"]


def test_without_a_model_the_list_and_the_errors_say_so(cutis, tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "PINS", {})
    assert "No model ships" in cutis("zoo")[1]
    with pytest.raises(BundleError, match="no model ships"):
        catalogue.default_name()
    code, _out, err = cutis("card", "lite0", "-o", tmp_path / "never")
    assert code == 2
    assert "lite0" in err
    assert not (tmp_path / "never").exists()


def test_the_card_is_printed_and_copied(zoo, cutis, tmp_path):
    assert cutis("zoo", "shades")[1] == "# Colours\n"
    code, _out, _err = cutis("card", "shades", "-o", tmp_path / "cards")
    assert code == 0
    assert (tmp_path / "cards" / CARD).read_text() == "# Colours\n"
    code, _out, err = cutis("zoo", "shade")
    assert code == 2
    assert "did you mean 'shades'?" in err


def test_no_card_takes_the_place_of_a_bundles_own(zoo, cutis):
    """Its hash would not be the one in SHA256SUMS, and nothing would load the bundle any more."""
    own = zoo / "colours"
    before = {path.name: path.read_bytes() for path in own.iterdir()}
    code, _out, err = cutis("card", "shades", "-o", own)
    assert code == 2
    assert f"{own}: a bundle" in err
    assert {path.name: path.read_bytes() for path in own.iterdir()} == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "colous", "{picture}", "-o", "{out}"],
        ["embed", "colous", "{manifest}", "-o", "{out}"],
        ["neighbors", "colous", "{manifest}", "{picture}", "-o", "{out}"],
        [
            "evaluate",
            "{table}",
            "{manifest}",
            "--split",
            "all",
            "--stress",
            "colous",
            "-o",
            "{out}",
        ],
    ],
    ids=lambda arguments: arguments[0],
)
def test_commands_that_take_a_bundle_look_in_the_zoo(zoo, cutis, tmp_path, arguments):
    from PIL import Image

    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    (tmp_path / "m.csv").write_text("image_id,path,diagnosis\na,a.png,nevus\n")
    (tmp_path / "t.csv").write_text("image_id,melanoma,nevus,dermatofibroma\na,0.1,0.8,0.1\n")
    places = {
        "picture": tmp_path / "a.png",
        "manifest": tmp_path / "m.csv",
        "table": tmp_path / "t.csv",
        "out": tmp_path / "out",
    }
    code, _out, err = cutis(*(part.format(**places) for part in arguments))
    assert code == 2
    assert "did you mean 'colours'?" in err
