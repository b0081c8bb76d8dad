"""Files written whole or not at all, and files identified by their hash.

Nothing partial is ever left under a final name: content goes to a hidden neighbour first and is
renamed when complete. Places are tested for writing before long work begins.
"""

import errno
import hashlib
import json
import os
import shutil
import tomllib
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cutis.errors import InputError, OutputError

_DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a hidden neighbour of `path` to write to; rename it to `path` if the block succeeds.

    Works for a file or a folder (create it inside the block; an existing folder of that name is
    replaced, whatever it holds: ask `require_replaceable_folder` first). A link is followed, so the
    file it leads to is replaced and not the link. After an exception, Ctrl-C included, the neighbour
    is removed and `path` is as it was.

    Raises:
        OutputError: the place cannot be written, is the current folder, or holds something that is no
            file and no folder.
    """
    final = _require_replaceable(path)
    partial = _hidden_neighbour(final, "partial")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        if partial.is_dir() and final.is_dir():
            _replace_folder(final, partial)
        else:
            partial.replace(final)
    except OSError as fault:
        if not _is_about(fault, partial, final):
            raise
        raise OutputError(f"{path}: cannot be written ({fault.strerror or fault})") from fault
    finally:
        _remove(partial)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically; bytes of a file name that are no UTF-8 are written escaped."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON atomically; nan and infinities, which JSON lacks, become null."""
    write_text(path, json.dumps(_without_nan(value), indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: the file is missing, unreadable or not JSON.
    """
    return parse_json(_read_bytes(path), source=str(path))


def parse_json(content: bytes, *, source: str) -> Any:
    """The value that JSON bytes describe.

    Raises:
        InputError: they are no JSON; `source` opens the message.
    """
    try:
        return json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as fault:  # bad UTF-8 and bad JSON are ValueErrors
        raise InputError(f"{source}: not valid JSON ({fault})") from fault


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        InputError: the file is missing, unreadable or not TOML.
    """
    content = _read_bytes(path)
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as fault:
        raise InputError(f"{path}: not valid TOML ({fault})") from fault


def sha256_of_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_by_name(paths: Sequence[Path]) -> dict[str, str]:
    """SHA-256 of several files by their names, or by the paths as given where names repeat."""
    names = [path.name for path in paths]
    return {
        path.name if names.count(path.name) == 1 else str(path): sha256_of_file(path)
        for path in paths
    }


def require_writable(folder: Path, *, free_bytes: int = 0) -> Path:
    """Create `folder` if need be and prove that it takes files; call it before long work.

    Args:
        folder: Where results will go.
        free_bytes: How much the work is expected to write.

    Raises:
        OutputError: it cannot be created or written, or its disk has too little room.
    """
    probe = folder / f".cutis-probe-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"\0" * 4096)
    except OSError as fault:
        raise OutputError(
            f"{folder}: cannot be written ({fault.strerror}); choose another folder"
        ) from fault
    finally:
        _remove(probe)
    free = shutil.disk_usage(folder).free
    if free < free_bytes:
        raise OutputError(
            f"{folder}: {free / 2**20:.0f} MiB free, about {free_bytes / 2**20:.0f} MiB needed"
        )
    return folder


def require_writable_file(path: Path) -> Path:
    """Prove that a file can be written there, as `require_writable` does for a folder.

    Raises:
        OutputError: it is no name for a file, a folder stands there, or the file's own folder cannot
            be written.
    """
    if is_folder(path):
        raise OutputError(f"{path}: a folder; give the name of a file")
    _require_replaceable(path)
    require_writable(path.absolute().parent)
    return path


def require_replaceable_folder(folder: Path, *, marker: str, names: Collection[str]) -> Path:
    """Make sure that writing a folder of results loses nothing else; call it before long work.

    Args:
        folder: May be absent, empty, or hold older results of the same kind.
        marker: The file by which such results are known.
        names: Every file that they may consist of.

    Raises:
        OutputError: a file stands there, or a folder with anything else in it.
    """
    final = _require_replaceable(folder)
    if is_file(final):
        raise OutputError(f"{folder}: a file; give the name of a new folder")
    if not is_folder(final):
        return folder
    try:
        inside = {entry.name: is_file(entry) for entry in final.iterdir()}
    except OSError as fault:
        raise OutputError(f"{folder}: cannot be read ({fault.strerror})") from fault
    strange = sorted(name for name, is_one in inside.items() if not is_one or name not in names)
    if strange or (inside and marker not in inside):
        more = " and more" if len(inside) > 1 else ""
        raise OutputError(
            f"{folder}: already there with {(strange or sorted(inside))[0]}{more} in it, which would "
            "be lost; give the name of a new folder"
        )
    return folder


def require_distinct(*paths: Path | None) -> None:
    """Make sure that no two results go to the same place; None stands for a result that is not asked.

    Raises:
        OutputError: two do, be it through a link.
    """
    given: dict[Path, Path] = {}
    for path in paths:
        if path is not None and given.setdefault(Path(os.path.realpath(path)), path) is not path:
            raise OutputError(f"{path}: given for two results; give each a name of its own")


def is_file(path: Path) -> bool:
    """Whether a file stands there; False also where nobody may look or the name is too long."""
    return _answered(path.is_file)


def is_folder(path: Path) -> bool:
    """Whether a folder stands there; False in the cases of `is_file`."""
    return _answered(path.is_dir)


def exists(path: Path) -> bool:
    """Whether anything stands there; False in the cases of `is_file`."""
    return _answered(path.exists)


def _answered(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except OSError:
        return False


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror})") from fault


def _hidden_neighbour(path: Path, kind: str) -> Path:
    # A name may have 255 bytes, and a character up to four.
    return path.with_name(f".{path.name[:50]}.{uuid.uuid4().hex[:8]}.{kind}")


def _require_replaceable(path: Path) -> Path:
    """Where a result of that name really goes, as an absolute path.

    A device or pipe (/dev/stdout) is no place, nor is the current folder, in which the shell still
    stands after it was replaced.
    """
    try:
        final = Path(os.path.realpath(path)) if path.is_symlink() else path.absolute()
        occupied = final.exists() and not (final.is_file() or final.is_dir())
    except OSError as fault:
        raise OutputError(f"{path}: cannot be written ({fault.strerror})") from fault
    if final.is_symlink():
        raise OutputError(f"{path}: cannot be written (its links lead round in a circle)")
    if occupied:
        raise OutputError(f"{path}: not a file; give the name of a file")
    if not final.name or _answered(lambda: final.samefile(".")):
        raise OutputError(f"{path}: cannot be replaced; give the name of something new in it")
    return final


def _replace_folder(final: Path, partial: Path) -> None:
    """Put the new folder in the place of the old one, which comes back if that fails."""
    old = _hidden_neighbour(final, "old")
    try:
        final.rename(old)
        partial.rename(final)
    except BaseException:
        if old.exists() and not final.exists():
            old.rename(final)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    if is_folder(path) and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _is_about(fault: OSError, partial: Path, final: Path) -> bool:
    """Whether a fault comes from writing the result; a failing write itself names no file."""
    names = [Path(str(name)) for name in (fault.filename, fault.filename2) if name is not None]
    if not names:
        return fault.errno in _DISK_FAULTS
    return any(name.is_relative_to(partial) or final.is_relative_to(name) for name in names)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, float) and value - value != 0:
        return None
    if isinstance(value, Path):
        return str(value)
    return value
