"""The session in the README, typed as it stands there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import cutis

REPOSITORY = Path(__file__).resolve().parents[2]
BESIDE_PYTHON = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def commands_of_the_session() -> list[str]:
    (session,) = re.findall(r"```console\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.S)
    return [line.removeprefix("$ ") for line in session.replace("\\\n", "").splitlines()]


def test_the_session_in_the_readme_leads_from_nothing_to_a_judged_model(tmp_path):
    printed = ""
    for command in commands_of_the_session():
        outcome = subprocess.run(
            shlex.split(command),
            cwd=tmp_path,
            env=os.environ | {"PATH": BESIDE_PYTHON},
            capture_output=True,
            text=True,
        )
        assert outcome.returncode == 0, f"{command}\n{outcome.stderr}"
        assert "Traceback" not in outcome.stderr
        printed = outcome.stdout

    # The last command classified the picture, and said what it must not be used for.
    assert "PHANTOM_000000" in printed
    assert cutis.RESEARCH_USE_NOTICE in " ".join(printed.split())
    assert_files(
        tmp_path / "runs" / "first",
        "settings.json environment.json manifest.csv history.csv curves.png predictions-val.csv "
        "predictions-test.csv bundle/bundle.json bundle/model.onnx bundle/weights.safetensors "
        "bundle/MODEL_CARD.md bundle/SHA256SUMS",
    )
    assert_files(tmp_path / "report", "report.html result.json")
    assert_files(tmp_path / "audit", "audit.html audit.csv manifest.csv")
    assert not list(tmp_path.rglob("*.partial"))


def assert_files(folder: Path, names: str) -> None:
    missing = [name for name in names.split() if not (folder / name).is_file()]
    assert not missing, f"{folder.name} lacks them"
