"""`cutis data`: what is printed, what is written, and how a fault ends."""

import json
import re
import shlex

import pandas as pd
import pytest
from PIL import Image

from cutis import RESEARCH_USE_NOTICE
from cutis.imaging import load_rgb


@pytest.fixture
def folder(tmp_path):
    """Two classes of tiny pictures, without and with a picture missing in the table."""
    for name in ("mel/a", "mel/b", "nv/c"):
        path = tmp_path / "pictures" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 15)).save(path)
    return tmp_path / "pictures"


def test_import_writes_a_manifest_and_says_what_to_type_next(cutis, folder, tmp_path):
    code, out, _ = cutis("data", "import", "folder", folder, "-o", tmp_path / "m.csv")
    assert code == 0
    frame = pd.read_csv(tmp_path / "m.csv")
    assert list(frame["diagnosis"]) == ["melanoma", "melanoma", "nevus"]
    assert "melanoma" in out
    assert f"Next: cutis data audit {tmp_path / 'm.csv'} -o audit/" in out
    assert out.rstrip().endswith(RESEARCH_USE_NOTICE)


@pytest.mark.parametrize("name", ["two words.csv", "[bold]m.csv", ":tiger:.csv"])
def test_what_to_type_next_can_be_typed_whatever_stands_in_a_path(cutis, folder, tmp_path, name):
    code, out, _ = cutis("data", "import", "folder", folder, "-o", tmp_path / name)
    assert code == 0
    (advice,) = (line for line in out.splitlines() if line.startswith("Next:"))
    assert shlex.split(advice)[1:] == [
        "cutis",
        "data",
        "audit",
        str(tmp_path / name),
        "-o",
        "audit/",
    ]


@pytest.mark.parametrize(
    ("columns", "rows", "advice"),
    [
        ("lesion_id,patient_id", ("l1,p1", "l2,p1"), "data split {} -o split.csv"),
        ("lesion_id,patient_id", ("l1,p1", ",p2"), "data split {} --by patient -o split.csv"),
        ("lesion_id,split", ("l1,train", "l2,val"), "train {} -o runs/first"),
        ("lesion_id,split", ("l1,train", "l1,val"), "data split {} -o split.csv"),
        ("lesion_id,split", ("l1,train", "l2,test"), "data split {} --keep-test -o split.csv"),
    ],
)
def test_after_an_audit_comes_what_the_manifest_allows(
    cutis, folder, tmp_path, columns, rows, advice
):
    pictures = (f"pictures/{name}.png,nevus" for name in ("mel/a", "nv/c"))
    table = [f"image_id,path,diagnosis,{columns}"]
    table += [
        f"{n},{picture},{row}" for n, (picture, row) in enumerate(zip(pictures, rows, strict=True))
    ]
    Image.effect_noise((20, 15), 90).save(folder / "nv" / "c.png")  # no copy of the other one
    (tmp_path / "m.csv").write_text("\n".join(table))
    _, out, _ = cutis("data", "audit", tmp_path / "m.csv", "-o", tmp_path / "audit")
    assert f"Next: cutis {advice.format(tmp_path / 'audit' / 'manifest.csv')}\n" in out


def test_import_of_an_unknown_source_asks_whether_another_was_meant(cutis, folder, tmp_path):
    code, _, err = cutis("data", "import", "foldr", folder, "-o", tmp_path / "m.csv")
    assert code == 2
    assert "did you mean 'folder'?" in err
    assert not (tmp_path / "m.csv").exists()


def test_import_of_a_faulty_source_prints_every_fault_and_writes_nothing(cutis, folder, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("name,dx\na,melanomma\nb,nv\nz,nv\n")
    mapping = ("--column", "image_id=name", "--column", "diagnosis=dx")
    place = ("--images", folder / "mel")
    code, _, err = cutis(
        "data", "import", "table", table, "-o", tmp_path / "m.csv", *mapping, *place
    )
    assert code == 2
    assert "line 2: diagnosis 'melanomma'" in err
    assert "no picture for 'z'" in err
    assert not (tmp_path / "m.csv").exists()


def test_import_lists_the_pictures_it_skipped(cutis, folder, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("name,dx\na,mel\nb,mel\nz,nv\n")
    mapping = ("--column", "image_id=name", "--column", "diagnosis=dx")
    code, out, _ = cutis(
        *("data", "import", "table", table, "-o", tmp_path / "m.csv", *mapping),
        *("--images", folder / "mel", "--skip-missing"),
    )
    assert code == 0
    assert "1 rows whose picture or mask does not exist were left out" in out
    assert (tmp_path / "m.missing.txt").read_text() == "z\n"


def test_a_column_that_is_mapped_twice_is_refused(cutis, folder, tmp_path):
    mappings = ("--column", "site=a", "--column", "site=b")
    code, _, err = cutis("data", "import", "table", folder, "-o", tmp_path / "m.csv", *mappings)
    assert code == 2
    assert "--column 'site=b': site is given twice" in err


@pytest.mark.parametrize("mapping", ["diagnosis", "=dx", "diagnosis="])
def test_a_column_mapping_that_is_none_is_refused(cutis, folder, tmp_path, mapping):
    code, _, err = cutis(
        "data", "import", "table", folder, "-o", tmp_path / "m.csv", "--column", mapping
    )
    assert code == 2
    assert "expected OURS=THEIRS, such as diagnosis=dx" in err


def test_import_finds_out_before_the_work_that_its_output_cannot_be_written(
    cutis, folder, tmp_path
):
    (tmp_path / "file").touch()
    code, _, err = cutis("data", "import", "folder", folder, "-o", tmp_path / "file" / "m.csv")
    assert code == 2
    assert "cannot be written" in err


@pytest.mark.parametrize("place", [".", "/", "{here}"])
def test_a_manifest_never_takes_the_place_of_a_folder_or_its_tree(
    cutis, folder, tmp_path, monkeypatch, place
):
    manifest, here = tmp_path / "m.csv", tmp_path / "here"
    here.mkdir()
    (tmp_path / "here.taxonomy.json").write_text("mine")
    assert cutis("data", "import", "folder", folder, "-o", manifest)[0] == 0
    monkeypatch.chdir(here)
    output = place.format(here=here)
    for command in (["import", "folder", folder], ["split", manifest]):
        code, out, err = cutis("data", *command, "-o", output)
        assert (code, out) == (2, "")
        assert "a folder; give the name of a file" in err
    assert (tmp_path / "here.taxonomy.json").read_text() == "mine"
    assert list(here.iterdir()) == []


def test_a_path_that_no_file_can_have_is_one_more_missing_picture(cutis, folder, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text(f"image_id,path,diagnosis\na,{'a' * 300}.png,nevus\n")
    imported = ["import", "table", table, "-o", tmp_path / "m.csv"]
    for command, said in ((["describe", table], "image 'a': "), (imported, "1 pictures was found")):
        code, _, err = cutis("data", *command)
        assert code == 2
        assert said in err
    code, _, err = cutis("data", "import", "folder", "a" * 300, "-o", tmp_path / "m.csv")
    assert code == 2
    assert "no such file or folder" in err


def test_import_with_a_tree_of_ones_own(cutis, tmp_path):
    (tmp_path / "tree.toml").write_text("[spot]\nsynonyms = ['dot']\n[blot]\n")
    for name in ("dot", "blot"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        (tmp_path / "pictures" / name / "a.png").touch()
    code, out, _ = cutis(
        *("data", "import", "folder", tmp_path / "pictures", "-o", tmp_path / "m.csv"),
        *("--taxonomy", tmp_path / "tree.toml"),
    )
    assert code == 0
    assert "spot" in out


def test_describe_prints_counts_and_draws_them_when_asked(cutis, phantom_set, tmp_path):
    cutis("data", "import", "phantom", phantom_set, "-o", tmp_path / "m.csv")
    code, out, _ = cutis("data", "describe", tmp_path / "m.csv")
    assert code == 0
    assert all(word in out for word in ("diagnosis", "lesions", "fitzpatrick", "images without it"))
    assert out.rstrip().endswith(RESEARCH_USE_NOTICE)
    code, out, _ = cutis("data", "describe", tmp_path / "m.csv", "-o", tmp_path / "described")
    assert code == 0
    assert (
        json.loads((tmp_path / "described" / "describe.json").read_text())["totals"]["images"] == 60
    )
    assert (tmp_path / "described" / "contact-sheet.png").stat().st_size > 0


def test_describe_of_no_manifest_is_an_error(cutis, tmp_path):
    code, _, err = cutis("data", "describe", tmp_path / "m.csv")
    assert code == 2
    assert "no such file" in err


def test_phantom_draws_a_set_of_the_size_asked_for(cutis, tmp_path):
    code, out, _ = cutis(
        "data", "phantom", tmp_path / "set", "--images", 2, "--seed", 5, "--size", "64x48"
    )
    assert code == 0
    assert "no evidence about skin" in out
    pictures = sorted((tmp_path / "set" / "images").iterdir())
    assert [load_rgb(path).shape for path in pictures] == [(48, 64, 3)] * 2


@pytest.mark.parametrize(
    "size",
    ["64", "64x", "axb", "9x9", "99999x99999", pytest.param(f"{'9' * 5000}x64", id="digits")],
)
def test_phantom_refuses_a_size_that_is_none(cutis, tmp_path, size):
    code, _, err = cutis("data", "phantom", tmp_path / "set", "--images", 1, "--size", size)
    assert code == 2
    assert f"--size {size}" in err.replace("'", "")
    assert not (tmp_path / "set").exists()


def test_phantom_needs_a_place_that_a_folder_can_have(cutis, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = cutis("data", "phantom", ".", "--images", 1)
    assert code == 2
    assert ".: cannot be replaced; give the name of something new in it" in err
    code, _, err = cutis("data", "phantom", "n" * 300, "--images", 1)
    assert code == 2
    assert "cannot be written (File name too long)" in err


def test_fetch_without_a_connection_ends_in_a_message(cutis, tmp_path, monkeypatch):
    monkeypatch.setattr("cutis.curation.isic_archive.ATTEMPTS", 1)
    code, _, err = cutis(
        "data", "fetch", "ham10000", "-o", tmp_path / "set", "--api", "http://127.0.0.1:1"
    )
    assert code == 2
    assert "is there a connection?" in err
    assert not (tmp_path / "set" / "metadata.csv").exists()


def test_fetch_of_an_unknown_collection_lists_the_known(cutis, tmp_path):
    code, _, err = cutis("data", "fetch", "ham1000", "-o", tmp_path / "set")
    assert code == 2
    assert "did you mean 'ham10000'?" in err


def test_a_seed_below_zero_is_refused(cutis, folder, tmp_path):
    cutis("data", "import", "folder", folder, "-o", tmp_path / "m.csv")
    code, _out, err = cutis(
        "data", "split", tmp_path / "m.csv", "-o", tmp_path / "s.csv", "--seed", -1
    )
    assert code == 2
    assert "-1 is not in the range x>=0" in err
    assert not (tmp_path / "s.csv").exists()


def test_an_import_never_replaces_what_it_reads(cutis, tmp_path):
    set_ = tmp_path / "set"
    cutis("data", "phantom", set_, "--images", 3, "--size", "64x48")
    table = set_ / "images" / "t.csv"
    table.write_text("image_id,diagnosis,remark\nPHANTOM_000000,nevus,mine\n")
    link = tmp_path / "link.csv"
    link.symlink_to(table)
    metadata = set_ / "metadata.csv"
    before = {path: path.read_bytes() for path in (table, metadata)}
    for source, place, output in (
        ("phantom", set_, metadata),
        ("table", table, table),
        ("table", table, link),
        ("isic", table, table),
    ):
        code, _, err = cutis("data", "import", source, place, "-o", output, "--skip-missing")
        assert code == 2
        assert "is what the manifest is read from; give -o another name" in err
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("name", ["victim.jpg", "victim"])
def test_manifests_are_only_written_to_tables(cutis, folder, tmp_path, name):
    victim = tmp_path / name
    victim.write_bytes(b"a picture")
    cutis("data", "import", "folder", folder, "-o", tmp_path / "m.csv")
    for command in (["import", "folder", folder], ["split", tmp_path / "m.csv"]):
        code, _, err = cutis("data", *command, "-o", victim)
        assert code == 2
        assert "tables end in .csv or .parquet" in err
    assert victim.read_bytes() == b"a picture"


def test_the_list_of_missing_pictures_goes_when_none_is_missing_any_more(cutis, folder, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("image_id,diagnosis\na,mel\nz,nv\n")
    arguments = ("data", "import", "table", table, "-o", tmp_path / "m.csv", "--skip-missing")
    assert cutis(*arguments, "--images", folder / "mel")[0] == 0
    assert (tmp_path / "m.missing.txt").exists()
    Image.new("RGB", (20, 15)).save(folder / "mel" / "z.png")
    assert cutis(*arguments, "--images", folder / "mel")[0] == 0
    assert not (tmp_path / "m.missing.txt").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--test", "2"], "test: 2.0 is not in [0, 1]"),
        (["--test", "0.6", "--val", "0.4"], "leave nothing to train on"),
        (["--folds", "1"], "folds: 1 is fewer than two"),
        (["--keep-test", "--test", "0.2"], "--test and --keep-test exclude each other"),
        (["--keep-test", "--by", "image"], "no rows in split 'test'"),
        (["--by", "patient"], "3 rows have no patient_id"),
        ([], "3 rows have no lesion_id"),
        (["-o", "."], "give the name of a file"),
    ],
)
def test_what_cannot_be_split_is_refused_before_duplicates_are_looked_for(
    cutis, folder, tmp_path, monkeypatch, options, message
):
    cutis("data", "import", "folder", folder, "-o", tmp_path / "m.csv")
    monkeypatch.setattr("cutis.curation.audit.with_duplicate_groups", None)
    code, _, err = cutis("data", "split", tmp_path / "m.csv", "-o", tmp_path / "s.csv", *options)
    assert code == 2
    assert message in err


def test_a_test_split_is_kept_and_what_is_tied_to_it_left_out(cutis, folder, tmp_path):
    lesions = ["l0", "l1", "l2", "l2", *(f"l{n}" for n in range(4, 13))]
    rows = [
        f"i{n},pictures/mel/a.png,melanoma,{lesion},{'test' if n < 3 else ''}"
        for n, lesion in enumerate(lesions)
    ]
    (tmp_path / "m.csv").write_text("\n".join(["image_id,path,diagnosis,lesion_id,split", *rows]))
    options = ("--keep-test", "--val", "0.3", "--skip-duplicates")
    code, out, _ = cutis("data", "split", tmp_path / "m.csv", "-o", tmp_path / "s.csv", *options)
    assert code == 0
    assert "Left without a split, tied to test by lesion, patient or duplicate: 1 image." in out
    split = pd.read_csv(tmp_path / "s.csv", keep_default_na=False)["split"]
    assert list(split[:4]) == ["test", "test", "test", ""]
    assert split[4:].value_counts().to_dict() == {"train": 6, "val": 3}


def test_a_split_with_folds_says_how_large_they_are(cutis, folder, tmp_path):
    rows = [f"i{n},pictures/mel/a.png,melanoma,l{n // 2}" for n in range(12)]
    (tmp_path / "m.csv").write_text("\n".join(["image_id,path,diagnosis,lesion_id", *rows]))
    options = ("--folds", "2", "--test", "0", "--skip-duplicates")
    code, out, err = cutis("data", "split", tmp_path / "m.csv", "-o", tmp_path / "s.csv", *options)
    assert code == 0, err
    assert re.findall(r"(?m)^│ (\d) +│ (\d+) +│ (\d+) +│$", out) == [
        ("0", "6", "3"),
        ("1", "6", "3"),
    ]
    assert "--kfold 2" in out
