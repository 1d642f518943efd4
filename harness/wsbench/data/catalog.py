"""Reads datasets.yaml: where each dataset lies, how large its release is, and how its splits become roles."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator, model_validator

from wsbench.errors import WsbenchError
from wsbench.files import documents
from wsbench.files.user_files import expanded
from wsbench.types import Role

FILE = "datasets.yaml"
DATA_VARIABLE = "WSBENCH_DATA"

DEFAULT_ROLES: Mapping[str, Mapping[Role, float]] = {
    "train": {"fit": 0.8, "select": 0.1, "calibrate": 0.1},
    "test": {"test": 1.0},
}


class Entry(documents.Document):
    """One dataset's entry; every key is optional.

    Attributes:
        kind: of dataset, for an entry that is a dataset of its own; the kind's settings are further keys.
        root: its folder on this machine.
        folder: its folder under ``$WSBENCH_DATA``.
        organs: a folder of organ masks, ``ORGAN/NAME.png``, for methods that use anatomy.
        homepage: where to get it.
        licence: what its owners allow.
        release: images in each official split of the complete release; a copy with fewer is a subset.
        roles: per official split, the shares of it that each role receives (they sum to 1).
        stratified: deal roles within labels; of no use where a patient has many images of several labels.
        calibrate_is_tested: the images of calibrate are also in test, for their labels: where the official
            test list holds all boxes there are, it stays whole. Their boxes count for nothing there.
    """

    kind: str = ""
    root: Annotated[Path, AfterValidator(documents.possible_path)] | None = None
    folder: Annotated[str, AfterValidator(documents.possible_path)] = ""
    organs: Annotated[Path, AfterValidator(documents.possible_path)] | None = None
    homepage: str = ""
    licence: str = ""
    release: dict[str, int] = Field(default_factory=dict)
    roles: dict[str, dict[Role, float]] = Field(
        default_factory=lambda: {split: dict(shares) for split, shares in DEFAULT_ROLES.items()}
    )

    stratified: bool = True
    calibrate_is_tested: bool = False

    @field_validator("root", "organs")
    @classmethod
    def _home(cls, folder: Path | None) -> Path | None:
        return folder and expanded(folder)

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> Entry:
        for split, shares in self.roles.items():
            if abs(sum(shares.values()) - 1) > 1e-9 or min(shares.values()) < 0:
                raise ValueError(f"the shares of split '{split}' must be positive and sum to 1")
        return self


def read(folder: Path | None = None) -> dict[str, Entry]:
    """The packaged catalogue with the entries of ``folder``'s own datasets.yaml (default: the working
    directory) laid over it, key by key.

    Raises:
        WsbenchError: a file is not a valid catalogue; the message names file, entry and key. Nobody's own
            file may change a known release's size: a part of it would pass for the whole.
    """
    entries: dict[str, dict[str, Any]] = {}
    own = (folder or Path.cwd()) / FILE
    packaged = _packaged().resolve()
    for path in dict.fromkeys([packaged, own.resolve()]):
        for name, values in _parse(path).items():
            known = entries.setdefault(name, {})
            if "release" in known and values.get("release", known["release"]) != known["release"]:
                raise WsbenchError(
                    f"{own}: {name}.release: is the size of the release, {known['release']}; remove the key"
                )
            known.update(values)
    return {name: _entry(name, values, own) for name, values in entries.items()}


def refuse_misspelt(known: Iterable[str], folder: Path | None = None) -> None:
    """Raise WsbenchError where ``folder``'s own datasets.yaml (default: the working directory) has an entry
    that is nearly the name of a dataset, and so would be ignored. Entries of other names may be of plugins
    that are not there now.

    Args:
        known: the names of all datasets.
        folder: of the file.
    """
    own = (folder or Path.cwd()) / FILE
    names = sorted(known)
    lower = {name.lower(): name for name in names}
    for name, values in _parse(own).items():
        near = lower.get(name.lower()) or next(
            iter(difflib.get_close_matches(name, names, n=1, cutoff=0.8)), ""
        )
        if name not in names and near and "kind" not in values:
            raise WsbenchError(f"{own}: has an entry {name}, which is no dataset; did you mean '{near}'?")


def own_entries(folder: Path | None = None) -> tuple[Path, dict[str, dict[str, Any]]]:
    """The path of ``folder``'s own datasets.yaml (default: the working directory), and its entries as they
    stand there; none where there is no file.

    Raises:
        WsbenchError: the file cannot be read, or is no mapping of mappings.
    """
    own = (folder or Path.cwd()) / FILE
    return own, _parse(own)


def root_of(name: str, entry: Entry, given: Path | None) -> Path:
    """The folder of a dataset: ``--root``, else ``$WSBENCH_DATA/<folder>``, else the catalogue's ``root``.

    Raises:
        WsbenchError: none is known, or it is no folder.
    """
    base = os.environ.get(DATA_VARIABLE)
    under_data = expanded(base) / (entry.folder or name) if base else None
    root = given or (under_data if under_data and under_data.is_dir() else entry.root) or under_data
    where = f"; get it at {entry.homepage}" if entry.homepage else ""
    if root is None:
        raise WsbenchError(
            f"{name}: no folder is known; give --root FOLDER, set {DATA_VARIABLE} to the folder that holds "
            f"{entry.folder or name}/, or write root: in {FILE}{where}"
        )
    if not root.is_dir():
        raise WsbenchError(f"{name}: {root} is not a folder; give --root FOLDER{where}")
    return root


def _packaged() -> Path:
    # A wheel carries the file inside the package; an editable install finds it at the repository's root.
    package = Path(__file__).resolve().parents[1]
    inside = package / FILE
    return inside if inside.is_file() else package.parents[1] / FILE


def _parse(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    content = documents.yaml_value(documents.read_bytes(path), str(path)) or {}
    if not isinstance(content, dict) or not all(isinstance(values, dict) for values in content.values()):
        raise WsbenchError(f"{path}: must hold one mapping per dataset")
    if odd := [name for name in content if not isinstance(name, str)]:
        raise WsbenchError(f"{path}: {odd[0]!r} is no name of a dataset; write it in quotes")
    return content


def _entry(name: str, values: Mapping[str, Any], path: Path) -> Entry:
    of_kind = "kind" in values  # whose settings are further keys, which `wsbench.data.kinds` checks
    known = {key: value for key, value in values.items() if key in Entry.model_fields or not of_kind}
    return documents.checked(Entry, known, f"{path}: {name}")
