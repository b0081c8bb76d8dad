"""The floors of `docs/architecture.md` hold, read from the imports themselves."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cutis

FLOORS = (
    {"errors"},
    {"checks", "files", "markdown", "threads", "wording"},
    {
        "taxonomy",
        "metrics",
        "imaging",
        "parity",
        "perturbation",
        "picture_quality",
        "plots",
        "readout",
    },
    {"tables", "bundle", "thumbnails"},
    {"curation", "inference", "evaluation", "zoo"},
    {"torch_setup"},
    {"data", "models"},
    {"training", "explain"},
    {"config", "deploy"},
    {"cli"},
)
LAST_FLOOR_WITHOUT_TORCH = 4
TORCH_FAMILY = {"torch", "torchvision", "timm", "lightning", "pytorch_lightning", "torchmetrics"}
LIGHT_FOR_COMMANDS = set(sys.stdlib_module_names) | {"typer"}

PACKAGE = Path(cutis.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
COMMANDS = sorted((PACKAGE / "cli").glob("*.py"))


def room_of(path: Path) -> str:
    """The package or module directly under `cutis` that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def floor_of(room: str) -> int:
    return next(level for level, rooms in enumerate(FLOORS) if room in rooms)


def imported_modules(tree: ast.AST, package: str) -> Iterator[str]:
    """Dotted names of everything imported anywhere under `tree`, for type checkers included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: -node.level + 1 or None] if node.level else []
            origin = ".".join([*parents, *([node.module] if node.module else [])])
            # `from cutis import config` imports a module, `from cutis import __version__` a name.
            yield from (
                f"{origin}.{alias.name}" if origin == "cutis" else origin for alias in node.names
            )


def imports_of(path: Path) -> set[str]:
    package = ".".join(["cutis", *path.relative_to(PACKAGE).parts[:-1]])
    return set(imported_modules(ast.parse(path.read_text(encoding="utf-8")), package))


def rooms_imported_by(path: Path) -> set[str]:
    names = {name.split(".")[1] for name in imports_of(path) if name.startswith("cutis.")}
    rooms = {room_of(module) for module in MODULES}
    return names & rooms


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(PACKAGE)) for path in paths]


def test_the_page_about_the_architecture_has_the_same_floors():
    page = (PACKAGE.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| ([^|]*) \|", page, re.MULTILINE)
    assert [(int(floor), set(re.findall(r"`(\w+)`", rooms))) for floor, rooms in rows] == [
        *enumerate(FLOORS)
    ]


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_every_module_has_a_floor(path):
    assert room_of(path) in set().union(*FLOORS), "give it a floor here and in the architecture"


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_a_module_imports_its_own_package_or_a_lower_floor(path):
    own = room_of(path)
    wrong = {
        room for room in rooms_imported_by(path) if room != own and floor_of(room) >= floor_of(own)
    }
    assert not wrong, f"{own} is on floor {floor_of(own)}"


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_the_lower_floors_know_nothing_of_torch(path):
    if floor_of(room_of(path)) <= LAST_FLOOR_WITHOUT_TORCH:
        assert not {name.split(".")[0] for name in imports_of(path)} & TORCH_FAMILY


@pytest.mark.parametrize("path", COMMANDS, ids=names(COMMANDS))
def test_a_command_module_imports_nothing_heavy_at_its_top(path):
    executed = [
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    imported = set(imported_modules(ast.Module(executed, []), "cutis.cli"))
    outside = {name for name in imported if not name.startswith("cutis")}
    inside = {name for name in imported if name.startswith("cutis.")}
    assert {name.split(".")[0] for name in outside} <= LIGHT_FOR_COMMANDS
    heavy = {name for name in inside if name.split(".")[1] in set().union(*FLOORS[1:-1])}
    assert not heavy


@pytest.mark.parametrize(
    "arguments", [["--help"], ["data", "--help"], ["train", "--help"], ["predict", "--help"]]
)
def test_help_loads_no_numbers(arguments):
    program = (
        "import sys\n"
        "from cutis.cli.app import command_tree\n"
        f"command_tree()({arguments!r}, standalone_mode=False)\n"
        "loaded = sorted({'torch', 'numpy', 'pandas', 'matplotlib', 'PIL'} & set(sys.modules))\n"
        "sys.exit(f'loaded: {loaded}' if loaded else 0)\n"
    )
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    assert "Usage" in outcome.stdout


def test_everything_up_to_evaluation_imports_without_torch():
    lower = [
        ".".join(["cutis", *path.relative_to(PACKAGE).with_suffix("").parts])
        for path in MODULES
        if floor_of(room_of(path)) <= LAST_FLOOR_WITHOUT_TORCH and path.name != "__init__.py"
    ]
    program = (
        "import importlib, sys\n"
        f"for name in {lower!r}: importlib.import_module(name)\n"
        f"sys.exit(str(sorted({TORCH_FAMILY!r} & set(sys.modules)) or '') or 0)\n"
    )
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
