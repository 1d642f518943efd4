"""What a user may write of a search: words of the command line, and a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from annotated_types import Len
from pydantic import Field, model_validator

from wsbench.errors import WsbenchError
from wsbench.files import documents
from wsbench.files.documents import Document, FolderName, Name
from wsbench.files.user_files import expanded

TRIALS = 20
"""The number of trials by default, that of CLARiTY (section 3.15)."""

Objective = Literal["both", "labels", "boxes"]
"""What a trial is judged by: the macro AUC on select, the objective of box rules on calibrate, or the mean of
both."""

SamplerName = Literal["tpe", "random"]
PrunerName = Literal["none", "median", "halving", "hyperband"]

Scalar = bool | int | float | str


class RangeForm(Document):
    """The values of a number.

    Attributes:
        low, high: the ends, which may be taken themselves.
        log: whether values are spread evenly over orders of magnitude.
        step: the distance between values; None for any value (any whole number, for a whole setting).
    """

    low: float
    high: float
    log: bool = False
    step: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _has_values(self) -> Self:
        if not self.low < self.high:
            raise ValueError("low must lie below high")
        if self.log and self.low <= 0:
            raise ValueError("low must be above 0 on a logarithmic scale")
        if self.log and self.step is not None:
            raise ValueError("step and log exclude each other")
        return self


class ChoicesForm(Document):
    """Values to choose from, in no order."""

    values: Annotated[tuple[Scalar, ...], Len(2)]


Form = RangeForm | ChoicesForm | None
"""What is said of a setting; None leaves it to the bounds of the method's own model."""


class SamplerForm(Document):
    """How settings are chosen.

    Attributes:
        name: ``tpe`` (tree-structured Parzen estimator) or ``random``.
        startup_trials: trials that are chosen at random first.
        candidates: values that are drawn for each setting, of which the most promising one is taken.
    """

    name: SamplerName = "tpe"
    startup_trials: int = Field(10, ge=0)
    candidates: int = Field(24, ge=1)


class PrunerForm(Document):
    """Which trainings are ended early.

    Attributes:
        name: ``none``; ``median``, those that are worse than the median of earlier trials at the same epoch;
            ``halving`` (asynchronous successive halving) or ``hyperband``.
        monitor: the metric in the method's ``history.csv`` that they are compared by.
        mode: whether a low or a high value of it is good.
        startup_trials: trials that end before ``median`` ends any.
        warmup_epochs: epochs in which ``median`` ends none.
    """

    name: PrunerName = "none"
    monitor: Name = "select_loss"
    mode: Literal["min", "max"] = "min"
    startup_trials: int = Field(5, ge=0)
    warmup_epochs: int = Field(0, ge=0)


class SearchFile(Document):
    """A search in a file.

    Attributes:
        method: the method that it is for; None for any that has the settings.
        search: what is said of each setting, by name: a mapping with ``low`` and ``high``, a list of values,
            or nothing, for the bounds of the method's model.
        settings: fixed settings by name.
        trials, objective, calibrate_for, sampler, pruner: as the options of the command.
    """

    method: FolderName | None = None
    search: dict[Name, Any] = Field(default_factory=dict)
    settings: dict[Name, Any] = Field(default_factory=dict)
    trials: int = Field(TRIALS, ge=1)
    objective: Objective = "both"
    calibrate_for: Name | None = None
    sampler: SamplerForm = SamplerForm()
    pruner: PrunerForm = PrunerForm()

    def forms(self, where: str) -> dict[str, Form]:
        """What is said of each setting.

        Args:
            where: the file, for messages.

        Raises:
            WsbenchError: it has another form.
        """
        return {name: form_of(value, f"{where}: search.{name}") for name, value in self.search.items()}


def read(path: Path) -> SearchFile:
    """Read a search file.

    Raises:
        WsbenchError: the file cannot be read, or has an unknown key or a wrong value.
    """
    content = documents.yaml_value(documents.read_bytes(expanded(path)), str(path))
    return documents.checked(SearchFile, content or {}, str(path))


def form_of(value: Any, where: str) -> Form:
    """What a value of YAML says of a setting."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return documents.checked(RangeForm, dict(value), where)
    if isinstance(value, list):
        return documents.checked(ChoicesForm, {"values": value}, where)
    raise WsbenchError(f"{where}: is '{value}'; write {{low: 0, high: 1}}, or a list of values")


def parse_words(words: Sequence[str]) -> dict[str, Form]:
    """Parse ``NAME``, ``NAME=LOW:HIGH``, ``NAME=LOW:HIGH:log``, ``NAME=LOW:HIGH:STEP`` and ``NAME=A,B,C``;
    lists and mappings are written as in a file.

    Raises:
        WsbenchError: a word has another form, or a name occurs twice.
    """
    forms: dict[str, Form] = {}
    for word in words:
        name, equals, value = (part.strip() for part in word.partition("="))
        if not name or (equals and not value):
            raise WsbenchError(f"--search {word}: write NAME, NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=A,B,C")
        if name in forms:
            raise WsbenchError(f"--search {name}: is given twice; give it once")
        forms[name] = _parsed(value, f"--search {word}")
    return forms


def _parsed(value: str, where: str) -> Form:
    if not value:
        return None
    if value.startswith(("[", "{")):
        return form_of(documents.yaml_value(value, where), where)
    if "," in value:
        values = [documents.yaml_value(part, where) for part in value.split(",")]
        return documents.checked(ChoicesForm, {"values": values}, where)
    low, colon, rest = value.partition(":")
    high, _, kind = rest.partition(":")
    if not colon:
        raise WsbenchError(f"{where}: one value is no search; write LOW:HIGH or A,B, or fix it with --option")
    further = {} if not kind else {"log": True} if kind == "log" else {"step": kind}
    return documents.checked(RangeForm, {"low": low, "high": high, **further}, where)
