"""Scores against each other: by hand, against scikit-learn, and on the real table of lesion sizes."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from cutis.errors import InputError, ScoresError
from cutis.evaluation.scores import compare_scores
from cutis.tables.scores import Covariate, ScoreTable


def table(positive, *, clusters=None, bands=None, **scores):
    n = len(positive)
    return ScoreTable(
        positive=np.array(positive, dtype=bool),
        scores={name: np.array(values, dtype=float) for name, values in scores.items()},
        clusters=np.arange(n) if clusters is None else np.array(clusters),
        bands=bands or {},
    )


def random_table(n=300, seed=0, **options):
    generator = np.random.default_rng(seed)
    positive = np.arange(n) % 4 == 0
    good, poor = (1 / (1 + np.exp(-generator.normal(size=n) - d * positive)) for d in (2, 0.5))
    return table(positive, good=good, poor=poor, **options)


def test_operating_points_are_those_counted_by_hand():
    found = compare_scores(
        table([1, 1, 1, 1, 0, 0, 0, 0], a=[0.9, 0.8, 0.6, 0.3, 0.7, 0.4, 0.2, 0.1]),
        sensitivities=(0.75, 1.0),
        replicates=100,
    )
    first, second = found.at_sensitivity["a"]
    assert (first.threshold, first.achieved, first.specificity.value) == (0.6, 0.75, 0.75)
    assert first.biopsies.value == pytest.approx(4 / 3)  # three hits and one false alarm
    assert (second.threshold, second.specificity.value) == (0.3, 0.5)
    assert second.biopsies.value == pytest.approx(6 / 4)
    assert found.pairs == ()


def test_areas_are_scikit_learns_and_pairs_are_tested_in_the_order_given():
    cases = random_table()
    found = compare_scores(cases, replicates=100)
    for name, area in found.areas.items():
        assert area.auc == pytest.approx(roc_auc_score(cases.positive, cases.scores[name]))
    (pair,) = found.pairs
    assert (pair.first, pair.second) == ("good", "poor")
    assert pair.area.difference == pytest.approx(found.areas["good"].auc - found.areas["poor"].auc)
    assert pair.area.p < 0.001
    assert [gain.gain.value for gain in found.specificity_gains] == pytest.approx(
        [
            a.specificity.value - b.specificity.value
            for a, b in zip(*found.at_sensitivity.values(), strict=True)
        ]
    )


def test_equal_scores_differ_by_nothing_and_say_nothing_about_chance():
    cases = random_table()
    found = compare_scores(
        table(cases.positive, a=cases.scores["good"], b=2 * cases.scores["good"]), replicates=100
    )
    assert {str(each.gain) for each in found.specificity_gains} == {"0.000 (no interval)"}
    assert np.isnan(found.pairs[0].area.p)


def test_only_scores_between_zero_and_one_have_a_decision_curve():
    cases = random_table()
    found = compare_scores(
        table(cases.positive, a=cases.scores["good"], b=10 * cases.scores["good"]), replicates=100
    )
    assert set(found.benefits) == {"a"}


def test_small_bands_are_shown_but_not_tested_and_empty_sides_are_undefined():
    cases = random_table()
    labels = np.full(300, "large", dtype=object)
    labels[:40] = "small"
    labels[1::60] = "benign only"  # none of them is positive
    order = ("small", "large", "benign only")
    found = compare_scores(
        table(cases.positive, **cases.scores, bands={"size": (labels, order)}), replicates=100
    )
    small, large, benign = found.bands["size"]
    assert (small.too_few, small.pairs) == (True, ())
    assert small.areas["good"].positives == 10
    assert not large.too_few
    assert large.pairs[0].adjusted_p == large.pairs[0].area.p
    assert benign.areas is None
    assert sum(band.cases for band in (small, large, benign)) == 300


def test_rows_of_one_patient_are_drawn_together():
    cases = random_table()
    doubled = {name: np.tile(score, 2) for name, score in cases.scores.items()}
    positive = np.tile(cases.positive, 2)
    alone = compare_scores(table(positive, **doubled), replicates=300)
    together = compare_scores(
        table(positive, **doubled, clusters=np.tile(np.arange(300), 2)), replicates=300
    )
    widths = [found.areas["poor"].high - found.areas["poor"].low for found in (alone, together)]
    assert widths[1] > 1.3 * widths[0]


def test_one_side_alone_cannot_be_compared():
    with pytest.raises(InputError, match="needs positives and negatives"):
        compare_scores(table([1, 1], a=[0.1, 0.2]))


# From a file.


def written(tmp_path, **columns):
    path = tmp_path / "t.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def test_numbers_fall_into_bands_whose_lower_end_belongs_to_them(tmp_path):
    path = written(tmp_path, y=[1, 0, 0, 1, 0], s=[5, 4, 3, 2, 1], mm=[1, 2, 3.5, 4, np.nan])
    found = ScoreTable.read(path, truth="y", scores=["s"], by=[Covariate.parse("mm=2,4")])
    members, order = found.bands["mm"]
    assert members.tolist() == ["under 2", "2 to under 4", "2 to under 4", "4 and over", "unknown"]
    assert order == ("under 2", "2 to under 4", "4 and over", "unknown")


def test_categories_stand_in_alphabetical_order(tmp_path):
    path = written(tmp_path, y=["yes", "No"], s=[0.5, 1], sex=["male", "female"], who=["a", "a"])
    found = ScoreTable.read(path, truth="y", scores=["s"], by=[Covariate("sex")], cluster="who")
    assert found.bands["sex"][1] == ("female", "male")
    assert found.positive.tolist() == [True, False]
    assert found.clusters.tolist() == ["a", "a"]


def test_every_fault_of_a_table_is_named(tmp_path):
    path = written(
        tmp_path, y=["1", "2", "0"], s=["0.5", "", "x"], mm=["a", "3", ""], many=["p", "q", "r"]
    )
    with pytest.raises(ScoresError) as raised:
        ScoreTable.read(path, truth="y", scores=["s"], by=[Covariate("mm", (2,))])
    assert raised.value.problems == (
        "line 3: y '2' is neither 1 nor 0",
        "line 3: s '' is not a number",
        "line 4: s 'x' is not a number",
        "line 2: mm 'a' is not a number",
    )
    with pytest.raises(ScoresError, match=r"column 'yy' is missing; did you mean 'y'\?"):
        ScoreTable.read(path, truth="yy", scores=["s"])
    with pytest.raises(ScoresError, match="column 'mm' is to divide the cases twice"):
        ScoreTable.read(path, truth="y", scores=["s"], by=[Covariate("mm", (k,)) for k in (2, 3)])
    path.write_text("y;s\n1;0.5\n")
    with pytest.raises(ScoresError, match="'y' is missing; its cells are separated by ';'"):
        ScoreTable.read(path, truth="y", scores=["s"])


def test_a_column_of_many_numbers_asks_for_cut_points(tmp_path):
    path = written(tmp_path, y=[0, 1] * 10, s=range(20), age=range(20))
    with pytest.raises(ScoresError, match="20 different values; give cut points"):
        ScoreTable.read(path, truth="y", scores=["s"], by=[Covariate("age")])


@pytest.mark.parametrize(
    "text", ["age=70,50", "age=50,50", "age=nan", "age=50,inf", "age=old", "age="]
)
def test_cut_points_are_rising_numbers(text):
    with pytest.raises(InputError, match="cut points"):
        Covariate.parse(text)


@pytest.mark.real
def test_the_crowd_and_the_algorithm_have_the_published_areas(real_data):
    path = real_data / "tables" / "lesion-size-2020_metadata.csv"
    if not path.is_file():
        pytest.skip(f"no {path}")
    cases = ScoreTable.read(path, truth="target", scores=["adae_score", "crowd_score"])
    found = compare_scores(cases, replicates=100)
    assert (found.cases, found.positives) == (1295, 113)
    assert round(found.areas["adae_score"].auc, 3) == 0.810
    assert round(found.areas["crowd_score"].auc, 3) == 0.703
    assert found.pairs[0].area.p < 1e-6
