"""What several files of this folder train on."""

import pytest

from cutis.curation.sources import import_source
from cutis.curation.splits import split_manifest


@pytest.fixture(scope="session")
def split_phantom(phantom_set, tmp_path_factory):
    """The path of a manifest of phantom pictures with a split."""
    imported = import_source("phantom", phantom_set).manifest
    path = tmp_path_factory.mktemp("split") / "split.csv"
    split_manifest(imported, test=0.2, val=0.2, seed=0).write(path)
    return path
