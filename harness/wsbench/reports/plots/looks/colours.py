"""The colours of figures."""

from __future__ import annotations

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#3b8fc4", "#6a5acd", "#555555")
"""Colours after Okabe and Ito (2008), which people with colour blindness tell apart. On a page, the style
variables ``--series-1`` to ``--series-8`` replace them."""

INK = "#010203"
"""The colour of text and axes, which becomes ``currentColor``. No other part of a figure has it."""


def colour_of(number: int) -> str:
    """The colour of the method with a number, from 0 on."""
    return PALETTE[number % len(PALETTE)]


def of_page(colour: str) -> str:
    """The colour of a style on a page, which the page can replace."""
    if colour == INK:
        return "currentColor"
    return f"var(--series-{PALETTE.index(colour) + 1}, {colour})" if colour in PALETTE else colour
