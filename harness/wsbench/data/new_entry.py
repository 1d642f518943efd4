"""Writes an entry of datasets.yaml for a folder that some kind of dataset knows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wsbench.contract.containment import contained, place_of
from wsbench.contract.kinds import FolderGuess
from wsbench.contract.plugins import Plugins
from wsbench.data import catalog
from wsbench.data.cache import cache_folder
from wsbench.data.kinds import dataset_of
from wsbench.errors import WsbenchError
from wsbench.files import documents
from wsbench.files.locks import held_for_a_moment
from wsbench.files.writing import atomic
from wsbench.utils.names import MAX_NAME_BYTES


def guesses(plugins: Plugins, folder: Path) -> dict[str, FolderGuess]:
    """Ask all kinds of dataset what a folder holds.

    Returns:
        The guesses of the kinds that know the folder, by the name of the kind. The one with the most images
        is first.
    """
    known = {}
    for name, kind in plugins.kinds.items():
        if kind.guess is not None:
            with contained(f"{name} (plugin {place_of(kind.guess)})", "guess"):
                guess = kind.guess(folder)
            if guess is not None:
                known[name] = guess
    return dict(sorted(known.items(), key=lambda item: (-item[1].images, item[0])))


def name_of(folder: Path) -> str:
    """Make a name for the dataset in a folder from the name of the folder."""
    letters = [letter if letter.isascii() and letter.isalnum() else "_" for letter in folder.resolve().name]
    return "".join(letters).strip("_").lower()[:MAX_NAME_BYTES] or "mine"


def add(plugins: Plugins, name: str, folder: Path, kind: str, keys: Mapping[str, Any]) -> tuple[Path, str]:
    """Append an entry to datasets.yaml in the working directory. The file is made if it does not exist.

    Args:
        plugins: the plugins with the datasets of that file.
        name: the name of the entry.
        folder: the folder of the dataset.
        kind: the name of the kind that reads the folder.
        keys: the other keys of the entry.

    Returns:
        The path of the file, and the lines that were added.

    Raises:
        WsbenchError: the name is taken, the entry cannot be used, or the file has a form to which no entry
            can be appended. The file is then unchanged.
    """
    file = catalog.own_entries()[0]
    values = {"kind": kind, "root": _shown(folder), **keys}
    lock = cache_folder() / "locks" / f"{hashlib.sha256(str(file).encode()).hexdigest()[:16]}.lock"
    with held_for_a_moment(lock):
        before = file.read_bytes() if file.exists() else b""
        _, known = catalog.own_entries()
        if name in known or name in plugins.datasets or name in plugins.refused:
            raise WsbenchError(f"there is a dataset '{name}' already; give another --name")
        dataset_of(plugins, name, values, file)
        lines = _lines(name, values)
        after = before + (b"" if not before or before.endswith(b"\n") else b"\n") + lines.encode()
        _require(after, {**known, name: values}, file, lines)
        with atomic(file) as output:
            output.write(after)
    return file, lines


def _shown(folder: Path) -> str:
    """The path of a folder for the file. It is relative if the folder lies in the working directory, so that
    both can be moved together."""
    path, working = folder.resolve(), Path.cwd()
    return path.relative_to(working).as_posix() if path.is_relative_to(working) else str(path)


def _lines(name: str, values: Mapping[str, Any]) -> str:
    """The text of an entry, with one key on each line."""
    import yaml

    lines = [f"{name}:"]
    for key, value in values.items():
        scalar = not isinstance(value, list | dict)
        text = yaml.safe_dump(
            {key: value} if scalar else value,
            default_flow_style=not scalar,
            sort_keys=False,
            allow_unicode=True,
            width=10**6,
        ).strip()
        lines.append(f"  {text}" if scalar else f"  {key}: {text}")
    return "\n".join(lines) + "\n"


def _require(content: bytes, expected: Mapping[str, Any], file: Path, lines: str) -> None:
    """Raise WsbenchError if a text does not hold the expected entries. That happens where the file is written
    in a form, such as one pair of braces, to which nothing can be appended."""
    try:
        same = documents.yaml_value(content, str(file)) == expected
    except WsbenchError:
        same = False
    if not same:
        raise WsbenchError(
            f"{file}: its form lets nothing be added at its end; add: {' '.join(lines.split())}"
        )
