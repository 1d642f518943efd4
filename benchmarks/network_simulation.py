"""How often the intervals of one network cover the truth, by simulation; `ranking_simulation` calls it.

What is assumed of one network: its population is the run's test images, each many times, with class scores
moved by a tenth of the standard deviation of their logits, and test sets are drawn from it image by image.
Thresholds and the boxes of calibrate stay as they are, so their noise is no part of this simulation.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.special import expit, logit

from wsbench.contract import plugins, record_files, records
from wsbench.geometry.box_table import BoxTable
from wsbench.reports.board import Board
from wsbench.runs import replay
from wsbench.runs.rescoring import dataset_of
from wsbench.runs.scoring_inputs import draws_of, truths_of
from wsbench.scoring import intervals
from wsbench.scoring.bootstrap import Resamples, interval
from wsbench.scoring.metric_values import macro, rarer_units, values
from wsbench.scoring.protocols import table_of
from wsbench.scoring.table import Scored
from wsbench.utils.progress import Silent

SIZES = (75, 155, 370, 620)
METRICS = ("cond_ap25", "cond_gain", "ap25", "map_gain", "auc", "sensitivity")
COPIES = 20


def boxes_of(table: BoxTable, images: np.ndarray) -> BoxTable:
    """The boxes of some images, which may occur more than once."""
    order = np.argsort(table.image, kind="stable")
    first = np.searchsorted(table.image[order], images, side="left")
    count = np.searchsorted(table.image[order], images, side="right") - first
    rows = np.repeat(np.arange(len(images)), count)
    taken = order[np.repeat(first - np.cumsum(count) + count, count) + np.arange(len(rows))]
    return BoxTable(rows, table.label[taken], table.xyxy[taken], table.score[taken])


def images_of(table: Scored, images: np.ndarray) -> Scored:
    """A test set of some images of a table. How many fixed boxes are best on the calibrate role is the same
    for all, and takes most of the time: it is passed on."""
    some = replace(
        table,
        names=tuple(f"image {number}" for number in range(len(images))),
        sizes=table.sizes[images],
        labels=table.labels[images],
        known=table.known[images],
        truth=boxes_of(table.truth, images),
        scores=table.scores[images],
        predicted=boxes_of(table.predicted, images),
    )
    counts = {key: value for key, value in table._shared.items() if isinstance(value, tuple)}
    some._shared.update(counts)
    return some


def population(table: Scored, generator: np.random.Generator) -> Scored:
    """Each image of a table many times, with class scores that differ a little."""
    many = images_of(table, np.tile(np.arange(len(table.names)), COPIES))
    logits = logit(np.clip(many.scores, 1e-6, 1 - 1e-6))
    moved = expit(logits + generator.normal(size=logits.shape) * 0.1 * logits.std(axis=0))
    boxes = many.predicted
    ratio = (moved / np.maximum(many.scores, 1e-6))[boxes.image, boxes.label]
    return replace(many, scores=moved, predicted=replace(boxes, score=boxes.score * ratio))


def network(path: Path) -> Scored:
    """The table of a run or a submission, from its record and the predictions beside it."""
    record = records.load(path)
    loaded = dataset_of(record, plugins.find([]), Silent(), None)
    return table_of(replay.again(path, record, loaded, draws_of(loaded)), truths_of(loaded))


def networks(table: Scored, tests: int, draws: int, generator: np.random.Generator) -> list[str]:
    """Rows of the table of one network: coverage of its intervals, by metric and size of the test set."""
    specs, everything = plugins.find([]).metrics, population(table, generator)
    once = Resamples.once(len(everything.names))
    truth = {name: macro(values(specs[name], everything, once))[0] for name in METRICS}
    lines = []
    for size in SIZES:
        holds: dict[str, list[tuple[bool, bool]]] = {name: [] for name in METRICS}
        for test in range(tests):
            some = images_of(everything, generator.integers(len(everything.names), size=size))
            resamples = Resamples.draw(range(size), draws, test)
            units = int(rarer_units(some, resamples).sum())
            for name in METRICS:
                value = macro(values(specs[name], some, Resamples.once(size)))[0]
                drawn = macro(values(specs[name], some, resamples))
                ours = intervals.of_draws(value, drawn, bounded=specs[name].bounded, units=units)
                theirs = interval(drawn)
                if ours is not None and theirs is not None:
                    holds[name].append(tuple(low <= truth[name] <= high for low, high in (ours, theirs)))
        for name in METRICS:
            ours, theirs = np.mean(holds[name], axis=0)
            lines.append(f"| {name} | {truth[name]:.3f} | {size} | {ours:.3f} | {theirs:.3f} |")
            print(lines[-1], flush=True)
    return lines


def typical(folder: Path, dataset: str, board: Board) -> Path | None:
    """The record of middle rank among those that carry predictions."""
    ordered = [row.first for row in board.rows if row.first.method["reads_image"]]
    paths = {
        (record.method["name"], record.seed, str(record.method["settings"])): path
        for path in record_files.in_leaderboards(folder, dataset)
        if record_files.predictions_beside(path).exists()
        for record in [records.load(path)]
    }
    keys = [(record.method["name"], record.seed, str(record.method["settings"])) for record in ordered]
    carried = [paths[key] for key in keys if key in paths]
    return carried[len(carried) // 2] if carried else None
