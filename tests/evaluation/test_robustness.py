"""The stress test: the right pictures, flips counted by hand, intervals of the paired change."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from cutis.data.phantom import ArtefactRates, PhantomSettings
from cutis.data.phantom.cohort import PhantomLesion, draw_images
from cutis.errors import ImageError, InputError, ManifestError, TaxonomyError
from cutis.evaluation import stressed_answers
from cutis.evaluation.figures.robustness import changes_figure, flips_figure, severity_sheet
from cutis.evaluation.robustness import StressTest, stress_test
from cutis.evaluation.robustness_report import stress_section
from cutis.files import write_json
from cutis.metrics.intervals import cluster_weights, share_interval, wilson_interval
from cutis.perturbation.kinds import PERTURBATIONS, perturb, seed_of
from cutis.tables.manifest import Manifest
from cutis.taxonomy import load_taxonomy

CLASSES = ("melanoma", "nevus")


def greys(folder, bytes_and_truths, *, lesions=None, size=(10, 8)):
    """A manifest of plain grey pictures."""
    rows = []
    for number, (byte, truth) in enumerate(bytes_and_truths):
        path = folder / f"grey{number}.png"
        Image.new("RGB", size, (byte, byte, byte)).save(path)
        rows.append((f"i{number}", str(path), truth, lesions[number] if lesions else ""))
    columns = ["image_id", "path", "diagnosis", "lesion_id"]
    return Manifest(pd.DataFrame(rows, columns=columns), load_taxonomy())


def dark_is_melanoma(pictures):
    """Called melanoma below a mean of 100."""
    dark = np.array([picture.mean() < 100 for picture in pictures])
    return np.stack([np.where(dark, 0.9, 0.1), np.where(dark, 0.1, 0.9)], axis=1)


def smoothly_dark(pictures):
    score = 1 / (1 + np.exp([(picture.mean() - 100) / 30 for picture in pictures]))
    return np.stack([score, 1 - score], axis=1)


@pytest.fixture
def five(tmp_path):
    # One stop less makes 60 to 42, 128 to 93, 150 to 109 and 200 to 147.
    truths = [
        (60, "melanoma"),
        (128, "melanoma"),
        (128, "nevus"),
        (150, "nevus"),
        (200, "nevus"),
    ]
    return greys(tmp_path, truths)


def test_flips_and_changes_are_those_counted_by_hand(five):
    found = stress_test(dark_is_melanoma, five, classes=CLASSES, kinds=["darker"], replicates=200)
    (darker,) = found.kinds
    assert (darker.images, darker.malignant, darker.left_out) == (5, 2, 0)
    one_stop = darker.steps[2]
    assert one_stop.level == 1.0
    # Both pictures of 128 are now called melanoma: one rightly, one wrongly.
    assert one_stop.flips["malignant_call"].value == 2 / 5
    assert one_stop.flips["answer"].value == 2 / 5
    sensitivity, specificity = one_stop.changes["sensitivity"], one_stop.changes["specificity"]
    assert (sensitivity.clean, sensitivity.stressed.value) == (0.5, 1.0)
    assert sensitivity.difference.value == 0.5
    assert (specificity.clean, specificity.stressed.value) == (1.0, pytest.approx(2 / 3))
    assert specificity.difference.value == pytest.approx(-1 / 3)
    balanced = one_stop.changes["balanced_accuracy"].difference.value
    assert balanced == pytest.approx((1 + 2 / 3) / 2 - (0.5 + 1) / 2)


def test_what_changes_nothing_has_no_flips_and_a_difference_of_zero(five):
    found = stress_test(dark_is_melanoma, five, classes=CLASSES, kinds=["flip"], replicates=100)
    for step in found.kinds[0].steps:
        assert all(share.value == 0 for share in step.flips.values())
        assert all(share.high == wilson_interval(0, 5)[1] for share in step.flips.values())
        differences = [change.difference for change in step.changes.values()]
        assert {str(each) for each in differences} == {"0.000 (no interval)"}


def test_the_threshold_moves_the_call_and_not_the_answer(five):
    found = stress_test(
        dark_is_melanoma, five, classes=CLASSES, kinds=["darker"], replicates=100, threshold=0.05
    )
    step = found.kinds[0].steps[2]
    assert step.changes["sensitivity"].clean == 1
    assert step.flips["malignant_call"].value == 0
    assert step.flips["answer"].value == 2 / 5


def test_paired_intervals_are_those_of_a_slow_loop(tmp_path):
    generator = np.random.default_rng(4)
    truth = generator.random(24) < 0.5
    byte = np.clip(np.where(truth, 95, 135) + generator.normal(0, 30, 24), 5, 250).astype(int)
    lesions = [f"l{row // 2}" for row in range(24)]
    names = np.where(truth, *CLASSES)
    manifest = greys(tmp_path, zip(byte.tolist(), names, strict=True), lesions=lesions)
    found = stress_test(
        smoothly_dark, manifest, classes=CLASSES, kinds=["darker"], replicates=100, seed=3
    )
    severity = 2
    pictures = [np.asarray(Image.open(path)) for path in manifest.paths]
    changed = [
        perturb(picture, "darker", severity, seed=seed_of(image_id, seed=3))
        for picture, image_id in zip(pictures, manifest.image_ids, strict=True)
    ]
    before, after = smoothly_dark(pictures)[:, 0], smoothly_dark(changed)[:, 0]
    slow = {"sensitivity": [], "specificity": [], "balanced_accuracy": [], "roc_auc": []}
    flips = []
    (weights,) = cluster_weights(np.array(lesions), replicates=100, seed=3)
    for row in weights.astype(int):
        rows = np.repeat(np.arange(24), row)
        t, a, b = truth[rows], after[rows], before[rows]
        for name, figure in (
            ("sensitivity", lambda t, s: np.mean(s[t] >= 0.5)),
            ("specificity", lambda t, s: np.mean(s[~t] < 0.5)),
            ("balanced_accuracy", lambda t, s: (np.mean(s[t] >= 0.5) + np.mean(s[~t] < 0.5)) / 2),
            ("roc_auc", roc_auc_score),
        ):
            slow[name].append(figure(t, a) - figure(t, b))
        flips.append(np.mean((a >= 0.5) != (b >= 0.5)))
    step = found.kinds[0].steps[severity - 1]
    order = step.changes["roc_auc"].difference  # which less light keeps
    assert not any(slow.pop("roc_auc"))
    assert str(order) == "0.000 (no interval)"
    for name, values in slow.items():
        low, high = np.quantile(values, [0.025, 0.975])
        interval = step.changes[name].difference
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-12)
    call = step.flips["malignant_call"]
    lesions = len(np.unique(manifest.clusters()))
    expected = share_interval(call.value, np.array(flips), clusters=lesions)
    assert (call.low, call.high) == pytest.approx(expected, abs=1e-12)


def test_a_paired_change_is_narrower_than_the_level(tmp_path):
    byte = np.linspace(20, 230, 40).astype(int).tolist()
    manifest = greys(tmp_path, [(b, CLASSES[n % 2]) for n, b in enumerate(byte)])
    found = stress_test(smoothly_dark, manifest, classes=CLASSES, kinds=["darker"], replicates=400)
    balanced = found.kinds[0].steps[0].changes["balanced_accuracy"]
    width = balanced.stressed.high - balanced.stressed.low
    assert 0 < balanced.difference.high - balanced.difference.low < 0.8 * width


def test_images_are_drawn_in_proportion_and_by_seed(tmp_path):
    manifest = greys(tmp_path, [(50, "melanoma")] * 10 + [(150, "nevus")] * 30)
    seen = []

    def remember(pictures):
        seen.append([int(picture.mean()) for picture in pictures])
        return dark_is_melanoma(pictures)

    found = stress_test(
        remember, manifest, classes=CLASSES, images=8, kinds=["flip"], replicates=100
    )
    assert (found.images, found.available) == (8, 40)
    assert sorted(seen[0]) == [50] * 2 + [150] * 6


def test_only_images_with_a_usable_mask_are_painted_over(tmp_path):
    manifest = greys(tmp_path, [(120, "melanoma"), (120, "nevus"), (120, "nevus")], size=(40, 30))
    half, full = tmp_path / "half.png", tmp_path / "full.png"
    spot = np.zeros((60, 80), bool)  # twice the picture's resolution
    spot[20:40, 30:50] = True
    Image.fromarray(spot).save(half)
    Image.fromarray(np.ones((60, 80), bool)).save(full)
    manifest = manifest.with_columns(mask_path=[str(half), str(full), ""])
    kinds = ["painted_over", "flip"]
    found = stress_test(dark_is_melanoma, manifest, classes=CLASSES, kinds=kinds, replicates=100)
    painted, flip = found.kinds
    assert (painted.images, painted.malignant, painted.left_out) == (1, 1, 2)
    assert math.isnan(painted.steps[0].changes["specificity"].difference.value)
    assert (flip.images, flip.left_out) == (3, 0)
    # One of two classes is left, so the same answer to all is perfect, whatever it is read from.
    assert "would give 1.000 and 0.500, as 1 of 2 classes occur" in stress_section(found).text[1]
    titles = [axes.get_title(loc="left") for axes in changes_figure(found).axes]
    assert titles[:2] == ["painted over (n = 1)", "flip"]


def test_without_masks_nothing_is_painted_over_and_the_section_says_so(five):
    found = stress_test(
        dark_is_melanoma, five, classes=CLASSES, kinds=["painted_over"], replicates=100
    )
    assert (found.kinds[0].images, found.kinds[0].steps) == (0, ())
    section = stress_section(found)
    assert not section.plots
    assert "no image has a usable mask" in section.text[1]
    with pytest.raises(InputError, match="nothing to draw"):
        changes_figure(found)


def drawn_lesions(folder):
    """Melanomas and bare skin on fair skin, with a mark in the corner of every melanoma."""
    clean = ArtefactRates(hair=0, ruler=0, ink=0, bubbles=0, dark_corners=0)
    drawing = PhantomSettings(height=60, width=80, mimicry=0, artefacts=clean)
    rows = []
    for number in range(6):
        lesion = PhantomLesion("l", "p", "melanoma", 50, "female", "back", 2, 1, number)
        ((picture, mask, _names),) = draw_images(lesion, drawing)
        if number < 3:
            picture[:4, :4] = (0, 0, 255)
        else:
            picture[mask] = np.median(picture[~mask], axis=0)
        path, mask_path = folder / f"{number}.png", folder / f"{number}_mask.png"
        Image.fromarray(picture).save(path)
        Image.fromarray(mask).save(mask_path)
        rows.append((f"i{number}", str(path), CLASSES[number >= 3], str(mask_path)))
    columns = ["image_id", "path", "diagnosis", "mask_path"]
    return Manifest(pd.DataFrame(rows, columns=columns), load_taxonomy())


def test_without_the_lesion_an_honest_model_is_at_a_loss_and_a_cheat_still_knows(tmp_path):
    manifest = drawn_lesions(tmp_path)

    def reads_the_middle(pictures):
        return dark_is_melanoma([np.quantile(picture[10:-10, 10:-10], 0.1) for picture in pictures])

    def reads_the_mark(pictures):
        return dark_is_melanoma([picture[:3, :3, 0] for picture in pictures])

    painted = {
        model: stress_test(model, manifest, classes=CLASSES, kinds=["painted_over"], replicates=100)
        for model in (reads_the_middle, reads_the_mark)
    }
    honest, cheat = (found.kinds[0].steps[-1].changes for found in painted.values())
    assert honest["sensitivity"].clean == cheat["sensitivity"].clean == 1
    assert honest["sensitivity"].stressed.value == 0
    assert honest["roc_auc"].stressed.value == 0.5
    assert cheat["sensitivity"].difference.value == 0
    assert cheat["roc_auc"].stressed.value == 1


def test_classes_on_one_side_have_no_malignant_call(tmp_path):
    manifest = greys(tmp_path, [(60, "nevus"), (150, "dermatofibroma")] * 4)
    classes = ("nevus", "dermatofibroma")
    found = stress_test(
        dark_is_melanoma, manifest, classes=classes, kinds=["darker"], replicates=100
    )
    step = found.kinds[0].steps[0]
    assert set(step.changes) == {"balanced_accuracy"}
    assert set(step.flips) == {"answer"}
    assert found.kinds[0].malignant is None
    assert len(stress_section(found).tables[0].rows) == 2


def test_blocks_of_pictures_do_not_matter(five, monkeypatch):
    def judged():
        return stress_test(
            smoothly_dark, five, classes=CLASSES, kinds=["noise", "hair"], replicates=100
        )

    whole = judged()
    monkeypatch.setattr(stressed_answers, "PICTURES_AT_A_TIME", 2)
    assert repr(judged()) == repr(whole)


def test_large_pictures_are_reduced_before_they_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(stressed_answers, "WORKING_SHORT_SIDE_PX", 20)
    shapes = set()

    def remember(pictures):
        shapes.update(picture.shape for picture in pictures)
        return dark_is_melanoma(pictures)

    manifest = greys(tmp_path, [(60, "melanoma"), (150, "nevus")], size=(90, 60))
    stress_test(remember, manifest, classes=CLASSES, kinds=["blur"], replicates=100)
    assert shapes == {(20, 30, 3)}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"images": 0}, "images: 0"),
        ({"replicates": 50}, "replicates: 50"),
        ({"kinds": ["hiar"]}, "did you mean 'hair'"),
        ({"threshold": 1.5}, "threshold"),
    ],
)
def test_options_out_of_range_are_refused_before_the_model_is_asked(five, options, complaint):
    def never(_pictures):
        raise AssertionError("asked")

    with pytest.raises(InputError, match=complaint):
        stress_test(never, five, classes=CLASSES, **options)


@pytest.mark.parametrize(
    "answer", [np.ones((1, 3)) / 3, np.full((5, 2), np.nan), np.full((5, 2), 0.9)]
)
def test_a_model_that_gives_no_probabilities_is_refused(five, answer):
    with pytest.raises(InputError, match="probabilities"):
        stress_test(
            lambda pictures: np.resize(answer, (len(pictures), answer.shape[1])),
            five,
            classes=CLASSES,
            kinds=["flip"],
            replicates=100,
        )


def test_rows_that_cannot_be_judged_are_errors(five):
    with pytest.raises(ManifestError, match="no row has a diagnosis"):
        stress_test(dark_is_melanoma, five.with_columns(diagnosis=""), classes=CLASSES)
    with pytest.raises(TaxonomyError, match="melanoma"):
        stress_test(dark_is_melanoma, five, classes=("nevus", "dermatofibroma"))
    gone = five.with_columns(path=[f"/nowhere/{n}.png" for n in range(5)])
    with pytest.raises(ImageError, match="nowhere"):
        stress_test(dark_is_melanoma, gone, classes=CLASSES)


def test_the_section_has_its_numbers_as_json_and_plots_with_alt_text(five, tmp_path):
    found = stress_test(
        smoothly_dark, five, classes=CLASSES, kinds=["darker", "flip", "jpeg"], replicates=100
    )
    assert isinstance(found, StressTest)
    section = stress_section(found)
    write_json(tmp_path / "stress.json", section.content)
    content = json.loads((tmp_path / "stress.json").read_text())
    assert [kind["kind"] for kind in content["kinds"]] == ["darker", "flip", "jpeg"]
    value = content["kinds"][0]["steps"][4]["changes"]["specificity"]["difference"]["value"]
    assert value == found.kinds[0].steps[4].changes["specificity"].difference.value
    assert len(section.plots) == 2
    assert all("by kind of perturbation" in alt for alt in section.plots)
    assert len({len(row) for row in section.tables[0].rows}) == 1
    assert len(section.tables[0].header) == len(section.tables[0].rows[0])
    titles = [axes.get_title(loc="left") for axes in flips_figure(found).axes]
    assert titles[:3] == ["darker", "flip", "jpeg"]


def test_progress_counts_every_image_once(five):
    done = []
    stress_test(
        dark_is_melanoma,
        five,
        classes=CLASSES,
        kinds=["flip"],
        replicates=100,
        on_progress=done.append,
    )
    assert sum(done) == 5


def test_the_sheet_has_a_row_for_every_kind():
    picture = np.full((60, 80, 3), 180, np.uint8)
    mask = np.zeros((60, 80), bool)
    mask[25:35, 35:45] = True
    sheet = severity_sheet(picture, mask)
    assert sheet.height > 60 * len(PERTURBATIONS)
