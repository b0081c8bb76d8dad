"""Files written whole or not at all, and files identified by their hash.

Nothing partial is ever left under a final name: content goes to a hidden neighbour first and is
renamed when complete. Places are tested for writing before long work begins.
"""

import hashlib
import json
import os
import shutil
import tomllib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cutis.errors import InputError, OutputError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a hidden neighbour of `path` to write to; rename it to `path` if the block succeeds.

    Works for a file or a folder (create it inside the block; an existing folder of that name is
    replaced). After an exception, Ctrl-C included, the neighbour is removed and `path` is as it was.
    """
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        if partial.is_dir() and path.is_dir():
            shutil.rmtree(path)
        os.replace(partial, path)
    except OSError as fault:
        if fault.filename in (str(partial), None) or fault.filename2 == str(path):
            raise OutputError(f"{path}: cannot be written ({fault.strerror or fault})") from fault
        raise
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON atomically; nan and infinities become null, as JSON has no name for them."""
    write_text(path, json.dumps(_without_nan(value), indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as fault:
        raise InputError(f"{path}: not valid JSON ({fault})") from fault


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        InputError: the file is missing or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise InputError(f"{path}: not valid TOML ({fault})") from fault


def sha256_of_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
            f"{folder}: cannot be written ({fault.strerror}); choose another -o"
        ) from (fault)
    finally:
        # On a read-only disk even asking about the probe may fail; there is nothing to remove then.
        try:
            probe.unlink(missing_ok=True)
        except OSError:
            pass
    free = shutil.disk_usage(folder).free
    if free < free_bytes:
        raise OutputError(
            f"{folder}: {free / 2**20:.0f} MiB free, about {free_bytes / 2**20:.0f} MiB needed"
        )
    return folder


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
