"""What the benchmarks share: where data and results lie, the program, and the record of a run."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "benchmarks" / "results"
DATA = Path(os.environ.get("CUTIS_DATA") or REPOSITORY.parent / "shared" / "data").resolve()
"""The real data sets."""
CUTIS = str(Path(sys.executable).with_name("cutis").absolute())
"""The program of the environment that runs this."""


def today() -> str:
    """The date, in UTC."""
    return datetime.now(UTC).date().isoformat()


def record(command: str) -> dict[str, object]:
    """With which command, when and on what something was measured."""
    return {
        "command": command,
        "date": today(),
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "load": round(os.getloadavg()[0], 1),  # how much else there was to do
        },
    }


def cutis(*arguments: object, folder: Path | None = None) -> None:
    """Run the program as a user would, in a folder."""
    subprocess.run([CUTIS, *map(str, arguments)], check=True, cwd=folder)


def _cpu() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
