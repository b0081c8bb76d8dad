"""Files are whole or absent, and a place that cannot be written is known before the work."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from cutis.errors import InputError, OutputError
from cutis.files import (
    atomic_path,
    exists,
    is_file,
    is_folder,
    read_json,
    read_toml,
    require_distinct,
    require_replaceable_folder,
    require_writable,
    require_writable_file,
    sha256_of_file,
    write_json,
    write_text,
)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def full_disk(*_args: object, **_options: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_finished_file_stands_under_its_name_and_nothing_else_does(tmp_path):
    write_text(tmp_path / "new" / "a.txt", "content")
    assert (tmp_path / "new" / "a.txt").read_text() == "content"
    assert names_in(tmp_path / "new") == ["a.txt"]


def write_half_a_file(path: Path, fault: BaseException) -> None:
    with atomic_path(path) as partial:
        partial.write_text("half of the ne")
        raise fault


def write_half_a_folder(path: Path, fault: BaseException) -> None:
    with atomic_path(path) as partial:
        partial.mkdir()
        (partial / "weights").touch()
        raise fault


FAULTS = [KeyboardInterrupt(), SystemExit(1), ValueError(), OSError(errno.ENOSPC, "full")]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_an_unfinished_file_leaves_the_old_one_and_no_trace(tmp_path, fault):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises((type(fault), OutputError)):
        write_half_a_file(tmp_path / "a.txt", fault)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names_in(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_an_unfinished_folder_leaves_the_old_one_and_no_trace(tmp_path, fault):
    (tmp_path / "bundle").mkdir()
    with pytest.raises((type(fault), OutputError)):
        write_half_a_folder(tmp_path / "bundle", fault)
    assert names_in(tmp_path) == ["bundle"]
    assert names_in(tmp_path / "bundle") == []


def test_a_full_disk_is_named_with_the_place(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(OutputError, match=r"a\.json: cannot be written \(No space left"):
        write_json(tmp_path / "a.json", {})
    assert names_in(tmp_path) == []


def test_a_really_full_device_is_named(tmp_path):
    device = Path("/dev/full")
    if not device.exists():
        pytest.skip("no /dev/full here")
    with (
        pytest.raises(OutputError, match="No space left"),
        atomic_path(tmp_path / "a"),
        device.open("wb", buffering=0) as full,
    ):
        full.write(b"x")


def test_somebody_elses_fault_inside_the_block_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="picture"), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "picture.jpg").read_bytes()
    with pytest.raises(ConnectionResetError):
        write_half_a_file(tmp_path / "a.txt", ConnectionResetError(errno.ECONNRESET, "reset"))


def test_a_new_folder_replaces_the_old_one_as_a_whole(tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "old").touch()
    with atomic_path(tmp_path / "bundle") as partial:
        partial.mkdir()
        (partial / "new").touch()
    assert names_in(tmp_path) == ["bundle"]
    assert names_in(tmp_path / "bundle") == ["new"]


def test_an_old_folder_comes_back_when_it_cannot_be_replaced(tmp_path, monkeypatch):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "old").touch()
    rename = Path.rename

    def fail_for_the_new(self, target):
        if self.name.endswith(".partial"):
            full_disk()
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with (
        pytest.raises(OutputError, match="No space left"),
        atomic_path(tmp_path / "bundle") as partial,
    ):
        partial.mkdir()
    assert names_in(tmp_path) == ["bundle"]
    assert names_in(tmp_path / "bundle") == ["old"]


def test_a_file_never_replaces_a_folder(tmp_path):
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(OutputError, match="taken: cannot be written"):
        write_text(tmp_path / "taken", "content")
    assert names_in(tmp_path) == ["taken"]


def test_a_link_is_followed_and_stays_a_link(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_devices_and_pipes_are_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "stdout").symlink_to("/dev/null")
    for name in ("pipe", "stdout"):
        with pytest.raises(OutputError, match="not a file"):
            write_text(tmp_path / name, "content")
    assert names_in(tmp_path) == ["pipe", "stdout"]


def test_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OutputError, match="cannot be written"):
        write_text(tmp_path / "a", "content")


@pytest.mark.parametrize("name", ["x" * 300, "file/below"])
def test_an_impossible_name_is_refused(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        write_text(tmp_path / name, "content")
    with pytest.raises(OutputError, match="cannot be written"):
        require_writable(tmp_path / name)


def test_a_place_below_a_file_is_found_out_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"below: cannot be written .*choose another folder"):
        require_writable(tmp_path / "file" / "below")


def test_a_read_only_place_is_found_out_before_the_work():
    if not Path("/proc/self").exists():
        pytest.skip("no /proc here")
    with pytest.raises(OutputError, match="cannot be written"):
        require_writable(Path("/proc/self"))


def test_a_name_as_long_as_names_may_be_is_written(tmp_path):
    for name in ("x" * 255, "ü" * 127):
        write_text(tmp_path / name, "content")
        assert names_in(tmp_path) == [name]
        (tmp_path / name).unlink()


@pytest.mark.parametrize("place", [".", "", "/", "{here}", "link"])
def test_the_current_folder_and_the_root_are_never_replaced(tmp_path, monkeypatch, place):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("link").symlink_to(tmp_path / "here")
    path = Path(place.format(here=tmp_path / "here"))
    for write in (write_half_a_folder, write_half_a_file):
        with pytest.raises(OutputError, match=f"^{path}: cannot be replaced; give the name"):
            write(path, ValueError())
    assert names_in(tmp_path) == ["here"]


@pytest.mark.parametrize("place", [".", "/", "folder", "x" * 300, "file/below"])
def test_where_a_file_cannot_be_is_found_out_before_the_work(tmp_path, monkeypatch, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match=r"a folder; give the name of a file|cannot be written"):
        require_writable_file(Path(place))
    assert require_writable_file(Path("new/a.csv")) == Path("new/a.csv")


OWN = {"marker": "facts", "names": {"facts", "card"}}


def test_only_an_empty_folder_or_older_results_of_the_same_kind_are_replaced(tmp_path):
    place = tmp_path / "out"
    assert require_replaceable_folder(place, **OWN) == place
    place.mkdir()
    require_replaceable_folder(place, **OWN)
    for name in ("facts", "card"):
        (place / name).touch()
        require_replaceable_folder(place, **OWN)
    (place / "notes").touch()
    with pytest.raises(OutputError, match="out: already there with notes and more in it"):
        require_replaceable_folder(place, **OWN)


@pytest.mark.parametrize(
    ("inside", "named"), [("card", "card"), ("facts/deep", "facts"), ("notes", "notes")]
)
def test_a_folder_of_something_else_is_not_replaced(tmp_path, inside, named):
    (tmp_path / "out" / inside).mkdir(parents=True)
    if "/" not in inside:
        (tmp_path / "out" / inside).rmdir()
        (tmp_path / "out" / inside).touch()
    with pytest.raises(OutputError, match=f"out: already there with {named} in it"):
        require_replaceable_folder(tmp_path / "out", **OWN)


def test_a_file_is_not_replaced_by_a_folder(tmp_path):
    (tmp_path / "m.csv").touch()
    with pytest.raises(OutputError, match=r"m\.csv: a file; give the name of a new folder"):
        require_replaceable_folder(tmp_path / "m.csv", **OWN)


def test_two_results_need_two_places(tmp_path):
    (tmp_path / "link").symlink_to("a.csv")
    require_distinct(tmp_path / "a.csv", None, tmp_path / "b.csv", None)
    for same in ("a.csv", "link", "folder/../a.csv"):
        with pytest.raises(OutputError, match="given for two results"):
            require_distinct(tmp_path / "a.csv", None, tmp_path / same)


def test_where_nobody_may_look_there_is_nothing(tmp_path, monkeypatch):
    for asks in (is_file, is_folder, exists):
        assert not asks(tmp_path / ("x" * 300))

    def forbid(*_args: object, **_options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    assert is_folder(tmp_path)
    monkeypatch.setattr(Path, "stat", forbid)
    for asks in (is_file, is_folder, exists):
        assert not asks(tmp_path)


def test_too_little_room_is_found_out_before_the_work(tmp_path):
    with pytest.raises(OutputError, match=r"MiB free, about 1073741824 MiB needed"):
        require_writable(tmp_path, free_bytes=2**50)


def test_trying_a_place_leaves_nothing_there(tmp_path):
    assert require_writable(tmp_path / "new", free_bytes=1) == tmp_path / "new"
    assert names_in(tmp_path / "new") == []


def test_json_survives_a_round_trip_and_what_json_lacks_is_null(tmp_path):
    value = {"a": [1, 2.5, None], "nan": float("nan"), 3: np.float64("inf"), "n": np.int64(7)}
    write_json(tmp_path / "a.json", value | {"path": Path("x/y"), "é": ("ü",)})
    expected = {"a": [1, 2.5, None], "nan": None, "3": None, "n": 7, "path": "x/y", "é": ["ü"]}
    assert read_json(tmp_path / "a.json") == expected


def test_a_file_name_that_is_no_text_is_written_escaped(tmp_path):
    write_json(tmp_path / "a.json", {"path": os.fsdecode(b"caf\xe9.jpg")})
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"path": "caf\udce9.jpg"}


@pytest.mark.parametrize("read", [read_json, read_toml])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        ("folder", "cannot be read"),
        (b"{[", "not valid"),
        (b"\xff\xfe", "not valid"),
        (b"a = " + b"[" * 100_000, "not valid"),
        (b"[" * 100_000, "not valid"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_named(tmp_path, read, content, reason):
    path = tmp_path / "a"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=reason) as refused:
        read(path)
    assert str(refused.value).startswith(f"{path}: ")


def test_a_missing_file_is_said_to_be_missing_and_no_more(tmp_path):
    for read in (read_json, read_toml):
        with pytest.raises(InputError) as refused:
            read(tmp_path / "a")
        assert str(refused.value) == f"{tmp_path / 'a'}: no such file"


def test_toml_is_read(tmp_path):
    (tmp_path / "a.toml").write_text("[a]\nb = 1\n")
    assert read_toml(tmp_path / "a.toml") == {"a": {"b": 1}}


def test_the_hash_is_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")  # the example of FIPS 180-4
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of_file(tmp_path / "a") == expected
