"""Files are found by name, each once, and named so that no two share a name."""

import errno
import os
from pathlib import Path

import pytest
from PIL import Image

from cutis.errors import ImageError, InputError
from cutis.imaging import load_rgb
from cutis.inference.picture_files import find_pictures, image_ids


def draw(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (30, 20), (255, 0, 0)).save(path)
    return path


def test_stems_name_images_and_paths_where_stems_are_shared(tmp_path):
    paths = [tmp_path / "a" / "1.png", tmp_path / "b" / "1.png", tmp_path / "b" / "2.png"]
    assert image_ids(paths) == ("a/1.png", "b/1.png", "2")
    assert image_ids([tmp_path / "1.png", tmp_path / "1.jpg"]) == ("1.png", "1.jpg")
    assert image_ids([Path("1.png")]) == ("1",)
    assert image_ids([]) == ()


def test_a_stem_that_equals_another_files_name_is_still_unique():
    ids = image_ids([Path("x.jpg"), Path("d/x.png"), Path("x.jpg.png")])
    assert ids == ("x.jpg", "d/x.png", "x.jpg.png")


def test_folders_are_searched_for_pictures(tmp_path):
    inside = [draw(tmp_path / "set" / name) for name in ("b.PNG", "deep/er/a.jpg", "deep/c.tiff")]
    (tmp_path / "set" / "notes.txt").touch()
    (tmp_path / "set" / "folder.png").mkdir()
    draw(tmp_path / "set" / ".thumbnails" / "a.png")
    (tmp_path / "set" / "._b.png").write_bytes(b"macOS keeps its notes so")
    assert find_pictures([tmp_path / "set"]) == sorted(inside)


def test_a_file_is_taken_whatever_its_name_and_only_once(tmp_path):
    picture, odd = draw(tmp_path / "a.png"), tmp_path / "picture-without-suffix"
    odd.touch()
    assert find_pictures([odd, picture, tmp_path, picture]) == [odd, picture]


def test_links_to_folders_are_followed_and_no_folder_is_searched_twice(tmp_path):
    inside = draw(tmp_path / "set" / "real" / "a.png")
    elsewhere = draw(tmp_path / "elsewhere" / "deep" / "b.png")
    for name, target in (("again", "real"), ("up", "."), ("z", "../elsewhere")):
        (tmp_path / "set" / name).symlink_to(target)
    found = find_pictures([tmp_path / "set"])
    assert found == [inside, tmp_path / "set" / "z" / "deep" / "b.png"]
    assert found[1].samefile(elsewhere)
    (tmp_path / "link").symlink_to("elsewhere")
    assert find_pictures([tmp_path / "link"]) == [tmp_path / "link" / "deep" / "b.png"]


def test_a_link_that_leads_nowhere_is_found_so_that_it_is_reported(tmp_path):
    picture, link = draw(tmp_path / "set" / "a.png"), tmp_path / "set" / "b.png"
    link.symlink_to("absent")
    assert find_pictures([tmp_path / "set"]) == [picture, link]
    assert find_pictures([link]) == [link]
    with pytest.raises(ImageError, match=r"b\.png: no such file"):
        load_rgb(link)


def test_a_folder_that_may_not_be_listed_is_found_so_that_it_is_reported(tmp_path, monkeypatch):
    picture, closed = draw(tmp_path / "a.png"), draw(tmp_path / "closed" / "b.png").parent
    scandir, access = os.scandir, os.access

    def forbid(path):
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbid)
    monkeypatch.setattr(os, "access", lambda path, mode: path != closed and access(path, mode))
    assert find_pictures([tmp_path]) == [picture, closed]
    assert find_pictures([closed]) == [closed]
    with pytest.raises(ImageError, match=r"closed: a folder that may not be read"):
        load_rgb(closed)


def test_a_name_that_is_absent_does_not_stop_the_others(tmp_path):
    picture, absent, long = draw(tmp_path / "a.png"), tmp_path / "b.png", Path("a" * 300)
    assert find_pictures([absent, picture, long]) == [absent, picture, long]
    with pytest.raises(ImageError, match="File name too long"):
        load_rgb(long)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(InputError, match="no picture inside"):
        find_pictures([tmp_path])
    with pytest.raises(InputError, match="no such file or folder"):
        find_pictures([tmp_path / "absent"])
