"""The command that makes a run again, from its record."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.data.fit_all import ALL, OPTION
from wsbench.reports.labels import fits_all
from wsbench.reports.rows import Row
from wsbench.runs.plan import LEAVE_OUT
from wsbench.scoring.objectives import OBJECTIVE

FILE = "FILE"
"""What a command says where a record does not have the name of a file: of predictions, or of a split."""


def command_of(row: Row, plugins: Plugins) -> str:
    """What to type to make the runs of a row again: one line of a shell.

    Args:
        row: the row.
        plugins: all plugins. Settings of the data at their defaults are left out.
    """
    record, data = row.first, row.first.dataset
    seeds = ",".join(str(record.seed) for record in row.records)
    if record.is_external:
        words = ["wsbench", "evaluate", "--predictions", FILE, "--name", record.method["name"]]
        return _joined([*words, *_data(record, plugins), "--seed", seeds])
    words = ["wsbench", "run", "--method", record.method["name"], "--preset", record.method["preset"]]
    words += _options("-o", record.method["changed"])
    words += [*_data(record, plugins), "--seeds", seeds]
    if data.get("left_out_by"):
        words += ["--folds", data["left_out_by"]["attribute"]]
    elif data.get("folds"):
        words += ["--folds", str(data["folds"])]
    return _joined(words)


def _data(record: Record, plugins: Plugins) -> list[str]:
    """The options that name the data: of a transfer, what it was trained on, and where it was tested."""
    data: Mapping[str, Any] = record.transfer.get("trained_on", record.dataset)
    words = ["--dataset", data["name"], *_options("-D", _changed(data, plugins))]
    words += ["-D", f"split={FILE}"] if data.get("split") else []
    words += ["-D", f"{OPTION}={ALL}"] if fits_all(record) else []
    fold = data.get("fold") or {}
    words += ["-D", f"{LEAVE_OUT}={fold['value']}"] if "value" in fold and not data.get("folds") else []
    if record.transfer:
        settings = ",".join(
            f"{name}={_word(value)}" for name, value in _changed(record.dataset, plugins).items()
        )
        words += ["--test-on", record.dataset["name"] + (f":{settings}" if settings else "")]
    objective = record.key.get("calibrated_for", OBJECTIVE)
    return words if objective == OBJECTIVE else [*words, "--calibrate-for", objective]


def _changed(data: Mapping[str, Any], plugins: Plugins) -> dict[str, Any]:
    """The settings of a dataset that differ from their defaults; all where its plugin is not there."""
    spec = plugins.datasets.get(data["name"])
    defaults = (
        {} if spec is None else {name: field.default for name, field in spec.settings.model_fields.items()}
    )
    return {name: value for name, value in data["settings"].items() if value != defaults.get(name, _UNKNOWN)}


_UNKNOWN = object()


def _options(option: str, values: Mapping[str, Any]) -> list[str]:
    return [word for name, value in values.items() for word in (option, f"{name}={_word(value)}")]


def _word(value: Any) -> str:
    """A value as options are written: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _joined(words: Sequence[str]) -> str:
    return " ".join(map(shlex.quote, words))
