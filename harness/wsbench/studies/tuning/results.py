"""What a tuning leaves: a table of its trials, and the best settings as a file that ``wsbench run`` takes."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsbench.contract.record_form import TunedForm
from wsbench.errors import WsbenchError
from wsbench.files.writing import write_text
from wsbench.runs import preset_files
from wsbench.runs.preset_files import PresetFile
from wsbench.studies.tuning.journal import Journal
from wsbench.studies.tuning.tuning import Tuning

BEST = "best.yaml"
TRIALS = "trials.csv"
STATES: Mapping[str, str] = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed"}
FEWEST_FOR_IMPORTANCE = 8
"""Finished trials from which the importance of settings is more than noise."""


@dataclass(frozen=True)
class TrialRow:
    """A trial that has ended.

    Attributes:
        number: from 0.
        state: one of `STATES`.
        value: the objective; None where it has none.
        labels, boxes: its two parts.
        settings: the values that were searched.
        seconds: from the beginning of the trial to its end, interruptions included.
        problem: why it failed; empty where it did not.
    """

    number: int
    state: str
    value: float | None
    labels: float | None
    boxes: float | None
    settings: Mapping[str, Any]
    seconds: float
    problem: str = ""


def rows_of(tuning: Tuning, journal: Journal) -> list[TrialRow]:
    """All trials, in the order of their numbers."""
    rows = []
    for trial in journal.trials():
        attributes, state = trial.user_attrs, STATES[trial.state.name]
        rows.append(
            TrialRow(
                trial.number,
                state,
                trial.value if state == "finished" else None,
                attributes.get("labels"),
                attributes.get("boxes"),
                {name: trial.params[name] for name in tuning.space},
                trial.duration.total_seconds() if trial.duration else 0.0,
                attributes.get("problem", ""),
            )
        )
    return rows


def best_of(rows: Sequence[TrialRow]) -> TrialRow:
    """The finished trial with the highest value, the first of equal ones.

    Raises:
        WsbenchError: no trial has a value.
    """
    finished = [row for row in rows if row.value is not None]
    if not finished:
        last = next((row.problem for row in reversed(rows) if row.problem), "all were pruned")
        raise WsbenchError(f"none of {len(rows)} trials has a value; the last one: {last}")
    return max(finished, key=lambda row: (row.value or 0.0, -row.number))


def write_trials(tuning: Tuning, rows: Sequence[TrialRow]) -> Path:
    """Write a table of all trials as CSV into the folder of the study."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "value", "labels", "boxes", *tuning.space, "seconds", "problem"])
    for row in rows:
        values = (row.settings[name] for name in tuning.space)
        measured = (row.number, row.state, row.value, row.labels, row.boxes)
        writer.writerow([*measured, *values, round(row.seconds, 1), row.problem])
    path = tuning.folder / TRIALS
    write_text(path, text.getvalue())
    return path


def write_best(tuning: Tuning, rows: Sequence[TrialRow], path: Path) -> PresetFile:
    """Write the best settings as a file that ``wsbench run --preset`` takes.

    Raises:
        WsbenchError: no trial has a value.
    """
    best, name = best_of(rows), tuning.loaded.spec.name
    plan = tuning.planned(best.settings)
    objective = objective_words(tuning)
    tuned = TunedForm(
        trials=len(rows) + trials_before(tuning),
        dataset=name,
        fingerprint=tuning.loaded.fingerprint,
        objective=objective,
        value=best.value or 0.0,
    )
    file = PresetFile(method=plan.spec.name, preset=plan.preset, settings=plan.chosen(), tuned=tuned)
    states = ", ".join(f"{count} {state}" for state in STATES.values() if (count := _count(rows, state)))
    comment = [
        f"The best settings of {plan.spec.name} on {name} (data {tuning.loaded.fingerprint}).",
        f"Trial {best.number} of {len(rows)} trials ({states}): {best.value:.4f}, {objective}.",
        f"wsbench run --method {plan.spec.name} --dataset {name} --preset {path.name}",
    ]
    preset_files.write(file, path, comment)
    return file


def trials_before(tuning: Tuning) -> int:
    """The trials of an earlier tuning, whose best settings this one started from."""
    return int(tuning.plan.tuned.get("trials", 0))


def objective_words(tuning: Tuning) -> str:
    """What the value of a trial is."""
    auc, boxes = "macro AUC on select", f"{tuning.plan.calibrate_for} on calibrate"
    words = {"labels": auc, "boxes": boxes, "both": f"mean of {auc} and {boxes}"}
    return words[tuning.form.objective]


def importances(tuning: Tuning, journal: Journal, rows: Sequence[TrialRow]) -> dict[str, float]:
    """How much of the differences between trials comes from each setting, as shares by PED-ANOVA (Watanabe,
    Bansal and Hutter 2023); empty where too few trials have finished to say."""
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    if _count(rows, "finished") < FEWEST_FOR_IMPORTANCE or len(tuning.space) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it was experimental in Optuna 4
        return get_param_importances(journal.study, evaluator=PedAnovaImportanceEvaluator())


def _count(rows: Sequence[TrialRow], state: str) -> int:
    return sum(row.state == state for row in rows)
