"""What lives in a run folder is known by its files, and what it was made with is written down."""

import os
import platform
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import metadata

import pytest

import cutis
from cutis.errors import InputError
from cutis.files import read_json
from cutis.tables.manifest import Manifest
from cutis.taxonomy import Taxonomy
from cutis.taxonomy.tree import Node
from cutis.training.run_folder import (
    A_CROSS_VALIDATION,
    A_RUN,
    REPEATS,
    RunFolder,
    git_revision,
)


@pytest.mark.parametrize(
    ("files", "held"),
    [
        ([], None),
        (["manifest.csv", "repeat-0/manifest.csv"], None),
        (["settings.json"], A_RUN),
        (["fold-3/settings.json"], A_CROSS_VALIDATION),
        (["inner/candidate-0/without-0-1/settings.json"], A_CROSS_VALIDATION),
        (["predictions-out-of-fold.csv"], A_CROSS_VALIDATION),
        (["repeat-1/inner/candidate-1/without-0-2/settings.json"], REPEATS),
    ],
)
def test_a_folder_is_known_by_what_a_killed_program_leaves_behind(tmp_path, files, held):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    run = RunFolder(tmp_path)
    assert run.holds() == held
    for kind in (A_RUN, A_CROSS_VALIDATION, REPEATS):
        if held is None:
            run.require_new(kind)
            continue
        way_out = "add --resume" if kind == held else f"not {kind}; choose another -o"
        with pytest.raises(InputError, match=f"already holds {held}.* {way_out}"):
            run.require_new(kind)


def test_another_tree_of_diagnoses_makes_another_manifest(tmp_path):
    run = RunFolder(tmp_path)
    run.manifest.write_text("image_id,path,diagnosis\na,a.jpg,nevus\nb,b.jpg,melanoma\n")
    rows = Manifest.read(run.manifest, check_files=False)
    run.require_same_manifest(rows)
    grown = {**rows.taxonomy.nodes, "further": Node("further", "Further", "benign")}
    other = replace(rows, taxonomy=Taxonomy("skin", grown))
    with pytest.raises(InputError, match="first difference: another tree of diagnoses"):
        run.require_same_manifest(other)


def test_what_a_run_is_made_with_is_written_down(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/somewhere/cutis", "train", "m.csv"])
    run = RunFolder(tmp_path)
    run.write_environment()
    found = read_json(run.environment)
    assert found["command"] == "cutis train m.csv"
    assert (found["cutis"], found["python"]) == (cutis.__version__, platform.python_version())
    assert (found["cores"], found["git_revision"]) == (os.cpu_count(), git_revision())
    age = datetime.now(UTC) - datetime.fromisoformat(found["started"])
    assert timedelta(0) <= age < timedelta(minutes=2)
    assert found["packages"] == {name: metadata.version(name) for name in found["packages"]}
    assert {"torch", "timm", "lightning", "onnxruntime"} <= set(found["packages"])


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_revision_is_that_of_cutis_own_tree_alone(tmp_path, monkeypatch):
    """An environment may lie inside a repository that holds something else."""

    def git(*words):
        names = {
            f"GIT_{who}_{what}": "a@b.c"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        asked = ["git", "-C", str(tmp_path), *words]
        done = subprocess.run(
            asked,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, **names, **settings},
        )
        return done.stdout.strip()

    package, installed = tmp_path / "cutis", tmp_path / "env" / "cutis"
    for folder in (package, installed):
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
    monkeypatch.setattr(cutis, "__file__", str(package / "__init__.py"))
    assert git_revision() is None
    git("init")
    git("add", "cutis")
    git("commit", "-m", "first")
    assert git_revision() == git("rev-parse", "HEAD")
    (package / "__init__.py").write_text("changed = True")
    assert git_revision() == git("rev-parse", "HEAD") + "+changes"
    monkeypatch.setattr(cutis, "__file__", str(installed / "__init__.py"))
    assert git_revision() is None
