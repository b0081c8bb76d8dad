"""What the tests share: the real data where there are any, and one phantom set."""

import os
from pathlib import Path

# Tests run side by side, so each keeps to one core; NumPy and torch read it on import.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data that `CUTIS_DATA` names; the test is skipped where it is missing."""
    folder = Path(os.environ.get("CUTIS_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set CUTIS_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def phantom_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 60 drawn pictures, their masks and metadata; read it, never write to it."""
    from cutis.data.phantom import draw_phantom_set

    folder = tmp_path_factory.mktemp("phantom") / "set"
    draw_phantom_set(folder, images=60, seed=0)
    return folder
