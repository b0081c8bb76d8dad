"""`cutis predict` as a program: what it prints, writes, returns, and never loads."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from cutis import RESEARCH_USE_NOTICE, __version__
from cutis.imaging import Preprocessing

HEAVY = ("torch", "torchvision", "timm", "lightning", "pandas", "scipy", "sklearn", "matplotlib")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, colour in (("red", (255, 0, 0)), ("green", (0, 255, 0)), ("blue", (0, 0, 255))):
        Image.new("RGB", (30, 20), colour).save(folder / f"{name}.png")
    return folder


def run_program(prelude: str, *arguments: object, **options: object) -> subprocess.CompletedProcess:
    """Run the program in a process of its own, after some preparation in Python."""
    code = f"{prelude}\nimport sys\nsys.argv[0] = 'cutis'\nfrom cutis.cli import main\nmain()"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


def test_the_table_names_pictures_and_diagnoses(cutis, colour_bundle, pictures):
    code, out, err = cutis("predict", pictures, "--model", colour_bundle)
    assert (code, err) == (0, "")
    (red,) = [line for line in out.splitlines() if " red " in line]
    assert "Melanoma 99.9%" in red
    assert red.count("99.9%") == 2  # malignant, too
    assert RESEARCH_USE_NOTICE in out
    assert "Model colours (by hand" in out


@pytest.mark.parametrize("name", ["colours", "dermoscopy-lite0"])
def test_the_model_may_stand_before_the_pictures(cutis, colour_bundle, pictures, name):
    model = colour_bundle if name == "colours" else name
    asked = (("predict", pictures, "--model", model), ("predict", model, pictures))
    (answered,) = {cutis(*each) for each in asked}
    assert answered[0] == 0
    assert f"Model {name} (" in answered[1]
    code, out, err = cutis("predict", model)
    assert (code, out) == (2, "")
    assert f"{model}: a model; give the pictures, too" in err


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ("run", "a run folder; its bundle is"),
        ("run/bundel", "no such folder, and the zoo has"),
        ("dermoscopy-lite", "did you mean 'dermoscopy-lite0'?"),
    ],
)
def test_no_other_model_answers_for_one_that_is_not_where_it_was_said_to_be(
    cutis, colour_bundle, pictures, tmp_path, monkeypatch, first, message
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(colour_bundle, tmp_path / "run" / "bundle")
    Image.new("RGB", (30, 20)).save(tmp_path / "run" / "curves.png")
    code, out, err = cutis("predict", first, pictures)
    assert (code, out) == (2, "")
    assert message in err


def test_the_json_is_json_and_nothing_else(cutis, colour_bundle, pictures):
    code, out, err = cutis("predict", pictures, "--model", colour_bundle, "--json", "--tta", 8)
    told = json.loads(out)
    assert (code, err) == (0, "")
    assert told["format_version"] == 1
    assert told["views"] == 8
    assert [image["image_id"] for image in told["images"]] == ["blue", "green", "red"]
    assert told["notice"] == RESEARCH_USE_NOTICE
    assert next(iter(told["images"][2]["probabilities"])) == "melanoma"


def test_every_key_of_the_json_is_described(cutis, colour_bundle, pictures):
    page = (Path(__file__).parents[2] / "docs" / "prediction.md").read_text(encoding="utf-8")
    told = json.loads(cutis("predict", pictures, "--model", colour_bundle, "--json")[1])
    keys = [*told, *told["model"], *(f"images[].{key}" for key in told["images"][0])]
    assert [key for key in keys if f"`{key}`" not in page] == []


def test_the_csv_holds_every_picture(cutis, colour_bundle, pictures, tmp_path):
    code, _out, _err = cutis(
        "predict", pictures, "--model", colour_bundle, "--csv", tmp_path / "new" / "o.csv"
    )
    assert code == 0
    with (tmp_path / "new" / "o.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["image_id"] for row in rows] == ["blue", "green", "red"]
    assert float(rows[2]["melanoma"]) > 0.99


def test_parquet_is_written_by_its_suffix(cutis, colour_bundle, pictures, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    assert (
        cutis("predict", pictures, "--model", colour_bundle, "--csv", tmp_path / "o.parquet")[0]
        == 0
    )
    table = parquet.read_table(tmp_path / "o.parquet").to_pydict()
    assert table["image_id"] == ["blue", "green", "red"]


def test_a_long_list_is_cut_in_the_table_but_not_in_the_csv(
    cutis, colour_bundle, tmp_path, monkeypatch
):
    for n in range(70):
        Image.new("RGB", (4, 4), (n, 0, 0)).save(tmp_path / f"{n:02}.png")
    code, out, _err = cutis(
        "predict", tmp_path, "--model", colour_bundle, "--csv", tmp_path / "o.csv"
    )
    assert code == 0
    assert "... and 20 more; --csv and --answers keep them all" in out
    assert len((tmp_path / "o.csv").read_text().splitlines()) == 71


def test_names_are_printed_as_they_are(cutis, colour_bundle, pictures):
    """Brackets and colons are no markup and no emoji."""
    (pictures / "red.png").rename(pictures / "a[bold]:dog:.png")
    assert "a[bold]:dog:" in cutis("predict", pictures, "--model", colour_bundle)[1]


def test_some_unreadable_files_end_in_exit_code_1(cutis, colour_bundle, pictures, tmp_path):
    (pictures / "page.jpg").write_text("<html>")
    code, out, err = cutis(
        "predict", pictures, "--model", colour_bundle, "--csv", tmp_path / "o.csv"
    )
    assert code == 1
    assert f"{pictures / 'page.jpg'}: a web page" in err
    assert "red" in out
    assert len((tmp_path / "o.csv").read_text().splitlines()) == 4


def test_what_cannot_be_read_stops_the_rest_as_little_by_name_as_in_a_folder(
    cutis, colour_bundle, pictures, monkeypatch
):
    closed, link, absent = (pictures / name for name in ("blue.png", "link.png", "absent.png"))
    link.symlink_to("nowhere")
    access, opened = os.access, Path.open

    def forbid(path, *mode, **options):
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return opened(path, *mode, **options)

    monkeypatch.setattr(os, "access", lambda at, *mode: Path(at) != closed and access(at, *mode))
    monkeypatch.setattr(Path, "open", forbid)
    readable = [pictures / "red.png", pictures / "green.png"]
    for places, missed in (([pictures], 2), ([*readable, closed, link, absent], 3)):
        code, out, err = cutis("predict", *places, "--model", colour_bundle)
        assert code == 1
        assert " red " in out
        assert " green " in out
        assert len(err.splitlines()) == missed
        assert f"{closed}: may not be read (permission denied)" in err
        assert f"{link}: no such file" in err


@pytest.mark.parametrize("second", ["o.csv", "link.csv", "folder/../o.csv"])
@pytest.mark.parametrize("option", ["--answers", "--explain"])
def test_two_results_never_go_to_one_place(
    cutis, colour_bundle, pictures, tmp_path, option, second
):
    (tmp_path / "link.csv").symlink_to("o.csv")
    results = ("--csv", tmp_path / "o.csv", option, tmp_path / second)
    code, out, err = cutis("predict", pictures, "--model", colour_bundle, *results)
    assert (code, out) == (2, "")
    assert "given for two results" in err
    assert not (tmp_path / "o.csv").exists()


def test_a_table_may_have_a_name_as_long_as_names_may_be(cutis, colour_bundle, pictures, tmp_path):
    table = tmp_path / f"{'a' * 251}.csv"
    assert cutis("predict", pictures, "--model", colour_bundle, "--csv", table)[0] == 0
    assert len(table.read_text().splitlines()) == 4


def test_failures_stand_in_the_json_too(cutis, colour_bundle, pictures):
    (pictures / "page.jpg").write_text("<html>")
    code, out, _err = cutis("predict", pictures, "--model", colour_bundle, "--json")
    assert code == 1
    assert [failure["path"] for failure in json.loads(out)["failures"]] == [
        str(pictures / "page.jpg")
    ]


def test_when_nothing_could_be_read_nothing_is_written(cutis, colour_bundle, tmp_path):
    (tmp_path / "empty.png").touch()
    code, out, err = cutis(
        "predict", tmp_path / "empty.png", "--model", colour_bundle, "--csv", tmp_path / "o.csv"
    )
    assert code == 2
    assert out == ""
    assert "none of 1 files could be read" in err
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{empty}", "--model", "{bundle}"], "no picture inside"),
        (["{pictures}/absent.png", "--model", "{bundle}"], "no such file or folder"),
        (["{pictures}", "--model", "{pictures}"], "not a model bundle"),
        (["{pictures}", "--model", "{empty}/absent"], "no such folder"),
        (
            ["{pictures}", "--model", "{bundle}", "--csv", "{pictures}/red.png/o.csv"],
            "cannot be written",
        ),
        (["{pictures}", "--model", "{bundle}", "--csv", "/proc/self/o.csv"], "cannot be written"),
        (["{pictures}", "--model", "{bundle}", "--csv", "{pictures}/o.xlsx"], ".csv or .parquet"),
        (["{pictures}", "--model", "{bundle}", "--csv", "/dev/stdout"], ".csv or .parquet"),
        (["{pictures}", "--model", "{bundle}", "--csv", "a" * 300 + ".csv"], "cannot be written"),
        (["{pictures}", "--model", "a" * 300], "no such folder"),
        (["a" * 300 + ".jpg", "--model", "{bundle}"], "File name too long"),
        (["{pictures}", "--model", "{bundle}", "--tta", "9"], "--tta"),
        (["{pictures}", "--model", "{bundle}", "--tta", "two"], "--tta"),
        (["{pictures}", "--model", "{bundle}", "--colour"], "No such option"),
        (["--model", "{bundle}"], "Missing argument"),
        (["", "--model", "{bundle}"], "an argument is empty"),
    ],
)
def test_what_cannot_be_done_ends_in_one_message_and_exit_code_2(
    cutis, colour_bundle, pictures, tmp_path, arguments, message
):
    (tmp_path / "empty").mkdir()
    places = {"bundle": colour_bundle, "pictures": pictures, "empty": tmp_path / "empty"}
    code, out, err = cutis("predict", *[argument.format(**places) for argument in arguments])
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_an_unwritable_table_is_found_out_before_any_picture_is_opened(
    cutis, colour_bundle, pictures, monkeypatch
):
    monkeypatch.setattr(Preprocessing, "read", lambda *_: pytest.fail("opened"))
    code, _out, _err = cutis(
        "predict", pictures, "--model", colour_bundle, "--csv", pictures / "red.png" / "o"
    )
    assert code == 2


BLOCKED = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY!r}:
            raise AssertionError(name + " is imported")
sys.meta_path.insert(0, Blocked())
"""


def test_neither_torch_nor_any_other_heavy_library_is_loaded(colour_bundle, pictures, tmp_path):
    (pictures / "broken.png").touch()
    for options in (["--csv", tmp_path / "o.csv"], ["--json", "--tta", "8"]):
        outcome = run_program(BLOCKED, "predict", pictures, "--model", colour_bundle, *options)
        assert outcome.returncode == 1, outcome.stderr
        assert "Traceback" not in outcome.stderr


INTERRUPTED = """
import os, signal
from cutis.{module} import {owner}
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
def interrupt(*_arguments, **_options):
    os.kill(os.getpid(), signal.SIGINT)
    import time
    time.sleep(0.5)
{owner}.{name} = interrupt
"""


@pytest.mark.parametrize(
    "where",
    [
        {"module": "inference.predictor", "owner": "Predictor", "name": "probabilities"},
        {"module": "imaging", "owner": "Preprocessing", "name": "read"},
        {"module": "tables", "owner": "predictions.csv", "name": "writer"},
    ],
    ids=["network", "decoding", "writing"],
)
def test_ctrl_c_ends_in_one_message_and_leaves_no_half_file(
    colour_bundle, pictures, tmp_path, where
):
    (tmp_path / "out").mkdir()
    prelude = INTERRUPTED.format(**where).replace("import predictions.csv", "import predictions")
    outcome = run_program(
        prelude, "predict", pictures, "--model", colour_bundle, "--csv", tmp_path / "out" / "o.csv"
    )
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("cutis: interrupted;")
    assert outcome.stderr.count("\n") == 1
    assert list((tmp_path / "out").iterdir()) == []


LIKE_LIGHTNING = """
import sys
from cutis.cli import predict
from cutis.cli.app import app
@app.command()
def graceful():
    "Turn Ctrl-C into an exit code of one's own."
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        exit(1)
"""


def test_ctrl_c_that_a_library_made_an_exit_code_of_its_own_is_still_ctrl_c():
    outcome = run_program(LIKE_LIGHTNING, "graceful")
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("cutis: interrupted;")


@pytest.mark.parametrize("options", [["--json"], []])
def test_a_reader_that_goes_away_ends_the_program_quietly(colour_bundle, pictures, options):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        code = "from cutis.cli import main; main()"
        outcome = subprocess.run(
            [sys.executable, "-c", code, "predict", pictures, "--model", colour_bundle, *options],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert outcome.returncode == 1
    assert outcome.stderr == ""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["predict", "{pictures}", "--model", "{bundle}", "--json"]]
)
def test_output_to_a_full_disk_is_named(colour_bundle, pictures, arguments):
    device = Path("/dev/full")
    if not device.exists():
        pytest.skip("no /dev/full here")
    places = {"bundle": colour_bundle, "pictures": pictures}
    words = [argument.format(**places) for argument in arguments]
    code = "from cutis.cli import main; main()"
    with device.open("w") as full:
        outcome = subprocess.run(
            [sys.executable, "-c", code, *words], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert outcome.returncode == 2
    assert outcome.stderr == "cutis: output: No space left on device\n"


def test_a_terminal_without_unicode_gets_escapes(colour_bundle, pictures):
    (pictures / "red.png").rename(pictures / "Muttermal-größer.png")
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "COLUMNS": "120"}
    outcome = run_program("", "predict", pictures, "--model", colour_bundle, env=environment)
    assert outcome.returncode == 0, outcome.stderr
    assert "Muttermal-gr\\xf6\\xdfer" in outcome.stdout
    json_outcome = run_program(
        "", "predict", pictures, "--model", colour_bundle, "--json", env=environment
    )
    ids = [image["image_id"] for image in json.loads(json_outcome.stdout)["images"]]
    assert "Muttermal-größer" in ids


def test_a_mistyped_command_gets_a_suggestion(cutis):
    code, _out, err = cutis("predcit")
    assert code == 2
    assert "Did you mean 'predict'?" in err


def test_help_and_version_end_well(cutis):
    code, out, _err = cutis("--help")
    assert code == 0
    assert RESEARCH_USE_NOTICE in " ".join(out.split())
    assert cutis("--version")[:2] == (0, f"cutis {__version__}\n")
