"""The index: every dataset with its best rows and the floor, and what else the site has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsbench.reports.board import Board
from wsbench.reports.web import document
from wsbench.reports.web.document import rendered
from wsbench.reports.web.site import addresses
from wsbench.reports.web.site.boards import DatasetBoard
from wsbench.reports.web.site.dataset import lead
from wsbench.reports.web.site.parts import section, table_html
from wsbench.reports.web.site.ranking import best_blind, headings, lines_of

if TYPE_CHECKING:
    from markupsafe import Markup

BEST = 3
"""How many rows of a dataset the index shows, besides its floor."""

TITLE = "wsbench: leaderboards"
LEAD = (
    "Which method finds lesions on chest X-rays without having been shown any? Every row is compared with "
    "boxes that never look at the image."
)


@dataclass(frozen=True)
class Card:
    """A dataset on the index.

    Attributes:
        name: of the dataset.
        href: of its page.
        words: what its page holds.
        table: its best rows and its floor; empty where no run was submitted.
        verdict: how many rows may be the best.
    """

    name: str
    href: str
    words: str
    table: Markup | str
    verdict: str


def page(boards: Sequence[DatasetBoard], *, with_papers: bool) -> str:
    """The HTML of the index.

    Args:
        boards: all datasets.
        with_papers: whether the page of papers beside the floor exists.
    """
    ranked = [card(board) for board in boards if board.sections]
    printed = [card(board) for board in boards if not board.sections]
    parts = [section("datasets", "Datasets", rendered("site/cards.html", cards=ranked))] if ranked else []
    if printed:
        parts.append(section("published", "Published numbers", rendered("site/list.html", cards=printed)))
    links = rendered(
        "site/more.html",
        papers=addresses.PAPERS if with_papers else "",
        board=addresses.BOARD,
        schema=addresses.SCHEMA,
    )
    return document.page(TITLE, [*parts, section("more", "More", links)], lead=LEAD)


def card(board: DatasetBoard) -> Card:
    """A dataset as the index shows it."""
    href = addresses.link(board.address)
    if not board.sections:
        count = len(board.printed)
        return Card(board.name, href, f"{count} published table{'s' if count != 1 else ''}", "", "")
    first = board.sections[0]
    table = table_html(
        f"best-{addresses.anchor(board.name)}",
        f"The best rows on {board.name}, and the best one that never looks at the image",
        headings(first.board, measures=False),
        [line for _, line in lines_of(first, board.links(first, ""), _shown(first.board), measures=False)],
    )
    return Card(board.name, href, lead(board), table, _verdict(first.board))


def _shown(board: Board) -> list[int]:
    """The best rows, and the best image-blind one."""
    floor = best_blind(board)
    indices = list(range(min(BEST, len(board.rows))))
    return indices if floor is None or floor in indices else [*indices, floor]


def _verdict(board: Board) -> str:
    winners = [index for index, standing in board.standings.items() if standing.winner]
    blind = sum(board.rows[index].is_blind for index in winners)
    words = f"{len(winners)} of {len(board.rows)} rows may be the best: nothing is better by more than noise."
    if blind:
        words += f" {blind} of them never look{'s' if blind == 1 else ''} at the image."
    return words
