"""The ISIC archive's interface, version 2: the pages of a collection, and the bytes of a picture.

`/images/search/?collections=ID` answers with `count`, `next` (the address of the following page)
and `results`; a result has `isic_id`, `files.full.url`, `files.full.size` and, under `metadata`,
clinical and acquisition values (https://api.isic-archive.com/api/docs/swagger/).
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from cutis import __version__
from cutis.errors import DownloadError, ImageError, OutputError
from cutis.imaging import open_rgb

PAGE_SIZE = 100
ATTEMPTS = 4
PATIENCE_S = 60.0
PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
CANNOT_CONTINUE = 416
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,199}")

_Result = TypeVar("_Result")


class _PassingFaultError(DownloadError):
    """A fault that may be gone at the next attempt."""


@dataclass(frozen=True)
class RemoteImage:
    """One image as the archive lists it."""

    isic_id: str
    url: str
    size_bytes: int | None  # of the file, where the archive says
    metadata: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.isic_id):
            raise ValueError(f"{self.isic_id!r} is no name for a file")
        if not self.url:
            raise ValueError(f"{self.isic_id} has no address")
        if self.size_bytes is not None and self.size_bytes <= 0:
            raise ValueError(f"{self.isic_id} is said to have {self.size_bytes} bytes")


class IsicArchive:
    """A connection to the archive, to be used in a `with` block.

    Whatever may pass (no connection, an overloaded server, a broken transfer) is tried `ATTEMPTS`
    times with growing pauses. Methods may be called from several threads.
    """

    def __init__(self, api: str, *, retry_seconds: float) -> None:
        self._api = api.rstrip("/")
        self._pauses_s = [retry_seconds * 2**k for k in range(ATTEMPTS - 1)]
        self._stopped = threading.Event()
        self._client = httpx.Client(
            timeout=PATIENCE_S,
            follow_redirects=True,
            # Files are wanted as they are, so that a part of one can be continued.
            headers={"User-Agent": f"cutis/{__version__}", "Accept-Encoding": "identity"},
        )

    def __enter__(self) -> "IsicArchive":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._client.close()

    def stop(self) -> None:
        """Break off every transfer and pause under way in other threads."""
        self._stopped.set()

    def pages(self, collection: int) -> Iterator[tuple[list[RemoteImage], int]]:
        """A collection's images page by page, each time with how many there are in all.

        Raises:
            DownloadError: the archive cannot be reached, or answers something else.
        """
        url: str | None = f"{self._api}/images/search/?collections={collection}&limit={PAGE_SIZE}"
        seen: set[str] = set()
        while url:
            if url in seen:
                raise DownloadError(f"{url}: the archive's pages go round in a circle")
            seen.add(url)
            answer = self._persistently(self._json, url)
            try:
                page = [_remote_image(entry) for entry in answer["results"]]
                following, count = _address(answer["next"]), int(answer.get("count") or len(page))
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as fault:
                raise DownloadError(
                    f"{url}: not what the archive usually answers ({fault}); is --api right?"
                ) from fault
            yield page, count
            url = following

    def download(self, image: RemoteImage, path: Path) -> None:
        """Load a picture to `path`, unless it is there with the right size.

        It grows under a hidden name beside `path`, from which a later attempt goes on, and is
        renamed when it is whole and decodes.

        Raises:
            DownloadError: after `ATTEMPTS` attempts it is not.
            OutputError: it cannot be written.
        """
        if path.is_file() and image.size_bytes in (None, path.stat().st_size):
            return
        partial = path.with_name(f".{path.name}.partial")
        try:
            self._persistently(lambda _: self._continue_file(image, partial), image.url)
            partial.replace(path)
        except DownloadError:
            raise
        except OSError as fault:
            raise OutputError(f"{path}: cannot be written ({fault.strerror or fault})") from fault

    def _persistently(self, attempt: Callable[[str], _Result], url: str) -> _Result:
        for pause_s in self._pauses_s:
            try:
                return attempt(url)
            except _PassingFaultError:
                if self._stopped.wait(pause_s):
                    raise
        return attempt(url)

    def _json(self, url: str) -> Any:
        with self._answer(url) as response:
            response.read()
            try:
                return response.json()
            except (ValueError, RecursionError) as fault:
                raise DownloadError(f"{url}: the answer is not JSON; is --api right?") from fault

    def _continue_file(self, image: RemoteImage, partial: Path) -> None:
        have = partial.stat().st_size if partial.is_file() else 0
        if have != image.size_bytes:
            with self._answer(image.url, start=have) as response:
                start = _start_of_body(response)
                if response.status_code == CANNOT_CONTINUE:
                    partial.unlink()
                    raise _PassingFaultError(f"{image.url}: has no byte {have} to go on from")
                if start not in (0, have):
                    raise _PassingFaultError(f"{image.url}: sent from byte {start}, not {have}")
                announced = _size_of_whole(response, start)
                if None not in (announced, image.size_bytes) and announced != image.size_bytes:
                    partial.unlink(missing_ok=True)
                    raise _PassingFaultError(
                        f"{image.url}: sends {announced} bytes, {image.size_bytes} were announced"
                    )
                with partial.open("ab" if start else "wb") as out:
                    for chunk in response.iter_bytes():
                        out.write(chunk)
                        if self._stopped.is_set():
                            raise DownloadError(f"{image.url}: broken off")
        _require_whole_picture(partial, image)

    @contextmanager
    def _answer(self, url: str, *, start: int = 0) -> Iterator[httpx.Response]:
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                status = response.status_code
                if status in PASSING_STATUS:
                    raise _PassingFaultError(f"{url}: the server answers {status}")
                if not response.is_success and not (start and status == CANNOT_CONTINUE):
                    raise DownloadError(f"{url}: the server answers {status}")
                yield response
        except httpx.TransportError as fault:
            if isinstance(fault, httpx.UnsupportedProtocol):
                raise DownloadError(f"{url}: not an address that can be asked") from fault
            raise _PassingFaultError(f"{url}: {_reason(fault)}; is there a connection?") from fault
        except (httpx.InvalidURL, httpx.TooManyRedirects, httpx.DecodingError) as fault:
            raise DownloadError(f"{url}: {_reason(fault)}") from fault


def _address(value: object) -> str | None:
    """An address as the archive gives it, or None.

    Raises:
        TypeError, UnicodeError: it is neither, or text that no address can hold.
    """
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{value!r} is no address")
    return value.encode("utf-8").decode() if value else None


def _remote_image(entry: Mapping[str, Any]) -> RemoteImage:
    full, described = entry["files"]["full"], entry.get("metadata", {})
    return RemoteImage(
        isic_id=str(entry["isic_id"]),
        url=_address(full["url"]) or "",
        size_bytes=None if full.get("size") is None else int(full["size"]),
        metadata={
            **{key: entry.get(key) for key in ("attribution", "copyright_license")},
            **described.get("acquisition", {}),
            **described.get("clinical", {}),
        },
    )


def _start_of_body(response: httpx.Response) -> int:
    found = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
    return int(found[1]) if response.status_code == 206 and found else 0


def _size_of_whole(response: httpx.Response, start: int) -> int | None:
    length = response.headers.get("content-length", "")
    return start + int(length) if length.isdecimal() else None


def _require_whole_picture(partial: Path, image: RemoteImage) -> None:
    size = partial.stat().st_size
    if image.size_bytes is not None and size < image.size_bytes:
        raise _PassingFaultError(f"{image.url}: broke off after {size} of {image.size_bytes} bytes")
    fault = f"{size} bytes came, {image.size_bytes} were announced"
    if image.size_bytes in (None, size):
        try:
            open_rgb(partial)
            return
        except ImageError:
            fault = "what came is not a picture"
    partial.unlink()
    raise _PassingFaultError(f"{image.url}: {fault}")


def _reason(fault: Exception) -> str:
    return str(fault) or type(fault).__name__
