"""The file of a sweep: what it may hold, and reading it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Len
from pydantic import BeforeValidator, Field, JsonValue, StrictInt

from wsbench.files import documents
from wsbench.files.documents import Document, Name
from wsbench.files.user_files import expanded
from wsbench.scoring.objectives import OBJECTIVE


def _listed(value: Any) -> Any:
    """A single value stands for a list of one."""
    return value if isinstance(value, list | tuple) else [value]


Names = Annotated[tuple[Name, ...], BeforeValidator(_listed), Len(1)]
Seeds = Annotated[tuple[StrictInt, ...], BeforeValidator(_listed), Len(1)]
Values = dict[Name, JsonValue]
"""Values by name. A list stands for several values, so that a value that is a list is written in a list."""


class Matrix(Document):
    """Values that multiply: a cell for each combination.

    Attributes:
        methods, datasets, presets: names.
        options: settings of the methods.
        data_options: settings of the datasets.
        seeds: base seeds.
    """

    methods: Names | None = None
    datasets: Names | None = None
    presets: Names | None = None
    options: Values | None = None
    data_options: Values | None = None
    seeds: Seeds | None = None


class SweepForm(Matrix):
    """A sweep.

    Attributes:
        include: further matrices. What one leaves out is as in the file, and a setting that is null is left
            to the method.
        exclude: cells to leave out: values by the name of a setting, which must all apply. A list names
            several values.
        baseline: the settings of the row that all others are compared with.
        test_on: other datasets whose test images the runs are scored on, too, as ``run --test-on`` says them.
        references: whether to run the image-blind methods, too.
        root: folder of the dataset.
        device, calibrate_for: as for ``run``.
        threads: of a cell. They change numbers a little, so they are part of the sweep and do not depend on
            the machine.
    """

    include: tuple[Matrix, ...] = ()
    exclude: tuple[Values, ...] = ()
    baseline: Values = Field(default_factory=dict)
    test_on: Annotated[tuple[Name, ...], BeforeValidator(_listed)] = ()
    references: bool = True
    root: Annotated[Path, BeforeValidator(expanded)] | None = None
    device: Name = "auto"
    calibrate_for: Name = OBJECTIVE
    threads: int = Field(1, ge=1)


def read(path: Path, changes: Mapping[str, Any]) -> SweepForm:
    """Read the file of a sweep.

    Args:
        path: the file.
        changes: values that replace those of the file, by key.

    Raises:
        WsbenchError: the file cannot be read, is no YAML, or does not fit.
    """
    values = documents.yaml_value(documents.read_bytes(path), str(path))
    if isinstance(values, dict):
        values = {**values, **changes}
    return documents.checked(SweepForm, values, str(path))


def form_of(values: Mapping[str, Any], where: str) -> SweepForm:
    """A sweep of values by key.

    Raises:
        WsbenchError: a key is unknown or a value does not fit. The message begins with ``where``.
    """
    return documents.checked(SweepForm, dict(values), where)
