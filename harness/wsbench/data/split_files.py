"""Reads split files of users: which images have which role, as names, in one split or in several folds."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wsbench.errors import WsbenchError, suggestion
from wsbench.files import checksums, documents
from wsbench.files.user_files import expanded
from wsbench.types import ROLES

KEPT = "split.json"
"""The file in a run's folder that keeps the split, so that later commands need no other."""

MARK = "::"
"""Stands between a file and the fold that is meant: ``folds.json::fold-3``."""

VALIDATION = "validation"
"""The section of images that are held out for select and calibrate together."""

SECTIONS: Mapping[str, str] = {
    **{role: role for role in ROLES},
    "train": "fit",
    "training": "fit",
    VALIDATION: VALIDATION,
    "valid": VALIDATION,
    "val": VALIDATION,
}
"""The words that a file may use for a role, in any case, and what they mean."""

IMAGE_COLUMNS = ("image", "name", "file", "filename")
ROLE_COLUMNS = ("role", "split")
FOLD_COLUMN = "fold"

Sections = Mapping[str, tuple[str, ...]]
"""By section, names of images."""


@dataclass(frozen=True)
class SplitFile:
    """A split that a user brings.

    Attributes:
        name: the name of its file or folder.
        digest: the sha256 of the file. Of a folder, that of the names and hashes of its files.
        folds: by the name of the fold, its sections; one fold without a name for a file by role. A fold with
            section ``test`` alone says what is tested, and the rest is divided by the dataset's own shares.
        fold: the one fold that is meant; empty where all are.
    """

    name: str
    digest: str
    folds: Mapping[str, Sections] = field(repr=False)
    fold: str = ""

    @property
    def says_tested(self) -> bool:
        """Whether its folds say what they test, and nothing of the other roles."""
        return all(list(sections) == ["test"] for sections in self.folds.values())

    @property
    def has_folds(self) -> bool:
        """Whether it needs a cross-validation: it has folds, and none of them was named."""
        return not self.fold and list(self.folds) != [""]

    def describe(self) -> dict[str, Any]:
        """Describe it for a record, as JSON values."""
        folds = {"folds": list(self.folds)} if self.has_folds else {}
        fold = {"fold": self.fold} if self.fold else {}
        return {"name": self.name, "sha256": self.digest, **fold, **folds}


class KeptSplit(documents.Document):
    """What `KEPT` holds."""

    name: str
    sha256: str
    fold: str
    folds: dict[str, dict[str, tuple[str, ...]]]


def keep(split: SplitFile, folder: Path) -> None:
    """Keep a split in a run's folder, which this process holds."""
    values = {"name": split.name, "sha256": split.digest, "fold": split.fold, "folds": split.folds}
    checksums.write_noted(folder / KEPT, json.dumps(values))


def kept(folder: Path, digest: str) -> SplitFile:
    """Read the split that a run keeps in its folder.

    Args:
        folder: the folder of the run.
        digest: the hash that its record says.

    Raises:
        WsbenchError: it is not there, or not the one of the record.
    """
    path = folder / KEPT
    checksums.require(path)
    split = documents.read_json(path, KeptSplit, "a split that a run keeps")
    if split.sha256 != digest or (split.fold and split.fold not in split.folds):
        raise WsbenchError(f"{path}: is not the split of the record beside it; rerun the command")
    return SplitFile(split.name, split.sha256, split.folds, split.fold)


def read(words: str) -> SplitFile:
    """Read a split file (JSON or CSV), or a folder with one file for each fold.

    Args:
        words: the path; ``::`` and the name of a fold may follow.

    Raises:
        WsbenchError: there is no such file or fold, or it has another form.
    """
    before, mark, fold = words.partition(MARK)
    path = expanded(before)
    if path.is_dir():
        split = _of_folder(path)
    else:
        content = documents.read_bytes(path)
        folds = _folds_of(path, content)
        split = SplitFile(path.name, _sha256(path), folds)
    if mark and fold not in split.folds:
        known = [name for name in split.folds if name]
        raise WsbenchError(f"{path}: has no fold '{fold}'; {suggestion(fold, known)}")
    return SplitFile(split.name, split.digest, split.folds, fold)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _of_folder(folder: Path) -> SplitFile:
    """Every file ``fold*.json`` or ``fold*.csv`` of a folder is a split by role."""
    files = sorted(
        (path for path in folder.iterdir() if re.fullmatch(r"(?i)fold.*\.(json|csv)", path.name)),
        key=lambda path: _natural(path.stem),
    )
    if len(files) < 2:
        raise WsbenchError(f"{folder}: holds no files fold-0.json, fold-1.json ... (or .csv); name one file")
    folds: dict[str, Sections] = {}
    for path in files:
        of_file = _folds_of(path, documents.read_bytes(path))
        if list(of_file) != [""] or path.stem in folds:
            raise WsbenchError(f"{path}: must be the only file of one fold, with its images by role")
        folds[path.stem] = of_file[""]
    digest = hashlib.sha256("".join(f"{path.name} {_sha256(path)}\n" for path in files).encode()).hexdigest()
    return SplitFile(folder.resolve().name, digest, folds)


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts fold-10 behind fold-9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name) if part]


def _folds_of(path: Path, content: bytes) -> dict[str, Sections]:
    if path.suffix.lower() == ".csv":
        folds = _of_csv(path, content)
    elif path.suffix.lower() == ".json":
        folds = _of_json(path, documents.json_value(path, content, "a split file"))
    else:
        raise WsbenchError(f"{path}: must be a split file .json or .csv, or a folder with one for each fold")
    return {name: folds[name] for name in sorted(folds, key=_natural)}


def _of_json(path: Path, value: Any) -> dict[str, Sections]:
    """By role ``{"train": [...], ...}``, by fold ``{"fold-0": {"train": [...], ...}, ...}``, or by the fold
    that tests an image, ``{"fold-0": [...], ...}``."""
    if not isinstance(value, dict) or not value:
        raise WsbenchError(f'{path}: must hold names of images by role, such as {{"train": [...], ...}}')
    if all(isinstance(inner, dict) for inner in value.values()):
        folds = {fold: _sections(path, inner, f"{fold}.") for fold, inner in value.items()}
    elif any(key.lower() in SECTIONS for key in value):
        return {"": _sections(path, value, "")}
    else:
        folds = {fold: {"test": _names(path, names, fold)} for fold, names in value.items()}
    if len(folds) < 2 or "" in folds:
        raise WsbenchError(f"{path}: must have at least two folds, each with a name")
    return folds


def _sections(path: Path, value: Mapping[str, Any], where: str) -> Sections:
    sections: dict[str, tuple[str, ...]] = {}
    for word, names in value.items():
        section = _section(path, word, where)
        sections[section] = (*sections.get(section, ()), *_names(path, names, f"{where}{word}"))
    return sections


def _section(path: Path, word: str, where: str) -> str:
    if word.lower() not in SECTIONS:
        raise WsbenchError(f"{path}: {where}{word}: is no role; {suggestion(word.lower(), SECTIONS)}")
    return SECTIONS[word.lower()]


def _names(path: Path, entries: Any, where: str) -> tuple[str, ...]:
    """The names of a list. Entries may also be lists that begin with the name, as mednet writes them."""
    if not isinstance(entries, list):
        raise WsbenchError(f"{path}: {where}: must be a list of names of images")
    names = []
    for number, entry in enumerate(entries, start=1):
        name = entry[0] if isinstance(entry, list) and entry else entry
        if not isinstance(name, str):
            raise WsbenchError(f"{path}: {where}: entry {number} is no name of an image")
        names.append(name)
    return tuple(names)


def _of_csv(path: Path, content: bytes) -> dict[str, Sections]:
    """One image a row: columns ``image`` and ``role``, ``image`` and ``fold``, or all three."""
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
        headings = {heading.strip().lower(): heading for heading in rows.fieldnames or () if heading}
        image = _column(headings, IMAGE_COLUMNS)
        role, fold = _column(headings, ROLE_COLUMNS), headings.get(FOLD_COLUMN)
        if image is None or (role is None and fold is None):
            raise WsbenchError(f"{path}: needs the columns image and role, image and fold, or all three")
        folds: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for row in rows:
            of_row = row[fold] or "" if fold else ""
            section = _section(path, row[role] or "", f"line {rows.line_num}: ") if role else "test"
            folds[of_row.strip()][section].append((row[image] or "").strip())
    except UnicodeDecodeError as error:
        raise WsbenchError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except csv.Error as error:
        raise WsbenchError(f"{path}: is no CSV file: {error}") from None
    if not folds or (fold and (len(folds) < 2 or "" in folds)):
        raise WsbenchError(
            f"{path}: must have at least {'two folds, each with a name' if fold else 'one row'}"
        )
    return {
        name: {section: tuple(names) for section, names in sections.items()}
        for name, sections in folds.items()
    }


def _column(headings: Mapping[str, str], words: tuple[str, ...]) -> str | None:
    return next((headings[word] for word in words if word in headings), None)
