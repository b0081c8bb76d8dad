"""The page about the figures shows code that runs."""

import doctest
from pathlib import Path


def test_the_example_on_the_page_runs():
    page = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
    outcome = doctest.testfile(str(page), module_relative=False)
    assert outcome.attempted > 5
    assert not outcome.failed
