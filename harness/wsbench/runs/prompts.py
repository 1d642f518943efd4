"""Scores the joined predictions of several prompts, and each prompt alone, so that the spread is known."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec, columns_of
from wsbench.data.dataset import Loaded
from wsbench.predictions.external import ExternalPredictions
from wsbench.runs import rescoring
from wsbench.scoring.objectives import OBJECTIVE
from wsbench.utils.hashing import key_of

PROTOCOL = "uniform"
"""The protocol whose values are compared over prompts: the one that ranks."""


def evaluate(
    program: ExternalPredictions,
    loaded: Loaded,
    plugins: Plugins,
    runs: Path,
    *,
    seed: int = 0,
    calibrate_for: str = OBJECTIVE,
) -> Record:
    """Score the predictions of an external program, as `rescoring.evaluate`, and each of its prompts alone.

    A prompt alone leaves a run of its own under the name ``NAME.prompt1``, and counts as an evaluation of the
    test split. The record of the joined prompts has their spread under ``method.facts.prompts.spread``.

    Args:
        program: its predictions.
        loaded: the dataset.
        plugins: whose metrics are computed.
        runs: the folder of all runs.
        seed: that the program was run with.
        calibrate_for: what box rules are chosen for.
    """
    alone = []
    for number, parts in enumerate(program.alone, start=1):
        spec = replace(program.spec, name=f"{program.spec.name}.prompt{number}")
        prompts = {
            name: texts[(number - 1) % len(texts)]
            for name, texts in program.facts["prompts"]["of_class"].items()
        }
        of_prompt = ExternalPredictions(
            spec, key_of([program.content, number]), parts, facts={"prompts": {"of_class": prompts}}
        )
        alone.append(
            rescoring.evaluate(of_prompt, loaded, plugins, runs, seed=seed, calibrate_for=calibrate_for)
        )
    if alone:
        prompts = {**program.facts["prompts"], "spread": spread_of(program, alone, plugins.metrics)}
        program = replace(program, facts={**program.facts, "prompts": prompts})
    return rescoring.evaluate(program, loaded, plugins, runs, seed=seed, calibrate_for=calibrate_for)


def spread_of(
    program: ExternalPredictions, alone: Sequence[Record], metrics: Mapping[str, MetricSpec]
) -> dict[str, Any]:
    """Describe how the main metrics differ between prompts, as JSON values.

    Args:
        program: the program, whose facts name the prompts of every class.
        alone: the record of each set of prompts.
        metrics: all metrics by name.

    Returns:
        By metric, the value of each set of prompts, their lowest and highest value and sample standard
        deviation, and the same for each class over its own prompts.
    """
    result = {}
    of_class = program.facts["prompts"]["of_class"]
    for name in columns_of(metrics, "terminal"):
        found = [record.protocols[PROTOCOL]["metrics"].get(name, {}) for record in alone]
        described = _range([values.get("value") for values in found])
        classes = {
            label: _range([values.get("per_class", {}).get(label) for values in found[: len(prompts)]])
            for label, prompts in of_class.items()
        }
        result[name] = {"version": metrics[name].version, **described, "per_class": classes}
    return result


def _range(values: Sequence[float | None]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    return {
        "values": list(values),
        "lowest": min(known, default=None),
        "highest": max(known, default=None),
        "sd": statistics.stdev(known) if len(known) > 1 else None,
    }
