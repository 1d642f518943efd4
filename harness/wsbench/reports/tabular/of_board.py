"""The tables that follow from the rows of one board."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec, columns_of
from wsbench.reports import costs, page_words, prompts, upstream
from wsbench.reports.board import Board
from wsbench.reports.labels import changed_of
from wsbench.reports.rows import Row, metrics_of_table
from wsbench.reports.tabular.form import METHOD, ROW, SETTINGS, WINNER, Cell, Column, Kind, Line, Table

NAMES = (Column(ROW, numeric=False), Column(METHOD, numeric=False), Column(SETTINGS, numeric=False))


def tables_of(board: Board) -> dict[str, Table]:
    """All tables of a board that have lines, by name: ``uniform``, ``paper``, ``upstream``, ``floors``,
    ``prompts``, ``sanity``, ``faithfulness`` and ``costs``."""
    made = (
        uniform(board),
        paper(board),
        upstream.table(board),
        floors(board.rows),
        prompts.table(board.rows),
        sanity(board.rows),
        faithfulness(board.rows),
        costs.board_table(board.rows),
    )
    return {table.name: table for table in made if table.lines}


def uniform(board: Board) -> Table:
    """Ranks and all measures under protocol ``uniform``; without lines where no record has it."""
    if not any("uniform" in record.protocols for row in board.rows for record in row.records):
        return Table("uniform", (), ())
    ranking = [name for name in metrics_of_table(board.rows, "ranking") if name != board.ranked_by]
    further = [name for name in metrics_of_table(board.rows, "uniform") if name not in ranking]
    columns = [*NAMES, Column("seeds"), Column("rank", Kind.RANKS), Column("rank alone", Kind.RANKS)]
    columns += [Column(WINNER, numeric=False), Column(board.ranked_by, Kind.SPREAD)]
    columns += [Column("95 %", Kind.INTERVAL), Column("these networks", Kind.INTERVAL)]
    for name in ranking:
        columns.append(Column(name, Kind.SPREAD))
        if board.metrics[name].is_kept:
            columns.append(Column(f"{name} 95 %", Kind.INTERVAL))
    columns += [Column(name, Kind.SPREAD) for name in further]
    pooled = pooled_of(board)
    columns += [Column(f"pooled {name}") for name in pooled]
    lines = []
    for index, row in enumerate(board.rows):
        cells = {**_names(row, "uniform"), "seeds": (row.seeds,), **_ranks(board, index)}
        cells |= _measured(board, index, "uniform", [board.ranked_by, *ranking, *further], pooled)
        lines.append(Line(cells, index))
    return Table("uniform", tuple(columns), tuple(lines))


def paper(board: Board) -> Table:
    """All measures under protocol ``paper``, of the rows that have it."""
    names, pooled = metrics_of_table(board.rows, "paper"), pooled_of(board)
    columns = [*NAMES, *(Column(name, Kind.SPREAD) for name in names)]
    columns += [Column(f"pooled {name}") for name in pooled]
    lines = []
    for index, row in enumerate(board.rows):
        if any("paper" in record.protocols for record in row.records):
            cells = {**_names(row, "paper"), **_measured(board, index, "paper", names, pooled)}
            lines.append(Line(cells, index))
    return Table("paper", tuple(columns), tuple(lines))


def pooled_of(board: Board) -> list[str]:
    """The metrics that a cross-validation shows for the images of all folds together; none without folds."""
    specs = board.metrics.items()
    return sorted(name for name, spec in specs if spec.pooled) if board.rows[0].folds else []


def _names(row: Row, protocol: str) -> dict[str, Cell]:
    label = row.label(protocol)
    return {
        ROW: (label,),
        METHOD: (row.name(protocol),),
        SETTINGS: (changed_of(row.first),),
    }


def _ranks(board: Board, index: int) -> dict[str, Cell]:
    standing = board.standings.get(index)
    if standing is None:
        return {"rank": ("", ""), "rank alone": ("", ""), WINNER: ("",)}
    return {
        "rank": (str(standing.best), str(standing.worst)),
        "rank alone": (str(standing.likely_best), str(standing.likely_worst)),
        WINNER: ("yes" if standing.winner else "no",),
    }


def _measured(
    board: Board, index: int, protocol: str, names: Sequence[str], pooled: Sequence[str]
) -> dict[str, Cell]:
    row, cells = board.rows[index], dict[str, Cell]()
    for name in names:
        cells[name] = _known(row.mean(name, protocol), row.spread(name, protocol))
        if protocol == "uniform" and board.metrics[name].is_kept:
            heading = "95 %" if name == board.ranked_by else f"{name} 95 %"
            cells[heading] = bounds(board.interval(index, name), board.metrics[name])
    if protocol == "uniform":
        main = board.ranked_by
        cells["these networks"] = bounds(row.of_networks(main, protocol), board.metrics[main])
    for name in pooled:
        cells[f"pooled {name}"] = _known(board.metrics[name].text(row.pooled(name, protocol)))
    return cells


def bounds(ends: tuple[float, float] | None, spec: MetricSpec) -> Cell:
    """The ends of an interval as a cell, with the digits of its metric."""
    return ("", "") if ends is None else (spec.text(ends[0]), spec.text(ends[1]))


def _known(*texts: str) -> Cell:
    """A cell of texts that are a dash where a value does not exist; no spread stands without its mean."""
    parts = tuple("" if text == "-" else text for text in texts)
    return parts if parts[0] else ("",) * len(parts)


def floors(rows: Sequence[Row]) -> Table:
    """The metrics of image-blind boxes with each row's class scores."""
    names = columns_of(rows[0].metrics, "floors")
    lines = []
    for index, row in enumerate(rows):
        of_seeds = [record.protocols.get("uniform", {}).get("floors", {}) for record in row.records]
        for blind in of_seeds[0]:
            values = [floors[blind] for floors in of_seeds if blind in floors]
            means = {name: _mean([of_seed.get(name) for of_seed in values]) for name in names}
            cells = {name: _known(row.metrics[name].text(mean)) for name, mean in means.items()}
            lines.append(Line({"boxes": (blind,), ROW: (row.label("uniform"),), **cells}, index))
    words = (Column("boxes", numeric=False), Column(ROW, numeric=False))
    return Table("floors", (*words, *map(Column, names)), tuple(lines))


def sanity(rows: Sequence[Row]) -> Table:
    """Sanity checks, with means over the seeds that have been checked."""
    lines = []
    for index, row in enumerate(rows):
        checked = [record for record in row.records if record.sanity]
        for check, title in page_words.RANDOM.items():
            with_check = [record for record in checked if check in record.sanity["checks"]]
            if with_check:
                cells = {ROW: (row.label("uniform"),), "seeds": (seeds_of(with_check),), "random": (title,)}
                lines.append(Line({**cells, **_similarities(with_check, check)}, index))
    words = (Column(ROW, numeric=False), Column("seeds"), Column("random", numeric=False))
    return Table("sanity", (*words, *map(Column, (*_SIMILARITIES.values(), "undefined"))), tuple(lines))


_SIMILARITIES = {"spearman": "Spearman", "ssim": "SSIM", "hog": "HOG"}


def _similarities(checked: Sequence[Record], check: str) -> dict[str, Cell]:
    measured = [record.sanity["checks"][check][0] for record in checked]
    cells: dict[str, Cell] = {}
    for name, heading in _SIMILARITIES.items():
        mean = _mean([result[name]["value"] for result in measured])
        cells[heading] = ("" if mean is None else f"{mean:.3f}",)
    undefined, maps = sum(result["undefined"] for result in measured), sum(r.sanity["maps"] for r in checked)
    return {**cells, "undefined": (f"{undefined} of {maps}",)}


def faithfulness(rows: Sequence[Row]) -> Table:
    """Faithfulness, with means over the seeds that were measured at one size."""
    lines = []
    for index, row in enumerate(rows):
        by_size: dict[int, list[Record]] = {}
        for record in row.records:
            if measured := record.sanity.get("faithfulness"):
                by_size.setdefault(measured["size"], []).append(record)
        for size, of_size in sorted(by_size.items()):
            results = [record.sanity["faithfulness"]["measures"] for record in of_size]
            shared = {ROW: (row.label("uniform"),), "seeds": (seeds_of(of_size),), "pixels": (f"{size}",)}
            for which, title in page_words.FAITHFULNESS_MAPS.items():
                cells = {
                    heading: (_faithful(results, name, which),)
                    for name, heading in page_words.FAITHFULNESS_MEASURES.items()
                }
                lines.append(Line({**shared, "map": (title,), **cells}, index))
    words = (Column(ROW, numeric=False), Column("seeds"), Column("pixels"), Column("map", numeric=False))
    columns = (*words, *map(Column, page_words.FAITHFULNESS_MEASURES.values()))
    return Table("faithfulness", columns, tuple(lines))


def _faithful(results: Sequence[Mapping[str, Any]], name: str, which: str) -> str:
    values = [measures[name][which]["value"] for measures in results if name in measures]
    mean = _mean(values)
    return "" if mean is None else f"{mean:.3f}"


def seeds_of(records: Iterable[Record]) -> str:
    """The seeds of some records, as tables show them."""
    return ", ".join(str(record.seed) for record in records)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known and len(known) == len(values) else None
