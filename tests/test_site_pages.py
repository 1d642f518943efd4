"""The site of leaderboards in a browser without a network: widths, sorting, filtering, and requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def pages(folder: Path) -> list[Path]:
    """The index, a page of every kind, and that of the row with the most classes."""
    rows = sorted((folder / "rows").glob("clarity-quick-*.html"))
    return [folder / "index.html", folder / "papers.html", folder / "datasets" / "phantom.html",
            folder / "datasets" / "nih.html", rows[0]]  # fmt: skip


@pytest.mark.parametrize("width", [375, 1400])
def test_pages_ask_for_nothing_and_fit_a_window(
    committed_site: Path, open_page: Callable, width: int
) -> None:
    for path in pages(committed_site):
        shown = open_page(path, width=width)
        assert shown.clean, (path.name, shown.requests, shown.errors)
        assert shown.overflow == 0, path.name
        assert shown.page.locator("h1").count() == 1


def test_a_table_is_sorted_and_filtered_by_keyboard(committed_site: Path, open_page: Callable) -> None:
    shown = open_page(committed_site / "datasets" / "phantom.html")
    page = shown.page
    rows = page.locator("#ranked tbody tr")

    def column(place: int) -> list[float]:
        texts = page.locator(f"#ranked tbody tr:visible td:nth-child({place})").all_text_contents()
        return [float(text.split()[0]) for text in texts]

    ap25 = 1 + page.locator("#ranked thead th").all_text_contents().index("ap25")
    unconverged = ["¤" in text for text in page.locator("#ranked tbody tr:visible").all_text_contents()]
    places = [(mark, -value) for mark, value in zip(unconverged, column(4), strict=True)]
    assert places == sorted(places), "the best row is first, and those that have not converged are last"
    assert 0 < sum(unconverged) < len(unconverged)
    header = page.locator(f"#ranked thead th:nth-child({ap25}) button")
    header.focus()
    page.keyboard.press("Enter")
    assert column(ap25) == sorted(column(ap25), reverse=True)
    page.keyboard.press("Space")
    assert column(ap25) == sorted(column(ap25))
    assert page.locator(f"#ranked thead th:nth-child({ap25})").get_attribute("aria-sort") == "ascending"

    count = rows.count()
    page.locator('input[data-filter-table="ranked"]').focus()
    page.keyboard.type("saliency_cnn quick")
    assert 0 < page.locator("#ranked tbody tr:visible").count() < count
    for _ in "saliency_cnn quick":
        page.keyboard.press("Backspace")
    assert page.locator("#ranked tbody tr:visible").count() == count


def test_folded_maps_open_and_lead_to_their_rows(committed_site: Path, open_page: Callable) -> None:
    page = open_page(committed_site / "datasets" / "phantom.html").page
    summary = page.locator("#ranked details summary").last
    assert summary.inner_text() == "9 more maps of these networks"
    summary.focus()
    page.keyboard.press("Enter")
    link = page.locator("#ranked details[open] a").first
    words = link.inner_text()
    link.click()
    page.wait_for_load_state()
    assert page.locator("h1").inner_text() == f"cam (quick) {words} on phantom"
    page.locator("a.home").click()
    page.wait_for_load_state()
    assert page.locator("h1").inner_text() == "wsbench: leaderboards"


def test_pages_say_everything_without_scripts(committed_site: Path, open_page: Callable) -> None:
    page = open_page(committed_site / "datasets" / "phantom.html", script=False).page
    assert page.locator("#ranked tbody tr").count() > 10
    assert page.locator("input").count() > page.locator("input:visible").count() == 0
