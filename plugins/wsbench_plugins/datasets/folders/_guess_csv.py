"""Whether a folder has CSV tables whose images lie in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import wsbench

from ._csv_settings import CsvSettings
from ._guess import base_of, files, grey_levels, images_key, reason_of_roles, roles_of, split_of
from ._guess_columns import (
    LABELS,
    PATIENTS,
    SPLITS,
    Table,
    box_columns,
    is_flag,
    label_keys,
    read,
    size_columns,
)
from ._image_files import ImageFiles
from ._words import ONE_SPLIT

ENOUGH = 0.5
"""Share of the cells of a column that must be images in the folder."""

ONLY_CLASS = "finding"
"""What boxes are called where no column names their class."""


def guess(folder: Path) -> wsbench.images.FolderGuess | None:
    """The entry of a folder with CSV tables; None where it has none that names images and classes."""
    images = ImageFiles(folder)
    found: list[tuple[Table, str, str]] = []
    for path in files(folder, ".csv"):
        table = read(path)
        if table is not None and (column := _image_column(table, images, folder)):
            found.append((table, *column))
    found.sort(key=lambda item: -len(set(item[0].cells(item[1]))))
    for first in found:
        chosen = _same_form(first, found)
        if guessed := _guess(folder, chosen, [item for item in found if item not in chosen.values()]):
            levels = grey_levels(images, reasons := [*guessed.reasons])
            return replace(guessed, keys={**guessed.keys, **levels}, reasons=reasons)
    return None


def _image_column(table: Table, images: ImageFiles, folder: Path) -> tuple[str, str] | None:
    """The column whose cells are images, and the folder in which they begin."""
    best, best_base, most = "", "", ENOUGH
    for heading in filter(None, table.header):
        names = list(dict.fromkeys(cell for cell in table.cells(heading) if cell))
        base, share = base_of(images, folder, names) if names else ("", 0.0)
        if share > most or (share == most and not best):
            best, best_base, most = heading, base, share
    return (best, best_base) if best else None


def _same_form(
    first: tuple[Table, str, str], found: Sequence[tuple[Table, str, str]]
) -> dict[str, tuple[Table, str, str]]:
    """Tables of the first one's columns by split; the first alone where names say no splits."""
    named: dict[str, tuple[Table, str, str]] = {}
    for item in found:
        split = split_of(item[0].path)
        if split and item[0].header == first[0].header and item[1] == first[1]:
            named.setdefault(split, item)
    several = len(named) > 1 and first in named.values()
    return (
        {split: named[split] for split in sorted(named, key="train val test".index)}
        if several
        else {ONE_SPLIT: first}
    )


def _guess(
    folder: Path,
    chosen: dict[str, tuple[Table, str, str]],
    others: Sequence[tuple[Table, str, str]],
) -> wsbench.images.FolderGuess | None:
    table, image, _ = next(iter(chosen.values()))
    merged = Table(
        table.path, table.delimiter, table.header, [row for t, _, _ in chosen.values() for row in t.rows]
    )
    names = {split: item[0].path.relative_to(folder).as_posix() for split, item in chosen.items()}
    keys: dict[str, Any] = {
        "images": images_key({split: base for split, (_, _, base) in chosen.items()}),
        "table": names.get(ONE_SPLIT, names),
    }
    said = [
        f"table: {', '.join(names.values())}, in which the column {image} names images in {keys['images']}"
    ]
    columns = {"image": image, **box_columns(merged)}
    columns |= size_columns(merged, list(columns.values()))
    boxed = "x" in columns or "x0" in columns
    if boxed:
        said.append(f"boxes: {', '.join(list(columns.values())[1:5])}, in pixels")
    shown = _classes(merged, columns, said, boxed=boxed)
    if shown is None:
        return None
    of_columns, of_entry = shown
    columns_of_entry: dict[str, Any] = {**columns, **of_columns, **_people(merged, columns, chosen, said)}
    keys |= {"columns": columns_of_entry, **of_entry}
    if not boxed:
        keys |= _table_of_boxes(folder, others, said)
    if table.delimiter != ",":
        keys["delimiter"] = table.delimiter
    splits = (
        set(merged.cells(columns_of_entry["split"])) - {""} if "split" in columns_of_entry else set(chosen)
    )
    if roles := roles_of(sorted(splits)):
        keys["roles"] = roles
    said.append(reason_of_roles(roles))
    others = [item for item in others if item[0].path.relative_to(folder).as_posix() != keys.get("boxes")]
    said += [f"{item[0].path.relative_to(folder).as_posix()}: a table that is left out" for item in others]
    return wsbench.images.FolderGuess(keys, len(set(merged.cells(image))), said)


def _table_of_boxes(
    folder: Path, others: Sequence[tuple[Table, str, str]], said: list[str]
) -> dict[str, Any]:
    """The keys of a second table, of boxes with their classes, where there is one."""
    for table, image, _ in others:
        columns = {"image": image, **box_columns(table)}
        label = table.heading(LABELS, list(columns.values()))
        if len(columns) > 1 and label is not None:
            file = table.path.relative_to(folder).as_posix()
            said.append(f"boxes: from a second table, {file}, with their classes in {label}")
            return {"boxes": file, "box_columns": {**columns, "label": label}}
    said.append("boxes: none")
    return {}


def _classes(
    table: Table, columns: dict[str, str], said: list[str], *, boxed: bool
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The keys of ``columns`` and of the entry that say the class; None where nothing does."""
    taken = list(columns.values())
    label = table.heading(LABELS, taken)
    if label is not None and not is_flag(table.cells(label)):
        of_columns, of_entry = label_keys(table, label, boxed=boxed)
        normal = of_entry.get("normal", CsvSettings.model_fields["normal"].default)
        said.append(f"classes: from {label}, where {', '.join(normal)} is no class")
        if boxed:
            said.append(
                "unboxed: a class without a box is taken for present (write unboxed: normal or unknown)"
            )
        return of_columns, of_entry
    if boxed:
        said.append(f"classes: no column names them, so every box is of one, '{ONLY_CLASS}'")
        return {}, {"only_class": ONLY_CLASS}
    people = [table.heading(known, taken) for known in (PATIENTS, SPLITS)]
    flags = [
        name
        for name in filter(None, table.header)
        if name not in [*taken, *people] and is_flag(table.cells(name))
    ]
    if not flags:
        return None
    said.append(f"classes: the columns of 1 and 0, {', '.join(flags)}")
    return {"flags": flags}, {}


def _people(
    table: Table, columns: dict[str, str], chosen: dict[str, tuple[Table, str, str]], said: list[str]
) -> dict[str, str]:
    """The keys of ``columns`` for patients and splits."""
    taken, found = list(columns.values()), {}
    if patient := table.heading(PATIENTS, taken):
        found["patient"] = patient
        said.append(f"patient: from {patient}")
    else:
        said.append("patient: no column names one, so images of a patient may be in several roles")
    split = table.heading(SPLITS, taken)
    if split and set(chosen) == {ONE_SPLIT} and all(table.cells(split)):
        found["split"] = split
        said.append(f"split: from {split}")
    return found
