"""Whatever the cohort, a split covers it, keeps groups together and can be made again."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.curation.splits import fold_manifest, split_manifest
from cutis.errors import InputError
from cutis.tables.components import components
from cutis.tables.manifest import GROUP_COLUMNS, Manifest
from cutis.taxonomy import load_taxonomy

DIAGNOSES = ("nevus", "melanoma", "dermatofibroma")
rows = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 40), st.integers(0, 80), st.integers(0, 2)),
    min_size=40,
    max_size=120,
)


def cohort(drawn):
    """Lesions, patients and duplicates that overlap at random; some rows have neither of the two."""
    lesion, patient, duplicate, diagnosis = map(np.array, zip(*drawn, strict=True))
    frame = pd.DataFrame(
        {
            "image_id": [f"i{n:03d}" for n in range(len(drawn))],
            "path": "x.jpg",
            "diagnosis": [DIAGNOSES[k] for k in diagnosis],
            "lesion_id": [f"l{n}" for n in lesion],
            "patient_id": [f"p{n}" if n > 30 else "" for n in patient],
            "duplicate_group": [f"d{n}" if n > 70 else "" for n in duplicate],
        }
    )
    return Manifest(frame, load_taxonomy())


@settings(max_examples=40, deadline=None)
@given(rows, st.integers(0, 5))
def test_nothing_straddles_and_every_row_is_dealt(drawn, seed):
    manifest = cohort(drawn)
    if components([list(manifest.frame[c]) for c in GROUP_COLUMNS]).max() < 3:
        return
    split = split_manifest(manifest, seed=seed)
    split.require_no_leak()
    assert set(split.frame["split"]) == {"train", "val", "test"}


@settings(max_examples=25, deadline=None)
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(drawn, random):
    manifest = cohort(drawn)
    order = list(range(len(manifest)))
    random.shuffle(order)
    shuffled = Manifest(manifest.frame.iloc[order], manifest.taxonomy)
    try:
        first, second = (
            m.frame.set_index("image_id")["split"].sort_index()
            for m in map(split_manifest, (manifest, shuffled))
        )
    except ValueError:  # everything hangs together in one component
        return
    pd.testing.assert_series_equal(first, second)


@settings(max_examples=25, deadline=None)
@given(rows, st.integers(2, 4))
def test_folds_cover_what_is_not_test_and_nothing_else(drawn, folds):
    manifest = cohort(drawn)
    if components([list(manifest.frame[c]) for c in GROUP_COLUMNS]).max() < 12:
        return
    try:
        folded = fold_manifest(split_manifest(manifest), folds=folds)
    except InputError:  # too few components are left beside the test rows
        return
    assert set(folded.frame["fold"].dropna()) == set(range(folds))
    in_test = folded.frame["split"] == "test"
    assert folded.frame["fold"].isna().equals(in_test)
    folded.require_no_leak()
