"""Turns figures of Matplotlib into inline SVG: small, in the colours of the page, and the same every time."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from xml.etree import ElementTree  # nosec B405 # it reads what Matplotlib has just written

from wsbench.reports.plots.looks.colours import of_page

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

FILTER = "filter:"
"""How the name of an artist begins that stands for test images."""

DECIMALS = 1
"""Decimals of coordinates, in points of 1/72 inch."""

_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_REFERENCE = re.compile(r"#([\w.:-]+)")
_FONT = re.compile(r"font: *[^;]*?(\d+(?:\.\d+)?px)[^;]*")  # Matplotlib before 3.11 writes all in one
_FONT_FAMILY = re.compile(r"font-family: *[^;]*;? *")
_COORDINATES = ("d", "x", "y", "width", "height", "points", "transform")
_HOLDERS = ("href", "clip-path", "style")


def mark(artist: Artist, **chosen: str | int) -> None:
    """Say which test images a part of a figure stands for.

    In the SVG it has the attribute ``data-filter``, such as ``class=effusion`` or ``class=effusion&score=3``,
    in the form of the query of an address (spaces and signs in names are encoded). Keys are ``class``,
    ``size`` (small, middle, large), ``outcome`` (tp, fp, fn, tn) and ``score`` (0 to 9).
    """
    artist.set_gid(FILTER + urlencode(chosen))


def svg(figure: Figure) -> str:
    """Turn a figure into an element ``<svg>`` for an HTML page.

    Text stays text, and it and the axes have the colour of the text around the element. Colours of lines can
    be replaced by the style variables ``--series-1`` and so on. Equal figures give equal bytes.
    """
    root = ElementTree.fromstring(_written(figure))  # nosec B314 # as above
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    _remove(root, {"metadata", "style"})
    _simplify_ids(root)
    for element in root.iter():
        _rewrite(element)
    _unwrap(root)
    width = float(root.attrib["viewBox"].split()[2])
    has_filters = any("data-filter" in element.attrib for element in root.iter())
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": root.attrib["viewBox"],
        "width": f"{width * 4 / 3:.0f}",
        "role": "group" if has_filters else "img",
        "aria-label": str(figure.get_label()),
        "style": "max-width:100%;height:auto;stroke-linejoin:round;stroke-linecap:butt;fill:currentColor",
    }
    return ElementTree.tostring(root, encoding="unicode")


def _written(figure: Figure) -> bytes:
    from matplotlib import rc_context

    file = io.BytesIO()
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "wsbench",
        "path.simplify_threshold": 0.3,
    }
    with rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        # Laying out the same figure again would move it by parts of a point.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return file.getvalue()


def _remove(element: ElementTree.Element, tags: set[str]) -> None:
    for child in list(element):
        if child.tag in tags:
            element.remove(child)
        else:
            _remove(child, tags)
            child.tail = None
    if element.tag != "text":
        element.text = None


def _unwrap(element: ElementTree.Element) -> None:
    """Put what stands in groups without attributes in their place, and remove paths that show nothing."""
    children: list[ElementTree.Element] = []
    for child in element:
        _unwrap(child)
        if child.tag == "g" and not child.attrib:
            children += list(child)
        elif child.attrib.get("style") != "fill:none" and (len(child) or child.attrib):
            children.append(child)
    element[:] = children


def _simplify_ids(root: ElementTree.Element) -> None:
    """Keep the ids that something refers to, under names that no other figure of a page has."""
    prefix = "f" + hashlib.sha256(ElementTree.tostring(root)).hexdigest()[:8]
    used = dict.fromkeys(name for element in root.iter() for name in _referred(element))
    names = {old: f"{prefix}-{number}" for number, old in enumerate(used)}
    for element in root.iter():
        identifier = element.attrib.pop("id", "")
        if identifier.startswith(FILTER):
            element.set("data-filter", identifier.removeprefix(FILTER))
        elif identifier in names:
            element.set("id", names[identifier])
        for holder in _HOLDERS:
            if "#" in element.get(holder, ""):
                value = _REFERENCE.sub(lambda m: f"#{names.get(m[1], m[1])}", element.attrib[holder])
                element.set(holder, value)


def _referred(element: ElementTree.Element) -> Iterator[str]:
    href = element.get("href", "")
    if href.startswith("#"):
        yield href[1:]
    for holder in ("clip-path", "style"):
        yield from re.findall(r"url\(#([^)]+)\)", element.get(holder, ""))


def _rewrite(element: ElementTree.Element) -> None:
    """Round coordinates, and replace colours and fonts by those of the page."""
    for name in _COORDINATES:
        if name in element.attrib:
            value = _NUMBER.sub(lambda number: _short(float(number[0])), element.attrib[name])
            element.set(name, " ".join(value.split()))
    if "style" in element.attrib:
        value = _FONT.sub(r"font-size:\1", element.attrib["style"])
        value = _FONT_FAMILY.sub("", value)
        value = _COLOUR.sub(lambda colour: of_page(colour[0]), value)
        element.set("style", re.sub(r"([:;]) +", r"\1", value))


def _short(number: float) -> str:
    text = f"{number:.{DECIMALS}f}".removesuffix(".0")
    return "0" if text == "-0" else text
