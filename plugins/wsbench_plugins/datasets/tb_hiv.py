"""HIV-TB and TB-POC: films of patients with HIV, some of whom have tuberculosis.

The films lie in ``HIV-TB_Algorithm_study_X-rays`` (BMP, a few JPEG) and in ``TBPOC_CXR`` (JPEG). Their names
say nothing of tuberculosis. The labels are read from a file that you name: a table with the columns ``image``
and ``tb`` (1 or 0), or a JSON file of splits as mednet 2.0.1 carries it, such as
``{"train": [["FOLDER/1.BMP", 1]], "test": []}``, whose splits are joined.

Source: mednet's documentation and split files (243 and 407 films). The owners hand out both sets on request,
and neither the films nor a table of theirs was at hand. The titles of the cited papers are from memory and
were not checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import Field, RootModel

import wsbench

from ._release import ReleaseDataset, ReleaseImage, first_folder, require_parts
from .folders import PlaceInside, rows

CLASS = "tb"
IMAGE, LABEL = "image", "tb"
LABELS = {"1": (CLASS,), "1.0": (CLASS,), "0": (), "0.0": ()}


class TBSettings(wsbench.Settings):
    """Where the labels are."""

    labels: PlaceInside = Field(
        "labels.csv",
        description="a file in the dataset's folder: a CSV table with the columns image and tb (1 or 0), or "
        "a JSON file of splits as mednet has it",
    )


class SplitFile(RootModel[dict[str, list[tuple[str, int]]]]):
    """A JSON file of splits as mednet has it."""


@dataclass(frozen=True)
class Collection:
    """One of both sets.

    Attributes:
        name: the name of the dataset and of its only split.
        folders: the folders that may hold the films, the most likely first.
        suffix: the suffix of the files that are written.
        summary, citation: those of the dataset.
    """

    name: str
    folders: tuple[str, ...]
    suffix: str
    summary: str
    citation: str

    def load(self, settings: TBSettings, source: wsbench.Source) -> ReleaseDataset:
        """Load the films that the file of labels names.

        Raises:
            WsbenchError: the folder of films or the file of labels is missing, or the latter is neither of
                both kinds.
        """
        root = source.root
        assert root is not None
        folder = first_folder(root, self.name, self.folders)
        require_parts(root, self.name, (settings.labels,))
        problems: list[wsbench.Problem] = []
        pairs = list(_pairs(root / settings.labels))
        first, different = wsbench.one_value_each((name, word) for _, name, word in pairs)
        for name in different:
            what = f"{name} has the labels {' and '.join(different[name])}"
            problems.append(wsbench.Problem(settings.labels, what, "labels that contradict", (name,)))
        described = list(self._described(pairs, first, problems))
        return ReleaseDataset((CLASS,), described, problems, {self.name: folder}, None, source)

    def _described(
        self, pairs: Iterable[tuple[str, str, str]], first: dict[str, str], problems: list[wsbench.Problem]
    ) -> Iterator[ReleaseImage]:
        where = {name: place for place, name, _ in reversed(list(pairs))}
        for name, word in first.items():
            if word not in LABELS:
                what = f"{name}: {LABEL} is '{word[:40]}', which is neither 1 nor 0"
                problems.append(wsbench.Problem(where[name], what, "bad row", (name,)))
                continue
            yield ReleaseImage(
                name=name, file=name, split=self.name, labels=LABELS[word], boxes=(), where=where[name]
            )

    def write(self, dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
        """Write a dataset as this set, with a table of labels.

        Args:
            dataset: a dataset of one class, whose boxes and splits are lost. Names become numbers.
            folder: the folder to write; it must not exist, or be empty.
            progress: shows the writing of images.

        Raises:
            WsbenchError: the dataset has several classes.
        """
        from . import _release_writing as writing

        writing.names_in_release(dataset, (CLASS,), self.name, CLASS)
        ordered = writing.sorted_samples(dataset)
        (folder / self.folders[0]).mkdir(parents=True, exist_ok=True)
        table = []
        with progress.task("writing images", len(ordered)) as advance:
            for number, sample in enumerate(ordered):
                file = f"{number + 1:03d}{self.suffix}"
                path = folder / self.folders[0] / file
                writing.save_image(writing.read_whole(dataset, sample), path)
                table.append((file, int(bool(sample.labels))))
                advance()
        writing.save_table(folder / "labels.csv", (IMAGE, LABEL), table)


def _pairs(path: Path) -> Iterator[tuple[str, str, str]]:
    """Where it stands, the name of the film's file, and the word of its label, of every row of a file."""
    if path.suffix.lower() == ".json":
        splits = wsbench.images.read_json(path, SplitFile, "a JSON file of splits").root
        for split, pairs in splits.items():
            for name, label in pairs:
                yield f"{path.name}, {split}", _file(name), str(label)
        return
    for line, cells in rows(path, (IMAGE, LABEL), ","):
        yield f"{path.name}, line {line}", _file(cells[IMAGE]), cells[LABEL]


def _file(name: str) -> str:
    """The name of a file without the folder that mednet's lists have before it."""
    return PurePosixPath(name.replace("\\", "/")).name


HIV_TB = Collection(
    name="hiv_tb",
    folders=("HIV-TB_Algorithm_study_X-rays", "HIV-TB/HIV-TB_Algorithm_study_X-rays"),
    suffix=".bmp",
    summary="HIV-TB: 243 films of patients with HIV, with and without tuberculosis",
    citation="Van Hoving, Lahri, Lahri et al.: Brief Report: Real-World Performance and Interobserver "
    "Agreement of Urine Lipoarabinomannan in Diagnosing HIV-Associated Tuberculosis in an Emergency Center, "
    "Journal of Acquired Immune Deficiency Syndromes 2019",
)
TBPOC = Collection(
    name="tbpoc",
    folders=("TBPOC_CXR",),
    suffix=".jpeg",
    summary="TB-POC: 407 films of patients with HIV, with and without tuberculosis",
    citation="Griesel, Stewart, van der Plas et al.: Optimizing Tuberculosis Diagnosis in Human "
    "Immunodeficiency Virus-Infected Inpatients Meeting the Criteria of Seriously Ill in the World Health "
    "Organization Algorithm, Clinical Infectious Diseases 2018",
)


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    return [
        wsbench.DatasetSpec(
            name=collection.name,
            summary=collection.summary,
            settings=TBSettings,
            load=collection.load,
            citation=collection.citation,
            write=collection.write,
        )
        for collection in (HIV_TB, TBPOC)
    ]
