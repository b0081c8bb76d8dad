"""Downloading a collection from the ISIC archive, resumably.

The interface is the archive's version 2: `/images/search/?collections=ID` gives pages of images with
metadata and the address of the full picture, and `next`, the address of the following page
(https://api.isic-archive.com/api/docs/swagger/). Pictures already in the folder with the right size
are not asked for again; a started one goes on where it stopped when the server allows it.
"""

import csv
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cutis.checks import did_you_mean
from cutis.errors import CutisError, InputError
from cutis.files import atomic_path, require_writable

# Collection numbers of the archive; HAM10000 is https://doi.org/10.34970/... collection 212.
COLLECTIONS = {"ham10000": 212}
ATTEMPTS = 5
PARALLEL = 4
_PICTURE_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"II*\x00", b"MM\x00*")


class FetchError(CutisError):
    """The archive could not be reached or sent something else than asked for."""


@dataclass(frozen=True)
class RemoteImage:
    """One image as the archive lists it."""

    isic_id: str
    url: str
    size: int | None  # bytes, where the archive says
    metadata: Mapping[str, Any]


def fetch_collection(
    collection: str,
    folder: Path,
    *,
    api: str,
    limit: int | None = None,
    on_progress: Callable[[int, int | None], None] | None = None,
    retry_seconds: float = 1.0,
) -> Path:
    """Download a collection's pictures and metadata; call it again to go on.

    Args:
        collection: A key of `COLLECTIONS`.
        folder: Gets `images/` and `metadata.csv`, as `cutis data import isic` reads them.
        api: Address of the interface.
        limit: Stop after so many images.
        on_progress: Called with images done and images known.
        retry_seconds: Wait before the second attempt; doubled for each further one.

    Returns:
        The path of `metadata.csv`, written when every picture is there.

    Raises:
        InputError: an unknown collection.
        OutputError: the folder cannot be written.
        FetchError: the archive cannot be reached, or a picture stays broken; what is whole is kept.
    """
    if collection not in COLLECTIONS:
        guess = did_you_mean(collection, COLLECTIONS)
        raise InputError(f"collection {collection!r} is not one of {', '.join(COLLECTIONS)}{guess}")
    require_writable(folder / "images", free_bytes=100 * 2**20)
    with httpx.Client(timeout=60, follow_redirects=True) as client:
        listed = _listed(client, api, COLLECTIONS[collection], limit, retry_seconds)
        total = len(listed)
        with ThreadPoolExecutor(PARALLEL) as pool:
            jobs = [
                pool.submit(_fetch_image, client, image, folder / "images", retry_seconds)
                for image in listed
            ]
            try:
                for done, job in enumerate(as_completed(jobs), start=1):
                    job.result()
                    if on_progress is not None:
                        on_progress(done, total)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
    return _write_metadata(listed, folder / "metadata.csv")


def _listed(
    client: httpx.Client, api: str, collection: int, limit: int | None, retry_seconds: float
) -> list[RemoteImage]:
    images: list[RemoteImage] = []
    url: str | None = f"{api.rstrip('/')}/images/search/?collections={collection}&limit=100"
    while url is not None and (limit is None or len(images) < limit):
        page = _json(_retried(lambda at=url: client.get(at), url, retry_seconds), url)
        try:
            images += [_remote(entry) for entry in page["results"]]
            url = page["next"]
        except (KeyError, TypeError) as fault:
            raise FetchError(f"{url}: not what the archive usually answers ({fault})") from fault
    if not images:
        raise FetchError(f"{api}: collection {collection} lists no images")
    return images[:limit]


def _remote(entry: Mapping[str, Any]) -> RemoteImage:
    full = entry["files"]["full"]
    described = {
        key: value
        for part in ("clinical", "acquisition")
        for key, value in entry.get("metadata", {}).get(part, {}).items()
    }
    return RemoteImage(str(entry["isic_id"]), str(full["url"]), full.get("size"), described)


def _fetch_image(
    client: httpx.Client, image: RemoteImage, folder: Path, retry_seconds: float
) -> None:
    path = folder / f"{image.isic_id}.jpg"
    if path.exists() and (image.size is None or path.stat().st_size == image.size):
        return
    started = folder / f".{image.isic_id}.part"

    def attempt() -> httpx.Response:
        have = started.stat().st_size if started.exists() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        with client.stream("GET", image.url, headers=headers) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                started.unlink()
                raise httpx.RemoteProtocolError("the part on disk does not fit; starting again")
            response.raise_for_status()
            goes_on = response.status_code == httpx.codes.PARTIAL_CONTENT
            with started.open("ab" if goes_on else "wb") as stream:
                for chunk in response.iter_bytes():
                    stream.write(chunk)
        fault = _fault(started, image)
        if fault:
            started.unlink()
            raise httpx.RemoteProtocolError(fault)
        return response

    _retried(attempt, image.url, retry_seconds)
    started.replace(path)


def _fault(path: Path, image: RemoteImage) -> str:
    size = path.stat().st_size
    if image.size is not None and size != image.size:
        return f"{size} bytes came, {image.size} were announced"
    with path.open("rb") as stream:
        start = stream.read(8)
    return "" if start.startswith(_PICTURE_STARTS) else "what came is not a picture"


def _retried(
    attempt: Callable[[], httpx.Response], url: str, retry_seconds: float
) -> httpx.Response:
    """The first answer that is neither broken nor a server's fault, after up to five attempts."""
    reason = ""
    for number in range(ATTEMPTS):
        if number:
            time.sleep(retry_seconds * 2 ** (number - 1))
        try:
            response = attempt()
            response.raise_for_status()
            return response
        except httpx.HTTPStatusError as fault:
            status = fault.response.status_code
            reason = f"the server answered {status}"
            if status < 500 and status not in (408, 429):
                break
        except httpx.ConnectError as fault:
            raise FetchError(
                f"{url}: cannot be reached ({fault}); is there a connection?"
            ) from fault
        except httpx.HTTPError as fault:
            reason = str(fault) or type(fault).__name__
    raise FetchError(f"{url}: {reason}; run the same command again to go on")


def _json(response: httpx.Response, url: str) -> Any:
    try:
        return response.json()
    except ValueError as fault:
        raise FetchError(
            f"{url}: the answer is not JSON; is this the archive's address?"
        ) from fault


def _write_metadata(images: list[RemoteImage], path: Path) -> Path:
    keys = list(_ordered_keys(images))
    with (
        atomic_path(path) as partial,
        partial.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["isic_id", *keys])
        for image in images:
            values = [image.metadata.get(key) for key in keys]
            writer.writerow([image.isic_id, *("" if value is None else value for value in values)])
    return path


def _ordered_keys(images: list[RemoteImage]) -> Iterator[str]:
    yield from dict.fromkeys(key for image in images for key in image.metadata)
