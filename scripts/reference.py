"""Write docs/commands.md and docs/settings.md from the program itself.

Names, defaults, bounds and help have one home, beside the code that uses them; these pages are read
from there.
"""

import inspect
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cutis import RESEARCH_USE_NOTICE
from cutis.cli.app import command_tree

DOCS = Path(__file__).resolve().parent.parent / "docs"
TYPES: dict[Any, str] = {str: "text", int: "whole number", float: "number", bool: "yes or no"}
BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}

COMMANDS_OPENING = """# Commands

Written by `make docs` from the program itself. A command ends with exit code 0 when all went well,
2 when it could not do its work (the message names the place, the fault and the way out), and 1 when
it did the work and there is something to look at, such as a file that could not be read."""

SETTINGS_OPENING = """# Settings of a training run

Written by `make docs` from the settings' schema. Put them into a TOML file, one table per group
(`cutis train manifest.csv --config my.toml -o runs/mine`), or give single ones on the command line
(`--set data.image_size=160`). Unknown keys and values out of bounds are refused. A file may start
from a named recipe with `base = "..."`:"""


def pages() -> dict[Path, str]:
    """What each page must say."""
    return {DOCS / "commands.md": commands_page(), DOCS / "settings.md": settings_page()}


def commands_page() -> str:
    """Every command with its arguments and options."""
    commands = list(leaf_commands(typer.main.get_command(command_tree()), "cutis"))
    index = [f"- [`{path}`](#{path.replace(' ', '-')}): {_first_line(c)}" for path, c in commands]
    sections = [command_section(path, command) for path, command in commands]
    parts = [COMMANDS_OPENING, "\n".join(index), *sections, f"*{RESEARCH_USE_NOTICE}*"]
    return "\n\n".join(parts) + "\n"


def leaf_commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with the words that call it."""
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name, child in children.items():
        yield from leaf_commands(child, f"{path} {name}")


def command_section(path: str, command: Any) -> str:
    """One command: what it does, how it is called, what it takes."""
    types = {
        name: parameter.annotation
        for name, parameter in inspect.signature(command.callback, eval_str=True).parameters.items()
    }
    arguments = [p for p in command.params if not _is_option(p)]
    options = [p for p in command.params if _is_option(p) and p.name != "help"]
    usage = " ".join(
        [path, *map(_usage, arguments), *(_usage(o) for o in options if o.required), "[options]"]
    )
    rows = [
        (", ".join(f"`{name}`" for name in _spellings(p)), _kind(p, types[p.name]), _help(p))
        for p in [*arguments, *options]
    ]
    help_text = inspect.cleandoc(command.help or "")
    return (
        f"## {path}\n\n{help_text}\n\n    {usage}\n\n{_table(('name', 'value', 'meaning'), rows)}"
    )


def settings_page() -> str:
    """Every setting of a training run, group by group."""
    from cutis.training.recipe import RECIPES, Recipe  # loads torch, which the commands do not need

    named = ", ".join(f"`{name}`" for name in RECIPES)
    return "\n\n".join([f"{SETTINGS_OPENING} {named}.", *settings_sections(Recipe)]) + "\n"


def settings_sections(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """A section for the model's own fields, then one for each group inside it."""
    fields = model.model_fields
    groups = {name: field for name, field in fields.items() if _is_group(field)}
    rows = [
        (f"`{prefix}{name}`", _field_kind(field), f"`{_default(field)}`", _cell(field.description))
        for name, field in fields.items()
        if name not in groups
    ]
    if rows:
        title = f"## {prefix.rstrip('.') or 'The run'}\n\n{inspect.cleandoc(model.__doc__ or '')}"
        yield f"{title}\n\n{_table(('setting', 'value', 'default', 'meaning'), rows)}"
    for name, field in groups.items():
        yield from settings_sections(field.annotation, f"{prefix}{name}.")  # type: ignore[arg-type]


def _is_group(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _is_option(parameter: Any) -> bool:
    return all(name.startswith("-") for name in parameter.opts)


def _spellings(parameter: Any) -> list[str]:
    if not _is_option(parameter):
        return [parameter.metavar or parameter.name.upper()]
    return [*parameter.opts, *parameter.secondary_opts]


def _usage(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    if _is_option(parameter):
        return f"{parameter.opts[0]} {name}"
    name = f"{name}..." if parameter.nargs == -1 else name
    return name if parameter.required else f"[{name}]"


def _kind(parameter: Any, annotation: Any) -> str:
    if getattr(parameter, "is_flag", False):
        return "flag"
    bounds = {"ge": getattr(parameter, "min", None), "le": getattr(parameter, "max", None)}
    return ", ".join([_type_name(annotation), *_bounds(bounds)])


def _help(parameter: Any) -> str:
    has_default = parameter.default is not None and str(parameter.default) not in ("False", "[]")
    default = f" Default: `{parameter.default}`." if has_default else ""
    return _cell(parameter.help) + (" Required." if parameter.required else default)


def _field_kind(field: FieldInfo) -> str:
    bounds = {name: getattr(m, name) for m in field.metadata for name in BOUNDS if hasattr(m, name)}
    nothing = ["or null"] if NoneType in get_args(field.annotation) else []
    return ", ".join([_type_name(field.annotation), *_bounds(bounds), *nothing])


def _bounds(bounds: dict[str, Any]) -> list[str]:
    return [
        f"{BOUNDS[name]} {_number(value)}" for name, value in bounds.items() if value is not None
    ]


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _type_name(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_name(inner[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin in (Union, UnionType):
        return " or ".join(_type_name(part) for part in inner if part is not NoneType)
    if origin in (list, tuple):
        return f"{_type_name(inner[0])}, several"
    return TYPES.get(annotation) or str(annotation.__name__).lower()


def _default(field: FieldInfo) -> str:
    return json.dumps(field.get_default(call_default_factory=True))


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def _first_line(command: Any) -> str:
    return inspect.cleandoc(command.help or "").partition("\n")[0]


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
