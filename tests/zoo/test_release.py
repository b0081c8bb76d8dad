"""A bundle enters the zoo only when it is small, runs, was judged, and has a licence."""

import json
import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from cutis.bundle import CARD, ModelBundle, rewrite_bundle
from cutis.errors import InputError
from cutis.zoo import catalogue

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "zoo.py"
ESTIMATE = {"value": 0.8123, "low": 0.7, "high": 0.9}
CLASSES = ("melanoma", "nevus", "dermatofibroma")


@pytest.fixture
def script(tmp_path, monkeypatch):
    """The names of `scripts/zoo.py`, which writes into an empty zoo of its own."""
    monkeypatch.setattr(catalogue, "BUNDLES", tmp_path / "zoo")
    monkeypatch.setattr(catalogue, "PINS", {})
    names = runpy.run_path(str(SCRIPT))
    pins = tmp_path / "pins.py"
    pins.write_text('"""Hashes."""\n\nPINS: dict[str, dict[str, str]] = {}\n')
    monkeypatch.setitem(names["pin"].__globals__, "PINS", pins)
    return names


@pytest.fixture
def bundle(colour_bundle, tmp_path) -> ModelBundle:
    """A bundle that was trained on something with a licence."""
    drawn = ModelBundle.load(colour_bundle)
    provenance = {"sources": ["ham10000"]}
    facts = replace(drawn.facts, provenance=provenance)
    card = "# Model card: colours\n\n## Limits\n\nNot measured.\n\n## Calibration\n\nKept.\n"
    return rewrite_bundle(drawn, tmp_path / "bundle", facts, model_card=card)


@pytest.fixture
def report(tmp_path) -> Path:
    by_class = dict.fromkeys(CLASSES, ESTIMATE)
    result = {
        "split": "test",
        "images": 30,
        "lesions": 20,
        "classes": dict.fromkeys(CLASSES, 10),
        "interval": {"level": 0.95, "method": "bootstrap", "replicates": 100},
        "overall": dict.fromkeys(
            ("macro_roc_auc", "balanced_accuracy", "accuracy", "macro_f1"), ESTIMATE
        ),
        "per_class": dict.fromkeys(("recall", "specificity", "roc_auc"), by_class),
    }
    (tmp_path / "report-here").mkdir()
    (tmp_path / "report-here" / "result.json").write_text(json.dumps(result))
    return tmp_path / "report-here"


def test_one_command_ships_a_bundle_that_is_then_found_by_name(
    script, bundle, report, cutis, capsys, tmp_path, monkeypatch
):
    (tmp_path / "known.md").write_text("## Known failures\n\nBlur.\n")
    arguments = ["zoo.py", str(bundle.folder), "colours-3", "--report", str(report)]
    arguments += ["--section", str(tmp_path / "known.md")]
    monkeypatch.setattr("sys.argv", arguments)
    script["main"]()
    assert "colours-3: 0.1 MB in the zoo" in capsys.readouterr().out
    written = runpy.run_path(str(script["pin"].__globals__["PINS"]))
    monkeypatch.setattr(catalogue, "PINS", written["PINS"])
    shipped = catalogue.find("colours-3")
    assert shipped.facts.name == "colours-3"
    card = shipped.read(CARD).decode()
    assert card.startswith("# Model card: colours-3\n")
    assert "## Results: here" in card
    assert card.endswith("\n\n## Known failures\n\nBlur.\n")
    assert "\n\n## Calibration\n\nKept.\n\n## Results: here" in card
    told = json.loads(cutis("zoo", "--json")[1])["models"]
    assert told[0]["default"]
    assert "CC BY-NC-SA 4.0" in told[0]["licence"]
    assert told[0]["results"][0]["figures"]["macro_roc_auc"] == ESTIMATE
    assert "macro ROC AUC 0.812 [0.700, 0.900]" in cutis("zoo")[1]
    monkeypatch.setattr("sys.argv", ["zoo.py", str(shipped.folder), *arguments[2:]])
    script["main"]()
    assert ModelBundle.load(shipped.folder).read(CARD).decode() == card  # nothing twice


@pytest.mark.parametrize("name", ["Colours", "a/b", "..", "a b", "-a"])
def test_a_name_can_be_typed_anywhere(script, bundle, name):
    with pytest.raises(InputError, match="small letters"):
        script["ship"](bundle, name, [])


def test_a_bundle_that_is_too_large_or_without_licence_stays_out(
    script, bundle, report, colour_bundle, monkeypatch
):
    judged = [script["Judgement"].read(report)]
    with pytest.raises(InputError, match="no licence known for \\['drawn'\\]"):
        script["ship"](ModelBundle.load(colour_bundle), "colours", judged)
    monkeypatch.setattr(catalogue, "MAX_BYTES", 1000)
    with pytest.raises(InputError, match="half-precision"):
        script["ship"](bundle, "colours", judged)
    assert not catalogue.BUNDLES.exists()


def test_reports_about_other_classes_are_refused(script, bundle, report):
    judged = script["Judgement"].read(report)
    other = replace(judged, result={**judged.result, "classes": {"melanoma": 1, "nevus": 1}})
    with pytest.raises(InputError, match="about other classes"):
        script["ship"](bundle, "colours", [other])
