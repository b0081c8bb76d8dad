"""Identifiers and counts as people write them."""

_WRITTEN = {"roc": "ROC", "auc": "AUC", "f1": "F1", "brier": "Brier"}


def words(name: str) -> str:
    """An identifier as people write it.

    Example:
        >>> words("macro_roc_auc"), words("seborrheic-keratosis")
        ('macro ROC AUC', 'seborrheic keratosis')
    """
    return " ".join(_WRITTEN.get(word, word) for word in name.replace("-", "_").split("_"))


def counted(number: int, noun: str) -> str:
    """A number of things: 1 reader, 2 readers."""
    return f"{number} {noun}{'s' if number != 1 else ''}"
