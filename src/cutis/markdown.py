"""Sections of a Markdown document: what stands from one line `## Title` to the next such line."""

import re


def without_section(document: str, title: str) -> str:
    """The document without its sections of that title; the others stay where they are.

    Example:
        >>> without_section("# Card\\n\\n## Old\\n\\n1\\n\\n## Limits\\n\\n2\\n", "Old")
        '# Card\\n\\n## Limits\\n\\n2\\n'
    """
    return re.sub(rf"^## {re.escape(title)}[ \t]*$.*?(?=^## |\Z)", "", document, flags=re.M | re.S)


def with_section(document: str, title: str, text: str) -> str:
    """The document ending in one section of that title; older ones of that title are left out.

    Example:
        >>> with_section("# Card\\n\\n## Limits\\n\\n1\\n", "Limits", "2")
        '# Card\\n\\n## Limits\\n\\n2\\n'
    """
    rest = without_section(document, title).rstrip("\n")
    return f"{rest}\n\n## {title}\n\n{text.strip()}\n"
