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
    "MACs: multiply-accumulates of one image; forward: of the network alone, as papers count; without the "
    "word: with the heatmap. FLOPs: two a MAC. Times and memory of predicting: one image; images/s: {batch} "
    "at once. Training: one epoch of {images} images. docs/efficiency.md says more."
)


def measure(
    plugins: Plugins,
    names: Sequence[str],
    preset: str | None,
    options: Mapping[str, Any],
    conditions: dry_run.Conditions,
) -> None:
    """Measure methods one after the other and print two tables of all.

    Args:
        plugins: all that were found.
        names: of methods, with options of their own behind a colon: ``name:option=value,option=value``.
        preset: of all; None is each method's first.
        options: of all.
        conditions: dataset, device and so on.

    Raises:
        WsbenchError: anything the user can mend; an unknown name or option before anything is measured.
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
    method, _, own = word.partition(":")
    given = parse_options(_words(own)) if own else {}
    return dry_run.Trial(method, {**options, **given}, preset, conditions)


def _words(options: str) -> list[str]:
    """Options between commas; those inside a list or a mapping part nothing."""
    words, depth = [""], 0
    for letter in options:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            words.append("")
        else:
            words[-1] += letter
    return words


def _label(trial: dry_run.Trial, plugins: Plugins) -> str:
    """Name, preset and options that differ from it."""
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
