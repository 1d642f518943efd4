"""People on a leaderboard page: an unranked table of readers, from a file that a command wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from wsbench.contract.specs import MetricSpec, columns_of
from wsbench.errors import WsbenchError
from wsbench.files import documents
from wsbench.files.documents import FolderName, Name
from wsbench.files.locks import held_for_a_moment
from wsbench.files.writing import write_json
from wsbench.reports.board_tables import markdown_table
from wsbench.scoring.agreement import SUMMARIES

FOLDER = "readers"
DIGITS = 3
ROW = "radiologist (no method)"

Study = TypeVar("Study", bound=documents.Document)
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Measured(documents.Document):
    """A measure of readers.

    Attributes:
        value: its mean over the classes in which it exists; None where there are none.
        interval: the 95 % interval over patients.
        per_class, class_intervals: the same by class.
        undefined: the classes in which it does not exist.
    """

    value: Finite | None
    interval: tuple[Finite, Finite] | None = None
    per_class: dict[Name, Finite | None] = Field(default_factory=dict)
    class_intervals: dict[Name, tuple[Finite, Finite] | None] = Field(default_factory=dict)
    undefined: list[Name] = Field(default_factory=list)

    @property
    def cells(self) -> tuple[str, str]:
        """Value and interval, as tables show them."""
        value = "-" if self.value is None else f"{self.value:.{DIGITS}f}"
        ends = [f"{end:.{DIGITS}f}" for end in self.interval or ()]
        return value, " to ".join(ends) or "-"


class Counts(documents.Document):
    """How much was read: images, readings, readers, and the fewest and the most readers of an image."""

    images: int = Field(ge=1)
    readings: int = Field(ge=2)
    readers: int = Field(ge=2)
    fewest: int = Field(ge=2)
    most: int = Field(ge=2)
    boxes: int = Field(ge=0)


class OneReader(documents.Document):
    """What one reader reaches alone."""

    readings: int
    boxes: int
    metrics: dict[Name, Finite | None]


class StudyData(documents.Document):
    """The data that were read."""

    name: FolderName
    settings: dict[str, Any]
    fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    subset: dict[str, tuple[int, int]]


Summary = Annotated[str, StringConstraints(max_length=200), AfterValidator(documents.printable_line)]


class ReaderStudy(documents.Document):
    """What `wsbench.runs.reader_study.study` returns, in a file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    dataset: StudyData
    images: Literal["test", "all"]
    iou: Finite
    counts: Counts
    undecided: Finite | None
    radiologist: dict[Name, Measured]
    agreement: dict[Name, Measured]
    readers: dict[Name, OneReader]

    @property
    def which(self) -> str:
        """What was read by whom, in a sentence."""
        counts, images = self.counts, "test images" if self.images == "test" else "images of all roles"
        each = str(counts.fewest) if counts.fewest == counts.most else f"{counts.fewest} to {counts.most}"
        return f"{counts.images} {images}, each by {each} of {counts.readers} readers"

    @property
    def undecided_line(self) -> str:
        """The share of what could not be scored, in a sentence; empty where nobody found anything."""
        if self.undecided is None:
            return ""
        return (
            f"Of the findings that another reader of the image reports, {self.undecided:.1%} are not scored, "
            "because the others do not agree on them."
        )


def checked(result: Mapping[str, Any]) -> ReaderStudy:
    """The result of a study as the model of its file."""
    return documents.checked(ReaderStudy, dict(result), "the study of readers")


def add(study: ReaderStudy, folder: Path) -> Path:
    """Write a study into a leaderboards folder, in place of an earlier one of the dataset.

    Args:
        study: of a complete dataset.
        folder: the folder of all leaderboards.

    Returns:
        The path of its file.

    Raises:
        WsbenchError: the dataset is a subset of its release.
    """
    return add_document(study, study.dataset, folder, FOLDER)


def add_document(study: documents.Document, data: StudyData, folder: Path, within: str) -> Path:
    """Write the study of any readers of a dataset into a folder of a leaderboards folder; see `add`."""
    if data.subset:
        raise WsbenchError(f"{data.name} is a subset of its release here; its readers enter no leaderboard")
    path = folder / within / f"{data.name}.json"
    with held_for_a_moment(folder / ".lock"):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, study.model_dump(mode="json"))
    return path


def read(folder: Path) -> dict[str, ReaderStudy]:
    """Read all studies of a leaderboards folder, by dataset.

    Raises:
        WsbenchError: a file is no study, or is one of another dataset than its name says.
    """
    return read_documents(folder, FOLDER, ReaderStudy, lambda study: study.dataset)


def read_documents(
    folder: Path, within: str, model: type[Study], data_of: Callable[[Study], StudyData]
) -> dict[str, Study]:
    """Read the studies of a folder of a leaderboards folder, by dataset; see `read`.

    Args:
        folder: the folder of all leaderboards.
        within: the folder of the studies in it.
        model: the model of a study.
        data_of: gives the data of a study.
    """
    studies = {}
    for path in sorted((folder / within).glob("*.json")):
        study = documents.read_json(path, model, "a study of readers")
        data = data_of(study)
        if data.name != path.stem:
            raise WsbenchError(f"{path}: is of dataset {data.name}; name it {data.name}.json")
        if data.subset:
            raise WsbenchError(f"{path}: is of a subset of {data.name}; remove it")
        studies[path.stem] = study
    return studies


def section(study: ReaderStudy, metrics: Mapping[str, MetricSpec]) -> list[str]:
    """The part of a leaderboard page that shows readers.

    Args:
        study: the study of the page's dataset.
        metrics: all metrics by name; they give the order.
    """
    options = ", ".join(f"{name}={value}" for name, value in sorted(study.dataset.settings.items()))
    data = f"Data `{study.dataset.fingerprint}`{': ' + options if options else ''}. "
    truth = f"Boxes of one finding overlap by an IoU of at least {study.iou:g}. "
    rows = [[name, *study.radiologist[name].cells] for name in in_order(study, metrics)]
    between = [[SUMMARIES.get(name, name), *measured.cells] for name, measured in study.agreement.items()]
    return [
        PREFACE,
        f"{data}Read: {study.which}. {truth}{study.undecided_line}\n",
        markdown_table(["measure of boxes alone", ROW, "95 %"], rows),
        "How far readers agree with each other:\n",
        markdown_table(["between readers", "value", "95 %"], between),
    ]


def in_order(study: ReaderStudy, metrics: Mapping[str, MetricSpec]) -> list[str]:
    """The metrics of a study: first those that pages show, in their order, then the others by name."""
    shown = [*columns_of(metrics, "uniform"), *columns_of(metrics, "paper")]
    return [name for name in dict.fromkeys([*shown, *sorted(study.radiologist)]) if name in study.radiologist]


PREFACE = """## Readers

Made by `wsbench data readers`. **This is no method.** It stands in no order with the rows above, has no rank
and counts in nobody's. *radiologist*: every reader's boxes against what more than half of the image's other
readers agree on, over all readers. Methods are scored against the dataset's truth, on its test images. People
give no scores, so only measures that boxes alone decide exist. The measure that ranks needs an order of boxes
and does not. *95 %* is over patients. [What each number is](../docs/protocol.md#people-as-rows).
"""
