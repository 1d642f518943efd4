"""Folders whose labels and boxes are in CSV files, with columns that the user names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import wsbench

from ._csv_read import Row, read_box_rows, read_rows
from ._csv_settings import CsvSettings
from ._dataset import FolderDataset
from ._described import Described
from ._lists import Names, splits_of_lists
from ._words import ONE_SPLIT, by_split


def load(settings: CsvSettings, source: wsbench.Source) -> FolderDataset:
    """Load a folder.

    Raises:
        WsbenchError: a table or a list cannot be read, lacks a column, or names no class.
    """
    assert source.root is not None
    problems: list[wsbench.Problem] = []
    table = list(read_rows(settings, source.root, problems))
    split_of = _splits(table, settings, source.root, problems)
    by_image: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in table:
        if row.file in split_of or settings.lists is None:
            by_image[row.split or split_of.get(row.file, ONE_SPLIT), row.file].append(row)
    _add_boxes(by_image, read_box_rows(settings, source.root, problems), settings, problems)
    folders = _folders(settings, [split for split, _ in by_image])
    described = list(_described(by_image, settings, problems))
    return FolderDataset(
        _classes(settings, described, source.root),
        _in_one_split(described, problems),
        problems,
        {split: source.root / folder for split, folder in folders.items()},
        settings.grey_levels,
        source,
    )


def _add_boxes(
    by_image: Mapping[tuple[str, str], list[Row]],
    box_rows: Iterable[Row],
    settings: CsvSettings,
    problems: list[wsbench.Problem],
) -> None:
    """Add the rows of the table of boxes to those of their images."""
    keys_of: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for key in by_image:
        keys_of[key[1]].append(key)
    names = Names(keys_of)
    for row in box_rows:
        name = names.full(row.file)
        if name is None and settings.lists is None:  # with lists, it may be of an image in none of them
            what = f"has a box on {row.file}, which the table of images does not name"
            problems.append(wsbench.Problem(row.where, what, "box of no image"))
        for key in keys_of[name] if name is not None else ():
            by_image[key].append(row)


def _splits(
    table: Sequence[Row], settings: CsvSettings, root: Path, problems: list[wsbench.Problem]
) -> dict[str, str]:
    """By image, the split of the list that names it; nothing without lists."""
    if settings.lists is None:
        return {}
    return splits_of_lists(settings.lists, root, {row.file for row in table}, str(settings.table), problems)


def _folders(settings: CsvSettings, splits: Sequence[str]) -> dict[str, str]:
    if isinstance(settings.images, str):
        return dict.fromkeys(splits, settings.images)
    for split in splits:
        if split not in settings.images:
            raise wsbench.WsbenchError(f"images: has no folder for the split '{split}'; write one")
    return {split: settings.images[split] for split in splits}


def _name(file: str, split: str, settings: CsvSettings) -> str:
    """Where every split has its own folder, two may have a file of one name."""
    folder = settings.images.get(split, split) if not isinstance(settings.images, str) else ""
    return f"{folder}/{file}" if folder else file


def _described(
    by_image: Mapping[tuple[str, str], Sequence[Row]], settings: CsvSettings, problems: list[wsbench.Problem]
) -> Iterator[Described]:
    left_out = 0
    for (split, file), of_image in by_image.items():
        name = _name(file, split, settings)
        if faults := [row for row in of_image if row.fault]:
            problems += [
                wsbench.Problem(row.where, f"{file}: {row.fault}", "bad row", (name,)) for row in faults
            ]
            continue
        if what := _contradiction(of_image):
            lines = " and ".join(row.where.rpartition(", ")[2] for row in of_image[:3])
            about = f"{file} {what} ({lines})"
            problems.append(wsbench.Problem(of_image[0].where, about, "rows that contradict", (name,)))
            continue
        if any(row.said.unknown for row in of_image):
            left_out += 1
            continue
        boxes = tuple(row.said.box for row in of_image if row.said.box is not None)
        first = of_image[0]
        named = first.said.labels
        if named is None:
            named = tuple(dict.fromkeys(row.said.label for row in of_image if row.said.label))
        yield Described(
            name=name,
            file=file,
            split=split,
            labels=named,
            boxes=boxes,
            where=first.where,
            patient=first.patient,
            annotated_size=first.size,
        )
    if left_out:
        what = f"{left_out} images of which nobody can tell what they show are left out"
        problems.append(wsbench.Problem("the table", what, "unknown image", remedy="none"))


def _contradiction(of_image: Sequence[Row]) -> str:
    """What rows of one image say differently, or nothing."""
    about = [row for row in of_image if not row.of_boxes]
    for what, values in (
        ("patients", {row.patient for row in about}),
        ("sizes", {row.size for row in about}),
        ("labels", {row.said.labels for row in about}),
    ):
        if len(values) > 1:
            return f"has rows of different {what}"
    normal = next((row.said.normal for row in of_image if row.said.normal), "")
    label = next((row.said.label for row in of_image if row.said.label), "")
    return f"has a row of '{normal}' and one of '{label}'" if normal and label else ""


def _in_one_split(described: Sequence[Described], problems: list[wsbench.Problem]) -> list[Described]:
    kept, in_both = wsbench.one_value_each((image.name, image) for image in described)
    for name, images in in_both.items():
        what = f"{name} is in the splits {' and '.join(image.split for image in images)}"
        problems.append(wsbench.Problem(images[0].where, what, "in two splits", (name,)))
    return list(kept.values())


def _classes(settings: CsvSettings, described: Sequence[Described], root: Path) -> list[str]:
    """In the order of ``classes``, else of the flags, else of the alphabet."""
    if settings.classes:
        classes = [name for name in settings.classes.values() if name is not None]
    elif settings.columns.flags:
        classes = list(settings.columns.flags)
    elif settings.only_class is not None:
        classes = [settings.only_class]
    else:
        classes = sorted({label for image in described for label in image.labels})
    if not classes:
        first = next(iter(by_split(settings.table).values()))
        raise wsbench.WsbenchError(f"{root / first}: no row names a class; see columns and normal")
    return list(dict.fromkeys(classes))
