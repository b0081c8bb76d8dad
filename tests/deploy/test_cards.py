"""The cards say what was measured, in the numbers of the reports, and leave the rest open."""

import json
import tomllib
from importlib import resources

import pytest

from cutis import RESEARCH_USE_NOTICE, config
from cutis.curation.datasheet import describe
from cutis.curation.sources import import_source
from cutis.deploy.cards import render_data_card, write_cards
from cutis.deploy.checklists import KnownRun, facts, render_checklists
from cutis.deploy.judgement import Judgement, figure
from cutis.deploy.model_card import render_judged_card
from cutis.errors import InputError, OutputError
from cutis.training.recipe import Recipe
from cutis.training.run_folder import RunFolder

ESTIMATE = {"value": 0.8123, "low": 0.7, "high": 0.9, "n": 30}
OVERALL = ("macro_roc_auc", "balanced_accuracy", "accuracy", "macro_f1")
UNDEFINED = {"value": None, "low": None, "high": None, "n": 0}


def result(**changes):
    by_class = {"melanoma": ESTIMATE, "nevus": UNDEFINED}
    return {
        "split": "test",
        "images": 30,
        "lesions": 20,
        "classes": {"melanoma": 10, "nevus": 20},
        "confusion_matrix": [[7, 3], [5, 15]],
        "interval": {"level": 0.95, "method": "bootstrap", "replicates": 100},
        "overall": dict.fromkeys(
            ("macro_roc_auc", "balanced_accuracy", "accuracy", "macro_f1"), ESTIMATE
        ),
        "per_class": dict.fromkeys(("recall", "specificity", "roc_auc"), by_class),
        **changes,
    }


def known(phantom_manifest, *, recipe=None, internal=None, external=()):
    return KnownRun(
        recipe=recipe or Recipe(),
        splits={"all": describe(phantom_manifest)},
        environment={"cutis": "0.1", "python": "3.11", "packages": {"torch": "2.13"}},
        internal=internal,
        external=external,
    )


@pytest.fixture
def drawn(phantom_set):
    return import_source("phantom", phantom_set).manifest


def test_a_report_is_read_from_its_folder(tmp_path):
    (tmp_path / "result.json").write_text(json.dumps(result()))
    judged = Judgement.read(tmp_path)
    assert judged.cases == "30 images of 20 lesions, split test"
    assert judged.overall("accuracy") == "0.812 [0.700, 0.900]"
    assert judged.confusions(shown=1) == ["5 of 20 nevus taken for melanoma"]


def test_something_else_is_no_report(tmp_path):
    (tmp_path / "result.json").write_text('{"split": "test"}')
    with pytest.raises(InputError, match="not the result of `cutis evaluate`"):
        Judgement.read(tmp_path)


def test_undefined_stays_undefined():
    assert figure(UNDEFINED) == figure(None) == "undefined"


def test_every_fact_that_a_checklist_names_can_be_known(drawn):
    text = resources.files("cutis.deploy").joinpath("checklists.toml").read_text()
    asked = {
        item["fact"]
        for guideline in tomllib.loads(text)["guideline"]
        for item in guideline["items"]
        if "fact" in item
    }
    sections = {
        "questions": {
            "melanoma": {
                "title": "Melanoma against everything else",
                "operating_points": [
                    {
                        "name": "sensitivity 0.9 in validation",
                        "estimates": {"sensitivity": ESTIMATE, "specificity": ESTIMATE},
                    }
                ],
            }
        },
        "calibration": {"versions": {"as given": {"classwise_ece": ESTIMATE}}},
        "subgroups": {
            "groups": [
                {"column": "sex", "group": "f", "estimates": {"balanced_accuracy": ESTIMATE}},
                {"column": "sex", "group": "m", "estimates": {}},
            ]
        },
        "robustness": {"images": 10},
    }
    judged = Judgement("test", result(**sections))
    found = facts(known(drawn, internal=judged, external=[Judgement("elsewhere", result())]))
    unknown_here = {"ground_truth", "skin_tone", "splits"}  # drawn pictures lack the columns
    assert asked - unknown_here <= set(found)
    assert "sex f: balanced accuracy 0.812" in found["subgroups"]
    assert "elsewhere" in found["external"]


@pytest.mark.parametrize(
    ("overrides", "fact", "told"),
    [
        ([], "selection", "weights of the best epoch by val_macro_auc on validation"),
        (["trainer.keep=last"], "selection", "weights of the last epoch"),
        (
            ["trainer.keep=last", "trainer.patience=2"],
            "selection",
            "weights of the last epoch; training ended after 2 epochs without gain in val_macro_auc on "
            "validation, or with the last of 12",
        ),
        ([], "initialisation", "backbone weights: auto; a fresh head"),
        (
            ["model.backbone.weights=zoo:dermoscopy-lite0"],
            "initialisation",
            "backbone weights: zoo:dermoscopy-lite0; the head from there if it is for the same "
            "classes, else a fresh one",
        ),
        (
            ["model.head.hidden=[512]", "model.head.dropout=0.5"],
            "architecture",
            "tf_efficientnet_lite0, pooled features, a dense layer of 512 with ReLU, dropout 0.5, a "
            "linear layer with one output per class",
        ),
        (
            ["trainer.start_share=0.5"],
            "ensembling",
            "none; one network, averaged over steps, and with the weights that training began from",
        ),
        (
            ["loss.name=focal"],
            "imbalance",
            "focal loss, logit adjustment 0.0, class weights 0.0, balanced drawing 0.0",
        ),
    ],
)
def test_a_checklist_says_how_the_recipe_trained(drawn, overrides, fact, told):
    recipe = config.load(overrides=overrides)
    assert facts(known(drawn, recipe=recipe))[fact] == told


def test_a_checklist_counts_what_it_could_answer(drawn):
    text = render_checklists(facts(known(drawn)))
    assert RESEARCH_USE_NOTICE in text
    for name in ("CLAIM 2024", "TRIPOD+AI", "CLEAR Derm"):
        assert f"## {name}" in text
    section = text.partition("## CLEAR Derm")[2]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    open_items = sum("not provided |" in row for row in rows)
    assert f"Answered by the run: {len(rows) - open_items} of {len(rows)}." in section
    assert 0 < open_items < len(rows)


def test_the_model_card_gains_results_and_limits():
    judged = [Judgement("test", result()), Judgement("elsewhere", result(images=7))]
    text = render_judged_card("# Model card\n\n## Limits\n\nNot measured: much.\n", judged)
    assert "## Results: test" in text
    assert "| nevus | 20 | undefined |" in text
    assert "Not measured: much" not in text
    assert text.index("## Results") < text.index("## Limits")
    assert "| elsewhere | 7 | 2 | 0.812 [0.700, 0.900] |" in text
    assert "Found least often: melanoma 0.812 [0.700, 0.900]." in text


def test_the_other_sections_of_a_card_stay_wherever_they_stand():
    card = "# Model card\n\n## Limits\n\nMuch.\n\n## Calibration\n\n- Fitted on 40 images.\n"
    once = render_judged_card(card, [Judgement("test", result())])
    assert "\n\n## Calibration\n\n- Fitted on 40 images.\n\n## Results: test\n" in once
    assert render_judged_card(once, [Judgement("test", result())]) == once
    assert "Fitted on 40" in render_judged_card(card, [])


def test_the_model_card_says_how_probabilities_were_read():
    reading = {"calibration": "dirichlet", "in_words": "Probabilities are calibrated."}
    plain, read = (
        render_judged_card("# Card\n", [Judgement("test", result(**sections))])
        for sections in ({}, {"reading": reading})
    )
    assert "100 draws. Probabilities are calibrated.\n" in read
    assert "100 draws.\n" in plain


def test_the_model_card_has_a_table_of_subgroups():
    few = {"column": "sex", "group": "f", "images": 4, "malignant": 1, "estimates": {}}
    names = ("balanced_accuracy", "malignant_roc_auc", "sensitivity", "specificity")
    many = {**few, "group": "m", "images": 90, "estimates": dict.fromkeys(names, ESTIMATE)}
    section = {"groups": [few, many], "least_positives": 20}
    text = render_judged_card("# Card\n", [Judgement("test", result(subgroups=section))])
    assert "| sex: f | 4 | 1 | too few |" in text
    assert "| sex: m | 90 | 1 | 0.812 [0.700, 0.900] |" in text


def test_the_data_card_counts_what_the_manifest_holds(drawn):
    description = describe(drawn)
    text = render_data_card({"all": description, "train": description})
    assert f"{len(drawn)} images" in text
    for name, count in description.classes.items():
        assert f"| {name} | {count.images} |" in text
    assert "phantom: none; drawn pictures" in text


def test_the_cards_of_a_run_are_not_written_into_a_bundle(colour_bundle, tmp_path):
    with pytest.raises(OutputError, match="a bundle"):
        write_cards(RunFolder(tmp_path), [], colour_bundle)
