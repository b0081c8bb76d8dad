"""Published points are drawn for context, and a file of them says everything that is wrong with it."""

import pytest

from cutis.errors import InputError
from cutis.evaluation.literature import LiteraturePoint, read_literature

GOOD = """
[[point]]
name = "58 dermatologists"
sensitivity = 0.866
specificity = 0.713
n = 100
source = "Haenssle et al. 2018"
"""


def test_points_are_read_in_order(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(GOOD + GOOD.replace("58 dermatologists", "others"))
    first, second = read_literature(path)
    assert first == LiteraturePoint("58 dermatologists", 0.866, 0.713, 100, "Haenssle et al. 2018")
    assert second.name == "others"


def test_every_fault_of_every_point_is_named(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text('[[point]]\nname = ""\nsensitivity = 86.6\nn = 1.5\nsouce = "x"\n[points]\n')
    with pytest.raises(InputError) as raised:
        read_literature(path)
    assert str(raised.value).splitlines() == [
        f"{path}: 7 problem(s)",
        "  - unknown key 'points'; did you mean 'point'?",
        "  - point 1: unknown key 'souce'; did you mean 'source'?",
        "  - point 1: name is not a text",
        "  - point 1: sensitivity 86.6 is not in [0, 1]",
        "  - point 1: specificity is missing",
        "  - point 1: n 1.5 is not a number of images",
        "  - point 1: source is missing",
    ]


def test_a_file_without_points_is_refused(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text("")
    with pytest.raises(InputError, match=r"no \[\[point\]\] tables"):
        read_literature(path)
