"""The family of errors a user can cause; the command line prints their message and exits 2.

    CutisError
    +-- InputError            a value, file or table that cannot be used
    |   +-- TaxonomyError     a disease tree with faults, or a label that is not in it
    |   +-- ManifestError     a manifest with faults, all of them at once
    |   |   +-- LeakageError  a split that lets one lesion, patient or duplicate straddle
    |   +-- ReadingsError     readers' answers with faults, all of them at once
    |   +-- ScoresError       a table of truth and scores with faults, all of them at once
    |   +-- ImageError        a file that is not a picture we are willing to decode
    |   +-- BundleError       a model folder that is incomplete, changed or from another version
    |   +-- SettingsError     an unknown key or a value out of bounds
    +-- OutputError           a place that cannot be written, found out before the work
    +-- DownloadError         a server that does not answer, or not as it should
    +-- MissingExtraError     an optional package is not installed; names the extra

A message names the place, the fault and the way out. Anything else that escapes is a bug and keeps
its traceback.
"""

from collections.abc import Sequence


class CutisError(Exception):
    """Base of everything Cutis raises on purpose."""


class InputError(CutisError, ValueError):
    """A value, file or table that cannot be used."""


class _ManyProblemsError(InputError):
    """An input with several faults, listed one per line in the message."""

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        self.source = source
        self.problems = tuple(problems)
        shown = [*problems[:20], *([f"... and {len(problems) - 20} more"] if problems[20:] else [])]
        super().__init__("\n  - ".join([f"{source}: {len(problems)} problem(s)", *shown]))

    def __reduce__(self) -> tuple[type, tuple[str, tuple[str, ...]]]:
        return type(self), (self.source, self.problems)


class TaxonomyError(_ManyProblemsError):
    """A disease tree that is not a tree, or labels that are not in it."""


class ManifestError(_ManyProblemsError):
    """A manifest that cannot be used, with everything that is wrong with it."""


class LeakageError(ManifestError):
    """A split in which a lesion, a patient or a duplicate stands on two sides."""


class ReadingsError(_ManyProblemsError):
    """Readers' answers that cannot be used, with everything that is wrong with them."""


class ScoresError(_ManyProblemsError):
    """A table of truth and scores that cannot be used, with everything that is wrong with it."""


class ImageError(InputError):
    """A file that is not a picture we are willing to decode."""


class BundleError(InputError):
    """A model bundle that is incomplete, altered or of an unknown format."""


class SettingsError(InputError):
    """A setting that does not exist or is out of bounds."""


class OutputError(CutisError, OSError):
    """A place that cannot be written; raised before the work starts."""


class DownloadError(CutisError, OSError):
    """A server that cannot be reached, or does not send what it announced."""


class MissingExtraError(CutisError, ImportError):
    """An optional package is missing."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; try: pip install 'cutis[{extra}]'")


def first_line(fault: BaseException) -> str:
    """What a foreign exception says, for a message of ours: its first line, else its name."""
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0]
