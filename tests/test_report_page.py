"""The report of runs in a browser: without a network, by keyboard, at two widths, light, dark and printed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from browser import OpenPage
from report_examples import Finished, drawn
from wsbench.contract.plugins import find
from wsbench.reports.web.report import api
from wsbench.reports.web.report.build import Options, page_of

Open = Callable[..., OpenPage]


@pytest.fixture(scope="module")
def real(finished_runs: Finished) -> Path:
    """The report of finished runs, with figures."""
    out = finished_runs.folder / "with_figures.html"
    return api.report(finished_runs.runs, out, images=2, plugin_files=[finished_runs.plugin])


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of ten rows that were made by hand."""
    records = [
        record
        for place in range(9)
        for record in drawn(f"method{place}", 0.9 - place / 20, range(2), changed={"epochs": 10 - place})
    ]
    records += drawn("floor", 0.6, reads_image=False, deterministic=True)
    path = tmp_path_factory.mktemp("ten") / "report.html"
    path.write_text(page_of(records, find(), Options(images=0), "wsbench report"), encoding="utf-8")
    return path


def column(page: Any, number: int) -> list[str]:
    """The texts of a column of the ranked table, in the order of its rows."""
    cells = f"#ranking-uniform tbody tr:not([hidden]) > :nth-child({number})"
    texts: list[str] = page.eval_on_selector_all(
        cells, "cells => cells.map((cell) => cell.textContent.trim())"
    )
    return texts


@pytest.mark.parametrize("width", [375, 1400])
@pytest.mark.parametrize("dark", [False, True])
def test_it_opens_without_a_network(real: Path, open_page: Open, width: int, dark: bool) -> None:
    shown = open_page(real, width=width, dark=dark)
    assert shown.requests == []
    assert shown.errors == []
    assert shown.overflow == 0
    paper = shown.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(20, 24, 28)" if dark else "rgb(255, 255, 255)")
    lines = shown.page.locator(".drawings svg").count()
    assert lines >= 3


def test_the_theme_can_be_switched(real: Path, open_page: Open) -> None:
    page = open_page(real).page
    page.get_by_role("button", name="Dark or light").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 28)"
    ink = page.evaluate("getComputedStyle(document.querySelector('.drawings svg text')).fill")
    assert ink == page.evaluate("getComputedStyle(document.body).color")  # figures take the theme's colours


def test_rows_are_sorted_by_keyboard(ten: Path, open_page: Open) -> None:
    page = open_page(ten).page
    before = column(page, 1)
    assert before[0].endswith("method0 (quick)")
    heading = page.locator("#ranking-uniform thead button", has_text="cond_ap25")
    heading.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    sorted_by = page.locator("#ranking-uniform thead th", has_text="cond_ap25")
    assert sorted_by.get_attribute("aria-sort") == "ascending"
    assert column(page, 1) == before[::-1]


def test_rows_are_filtered_by_keyboard(ten: Path, open_page: Open) -> None:
    page = open_page(ten).page
    page.get_by_label("Filter rows").first.focus()
    page.keyboard.type("EPOCHS=4 method")
    assert [text.split()[-2] for text in column(page, 1)] == ["method6"]
    for _ in range(20):
        page.keyboard.press("Backspace")
    assert len(column(page, 1)) == 10


def test_it_says_everything_without_a_script(ten: Path, open_page: Open) -> None:
    page = open_page(ten, script=False).page
    assert len(column(page, 1)) == 10
    assert page.locator("input:visible, button:visible").count() == 0
    assert page.locator("#ranking-uniform .bar").count() == 10


def test_a_screen_reader_finds_its_way(real: Path, open_page: Open) -> None:
    page = open_page(real).page
    assert page.get_by_role("main").count() == page.get_by_role("navigation").count() == 1
    assert page.locator("html[lang=en]").count() == 1
    links = page.locator("nav a").evaluate_all("links => links.map((link) => link.hash.slice(1))")
    sections = page.locator("main > section").evaluate_all("parts => parts.map((part) => part.id)")
    assert links == sections
    for table in page.locator("table").all():
        assert table.locator("caption").count() == 1 or table.get_attribute("aria-label")
        assert table.locator("th:not([scope])").count() == 0
    names = page.locator(".scroll[tabindex]").evaluate_all("parts => parts.map((part) => part.ariaLabel)")
    assert all(names)
    assert page.locator("svg:not([aria-hidden]):not([aria-label])").count() == 0
    levels = page.locator("h1, h2, h3, h4").evaluate_all("parts => parts.map((part) => +part.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"


def test_it_can_be_printed(real: Path, open_page: Open) -> None:
    shown = open_page(real, dark=True, width=718)  # A4 without its margins
    page = shown.page
    page.emulate_media(media="print")
    assert shown.overflow == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("nav:visible, .controls:visible, .theme:visible").count() == 0
    assert len(page.pdf(format="A4")) > 10_000


def test_a_group_leads_to_its_cases(finished_runs: Finished, open_page: Open, tmp_path: Path) -> None:
    """A class of a curve is a button, and the list of cases then shows that class alone."""
    path = api.report(
        finished_runs.runs[0], tmp_path / "r.html", images=2, plugin_files=[finished_runs.plugin]
    )
    page = open_page(path).page
    assert page.locator("#cases").count() == 1
    source = page.locator("#curves [data-filter]").first
    source.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("button", name="Remove the filter class tb").count() == 1


def test_without_pixels_no_image_is_in_the_file(
    finished_runs: Finished, command: Any, tmp_path: Path
) -> None:
    sizes = {}
    for option in ((), ("--no-pixels",)):
        words = (str(finished_runs.runs[0]), "--images", "3", "--plugin", str(finished_runs.plugin), "-q")
        code, out, _ = command("report", *words, *option, "--out", "r.html")
        assert code == 0
        assert out.startswith("report: r.html (")
        html = (tmp_path / "r.html").read_text(encoding="utf-8")
        sizes[option] = html.count("data:image/")
        assert 'id="cases"' in html
    assert sizes == {(): 3, ("--no-pixels",): 0}
