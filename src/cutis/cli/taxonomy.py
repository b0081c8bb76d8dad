"""`cutis taxonomy show | check | map | partition`: the tree of diagnoses at hand."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cutis.cli.app import app
from cutis.cli.terminal import plain_console

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text
    from rich.tree import Tree

    from cutis.taxonomy import Partition, Taxonomy
    from cutis.taxonomy.mapping import MappedLabel

TREE_HELP = "skin, isic, or a .toml, .csv or .json file."
TREE_WIDTH = 160  # lines are never cut; a narrow terminal wraps them
COLOURS = {
    "malignant": "red",
    "premalignant": "yellow",
    "benign": "green",
    "non-neoplastic": "cyan",
}

taxonomy_app = typer.Typer(
    help="Show, check and use the tree of diagnoses.",
    no_args_is_help=True,
)
app.add_typer(taxonomy_app, name="taxonomy")


@taxonomy_app.command()
def show(
    tree: str = typer.Argument("skin", help=TREE_HELP),
    node: str | None = typer.Option(None, help="Show what is at and below this label only."),
    depth: int | None = typer.Option(None, min=0, help="How far down; default, to the leaves."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a tree."),
) -> None:
    """Draw a tree of diagnoses, with names, status and the levels that nodes are classes of."""
    from rich.tree import Tree

    from cutis import RESEARCH_USE_NOTICE
    from cutis.taxonomy import load_taxonomy

    taxonomy = load_taxonomy(tree)
    roots = taxonomy.roots if node is None else (taxonomy.resolve(node),)
    if as_json:
        listed = [entry for root in roots for entry in _entries(taxonomy, root, depth)]
        typer.echo(json.dumps(_facts(taxonomy) | {"nodes": listed}, indent=2, ensure_ascii=False))
        return
    console = plain_console(width=TREE_WIDTH)
    drawn = Tree(_summary(taxonomy), guide_style="dim")
    for root in roots:
        _grow(drawn, taxonomy, root, depth)
    console.print(drawn)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


@taxonomy_app.command()
def check(file: str = typer.Argument(help=TREE_HELP)) -> None:
    """Read a tree and say what it holds, or everything that is wrong with it."""
    from cutis import RESEARCH_USE_NOTICE
    from cutis.taxonomy import load_taxonomy

    taxonomy = load_taxonomy(file)
    console = plain_console()
    console.print(f"{_summary(taxonomy)}: no faults", soft_wrap=True)
    console.print(f"sha256 {taxonomy.sha256}", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


@taxonomy_app.command("map")
def map_(
    labels: list[str] = typer.Argument(help="Labels, or one .csv or .parquet table with them."),
    column: str | None = typer.Option(
        None, help="The table's column of labels; default, diagnosis, label or dx."
    ),
    taxonomy: str = typer.Option("skin", help=TREE_HELP),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table."),
) -> None:
    """Look labels up in a tree; exit code 2 when it does not know them all."""
    from cutis import RESEARCH_USE_NOTICE
    from cutis.taxonomy import load_taxonomy
    from cutis.taxonomy.mapping import map_labels, require_known

    tree = load_taxonomy(taxonomy)
    source, counts = _labels(labels, column)
    mapped = map_labels(counts, tree)
    if as_json:
        listed = [asdict(each) for each in mapped]
        typer.echo(json.dumps(_facts(tree) | {"labels": listed}, indent=2, ensure_ascii=False))
    else:
        console = plain_console()
        console.print(_map_table(mapped, tree))
        console.print(RESEARCH_USE_NOTICE, soft_wrap=True)
    require_known(mapped, tree, source=source)


@taxonomy_app.command("partition")
def partition_(
    table: Path = typer.Argument(help="Manifest, or another table with a column of labels."),
    max_class_size: int = typer.Option(..., min=1, help="Images that a class may have at most."),
    column: str | None = typer.Option(
        None, help="The column of labels; default, diagnosis, label or dx."
    ),
    count_column: str | None = typer.Option(
        None, help="In a table with one row per label, the column that says how many images it has."
    ),
    taxonomy: str | None = typer.Option(
        None, help=f"{TREE_HELP} Default: the tree beside a manifest, or else skin."
    ),
    output: Path | None = typer.Option(
        None,
        "-o",
        "--output",
        help=".toml: the setting data.classes, for cutis train --config; .json: everything.",
    ),
) -> None:
    """Cut the tree into training classes of bounded size, as Esteva et al. 2017 do."""
    from cutis import RESEARCH_USE_NOTICE
    from cutis.tables.label_counts import read_label_counts
    from cutis.tables.manifest import taxonomy_of
    from cutis.taxonomy import load_taxonomy, partition
    from cutis.taxonomy.mapping import images_per_node
    from cutis.taxonomy.partition import write_partition

    tree = taxonomy_of(table) if taxonomy is None else load_taxonomy(taxonomy)
    counts = read_label_counts(table, column=column, count_column=count_column)
    images = images_per_node(counts, tree, source=str(table))
    found = partition(tree, images, max_class_size=max_class_size)
    if output is not None:
        write_partition(found, output)
    console = plain_console()
    console.print(_partition_table(found, title=str(table)))
    console.print(
        f"{len(found.classes)} classes of {sum(images.values())} images; "
        f"as whole nodes, for a classifier: {len(found.whole_nodes)}",
        soft_wrap=True,
    )
    if output is not None:
        console.print(f"Written: {output}", soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)


def _labels(given: list[str], column: str | None) -> tuple[str, dict[str, int]]:
    """Where the labels come from, and how often each is given."""
    from cutis.errors import InputError
    from cutis.tables.label_counts import read_label_counts

    if len(given) == 1 and Path(given[0]).suffix.lower() in (".csv", ".parquet"):
        return given[0], read_label_counts(Path(given[0]), column=column)
    if column is not None:
        raise InputError("--column is of a table; give one .csv or .parquet in the place of labels")
    return "labels", {label: given.count(label) for label in given}


def _facts(taxonomy: Taxonomy) -> dict[str, Any]:
    from cutis import RESEARCH_USE_NOTICE

    return {
        "notice": RESEARCH_USE_NOTICE,
        "taxonomy": taxonomy.name,
        "sha256": taxonomy.sha256,
        "levels": {name: taxonomy.level(name) for name in taxonomy.levels},
    }


def _entries(taxonomy: Taxonomy, node: str, depth: int | None) -> list[dict[str, Any]]:
    """A node and those below it as JSON holds them; the status is the inherited one."""
    entry = asdict(taxonomy.nodes[node]) | {"status": taxonomy.status(node)}
    if depth == 0:
        return [entry]
    lower = None if depth is None else depth - 1
    below = (_entries(taxonomy, child, lower) for child in taxonomy.children(node))
    return [entry, *(each for entries in below for each in entries)]


def _summary(taxonomy: Taxonomy) -> str:
    levels = [f"{name} ({len(taxonomy.level(name))} classes)" for name in taxonomy.levels]
    deepest = max(len(taxonomy.ancestors(leaf)) + 1 for leaf in taxonomy.leaves)
    return (
        f"{taxonomy.name}: {len(taxonomy.nodes)} nodes, {len(taxonomy.leaves)} leaves, "
        f"{deepest} deep" + (f"; levels {', '.join(levels)}" if levels else "")
    )


def _grow(branch: Tree, taxonomy: Taxonomy, node: str, depth: int | None) -> None:
    children = taxonomy.children(node)
    hidden = len(taxonomy.descendants(node)) - 1 if depth == 0 else 0
    grown = branch.add(_drawn(taxonomy, node, hidden))
    if depth == 0:
        return
    for child in children:
        _grow(grown, taxonomy, child, None if depth is None else depth - 1)


def _drawn(taxonomy: Taxonomy, node: str, hidden: int) -> Text:
    from rich.text import Text

    entry = taxonomy.nodes[node]
    line = Text(entry.name, style=COLOURS.get(taxonomy.status(node) or "", ""))
    line.append(f"  {node}", style="dim")
    if entry.status is not None:
        line.append(f"  ({entry.status})", style="italic")
    for level in entry.levels:
        line.append(f"  [{level}]", style="bold")
    if hidden:
        line.append(f"  + {hidden} below", style="dim")
    return line


def _map_table(mapped: tuple[MappedLabel, ...], taxonomy: Taxonomy) -> Table:
    from rich.table import Table

    table = Table(title=f"taxonomy {taxonomy.name!r}", title_justify="left")
    table.add_column("label", overflow="fold")
    table.add_column("rows", justify="right")
    for title in ("node", "status", *taxonomy.levels):
        table.add_column(title, overflow="fold")
    for each in mapped:
        held = [name or "-" for name in each.classes.values()]
        table.add_row(each.label, str(each.rows), each.node or "?", each.status or "-", *held)
    return table


def _partition_table(found: Partition, *, title: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column("class", overflow="fold")
    table.add_column("images", justify="right")
    table.add_column("")
    for each in sorted(found.classes, key=lambda c: (-c.images, c.node)):
        remarks = [
            *(["only what is labelled so itself"] if each.own_only else []),
            *(["cannot be cut"] if each.images > found.max_class_size else []),
        ]
        table.add_row(each.node, str(each.images), ", ".join(remarks))
    return table
