"""`cutis data audit | split`: find what would mislead, then split so that nothing leaks."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cutis.cli.app import data_app
from cutis.cli.next_steps import next_step
from cutis.cli.progress import progress_bar
from cutis.cli.terminal import plain_console

if TYPE_CHECKING:
    from cutis.curation.audit import Audit


@data_app.command()
def audit(
    manifest: Path = typer.Argument(help="Manifest to audit."),
    output: Path = typer.Option(..., "-o", "--output", help="Folder for the findings."),
) -> None:
    """Find duplicates, unreadable or poor pictures, conflicting labels and leaking splits.

    A split that leaks ends in exit code 2, after the findings are written.
    """
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE
    from cutis.curation.audit import audit as look
    from cutis.curation.audit import require_manifest_survives, write_audit
    from cutis.files import require_writable
    from cutis.tables.manifest import Manifest

    require_manifest_survives(manifest, output)
    require_writable(output)
    table = Manifest.read(manifest, check_leaks=False)
    with progress_bar(len(table), "looking") as advance:
        found = look(table, on_progress=advance)
    page = write_audit(found, output)
    console = plain_console()
    shown = Table("finding", "count", title=f"{found.images} images", title_justify="left")
    for kind, count in found.counts.items():
        shown.add_row(kind, str(count))
    console.print(shown if found.findings else "Nothing to report.")
    console.print(f"Page: {page}", soft_wrap=True)
    console.print(_advice(found, output / "manifest.csv"), soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)
    found.require_no_leak()


def _advice(found: "Audit", manifest: Path) -> str:
    """To train on a split that is there and clean, else to split by what every row names."""
    frame = found.manifest.frame
    clean = set() if found.leaks else set(frame["split"])
    if {"train", "val"} <= clean:
        return next_step("train", manifest, "-o", "runs/first")
    names_patients_only = (frame["lesion_id"] == "").any() and (frame["patient_id"] != "").all()
    by = ["--by", "patient"] if names_patients_only else []
    kept = ["--keep-test"] if "test" in clean else []
    return next_step("data", "split", manifest, *by, *kept, "-o", "split.csv")


@data_app.command()
def split(
    manifest: Path = typer.Argument(help="Manifest to split; an old split is replaced."),
    output: Path = typer.Option(..., "-o", "--output", help="Manifest with the split."),
    by: str = typer.Option("lesion", help="lesion, patient or image: what every row must name."),
    test: float | None = typer.Option(
        None, help="Fraction of images to test on; 0.2 if not given."
    ),
    keep_test: bool = typer.Option(
        False, "--keep-test", help="Leave the rows of split test there and deal all others."
    ),
    val: float = typer.Option(0.1, help="Fraction of the images that are dealt to validate on."),
    seed: int = typer.Option(0, min=0, help="Of the dealing."),
    folds: int = typer.Option(0, min=0, help="Also deal what is not test into K folds."),
    skip_duplicates: bool = typer.Option(
        False, "--skip-duplicates", help="Do not look for duplicates where rows were not audited."
    ),
) -> None:
    """Split by lesion or patient; lesions, patients and duplicates never straddle."""
    from rich.table import Table

    from cutis import RESEARCH_USE_NOTICE
    from cutis.curation.audit import with_duplicate_groups
    from cutis.curation.datasheet import NO_DIAGNOSIS
    from cutis.curation.splits import (
        fold_manifest,
        parse_by,
        require_folds,
        require_groups,
        require_parts,
        split_beside_test,
        split_manifest,
    )
    from cutis.errors import InputError
    from cutis.tables.frames import require_writable_table
    from cutis.tables.manifest import SPLITS, Manifest, require_one_tree
    from cutis.wording import counted

    group = parse_by(by)
    if keep_test and test is not None:
        raise InputError("--test and --keep-test exclude each other; give one of them")
    share = 0 if keep_test else 0.2 if test is None else test
    require_parts(test=share, val=val)
    if folds:
        require_folds(folds)
    require_writable_table(output)
    table = Manifest.read(manifest, check_leaks=False)
    require_groups(table, group)
    require_one_tree(output, table.taxonomy)
    if keep_test:
        table.split("test")  # is there, before the long work
    if not skip_duplicates and (table.frame["duplicate_group"] == "").any():
        with progress_bar(len(table), "looking for duplicates") as advance:
            table = with_duplicate_groups(table, on_progress=advance)
    if keep_test:
        dealt = split_beside_test(table, by=group, val=val, seed=seed)
    else:
        dealt = split_manifest(table, by=group, test=share, val=val, seed=seed)
    if folds:
        dealt = fold_manifest(dealt, folds=folds, by=group, seed=seed)
    dealt.require_no_leak()
    dealt.write(output)
    frame = dealt.frame
    shown = Table("diagnosis", *SPLITS, title=f"{output}: images", title_justify="left")
    counts = frame.groupby(["diagnosis", "split"]).size().unstack(fill_value=0)
    for diagnosis, row in counts.iterrows():
        shown.add_row(str(diagnosis) or NO_DIAGNOSIS, *(str(row.get(name, 0)) for name in SPLITS))
    shown.add_section()
    kinds = [kind for kind in ("lesion_id", "patient_id") if (frame[kind] != "").any()]
    titles = [f"{kind.removesuffix('_id')}s" for kind in kinds]
    for title, kind in zip(titles, kinds, strict=True):
        present = frame[frame[kind] != ""].groupby("split")[kind].nunique()
        shown.add_row(title, *(str(present.get(name, 0)) for name in SPLITS))
    console = plain_console()
    console.print(shown)
    remarks = {
        "Left without a split, tied to test by lesion, patient or duplicate": frame["split"] == "",
        "Naming neither lesion nor patient, each counted as a lesion of its own": (
            (frame["lesion_id"] == "") & (frame["patient_id"] == "")
        ),
    }
    for remark, concerned in remarks.items():
        if concerned.any():
            what = counted(int(concerned.sum()), "image")
            console.print(f"{remark}: {what}.", soft_wrap=True)
    if folds:
        in_folds = Table(
            "fold", "images", *titles, title="folds of what is not test", title_justify="left"
        )
        for fold, rows in frame.groupby("fold"):
            named = (rows[kind][rows[kind] != ""].nunique() for kind in kinds)
            in_folds.add_row(f"{fold:.0f}", str(len(rows)), *map(str, named))
        console.print(in_folds)
    kfold = ["--kfold", str(folds)] if folds else []
    console.print(next_step("train", output, *kfold, "-o", "runs/first"), soft_wrap=True)
    console.print(RESEARCH_USE_NOTICE, soft_wrap=True)
