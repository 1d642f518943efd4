"""Tables of scores by collection, and of groups that are left out of training in turn."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wsbench.cli import tables
from wsbench.contract.protocol import RANKED_WITHOUT_BOXES as AUC
from wsbench.errors import printable

if TYPE_CHECKING:
    from wsbench.contract.records import Record
    from wsbench.contract.specs import MetricSpec
    from wsbench.reports.rows import Row


def show(records: Sequence[Record], metrics: Mapping[str, MetricSpec]) -> None:
    """Print the scores by collection of every method that looks at the image, where there are collections, or
    those of the groups that its folds leave out.

    Args:
        records: the records of a command.
        metrics: all metrics by name.
    """
    from wsbench.reports.rows import ranked

    by_data: dict[str, list[Record]] = {}
    for record in records:
        shown = "collections" in record.protocols["uniform"] or "left_out_by" in record.dataset
        if shown and record.method["reads_image"]:
            by_data.setdefault(record.key["fingerprint"], []).append(record)
    for of_data in by_data.values():
        rows = ranked(of_data, metrics)
        for row in rows:
            if row.left_out:
                _left_out(row)
            else:
                _collections(row)
        for line in _left_out_words(rows[0]) if rows[0].left_out else _words(rows[0].first):
            print(printable(line))


def _collections(row: Row) -> None:
    """Print a line for each collection, then the AUC of all images, of pairs within collections, and of pairs
    across them."""
    results = [record.protocols["uniform"]["collections"] for record in row.records]
    first = results[0]["groups"]
    shown = [name for name in next(iter(first.values()))["metrics"] if name in row.metrics]
    lines = []
    for name, group in first.items():
        of_seeds = [result["groups"][name]["metrics"] for result in results]
        counts = [str(group["images"]), _positive(group["positive"])]
        cells = [_cell([of_seed[metric] for of_seed in of_seeds], row.metrics[metric]) for metric in shown]
        lines.append([name, *counts, *cells, _interval([of_seed.get(AUC, {}) for of_seed in of_seeds])])
    if AUC in shown and "within" in results[0]:
        total = str(sum(group["images"] for group in first.values()))
        by_pairs = {
            "all, pooled": ([_pooled(record) for record in row.records], total),
            "pairs of one collection": ([result["within"] for result in results], ""),
            "pairs of two": ([result["across"] for result in results], ""),
        }
        for name, (described, count) in by_pairs.items():
            cells = [_cell(described, row.metrics[AUC]) if metric == AUC else "" for metric in shown]
            lines.append([name, count, "", *cells, _interval(described)])
    headings = [row.metrics[name].heading or name for name in shown]
    print()
    title = f"{row.label('uniform')} on {row.first.dataset['name']}, by collection"
    tables.show(title, ["", "images", "positive", *headings, f"{AUC} 95 %"], lines, text=1)


def _left_out(row: Row) -> None:
    """Print a line for each group that was left out, then mean, spread and the pooled value."""
    from wsbench.reports.rows import metrics_of_table, number

    said, shown = row.first.dataset["left_out_by"], metrics_of_table([row], "folds")
    columns = [row.fold_values(metric, "uniform") for metric in shown]
    described = [record.protocols["uniform"]["metrics"].get(AUC, {}) for record in row.records]
    lines = []
    for place, name in enumerate(row.left_out):
        counts = [str(said["images"][place]), _positive(said["positive"][place])]
        intervals = [of_seed.get("fold_intervals") or [] for of_seed in described]
        bounds = [{"interval": of_seed[place]} if place < len(of_seed) else {} for of_seed in intervals]
        lines.append([name, *counts, *(number(column[place]) for column in columns), _interval(bounds)])
    lines.append(["mean", "", "", *(row.mean(metric, "uniform") for metric in shown), ""])
    lines.append(["sd", "", "", *(row.spread(metric, "uniform") for metric in shown), ""])
    pooled = [number(row.pooled(metric, "uniform")) for metric in shown]
    lines.append(["pooled", str(sum(said["images"])), "", *pooled, ""])
    headings = [row.metrics[metric].heading or metric for metric in shown]
    title = f"{row.label('uniform')}, each {said['attribute']} left out of training in turn"
    print()
    tables.show(title, ["left out", "images", "positive", *headings, f"{AUC} 95 %"], lines, text=1)


def _pooled(record: Record) -> Mapping[str, Any]:
    """The AUC of all images together, of a cross-validation also."""
    uniform = record.protocols["uniform"]
    if uniform.get("pooled") is not None:
        return {"value": uniform["pooled"].get(AUC)}
    described: Mapping[str, Any] = uniform["metrics"].get(AUC, {})
    return described


def _positive(positive: Mapping[str, int]) -> str:
    """How many images have the class; of several classes, the least and the most."""
    counts = sorted(positive.values()) or [0]
    return str(counts[0]) if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"


def _cell(of_seeds: Sequence[Mapping[str, Any]], spec: MetricSpec) -> str:
    values = [described.get("value") for described in of_seeds]
    known = [value for value in values if value is not None]
    return spec.text(statistics.fmean(known) if len(known) == len(values) else None)


def _interval(of_seeds: Sequence[Mapping[str, Any]]) -> str:
    """The 95 % interval of one network; several seeds have none."""
    bounds = of_seeds[0].get("interval") if len(of_seeds) == 1 else None
    return "" if not bounds else "\N{EN DASH}".join(tables.short(bound) for bound in bounds)


def _words(record: Record) -> Iterator[str]:
    from wsbench.data.by_attribute import one_label_words

    result = record.protocols["uniform"]["collections"]
    for name, group in result["groups"].items():
        if words := one_label_words(group["images"], group["positive"]):
            yield f"{name}: {words}, so there is no AUC in it; these images count in pairs of two alone"
    if result.get("share") is not None:
        yield (
            f"pairs: of a positive and a negative image, {result['share']:.0%} of them of one collection. "
            "A method that only knows the collection has 0.5 there"
        )


def _left_out_words(row: Row) -> Iterator[str]:
    from wsbench.data.by_attribute import one_label_words

    said = row.first.dataset["left_out_by"]
    for name, images, positive in zip(said["values"], said["images"], said["positive"], strict=True):
        if words := one_label_words(images, positive):
            yield f"{name}: {words}, so there is no AUC when it is left out; means are over the other groups"
    yield "pooled: scores of different trainings together; their levels may differ"
