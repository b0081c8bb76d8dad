"""Identifiers, counts and probabilities as people write them."""

_WRITTEN = {
    **{name: name.upper() for name in ("roc", "auc", "f1", "ece", "ppv", "npv")},
    "brier": "Brier",
}


def words(name: str) -> str:
    """An identifier as people write it.

    Example:
        >>> words("macro_roc_auc"), words("seborrheic-keratosis")
        ('macro ROC AUC', 'seborrheic keratosis')
    """
    return " ".join(_WRITTEN.get(word, word) for word in name.replace("-", "_").split("_"))


def percentage(probability: float) -> str:
    """A probability as people read it, to a tenth of a percent, and never as if it were none or sure.

    Example:
        >>> percentage(0.9981), percentage(0.0002), percentage(1.0)
        ('99.8%', '<0.1%', '>99.9%')
    """
    rounded = f"{probability:.1%}"
    return {"0.0%": "<0.1%", "100.0%": ">99.9%"}.get(rounded, rounded)


def words_of_parts(name: str) -> str:
    """The same for an identifier below another.

    Example:
        >>> words_of_parts("malignant/roc_auc")
        'malignant: ROC AUC'
    """
    return ": ".join(map(words, name.split("/")))


def counted(number: int, noun: str) -> str:
    """A number of things: 1 reader, 2 readers."""
    return f"{number} {noun}{'s' if number != 1 else ''}"
