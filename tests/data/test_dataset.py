"""The dataset feeds exactly what the bundle's preprocessing describes."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from cutis.data.cache import FrameCache
from cutis.data.dataset import LesionDataset, collate
from cutis.data.sampling import Draw, EpochSampler
from cutis.data.transforms import Augmentation, training_transform
from cutis.errors import TaxonomyError
from cutis.imaging import Preprocessing, load_rgb
from cutis.tables.manifest import Manifest
from cutis.taxonomy import ClassSet, load_taxonomy

PREPROCESSING = Preprocessing(height=32, width=32, fit="crop")


@pytest.fixture
def manifest(tmp_path):
    generator = np.random.default_rng(0)
    paths = [tmp_path / f"{n}.png" for n in range(6)]
    for path in paths:
        Image.fromarray(generator.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(path)
    frame = pd.DataFrame(
        {
            "image_id": [path.stem for path in paths],
            "path": [str(path) for path in paths],
            "diagnosis": ["nevus", "melanoma"] * 3,
        }
    )
    return Manifest(frame, load_taxonomy())


@pytest.mark.parametrize("cache", [True, False])
def test_evaluation_sees_the_preprocessing_of_the_bundle(manifest, cache):
    dataset = LesionDataset(manifest, manifest.class_set(), PREPROCESSING, cache=cache)
    for row in (2, 2):  # the second time from the cache
        expected = PREPROCESSING(load_rgb(manifest.paths[row]))
        np.testing.assert_array_equal(dataset[row].image.numpy(), expected)


def test_targets_follow_the_class_set(manifest):
    classes = ClassSet(manifest.taxonomy, ("nevus", "melanoma"))
    dataset = LesionDataset(manifest, classes, PREPROCESSING)
    assert [int(dataset[row].target) for row in range(4)] == [0, 1, 0, 1]


def test_a_diagnosis_outside_the_classes_is_named(manifest):
    classes = ClassSet(manifest.taxonomy, ("melanoma", "dermatofibroma"))
    with pytest.raises(TaxonomyError, match="nevus"):
        LesionDataset(manifest, classes, PREPROCESSING)


def training_batches(manifest, workers, *, cache=True):
    transform = training_transform(Augmentation(rotation_degrees=30), size=(32, 32))
    dataset = LesionDataset(
        manifest, manifest.class_set(), PREPROCESSING, transform=transform, cache=cache
    )
    sampler = EpochSampler(dataset.targets, seed=3)
    sampler.set_epoch(2)
    loader = DataLoader(
        dataset, batch_size=2, sampler=sampler, num_workers=workers, collate_fn=collate
    )
    return torch.cat([batch.image for batch in loader])


def test_augmentation_does_not_depend_on_the_number_of_workers(manifest):
    assert torch.equal(training_batches(manifest, 0), training_batches(manifest, 2))


def test_augmentation_does_not_depend_on_the_cache(manifest):
    assert torch.equal(
        training_batches(manifest, 0), training_batches(manifest, 0, cache=False)
    )  # a warning would have been an error here


def test_augmenting_leaves_the_global_generator_alone(manifest):
    transform = training_transform(Augmentation(), size=(32, 32))
    dataset = LesionDataset(manifest, manifest.class_set(), PREPROCESSING, transform=transform)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    _ = dataset[Draw(row=0, seed=1)]
    assert torch.equal(torch.rand(1), expected)


def test_batches_are_channels_last(manifest):
    dataset = LesionDataset(manifest, manifest.class_set(), PREPROCESSING)
    batch = collate([dataset[0], dataset[1]])
    assert batch.image.is_contiguous(memory_format=torch.channels_last)


def test_a_worker_that_is_not_forked_shares_the_cache(manifest):
    transform = training_transform(Augmentation(), size=(32, 32))
    dataset = LesionDataset(manifest, manifest.class_set(), PREPROCESSING, transform=transform)
    first = dataset[Draw(0, 1)].image
    travelling = pickle.dumps(dataset)
    elsewhere = pickle.loads(travelling)
    manifest.paths[0].unlink()  # what the copy shows can only come from the cache
    assert torch.equal(elsewhere[Draw(0, 1)].image, first)
    elsewhere[Draw(1, 1)]
    manifest.paths[1].unlink()
    assert dataset[Draw(1, 1)].image.shape == (3, 32, 32)


def test_the_cache_decodes_once_and_cleans_up(tmp_path):
    decoded = []

    def decode():
        decoded.append(1)
        return np.full((4, 5, 3), 7, dtype=np.uint8)

    cache = FrameCache(3, 4, 5, folder=tmp_path)
    assert (cache.frame(1, decode) == 7).all()
    assert (cache.frame(1, decode) == 7).all()
    assert len(decoded) == 1
    del cache
    assert list(tmp_path.iterdir()) == []


def test_the_cache_of_a_killed_process_is_taken_away_and_that_of_a_living_one_is_not(tmp_path):
    program = (
        "import os, pathlib, signal; from cutis.data.cache import FrameCache; "
        f"cache = FrameCache(3, 4, 5, folder=pathlib.Path({str(tmp_path)!r})); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program], check=False)
    (abandoned,) = tmp_path.iterdir()
    living = FrameCache(3, 4, 5, folder=tmp_path)
    assert not abandoned.exists()
    another = FrameCache(3, 4, 5, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    del living, another
    assert list(tmp_path.iterdir()) == []
