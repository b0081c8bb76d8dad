"""`cutis evaluate --stress` asks the bundle again and puts a section into the report."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from cutis.cli.app import command_tree
from cutis.errors import InputError, ManifestError
from cutis.tables.predictions import Predictions

CLASSES = ("melanoma", "nevus", "dermatofibroma")


@pytest.fixture
def job(tmp_path):
    """Plain red, green and blue pictures, their manifest and predictions."""
    rows, shades = [], 20 * np.eye(3) + 130
    for number in range(12):
        path = tmp_path / f"{number}.png"
        plain = np.broadcast_to(shades[number % 3], (24, 32, 3)).astype(np.uint8)
        Image.fromarray(plain).save(path)
        rows.append((f"i{number}", path.name, CLASSES[number % 3], "test"))
    columns = ["image_id", "path", "diagnosis", "split"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "manifest.csv", index=False)
    answers = np.full((12, 3), 0.2) + 0.4 * np.eye(3)[np.arange(12) % 3]
    Predictions(tuple(row[0] for row in rows), CLASSES, answers).write(tmp_path / "predictions.csv")
    return tmp_path


def run(job, bundle, *options):
    arguments = [str(job / name) for name in ("predictions.csv", "manifest.csv")]
    arguments += ["-o", str(job / "report"), "--replicates", "100", "--stress", str(bundle)]
    outcome = CliRunner().invoke(command_tree(), ["evaluate", *arguments, *options])
    if outcome.exception:
        raise outcome.exception
    return json.loads((job / "report" / "result.json").read_text())


def test_the_report_gains_a_section_on_as_many_images_as_asked_for(job, colour_bundle):
    result = run(job, colour_bundle, "--stress-images", "6")
    found = result["robustness"]
    assert (found["images"], found["available"]) == (6, 12)
    by_kind = {kind["kind"]: kind for kind in found["kinds"]}
    # Turning or mirroring a plain picture changes nothing; a warm lamp makes green ones red.
    assert all(step["flips"]["answer"]["value"] == 0 for step in by_kind["flip"]["steps"])
    assert by_kind["white_balance"]["steps"][4]["flips"]["answer"]["value"] > 0
    assert by_kind["painted_over"]["images"] == 0
    assert "bundle.json" in result["inputs_sha256"]
    assert "Under stress" in (job / "report" / "report.html").read_text()


def test_a_bundle_of_other_classes_is_refused(job, colour_bundle):
    table = pd.read_csv(job / "predictions.csv")
    renamed = table.rename(columns={"dermatofibroma": "vascular-lesion"})
    renamed.to_csv(job / "predictions.csv", index=False)
    manifest = pd.read_csv(job / "manifest.csv").replace("dermatofibroma", "vascular-lesion")
    manifest.to_csv(job / "manifest.csv", index=False)
    with pytest.raises(InputError, match="give the bundle that made them"):
        run(job, colour_bundle)


def test_pictures_that_cannot_be_read_are_all_named_before_anything_is_judged(
    job, colour_bundle, monkeypatch
):
    (job / "3.png").unlink()
    (job / "4.png").write_bytes((job / "5.png").read_bytes()[:40])
    monkeypatch.setattr("cutis.evaluation.classifier.evaluate", None)  # would be the next step
    with pytest.raises(ManifestError, match=r"2 problem.*\n.*3\.png: no such.*\n.*4\.png"):
        run(job, colour_bundle)
    assert not (job / "report" / "result.json").exists()
