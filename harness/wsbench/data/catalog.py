"""Reads datasets.yaml: the folder of each dataset, the size of its release, and the roles of its splits."""

from __future__ import annotations

import copy
import difflib
import functools
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
    """The entry of a dataset. Every key is optional.

    Attributes:
        kind: the kind of an entry that is a dataset of its own. Further keys are the kind's settings.
        root: the folder of the dataset on this machine.
        folder: the folder of the dataset under ``$WSBENCH_DATA``.
        organs: a folder of organ masks, ``ORGAN/NAME.png``, for methods that use anatomy.
        homepage: the address from which the dataset can be obtained.
        licence: what its owners allow.
        holds: what its folder holds, in words, with names of files between backticks.
        release: the number of images in each official split of the complete release. A copy with fewer is a
            subset.
        roles: for each official split, the share of each role; the shares of a split sum to 1.
        stratified: whether roles are assigned within labels. This has no use where patients have many images
            with different labels.
        calibrate_is_tested: whether the images of calibrate are also in test, so that an official test list
            that holds all boxes stays complete. Their labels count there, and their boxes do not.
    """

    kind: str = ""
    root: Annotated[Path, AfterValidator(documents.possible_path)] | None = None
    folder: Annotated[str, AfterValidator(documents.possible_path)] = ""
    organs: Annotated[Path, AfterValidator(documents.possible_path)] | None = None
    homepage: str = ""
    licence: str = ""
    holds: str = ""
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


def read_entries(folder: Path | None = None) -> dict[str, Entry]:
    """Read the packaged catalogue and a user's datasets.yaml, whose keys replace those of the package.

    Args:
        folder: the folder of the user's file; the working directory by default.

    Raises:
        WsbenchError: a file is not a valid catalogue, or the user's file changes the size of a known release,
            so that a subset would pass for the release. The message names file, entry and key.
    """
    entries: dict[str, dict[str, Any]] = {}
    user_file = (folder or Path.cwd()) / FILE
    packaged = _packaged().resolve()
    for path in dict.fromkeys([packaged, user_file.resolve()]):
        for name, values in _parse(path).items():
            known = entries.setdefault(name, {})
            if "release" in known and values.get("release", known["release"]) != known["release"]:
                size = known["release"]
                raise WsbenchError(
                    f"{user_file}: {name}.release: is the size of the release, {size}; remove the key"
                )
            known.update(values)
    return {name: _entry(name, values, user_file) for name, values in entries.items()}


def refuse_misspelt(known: Iterable[str], folder: Path | None = None) -> None:
    """Raise WsbenchError if a user's datasets.yaml has an entry whose name is nearly that of a dataset.

    Such an entry would be ignored. Entries with other unknown names may belong to plugins that are not
    loaded.

    Args:
        known: the names of all datasets.
        folder: the folder of the user's file; the working directory by default.
    """
    user_file = (folder or Path.cwd()) / FILE
    names = sorted(known)
    lower = {name.lower(): name for name in names}
    for name, values in _parse(user_file).items():
        near = lower.get(name.lower()) or next(
            iter(difflib.get_close_matches(name, names, n=1, cutoff=0.8)), ""
        )
        if name not in names and near and "kind" not in values:
            raise WsbenchError(
                f"{user_file}: has an entry {name}, which is no dataset; did you mean '{near}'?"
            )


def own_entries(folder: Path | None = None) -> tuple[Path, dict[str, dict[str, Any]]]:
    """Read the user's datasets.yaml.

    Args:
        folder: the folder of the file; the working directory by default.

    Returns:
        The path of the file, and its entries as they stand there; none where there is no file.

    Raises:
        WsbenchError: the file cannot be read, or is no mapping of mappings.
    """
    user_file = (folder or Path.cwd()) / FILE
    return user_file, _parse(user_file)


def root_of(name: str, entry: Entry, root_option: Path | None) -> Path:
    """Find the folder of a dataset: ``--root``, else ``$WSBENCH_DATA/<folder>``, else the catalogue's
    ``root``.

    Args:
        name: the name of the dataset.
        entry: its entry in the catalogue.
        root_option: the folder that the user named with ``--root``.

    Raises:
        WsbenchError: no folder is known, or it does not exist.
    """
    base = os.environ.get(DATA_VARIABLE)
    under_data = expanded(base) / (entry.folder or name) if base else None
    catalogued = under_data if under_data and under_data.is_dir() else entry.root
    root = root_option or catalogued or under_data
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
    in_wheel = package / FILE
    return in_wheel if in_wheel.is_file() else package.parents[1] / FILE


def _parse(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    # A copy, for callers may change theirs.
    return copy.deepcopy(_parsed(documents.read_bytes(path), str(path)))


@functools.lru_cache(maxsize=4)  # every command reads the package's file several times, 25 ms each
def _parsed(text: bytes, path: str) -> dict[str, dict[str, Any]]:
    content = documents.yaml_value(text, path) or {}
    if not isinstance(content, dict) or not all(isinstance(values, dict) for values in content.values()):
        raise WsbenchError(f"{path}: must hold one mapping per dataset")
    if odd := [name for name in content if not isinstance(name, str)]:
        raise WsbenchError(f"{path}: {odd[0]!r} is no name of a dataset; write it in quotes")
    return content


def _entry(name: str, values: Mapping[str, Any], path: Path) -> Entry:
    of_kind = "kind" in values  # whose settings are further keys, which `wsbench.data.kinds` checks
    known = {key: value for key, value in values.items() if key in Entry.model_fields or not of_kind}
    return documents.checked(Entry, known, f"{path}: {name}")
