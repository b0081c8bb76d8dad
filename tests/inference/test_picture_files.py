"""Files are found by name, each once, and named so that no two share a name."""

from pathlib import Path

import pytest
from PIL import Image

from cutis.errors import InputError
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


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(InputError, match="no picture inside"):
        find_pictures([tmp_path])
    with pytest.raises(InputError, match="no such file or folder"):
        find_pictures([tmp_path / "absent"])
