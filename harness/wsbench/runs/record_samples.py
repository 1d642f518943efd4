"""Chooses the records of a leaderboard that a quick check computes again."""

from __future__ import annotations

import hashlib
import subprocess  # nosec B404 # git alone is called
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wsbench.contract import record_files
from wsbench.contract.plugins import Plugins
from wsbench.errors import WsbenchError, words_of
from wsbench.utils.hashing import files_of, hash_of_files

DIFFERING = ("diff", "--name-only", "--no-renames", "-z", "--relative", "--end-of-options")
"""git's words for the names of the files below a folder that differ from a commit."""


@dataclass(frozen=True)
class Sampling:
    """Which records of a leaderboard are computed again.

    Attributes:
        count: the number of records; more where there are more pairs of a method and a dataset, each of
            which has one.
        changed_since: a git commit; records that differ from it are always computed again. None: there is
            none.
    """

    count: int
    changed_since: str | None = None

    def choose(self, kinds: Mapping[Path, Hashable], folder: Path, plugins: Plugins) -> set[Path]:
        """Choose records.

        Equal records, predictions and sources give equal choices. A change of any source gives another
        choice, so that every record has its turn.

        Args:
            kinds: by the file of every record, its method and dataset.
            folder: of all leaderboards.
            plugins: today's plugins; their source is part of the hash that decides.

        Raises:
            WsbenchError: git does not know the commit.
        """
        chosen = changed(kinds, folder, self.changed_since) if self.changed_since else set()
        source = source_of(plugins)
        by_hash = sorted(kinds, key=lambda path: _digest(path, source))
        present = {kinds[path] for path in chosen}
        for path in by_hash:
            if kinds[path] not in present:
                present.add(kinds[path])
                chosen.add(path)
        further = [path for path in by_hash if path not in chosen]
        return chosen.union(further[: max(0, self.count - len(chosen))])


def changed(paths: Collection[Path], folder: Path, commit: str) -> set[Path]:
    """The records that differ from a git commit, or whose predictions do, or that are new since.

    Raises:
        WsbenchError: the folder is not in a git repository, or git does not know the commit.
    """
    differing = {
        (folder / name).resolve()
        for words in (
            (*DIFFERING, commit, "--", "."),
            ("ls-files", "--others", "-z"),  # with those that git is told to ignore: they are checked, too
        )
        for name in _git(folder, commit, words).split("\0")
        if name
    }
    return {
        path
        for path in paths
        if {path.resolve(), record_files.predictions_beside(path).resolve()} & differing
    }


def source_of(plugins: Plugins) -> str:
    """A hash of the source of wsbench and of all plugins."""
    files = set(Path(__file__).parents[1].rglob("*.py"))
    for module in plugins.manager.get_plugins():
        files |= files_of(module)
    return hash_of_files(files)


def _git(folder: Path, commit: str, words: Sequence[str]) -> str:
    try:
        # The words are this module's own and a commit behind --end-of-options; no shell reads them.
        done = subprocess.run(  # nosec B603 B607
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise WsbenchError(f"--changed-since {commit}: git: {words_of(error)}") from None
    if done.returncode:
        reason = (done.stderr.strip() or "no reason given").splitlines()[0]
        raise WsbenchError(f"--changed-since {commit}: git in {folder}: {words_of(reason)}")
    return done.stdout


def _digest(path: Path, source: str) -> bytes:
    """The hash that decides: of the source, the record and its predictions."""
    digest = hashlib.sha256(source.encode() + b"\0" + path.read_bytes())
    predictions = record_files.predictions_beside(path)
    digest.update(predictions.read_bytes() if predictions.is_file() else b"")
    return digest.digest()
