"""An HTML page in a single file: its frame, its sections, and the style and script that they share."""

from __future__ import annotations

import base64
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from wsbench.errors import printable

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

STYLE, SCRIPT = "page.css", "page.js"
"""What every page has, in the folder ``static``."""


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        anchor: its id in the page: letters, digits and hyphens.
        title: its heading, as plain text.
        body: its HTML, as a template has rendered it, so that every value in it is escaped.
        styles, scripts: names of further files in ``static`` that it needs.
        group: what it is about, where a page has sections of several subjects. The title and the navigation
            name it.
    """

    anchor: str
    title: str
    body: Markup
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    group: str = ""


def page(title: str, sections: Sequence[Section], *, lead: str = "", home: str | None = None) -> str:
    """An HTML document that asks no other file for anything.

    Args:
        title: of the page, as plain text.
        sections: its parts, in their order. The page's navigation names them.
        lead: a sentence below the title, as plain text.
        home: address of the page to go back to, relative to this page; None without one.
    """
    styles = dict.fromkeys((STYLE, *(name for section in sections for name in section.styles)))
    scripts = dict.fromkeys((SCRIPT, *(name for section in sections for name in section.scripts)))
    return (
        environment()
        .get_template("page.html")
        .render(
            title=title,
            lead=lead,
            home=home,
            sections=sections,
            style="\n".join(map(static, styles)),
            script="\n".join(map(static, scripts)),
        )
    )


def rendered(template: str, **values: object) -> Markup:
    """The HTML of a template in the folder ``templates``; values are escaped unless they are HTML already."""
    from markupsafe import Markup

    return Markup(environment().get_template(template).render(**values))  # nosec B704 # Jinja escaped the values


def static(name: str) -> str:
    """The text of a file in the folder ``static``, which may stand inside ``<style>`` or ``<script>``."""
    return resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")


def data_uri(content: bytes, kind: str) -> str:
    """A file as an address that holds it.

    Args:
        content: the file.
        kind: its media type, such as ``image/jpeg``.
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


@functools.cache
def environment() -> Environment:
    """Jinja's environment of all templates. It escapes every value for HTML, shows characters that do not
    print by their codes, and refuses names that have no value."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(str(__package__)),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: object) -> object:
    """Text without line breaks, escape sequences and changes of writing direction; HTML stays as it is."""
    from markupsafe import Markup

    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
