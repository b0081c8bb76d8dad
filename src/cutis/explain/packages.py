"""`require_packages`: heat maps need more than what `cutis` itself brings along."""

from importlib.util import find_spec

from cutis.errors import MissingExtraError

NEEDED = ("torch", "timm", "captum")


def require_packages() -> None:
    """Find out before the work whether heat maps can be drawn; loads nothing.

    Raises:
        MissingExtraError: a package is not installed.
    """
    for package in NEEDED:
        if find_spec(package) is None:
            raise MissingExtraError(package, "explain")
