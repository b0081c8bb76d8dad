"""Splits keep the shares that were asked for, in every class."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from cutis.curation.sources import import_source
from cutis.curation.splits import (
    allocate,
    fold_manifest,
    parse_by,
    split_beside_test,
    split_manifest,
)
from cutis.errors import InputError, LeakageError, ManifestError
from cutis.tables.components import components
from cutis.tables.manifest import Manifest
from cutis.taxonomy import load_taxonomy


def cohort(n=1000, seed=0):
    generator = np.random.default_rng(seed)
    lesion = np.sort(generator.integers(0, int(0.75 * n), size=n))
    diagnosis = generator.choice(["nevus", "melanoma", "dermatofibroma"], n, p=[0.8, 0.17, 0.03])
    return Manifest(
        pd.DataFrame(
            {
                "image_id": [f"i{row}" for row in range(n)],
                "path": "x.jpg",
                "diagnosis": diagnosis[lesion % n],
                "lesion_id": [f"l{number}" for number in lesion],
            }
        ),
        load_taxonomy(),
    )


def test_components_join_over_any_shared_name():
    lesion, patient = ["a", "a", "b", "", "c"], ["", "p", "p", "q", "q"]
    assert components([lesion, patient]).tolist() == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(("test", "val"), [(0.2, 0.1), (0.15, 0.15), (0.33, 0.0)])
def test_every_class_gets_the_shares_that_were_asked_for(test, val):
    frame = split_manifest(cohort(), test=test, val=val).frame
    shares = frame.groupby("diagnosis")["split"].value_counts(normalize=True)
    for diagnosis in ("nevus", "melanoma", "dermatofibroma"):
        assert shares[diagnosis]["test"] == pytest.approx(test, abs=0.06)
        assert shares[diagnosis].get("val", 0) == pytest.approx(val, abs=0.06)


def test_seeds_give_different_splits():
    first, second = (split_manifest(cohort(), seed=seed).frame["split"] for seed in (0, 1))
    assert (first != second).any()


def test_folds_are_alike():
    frame = fold_manifest(cohort(), folds=5).frame
    counts = frame.groupby(["diagnosis", "fold"]).size().unstack()
    assert (counts.max(axis=1) - counts.min(axis=1) <= 4).all()


def test_rows_without_the_group_that_is_asked_for_are_told_what_they_can_be_split_by():
    manifest = cohort()
    with pytest.raises(ManifestError, match=r"1000 rows have no patient_id, .* --by lesion`$"):
        split_manifest(manifest, by="patient")
    unnamed = manifest.with_columns(lesion_id="")
    with pytest.raises(ManifestError, match=r"no lesion_id, the first at line 2; .* --by image`$"):
        split_manifest(unnamed)
    patients = unnamed.with_columns(patient_id=[f"p{row // 3}" for row in range(len(manifest))])
    with pytest.raises(
        ManifestError, match=r"no lesion_id, the first at line 2; .* --by patient`$"
    ):
        split_manifest(patients)


def test_splitting_by_image_asks_for_no_names_and_keeps_together_what_has_some():
    lesions = cohort().frame["lesion_id"]
    partly = cohort().with_columns(lesion_id=np.where(np.arange(1000) % 10, lesions, ""))
    with pytest.raises(ManifestError, match="100 rows have no lesion_id"):
        split_manifest(partly, by="lesion")
    folded = fold_manifest(split_manifest(partly, by="image"), folds=5, by="image")
    folded.require_no_leak()
    assert set(folded.frame["split"]) == {"train", "val", "test"}


@pytest.mark.parametrize(("test", "val"), [(0.6, 0.4), (-0.1, 0.1), (0.2, float("nan"))])
def test_fractions_that_leave_nothing_or_are_none_are_refused(test, val):
    with pytest.raises(InputError):
        split_manifest(cohort(), test=test, val=val)


def test_more_parts_than_lesions_is_refused():
    few = cohort().rows(np.arange(1000) < 2)
    with pytest.raises(InputError, match="independent groups"):
        fold_manifest(few, folds=5)


def test_a_test_split_that_is_there_can_be_kept():
    given = cohort().with_columns(split=np.where(np.arange(1000) < 300, "test", "train"))
    kept = split_beside_test(given, val=0.1, seed=1)
    kept.require_no_leak()
    assert list(kept.frame["split"][:300]) == ["test"] * 300
    shares = kept.frame["split"][300:].value_counts().to_dict()
    tied = given.frame["lesion_id"][300:].isin(given.frame["lesion_id"][:300]).sum()
    assert shares.pop("", 0) == tied
    assert shares == pytest.approx({"train": 630, "val": 70}, abs=5)
    folded = fold_manifest(kept, folds=4).frame
    assert set(folded["split"][folded["fold"].isna()]) == {"test", ""}
    assert folded["fold"][folded["split"].isin(["test", ""])].isna().all()
    with pytest.raises(ManifestError, match="no rows in split 'test'"):
        split_beside_test(cohort())


def test_an_unknown_unit_names_the_known_ones():
    with pytest.raises(InputError, match="lesion, patient, image"):
        parse_by("site")


def test_a_foreign_split_that_leaks_is_found_on_reading(tmp_path):
    random = np.random.default_rng(0).choice(["train", "test"], 1000)
    cohort().with_columns(split=random).write(tmp_path / "leaky.csv")
    with pytest.raises(LeakageError, match="is in splits test and train"):
        Manifest.read(tmp_path / "leaky.csv", check_files=False)


@pytest.mark.real
def test_ham10000_is_split_as_documented(real_data):
    manifest = import_source("ham10000", real_data / "ham10000").manifest
    frame = split_manifest(manifest).frame
    assert frame["split"].value_counts().to_dict() == {"train": 7006, "test": 2004, "val": 1005}
    assert frame.groupby("lesion_id")["split"].nunique().max() == 1
    assert (frame["diagnosis"][frame["split"] == "test"] == "dermatofibroma").sum() == 23
    # Image by image: the weights that ship were trained and judged on this split.
    assignment = "\n".join(sorted(frame["image_id"] + "," + frame["split"]))
    assert hashlib.sha256(assignment.encode()).hexdigest() == (
        "5ea6f4f08694900f5bd8af1b71777c39595b7b39d4aac3e868b914fc1f7949aa"
    )


@pytest.mark.parametrize(
    ("counts", "shares", "order", "parts"),
    [
        # The largest first, to the first of two equal parts; the others to the part that is behind.
        ([[1], [3], [2]], [0.5, 0.5], [0, 1, 2], [1, 0, 1]),
        # Of equal groups the one that stands first in the order.
        ([[1], [1]], [0.6, 0.4], [0, 1], [0, 1]),
        ([[1], [1]], [0.6, 0.4], [1, 0], [1, 0]),
        # (2, 1) goes where the rare second class lacks, 2/13 (1 - 10/6.5) + 1/4 (1 - 0/2) = 0.17, not
        # to where the common one does, 2/13 (1 - 1/6.5) + 1/4 (1 - 3/2) = 0.01.
        ([[10, 0], [1, 3], [2, 1]], [0.5, 0.5], [0, 1, 2], [0, 1, 0]),
    ],
)
def test_groups_are_dealt_as_counted_by_hand(counts, shares, order, parts):
    dealt = allocate(np.array(counts), np.array(shares), order=np.array(order))
    assert dealt.tolist() == parts


def few_lesions(diagnoses=("nevus", "melanoma", "dermatofibroma"), each=2):
    """Lesions of three images."""
    lesions = [f"{diagnosis}-{n}" for diagnosis in diagnoses for n in range(each)]
    return Manifest(
        pd.DataFrame(
            {
                "image_id": [f"{lesion}-{k}" for lesion in lesions for k in range(3)],
                "path": "x.jpg",
                "diagnosis": [lesion.split("-")[0] for lesion in lesions for _ in range(3)],
                "lesion_id": [lesion for lesion in lesions for _ in range(3)],
            }
        ),
        load_taxonomy(),
    )


@pytest.mark.parametrize("seed", range(5))
def test_no_part_or_fold_stays_empty_where_there_are_as_many_lesions(seed):
    manifest = few_lesions()
    split = split_manifest(manifest, test=0.2, val=0.1, seed=seed).frame
    assert set(split["split"]) == {"train", "val", "test"}
    folded = fold_manifest(manifest, folds=6, seed=seed).frame
    assert folded.groupby("fold").size().to_list() == [3] * 6


def test_many_rare_diagnoses_leave_folds_of_one_size():
    # Twenty nevi, and ten diagnoses of two images each, of which the first folds would take all.
    counts = np.vstack(
        [np.eye(11, dtype=int)[[0] * 20], np.eye(11, dtype=int)[1:].repeat(2, axis=0)]
    )
    dealt = allocate(counts, np.full(5, 0.2), order=np.arange(40))
    assert np.bincount(dealt).tolist() == [8] * 5
    assert np.bincount(dealt[:20]).tolist() == [4] * 5


def test_more_folds_than_lesions_are_refused_with_a_way_out():
    with pytest.raises(
        InputError, match=r"6 independent groups .* stay empty; ask for fewer parts"
    ):
        fold_manifest(few_lesions(), folds=7)
