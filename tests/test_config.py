"""Settings are read once, checked whole, and every fault says where it is."""

import json

import pytest
from pydantic import BaseModel

from cutis import config
from cutis.errors import InputError, SettingsError
from cutis.training.recipe import RECIPES, Recipe


def test_the_default_recipe_is_the_one_in_code():
    assert config.load() == Recipe()


def test_a_file_changes_only_what_it_names(tmp_path):
    (tmp_path / "a.toml").write_text("seed = 7\n[data]\nimage_size = 96\n")
    loaded = config.load(tmp_path / "a.toml")
    assert (loaded.seed, loaded.data.image_size) == (7, 96)
    assert loaded.data.batch_size == Recipe().data.batch_size


def test_a_file_may_start_from_a_named_recipe(tmp_path):
    (tmp_path / "a.toml").write_text('base = "esteva2017"\n[trainer]\nepochs = 3\n')
    loaded = config.load(tmp_path / "a.toml")
    assert loaded.trainer.epochs == 3
    assert loaded.optimizer == RECIPES["esteva2017"].optimizer


def test_overrides_win_and_are_typed():
    loaded = config.load(
        "default",
        [
            "data.image_size=96",
            "data.train_size=null",
            "model.backbone.weights=none",
            "model.head.hidden=[8, 4]",
            "trainer.devices=2",
            "optimizer.name=sgd",
        ],
    )
    assert loaded.data.image_size == 96
    assert loaded.data.train_size is None
    assert loaded.model.backbone.weights == "none"
    assert loaded.model.head.hidden == (8, 4)
    assert loaded.trainer.devices == 2
    assert loaded.optimizer.name == "sgd"


def test_the_settings_of_a_run_can_be_given_again(tmp_path):
    recipe = config.load("esteva2017", ["seed=3"])
    (tmp_path / "settings.json").write_text(json.dumps(recipe.model_dump(mode="json")))
    assert config.load(tmp_path / "settings.json") == recipe


def test_every_fault_is_reported_at_once_with_the_nearest_key():
    with pytest.raises(SettingsError) as caught:
        config.load("default", ["data.imagesize=96", "trainer.epochs=0", "loss.name=hinge"])
    message = str(caught.value)
    assert "'data.imagesize' is not a setting; did you mean 'data.image_size'?" in message
    assert "trainer.epochs = 0" in message
    assert "loss.name" in message


def numbers(model=Recipe, prefix=""):
    """The dotted names of all settings that take a fraction."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from numbers(field.annotation, f"{prefix}{name}.")
        elif field.annotation in (float, float | None):
            yield f"{prefix}{name}"


@pytest.mark.parametrize("value", ["inf", "nan"])
def test_no_number_is_infinite_or_none_at_all(value):
    names = list(numbers())
    assert "optimizer.epsilon" in names
    with pytest.raises(SettingsError) as caught:
        config.load("default", [f"{name}={value}" for name in names])
    assert str(caught.value).count("should be a finite number") == len(names)


@pytest.mark.parametrize("override", ["seed=4294967296", "model.head.hidden=[8, 0]"])
def test_a_number_out_of_bounds_is_refused(override):
    with pytest.raises(SettingsError, match=r"less than or equal|greater than or equal"):
        config.load("default", [override])


def test_a_choice_of_dates_is_no_choice_of_numbers():
    with pytest.raises(
        SettingsError, match=r'seed = "2020-01-01": input should be a valid integer'
    ):
        config.load_alternatives(choices=["seed=2020-01-01,2020-01-02"])


@pytest.mark.parametrize("override", ["model.head.hidden=512", "data.classes=malignant,benign"])
def test_one_value_for_several_is_told_how_a_list_is_written(override):
    with pytest.raises(SettingsError, match=r'expected a list, such as \["malignant", "benign"\]'):
        config.load("default", [override])


@pytest.mark.parametrize("override", ["data.image_size", "=3", "seed.deep=1"])
def test_an_override_that_is_no_assignment_is_refused(override):
    with pytest.raises(SettingsError, match="--set"):
        config.load("default", [override])


def test_an_unknown_recipe_gets_a_suggestion():
    with pytest.raises(SettingsError, match="did you mean 'esteva2017'"):
        config.load("esteva2016")


@pytest.mark.parametrize("name", ["missing.toml", "broken.toml", "missing.json"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    (tmp_path / "broken.toml").write_text("[data\n")
    with pytest.raises(InputError, match=name):
        config.load(tmp_path / name)
