"""Features are the network's, maps keep neighbourhoods, and nearest cases never leak."""

import csv
import json
import re
import sys
import types

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cutis import RESEARCH_USE_NOTICE
from cutis.bundle import ModelBundle
from cutis.errors import InputError, ManifestError, MissingExtraError
from cutis.explain.atlas import make_atlas
from cutis.explain.embedding import FeatureMap, labels_of, parse_projection, project, spread_sample
from cutis.explain.feature_figures import feature_map_figure, label_style
from cutis.explain.map_page import THUMBNAIL_PX, map_fragment, map_page
from cutis.explain.neighbors import TrainingCases, nearest_cases, neighbour_agreement
from cutis.inference.features import Features, extract_features
from cutis.inference.predictor import Predictor
from cutis.tables.manifest import Manifest
from cutis.taxonomy import ClassSet, load_taxonomy
from cutis.thumbnails import thumbnail_uri

COLOURS = {"melanoma": (220, 30, 30), "nevus": (30, 220, 30), "dermatofibroma": (30, 30, 220)}


def features_of(values, ids=None, sha="x"):
    values = np.asarray(values, dtype=np.float32)
    return Features(tuple(ids or (f"i{n}" for n in range(len(values)))), values, sha)


@pytest.fixture
def collection(tmp_path):
    """24 pictures of three colours, noisy enough to be told apart, two to a lesion."""
    generator = np.random.default_rng(0)
    rows = []
    for n in range(24):
        diagnosis, colour = list(COLOURS.items())[n % 3]
        small = generator.integers(-30, 30, (4, 5, 3)) + np.array(colour)
        picture = Image.fromarray(np.clip(small, 0, 255).astype(np.uint8))
        picture.resize((40, 32), Image.Resampling.BILINEAR).save(tmp_path / f"p{n:02}.png")
        rows.append(
            {
                "image_id": f"p{n:02}",
                "path": f"p{n:02}.png",
                "diagnosis": diagnosis,
                "lesion_id": f"l{n % 3}-{n // 6}",
                "split": "test" if n < 6 else "train",
            }
        )
    pd.DataFrame(rows).to_csv(tmp_path / "manifest.csv", index=False)
    return tmp_path / "manifest.csv"


# -- features -------------------------------------------------------------------------------------


def test_features_are_what_the_network_gives_and_unreadable_files_are_named(
    colour_bundle, collection
):
    manifest = Manifest.read(collection)
    broken = collection.parent / "broken.png"
    broken.touch()
    paths = [manifest.paths[0], broken, manifest.paths[1]]
    found, failures = extract_features(
        Predictor(ModelBundle.load(colour_bundle)), paths, ["a", "b", "c"]
    )
    assert found.image_ids == ("a", "c")
    assert found.values.argmax(axis=1).tolist() == [0, 1]  # red, green
    assert [path for path, _ in failures] == [broken]


def test_features_survive_a_file_and_a_foreign_file_is_refused(tmp_path):
    features = features_of([[1.0, 2.0], [3.0, 4.0]])
    features.write(tmp_path / "f.npz")
    again = Features.read(tmp_path / "f.npz")
    assert again.image_ids == features.image_ids
    assert np.array_equal(again.values, features.values)
    (tmp_path / "g.npz").write_text("image_id,x")
    np.savez(tmp_path / "h.npz", other=np.zeros(3))
    np.save(tmp_path / "i.npy", np.zeros(3))
    for name in ("g.npz", "h.npz", "i.npy", "absent.npz"):
        with pytest.raises(InputError, match="not a file of features"):
            Features.read(tmp_path / name)


@pytest.mark.parametrize(
    ("values", "ids", "message"),
    [
        ([[1.0], [2.0]], ["a", "a"], "twice"),
        ([[1.0], [np.nan]], ["a", "b"], "nan"),
        ([[1.0]], ["a", "b"], "lengths differ"),
        ([1.0, 2.0], ["a", "b"], "expected"),
    ],
)
def test_features_that_make_no_sense_do_not_exist(values, ids, message):
    with pytest.raises(InputError, match=message):
        features_of(values, ids)


# -- maps -----------------------------------------------------------------------------------------


def two_groups(n=24, seed=0):
    generator = np.random.default_rng(seed)
    centres = np.array([[5.0, 0, 0, 0], [0, 5.0, 0, 0]])
    return features_of(centres[np.arange(n) % 2] + generator.normal(0, 0.2, (n, 4)))


def test_what_is_alike_lies_together_and_the_seed_decides():
    features = two_groups(60)
    points = project(features, seed=1)
    assert points.shape == (60, 2)
    first, second = points[::2], points[1::2]
    spread = max(first.std(axis=0).max(), second.std(axis=0).max())
    assert np.linalg.norm(first.mean(axis=0) - second.mean(axis=0)) > 2 * spread
    assert np.array_equal(points, project(features, seed=1))


@pytest.mark.parametrize(("n", "neighbours"), [(8, 7), (60, 15)])
def test_umap_is_asked_for_no_more_neighbours_than_there_are(monkeypatch, n, neighbours):
    """The package itself compiles for a minute when it is first used; its call is what is ours."""
    asked = {}

    class Umap:
        def __init__(self, **options):
            asked.update(options)

        def fit_transform(self, rows):
            return rows[:, :2]

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=Umap))
    assert project(two_groups(n), projection="umap", seed=3).shape == (n, 2)
    assert (asked["n_neighbors"], asked["random_state"]) == (neighbours, 3)


@pytest.mark.parametrize("n", [4, 7])
def test_few_pictures_still_make_a_map(n):
    assert np.isfinite(project(two_groups(n))).all()


def test_too_few_pictures_or_all_alike_make_none():
    with pytest.raises(InputError, match="at least 4"):
        project(two_groups(3))
    with pytest.raises(InputError, match="the same"):
        project(features_of(np.ones((9, 3))))


def test_umap_without_its_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingExtraError, match=r"cutis\[maps\]"):
        project(two_groups(30), projection="umap")


def test_a_projection_that_is_unknown_is_refused():
    with pytest.raises(InputError, match="not one of tsne, umap"):
        parse_projection("tnse")


def test_what_no_map_can_show_is_refused_before_the_pictures_are_read(
    cutis, colour_bundle, collection, monkeypatch, tmp_path
):
    monkeypatch.setattr("cutis.explain.atlas.extract_features", None)
    monkeypatch.setitem(sys.modules, "umap", None)
    embed = ("embed", colour_bundle, collection, "-o", tmp_path / "o")
    code, _out, err = cutis(*embed, "--method", "umap")
    assert (code, "cutis[maps]" in err) == (2, True), err
    predictor = Predictor(ModelBundle.load(colour_bundle))
    with pytest.raises(InputError, match="limit: 2 is below the 3 groups"):
        make_atlas(predictor, Manifest.read(collection), limit=2)


def rows(*diagnoses):
    frame = pd.DataFrame(
        {
            "image_id": [f"i{n}" for n in range(len(diagnoses))],
            "path": "/nowhere.png",
            "diagnosis": diagnoses,
        }
    )
    return Manifest(frame, load_taxonomy())


def test_labels_are_the_classes_the_status_or_a_level():
    manifest = rows("melanoma-in-situ", "nevus", "", "psoriasis")
    classes = ClassSet(load_taxonomy(), ("melanoma", "nevus"))
    assert labels_of(manifest, classes) == (
        "Melanoma",
        manifest.taxonomy.nodes["nevus"].name,
        "without a diagnosis",
        "other",
    )
    assert labels_of(manifest, classes, by="status")[:2] == ("malignant", "benign")
    nine = labels_of(manifest, classes, by="nine-way")
    assert len(set(nine)) == 4
    assert "Malignant" in nine[0] or "melanoma" in nine[0].lower()
    with pytest.raises(InputError, match="no level 'nine'"):
        labels_of(manifest, classes, by="nine")


def test_a_sample_keeps_every_group_and_its_share():
    labels = ["a"] * 900 + ["b"] * 97 + ["c"] * 3
    chosen = spread_sample(labels, limit=100)
    counts = pd.Series([labels[row] for row in chosen]).value_counts()
    assert counts["a"] == 90
    assert counts["c"] == 1
    assert len(chosen) <= 100
    assert (np.diff(chosen) > 0).all()
    assert spread_sample(labels, limit=1000).tolist() == list(range(1000))
    with pytest.raises(InputError, match="3 groups"):
        spread_sample(labels, limit=2)


def test_every_group_of_a_map_looks_different():
    assert len({label_style(index) for index in range(24)}) == 24


def test_the_page_needs_nothing_else_and_runs_no_name(tmp_path):
    """Names of files come from outside."""
    hostile = "</script><script>alert(1)</script>"
    ids = tuple(f"{hostile}{n}" for n in range(4))
    shown = FeatureMap(ids, np.arange(8.0).reshape(4, 2), (hostile, "b", "b", "b"), "tsne")
    fragment = map_fragment(shown, [tmp_path / "absent.png"] * 4, [hostile] * 4)
    page = map_page("A map", {"a": hostile}, [fragment])
    assert "alert(1)</script>" not in page
    assert not re.search(r"(src|href)=.?https?:", page)
    assert page.count("data:image/jpeg;base64") == 4
    assert RESEARCH_USE_NOTICE in page
    data = json.loads(re.search(r'application/json">(.*?)</script>', page, re.DOTALL)[1])
    assert data["ids"] == list(ids)
    places = np.array(data["places"])
    assert (places >= 0).all()
    assert (places <= [900, 640]).all()
    assert places[0][1] > places[3][1]  # upwards is upwards


def test_all_points_in_one_place_are_still_a_map(tmp_path):
    shown = FeatureMap(("a", "b"), np.zeros((2, 2)), ("x", "x"), "tsne")
    assert "nan" not in map_fragment(shown, [tmp_path] * 2, ["", ""])
    assert feature_map_figure(shown).axes


def test_a_thumbnail_is_small(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (600, 800, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "p.png")
    assert len(thumbnail_uri(tmp_path / "p.png", side_px=THUMBNAIL_PX)) < 12_000


# -- nearest cases --------------------------------------------------------------------------------


def known_cases(collection, bundle):
    manifest = Manifest.read(collection, check_leaks=False)
    predictor = Predictor(bundle)
    training = manifest.split("train")
    features, _ = extract_features(predictor, training.paths, training.image_ids)
    return manifest, predictor, TrainingCases.of(manifest, features)


def edited(collection, **columns):
    """The collection with columns given by image id."""
    table = pd.read_csv(collection, dtype=str, keep_default_na=False).set_index("image_id")
    for column, values in columns.items():
        for image_id, value in values.items():
            table.loc[image_id, column] = value
    table.fillna("").reset_index().to_csv(collection, index=False)
    return collection


def asked(predictor, path, known, k=5):
    queries, _ = extract_features(predictor, [path], [path.stem])
    return nearest_cases(queries, {path.stem: path}, known, k=k)[path.stem]


def test_nearest_cases_are_of_the_training_split_and_one_for_each_lesion(colour_bundle, collection):
    manifest, predictor, known = known_cases(collection, ModelBundle.load(colour_bundle))
    found = asked(predictor, manifest.paths[0], known, k=3)
    lesion_of = dict(zip(manifest.image_ids, manifest.frame["lesion_id"], strict=True))
    assert [case.diagnosis for case in found] == ["melanoma"] * 3
    assert len({lesion_of[case.image_id] for case in found}) == 3
    assert [case.cosine for case in found] == sorted((c.cosine for c in found), reverse=True)
    split = dict(zip(manifest.image_ids, manifest.frame["split"], strict=True))
    assert {split[case.image_id] for case in found} == {"train"}


def test_a_listed_picture_never_gets_its_own_lesion_or_patient(colour_bundle, collection):
    """p06 is of lesion l0-1; p12 belongs to the same patient, by way of another picture."""
    edited(collection, patient_id={"p09": "anna", "p12": "anna"})
    manifest, predictor, known = known_cases(collection, ModelBundle.load(colour_bundle))
    found = asked(predictor, manifest.paths[6], known, k=20)
    forbidden = {"p06", "p09", "p12", "p15"}  # itself, its lesion, the patient's other lesion
    assert not forbidden & {case.image_id for case in found}
    assert len(found) == 9 - 2  # of nine training lesions two are out


def test_a_copy_is_found_out_and_its_whole_case_is_left_out(colour_bundle, collection, tmp_path):
    """The query is a mirrored copy of p06 under another name; p09 shows the same lesion."""
    manifest, predictor, known = known_cases(collection, ModelBundle.load(colour_bundle))
    stranger = tmp_path / "stranger.png"
    Image.open(manifest.paths[6]).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(stranger)
    found = asked(predictor, stranger, known, k=20)
    assert found
    assert not {"p06", "p09"} & {case.image_id for case in found}


def test_another_networks_features_and_no_neighbours_are_refused(colour_bundle, collection):
    manifest, predictor, known = known_cases(collection, ModelBundle.load(colour_bundle))
    queries = features_of([[1.0, 0, 0]], ["p00"], sha="other")
    with pytest.raises(InputError, match="two networks"):
        nearest_cases(queries, {"p00": manifest.paths[0]}, known)
    with pytest.raises(InputError, match="below 1"):
        asked(predictor, manifest.paths[0], known, k=0)


def test_features_of_other_pictures_with_the_same_names_are_refused(colour_bundle, collection):
    manifest, predictor, _known = known_cases(collection, ModelBundle.load(colour_bundle))
    training = manifest.split("train")
    others, _ = extract_features(predictor, training.paths[::-1], training.image_ids)
    with pytest.raises(InputError, match="another picture than that of"):
        TrainingCases.of(manifest, others)


def test_without_a_training_split_there_are_no_cases(collection):
    manifest = Manifest.read(collection).split("test")
    features = features_of(np.eye(6), manifest.image_ids)
    with pytest.raises(ManifestError, match="no rows in split 'train'"):
        TrainingCases.of(manifest, features)


def test_agreement_counts_other_lesions_only():
    """Two labels; each picture's twin is of its own lesion and must not count."""
    features = features_of([[1, 0], [1, 0], [0, 1], [0, 1], [1, 0.1], [0.1, 1]])
    labels = ["a", "a", "b", "b", "a", "b"]
    clusters = np.array(["1", "1", "2", "2", "3", "4"])
    same, chance = neighbour_agreement(features, labels, clusters, k=1)
    assert same == 1.0
    assert chance == pytest.approx((4 * 1 / 4 + 2 * 2 / 5) / 6)
    assert np.isnan(neighbour_agreement(features, labels, clusters, k=6)).all()


# -- commands -------------------------------------------------------------------------------------


def test_embed_writes_a_page_a_figure_and_tables(cutis, colour_bundle, collection, tmp_path):
    out = tmp_path / "map"
    code, printed, err = cutis(
        "embed", colour_bundle, collection, "-o", out, "--split", "all", "--limit", 12
    )
    assert code == 0, err
    assert RESEARCH_USE_NOTICE in printed
    assert "of other lesions: " in printed
    summary = json.loads((out / "map.json").read_text())
    assert (summary["pictures"], summary["shown"]) == (24, 12)
    with (out / "map.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 12
    assert len(Features.read(out / "features.npz")) == 24
    with Image.open(out / "map.png") as drawn:
        assert drawn.width > 500
    assert "Melanoma" in (out / "map.html").read_text()


def test_few_pictures_have_no_share_of_neighbours(cutis, colour_bundle, collection, tmp_path):
    out = tmp_path / "map"
    code, printed, _ = cutis("embed", colour_bundle, collection, "-o", out, "--split", "test")
    assert code == 0
    assert "nearest of other lesions: undefined" in printed
    assert json.loads((out / "map.json").read_text())["neighbours_of_other_lesions"] == {
        "k": 10,
        "same_group": None,
        "by_chance": None,
    }


def test_neighbors_writes_a_picture_for_each_query(cutis, colour_bundle, collection, tmp_path):
    out, folder = tmp_path / "near", collection.parent
    code, printed, err = cutis(
        "neighbors", colour_bundle, collection, folder / "p00.png", folder / "p01.png", "-o", out,
        "-k", 2, "--json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    told = json.loads(printed)
    assert [len(each["neighbors"]) for each in told["pictures"]] == [2, 2]
    assert told["pictures"][1]["neighbors"][0]["diagnosis"] == "nevus"
    assert (out / "p00-neighbors.png").is_file()


def test_neighbors_takes_features_that_embed_wrote(cutis, colour_bundle, collection, tmp_path):
    assert (
        cutis("embed", colour_bundle, collection, "-o", tmp_path / "m", "--split", "train")[0] == 0
    )
    features = tmp_path / "m" / "features.npz"
    (collection.parent / "broken.png").touch()
    code, printed, err = cutis(
        "neighbors", colour_bundle, collection, collection.parent / "p00.png",
        collection.parent / "broken.png", "-o", tmp_path / "n", "--features", features,
    )  # fmt: skip
    assert code == 1
    assert "broken.png: the file is empty" in err
    assert "Melanoma" in printed
    assert RESEARCH_USE_NOTICE in printed


def test_a_training_picture_that_cannot_be_read_is_named(
    cutis, colour_bundle, collection, tmp_path
):
    (collection.parent / "p12.png").write_bytes(b"")
    query = collection.parent / "p00.png"
    code, printed, err = cutis("neighbors", colour_bundle, collection, query, "-o", tmp_path / "n")
    assert code == 1
    assert "p12.png: the file is empty" in err
    assert "Melanoma" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["embed", "{bundle}", "{manifest}", "-o", "{out}", "--by", "nine"], "no level 'nine'"),
        (["embed", "{bundle}", "{manifest}", "-o", "{out}", "--split", "val"], "no rows in split"),
        (["embed", "{bundle}", "{manifest}", "-o", "{out}", "--seed", "4294967296"], "--seed"),
        (["embed", "{bundle}", "{manifest}", "-o", "{out}", "--method", "pca"], "not one of tsne"),
        (["neighbors", "{bundle}", "{manifest}", "{manifest}", "-o", "{out}"], "none of 1 files"),
    ],
)
def test_what_cannot_be_done_ends_in_one_message(
    cutis, colour_bundle, collection, tmp_path, arguments, message
):
    places = {"bundle": colour_bundle, "manifest": collection, "out": tmp_path / "out"}
    code, _out, err = cutis(*[argument.format(**places) for argument in arguments])
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_maps_and_neighbours_do_without_torch():
    import subprocess

    modules = ["cutis.explain.atlas", "cutis.explain.look_alikes"]
    program = f"import sys, importlib\nfor m in {modules!r}: importlib.import_module(m)\n"
    program += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
