"""Where the program prints: text as it is, whatever stands in a path."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def plain_console(*, stderr: bool = False, width: int | None = None) -> "Console":
    """A console that takes no bracket for markup, no word between colons for an emoji."""
    from rich.console import Console

    return Console(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)
