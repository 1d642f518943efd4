"""The arguments of `wsbench.run` and `wsbench.evaluate`, checked as the words of a command line are."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from annotated_types import Len
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from wsbench.contract.plugins import Plugins, find
from wsbench.data.dataset import Loaded
from wsbench.data.kinds import with_own_datasets
from wsbench.errors import WsbenchError
from wsbench.files.documents import first_fault
from wsbench.files.user_files import expanded
from wsbench.runs.plan import Plan, blind_plans, load_dataset, make_plan
from wsbench.runs.target import Target
from wsbench.runs.test_on import TestOn, load_targets, parse_test_on
from wsbench.runs.tracking.choice import ChosenTracker, choose_trackers, parse_trackers
from wsbench.utils.progress import Progress, Silent

LONGEST = 60
"""Characters of a value that an error repeats."""


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        raise ValueError("it must be a whole number")
    return value


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str | Path) else value


def _or_empty(value: Any) -> Any:
    return {} if value is None else value


def _or_silent(value: Any) -> Any:
    return Silent() if value is None else value


def _home(value: Any) -> Any:
    return expanded(value) if isinstance(value, str | Path) else value


WholeNumber = Annotated[int, BeforeValidator(_no_truth_value)]
Place = Annotated[Path, BeforeValidator(_home)]
Options = Annotated[dict[str, Any], BeforeValidator(_or_empty)]


class OtherDataset(BaseModel):
    """A dataset to test on, as a mapping says it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    data_options: Options = Field(default_factory=dict)
    root: Place | None = None


class DataArguments(BaseModel):
    """What a function of a dataset was called with, converted as the words of a command line are."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    dataset: str
    data_options: Options
    root: Place | None
    skip_bad: bool
    plugin_files: Annotated[tuple[str | Path, ...], BeforeValidator(_several)]
    progress: Annotated[Progress, BeforeValidator(_or_silent)]

    @classmethod
    def of(cls, function: str, /, **values: Any) -> Self:
        """The arguments, or a WsbenchError that names the first wrong one."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            fault = first_fault(error)
            name = fault.keys[0]
            value = repr(values[name])
            shown = value if len(value) <= LONGEST else f"{value[:LONGEST]}..."
            raise WsbenchError(f"wsbench.{function}: {name}={shown} is not valid: {fault.reason}") from None

    def plugins(self) -> Plugins:
        """All plugins. Warns the caller of a public function of those that cannot be used."""
        plugins = with_own_datasets(find(self.plugin_files))
        for broken in plugins.broken:
            warnings.warn(str(broken), stacklevel=3)
        return plugins

    def loaded(self, plugins: Plugins) -> Loaded:
        """The dataset."""
        return load_dataset(
            plugins, self.dataset, self.data_options, self.progress, root=self.root, skip_bad=self.skip_bad
        )


class Arguments(DataArguments):
    """What a function that leaves a record was called with."""

    runs: Place
    calibrate_for: str


class RunArguments(Arguments):
    """What `run` was called with."""

    method: str
    preset: str | None
    options: Options
    seed: WholeNumber
    seeds: Annotated[tuple[WholeNumber, ...], Len(1)] | None
    references: bool
    upstream: bool
    device: str
    folds: Annotated[WholeNumber, Field(ge=2)] | Annotated[str, Len(1)] | None
    test_on: Annotated[tuple[str | OtherDataset, ...], BeforeValidator(_several)] | None
    track: Annotated[dict[str, Options] | tuple[str, ...], BeforeValidator(_several)]

    def trackers(self, plugins: Plugins) -> list[ChosenTracker]:
        """The trackers that follow the runs."""
        if isinstance(self.track, dict):
            return choose_trackers(self.track, plugins)
        return parse_trackers(self.track, plugins)

    def targets(self, plugins: Plugins, source: Loaded) -> list[Target]:
        """The datasets that the runs are tested on, too."""
        if self.test_on and self.folds is not None:
            raise WsbenchError("test_on goes with a dataset's own roles; leave out folds")
        named: list[TestOn] = []
        for other in self.test_on or ():
            if isinstance(other, OtherDataset):
                named.append(TestOn(other.dataset, other.data_options, other.root))
            else:
                named += parse_test_on([other])
        return load_targets(named, plugins, source, skip_bad=self.skip_bad)

    def plans(self, plugins: Plugins) -> list[Plan]:
        """A plan of every seed, then, with ``upstream``, one of every method that it builds on, and, with
        ``references``, one of every image-blind method."""
        spec, dataset = plugins.method(self.method), plugins.dataset(self.dataset)
        seeds = self._seeds[:1] if spec.deterministic else self._seeds
        plans = [
            make_plan(
                spec,
                self.preset,
                self.options,
                dataset=dataset,
                seed=seed,
                device=self.device,
                runs=self.runs,
                calibrate_for=self.calibrate_for,
            )
            for seed in seeds
        ]
        upstream: list[Plan] = []
        for plan in plans if self.upstream else ():
            upstream += [other for other in plan.all_upstream(plugins) if other not in upstream]
        return plans + upstream + (self._blind(plugins) if self.references else [])

    @property
    def _seeds(self) -> tuple[int, ...]:
        return (self.seed,) if self.seeds is None else tuple(dict.fromkeys(self.seeds))

    def _blind(self, plugins: Plugins) -> list[Plan]:
        plans: dict[tuple[str, int], Plan] = {}
        for seed in self._seeds:
            for plan in blind_plans(
                plugins,
                plugins.dataset(self.dataset),
                seed=seed,
                runs=self.runs,
                calibrate_for=self.calibrate_for,
                other_than=self.method,
            ):
                plans.setdefault((plan.spec.name, plan.seed), plan)
        return list(plans.values())


class EvaluateArguments(Arguments):
    """What `evaluate` was called with, but for the predictions."""

    name: str
    seed: WholeNumber
    uses_boxes: bool
    categories: dict[str, str] | None
    images: Place | None
    boxes: str | None
    prompts: dict[str, str | list[str]] | None
    join: str
