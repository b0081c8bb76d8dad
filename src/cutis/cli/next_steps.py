"""What to type next."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cutis.training.run_folder import RunFolder

FLATTERED = "There is no test split; validation chose the epoch, which flatters what it says."


def to_type(*words: object) -> str:
    """A command of the program, its paths quoted where they need it."""
    return shlex.join(map(str, ("cutis", *words)))


def next_step(*words: object) -> str:
    """The line that ends a command: which one comes after it."""
    return f"Next: {to_type(*words)}"


def how_to_judge(run: "RunFolder", manifest: Path, *options: object) -> str:
    """The command for a run's test split, or, without one, for validation with a word about that.

    Args:
        run: Finished.
        manifest: What it was trained on.
        options: Further ones of `cutis evaluate`.
    """
    validation, test = run.predictions("val"), run.predictions("test")
    told = (*options, "-o", run.path / "report")
    if test.exists():
        known = ("--validation", validation)
        return to_type("evaluate", test, manifest, "--split", "test", *known, *told)
    return f"{to_type('evaluate', validation, manifest, '--split', 'val', *told)}\n{FLATTERED}"
