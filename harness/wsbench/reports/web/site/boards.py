"""What the site shows of one dataset, and where its pages are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wsbench.reports.published import Paper, PublishedTable
from wsbench.reports.tabular.sections import Section
from wsbench.reports.web.site import addresses
from wsbench.reports.web.site.addresses import Place


@dataclass(frozen=True)
class DatasetBoard:
    """A dataset's part of the leaderboards.

    Attributes:
        name: the dataset's name.
        sections: its tables; none where no run was submitted.
        printed: what papers print of it.
        people: parts that show its readers, as markdown.
        pages: the address of every row's page, from the site's folder.
    """

    name: str
    sections: Sequence[Section]
    printed: Sequence[tuple[Paper, PublishedTable]]
    people: Sequence[str]
    pages: Mapping[Place, str]

    @property
    def address(self) -> str:
        """The address of its page, from the site's folder."""
        return addresses.of_dataset(self.name)

    def links(self, section: Section, base: str) -> dict[int, str]:
        """The links from a page to the rows of a section, by their numbers.

        Args:
            section: one of the dataset's.
            base: the address of the page.
        """
        return {
            index: addresses.link(self.pages[section.number, index], base)
            for index in range(len(section.board.rows))
        }
