"""The audit finds what was planted, shows it, and fails loudly on a leak."""

import csv

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from cutis.cli.app import command_tree
from cutis.curation.audit import audit, with_duplicate_groups, write_audit
from cutis.errors import ImageError, InputError, LeakageError
from cutis.files import read_json
from cutis.tables.manifest import Manifest
from cutis.taxonomy import load_taxonomy


@pytest.fixture
def planted(tmp_path):
    """Eight pictures: two copies with different labels in two splits, one truncated, one dark."""
    generator = np.random.default_rng(0)
    names = [f"p{n}" for n in range(8)]
    for name in names:
        coarse = generator.integers(40, 220, (9, 12, 3), dtype=np.uint8)
        big = Image.fromarray(coarse).resize((160, 120), Image.Resampling.NEAREST)
        big.save(tmp_path / f"{name}.png")
    Image.open(tmp_path / "p0.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
        tmp_path / "p1.png"
    )
    whole = (tmp_path / "p2.png").read_bytes()
    (tmp_path / "p2.png").write_bytes(whole[: len(whole) // 2])
    dark = np.asarray(Image.open(tmp_path / "p3.png")) // 20
    Image.fromarray(dark).save(tmp_path / "p3.png")
    frame = pd.DataFrame(
        {
            "image_id": names,
            "path": [str(tmp_path / f"{name}.png") for name in names],
            "diagnosis": ["melanoma", *["nevus"] * 6, "melanoma"],
            "lesion_id": ["a", "b", "c", "d", "e", "f", "g", "g"],
            "split": ["train", "test", *["train"] * 6],
        }
    )
    path = tmp_path / "manifest.csv"
    Manifest(frame, load_taxonomy()).write(path)
    return path


def test_everything_planted_is_found(planted):
    found = audit(Manifest.read(planted, check_leaks=False))
    assert found.counts["unreadable"] == 1
    assert found.counts["near duplicate"] == 1
    assert found.counts["duplicate with another diagnosis"] == 1
    assert found.counts["lesion with two diagnoses"] == 1
    assert found.counts["too dark"] == 1


def test_a_duplicate_across_splits_is_a_leak_although_lesions_differ(planted):
    manifest = Manifest.read(planted)  # by its lesions alone the split is clean
    with pytest.raises(LeakageError, match="duplicate group 'p0' is in splits test and train"):
        audit(manifest).require_no_leak()


def test_the_audit_writes_a_table_a_page_and_a_manifest(planted, tmp_path):
    page = write_audit(audit(Manifest.read(planted)), tmp_path / "audit")
    text = page.read_text()
    assert text.count("data:image/jpeg;base64,") >= 6
    assert "Research use only" in text
    assert "The split leaks" in text
    assert "Audit of 8 images" in text
    assert read_json(tmp_path / "audit" / "audit.json")["images"] == 8
    with (tmp_path / "audit" / "audit.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {"near duplicate", "unreadable", "too dark"} <= {row["kind"] for row in rows}
    again = Manifest.read(tmp_path / "audit" / "manifest.csv", check_leaks=False)
    assert len(again) == 7
    assert (again.frame["duplicate_group"] == "p0").sum() == 2


def test_the_command_writes_its_findings_and_then_fails_on_a_leak(planted, tmp_path, monkeypatch):
    outcome = CliRunner().invoke(
        command_tree(), ["data", "audit", str(planted), "-o", str(tmp_path / "audit")]
    )
    assert isinstance(outcome.exception, LeakageError)
    assert (tmp_path / "audit" / "audit.html").exists()


def test_a_split_made_afterwards_keeps_the_copies_together(planted, tmp_path):
    CliRunner().invoke(command_tree(), ["data", "audit", str(planted), "-o", str(tmp_path / "a")])
    arguments = ["data", "split", str(tmp_path / "a" / "manifest.csv"), "-o"]
    outcome = CliRunner().invoke(
        command_tree(), [*arguments, str(tmp_path / "s.csv"), "--test", "0.3", "--val", "0.2"]
    )
    assert outcome.exit_code == 0, outcome.output
    split = Manifest.read(tmp_path / "s.csv").frame.set_index("image_id")["split"]
    assert split["p0"] == split["p1"]


def test_an_audited_manifest_is_not_looked_through_again(planted, tmp_path, monkeypatch):
    """Neither where the audit found no duplicates."""
    Manifest.read(planted).rows(np.arange(8) > 2).write(tmp_path / "m.csv")
    found = audit(Manifest.read(tmp_path / "m.csv"))
    assert "near duplicate" not in found.counts
    write_audit(found, tmp_path / "a")
    monkeypatch.setattr("cutis.curation.audit.with_duplicate_groups", None)
    arguments = ["data", "split", str(tmp_path / "a" / "manifest.csv"), "-o"]
    outcome = CliRunner().invoke(
        command_tree(), [*arguments, str(tmp_path / "s.csv"), "--test", "0.3", "--val", "0.2"]
    )
    assert outcome.exit_code == 0, outcome.output


def test_rows_that_join_an_audited_manifest_are_looked_through_with_it(planted, tmp_path):
    rows = Manifest.read(planted).rows(np.arange(8) > 2)
    known = pd.concat([rows.frame.assign(duplicate_group=rows.image_ids), rows.frame[2:3]])
    copied = [*rows.image_ids, "copy"]
    joined = Manifest(known.assign(image_id=copied, lesion_id=copied, split=""), rows.taxonomy)
    joined.write(tmp_path / "m.csv")
    arguments = ["data", "split", str(tmp_path / "m.csv"), "-o", str(tmp_path / "s.csv")]
    outcome = CliRunner().invoke(command_tree(), [*arguments, "--test", "0.3", "--val", "0.2"])
    assert outcome.exit_code == 0, outcome.output
    split = Manifest.read(tmp_path / "s.csv").frame.set_index("image_id")
    assert split["duplicate_group"]["copy"] == split["duplicate_group"]["p5"]
    assert split["split"]["copy"] == split["split"]["p5"]


def test_a_split_of_unreadable_pictures_names_the_first_and_the_way_out(planted):
    with pytest.raises(ImageError, match=r"1 of 8 pictures .*p2\.png.*; `cutis data audit` lists"):
        with_duplicate_groups(Manifest.read(planted))


def test_the_lines_of_a_leak_are_those_of_the_audited_file(planted):
    table = pd.read_csv(planted)  # p2, in line 4, cannot be read
    table.loc[table["image_id"] == "p6", "split"] = "test"
    table.to_csv(planted, index=False)
    found = audit(Manifest.read(planted, check_leaks=False))
    assert "lines 8, 9: lesion 'g' is in splits test and train" in found.leaks


def test_a_duplicate_without_a_diagnosis_has_no_other_one(planted):
    table = pd.read_csv(planted)
    table.loc[table["image_id"] == "p1", "diagnosis"] = ""
    table.to_csv(planted, index=False)
    counts = audit(Manifest.read(planted, check_leaks=False)).counts
    assert counts["near duplicate"] == 1
    assert "duplicate with another diagnosis" not in counts


def test_diagnoses_of_different_depth_do_not_contradict_each_other(planted):
    table = pd.read_csv(planted)
    coarser = {"p1": "melanoma", "p0": "malignant-melanocytic", "p6": "benign", "p7": "nevus"}
    table["diagnosis"] = [coarser.get(i, d) for i, d in table[["image_id", "diagnosis"]].to_numpy()]
    table.to_csv(planted, index=False)
    counts = audit(Manifest.read(planted)).counts
    assert not {"duplicate with another diagnosis", "lesion with two diagnoses"} & set(counts)
    table.loc[table["image_id"] == "p0", ["diagnosis", "lesion_id"]] = ["nevus", "g"]
    table.loc[table["image_id"] == "p7", "diagnosis"] = "melanoma"
    table.to_csv(planted, index=False)
    found = audit(Manifest.read(planted, check_leaks=False))
    assert found.counts["duplicate with another diagnosis"] == 1
    (conflict,) = [each for each in found.findings if each.kind == "lesion with two diagnoses"]
    assert conflict[1:] == ("p0", "p7", "lesion g: nevus and melanoma")


@pytest.mark.parametrize("name", ["manifest.csv", "audit.csv"])
def test_the_findings_never_replace_the_audited_manifest(planted, tmp_path, name):
    path = planted.rename(tmp_path / name)
    before = path.read_bytes()
    outcome = CliRunner().invoke(command_tree(), ["data", "audit", str(path), "-o", str(tmp_path)])
    assert isinstance(outcome.exception, InputError)
    assert f"the findings would replace {name} in it" in str(outcome.exception)
    with pytest.raises(InputError, match="give -o another folder"):
        write_audit(audit(Manifest.read(path, check_leaks=False)), tmp_path)
    assert path.read_bytes() == before
    assert not (tmp_path / "audit.html").exists()
