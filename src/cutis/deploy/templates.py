"""The Markdown documents that are filled in from results."""

from importlib import resources

import jinja2

from cutis.wording import words


def template(name: str) -> jinja2.Template:
    """A template of this package; a name that it is not given is an error."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["words"] = words
    file = resources.files("cutis.deploy").joinpath(f"{name}.md.jinja")
    return environment.from_string(file.read_text(encoding="utf-8"))
