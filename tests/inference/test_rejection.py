"""Rejection: strangers are farther than kin, the limit means what it says, and a file keeps both."""

from dataclasses import replace

import numpy as np
import pytest

from cutis.errors import InputError
from cutis.inference import rejection as rejection_module
from cutis.inference.frame_statistics import STATISTICS, frame_statistics
from cutis.inference.rejection import NEIGHBOURS, Rejection, directions, fit_rejection
from cutis.inference.verdict import Verdict, verdicts

FEATURES = 40


def drawn(n, *, seed, shift=0.0):
    """Pictures as features that vary in five directions, and statistics without meaning."""
    mixing = np.random.default_rng(0).normal(size=(5, FEATURES))
    generator = np.random.default_rng(seed)
    features = 5 + generator.normal(size=(n, 5)) @ mixing + generator.normal(size=(n, FEATURES)) / 9
    features[:, 7] += shift
    return features, generator.normal(size=(n, STATISTICS))


def fitted(**changed):
    features, statistics = drawn(400, seed=1)
    validation_features, validation_statistics = drawn(300, seed=2)
    arguments = {
        "validation_features": validation_features,
        "validation_statistics": validation_statistics,
    }
    return fit_rejection(features, statistics, **(arguments | changed))


@pytest.fixture(scope="module")
def rejection():
    return fitted()


def test_new_pictures_of_the_kind_are_rejected_at_the_stated_rate(rejection):
    seen = rejection.distance(*drawn(300, seed=2)) > rejection.limit
    assert seen.sum() == 2  # at most 1 % of 300 and of one more: the 298th of 301 is the limit
    new = rejection.distance(*drawn(4000, seed=3)) > rejection.limit
    assert new.mean() < 0.02


def test_a_stranger_in_what_never_varies_is_far_though_its_statistics_are_ordinary(rejection):
    assert (rejection.distance(*drawn(200, seed=4, shift=6)) > rejection.limit).all()


def test_a_stranger_to_the_eye_is_far_though_the_network_sees_nothing(rejection):
    features, statistics = drawn(50, seed=5)
    statistics[:, 3] += 12
    assert (rejection.distance(features, statistics) > rejection.limit).all()


def test_the_distance_is_that_to_the_nearest_pictures_one_by_one(rejection):
    features, statistics = drawn(40, seed=6)
    found = rejection.distance(features, statistics)
    for row in range(40):
        direction = features[row] / np.linalg.norm(features[row]) - rejection.mean
        along = rejection.basis.T @ direction
        left_over = np.sqrt(direction @ direction - along @ along)
        white = [*along, np.log(left_over + 1e-4), *statistics[row]] - rejection.centre
        white = white @ rejection.whitening
        each = sorted(np.linalg.norm(white - kept) for kept in rejection.bank)
        assert found[row] == pytest.approx(each[NEIGHBOURS - 1] / np.sqrt(len(white)), rel=1e-6)


def test_a_direction_has_length_one_however_faint_the_features():
    found = directions(np.array([[0.03, 0.04], [30.0, 40.0], [0.0, 0.0]]))
    np.testing.assert_allclose(found, [[0.6, 0.8], [0.6, 0.8], [0, 0]])


def test_a_file_keeps_every_distance_and_is_small(rejection):
    arrays = rejection.to_arrays()
    again = Rejection.from_arrays(arrays, rejection.to_dict())
    picture = drawn(20, seed=7, shift=1)
    assert np.array_equal(again.distance(*picture), rejection.distance(*picture))
    assert again.to_dict() == rejection.to_dict()
    assert sum(values.nbytes for values in arrays.values()) < 100_000


@pytest.mark.parametrize(
    ("pictures", "features", "components"), [(400, 8, 7), (30, FEATURES, 29), (400, FEATURES, 32)]
)
def test_there_are_no_more_components_than_the_pictures_define(
    monkeypatch, pictures, features, components
):
    monkeypatch.setattr(rejection_module, "BANK", 100)
    (seen, statistics), (kept_out, others) = drawn(pictures, seed=1), drawn(300, seed=2)
    fitted = fit_rejection(
        seen[:, :features],
        statistics,
        validation_features=kept_out[:, :features],
        validation_statistics=others,
    )
    assert fitted.basis.shape == (features, components)
    assert len(fitted.bank) == min(pictures, 100)


def test_fitting_twice_gives_the_same(rejection):
    for name, values in fitted().to_arrays().items():
        assert np.array_equal(values, rejection.to_arrays()[name])


def test_a_seed_draws_the_pictures_that_are_kept(monkeypatch):
    monkeypatch.setattr(rejection_module, "BANK", 100)
    one, other = fitted(seed=0), fitted(seed=1)
    assert one.bank.shape == other.bank.shape
    assert not np.array_equal(one.bank, other.bank)


def test_a_picture_as_far_as_the_limit_is_accepted_and_one_beyond_it_rejected(rejection):
    features, _statistics = drawn(1, seed=6)
    frames = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    (found,) = rejection.distance(features, frame_statistics(frames))
    for limit, status in ((found, "accepted"), (np.nextafter(found, 0), "rejected")):
        (verdict,) = verdicts(replace(rejection, limit=float(limit)), frames, features)
        assert (verdict.status, verdict.distance) == (status, found)


def test_a_verdict_gives_the_reasons_that_count():
    assert Verdict(None, (), 1.0).in_words() == "accepted"
    assert Verdict(None, ("dark", "blurred"), 1.0).in_words() == (
        "accepted with warnings (dark; blurred)"
    )
    assert Verdict("too far", ("dark",), 9.0).in_words() == "rejected (too far)"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"false_rejection_rate": 0.001}, "cannot be shown on 300 pictures"),
        ({"validation_features": np.full((300, FEATURES), np.nan)}, "nan or infinity"),
        ({"validation_statistics": np.zeros((299, STATISTICS))}, "lengths differ"),
    ],
)
def test_what_cannot_be_fitted_says_why(changed, message):
    with pytest.raises(InputError, match=message):
        fitted(**changed)


def test_another_network_or_a_mutilated_file_is_refused(rejection):
    with pytest.raises(InputError, match="fit it to this network"):
        rejection.distance(np.ones((1, FEATURES + 1)), np.ones((1, STATISTICS)))
    arrays = rejection.to_arrays()
    with pytest.raises(InputError, match="whitening has shape"):
        Rejection.from_arrays(arrays | {"whitening": np.eye(3)}, rejection.to_dict())
    with pytest.raises(InputError, match="a bank of 4 pictures, 5 are needed"):
        Rejection.from_arrays(arrays | {"bank": arrays["bank"][:4]}, rejection.to_dict())
    with pytest.raises(InputError, match="not understood"):
        Rejection.from_arrays({}, rejection.to_dict())
    with pytest.raises(InputError, match="limit"):
        Rejection.from_arrays(arrays, rejection.to_dict() | {"limit": float("nan")})


def test_statistics_know_colour_and_grain_by_hand():
    red = np.zeros((1, 16, 24, 3), dtype=np.uint8)
    red[..., 0] = 255
    found = frame_statistics(red)[0]
    assert found[:3] == pytest.approx(
        [0.299, 1.0, 0.5], abs=1e-4
    )  # lightness, red-green, yellow-blue
    assert found[3:12] == pytest.approx(np.log(0.005), abs=1e-3)  # no spread of any kind
    assert found[12] == pytest.approx(1)  # saturation
    assert found[14] == pytest.approx(np.log(0.005), abs=1e-3)  # one hue
    halves = np.array([[255, 0, 0], [0, 255, 255]], dtype=np.uint8).repeat(32, axis=0)
    opposite = np.broadcast_to(halves[:, None], (1, 64, 64, 3))
    assert frame_statistics(opposite)[0, 14] == pytest.approx(np.log(1.005), abs=1e-3)
    assert frame_statistics(opposite).shape == (1, STATISTICS)
