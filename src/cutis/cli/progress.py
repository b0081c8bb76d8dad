"""A progress bar on standard error, where somebody watches, that leaves nothing behind."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(total: int, title: str) -> Iterator[Callable[[int], None]]:
    """Inside the block the bar moves on by the number of files it is told."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    console = Console(stderr=True)
    unwatched = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=unwatched) as progress:
        task = progress.add_task(title, total=total)
        yield lambda n: progress.advance(task, n)
