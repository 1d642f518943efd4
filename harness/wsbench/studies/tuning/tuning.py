"""A whole tuning: what is searched on what, its folder, and the loop over its trials."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsbench.contract.plugins import Plugins
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError, as_line, suggestion
from wsbench.files.writing import write_json
from wsbench.runs.held_out import HeldOut
from wsbench.runs.job import Job
from wsbench.runs.plan import Plan, laid_over, make_plan
from wsbench.settings import HISTORY
from wsbench.studies.tuning import trials
from wsbench.studies.tuning.form import SearchFile
from wsbench.studies.tuning.journal import Claim, Journal, Search
from wsbench.studies.tuning.space import Space, nested
from wsbench.utils.hashing import key_of

if TYPE_CHECKING:
    import optuna

FOLDER = "tuning"
"""The folder of all studies in a folder of runs."""

FAILURES = 5
"""This many failed trials in a row end the command, because the fault is hardly that of their settings."""


class SearchError(WsbenchError):
    """A mistake of the search, which no trial can do anything about."""


class Pruned(Exception):
    """Ends the training of a trial that the pruner gives up."""


@dataclass(frozen=True)
class Tuning:
    """Settings of one method that are searched on one dataset.

    Attributes:
        plan: the method with the settings that stay; those that are searched have any value.
        fixed: the settings among them that the user fixed by name.
        space: the values that are searched.
        form: objective, sampler, pruner and number of trials.
        loaded: the dataset.
        plugins: all that were found.
    """

    plan: Plan
    fixed: Mapping[str, Any]
    space: Space
    form: SearchFile
    loaded: Loaded
    plugins: Plugins

    @property
    def identity(self) -> Mapping[str, Any]:
        """All that the trials depend on, as JSON values."""
        form = self.form.model_dump(mode="json", include={"objective", "sampler", "pruner"})
        return {
            **form,
            "calibrated_for": self.plan.calibrate_for,
            "search": {name: [type(values).__name__, vars(values)] for name, values in self.space.items()},
            "inputs": self.plan.inputs(self.loaded, self.plugins),
            "after_fit": self.plan.after_fit(),
        }

    @cached_property
    def folder(self) -> Path:
        """Where the study lies: a function of all that its trials depend on, so that typing the same command
        again finds it."""
        names = Path(FOLDER, self.loaded.spec.name)
        return self.plan.runs / names / f"{self.plan.spec.name}-{key_of(self.identity)[:8]}"

    @property
    def search(self) -> Search:
        """How Optuna searches."""
        names = (self.loaded.spec.name, self.plan.spec.name, self.plan.seed)
        return Search(self.space, self.form.sampler, self.form.pruner, names)

    def planned(self, values: Mapping[str, Any]) -> Plan:
        """The plan of a trial.

        Args:
            values: of the searched settings, by name.

        Raises:
            WsbenchError: the method refuses a value.
        """
        plan = self.plan
        made = make_plan(
            plan.spec,
            plan.preset,
            laid_over(plan.chosen(), nested(values)),
            dataset=self.loaded.spec,
            seed=plan.seed,
            device=plan.device,
            runs=plan.runs,
            calibrate_for=plan.calibrate_for,
        )
        return replace(made, tuned={})

    def check(self) -> None:
        """Try both ends of every range and every choice on the method's model.

        Raises:
            WsbenchError: the method refuses a value, or the user fixed a setting that is searched.
        """
        for name, values in self.space.items():
            if name in self.fixed:
                raise WsbenchError(f"option '{name}' is both fixed and searched; leave one of them out")
            for value in values.extremes:
                self.planned({name: value})


def carry_out(tuning: Tuning) -> Journal:
    """Carry out trials until the study has as many as it is to have. Other processes may do the same.

    Returns:
        The study, of which every trial has ended.

    Raises:
        WsbenchError: nothing is there to judge by, or several trials failed one after the other.
    """
    roles = trials.held_out_of(tuning.loaded, tuning.form.objective)
    journal = Journal(tuning.folder, tuning.search)
    write_json(tuning.folder / "study.json", tuning.identity)
    failures = 0
    while True:
        with journal.claim(tuning.form.trials, tuning.loaded.progress.say) as claim:
            if claim is None:
                return journal
            problem = _carry_out_trial(tuning, journal, claim, roles)
        failures = failures + 1 if problem else 0
        if failures == FAILURES:
            raise WsbenchError(f"{failures} trials in a row have failed; the last one: {problem}")


def _carry_out_trial(tuning: Tuning, journal: Journal, claim: Claim, roles: HeldOut) -> str:
    """Carry out a trial and note how it ended.

    Returns:
        Why it failed; empty where it did not.
    """
    from optuna.trial import TrialState

    trial, study, problem = claim.trial, journal.study, ""
    watch = _Watch(trial, tuning)
    try:
        job = Job(tuning.planned(claim.values), tuning.loaded, tuning.plugins.without_trackers())
        reached = trials.carry_out(trials.watched(job, watch), roles)
        trial.set_user_attr("labels", reached.labels)
        trial.set_user_attr("boxes", reached.boxes)
        study.tell(trial, trials.value_of(reached, tuning.form.objective))
    except Pruned:
        study.tell(trial, state=TrialState.PRUNED)
    except SearchError:
        raise
    except WsbenchError as error:
        problem = as_line(str(error))
        trial.set_user_attr("problem", problem)
        study.tell(trial, state=TrialState.FAIL)
    frozen = journal.trials()[trial.number]
    tuning.loaded.progress.say(line_of(frozen, claim.values, _best(study)))
    return problem


class _Watch:
    """Tells the pruner what every epoch of a trial's training reached, also before an interruption."""

    def __init__(self, trial: optuna.Trial, tuning: Tuning) -> None:
        self._trial = trial
        self._pruner = tuning.form.pruner
        self._method = tuning.plan.spec.name
        self._told = set(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)

    def __call__(self, folder: Path, epoch: int, metrics: Mapping[str, float]) -> None:
        """Raise `Pruned` where the pruner gives the trial up."""
        if self._pruner.name == "none":
            return
        if self._pruner.monitor not in metrics:
            near = suggestion(self._pruner.monitor, metrics)
            raise SearchError(f"{self._method} logs no metric '{self._pruner.monitor}'; {near}")
        sign = 1.0 if self._pruner.mode == "max" else -1.0
        for step, value in {**self._earlier(folder), epoch: metrics[self._pruner.monitor]}.items():
            if step not in self._told:
                self._trial.report(sign * value, step)
                self._told.add(step)
        if self._trial.should_prune():
            raise Pruned

    def _earlier(self, folder: Path) -> dict[int, float]:
        """What epochs before an interruption reached."""
        history = folder / HISTORY
        if not history.exists():
            return {}
        with history.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row.get(self._pruner.monitor)]
        return {int(row["epoch"]): float(row[self._pruner.monitor]) for row in rows}


def line_of(trial: optuna.trial.FrozenTrial, values: Mapping[str, Any], best: str) -> str:
    """A finished trial in a line."""
    settings = settings_words(values)
    state = trial.state.name.lower()
    attributes = trial.user_attrs
    if trial.value is not None and state == "complete":
        boxes = "" if attributes.get("boxes") is None else f", boxes {attributes['boxes']:.4f}"
        parts = f"(labels {attributes['labels']:.4f}{boxes})"
        return f"trial {trial.number}: {trial.value:.4f} {parts}  {settings}  {best}"
    reason = f": {attributes['problem']}" if "problem" in attributes else ""
    return f"trial {trial.number}: {'failed' if state == 'fail' else state}{reason}  {settings}"


def settings_words(values: Mapping[str, Any]) -> str:
    """Values of settings in words, with four digits."""
    return " ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in values.items()
    )


def _best(study: optuna.Study) -> str:
    try:
        return f"best: {study.best_value:.4f} of trial {study.best_trial.number}"
    except ValueError:  # no trial has a value
        return ""
