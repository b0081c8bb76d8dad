"""The documents say what the program does, and their links and examples work."""

import doctest
import importlib
import re
import runpy
from pathlib import Path

import pytest
import typer.main

import cutis
from cutis.cli.app import command_tree

REPOSITORY = Path(__file__).resolve().parent.parent
REFERENCE = runpy.run_path(str(REPOSITORY / "scripts" / "reference.py"))
COMMANDS = dict(REFERENCE["leaf_commands"](typer.main.get_command(command_tree()), "cutis"))

IGNORED = {".venv", ".git", ".pytest_cache", "demo", "runs", "build"}
DOCUMENTS = sorted(
    path.relative_to(REPOSITORY)
    for path in REPOSITORY.rglob("*.md")
    if not IGNORED.intersection(path.relative_to(REPOSITORY).parts)
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)

PACKAGE = Path(cutis.__file__).parent
MODULES = sorted(
    ".".join(["cutis", *path.relative_to(PACKAGE).with_suffix("").parts])
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py" and ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_says_what_it_is_for(name):
    command = COMMANDS[name]
    assert command.help
    silent = [p.name for p in command.params if p.name != "help" and not p.help]
    assert not silent


def test_the_pages_about_commands_and_settings_are_those_that_make_docs_writes():
    for path, text in REFERENCE["pages"]().items():
        assert path.read_text(encoding="utf-8") == text, "run: make docs"


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_every_relative_link_leads_somewhere(path):
    text = (REPOSITORY / path).read_text(encoding="utf-8")
    for target in LINK.findall(CODE.sub("", text)):
        if not re.match(r"[a-z]+:", target):
            name, _, anchor = target.partition("#")
            page = (REPOSITORY / path.parent / name).resolve() if name else REPOSITORY / path
            assert page.exists(), f"{path} links to {target}"
            assert not anchor or anchor in anchors(page), f"{path} links to {target}"


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", [*DOCUMENTS, Path("scripts/demo.sh")], ids=str)
def test_every_command_line_that_is_shown_could_be_typed(path):
    text = (REPOSITORY / path).read_text(encoding="utf-8").replace("\\\n", " ")
    for line in re.findall(r"^[ $]*(?:run |srun )?(cutis .*)$", text, re.MULTILINE):
        typed = line.split("  ")[0]
        name = max((n for n in COMMANDS if typed.startswith(n)), key=len, default=None)
        assert name, f"{path}: {line}"
        known = {spelling for p in COMMANDS[name].params for spelling in p.opts}
        unknown = set(re.findall(r"(?<=\s)--?[a-z][\w-]*", typed)) - known - {"--help"}
        assert not unknown, f"{path}: {line}"


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_run(name):
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted
    assert not outcome.failed
