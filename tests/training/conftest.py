"""What several files of this folder train on."""

import pytest

from cutis import config
from cutis.curation.sources import import_source
from cutis.curation.splits import split_manifest


@pytest.fixture(scope="session")
def split_phantom(phantom_set, tmp_path_factory):
    """The path of a manifest of phantom pictures with a split."""
    imported = import_source("phantom", phantom_set).manifest
    path = tmp_path_factory.mktemp("split") / "split.csv"
    split_manifest(imported, test=0.2, val=0.2, seed=0).write(path)
    return path


@pytest.fixture(scope="session")
def small_recipe():
    """Makes the recipe of one short epoch of a small network, with further settings."""

    def recipe(*settings):
        return config.load(
            overrides=[
                "data.image_size=48",
                "data.batch_size=8",
                "data.workers=0",
                "model.backbone.name=mobilenetv3_small_050",
                "trainer.epochs=1",
                "trainer.accelerator=cpu",
                *settings,
            ]
        )

    return recipe
