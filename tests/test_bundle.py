"""A bundle says what it is, and no byte of it changes unnoticed."""

import hashlib
import json
import math
import shutil
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from cutis.bundle import (
    FILES,
    FORMAT_VERSION,
    REJECTION,
    SUMS,
    BundleFacts,
    ModelBundle,
    Parity,
    rewrite_bundle,
    write_bundle,
)
from cutis.errors import BundleError, InputError, OutputError, TaxonomyError
from cutis.files import atomic_path
from cutis.imaging import Preprocessing
from cutis.readout import (
    AbstentionRule,
    FittedOn,
    LogLinearMap,
    Readout,
    SetRule,
    ValidatedThreshold,
)
from cutis.taxonomy import Node, Taxonomy, load_taxonomy

READOUT = Readout(
    fitted_on=FittedOn("0" * 64, "val", 30, 20),
    method="vector",
    calibration=LogLinearMap(np.array([[1.5, 0.2], [0.0, 0.1]]), np.array([-0.3, 1 / 3])),
    error_before=0.05,
    error_after=0.01,
    thresholds=(ValidatedThreshold("melanoma", 0.9, 0.1, 9, 10, 15, 20),),
    sets=SetRule(0.9, 0.2, 0.91, 1.2),
    abstention=AbstentionRule(0.1, 0.95, None, 0.0, None),
)
CALIBRATION = READOUT.to_dict()["calibration"]
POINT, FITTED_ON = asdict(READOUT.thresholds[0]), asdict(READOUT.fitted_on)
FACTS = BundleFacts(
    name="small",
    architecture="by hand",
    classes=("nevus", "melanoma"),
    taxonomy=load_taxonomy(),
    preprocessing=Preprocessing(6, 8, "crop", "bicubic", (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
    parity=Parity(2.5e-7, 16),
    provenance={"sources": ["ham10000"], "metrics": {"macro_auc": 0.9}},
    readout=READOUT,
)


def write(folder: Path, facts: BundleFacts = FACTS) -> ModelBundle:
    """A bundle whose network nobody runs."""
    network, weights = folder.with_name("network"), folder.with_name("weights")
    network.write_bytes(b"network")
    weights.write_bytes(b"weights")
    return write_bundle(folder, facts, onnx=network, weights=weights, model_card="# Small\n")


def seal(folder: Path) -> None:
    """Write the hashes anew, as somebody would who changes a bundle on purpose."""
    sums = [f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in FILES]
    (folder / SUMS).write_text("".join(sums))


def change_facts(folder: Path, **changes: object) -> None:
    described = json.loads((folder / "bundle.json").read_text()) | changes
    (folder / "bundle.json").write_text(json.dumps(described))
    seal(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "bundle").folder


def test_a_bundle_survives_a_round_trip(folder):
    loaded = ModelBundle.load(folder)
    assert loaded.facts.to_dict() == FACTS.to_dict()
    assert loaded.facts.preprocessing == FACTS.preprocessing
    assert loaded.facts.parity == FACTS.parity
    assert loaded.class_set.classes == FACTS.classes
    assert loaded.onnx.read_bytes() == b"network"
    assert loaded.weights.read_bytes() == b"weights"
    assert loaded.read("MODEL_CARD.md") == b"# Small\n"


def test_the_file_states_the_contract(folder):
    described = json.loads((folder / "bundle.json").read_text())
    assert described["format_version"] == FORMAT_VERSION
    assert described["input"]["name"] == "images"
    assert described["input"]["shape"] == [None, 3, 6, 8]
    assert described["input"]["type"] == "float32"
    assert described["outputs"] == ["logits", "features"]
    assert described["taxonomy"] == {"name": "skin", "sha256": load_taxonomy().sha256}


REQUIRED = [key for key in FACTS.to_dict() if key not in ("input", "outputs", "readout")]


def test_a_bundle_from_before_readouts_is_not_calibrated(folder):
    described = json.loads((folder / "bundle.json").read_text())
    del described["readout"]
    described |= {"temperature": 1.0, "operating_points": []}
    (folder / "bundle.json").write_text(json.dumps(described))
    seal(folder)
    facts = ModelBundle.load(folder).facts
    assert facts.readout is None
    assert np.allclose(facts.calibrated(np.array([[0.75, 0.25]])), [[0.75, 0.25]])


ARRAYS = {
    "means": np.arange(6, dtype=np.float32).reshape(2, 3),
    "projection": np.ones((3, 1), dtype=np.float16),
}


@pytest.fixture
def rejecting(folder: Path) -> ModelBundle:
    """The bundle with arrays and thresholds for rejecting pictures, written in its own place."""
    facts = replace(FACTS, rejection={"threshold": 3.5})
    return rewrite_bundle(ModelBundle.load(folder), folder, facts, rejection_arrays=ARRAYS)


def test_arrays_for_rejection_travel_with_their_thresholds(rejecting, tmp_path):
    moved = rewrite_bundle(rejecting, tmp_path / "moved", replace(rejecting.facts, name="moved"))
    for bundle in (rejecting, moved):
        loaded = ModelBundle.load(bundle.folder)
        assert loaded.facts.rejection == {"threshold": 3.5}
        arrays = loaded.rejection_arrays()
        assert {name: values.dtype for name, values in arrays.items()} == {
            "means": np.float32,
            "projection": np.float16,
        }
        assert all(np.array_equal(arrays[name], ARRAYS[name]) for name in ARRAYS)
        assert loaded.read("MODEL_CARD.md") == b"# Small\n"


def test_a_bundle_that_rejects_nothing_has_no_arrays(rejecting):
    facts = replace(rejecting.facts, rejection=None)
    plain = rewrite_bundle(rejecting, rejecting.folder, facts)
    assert plain.rejection_arrays() == {}
    assert not (plain.folder / REJECTION).exists()


def test_a_changed_byte_in_the_arrays_is_found(rejecting):
    content = bytearray((rejecting.folder / REJECTION).read_bytes())
    content[-1] ^= 1
    (rejecting.folder / REJECTION).write_bytes(content)
    with pytest.raises(BundleError, match="changed since"):
        rejecting.rejection_arrays()
    with pytest.raises(BundleError, match=REJECTION):
        ModelBundle.load(rejecting.folder)


def test_arrays_and_thresholds_come_together_or_not_at_all(folder):
    bundle = ModelBundle.load(folder)
    with pytest.raises(BundleError, match="go together"):
        rewrite_bundle(bundle, folder, FACTS, rejection_arrays=ARRAYS)
    with pytest.raises(BundleError, match="go together"):
        rewrite_bundle(bundle, folder, replace(FACTS, rejection={"threshold": 1.0}))


def test_a_parity_that_was_not_measured_stays_unknown(tmp_path):
    unmeasured = write(tmp_path / "b", replace(FACTS, parity=Parity(float("nan"), 0)))
    difference = ModelBundle.load(unmeasured.folder).facts.parity.max_probability_difference
    assert difference != difference


def test_a_tree_of_ones_own_travels_with_the_bundle(tmp_path):
    nodes = [
        Node("lesion", "Lesion", None),
        Node("bad", "Bad", "lesion", ("b",), "malignant"),
        Node("good", "Good", "lesion", (), "benign"),
    ]
    tree = Taxonomy("mine", {node.id: node for node in nodes})
    facts = replace(FACTS, taxonomy=tree, classes=("good", "bad"))
    loaded = ModelBundle.load(write(tmp_path / "bundle", facts).folder)
    assert loaded.taxonomy.sha256 == tree.sha256
    assert dict(loaded.taxonomy.nodes) == dict(tree.nodes)


def test_a_bundle_from_before_trees_had_levels_is_read(tmp_path):
    nodes = {"bad": Node("bad", "Bad", None), "good": Node("good", "Good", None)}
    facts = replace(FACTS, taxonomy=Taxonomy("mine", nodes), classes=("good", "bad"))
    folder = write(tmp_path / "bundle", facts).folder
    tree = json.loads((folder / "taxonomy.json").read_text())
    for node in tree["nodes"]:
        assert node.pop("levels") == []
    (folder / "taxonomy.json").write_text(json.dumps(tree))
    seal(folder)
    assert dict(ModelBundle.load(folder).taxonomy.nodes) == nodes


def test_sha256sum_agrees(folder):
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum here")
    checked = subprocess.run(["sha256sum", "-c", SUMS], cwd=folder, capture_output=True)
    assert checked.returncode == 0


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_a_changed_byte_is_found(folder, name, where):
    content = bytearray((folder / name).read_bytes())
    content[{"first": 0, "middle": len(content) // 2, "last": -1}[where]] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BundleError, match=name):
        ModelBundle.load(folder)


@pytest.mark.parametrize("name", [*FILES, SUMS])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(BundleError, match=name):
        ModelBundle.load(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_a_folder_is_named(folder, name):
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(BundleError, match=name):
        ModelBundle.load(folder)


@pytest.mark.parametrize(
    "line",
    [
        f"{'0' * 64}  ../../etc/passwd",
        f"{'0' * 64}  /etc/passwd",
        f"{'0' * 64}  other.bin",
        f"{'0' * 64}  model.onnx",
        "no hash at all",
    ],
)
def test_a_list_of_hashes_that_names_anything_else_is_refused(folder, line):
    with (folder / SUMS).open("a") as sums:
        sums.write(f"{line}\n")
    with pytest.raises(BundleError, match="unexpected line"):
        ModelBundle.load(folder)


def test_a_hash_that_is_left_out_is_named(folder):
    lines = (folder / SUMS).read_text().splitlines(keepends=True)
    (folder / SUMS).write_text("".join(line for line in lines if "model.onnx" not in line))
    with pytest.raises(BundleError, match=r"no hash for model\.onnx"):
        ModelBundle.load(folder)


def test_a_bundle_of_a_newer_format_says_what_to_do(folder):
    """It may have other files, so the version is looked at before anything else."""
    change_facts(folder, format_version=FORMAT_VERSION + 1)
    (folder / SUMS).unlink()
    with pytest.raises(BundleError, match=r"format version 2, this cutis reads 1; update cutis"):
        ModelBundle.load(folder)


@pytest.mark.parametrize("version", [None, "1", 1.0, True, [1], 0])
def test_a_strange_format_version_is_refused(folder, version):
    change_facts(folder, format_version=version)
    with pytest.raises(BundleError, match=r"format[_ ]version"):
        ModelBundle.load(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"7", b"[" * 100_000])
def test_facts_that_are_no_json_object_are_refused(folder, content):
    (folder / "bundle.json").write_bytes(content)
    with pytest.raises(BundleError, match=r"bundle\.json"):
        ModelBundle.load(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": ["nevus"]},
        {"classes": ["nevus", "melanomma"]},
        {"classes": ["nevus", "mel"]},
        {"classes": ["nevus", "nevus"]},
        {"classes": ["nevus", 7]},
        {"classes": None},
        {"readout": {}},
        {"readout": "hot"},
        {"readout": READOUT.to_dict() | {"calibration": {"method": "vector", "scale": [1, 1]}}},
        {"readout": READOUT.to_dict() | {"calibration": CALIBRATION | {"scale": [[1, 1], [1]]}}},
        {"readout": READOUT.to_dict() | {"calibration": CALIBRATION | {"scale": [[1, 1]]}}},
        {"readout": READOUT.to_dict() | {"calibration": CALIBRATION | {"shift": [1, math.inf]}}},
        {"readout": replace(READOUT, calibration=LogLinearMap(np.eye(3), np.ones(3))).to_dict()},
        {"readout": READOUT.to_dict() | {"sets": asdict(READOUT.sets) | {"threshold": 1.5}}},
        {"readout": READOUT.to_dict() | {"operating_points": [{"threshold": 0.1}]}},
        *(
            {"readout": READOUT.to_dict() | {"operating_points": [POINT | change]}}
            for change in (
                {"task": 7},
                {"aim": True},
                {"threshold": "0.5"},
                {"threshold": None},
                {"found": "many"},
                {"found": 11},
                {"found": -1},
                {"found": 8.5},
                {"positives": 0, "found": 0},
                {"spared": 21},
                {"negatives": None},
            )
        ),
        *(
            {"readout": READOUT.to_dict() | {"abstention": asdict(READOUT.abstention) | change}}
            for change in (
                {"threshold": "0.5", "error": 0.1},
                {"threshold": 1.5, "error": 0.1},
                {"threshold": 0.5},
                {"threshold": 0.5, "error": "few"},
                {"error": 0.1},
                {"coverage": "most"},
                {"risk": None},
            )
        ),
        {"readout": READOUT.to_dict() | {"sets": asdict(READOUT.sets) | {"level": "high"}}},
        {"readout": READOUT.to_dict() | {"fitted_on": FITTED_ON | {"images": "many"}}},
        {"readout": READOUT.to_dict() | {"fitted_on": FITTED_ON | {"lesions": 31}}},
        {"parity": {}},
        {"parity": None},
        {"provenance": "somewhere"},
        {"preprocessing": {"height": 0, "width": 1}},
        {"taxonomy": {"name": "skin", "sha256": "0"}},
    ],
)
def test_facts_that_make_no_sense_are_refused_even_when_sealed(folder, changes):
    change_facts(folder, **changes)
    with pytest.raises(BundleError, match=r"bundle\.json"):
        ModelBundle.load(folder)


@pytest.mark.parametrize("key", REQUIRED)
def test_a_missing_fact_is_refused(folder, key):
    described = json.loads((folder / "bundle.json").read_text())
    del described[key]
    (folder / "bundle.json").write_text(json.dumps(described))
    seal(folder)
    with pytest.raises(BundleError, match=key):
        ModelBundle.load(folder)


@pytest.mark.parametrize(
    "tree",
    [
        b"{",
        b"[]",
        b'{"name": "skin"}',
        b'{"name": "skin", "nodes": []}',
        b'{"name": "skin", "nodes": [{"id": "a"}]}',
        b'{"name": "s", "nodes": [{"id": "a", "name": "A", "parent": "a", "synonyms": []}]}',
        b'{"name": "s", "nodes": [{"id": "a", "name": "A", "parent": null, "synonyms": [], '
        b'"status": "odd"}]}',
    ],
)
def test_a_tree_that_is_none_is_refused(folder, tree):
    (folder / "taxonomy.json").write_bytes(tree)
    seal(folder)
    with pytest.raises(BundleError, match="taxonomy"):
        ModelBundle.load(folder)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("absent", "no such folder"),
        ("", "not a model bundle"),
        ("bundle/bundle.json", "not a model bundle"),
    ],
)
def test_what_is_no_bundle_says_where_one_may_be(folder, place, reason):
    empty = folder.parent / "empty"
    empty.mkdir()
    with pytest.raises(BundleError, match=reason):
        ModelBundle.load(folder.parent / place if place else empty)


def test_a_run_folder_points_to_its_bundle(folder):
    with pytest.raises(BundleError, match=rf"a run folder; its bundle is {folder}"):
        ModelBundle.load(folder.parent)


def test_what_changes_after_loading_is_never_used(folder):
    loaded = ModelBundle.load(folder)
    (folder / "model.onnx").write_bytes(b"another")
    with pytest.raises(BundleError, match="changed since"):
        loaded.read("model.onnx")


def test_a_bundle_never_replaces_anything_else(folder, tmp_path):
    (folder / "notes.txt").touch()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.jpg").touch()
    (tmp_path / "m.csv").touch()
    for place in (folder, tmp_path / "pictures", tmp_path / "m.csv", tmp_path):
        with pytest.raises(OutputError, match="give the name of a new folder"):
            write(place)
    assert (folder / "notes.txt").exists()
    assert (tmp_path / "pictures" / "a.jpg").exists()
    assert ModelBundle.load(folder).facts.name == "small"


def test_a_new_bundle_replaces_the_old_one_whole(rejecting):
    folder = rejecting.folder
    write(folder, replace(FACTS, name="second"))
    assert ModelBundle.load(folder).facts.name == "second"
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, SUMS])


def test_a_bundle_that_cannot_be_finished_leaves_the_old_one(folder):
    with pytest.raises(FileNotFoundError):
        write_bundle(
            folder, FACTS, onnx=folder / "model.onnx", weights=folder / "absent", model_card=""
        )
    assert ModelBundle.load(folder).facts.name == "small"
    assert [path.name for path in folder.parent.glob(".*")] == []


def test_a_bundle_may_be_reached_through_links(folder, tmp_path):
    with atomic_path(tmp_path / "linked") as partial:
        partial.mkdir()
        for name in [*FILES, SUMS]:
            (partial / name).symlink_to(folder / name)
    assert ModelBundle.load(tmp_path / "linked").facts.name == "small"


def test_classes_are_distinct_nodes_under_their_own_name():
    with pytest.raises(TaxonomyError, match="melanomma"):
        replace(FACTS, classes=("nevus", "melanomma"))
    with pytest.raises(InputError, match="not named by their nodes"):
        replace(FACTS, classes=("nevus", "mel"))
