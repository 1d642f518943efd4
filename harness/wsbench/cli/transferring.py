"""``wsbench run --test-on``: the datasets that it names, and the table of what is lost there."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from wsbench.cli import tables
from wsbench.errors import WsbenchError, printable

if TYPE_CHECKING:
    from wsbench.contract.plugins import Plugins
    from wsbench.contract.records import Record
    from wsbench.contract.specs import MetricSpec
    from wsbench.data.dataset import Loaded
    from wsbench.data.folds import Fold
    from wsbench.runs.job import Job
    from wsbench.runs.target import Target


def targets(
    words: Sequence[str] | None,
    plugins: Plugins,
    source: Loaded,
    *,
    folds: Sequence[Fold] | None,
    skip_bad: bool,
) -> list[Target]:
    """Load the datasets that ``--test-on`` names, before anything is trained.

    Raises:
        WsbenchError: a name, an option or a file of them is wrong, or they share no class.
    """
    from wsbench.runs.test_on import load_targets, parse_test_on

    if words and folds is not None:
        raise WsbenchError("--test-on goes with a dataset's own roles; leave out --folds")
    return load_targets(parse_test_on(words or ()), plugins, source, skip_bad=skip_bad)


def transfers(jobs: Sequence[Job], records: Sequence[Record], targets: Sequence[Target]) -> list[Record]:
    """Score the finished runs of a method on other datasets.

    Args:
        jobs, records: the runs of the method and their records.
        targets: the test roles of the other datasets.
    """
    from wsbench.runs.transfer import transfer

    return [
        transfer(job, record, target) for job, record in zip(jobs, records, strict=True) for target in targets
    ]


def show_transfer(transfers: Sequence[Record], metrics: Mapping[str, MetricSpec]) -> None:
    """Print what a method loses on other datasets, and what became of its classes there.

    Args:
        transfers: the records of one method, on any number of datasets and of any number of seeds.
        metrics: all metrics by name.
    """
    from wsbench.reports.labels import label_of
    from wsbench.runs.drops import drops_of

    if not transfers:
        return
    first = transfers[0]
    seeds = ", ".join(str(seed) for seed in dict.fromkeys(record.seed for record in transfers))
    lines, before = [], ""
    for drop in drops_of(transfers, metrics):
        spec, name = metrics[drop.metric], drop.tested_on if drop.tested_on != before else ""
        ends = (
            "-" if drop.interval is None else " to ".join(f"{end:+.{spec.digits}f}" for end in drop.interval)
        )
        lost = "-" if drop.value is None else f"{drop.value:+.{spec.digits}f}"
        values = (spec.text(drop.own), spec.text(drop.there), lost, ends)
        lines.append([textwrap.fill(name, tables.WIDEST), spec.heading or spec.name, *values])
        before = drop.tested_on
    trained = first.transfer["trained_on"]
    print()
    tables.show(
        f"transfer of {label_of(first, 'uniform')}, trained on {trained['words']}, seed {seeds}",
        ["tested on", "measure", "own test", "there", "drop", "95 %"],
        lines,
        text=2,
    )
    for record in {record.transfer["tested_on"]: record for record in transfers}.values():
        print(printable(_data_line(record)))
    print("drop: own test less there. Thresholds are those chosen on the own select and calibrate roles")


def _data_line(record: Record) -> str:
    """How many images were tested, and which classes."""
    said, data = record.transfer, record.dataset
    renamed = [f"{ours} is {theirs} there" for ours, theirs in said["classes"].items() if ours != theirs]
    words = [f"{said['tested_on']}: {data['images']['test']} test images, {data['boxes']['test']} boxes"]
    words += [", ".join(renamed)] if renamed else []
    words += [f"not tested there: {', '.join(said['untested'])}"] if said["untested"] else []
    words += [f"not trained: {', '.join(said['untrained'])}"] if said["untrained"] else []
    return "; ".join(words)
