"""Downloading a collection from the ISIC archive into a folder, resumably.

The folder gets `images/` and, last, `metadata.csv` in the layout of `isic-cli`, which
`cutis data import isic` reads; its rows of an earlier call stay as long as their pictures are there.
Pictures are loaded page by page, since addresses may expire; those already there with the right size
are not asked for again, and a started one is continued.
"""

import csv
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Any

from cutis.checks import did_you_mean
from cutis.curation.isic_archive import IsicArchive, RemoteImage
from cutis.errors import DownloadError, InputError, OutputError
from cutis.files import atomic_path, is_file, require_writable
from cutis.tables.frames import read_csv

API = "https://api.isic-archive.com/api/v2"
COLLECTIONS = {"ham10000": 212}  # the archive's numbers
PARALLEL = 4
FAILURES_ENDURED = 20  # pictures given up before the rest is no longer tried


def fetch_collection(
    collection: str,
    folder: Path,
    *,
    api: str = API,
    limit: int | None = None,
    on_progress: Callable[[int, int | None], None] | None = None,
    retry_seconds: float = 1.0,
) -> Path:
    """Download a collection's pictures and metadata; call it again to go on.

    Args:
        collection: A key of `COLLECTIONS`, or the archive's number of any other collection.
        folder: Gets `images/` and `metadata.csv`; may hold what an earlier call left.
        api: Address of the interface.
        limit: Stop after so many images.
        on_progress: Called with images done and images known.
        retry_seconds: Wait before the second attempt; doubled for each further one.

    Returns:
        The path of `metadata.csv`.

    Raises:
        InputError: an unknown collection, or the `metadata.csv` there is no readable table.
        OutputError: the folder cannot be written, its disk has too little room, or its
            `metadata.csv` is none of the archive's and would be lost.
        DownloadError: the archive cannot be reached or answers something else; or single pictures
            could not be loaded, which is said after all others are there.
    """
    number = _collection_number(collection)
    earlier = _earlier_metadata(folder)
    images = require_writable(folder / "images")
    listed: list[RemoteImage] = []
    failures: list[str] = []
    with IsicArchive(api, retry_seconds=retry_seconds) as archive:
        for page, count in archive.pages(number):
            wanted = page if limit is None else page[: limit - len(listed)]
            total = count if limit is None else min(count, limit)
            if not listed:
                require_writable(images, free_bytes=_bytes_to_come(wanted, total, images))
            with closing(_loaded(archive, wanted, images)) as answers:
                for done, failure in enumerate(answers, start=len(listed) + 1):
                    failures += [failure] if failure else []
                    if len(failures) > FAILURES_ENDURED:
                        raise _gave_up(failures)
                    if on_progress is not None:
                        on_progress(done, max(done, total))
            listed += wanted
            if limit is not None and len(listed) >= limit:
                break
    if not listed:
        raise DownloadError(f"{api}: collection {number} lists no images")
    rows = {image.isic_id: {**image.metadata, "isic_id": image.isic_id} for image in listed}
    table = _write_metadata([*(earlier | rows).values()], folder / "metadata.csv")
    if failures:
        raise _gave_up(failures)
    return table


def _collection_number(collection: str) -> int:
    if collection.isdecimal():
        return int(collection)
    if collection not in COLLECTIONS:
        raise InputError(
            f"collection {collection!r} is neither {' nor '.join(COLLECTIONS)} nor a number of the "
            f"archive{did_you_mean(collection, COLLECTIONS)}"
        )
    return COLLECTIONS[collection]


def _earlier_metadata(folder: Path) -> dict[str, dict[str, Any]]:
    """What an earlier call wrote about the pictures that are there, by their names."""
    table = folder / "metadata.csv"
    if not is_file(table):
        return {}
    frame = read_csv(table)
    if frame.columns[0] != "isic_id":
        raise OutputError(
            f"{table}: somebody else's table would be replaced; give -o another folder"
        )
    return {
        str(row["isic_id"]): {str(key): value for key, value in row.items()}
        for row in frame.to_dict("records")
        if is_file(folder / "images" / f"{row['isic_id']}.jpg")
    }


def _bytes_to_come(page: Sequence[RemoteImage], total: int, folder: Path) -> int:
    """What is still to be loaded, judged by the sizes on the first page."""
    sizes = [image.size_bytes for image in page if image.size_bytes is not None]
    if not sizes:
        return 0
    present = sum(path.stat().st_size for path in folder.iterdir())
    return max(0, round(sum(sizes) / len(sizes) * total) - present)


def _loaded(
    archive: IsicArchive, page: Sequence[RemoteImage], folder: Path
) -> Generator[str, None, None]:
    """Load pictures side by side; as each is done, "" or why it could not be loaded."""

    def load(image: RemoteImage) -> str:
        try:
            archive.download(image, folder / f"{image.isic_id}.jpg")
        except DownloadError as fault:
            return str(fault)
        return ""

    pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="fetch")
    try:
        waiting = {pool.submit(load, image) for image in page}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (job.result() for job in done)
    except BaseException:
        archive.stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _gave_up(failures: Sequence[str]) -> DownloadError:
    shown = [*failures[:5], *([f"... and {len(failures) - 5} more"] if failures[5:] else [])]
    listed = "\n  - ".join(
        [f"{len(failures)} picture(s) could not be loaded; run the same command again", *shown]
    )
    return DownloadError(listed)


def _write_metadata(rows: Sequence[Mapping[str, Any]], path: Path) -> Path:
    keys = dict.fromkeys(["isic_id", *(key for row in rows for key in row)])
    with (
        atomic_path(path) as partial,
        # JSON may spell halves of characters, which UTF-8 has no bytes for.
        partial.open("w", newline="", encoding="utf-8", errors="backslashreplace") as stream,
    ):
        writer = csv.DictWriter(stream, keys, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path
