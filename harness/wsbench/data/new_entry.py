"""A new entry of datasets.yaml for a folder that some kind of dataset knows, written behind all others."""

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
    """What the kinds of dataset that know a folder say of it, by their names: most images first."""
    found = {}
    for name, kind in plugins.kinds.items():
        if kind.guess is not None:
            with contained(f"{name} (plugin {place_of(kind.guess)})", "guess"):
                guess = kind.guess(folder)
            if guess is not None:
                found[name] = guess
    return dict(sorted(found.items(), key=lambda item: (-item[1].images, item[0])))


def name_of(folder: Path) -> str:
    """A name for the dataset in a folder, made of the folder's."""
    letters = [letter if letter.isascii() and letter.isalnum() else "_" for letter in folder.resolve().name]
    return "".join(letters).strip("_").lower()[:MAX_NAME_BYTES] or "mine"


def add(plugins: Plugins, name: str, folder: Path, kind: str, keys: Mapping[str, Any]) -> tuple[Path, str]:
    """Write an entry behind those of the working directory's datasets.yaml, or a new file.

    Args:
        plugins: with the datasets of that file.
        name: of the entry.
        folder: of the dataset.
        kind: that reads it.
        keys: of the entry, besides its kind and folder.

    Returns:
        The path of the file, and the lines that were added.

    Raises:
        WsbenchError: the name is taken, the entry cannot be used, or the file is such that nothing can be
            added behind its end. Nothing is then written.
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
    """Relative where the folder lies in the working directory, so that both can be moved together."""
    path, here = folder.resolve(), Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)


def _lines(name: str, values: Mapping[str, Any]) -> str:
    """An entry as people write it: a key a line."""
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
    """Raise WsbenchError where a text does not hold what it should: the file before was of another form, in
    which nothing can be added behind its end."""
    try:
        same = documents.yaml_value(content, str(file)) == expected
    except WsbenchError:
        same = False
    if not same:
        raise WsbenchError(
            f"{file}: its form lets nothing be added at its end; add: {' '.join(lines.split())}"
        )
