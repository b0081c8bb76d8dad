"""Readers without and with the model: counted by hand, and against the analyses it is made of."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from cutis.errors import InputError
from cutis.evaluation.conditions import WITH, WITHOUT, compare_conditions
from cutis.evaluation.figures.conditions import conditions_figure
from cutis.evaluation.mrmc import obuchowski_rockette
from cutis.evaluation.reader_cases import ReaderCases
from cutis.metrics.delong import delong_covariance
from cutis.metrics.ranking import roc_auc

NAN = float("nan")
POSITIVE = np.array([1, 1, 1, 1, 0, 0, 0, 0], dtype=bool)


def condition(calls, *, ratings=None, readers="ab", positive=POSITIVE, images=None):
    calls = np.array(calls, dtype=float)
    names = [f"i{k}" for k in range(len(positive))] if images is None else images
    return ReaderCases(
        image_ids=tuple(names),
        positive=positive,
        score=np.linspace(0.9, 0.1, len(positive)),
        clusters=np.array(names),
        lesions=None,
        drawn="images",
        readers=tuple(readers),
        calls=calls,
        ratings=np.full(calls.shape, np.nan) if ratings is None else np.array(ratings, dtype=float),
        left_out={},
    )


ALONE = condition([[1, 1, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]])
HELPED = condition([[1, 1, 1, 0, 1, 1, 0, 0], [1, 1, 1, 0, 0, 0, 0, NAN]])


def test_rates_gains_and_switches_are_those_counted_by_hand():
    found = compare_conditions(ALONE, HELPED, replicates=100)
    first, second = found.readers
    assert first.rates["sensitivity"].without.value == 0.5
    assert first.rates["sensitivity"].with_model.value == 0.75
    assert first.rates["specificity"].gain.value == -0.25
    assert dataclasses.astuple(first.switches) == (1, 1)
    assert (second.images, second.rates["specificity"].gain.value) == (7, 0)
    assert dataclasses.astuple(second.switches) == (2, 0)
    assert found.mean["sensitivity"].gain.value == pytest.approx((0.25 + 0.5) / 2)
    assert found.scored is None


def test_only_readers_and_images_of_both_conditions_count_in_any_order():
    order = [7, 0, 3, 2, 1, 5]
    helped = condition(
        HELPED.calls[::-1][:, order],
        readers="bc",
        positive=POSITIVE[order],
        images=[f"i{k}" for k in order],
    )
    found = compare_conditions(ALONE, helped, replicates=100)
    (reader,) = found.readers
    # Six images stand in both tables, and on i7 reader b did not decide with the model.
    assert (reader.reader, found.left_out, found.images) == ("b", ("a", "c"), 5)
    assert reader.rates["sensitivity"].gain.value == 0.5


def test_two_equal_conditions_gain_nothing_and_say_nothing_about_chance():
    found = compare_conditions(ALONE, ALONE, replicates=100)
    for rates in (found.mean, *(each.rates for each in found.readers)):
        assert {str(both.gain) for both in rates.values()} == {"0.000 (no interval)"}


def test_a_reader_who_read_no_negatives_has_no_arrow_and_is_not_counted_among_them():
    positives_only = [1, 1, 0, 0, NAN, NAN, NAN, NAN]
    alone = condition([positives_only, [1, 0, 0, 1, 0, 1, 0, 0]])
    figure = conditions_figure(compare_conditions(alone, alone, replicates=100))
    (axes,) = figure.axes
    assert axes.get_legend().get_texts()[0].get_text() == "readers (1)"
    assert len(axes.texts) == 2  # one reader's arrow and that of the mean


def test_scores_are_two_treatments_of_one_analysis():
    generator = np.random.default_rng(0)
    positive = np.arange(40) % 2 == 0
    alone = generator.normal(size=(3, 40)) + positive
    helped = alone + 0.7 * positive + 0.3 * generator.normal(size=(3, 40))
    helped[0, :4] = np.nan
    calls = np.where(np.isnan(helped), np.nan, helped > 0.5)
    found = compare_conditions(
        condition(alone > 0.5, ratings=alone, readers="abc", positive=positive),
        condition(calls, ratings=helped, readers="abc", positive=positive),
        replicates=100,
    ).scored
    assert (found.images, found.positives) == (36, 18)
    areas, covariance = delong_covariance(
        positive[4:], np.concatenate([helped[:, 4:], alone[:, 4:]])
    )
    expected = obuchowski_rockette(
        areas.reshape(2, 3), covariance, treatments=(WITH, WITHOUT), readers=list("abc")
    )
    assert found.analysis.random_readers == expected.random_readers
    (contrast,) = found.analysis.random_readers.values()
    by_hand = [
        roc_auc(positive[4:], helped[row, 4:]) - roc_auc(positive[4:], alone[row, 4:])
        for row in range(3)
    ]
    assert contrast.difference == pytest.approx(np.mean(by_hand))


def test_images_that_no_reader_read_in_both_conditions_do_not_count():
    halves = np.arange(8) % 2 == 0
    alone = condition(np.where([halves, ~halves], ALONE.calls, NAN))
    helped = condition(np.where([~halves, halves], ALONE.calls, NAN))
    with pytest.raises(InputError, match="0 images were read in both by one and the same reader"):
        compare_conditions(alone, helped, replicates=100)
    helped = condition(np.where([[True] * 8, halves], ALONE.calls, NAN))
    found = compare_conditions(alone, helped, replicates=100)
    assert (found.images, found.positives) == (4, 2)
    assert [reader.images for reader in found.readers] == [4, 0]
    assert found.mean["sensitivity"].gain.n == 4


def test_images_that_were_only_scored_in_both_count_for_the_scores():
    scores = np.array([[0.9, 0.8, 0.4, 0.7, 0.3, 0.5, 0.1, 0.2], [0.8, 0.6, 0.7, 0.3] + [0.2] * 4])
    decided = np.where(np.arange(8) % 4 == 0, ALONE.calls, NAN)
    alone = condition(decided, ratings=scores)
    found = compare_conditions(alone, alone, replicates=100)
    assert (found.images, found.scored.images) == (8, 8)
    assert found.mean["sensitivity"].gain.n == 2


def test_conditions_that_share_nothing_are_refused():
    with pytest.raises(InputError, match="no reader has the same name"):
        compare_conditions(ALONE, condition(HELPED.calls, readers="xy"), replicates=100)
    others = condition(HELPED.calls, images=[f"j{k}" for k in range(8)])
    with pytest.raises(InputError, match="0 images were read in both"):
        compare_conditions(ALONE, others, replicates=100)


def test_compare_reports_both_conditions(cutis, tmp_path):
    generator = np.random.default_rng(1)
    n = 40
    ids, malignant = [f"i{k}" for k in range(n)], np.arange(n) % 2 == 0
    chance = np.clip(generator.normal(0.35 + 0.3 * malignant, 0.2), 0, 1)
    pd.DataFrame({"image_id": ids, "mel": chance, "nv": 1 - chance}).to_csv(
        tmp_path / "p.csv", index=False
    )
    pd.DataFrame(
        {
            "image_id": ids,
            "path": [f"{i}.jpg" for i in ids],
            "diagnosis": np.where(malignant, "melanoma", "nevus"),
        }
    ).to_csv(tmp_path / "m.csv", index=False)
    for name, noise in (("alone", 0.35), ("helped", 0.15)):
        rows = [
            (reader, ids[k], int(np.clip(round(1 + 4 * sure), 1, 5)), "yes" if sure > 0.5 else "no")
            for reader in ("Ada", "Ben <i>")
            for k, sure in enumerate(malignant * 0.4 + 0.3 + generator.normal(size=n) * noise)
        ]
        columns = ["reader", "image_id", "scale", "decision"]
        pd.DataFrame(rows, columns=columns).to_csv(tmp_path / f"{name}.csv", index=False)
    code, out, err = cutis(
        *("compare", tmp_path / "p.csv", tmp_path / "m.csv", tmp_path / "alone.csv"),
        *("--with-model", tmp_path / "helped.csv", "--task", "melanoma:nevus"),
        *("--split", "all", "-o", tmp_path / "out", "--replicates", 100),
    )
    assert (code, err) == (0, "")
    assert "gain of the mean reader with the model, sensitivity" in out
    found = json.loads((tmp_path / "out" / "result.json").read_text())
    assert found["conditions"]["mean"]["sensitivity"]["gain"]["value"] > 0
    assert (
        "with model - without model" in found["conditions"]["scored"]["analysis"]["fixed_readers"]
    )
    assert len(found["inputs_sha256"]) == 4
    assert found["agreement"]["pairs"]["low"][0][1] <= found["agreement"]["pairs"]["kappa"][0][1]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Readers without and with the model" in page
    assert "Ben <i>" not in page
