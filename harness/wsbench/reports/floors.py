"""What image-blind boxes reach by the rules of papers, beside what the papers print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from wsbench.errors import WsbenchError
from wsbench.files import documents
from wsbench.files.documents import Name
from wsbench.reports import published
from wsbench.reports.published import Paper, Words

FILE = "floors.yaml"
"""Within a leaderboards folder."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Bounds = tuple[Finite, Finite]


class Floor(documents.Document):
    """One number that image-blind boxes reach.

    Attributes:
        paper: the file of ``published`` whose rule it is, or another name where nothing is published.
        measure: the metric of wsbench that is that rule.
        images: what was scored, in words.
        boxes: the fixed boxes or the mask, in words.
        chosen_on: the annotations that they were chosen on, in words.
        value: of the measure.
        interval: 95 %, over the scored images.
        in_training: the value on training images, by which kinds of boxes can be compared.
        other_cuts: mean and sample standard deviation over other ways of cutting patients into halves.
        printed_in: how the name of the paper's table ends that prints the measure of these images; empty
            where any table of the paper does.
        title, name: what the paper calls its method and the measure, of numbers that an overview shows; empty
            of all others.
    """

    paper: Name
    measure: Name
    images: Words
    boxes: Words
    chosen_on: Words
    value: Finite
    interval: Bounds
    in_training: Finite | None = None
    other_cuts: Bounds | None = None
    printed_in: Words = ""
    title: Words = ""
    name: Words = ""


def read(leaderboards: Path) -> list[Floor]:
    """The numbers of a leaderboards folder; none where it has no `FILE`."""
    path = leaderboards / FILE
    return read_file(path) if path.exists() else []


def read_file(path: Path) -> list[Floor]:
    """The numbers of a file.

    Raises:
        WsbenchError: it is missing or of another form.
    """
    values = documents.yaml_value(documents.read_bytes(path), str(path))
    return documents.checked(FloorFile, {"floors": values}, str(path)).floors


class FloorFile(documents.Document):
    """All numbers of a file."""

    floors: list[Floor]


def papers_by_name(leaderboards: Path) -> dict[str, Paper]:
    """What papers print, by the name of their file."""
    names = [path.stem for path in sorted((leaderboards / published.FOLDER).glob("*.yaml"))]
    return dict(zip(names, published.read_papers(leaderboards), strict=True))


def best_published(paper: Paper, measure: str, table: str = "") -> tuple[float, str]:
    """The highest number that a paper prints of a measure, and whose it is.

    Args:
        paper: the paper.
        measure: the metric of wsbench that is the paper's rule.
        table: how the name of the table ends.

    Raises:
        WsbenchError: the paper prints no number of the measure.
    """
    printed_numbers = [
        (number, method)
        for printed in paper.tables
        if measure in printed.columns and printed.table.endswith(table)
        for method, numbers in printed.rows.items()
        if (number := numbers[printed.columns.index(measure)]) is not None
    ]
    if not printed_numbers:
        raise WsbenchError(f"{FILE}: {measure} stands in no table of {paper.citation}; correct its entry")
    return max(printed_numbers)


def beside(floor: Floor, papers: Mapping[str, Paper]) -> tuple[float, str] | None:
    """The best published number beside an image-blind one, and whose it is; None where nothing is published.

    Args:
        floor: the image-blind number.
        papers: by the name of their file.
    """
    paper = papers.get(floor.paper)
    return None if paper is None else best_published(paper, floor.measure, floor.printed_in)


def share_above(floors: Sequence[Floor], papers: Mapping[str, Paper]) -> tuple[int, int]:
    """In how many lines of the overview image-blind boxes are above the best published number, and in how
    many they could be."""
    pairs = [(floor, beside(floor, papers)) for floor in floors if floor.title]
    known = [(floor.value, best[0]) for floor, best in pairs if best is not None]
    return sum(value > best for value, best in known), len(known)
