"""Sampling is a function of seed and epoch, and balances as it says."""

import numpy as np
import pytest

from cutis.data.sampling import EpochSampler
from cutis.errors import InputError

TARGETS = np.repeat([0, 1, 2], [800, 150, 50])


def rows(sampler, epoch):
    sampler.set_epoch(epoch)
    return [draw.row for draw in sampler]


def test_without_balance_every_picture_is_shown_once_an_epoch():
    assert sorted(rows(EpochSampler(TARGETS, seed=0), 3)) == list(range(len(TARGETS)))


def test_an_epoch_depends_on_seed_and_number_only():
    first, second = EpochSampler(TARGETS, seed=7), EpochSampler(TARGETS, seed=7)
    rows(first, 0)
    second.set_epoch(1)
    first.set_epoch(1)
    assert list(first) == list(second)


def test_epochs_and_seeds_differ():
    sampler = EpochSampler(TARGETS, seed=0)
    assert rows(sampler, 0) != rows(sampler, 1)
    assert rows(sampler, 0) != rows(EpochSampler(TARGETS, seed=1), 0)


def test_every_draw_has_its_own_augmentation_seed():
    seeds = [draw.seed for draw in EpochSampler(TARGETS, seed=0, balance=1.0)]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize(
    ("balance", "expected"), [(1.0, [1 / 3, 1 / 3, 1 / 3]), (0.5, [0.594, 0.257, 0.149])]
)
def test_balance_sets_the_shares_of_the_classes(balance, expected):
    sampler = EpochSampler(TARGETS, seed=0, balance=balance)
    drawn = np.concatenate([TARGETS[rows(sampler, epoch)] for epoch in range(20)])
    np.testing.assert_allclose(np.bincount(drawn) / len(drawn), expected, atol=0.01)


def test_a_balance_outside_zero_and_one_is_refused():
    with pytest.raises(InputError, match="balance"):
        EpochSampler(TARGETS, seed=0, balance=1.5)
