"""Progress bars on standard error, where somebody watches, that leave nothing behind."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cutis.cli.terminal import plain_console

if TYPE_CHECKING:
    from rich.progress import Progress


@contextmanager
def progress_bar(total: int, title: str) -> Iterator[Callable[[int], None]]:
    """Inside the block the bar moves on by the number of files it is told."""
    with _bar() as progress:
        task = progress.add_task(title, total=total)
        yield lambda n: progress.advance(task, n)


@contextmanager
def open_ended_bar(title: str) -> Iterator[Callable[[int, int | None], None]]:
    """Inside the block the bar is told how many are done, of how many if that is known."""
    with _bar() as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _bar() -> "Progress":
    from rich.progress import MofNCompleteColumn, Progress

    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    console = plain_console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
