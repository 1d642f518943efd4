"""Files of settings, such as `wsbench tune` writes and ``wsbench run --preset FILE`` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wsbench.contract.record_form import TunedForm
from wsbench.errors import WsbenchError, printable
from wsbench.files import documents
from wsbench.files.documents import FolderName, Name
from wsbench.files.user_files import expanded
from wsbench.files.writing import write_text

SUFFIXES = (".yaml", ".yml")


class PresetFile(documents.Document):
    """The content of a file.

    Attributes:
        method: the method whose settings these are.
        preset: the preset that they are laid over; None for the one that a run has by default.
        settings: values by name.
        tuned: how they were chosen, for the record of a run; None where nobody tuned them.
    """

    method: FolderName
    preset: Name | None = None
    settings: dict[str, Any]
    tuned: TunedForm | None = None

    @property
    def tuning(self) -> Mapping[str, Any]:
        """``tuned`` as in `wsbench.contract.records.Record`."""
        return {} if self.tuned is None else self.tuned.model_dump(mode="json")


def is_file(word: str) -> bool:
    """Whether a preset that a user typed is the path of a file."""
    return word.endswith(SUFFIXES)


def read(path: str | Path, method: str) -> PresetFile:
    """Read a file of settings.

    Args:
        path: the file. A leading ``~`` is the home folder.
        method: the method that is to run with them.

    Raises:
        WsbenchError: the file cannot be read, has an unknown key, or is of another method.
    """
    content = documents.yaml_value(documents.read_bytes(expanded(path)), str(path))
    file = documents.checked(PresetFile, content, str(path))
    if file.method != method:
        raise WsbenchError(f"{path}: has settings of {file.method}; type --method {file.method}")
    return file


def write(file: PresetFile, path: Path, comment: Sequence[str]) -> None:
    """Write a file of settings atomically.

    Args:
        file: its content.
        path: the file.
        comment: the lines above it.
    """
    import yaml

    values = {name: value for name, value in file.model_dump(mode="json").items() if value is not None}
    above = "".join(f"# {printable(line)}\n" for line in comment)
    write_text(path, above + yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
