"""Settings files and `key=value` overrides, parsed once into a frozen `Recipe`.

A file is TOML (or the JSON of a run folder) and may start from a named recipe:

    base = "esteva2017"

    [data]
    image_size = 224
"""

import json
import tomllib
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from cutis.checks import did_you_mean
from cutis.errors import SettingsError
from cutis.files import read_json, read_toml
from cutis.training.recipe import RECIPES, Recipe

AS_GIVEN = "as given"


def load(source: str | Path = "default", overrides: Sequence[str] = ()) -> Recipe:
    """The recipe that a file or a name describes, with overrides applied.

    Args:
        source: A `.toml` or `.json` file, or a name from `RECIPES`.
        overrides: Such as `"data.image_size=160"`; values are TOML, bare words are text.

    Raises:
        InputError: no such file, or it cannot be parsed.
        SettingsError: unknown keys or values out of bounds, all of them at once.

    Example:
        >>> load("default", ["data.image_size=160"]).data.image_size
        160
    """
    settings = _read(str(source))
    base = _named(str(settings.pop("base", "default")))
    merged = _merged(base.model_dump(mode="json"), settings)
    for override in overrides:
        _apply(merged, override)
    try:
        return Recipe.model_validate(merged)
    except ValidationError as fault:
        problems = [_explained(error) for error in fault.errors()]
        raise SettingsError("\n  - ".join([f"{source}: settings not understood", *problems])) from (
            None
        )


def load_alternatives(
    source: str | Path = "default", overrides: Sequence[str] = (), choices: Sequence[str] = ()
) -> dict[str, Recipe]:
    """Recipes that differ in some settings, one for every combination, by what makes each differ.

    Args:
        source, overrides: As `load`.
        choices: Such as `"loss.logit_adjustment=0.5,1.0"`; without any there is one recipe.

    Raises:
        InputError, SettingsError: as `load`; or a choice without alternatives.

    Example:
        >>> list(load_alternatives(choices=["loss.logit_adjustment=0.5,1.0"]))
        ['loss.logit_adjustment=0.5', 'loss.logit_adjustment=1.0']
    """
    axes = [_alternatives(choice) for choice in choices]
    return {
        ", ".join(combination) or AS_GIVEN: load(source, [*overrides, *combination])
        for combination in product(*axes)
    }


def setting_names(model: type[BaseModel] = Recipe, prefix: str = "") -> Iterator[str]:
    """Every dotted key that `load` understands."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from setting_names(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _read(source: str) -> dict[str, Any]:
    if source in RECIPES:
        return {"base": source}
    path = Path(source)
    if path.suffix not in (".toml", ".json"):
        guess = did_you_mean(source, RECIPES)
        raise SettingsError(
            f"config {source!r}: neither a .toml or .json file nor one of {', '.join(RECIPES)}{guess}"
        )
    content = read_json(path) if path.suffix == ".json" else read_toml(path)
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: expected a table of settings")
    return content


def _named(name: str) -> Recipe:
    if name not in RECIPES:
        listed = ", ".join(RECIPES)
        raise SettingsError(f"recipe {name!r} is not one of {listed}{did_you_mean(name, RECIPES)}")
    return RECIPES[name]


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        inner = merged.get(key)
        both = isinstance(inner, dict) and isinstance(value, dict)
        merged[key] = _merged(inner, value) if both else value  # type: ignore[arg-type]
    return merged


def _apply(settings: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise SettingsError(f"--set {override!r}: expected key=value, such as data.image_size=160")
    *parents, last = key.strip().split(".")
    table = settings
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise SettingsError(f"--set {override!r}: {parent!r} is not a group of settings")
    table[last] = _value(text.strip())


def _alternatives(choice: str) -> list[str]:
    """The overrides that a choice stands for; commas inside brackets and quotes part nothing."""
    key, _equals, text = choice.partition("=")
    try:
        given = tomllib.loads(f"value = [{text}]")["value"]
        values = [json.dumps(value, default=str) for value in given]
    except tomllib.TOMLDecodeError:
        values = [word.strip() for word in text.split(",")]
    distinct = [f"{key.strip()}={value}" for value in dict.fromkeys(values)]
    if len(distinct) < 2:
        raise SettingsError(
            f"--choose {choice!r}: expected key=value,value, such as loss.logit_adjustment=0.5,1.0"
        )
    return distinct


def _value(text: str) -> Any:
    if text in ("null", "none", "None"):
        return None if text == "null" else text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _explained(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{key!r} is not a setting{did_you_mean(key, setting_names())}"
    given = json.dumps(error["input"], default=str)
    if error["type"] == "tuple_type":
        return f'{key} = {given}: expected a list, such as ["malignant", "benign"] or [512]'
    return f"{key} = {given}: {error['msg'][:1].lower()}{error['msg'][1:]}"
