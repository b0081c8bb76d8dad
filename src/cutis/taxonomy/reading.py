"""Reading trees: the built-in ones by name, your own from TOML or CSV.

As TOML, one table per node, the table's name being the node's id:

    name = "skin"

    [malignant-melanocytic]
    name = "Malignant melanocytic lesion"
    parent = "malignant"
    levels = ["nine-way"]

    [melanoma]
    name = "Melanoma"
    parent = "malignant-melanocytic"
    synonyms = ["mel", "malignant melanoma"]
    status = "malignant"            # only where it differs from the parent's

As CSV, one line per node and lists separated by semicolons; only `id` is required:

    id,name,parent,synonyms,status,levels
    malignant-melanocytic,Malignant melanocytic lesion,malignant,,,nine-way
    melanoma,Melanoma,malignant-melanocytic,mel;malignant melanoma,malignant,

As JSON, what Cutis itself wrote beside a manifest or into a bundle.
"""

import csv
import functools
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from cutis.checks import did_you_mean
from cutis.errors import InputError, TaxonomyError
from cutis.files import is_file, read_json, read_toml
from cutis.taxonomy.exchange import tree_from_dict
from cutis.taxonomy.isic import isic_archive_taxonomy
from cutis.taxonomy.tree import Node, Status, Taxonomy, faults

DEFAULT = "skin"
TEXTS = ("name", "parent")
LISTS = ("synonyms", "levels")
KEYS = ("name", "parent", "synonyms", "status", "levels")


def load_taxonomy(source: str | Path = DEFAULT) -> Taxonomy:
    """A built-in tree by name (`skin`, `isic`), or one from a `.toml`, `.csv` or `.json` file.

    A built-in tree is read once per process.

    Raises:
        InputError: no such tree or file, none of these formats, or the package that has `isic` is
            missing.
        TaxonomyError: the file does not describe a tree; every fault is listed.
    """
    if str(source) in BUILTIN:
        return _load_builtin(str(source))
    path = Path(source)
    if not is_file(path):
        raise InputError(
            f"taxonomy {str(source)!r}: neither a file nor built in ({', '.join(BUILTIN)})"
            f"{did_you_mean(str(source), BUILTIN)}"
        )
    if path.suffix.lower() == ".csv":
        return _read_csv(path)
    if path.suffix.lower() == ".json":
        return tree_from_dict(read_json(path), source=str(path))
    return _parse(read_toml(path), source=str(path))


def _skin() -> Taxonomy:
    text = resources.files("cutis.taxonomy.builtin").joinpath("skin.toml")
    return _parse(tomllib.loads(text.read_text(encoding="utf-8")), source="skin")


BUILTIN: Mapping[str, Callable[[], Taxonomy]] = {"isic": isic_archive_taxonomy, "skin": _skin}


@functools.cache
def _load_builtin(name: str) -> Taxonomy:
    return BUILTIN[name]()


def _read_csv(path: Path) -> Taxonomy:
    lines = [*_csv_lines(path)]
    ids = Counter(fields["id"] for _line, fields in lines)
    problems = [
        *(f"line {line}: id is empty" for line, fields in lines if not fields["id"]),
        *(
            f"id {each!r} is given {times} times"
            for each, times in ids.items()
            if each and times > 1
        ),
    ]
    tables = [
        (
            fields["id"],
            {
                key: _listed(value) if key in LISTS else value
                for key, value in fields.items()
                if value and key in KEYS
            },
        )
        for _line, fields in lines
        if fields["id"]
    ]
    return _tree(tables, name=path.stem, source=str(path), problems=problems)


def _csv_lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and stripped fields of every node.

    Raises:
        InputError: not a CSV in UTF-8.
        TaxonomyError: the columns are not those of a tree, or a line has too many fields.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restkey="", restval="", strict=True)
            columns = [column.strip() for column in reader.fieldnames or ()]
            reader.fieldnames = columns
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise InputError(f"{path}: not a readable CSV table ({fault})") from fault
    known = ("id", *KEYS)
    problems = [
        *([] if "id" in columns else [f"column 'id' is missing{did_you_mean('id', columns)}"]),
        *(f"unknown column {c!r}{did_you_mean(c, known)}" for c in columns if c not in known),
        *(f"column {c!r} is given twice" for c, n in Counter(columns).items() if n > 1),
        *(f"line {line} has more fields than there are columns" for line, row in rows if "" in row),
    ]
    if problems:
        raise TaxonomyError(f"taxonomy {path}", problems)
    for line, row in rows:
        yield line, {column: str(value).strip() for column, value in row.items()}


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _parse(document: Mapping[str, Any], *, source: str) -> Taxonomy:
    tables = [(key, value) for key, value in document.items() if key != "name"]
    name = document.get("name", Path(source).stem)
    problems = (
        []
        if isinstance(name, str)
        else ["name, of the tree, is not a text; no node can be called so"]
    )
    return _tree(tables, name=str(name), source=source, problems=problems)


def _tree(
    tables: Iterable[tuple[str, object]], *, name: str, source: str, problems: list[str]
) -> Taxonomy:
    """Make the tree, or report the faults of its entries and those of the whole together."""
    entries = [(node_id, dict(_sound(node_id, table, problems))) for node_id, table in tables]
    nodes = {
        node_id: Node(
            id=node_id,
            name=entry.get("name", node_id),
            parent=entry.get("parent"),
            synonyms=tuple(entry.get("synonyms", ())),
            status=entry.get("status"),
            levels=tuple(entry.get("levels", ())),
        )
        for node_id, entry in entries
    }
    if problems:
        raise TaxonomyError(f"taxonomy {source}", [*problems, *faults(nodes)])
    return Taxonomy(name=name, nodes=nodes)


def _sound(node_id: str, table: object, problems: list[str]) -> Iterator[tuple[str, Any]]:
    """The fields of a node that can be used; what is wrong with the others joins `problems`."""
    if not isinstance(table, dict):
        problems.append(f"{node_id!r} is not a table")
        return
    for key, value in table.items():
        fault = _fault_of(key, value)
        if fault is None:
            yield key, value
        else:
            problems.append(f"[{node_id}] {fault}")


def _fault_of(key: str, value: object) -> str | None:
    if key not in KEYS:
        return f"has unknown key {key!r}{did_you_mean(key, KEYS)}"
    if key in TEXTS and not isinstance(value, str):
        return f"{key} is not a text"
    if key in LISTS and not (
        isinstance(value, list) and all(isinstance(each, str) for each in value)
    ):
        return f"{key} are not a list of texts"
    allowed = get_args(Status)
    if key == "status" and value not in allowed:
        guess = did_you_mean(str(value), allowed)
        return f"status {value!r} is not one of {', '.join(allowed)}{guess}"
    return None
