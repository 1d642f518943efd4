"""The frame of HTML pages: it escapes what it is told, and asks no other file for anything."""

from __future__ import annotations

import re

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from wsbench.reports.web.document import Section, data_uri, environment, page

ATTACK = "<script>alert(1)</script>\"'|\n\x1b[31m"


def test_titles_are_escaped_and_bodies_are_html() -> None:
    html = page(ATTACK, [Section("one", ATTACK, Markup("<b>bold</b>"))], lead=ATTACK, home='"><script>')
    assert html.count("<script>") == 1  # the page's own
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 5  # title twice, lead, heading, navigation
    assert "<b>bold</b>" in html


def test_a_page_holds_all_it_needs() -> None:
    html = page("t", [Section("one", "One", Markup(""))])
    addresses = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?([^\"')\s>]+)", html)
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)


def test_styles_and_scripts_of_sections_stand_once() -> None:
    parts = [Section(name, name, Markup(""), ("page.css",), ("page.js",)) for name in ("a", "b")]
    assert len(page("t", parts)) - len(page("t", [])) < 1000


def test_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        environment().from_string("{{ missing }}").render()


def test_a_data_uri_holds_its_file() -> None:
    assert data_uri(b"\x00\xff", "image/png") == "data:image/png;base64,AP8="
