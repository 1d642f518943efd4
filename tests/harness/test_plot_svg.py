"""Inline SVG: what stands in it, by hand."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from wsbench.reports.plots.looks import canvas, colours, svg


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("font: 8px 'DejaVu Sans', sans-serif; fill: #010203", "font-size:8px;fill:currentColor"),
        ("font-size: 8px; font-family: 'DejaVu Sans'; fill: #010203", "font-size:8px;fill:currentColor"),
        ("font: italic bold 7.5px 'X'; text-anchor: end", "font-size:7.5px;text-anchor:end"),
        ("stroke: #d55e00; stroke-width: 1.5", "stroke:var(--series-2, #d55e00);stroke-width:1.5"),
        ("fill: #abcdef", "fill:#abcdef"),
    ],
)
def test_styles_take_colours_and_fonts_of_the_page(written: str, expected: str) -> None:
    element = ElementTree.Element("text", style=written)
    svg._rewrite(element)
    assert element.attrib == {"style": expected}


def test_a_figure_is_a_small_element_without_leftovers() -> None:
    """No document type, no style sheet that would change the page, no metadata, no font, no background."""
    with canvas.style():
        figure, (axes,) = canvas.axes_of(1, 'what it "shows" <b>', 0)
        (line,) = axes.plot([0.0, 0.123456, 1.0], [0, 1, 0.5], color=colours.colour_of(1))
        svg.mark(line, **{"class": "a b", "score": 3})
        axes.set_title("a $x$ & <b>")
        canvas.without_math(figure)
    text = svg.svg(figure)
    root = ElementTree.fromstring(text)
    assert text.startswith("<svg ")
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
        "svg", "g", "path", "defs", "use", "text", "clipPath", "rect"
    }  # fmt: skip
    assert root.get("aria-label") == 'what it "shows" <b>'
    assert root.get("role") == "group"
    (marked,) = [element for element in root.iter() if "data-filter" in element.attrib]
    assert marked.get("data-filter") == "class=a+b&score=3"
    assert "a $x$ &amp; &lt;b&gt;" in text
    assert "DejaVu" not in text
    assert "var(--series-2, #d55e00)" in text
    assert colours.INK not in text
    used = {element.get("href", "")[1:] for element in root.iter() if "href" in element.attrib}
    assert used <= {element.get("id") for element in root.iter()}
