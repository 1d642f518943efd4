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


SETTINGS = ("options", "data_options")
"""The keys that hold settings by name."""


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


def read(path: Path) -> SweepForm:
    """Read the file of a sweep.

    Args:
        path: the file.

    Raises:
        WsbenchError: the file cannot be read, is no YAML, or does not fit.
    """
    values = documents.yaml_value(documents.read_bytes(path), str(path))
    return documents.checked(SweepForm, values, str(path))


def form_of(values: Mapping[str, Any], where: str) -> SweepForm:
    """A sweep of values by key.

    Raises:
        WsbenchError: a key is unknown or a value does not fit. The message begins with ``where``.
    """
    return documents.checked(SweepForm, dict(values), where)


def changed(form: SweepForm, changes: SweepForm) -> SweepForm:
    """A sweep with what another form says in place of its own.

    Settings are replaced name by name, also in every entry of ``include``, but for an entry that leaves the
    setting to the method.

    Args:
        form: the sweep.
        changes: what replaces it. What it leaves out stays.
    """
    values = {name: getattr(changes, name) for name in changes.model_fields_set}
    for name in SETTINGS:
        if name in values:
            values[name] = {**(getattr(form, name) or {}), **values[name]}
    values.setdefault("include", tuple(_without(part, changes) for part in form.include))
    return form.model_copy(update=values)


def _without(part: Matrix, changes: SweepForm) -> Matrix:
    """An entry of ``include`` without the settings that are replaced."""
    kept = {}
    for name in SETTINGS:
        replaced = getattr(changes, name) or {}
        if own := getattr(part, name):
            kept[name] = {key: value for key, value in own.items() if value is None or key not in replaced}
    return part.model_copy(update=kept)
