"""The cells of a sweep: every combination of its values, as the words of a run's command line."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wsbench.errors import WsbenchError, suggestion
from wsbench.studies.sweeps.form import SETTINGS, Matrix, SweepForm

METHOD, DATASET, PRESET, SEED = "method", "dataset", "preset", "seed"
DATA = "data."
"""Begins the name of a setting of the dataset, which may have the name of a setting of the method."""


@dataclass(frozen=True)
class Cell:
    """One run.

    Attributes:
        method, dataset: their names.
        preset: of the method; None is the dataset's or the method's first.
        options, data_options: values by name, as words.
        seed: the base seed.
        reference: whether it is an image-blind method that the sweep adds.
    """

    method: str
    dataset: str
    preset: str | None
    options: Mapping[str, str]
    data_options: Mapping[str, str]
    seed: int
    reference: bool = False

    @property
    def settings(self) -> dict[str, str]:
        """All that tells the cell from others, as words by name; the seed is not among it."""
        preset = {} if self.preset is None else {PRESET: self.preset}
        data = {f"{DATA}{name}": value for name, value in self.data_options.items()}
        return {METHOD: self.method, DATASET: self.dataset, **preset, **self.options, **data}

    def words(self) -> list[str]:
        """The words of ``wsbench run`` that say which run it is."""
        words = ["--method", self.method, "--dataset", self.dataset, "--seed", str(self.seed)]
        if self.preset is not None:
            words += ["--preset", self.preset]
        for name, value in self.options.items():
            words += ["--option", f"{name}={value}"]
        for name, value in self.data_options.items():
            words += ["--data-option", f"{name}={value}"]
        return words

    def label(self, names: Sequence[str]) -> str:
        """The cell in words: its method, the settings of some names, and its seed."""
        settings = self.settings
        named = [f" {name}={settings[name]}" for name in names if name != METHOD and name in settings]
        return f"{self.method}{''.join(named)} seed {self.seed}"


def cells_of(form: SweepForm, where: str) -> list[Cell]:
    """Every cell of a sweep once, in the order of the file: the values named last change fastest, and seeds
    before all others, so that the first cells show every setting.

    Args:
        form: the sweep.
        where: the place of the sweep, for messages.

    Raises:
        WsbenchError: no method, no dataset or no cell is named, or ``exclude`` or ``baseline`` names a
            setting that no cell has.
    """
    matrices = [_over(form, part) for part in form.include]
    if form.methods is not None or not matrices:
        matrices.insert(0, form)
    cells = list({_identity(cell): cell for matrix in matrices for cell in _product(matrix, where)}.values())
    for number, exclusion in enumerate(form.exclude, start=1):
        refuse_unknown(exclusion, cells, f"{where}: exclude {number}")
    kept = [cell for cell in cells if not any(_fits(cell, exclusion) for exclusion in form.exclude)]
    if not kept:
        raise WsbenchError(f"{where}: exclude leaves no cell")
    refuse_unknown(form.baseline, kept, f"{where}: baseline", values=True)
    seeds = list(dict.fromkeys(seed for matrix in matrices for seed in matrix.seeds or (0,)))
    return sorted(kept, key=lambda cell: seeds.index(cell.seed))


def swept(cells: Sequence[Cell]) -> list[str]:
    """The names of the settings in which cells differ, in their order."""
    names = dict.fromkeys(name for cell in cells for name in cell.settings)
    return [name for name in names if len({cell.settings.get(name) for cell in cells}) > 1]


def word_of(value: Any) -> str:
    """A value as ``-o name=value`` takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, list | dict) else str(value)


def is_baseline(cell: Cell, baseline: Mapping[str, Any]) -> bool:
    """Whether a cell has all settings of the baseline."""
    return bool(baseline) and _fits(cell, baseline)


def number_of(word: str | None) -> float | None:
    """The number that a word is; None for any other word."""
    if word is None or not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", word):
        return None
    return float(word)


def refuse_unknown(
    named: Mapping[str, Any], cells: Sequence[Cell], where: str, *, values: bool = False
) -> None:
    """Raise WsbenchError where a name is none of a setting of the cells.

    Args:
        named: values by the name of a setting.
        cells: the cells.
        where: the place of the names, for the message.
        values: whether a cell must have all of the values.
    """
    known = {name for cell in cells for name in cell.settings} | {SEED}
    for name in named:
        if name not in known:
            raise WsbenchError(f"{where} names no setting of a cell: '{name}'; {suggestion(name, known)}")
    if values and named and not any(_fits(cell, named) for cell in cells):
        words = " ".join(f"{name}={word_of(value)}" for name, value in named.items())
        raise WsbenchError(f"{where}: no cell has {words}")


def _identity(cell: Cell) -> str:
    return json.dumps([sorted(cell.settings.items()), cell.seed])


def _over(form: SweepForm, part: Matrix) -> Matrix:
    """A matrix of ``include``, with what it leaves out from the file. A setting that is null is left out."""
    below = {name: getattr(form, name) for name in Matrix.model_fields}
    above = part.model_dump(exclude_unset=True)
    for name in SETTINGS:
        values = {**(below[name] or {}), **(above.get(name) or {})}
        above[name] = {setting: value for setting, value in values.items() if value is not None}
    return Matrix.model_construct(**{**below, **above})


def _product(matrix: Matrix, where: str) -> Iterator[Cell]:
    for key, names in (("methods", matrix.methods), ("datasets", matrix.datasets)):
        if not names:
            raise WsbenchError(f"{where}: names no {key}")
    for method, dataset, preset, options, data_options, seed in itertools.product(
        matrix.methods or (),
        matrix.datasets or (),
        matrix.presets or (None,),
        _combinations(matrix.options or {}),
        _combinations(matrix.data_options or {}),
        matrix.seeds or (0,),
    ):
        yield Cell(method, dataset, preset, options, data_options, seed)


def _combinations(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Every combination of values. A list has several values of a setting."""
    lists = [value if isinstance(value, list) else [value] for value in values.values()]
    return [dict(zip(values, map(word_of, row), strict=True)) for row in itertools.product(*lists)]


def _fits(cell: Cell, named: Mapping[str, Any]) -> bool:
    """Whether a cell has one of the values of every name."""
    settings = {**cell.settings, SEED: str(cell.seed)}
    for name, value in named.items():
        words = [word_of(choice) for choice in (value if isinstance(value, list) else [value])]
        if settings.get(name) not in words:
            return False
    return True
