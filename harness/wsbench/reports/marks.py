"""Masks and points of people on a leaderboard page: an unranked table, from a file that a command wrote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from wsbench.contract.specs import MetricSpec, columns_of
from wsbench.files import documents
from wsbench.files.documents import Name
from wsbench.reports import readers
from wsbench.reports.board_tables import markdown_table
from wsbench.reports.readers import DIGITS, FOLDER, ROW, Measured, StudyData, add_document, read_documents

MARKS = f"{FOLDER}/masks"
"""The folder of these studies within a leaderboards folder."""

Count = Annotated[int, Field(ge=0)]


class MarkCounts(documents.Document):
    """How much was read.

    Attributes:
        images, readings, readers: their numbers.
        findings: the truth masks of each class, once for every reading of their image.
        masks, points: how many of them people gave; None where they gave none on any image.
    """

    images: int = Field(ge=1)
    readings: int = Field(ge=1)
    readers: int = Field(ge=1)
    findings: dict[Name, Count]
    masks: Count | None
    points: Count | None


class MarksStudy(documents.Document):
    """What `wsbench.runs.marks_study.study` returns, in a file."""

    dataset: StudyData
    images: Literal["test", "all"]
    counts: MarkCounts
    radiologist: dict[Name, Measured]

    @property
    def which(self) -> str:
        """What was read by whom, in a sentence."""
        counts, images = self.counts, "test images" if self.images == "test" else "images of all roles"
        marks = {"masks": counts.masks, "points": counts.points}
        given = " and ".join(f"{count} {name}" for name, count in marks.items() if count is not None)
        names = "a single name" if counts.readers == 1 else f"{counts.readers} names"
        return f"{counts.images} {images} under {names}, with {given}; {self.findings} findings have a mask"

    @property
    def findings(self) -> int:
        """The number of truth masks that were scored."""
        return sum(self.counts.findings.values())


def checked(result: Mapping[str, Any]) -> MarksStudy:
    """The result of a study as the model of its file."""
    return documents.checked(MarksStudy, dict(result), "the study of readers")


def add(study: MarksStudy, folder: Path) -> Path:
    """Write a study into a leaderboards folder, as `wsbench.reports.readers.add`."""
    return add_document(study, study.dataset, folder, MARKS)


def read(folder: Path) -> dict[str, MarksStudy]:
    """Read all studies of a leaderboards folder, by dataset; see `wsbench.reports.readers.read`."""
    return read_documents(folder, MARKS, MarksStudy, lambda study: study.dataset)


def by_measure(study: MarksStudy, metrics: Mapping[str, MetricSpec]) -> list[list[str]]:
    """The rows of a table: each measure with its mean over classes and the interval of the mean. Measures
    without an interval, such as ends of another one, are no means."""
    names = [name for name in in_order(study, metrics) if metrics[name].resampled]
    return [[name, *study.radiologist[name].cells] for name in names]


def by_class(
    study: MarksStudy, metrics: Mapping[str, MetricSpec], *, intervals: bool
) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table with the measures of every class that has a truth mask.

    Args:
        study: the study.
        metrics: all metrics by name.
        intervals: whether cells have intervals, and measures without any are shown. Otherwise columns have
            the short headings of the terminal.
    """
    names = [name for name in in_order(study, metrics) if intervals or metrics[name].resampled]
    rows = []
    for label, count in study.counts.findings.items():
        if count:
            cells = [_cell(study.radiologist[name], label, interval=intervals) for name in names]
            rows.append([label, str(count), *cells])
    headings = names if intervals else [metrics[name].heading or name for name in names]
    return ["class", "findings", *headings], rows


def _cell(measured: Measured, label: str, *, interval: bool) -> str:
    """The value of a class, with its interval where that is asked for and exists."""
    value, ends = measured.per_class.get(label), measured.class_intervals.get(label)
    if value is None:
        return "-"
    words = f" ({ends[0]:.{DIGITS}f} to {ends[1]:.{DIGITS}f})" if interval and ends else ""
    return f"{value:.{DIGITS}f}{words}"


def in_order(study: MarksStudy, metrics: Mapping[str, MetricSpec]) -> list[str]:
    """The metrics of a study: first those that pages show, in their order, then the others by name."""
    shown = columns_of(metrics, "uniform")
    return [name for name in dict.fromkeys([*shown, *sorted(study.radiologist)]) if name in study.radiologist]


def section(study: MarksStudy, metrics: Mapping[str, MetricSpec]) -> list[str]:
    """The part of a leaderboard page that shows readers against truth masks.

    Args:
        study: the study of the page's dataset.
        metrics: all metrics by name; they give the order.
    """
    options = ", ".join(f"{name}={value}" for name, value in sorted(study.dataset.settings.items()))
    data = f"Data `{study.dataset.fingerprint}`{': ' + options if options else ''}. "
    return [
        PREFACE,
        f"{data}Read: {study.which}.\n",
        markdown_table(["measure of masks and points", ROW, "95 %"], by_measure(study, metrics)),
        markdown_table(*by_class(study, metrics, intervals=True)),
    ]


def sections(folder: Path, metrics: Mapping[str, MetricSpec]) -> dict[str, list[str]]:
    """The parts of all pages that show readers, of boxes and of masks, by dataset.

    Args:
        folder: the folder of all leaderboards.
        metrics: all metrics by name.
    """
    parts: dict[str, list[str]] = defaultdict(list)
    for name, study in readers.read(folder).items():
        parts[name] += readers.section(study, metrics)
    for name, of_marks in read(folder).items():
        parts[name] += section(of_marks, metrics)
    return dict(parts)


PREFACE = """## Readers against the truth masks

Made by `wsbench data readers`. **This is no method.** It stands in no order with the rows above, has no rank
and counts in nobody's. *radiologist*: the masks and points of radiologists who had no part in the truth,
against the truth masks. A finding without a mask of theirs is a blank prediction, and one without a point is
missed. *95 %* is over patients. [What each number is](../docs/protocol.md#people-as-rows).
"""
