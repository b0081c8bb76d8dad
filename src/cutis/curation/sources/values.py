"""The words and numbers of other people's tables, in ours."""

from collections.abc import Mapping

from cutis.tables.manifest import NUMBER_RANGES

SEXES = {"m": "male", "male": "male", "f": "female", "female": "female"}
GROUND_TRUTHS = {
    "histo": "histopathology",
    "histopathology": "histopathology",
    "follow_up": "follow_up",
    "serial imaging showing no change": "follow_up",
    "consensus": "consensus",
    "single image expert consensus": "consensus",
    "confocal": "confocal",
    "confocal microscopy with consensus dermoscopy": "confocal",
}
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
SKIN_TYPES = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6"}

NO_VALUE = frozenset({"", "unknown", "nan", "na", "n/a", "none", "null"})


def known(value: object) -> str:
    """The text of a cell, "" where it says that nothing is known."""
    text = "" if value is None or value != value else str(value).strip()
    return "" if text.casefold() in NO_VALUE else text


def translated(value: object, names: Mapping[str, str]) -> str:
    """The text of a cell in our words; what `names` does not know stays as it is.

    "unk" means that nothing is known, except as a diagnosis, where ISIC 2019 means another class.
    """
    text = known(value)
    return "" if text.casefold() == "unk" else names.get(text.casefold(), text)


def number(value: object, *, column: str) -> float | None:
    """The number in a cell of `age_years` or `fitzpatrick`, None where nothing is known.

    The oldest band, such as "85+", counts as its lower end, and a skin type may be Roman. Skin type
    0 or -1 stands for unknown in some tables, so it is.

    Raises:
        ValueError: not a number, or out of range; the message says which.
    """
    text = translated(value, SKIN_TYPES if column == "fitzpatrick" else {})
    if not text or (column == "fitzpatrick" and text in ("0", "-1", "0.0", "-1.0")):
        return None
    low, high = NUMBER_RANGES[column]
    try:
        amount = float(text.removesuffix("+"))
    except ValueError:
        raise ValueError(f"{column} {text!r} is not a number") from None
    if not low <= amount <= high:
        raise ValueError(f"{column} {text} is not in {low}..{high}")
    return amount
