"""What a training logged in every epoch, and the epoch whose weights count."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsbench.files.writing import read_json
from wsbench.reports.plots.points import MOST_SERIES, Absent, Line, Panel
from wsbench.reports.plots.run_data import RunData, series_of
from wsbench.runs.stages import MARK
from wsbench.settings import HISTORY

FIT = "fit"
"""The folder of the stage that trains."""

BEST, LAST = "best.ckpt", "last.ckpt"
"""The weights that `wsbench.torch.train` leaves. Without the best ones, the last ones count."""

MOST_PANELS = 6
"""Most metrics that are shown, in the order of the file."""

NO_HISTORY = "no run has a history of its training; methods that train with wsbench.torch.train leave one"


def losses(runs: Sequence[RunData]) -> tuple[Panel, ...] | Absent:
    """What every epoch logged: a panel for each metric, a line for each run, and a mark at the epoch whose
    weights predicted. Epochs count from 1."""
    panels: dict[str, list[Line]] = {}
    for series in series_of(runs)[:MOST_SERIES]:
        for run in series.runs:
            for name, line in _lines(run, series.label).items():
                panels.setdefault(name, []).append(line)
    shown = tuple(Panel(name, None, tuple(lines)) for name, lines in list(panels.items())[:MOST_PANELS])
    return shown or Absent(NO_HISTORY)


def _lines(run: RunData, label: str) -> dict[str, Line]:
    folder = training_folder(run)
    columns = history_of(folder / HISTORY) if folder is not None else {}
    if folder is None or "epoch" not in columns:
        return {}
    epochs = columns["epoch"]
    counts = epochs == epoch_that_counts(folder, epochs)
    lines = {}
    for name, values in columns.items():
        if name not in ("epoch", "seconds"):
            marks = tuple(zip((epochs[counts] + 1).tolist(), values[counts].tolist(), strict=True))
            lines[name] = Line(label, epochs + 1, values, marks=marks)
    return lines


def training_folder(run: RunData) -> Path | None:
    """The folder in which a run was trained: its own, or that of a run that differs only in settings that
    training does not depend on. None where it is gone."""
    folder = run.record.folder
    if folder is None:
        return None
    own = folder / FIT
    others = sorted(folder.resolve().parent.glob(f"*/{FIT}"))
    for candidate in (own, *others):
        if (candidate / HISTORY).is_file() and _key_of(candidate) == run.record.training:
            return candidate
    return None


def _key_of(folder: Path) -> str:
    try:
        return str(read_json(folder / MARK)["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def history_of(path: Path) -> dict[str, np.ndarray]:
    """The columns of a history that are numbers, by name; empty where the file cannot be read."""
    import pandas as pd

    try:
        table = pd.read_csv(path)
    except (OSError, ValueError):  # pandas raises ValueErrors of its own for what is no table
        return {}
    numbers = table.select_dtypes("number").astype(np.float64)
    return {str(name): numbers[name].to_numpy() for name in numbers}


def epoch_that_counts(folder: Path, epochs: np.ndarray) -> float:
    """The epoch, counted from 0, whose weights predicted: the best one, or the last one of a training that
    chooses none. NaN where the weights are gone."""
    if (folder / BEST).is_file():
        return _epoch_of(folder / BEST)
    return float(epochs[-1]) if len(epochs) and (folder / LAST).is_file() else np.nan


def _epoch_of(path: Path) -> float:
    import pickle  # nosec B403 # for the name of an error; nothing is unpickled

    import torch

    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return float(checkpoint["epoch"])
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, pickle.UnpicklingError):
        return np.nan
