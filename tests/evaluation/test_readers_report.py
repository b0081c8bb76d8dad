"""The page about readers says what was found, names every n, and needs nothing but itself."""

import dataclasses
import json
import re

import numpy as np
import pytest

from cutis.evaluation.literature import LiteraturePoint
from cutis.evaluation.reader_cases import ReaderCases
from cutis.evaluation.reader_results import Threshold
from cutis.evaluation.readers import compare_readers
from cutis.evaluation.readers_report import readers_heading, readers_sections
from cutis.evaluation.report import write_report


@pytest.fixture(scope="module")
def found():
    generator = np.random.default_rng(0)
    n = 60
    positive = np.arange(n) % 3 == 0
    latent = generator.normal(size=(3, n)) + 1.5 * positive
    calls = (latent[:2] > 0.7).astype(float)
    calls[1, 40:] = np.nan
    study = ReaderCases(
        image_ids=tuple(f"i{k}" for k in range(n)),
        positive=positive,
        score=1 / (1 + np.exp(-latent[2])),
        clusters=np.array([f"l{k // 2}" for k in range(n)]),
        lesions=30,
        drawn="lesions",
        readers=("Ada <b>", "Ben"),
        calls=calls,
        ratings=np.where(np.isnan(calls), np.nan, latent[:2]),
        left_out={"images of the question that nobody read": 7, "nothing": 0},
    )
    return compare_readers(
        study,
        title="Melanoma against nevus",
        split="test",
        threshold=Threshold(0.5, "as given"),
        literature=(LiteraturePoint("Others", 0.8, 0.7, 100, "A. Uthor 2018"),),
        replicates=100,
    )


@pytest.fixture(scope="module")
def page(found, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    report = write_report(
        readers_heading(found), readers_sections(found), folder, inputs={"r.csv": "0" * 64}
    )
    return report.read_text(), json.loads((folder / "result.json").read_text())


def test_the_page_needs_nothing_but_itself_and_carries_the_notice(page):
    text, result = page
    assert "Research use only" in text
    assert "Research use only" in result["notice"]
    assert not re.search(r"""(src|href)=["']https?:""", text)
    assert "<script" not in text
    assert "Ada <b>" not in text  # escaped


def test_what_was_left_out_and_who_read_less_is_said(page):
    text, result = page
    assert "7 images of the question that nobody read" in text
    assert "nothing" not in re.findall(r"Left out: ([^<]*)", text)[0]
    assert "Some readers read part of the images" in text
    assert [reader["images"] for reader in result["readers"]] == [60, 40]


def test_published_points_are_context_only(page, found):
    text, result = page
    assert "other images: context only" in text
    assert result["literature"][0]["source"] == "A. Uthor 2018"
    without = readers_sections(dataclasses.replace(found, literature=()))
    shared = [each for each in readers_sections(found) if each.key != "literature"]
    assert [s.content for s in without] == [s.content for s in shared]


def test_every_figure_of_the_page_stands_in_the_json(page, found):
    result = page[1]
    assert result["comparison"]["area"]["auc"] == found.area.auc
    assert result["comparison"]["mean_reader"]["sensitivity_sd"] == found.mean.sensitivity_sd
    assert result["decisions"]["threshold"] == {"value": 0.5, "origin": "as given"}
    assert result["scores"]["multi_reader"]["images"] == 40
    assert result["agreement"]["pairs"]["images"] == [[60, 40], [40, 40]]
    assert {vote["name"] for vote in result["majority"]} == {vote.name for vote in found.votes}


def test_one_reader_without_scores_gives_a_page_too(tmp_path):
    study = ReaderCases(
        image_ids=("a", "b", "c"),
        positive=np.array([True, False, True]),
        score=np.array([0.9, 0.1, 0.4]),
        clusters=np.array(["a", "b", "c"]),
        lesions=None,
        drawn="images",
        readers=("Ada",),
        calls=np.array([[1.0, np.nan, 0.0]]),
        ratings=np.full((1, 3), np.nan),
        left_out={},
    )
    alone = compare_readers(
        study, title="t", split="all", threshold=Threshold(0.5, "as given"), replicates=100
    )
    sections = readers_sections(alone)
    assert "scores" not in [section.key for section in sections]
    text = write_report(readers_heading(alone), sections, tmp_path, inputs={}).read_text()
    assert "undefined" in text
    assert "names no lesions" in text
    assert "2 positive, 1 reader." in text
    assert "1 readers" not in text
    assert "0 of 0 readers" not in text
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["interval"]["method"].startswith("bootstrap over images, paired")


def test_readers_who_cannot_be_placed_beside_the_curve_are_not_counted(found, tmp_path):
    study = ReaderCases(
        image_ids=("a", "b", "c", "d"),
        positive=np.array([True, False, True, False]),
        score=np.array([0.9, 0.1, 0.4, 0.2]),
        clusters=np.array(["a", "b", "c", "d"]),
        lesions=None,
        drawn="images",
        readers=("Ada", "Ben", "Cy"),
        calls=np.array([[1, 0, 0, 0], [1, np.nan, 0, np.nan], [1, 0, 1, 1]], dtype=float),
        ratings=np.full((3, 4), np.nan),
        left_out={},
    )
    two = compare_readers(
        study, title="t", split="all", threshold=Threshold(0.5, "as given"), replicates=100
    )
    sections = readers_sections(two)
    told = sections[0].text
    assert told[0].startswith("1 of 3 readers did not decide on both sides")
    assert told[1].startswith(f"The model's curve passes above {two.under_curve} of 2 readers (")
    assert sections[0].content["readers_compared"] == 2
    above = f"The model's curve passes above {found.under_curve} of 2 readers ("
    assert readers_sections(found)[0].text[0].startswith(above)
