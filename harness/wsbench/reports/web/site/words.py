"""Words of leaderboard pages, which are markdown, as HTML."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markupsafe import Markup

_LOCAL_LINK = re.compile(r"(?<!!)\[([^\[\]]+)\]\((?!https?://)[^()\s]*\)")
_TOO_HIGH = re.compile(r"^#{1,2} ", flags=re.MULTILINE)


def as_html(text: str) -> Markup:
    """Markdown as HTML. Tags in it are shown as text. Links to files of the repository become words, because
    the site does not have them, and headings stand below those of sections.

    Args:
        text: paragraphs, headings and tables.
    """
    from markupsafe import Markup

    prepared = _TOO_HIGH.sub("### ", _LOCAL_LINK.sub(r"\1", text))
    html = _parser().render(prepared).replace("<table>", '<div class="scroll"><table>')
    # The parser has escaped every tag of the text.
    return Markup(html.replace("</table>", "</table></div>"))  # nosec B704


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
