"""Readers beside a model, on studies small enough to count by hand, and what must hold for any."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cutis.errors import InputError, ManifestError
from cutis.evaluation.reader_cases import ReaderCases
from cutis.evaluation.reader_results import Threshold
from cutis.evaluation.reader_threshold import choose_threshold
from cutis.evaluation.readers import compare_readers, pair_agreement
from cutis.metrics.agreement import cohen_kappa
from cutis.metrics.classification import confusion_matrix
from cutis.metrics.intervals import bootstrap, percentile_interval
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.tables.readings import Readings
from cutis.taxonomy import load_taxonomy
from cutis.taxonomy.tasks import find_task

SKIN = load_taxonomy()
TASK = find_task("melanoma:nevus", SKIN)
NAN = float("nan")


def cases(positive, score, calls, *, ratings=None, clusters=None):
    """A study from rows of decisions (1, 0 or nan), one per reader: a, b, c ..."""
    calls = np.array(calls, dtype=float)
    n = len(positive)
    return ReaderCases(
        image_ids=tuple(f"i{k}" for k in range(n)),
        positive=np.array(positive, dtype=bool),
        score=np.array(score, dtype=float),
        clusters=np.array([f"i{k}" for k in range(n)] if clusters is None else clusters),
        lesions=None,
        drawn="images",
        readers=tuple("abcdefgh"[: len(calls)]),
        calls=calls,
        ratings=np.full(calls.shape, np.nan) if ratings is None else np.array(ratings, dtype=float),
        left_out={},
    )


def compared(study, *, threshold=0.5, replicates=100):
    return compare_readers(
        study,
        title="t",
        split="test",
        threshold=Threshold(threshold, "as given"),
        replicates=replicates,
    )


# Four positives and four negatives; the model finds 2 of 4 without a false alarm, 3 with one.
POSITIVE = [1, 1, 1, 1, 0, 0, 0, 0]
SCORE = [0.9, 0.8, 0.6, 0.3, 0.7, 0.4, 0.2, 0.1]


def random_study(seed=0, *, n=60, readers=4, share_read=1.0):
    generator = np.random.default_rng(seed)
    positive = np.arange(n) % 3 == 0
    score = 1 / (1 + np.exp(-(generator.normal(size=n) + 1.5 * positive)))
    latent = generator.normal(size=(readers, n)) + 1.2 * positive
    calls = np.where(generator.random((readers, n)) < share_read, latent > 0.7, np.nan)
    ratings = np.where(np.isnan(calls), np.nan, latent)
    return cases(positive, score, calls, ratings=ratings)


def test_a_model_right_on_both_positives_where_the_reader_found_none_is_no_certainty():
    found = compared(cases([1, 1, 0, 0, 0, 0], [0.9, 0.8, 0.1, 0.1, 0.2, 0.3], [[0] * 6]))
    against = found.readers[0].against_model
    assert str(against.gain) == "1.000 (no interval)"
    assert np.isnan([against.p, against.adjusted_p]).all()


def test_the_lesions_of_one_patient_say_nothing_about_others():
    calls = [[1, 1, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 1, 0, 1, 0]]
    found = compared(cases(POSITIVE, SCORE, calls, clusters=["one patient"] * 8))
    against = [*(each.against_model for each in found.readers), found.mean.against_model]
    assert np.isnan([each.p for each in against]).all()
    assert np.isnan([found.pairs.low[0, 1], found.pairs.high[0, 1]]).all()


def test_rates_and_the_models_sensitivity_are_those_counted_by_hand():
    found = compared(cases(POSITIVE, SCORE, [[1, 1, 0, 0, 1, 0, 0, 0]]))
    (reader,) = found.readers
    assert dataclasses.astuple(reader.answers.counts) == (2, 2, 1, 3)
    assert reader.answers.sensitivity.value == 0.5
    assert reader.answers.specificity.value == 0.75
    assert reader.against_model.model_sensitivity.value == 0.75
    assert reader.against_model.gain.value == 0.25
    assert reader.kappa.value == pytest.approx(0.25)
    assert (found.under_curve, found.share_under_curve.value) == (1, 1.0)
    assert dataclasses.astuple(found.model.counts) == (3, 1, 1, 3)


def test_a_reader_above_the_curve_has_a_negative_gain():
    found = compared(cases(POSITIVE, SCORE, [[1, 1, 1, 1, 0, 0, 0, 0]]))
    assert found.readers[0].against_model.gain.value == -0.5
    assert found.under_curve == 0


@pytest.mark.parametrize("threshold", [0.2, 0.35, 0.5, 0.65, 0.75])
def test_a_reader_who_says_what_the_model_says_lies_on_the_curve(threshold):
    called = np.array(SCORE) >= threshold
    reader = compared(cases(POSITIVE, SCORE, [called]), threshold=threshold)
    model = reader.readers[0].against_model
    best = max(
        np.mean(np.array(SCORE)[:4] >= t)
        for t in [*SCORE, np.inf]
        if np.sum(np.array(SCORE)[4:] >= t) <= called[4:].sum()
    )
    assert model.model_sensitivity.value == best
    assert reader.readers[0].answers.counts == reader.model.counts


def test_a_copy_of_the_model_has_gain_zero_in_every_replicate():
    study = random_study(1)
    lowest_kept = np.sort(study.score[study.positive])[5]
    copy = dataclasses.replace(
        study,
        readers=("a",),
        calls=(study.score >= lowest_kept)[None] * 1.0,
        ratings=study.ratings[:1],
    )
    gain = compared(copy, threshold=lowest_kept).readers[0].against_model
    assert gain.gain.value == 0
    assert gain.gain.low >= 0
    assert gain.p == 1


def test_the_mean_reader_has_mean_rates_and_the_standard_deviation_over_readers():
    calls = [[1, 1, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 0, 0]]
    mean = compared(cases(POSITIVE, SCORE, calls)).mean
    assert (mean.sensitivity.value, mean.specificity.value) == (0.75, 0.75)
    assert mean.sensitivity_sd == pytest.approx(np.std([0.5, 1.0], ddof=1))
    assert mean.specificity_sd == pytest.approx(np.std([1.0, 0.5], ddof=1))
    assert mean.against_model.model_sensitivity.value == 0.75


def test_one_reader_has_no_standard_deviation_and_no_agreement_with_others():
    found = compared(cases(POSITIVE, SCORE, [[1, 1, 0, 0, 1, 0, 0, 0]]))
    assert np.isnan([found.mean.sensitivity_sd, found.fleiss.value, found.pairs.median]).all()


def test_readers_are_judged_on_the_images_they_read():
    calls = [[1, NAN, 0, NAN, 1, 0, NAN, NAN], [1, 1, 1, 1, NAN, NAN, NAN, NAN]]
    found = compared(cases(POSITIVE, SCORE, calls))
    first, second = found.readers
    assert (first.images, first.answers.sensitivity.positives) == (4, 2)
    # Images 0, 2, 4, 5: with one false alarm (0.7) the model may go down to 0.6 and finds both.
    assert first.against_model.model_sensitivity.value == 1.0
    assert second.answers.sensitivity.value == 1.0
    assert np.isnan([second.answers.specificity.value, second.against_model.gain.value]).all()
    assert np.isnan(second.against_model.adjusted_p)
    assert first.against_model.adjusted_p == first.against_model.p
    assert (found.under_curve, found.share_under_curve.value) == (1, 1.0)
    assert (found.compared, len(found.readers)) == (1, 2)


def test_majorities_count_half_as_yes_and_tell_their_ties():
    calls = [
        [1, 1, 0, 0, 0, 1, 0, NAN],
        [1, 0, 0, 0, 0, 1, 0, NAN],
        [1, 0, NAN, 0, 0, 0, NAN, NAN],
        [1, 1, NAN, 1, 0, 1, NAN, NAN],
    ]
    alone, together = compared(cases(POSITIVE, SCORE, calls)).votes
    # Yes votes: 4 of 4, 2 of 4 (a tie), 0 of 2, 1 of 4; 0 of 4, 3 of 4, 0 of 2, none.
    assert (alone.images, alone.ties) == (7, 1)
    assert dataclasses.astuple(alone.answers.counts) == (2, 2, 1, 2)
    # The model adds yes to images 0, 1, 2 and 4, on which it says 0.5 or more.
    assert (together.images, together.ties) == (7, 0)
    assert dataclasses.astuple(together.answers.counts) == (2, 2, 1, 2)


def test_pairs_agree_only_over_what_both_read():
    pairs = pair_agreement(np.array([[1, 1, 0, 0, 1], [1, 0, 0, NAN, NAN], [1, 1, 1, 1, NAN]]))
    assert pairs.images[0, 1] == 3
    assert pairs.kappa[0, 1] == pytest.approx(0.4)  # 2 of 3 alike, 4 of 9 by chance
    assert pairs.kappa[1, 0] == pairs.kappa[0, 1]
    assert pairs.kappa[0, 2] == 0


def test_the_kappas_of_pairs_have_intervals_over_cases_like_every_other_figure():
    study = random_study(7, readers=3, share_read=0.8)
    found = compared(study, replicates=150).pairs
    for a, b in ((0, 1), (0, 2), (1, 2)):
        both = ~np.isnan(study.calls[[a, b]]).any(axis=0)
        first, second = (np.nan_to_num(study.calls[row]).astype(int) for row in (a, b))

        def figure(weights, first=first, second=second, both=both):
            confusion = confusion_matrix(
                first[both], second[both], 2, weights=np.ascontiguousarray(weights[:, both])
            )
            return {"kappa": cohen_kappa(confusion)}

        drawn = bootstrap(figure, study.clusters, replicates=150, seed=0)["kappa"]
        ends = (found.low[a, b], found.high[a, b])
        assert ends == pytest.approx(percentile_interval(drawn))
        assert ends == (found.low[b, a], found.high[b, a])
        assert ends[0] <= found.kappa[a, b] <= ends[1]


def test_the_order_of_readers_does_not_matter():
    study = random_study(2)
    turned = dataclasses.replace(
        study, readers=study.readers[::-1], calls=study.calls[::-1], ratings=study.ratings[::-1]
    )
    first, second = compared(study), compared(turned)
    for ours, theirs in zip(first.readers, second.readers[::-1], strict=True):
        assert ours == theirs
    assert first.mean.against_model.gain.value == pytest.approx(
        second.mean.against_model.gain.value
    )
    assert first.fleiss == second.fleiss
    assert first.votes == second.votes
    ours, theirs = first.scored.analysis, second.scored.analysis
    assert ours.p == pytest.approx(theirs.p)


def test_every_interval_holds_its_value_and_stands_on_its_images():
    found = compared(random_study(3, share_read=0.7), replicates=400)
    estimates = [found.mean.sensitivity, found.mean.against_model.gain, found.fleiss]
    for each in found.readers:
        estimates += [each.answers.sensitivity, each.against_model.gain, each.kappa]
        assert each.against_model.gain.n == each.images
        assert each.against_model.p <= each.against_model.adjusted_p <= 1
    assert all(e.low <= e.value <= e.high for e in estimates)


def test_images_of_one_lesion_are_drawn_together():
    study = random_study(4)
    doubled = {
        name: np.concatenate([getattr(study, name)] * 2, axis=-1)
        for name in ("positive", "score", "calls", "ratings", "clusters")
    }
    twice = dataclasses.replace(study, image_ids=study.image_ids * 2, **doubled)
    alone = dataclasses.replace(twice, clusters=np.arange(len(twice.positive)).astype(str))

    def width(found):
        gain = found.mean.against_model.gain
        return gain.high - gain.low

    assert width(compared(twice, replicates=600)) > 1.2 * width(compared(alone, replicates=600))


def test_readers_who_gave_scores_are_analysed_on_the_images_all_of_them_scored():
    study = random_study(5)
    ratings = study.ratings.copy()
    ratings[0, :10] = np.nan
    ratings[3] = np.nan  # this reader gave none
    found = compared(dataclasses.replace(study, ratings=ratings))
    assert found.scored.images == 50
    assert found.scored.analysis.readers == ("a", "b", "c")
    assert found.scored.analysis.areas.shape == (2, 3)
    assert found.readers[3].area is None
    assert found.readers[0].area.positives + found.readers[0].area.negatives == 50
    contrast = found.scored.analysis.fixed_readers["readers - model"]
    assert contrast.low < contrast.difference < contrast.high


def test_scores_without_common_images_give_no_analysis():
    study = random_study(6, readers=2)
    ratings = study.ratings.copy()
    ratings[0, 30:], ratings[1, :30] = np.nan, np.nan
    found = compared(dataclasses.replace(study, ratings=ratings))
    assert found.scored is None
    assert all(each.area is not None for each in found.readers)


# From tables to a study.


def tables(diagnoses, readings, *, split="test"):
    n = len(diagnoses)
    manifest = Manifest(
        pd.DataFrame(
            {
                "image_id": [f"i{k}" for k in range(n)],
                "path": [f"/nowhere/{k}.jpg" for k in range(n)],
                "diagnosis": diagnoses,
                "split": split,
            }
        ),
        SKIN,
    )
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(3), size=n)
    predictions = Predictions(
        manifest.image_ids, ("melanoma", "nevus", "dermatofibroma"), probabilities
    )
    rows = pd.DataFrame(readings, columns=["reader", "image_id", "decision"])
    return predictions, manifest, Readings(rows, SKIN, name="r.csv")


DIAGNOSES = ["melanoma", "nevus", "lentigo-maligna", "blue-nevus", "dermatofibroma", "nevus"]


def test_diagnoses_answer_the_question_and_coarse_ones_do_not_decide():
    said = ["lentigo-maligna", "seborrheic keratosis", "malignant", "melanoma", "melanoma", "no"]
    readings = [("a", f"i{k}", word) for k, word in enumerate(said)]
    found = ReaderCases.of(*tables(DIAGNOSES, readings), TASK)
    assert found.image_ids == ("i0", "i1", "i2", "i3", "i5")
    assert found.positive.tolist() == [True, False, True, False, False]
    assert found.calls[0].tolist() == pytest.approx([1, 0, NAN, 1, 0], nan_ok=True)
    assert found.left_out["images read outside the split or the question"] == 1


def test_images_nobody_read_are_left_out_and_counted():
    found = ReaderCases.of(*tables(DIAGNOSES, [("a", "i0", "yes"), ("b", "i1", "no")]), TASK)
    assert found.image_ids == ("i0", "i1")
    assert np.array_equal(found.calls, [[1, NAN], [NAN, 0]], equal_nan=True)
    assert found.left_out["images of the question that nobody read"] == 3


def test_images_the_model_gives_no_chance_on_either_side_are_left_out():
    predictions, manifest, readings = tables(DIAGNOSES, [("a", f"i{k}", "no") for k in range(4)])
    probabilities = predictions.probabilities.copy()
    probabilities[3] = [0, 0, 1]
    found = ReaderCases.of(
        dataclasses.replace(predictions, probabilities=probabilities), manifest, readings, TASK
    )
    assert found.image_ids == ("i0", "i1", "i2")
    assert len(found.score) == 3
    assert found.left_out["images that the model gives no probability on either side"] == 1


def test_confidence_comes_before_the_scale_reader_by_reader():
    predictions, manifest, _ = tables(DIAGNOSES, [("a", "i0", "yes")])
    rows = pd.DataFrame(
        {
            "reader": ["a", "a", "b", "b"],
            "image_id": ["i0", "i1", "i0", "i1"],
            "confidence": [0.7, NAN, NAN, NAN],
            "scale": [5, 4, 3, NAN],
            "decision": "yes",
        }
    )
    found = ReaderCases.of(predictions, manifest, Readings(rows, SKIN), TASK)
    assert np.array_equal(found.ratings, [[0.7, NAN], [3, NAN]], equal_nan=True)


def test_unknown_images_and_empty_questions_are_errors_with_a_way_out():
    with pytest.raises(InputError, match=r"1 of 2 images are not in manifest, such as i00"):
        ReaderCases.of(*tables(DIAGNOSES, [("a", "i0", "yes"), ("a", "i00", "no")]), TASK)
    with pytest.raises(InputError, match="try another --task, or --split all"):
        ReaderCases.of(*tables(DIAGNOSES, [("a", "i4", "yes")]), TASK)
    with pytest.raises(ManifestError, match="1 are positive and 0 negative"):
        ReaderCases.of(*tables(DIAGNOSES, [("a", "i0", "yes")]), TASK)


# Thresholds.


def test_the_threshold_of_the_mean_reader_keeps_the_mean_specificity():
    calls = [[1, 1, 0, 0, 1, 0, 0, 0], [1, 1, 0, 0, 1, 1, 0, 0]]  # 0.75 and 0.5
    chosen = choose_threshold("readers", cases(POSITIVE, SCORE, calls), None, None, TASK)
    assert chosen.value == 0.6  # one false alarm of four: specificity 0.75
    assert "0.625" in chosen.origin


def test_the_threshold_of_validation_is_youdens_on_the_other_split():
    predictions, manifest, _ = tables(DIAGNOSES, [("a", "i0", "yes"), ("a", "i1", "no")])
    sides = ["test", "test", "val", "val", "val", "val"]
    probabilities = np.array(
        [[0.5, 0.5, 0]] * 2 + [[0.8, 0.2, 0], [0.1, 0.9, 0], [0, 0, 1], [0.3, 0.7, 0]]
    )
    manifest = manifest.with_columns(split=sides)
    whole = dataclasses.replace(predictions, probabilities=probabilities)
    test, val = (whole.rows_for(manifest.image_ids[part]) for part in (slice(2), slice(2, 6)))
    read = cases([1, 0], [0.5, 0.5], [[1, 0]])
    turned = val.in_order_of(val.classes[::-1])
    for table, chosen_on in ((whole, None), (test, (val, manifest)), (test, (turned, manifest))):
        chosen = choose_threshold("validation", read, table, manifest, TASK, validation=chosen_on)
        assert chosen.value == pytest.approx(0.8)
        assert "3 images of split val" in chosen.origin
    with pytest.raises(InputError, match=r"split 'val': .*; give their table with --validation"):
        choose_threshold("validation", read, test, manifest, TASK)
    with pytest.raises(InputError, match="goes with --threshold validation"):
        choose_threshold("0.5", read, test, manifest, TASK, validation=(val, manifest))
    elsewhere = manifest.with_columns(diagnosis=["melanoma"] * 6)
    with pytest.raises(InputError, match="split 'val': 3 positive and 0 negative images"):
        choose_threshold("validation", read, test, manifest, TASK, validation=(val, elsewhere))


@pytest.mark.parametrize(
    ("lesions", "seen", "message"),
    [
        (["", "", "", "", "", ""], 3, "1 images are judged too, such as i2; judge other rows"),
        (["", "x", "", "x", "", ""], 2, "1 lesions are judged too, such as x; judge other rows"),
    ],
)
def test_the_threshold_of_validation_is_not_chosen_on_what_is_judged(lesions, seen, message):
    predictions, manifest, _ = tables(DIAGNOSES, [("a", "i0", "yes"), ("a", "i1", "no")])
    sides = ["test", "test", "val", "val", "val", "val"]
    manifest = manifest.with_columns(split=sides, lesion_id=lesions)
    read = cases([1, 0, 1][:seen], [0.5, 0.5, 0.5][:seen], [[1, 0, 1][:seen]])
    with pytest.raises(InputError, match=message):
        choose_threshold("validation", read, predictions, manifest, TASK)


@pytest.mark.parametrize("wanted", ["1.5", "reader", "nan"])
def test_a_threshold_that_is_none_is_refused(wanted):
    with pytest.raises(InputError, match="not a number from 0 to 1, readers or validation"):
        choose_threshold(wanted, None, None, None, TASK)


def test_too_few_replicates_are_refused():
    with pytest.raises(InputError, match="too few for an interval"):
        compared(random_study(7), replicates=50)
