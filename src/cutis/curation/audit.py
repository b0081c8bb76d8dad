"""The audit: everything about a collection that would make a model look better or worse than it is."""

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import jinja2
import numpy as np

from cutis import RESEARCH_USE_NOTICE, __version__
from cutis.curation.duplicates import (
    DuplicatePair,
    Fingerprint,
    duplicate_groups,
    find_duplicates,
)
from cutis.errors import ImageError, InputError, LeakageError
from cutis.files import atomic_path, exists, require_writable, write_json, write_text
from cutis.imaging import load_rgb
from cutis.picture_quality import Quality, measure_quality, quality_faults
from cutis.tables.manifest import Manifest
from cutis.taxonomy import Taxonomy
from cutis.threads import in_threads
from cutis.thumbnails import thumbnail_uri

TABLES = ("manifest.csv", "audit.csv")  # what is written beside the page
SHOWN_PER_KIND = 60
THUMBNAIL_PX = 180


class Finding(NamedTuple):
    """One line of the audit."""

    kind: str
    image_id: str
    other_image_id: str
    detail: str


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit found.

    Attributes:
        manifest: The rows that could be read, with `duplicate_group` filled in.
        findings: In the order they should be looked at.
        leaks: Groups of the whole manifest that stand in two splits or folds; empty when the split is
            clean.
    """

    manifest: Manifest
    findings: tuple[Finding, ...]
    leaks: tuple[str, ...]

    @property
    def images(self) -> int:
        """How many were looked at, those that cannot be read among them."""
        return len(self.manifest) + self.counts.get("unreadable", 0)

    @property
    def counts(self) -> dict[str, int]:
        """Findings by kind."""
        return dict(Counter(finding.kind for finding in self.findings))

    def require_no_leak(self) -> None:
        """Fail loudly on a split that leaks.

        Raises:
            LeakageError: naming every group that stands on two sides.
        """
        if self.leaks:
            raise LeakageError(self.manifest.name, self.leaks)


class Inspection(NamedTuple):
    """One picture as the audit saw it."""

    fingerprint: Fingerprint
    quality: Quality


def inspect(
    paths: Sequence[Path], *, on_progress: Callable[[int], None] | None = None
) -> list[Inspection | ImageError]:
    """Decode every picture once, on all cores, and measure it.

    Args:
        paths: n pictures.
        on_progress: Called with 1 for every picture done.

    Returns:
        n inspections, an `ImageError` in place of those that cannot be read.
    """

    def one(path: Path) -> Inspection | ImageError:
        try:
            rgb = load_rgb(path)
        except ImageError as fault:
            return fault
        return Inspection(Fingerprint.of(rgb), measure_quality(rgb))

    seen: list[Inspection | ImageError] = []
    for result in in_threads(one, paths):
        seen.append(result)
        if on_progress is not None:
            on_progress(1)
    return seen


def audit(manifest: Manifest, *, on_progress: Callable[[int], None] | None = None) -> Audit:
    """Look at every picture and every group of a manifest.

    Args:
        manifest: Read with `check_leaks=False` when its split is in doubt.
        on_progress: Called with 1 for every picture done.
    """
    seen = inspect(manifest.paths, on_progress=on_progress)
    readable = [not isinstance(result, ImageError) for result in seen]
    unreadable = [
        Finding("unreadable", image_id, "", str(result))
        for image_id, result in zip(manifest.image_ids, seen, strict=True)
        if isinstance(result, ImageError)
    ]
    kept = manifest.rows(np.array(readable, dtype=bool))
    inspections = [result for result in seen if isinstance(result, Inspection)]
    pairs = find_duplicates([each.fingerprint for each in inspections])
    grouped = kept.with_columns(duplicate_group=duplicate_groups(kept.image_ids, pairs))
    findings = [
        *unreadable,
        *_conflicts(grouped, pairs),
        *_two_diagnoses(grouped),
        *_duplicates(grouped, pairs),
        *_quality(grouped, inspections),
    ]
    groups = dict(zip(grouped.image_ids, grouped.frame["duplicate_group"], strict=True))
    whole = manifest.with_columns(duplicate_group=[groups.get(i, "") for i in manifest.image_ids])
    try:
        whole.require_no_leak()  # the lines are those of the file that was read
        leaks: tuple[str, ...] = ()
    except LeakageError as fault:
        leaks = fault.problems
    return Audit(grouped, tuple(findings), leaks)


def with_duplicate_groups(
    manifest: Manifest, *, on_progress: Callable[[int], None] | None = None
) -> Manifest:
    """The manifest with `duplicate_group` filled in; what a split needs of an audit.

    Raises:
        ImageError: pictures cannot be read.
    """
    seen = inspect(manifest.paths, on_progress=on_progress)
    faults = [result for result in seen if isinstance(result, ImageError)]
    if faults:
        raise ImageError(
            f"{manifest.name}: {len(faults)} of {len(seen)} pictures cannot be read, the first is "
            f"{faults[0]}; `cutis data audit` lists them and writes a manifest without them"
        )
    prints = [result.fingerprint for result in seen if isinstance(result, Inspection)]
    groups = duplicate_groups(manifest.image_ids, find_duplicates(prints))
    return manifest.with_columns(duplicate_group=groups)


def require_manifest_survives(manifest: Path, folder: Path) -> None:
    """Make sure that the findings do not replace the manifest that they are about.

    Raises:
        InputError: they would; unreadable rows would be lost.
    """
    places = [folder / name for name in TABLES]
    if exists(manifest) and any(exists(place) and place.samefile(manifest) for place in places):
        raise InputError(
            f"{folder}: the findings would replace {manifest.name} in it; give -o another folder"
        )


def write_audit(found: Audit, folder: Path) -> Path:
    """Write `audit.csv`, `audit.json`, `audit.html` and `manifest.csv`.

    Returns:
        The path of the page.

    Raises:
        InputError: the audited manifest would be replaced.
        OutputError: the folder cannot be written.
    """
    require_manifest_survives(Path(found.manifest.name), folder)
    require_writable(folder, free_bytes=20 * 2**20)
    found.manifest.write(folder / "manifest.csv")
    with (
        atomic_path(folder / "audit.csv") as partial,
        partial.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(Finding._fields)
        writer.writerows(found.findings)
    write_json(
        folder / "audit.json",
        {
            "notice": RESEARCH_USE_NOTICE,
            "cutis": __version__,
            "manifest": found.manifest.name,
            "images": found.images,
            "findings": found.counts,
            "leaks": list(found.leaks),
        },
    )
    page = folder / "audit.html"
    write_text(page, _page(found))
    return page


def _conflicts(manifest: Manifest, pairs: Sequence[DuplicatePair]) -> list[Finding]:
    """Duplicates whose diagnoses contradict each other."""
    ids, diagnoses = manifest.image_ids, manifest.diagnoses
    return [
        Finding(
            "duplicate with another diagnosis",
            ids[pair.first],
            ids[pair.second],
            f"{diagnoses[pair.first]} and {diagnoses[pair.second]} ({pair.kind})",
        )
        for pair in pairs
        if _contradict(diagnoses[pair.first], diagnoses[pair.second], manifest.taxonomy)
    ]


def _two_diagnoses(manifest: Manifest) -> list[Finding]:
    """Lesions whose images carry diagnoses that contradict each other; the first two of each."""
    findings: list[Finding] = []
    named = manifest.frame[manifest.frame["lesion_id"] != ""]
    for lesion, rows in named.groupby("lesion_id"):
        image_of = dict(zip(rows["diagnosis"][::-1], rows["image_id"][::-1], strict=True))
        for one, other in combinations(dict.fromkeys(rows["diagnosis"]), 2):
            if _contradict(one, other, manifest.taxonomy):
                detail = f"lesion {lesion}: {one} and {other}"
                findings.append(
                    Finding("lesion with two diagnoses", image_of[one], image_of[other], detail)
                )
                break
    return findings


def _contradict(one: str, other: str, taxonomy: Taxonomy) -> bool:
    """Whether a picture cannot be both; an inner node and what is below it only differ in depth."""
    if not (one and other):
        return False
    return one not in taxonomy.descendants(other) and other not in taxonomy.descendants(one)


def _duplicates(manifest: Manifest, pairs: Sequence[DuplicatePair]) -> list[Finding]:
    ids, lesions = manifest.image_ids, list(manifest.frame["lesion_id"])
    findings = []
    for pair in sorted(pairs, key=lambda pair: (pair.kind, -pair.cosine)):
        same = lesions[pair.first] == lesions[pair.second] != ""
        whose = "one lesion" if same else "not filed as one lesion"
        evidence = f"thumbnail cosine {pair.cosine:.4f}, hash distance {pair.hash_distance}"
        findings.append(
            Finding(
                f"{pair.kind} duplicate",
                ids[pair.first],
                ids[pair.second],
                f"{whose}; {evidence}",
            )
        )
    return findings


def _quality(manifest: Manifest, inspections: Sequence[Inspection]) -> list[Finding]:
    faults = [
        Finding(kind, image_id, "", detail)
        for image_id, inspection in zip(manifest.image_ids, inspections, strict=True)
        for kind, detail in quality_faults(inspection.quality).items()
    ]
    return sorted(faults, key=lambda finding: finding.kind)


def _page(found: Audit) -> str:
    by_kind: dict[str, list[Finding]] = {}
    for finding in found.findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = resources.files("cutis.curation").joinpath("audit.html").read_text(encoding="utf-8")
    return environment.from_string(text).render(
        audit=found,
        by_kind={kind: findings[:SHOWN_PER_KIND] for kind, findings in by_kind.items()},
        paths=dict(zip(found.manifest.image_ids, found.manifest.paths, strict=True)),
        thumbnail=lambda path: thumbnail_uri(path, side_px=THUMBNAIL_PX),
        notice=RESEARCH_USE_NOTICE,
        version=__version__,
    )
