"""The explorer of cases: what it says, what it draws, and what a reader without its script sees."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markupsafe import Markup

from browser import OpenPage
from cases_examples import ATTACK, METHODS, Films
from wsbench.geometry.boxes import BoxRule, larger_than, table_of_map
from wsbench.geometry.iou import pairwise_iou
from wsbench.predictions import store
from wsbench.reports.web.cases import cases_section
from wsbench.reports.web.cases.badness import badness
from wsbench.reports.web.cases.choice import worst_then_spread
from wsbench.reports.web.cases.table import CaseTable, case_table
from wsbench.reports.web.document import Section, page

PICTURES = 10
FIGURE = """<a id="of-class" href="#cases" data-filter="class=mass">mass</a>
<svg><rect id="bar" data-filter="outcome=fn&amp;size=small" width="40" height="40"/></svg>
<a id="attack" data-filter="class=%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%27%7C%26">attack</a>
<a id="plain" data-filter="size=largest third">large</a>
<a id="bin" data-filter="class=mass&amp;score=3">0.3 to 0.4</a>
<a id="place" data-filter="place=left+half">left half</a>
<a id="nonsense" data-filter="size=constructor&amp;place=toString&amp;outcome=x&amp;score=33">nonsense</a>"""

CUT_ALL = """() => {
  const index = JSON.parse(document.querySelector(".case-data").textContent);
  const pictured = index.cases.filter((one) => one.picture);
  return pictured.flatMap((one) => one.details.methods.flatMap((predicted, number) =>
    one.details.columns.map((column) => {
      const [threshold, minimum] = index.methods[number].rules[column];
      const map = predicted.maps[column];
      return [number, one.id, column, map
        ? wsbenchBoxes.boxesOfMap(wsbenchBoxes.mapOf(map), map.score, threshold, minimum, one.size)
        : wsbenchBoxes.boxesKept(predicted.own[column], threshold, minimum, one.size)];
    })));
}"""
UNNAMED = """controls => controls.filter((one) =>
  !one.labels?.length && !one.ariaLabel && !one.textContent.trim()).length"""
DRAWN = """letter => [...document.querySelectorAll(`.case-film g.method-${letter} rect`)].map((rect) =>
  ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name))))"""


@pytest.fixture(scope="module")
def table(films: Films) -> CaseTable:
    made = case_table(films.records, films.loaded, films.plugins)
    assert made is not None
    return made


@pytest.fixture(scope="module")
def file(films: Films, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with figures and the cases."""
    section = cases_section(films.records, films.loaded, films.plugins, PICTURES, pixels=True)
    assert section is not None
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page("Report", [Section("figures", "Figures", Markup(FIGURE)), section]))
    return path


def names_listed(shown: OpenPage) -> list[str]:
    return shown.page.locator(".case-list li button").evaluate_all(
        "buttons => buttons.map((button) => button.firstChild.textContent)"
    )


def test_boxes_at_the_harness_s_thresholds_are_those_that_were_scored(
    file: Path,
    table: CaseTable,
    open_page: Callable[..., OpenPage],
) -> None:
    cut = open_page(file).page.evaluate(CUT_ALL)
    assert len(cut) >= PICTURES * len(METHODS)
    compared = 0
    for number, row, column, boxes in cut:
        method = table.methods[number]
        of_place = (method.boxes.image == row) & (method.boxes.label == column)
        scored = np.column_stack([method.boxes.xyxy[of_place], method.boxes.score[of_place]])
        redrawn = np.array(boxes, dtype=np.float64).reshape(-1, 5)
        assert redrawn.shape == scored.shape
        # CSV is read to the last bit but one
        assert redrawn == pytest.approx(scored, rel=1e-6 if table.methods[number].label == "fine" else 1e-15)
        compared += len(scored)
    assert compared > 50


@pytest.mark.parametrize(("width", "dark"), [(1400, False), (375, True)])
def test_it_opens_without_a_network_and_fits(
    file: Path,
    open_page: Callable[..., OpenPage],
    width: int,
    dark: bool,
) -> None:
    shown = open_page(file, width=width, dark=dark)
    assert shown.clean, (shown.requests, shown.errors)
    assert shown.overflow == 0
    film = shown.page.locator(".case-film .case-frame").bounding_box()
    assert film["width"] > (500 if width > 1000 else 300)
    assert shown.page.locator(".case-film img").evaluate("image => image.complete && image.naturalWidth > 50")
    assert not shown.page.locator(".case-pages").is_visible()
    assert shown.page.locator(".case-explorer :is(button, select, input)").evaluate_all(UNNAMED) == 0


def test_a_threshold_slider_that_is_moved_by_keyboard_redraws_the_boxes(
    file: Path,
    films: Films,
    table: CaseTable,
    open_page: Callable[..., OpenPage],
) -> None:
    shown = open_page(file).page
    number = next(n for n, method in enumerate(table.methods) if method.label == "spots")
    shown.select_option("[data-control=method]", str(number))
    slider = shown.locator("[data-control=threshold]")
    slider.focus()
    slider.press("Home")
    for _ in range(29):
        slider.press("ArrowRight")
    assert shown.locator('[data-shown="threshold"]').text_content() == "0.30"
    name = shown.locator(".case-name").text_content().partition(": ")[2]
    row = [sample.name for sample in table.samples].index(name)
    column = int(shown.locator("[data-control=finding]").input_value())
    _, prediction = store.read_role(films.records[0].folder / "predict", "test", films.loaded.dataset.classes)
    one = store.sliced(prediction, row, row + 1)
    size = table.truth.sizes[row : row + 1]
    boxes = table_of_map(one, size, column, BoxRule(0.3, 0.0)).single()
    expected = larger_than(boxes, size, table.methods[number].rules[column].minimum_area).xyxy
    expected = np.concatenate([expected[:, :2], expected[:, 2:] - expected[:, :2]], axis=1)
    assert len(expected) > 1
    assert np.array_equal(np.array(shown.evaluate(DRAWN, str(number))), expected)
    rule = shown.locator(".case-rule").text_content()
    assert f"{len(expected)} boxes at 0.30" in rule
    assert "The harness chose" in rule
    shown.click("[data-reset]")
    own = table.methods[number].boxes
    assert len(shown.evaluate(DRAWN, str(number))) == ((own.image == row) & (own.label == column)).sum()


def test_the_opacity_slider_and_keys_change_the_film(
    file: Path,
    open_page: Callable[..., OpenPage],
) -> None:
    shown = open_page(file).page
    canvas = shown.locator(".case-film canvas")
    assert canvas.evaluate("one => one.style.opacity") == "0.4"
    shown.locator("[data-control=opacity]").press("ArrowRight")
    assert canvas.evaluate("one => one.style.opacity") == "0.45"
    shown.locator(".case-frame").first.press("h")
    assert not canvas.is_visible()
    assert shown.locator(".case-film rect").count() > 0
    shown.locator(".case-frame").first.press("b")
    assert shown.locator(".case-film rect").count() == 0
    first = shown.locator(".case-name").text_content()
    assert first.startswith(f"1 of {PICTURES}: ")
    shown.locator(".case-frame").first.press("ArrowRight")
    assert shown.locator(".case-name").text_content().startswith(f"2 of {PICTURES}: ")
    shown.locator("[aria-label='Previous case']").click()
    assert shown.locator(".case-name").text_content() == first


def test_a_click_on_a_part_of_a_figure_shows_its_cases(
    file: Path,
    table: CaseTable,
    open_page: Callable[..., OpenPage],
) -> None:
    opened = open_page(file)
    shown = opened.page
    shown.uncheck("[data-control=pictured]")
    assert len(names_listed(opened)) == len(table.samples)
    truth = table.truth
    small = (table.thirds == 0).nonzero()[0]
    missed = {
        table.samples[truth.truth.image[box]].name
        for box in small
        for method in table.methods
        if method.outcomes[truth.truth.image[box], truth.truth.label[box]] == "fn"
    }
    shown.locator("#bar").press("Enter")  # a part of a figure is a button
    assert set(names_listed(opened)) == missed
    assert missed
    chips = shown.locator(".case-chips button")
    assert chips.all_text_contents() == ["outcome: fn", "size: small"]
    assert "outcome=fn" in shown.evaluate("location.hash")
    chips.first.click()
    assert chips.all_text_contents() == ["size: small"]
    with_small = {table.samples[row].name for row in truth.truth.image[small]}
    assert set(names_listed(opened)) == with_small
    shown.click("#of-class")
    assert chips.all_text_contents() == ["class: mass"]
    column = truth.classes.index("mass")
    mass = truth.labels[:, column].copy()
    for method in table.methods:
        mass |= np.isin(method.outcomes[:, column], ["tp", "fp"])
    assert set(names_listed(opened)) == {table.samples[row].name for row in mass.nonzero()[0]}
    shown.click("#attack")
    assert chips.all_text_contents() == [f"class: {ATTACK}"]
    shown.click("#plain")
    assert chips.all_text_contents() == ["size: large"]
    shown.click("#bin")
    assert chips.all_text_contents() == ["class: mass", "score: 0.3 to 0.4"]
    scores = np.stack([method.stored.scores[:, column] for method in table.methods])
    in_bin = ((scores >= 0.3) & (scores < 0.4)).any(axis=0)
    assert set(names_listed(opened)) == {table.samples[row].name for row in in_bin.nonzero()[0]}
    shown.click("#place")
    middle = truth.truth.xyxy[:, [0, 2]].mean(axis=1) / truth.sizes[truth.truth.image, 0]
    on_the_left = set(truth.truth.image[middle < 0.5].tolist())
    assert set(names_listed(opened)) == {table.samples[row].name for row in on_the_left}
    shown.click("#nonsense")
    assert chips.count() == 0
    assert len(names_listed(opened)) == len(table.samples)
    assert opened.clean, opened.errors


def test_a_view_can_be_linked(
    file: Path,
    table: CaseTable,
    open_page: Callable[..., OpenPage],
) -> None:
    first = open_page(file)
    first.page.uncheck("[data-control=pictured]")
    first.page.select_option("[data-control=outcome]", "fp")
    first.page.select_option("[data-control=sort]", "class")
    first.page.locator(".case-list li button").nth(3).click()
    address = first.page.evaluate("location.hash")
    second = open_page(file)
    second.page.goto(file.resolve().as_uri() + address)
    second.page.reload()
    assert second.page.locator(".case-name").text_content().partition(": ")[2] == names_listed(first)[3]
    assert second.page.input_value("[data-control=outcome]") == "fp"
    assert second.page.input_value("[data-control=sort]") == "class"
    assert second.clean, second.errors


def test_two_lists_of_cases_on_a_page_are_apart(
    films: Films, open_page: Callable[..., OpenPage], tmp_path: Path
) -> None:
    section = cases_section(films.records[:1], films.loaded, films.plugins, 2, pixels=False)
    assert section is not None
    link = Markup('<a href="#cases-2" data-filter="outcome=tp">second</a>')
    sections = [Section("figures", "Figures", link), section, replace(section, anchor="cases-2")]
    (tmp_path / "page.html").write_text(page("Report", sections))
    opened = open_page(tmp_path / "page.html")
    opened.page.click("a[data-filter]")
    assert opened.page.locator("#cases .case-chips button").count() == 0
    assert opened.page.locator("#cases-2 .case-chips button").all_text_contents() == ["outcome: tp"]
    assert opened.page.evaluate("location.hash").startswith("#cases-2?outcome=tp")
    assert opened.clean, opened.errors


def test_every_order_is_what_it_says(
    file: Path,
    table: CaseTable,
    open_page: Callable[..., OpenPage],
) -> None:
    opened = open_page(file)
    opened.page.uncheck("[data-control=pictured]")
    rows = {sample.name: row for row, sample in enumerate(table.samples)}
    worst = table.badness.max(axis=2).mean(axis=0)
    listed = [worst[rows[name]] for name in names_listed(opened)]
    assert listed == sorted(listed, reverse=True) or np.diff(listed).max() < 0.01  # rounded to hundredths
    opened.page.select_option("[data-control=sort]", "disagreement")
    ranges = np.ptp(table.badness, axis=0).max(axis=1)
    listed = [ranges[rows[name]] for name in names_listed(opened)]
    assert np.diff(listed).max() < 0.011
    opened.page.select_option("[data-control=sort]", "size")
    area = np.full(len(rows), np.inf)
    boxes = table.truth.truth
    shares = np.prod((boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]) / table.truth.sizes[boxes.image], axis=1)
    np.minimum.at(area, boxes.image, shares)
    listed = [area[rows[name]] for name in names_listed(opened)]
    assert all(first <= second + 1e-3 for first, second in itertools.pairwise(listed))


def test_without_javascript_the_cases_are_read(
    file: Path,
    table: CaseTable,
    open_page: Callable[..., OpenPage],
) -> None:
    opened = open_page(file, script=False)
    pages = opened.page.locator(".case-page")
    assert pages.count() == PICTURES
    assert not opened.page.locator(".case-explorer").is_visible()
    row = int(pages.first.get_attribute("data-page"))
    assert pages.first.locator("h3").text_content() == table.samples[row].name
    assert pages.first.locator("img").is_visible()
    assert pages.first.locator(".truth rect").count() == (table.truth.truth.image == row).sum()
    number = 0
    method = table.methods[number]
    lines = pages.first.locator("tbody tr")
    assert lines.count() >= len(METHODS)
    words = lines.first.text_content()
    assert f"{method.outcomes[row, 0]}: " in words or "absent" in words or "present" in words
    assert opened.clean


def test_names_are_text_everywhere(file: Path) -> None:
    html = file.read_text()
    assert "<script>alert" not in html
    assert "<b>.png" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    (data,) = re.findall(r'<script type="application/json" class="case-data">(.*?)</script>', html, re.S)
    assert "<" not in data
    assert json.loads(data)["classes"] == ["tb", "mass", ATTACK]


def test_without_pixels_no_pixel_and_no_heatmap_is_in_the_page(
    films: Films,
    open_page: Callable[..., OpenPage],
    tmp_path: Path,
) -> None:
    section = cases_section(films.records, films.loaded, films.plugins, PICTURES, pixels=False)
    assert section is not None
    assert "data:image" not in section.body
    assert '"values"' not in section.body
    (tmp_path / "page.html").write_text(page("Report", [section]))
    opened = open_page(tmp_path / "page.html")
    assert "pixels, not in this page" in opened.page.locator(".case-frame").first.text_content()
    assert opened.page.locator(".case-film rect").count() > 0
    assert opened.page.locator("[data-control=threshold]").is_disabled()
    assert opened.clean, opened.errors


def test_badness_by_hand() -> None:
    scores = np.array([[0.4], [0.1], [0.9], [0.2], [0.6], [0.6], [0.6], [0.0]])
    labels = np.array([[1], [1], [0], [0], [1], [1], [1], [0]], dtype=bool)
    overlaps = np.array([[0.9], [0.0], [np.nan], [np.nan], [0.1], [0.7], [np.nan], [np.nan]])
    values = badness(scores, np.array([0.5]), labels, overlaps)[:, 0]
    # fn and fp by their distance from 0.5; predicted at the wrong place; hit; no place known; tn
    assert values == pytest.approx([2.2, 2.8, 2.8, 0.2, 1.9, 0.3, 0.0, 0.0])


def test_images_are_chosen_from_the_worst_and_from_every_class_and_outcome(table: CaseTable) -> None:
    chosen = worst_then_spread(table, 10, 30)
    assert chosen == worst_then_spread(table, 10, 30)
    assert len(chosen) == len(set(chosen)) == 30
    worst = np.argsort(-table.badness.max(axis=2).mean(axis=0), kind="stable")
    assert chosen[:5] == worst[:5].tolist()
    spread = {str(table.methods[0].outcomes[row, column]) for row in chosen[5:17] for column in range(3)}
    assert spread == set(table.methods[0].outcomes.ravel().tolist())
    assert worst_then_spread(table, 0, 0) == []
    assert len(worst_then_spread(table, 1000, 1000)) == len(table.samples)


def test_overlaps_are_of_the_best_box(table: CaseTable) -> None:
    method, truth = table.methods[0], table.truth.truth
    for row in range(len(table.samples)):
        for column in range(len(table.truth.classes)):
            true = truth.xyxy[(truth.image == row) & (truth.label == column)]
            mine = (method.boxes.image == row) & (method.boxes.label == column)
            if len(true) == 0:
                assert np.isnan(method.overlaps[row, column])
            elif not mine.any():
                assert method.overlaps[row, column] == 0
            else:
                best = method.boxes.xyxy[mine][np.argmax(method.boxes.score[mine])]
                assert method.overlaps[row, column] == pytest.approx(pairwise_iou(true, best[None]).max())


def test_runs_that_cannot_be_shown_are_said(films: Films) -> None:
    spots, fine, _ = films.records
    other = replace(fine, dataset={**fine.dataset, "fingerprint": "other"})
    second = replace(spots, seed=1)
    section = cases_section([spots, second, other], films.loaded, films.plugins, 2, pixels=False)
    assert section is not None
    assert "1 of 2 rows are not shown" in section.body
    assert "the first seed is shown" in section.body
    assert cases_section([other], films.loaded, films.plugins, 2, pixels=True) is None
    assert cases_section([replace(spots, folder=None)], films.loaded, films.plugins, 2, pixels=True) is None


def pictures_of(html: str) -> list[Any]:
    return re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)


def test_as_many_pictures_as_asked_for(films: Films) -> None:
    for count in (0, 3, 1000):
        section = cases_section(films.records[:1], films.loaded, films.plugins, count, pixels=True)
        assert section is not None
        assert len(pictures_of(section.body)) == min(count, 40)
