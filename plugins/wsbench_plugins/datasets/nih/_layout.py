"""Writes any dataset of these classes as the release's official files."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image

import wsbench

from ._tables import BOX_HEADER, BOX_NAMES, BOXES, CLASSES, ENTRIES, ENTRY_HEADER, LISTS, NOTHING


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as the official files.

    Args:
        dataset: a dataset whose classes are among the 14 and whose splits are train_val and test. A sample
            without a patient is a patient of its own. Names lose their folders.
        folder: the folder to write; it must not exist, or be empty.
        progress: shows the writing of images.

    Raises:
        WsbenchError: the dataset has other classes or splits, or two samples would have the same file name.
    """
    ordered = sorted(dataset.samples, key=lambda sample: sample.name)
    name_of = {sample.name: Path(sample.name).name for sample in ordered}
    _refuse_misfits(dataset, list(name_of.values()))
    (folder / "images").mkdir(parents=True, exist_ok=True)
    with progress.task("writing images", len(ordered)) as advance:
        for sample in ordered:
            grey = dataset.read(sample, sample.height, sample.width)
            Image.fromarray(grey).save(folder / "images" / name_of[sample.name])
            advance()
    for split, file in LISTS.items():
        names = "".join(f"{name_of[sample.name]}\n" for sample in ordered if sample.split == split)
        (folder / file).write_text(names, encoding="utf-8")
    _write_rows(folder / ENTRIES[0], ENTRY_HEADER, _entry_rows(ordered, name_of))
    _write_rows(folder / BOXES, BOX_HEADER, _box_rows(ordered, name_of))


def _refuse_misfits(dataset: wsbench.Dataset, names: Sequence[str]) -> None:
    unknown = sorted(set(dataset.classes) - set(CLASSES))
    splits = sorted({sample.split for sample in dataset.samples} - set(LISTS))
    if unknown or splits:
        unknown_names = f"classes {', '.join(unknown)}" if unknown else f"splits {', '.join(splits)}"
        raise wsbench.WsbenchError(f"ChestX-ray14's layout has no {unknown_names}")
    if len(set(names)) < len(names):
        raise wsbench.WsbenchError("two images would have the same name in images/")


def _entry_rows(ordered: Sequence[wsbench.Sample], name_of: Mapping[str, str]) -> Iterator[list[object]]:
    number: dict[str, int] = {}
    visits: dict[int, int] = defaultdict(int)
    for sample in ordered:
        patient = number.setdefault(sample.patient or sample.name, len(number) + 1)
        about = [sample.attributes.get(key, "") for key in ("age", "sex", "view")]
        labels = "|".join(sample.labels) or NOTHING
        size = [sample.width, sample.height, "", ""]
        yield [name_of[sample.name], labels, visits[patient], patient, *about, *size]
        visits[patient] += 1


def _box_rows(ordered: Sequence[wsbench.Sample], name_of: Mapping[str, str]) -> Iterator[list[object]]:
    their_name = {ours: theirs for theirs, ours in BOX_NAMES.items()}
    for sample in ordered:
        for box in sample.boxes:
            corners = wsbench.geometry.xyxy_to_xywh((box.x0, box.y0, box.x1, box.y1))
            label = their_name.get(box.label, box.label)
            yield [name_of[sample.name], label, *corners, "", "", ""]


def _write_rows(path: Path, header: str, rows: Iterator[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"{header}\n")  # the release does not quote the commas in its column names
        csv.writer(file, lineterminator="\n").writerows(rows)
