"""``wsbench describe --measure``."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wsbench.cli import tables
from wsbench.contract.plugins import Plugins
from wsbench.reports import costs
from wsbench.runs import dry_run
from wsbench.settings import parse_options

WIDTH = 79

LAST_WORDS = (
    "MACs: multiply-accumulates for one image, heatmap included. MACs forward: the network alone, as papers "
    "count. FLOPs: two for each MAC. Times and memory of predicting are for one image, images/s for {batch} "
    "at once. Training: one epoch of {images} images. See docs/efficiency.md."
)


def print_costs(
    plugins: Plugins,
    names: Sequence[str],
    preset: str | None,
    options: Mapping[str, Any],
    conditions: dry_run.Conditions,
) -> None:
    """Measure methods one after the other, and print two tables.

    Args:
        plugins: all plugins.
        names: names of methods, each with its own options after a colon: ``name:option=value,option=value``.
        preset: the preset of all methods; None takes the first preset of each.
        options: settings of all methods.
        conditions: dataset, device and further conditions.

    Raises:
        WsbenchError: a name or an option is unknown, which is checked before anything is measured; or a
            method cannot be measured.
    """
    trials = [_trial(word, preset, options, conditions) for word in names]
    labels = [_label(trial, plugins) for trial in trials]
    results = [dry_run.measure(trial) for trial in trials]
    _table("the network", labels, results, costs.NETWORK)
    _table("on this machine", labels, results, (*costs.TIME, *costs.MEMORY, costs.TRAINING_AN_IMAGE))
    for where in dict.fromkeys(map(costs.machine, results)):
        print(textwrap.fill(f"measured on {where}", WIDTH))
    seen = sorted({trial["training_images"] for trial in results if trial["training_images"]})
    words = LAST_WORDS.format(batch=results[0]["images_at_once"], images=" or ".join(map(str, seen)) or "no")
    print(textwrap.fill(words, WIDTH))


def _trial(
    word: str, preset: str | None, options: Mapping[str, Any], conditions: dry_run.Conditions
) -> dry_run.Trial:
    method, _, option_words = word.partition(":")
    changes = parse_options(_words(option_words)) if option_words else {}
    return dry_run.Trial(method, {**options, **changes}, preset, conditions)


def _words(options: str) -> list[str]:
    """Split options at commas, but not at commas inside lists or mappings."""
    words, depth = [""], 0
    for letter in options:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            words.append("")
        else:
            words[-1] += letter
    return words


def _label(trial: dry_run.Trial, plugins: Plugins) -> str:
    """The method's name, its preset, and the settings that differ from the preset."""
    plan = trial.plan(plugins, Path())
    changed = "".join(f" {name}={value}" for name, value in plan.changed().items())
    return f"{trial.method} ({plan.preset}){changed}"


def _table(
    title: str,
    labels: Sequence[str],
    results: Sequence[costs.Efficiency],
    columns: Sequence[costs.Column],
) -> None:
    cells = [
        [
            "\n".join(textwrap.wrap(label, tables.WIDEST, subsequent_indent="  ")),
            *(column.cell([result]) for column in columns),
        ]
        for label, result in zip(labels, results, strict=True)
    ]
    tables.show(title, ["method", *(column.heading for column in columns)], cells, text=1, width=WIDTH)
    print()
