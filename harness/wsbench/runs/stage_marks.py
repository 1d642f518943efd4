"""The mark that a stage leaves in its folder: what it was made from, and whether it is finished."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsbench.errors import WsbenchError
from wsbench.files import checksums
from wsbench.files.writing import read_json, write_json

MARK = "stage.json"
"""In a stage's folder: its key, whether it is finished, what its work returned, and a hash of every file."""


@dataclass(frozen=True)
class Mark:
    """What `MARK` says of a stage.

    Attributes:
        key: of the inputs; empty where there is no such stage, or where its mark is damaged.
        facts: what the finished work returned; None of an unfinished stage.
        hashes: by file, as they were left; None of a stage from before there were hashes.
        problem: why there is no key, in words, where files lie there all the same.
        freed: the files that were removed to free space (`wsbench.runs.stages.free`).
    """

    key: str = ""
    facts: Mapping[str, Any] | None = None
    hashes: Mapping[str, str] | None = None
    problem: str = ""
    freed: tuple[str, ...] = ()

    @property
    def kept(self) -> dict[str, str]:
        """The hashes of the files that must be there."""
        return {name: of_file for name, of_file in (self.hashes or {}).items() if name not in self.freed}

    @classmethod
    def read(cls, folder: Path) -> Mark:
        """The mark of a stage's folder. Its files are not looked at."""
        try:
            values = read_json(folder / MARK)
            if (checksums.CHECK in values or "files" in values) and not checksums.is_intact(values):
                return cls(problem=f"{MARK} is not what was left there")
            facts = values["facts"] if values["done"] else None
            return cls(str(values["key"]), facts, values.get("files"), "", tuple(values.get("freed", ())))
        except FileNotFoundError:
            left = folder.is_dir() and any(folder.iterdir())
            return cls(problem=f"{MARK} is missing" if left else "")
        except (OSError, ValueError, KeyError, TypeError):
            return cls(problem=f"{MARK} cannot be read")

    def write(self, folder: Path) -> None:
        """Put it into a stage's folder."""
        if self.facts is None:
            write_json(folder / MARK, checksums.sealed({"key": self.key, "done": False}))
            return
        values: dict[str, Any] = {"key": self.key, "done": True, "facts": self.facts, "files": self.hashes}
        if self.freed:
            values["freed"] = list(self.freed)
        # As they are read back: a tuple becomes a list, and the hash of the values is that of JSON.
        write_json(folder / MARK, checksums.sealed(json.loads(json.dumps(values))))


class Freed(WsbenchError):
    """Raised where files of a finished stage are needed that were removed to free space.

    Attributes:
        folder: the folder of the stage.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder}: its files were freed by `wsbench runs clean`; to make them again, rerun the command "
            "that made the run with --refill"
        )
        self.folder = folder
