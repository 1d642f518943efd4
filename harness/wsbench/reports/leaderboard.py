"""Leaderboard pages: markdown tables that follow from records alone, so that CI can check them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from wsbench.contract import record_files, records
from wsbench.contract.plugins import find
from wsbench.contract.protocol import RANKED_BY, RANKED_WITHOUT_BOXES
from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec, columns_of, on_page
from wsbench.errors import WsbenchError
from wsbench.files import checksums
from wsbench.files.locks import held_for_a_moment
from wsbench.files.user_files import expanded
from wsbench.files.writing import write_text
from wsbench.reports import admission, costs, marks, page_words, prompts, published, upstream
from wsbench.reports.board import Board
from wsbench.reports.board_tables import (
    data_line,
    floors,
    markdown_table,
    measures,
    published_table,
    ranking,
    sanity,
    seen,
)
from wsbench.reports.published import Paper
from wsbench.reports.rows import Row, fits_all, row_key
from wsbench.runs import replay_arrays, seals
from wsbench.scoring.objectives import OBJECTIVE
from wsbench.utils.hashing import key_of


def add(record: Record, folder: Path, planned_seeds: Sequence[int] = ()) -> Path:
    """Copy a finished record and its predictions into a leaderboards folder, without the name of the machine.

    Args:
        record: a record of a complete dataset.
        folder: the folder of all leaderboards.
        planned_seeds: all seeds that the row is to have.

    Returns:
        The path of the copied record.

    Raises:
        WsbenchError: the record is of a subset or a transfer, whose scores are not comparable; or the run's
            predictions have changed since it ended.
    """
    admission.refuse_subset(record.dataset)
    admission.refuse_transfer(record)
    method, name = record.method, record.dataset["name"]
    settings = key_of([method["settings"], record.dataset["settings"]])
    calibrated = record.key.get("calibrated_for", OBJECTIVE)
    rule = "" if calibrated == OBJECTIVE else f"-{calibrated}"
    folds = f"-{record.dataset['folds']}folds" if record.dataset.get("folds") else ""
    fit = "-fit-all" if fits_all(record) else ""
    stem = f"{method['name']}-{method['preset']}-{settings[:8]}{rule}{fit}{folds}-seed{record.seed}"
    path: Path = folder / "records" / name / f"{stem}{record_files.COMPRESSED}"
    if record.folder is not None:
        checksums.require(record.folder / replay_arrays.FILE)
    with held_for_a_moment(folder / ".lock"):
        records.write(replace(record, planned_seeds=tuple(planned_seeds)), path)
        if record.folder is not None and (record.folder / replay_arrays.FILE).exists():
            seals.seal(record.folder / replay_arrays.FILE, record_files.predictions_beside(path), path)
    return path


def read_records(folder: Path, metrics: Mapping[str, MetricSpec]) -> dict[str, list[Record]]:
    """Read all records of a leaderboards folder.

    Args:
        folder: the folder of all leaderboards.
        metrics: all metrics by name; they decide which records share a table.

    Returns:
        The records of each dataset, in the order of their file names.

    Raises:
        WsbenchError: a file is no record, is of a subset, lies in another dataset's folder, or contradicts
            other records of its table.
    """
    by_dataset: dict[str, list[Record]] = defaultdict(list)
    by_table: dict[str, dict[Path, Record]] = defaultdict(dict)
    for path in record_files.in_leaderboards(folder):
        record = records.load(path)
        if record.dataset["name"] != path.parent.name:
            raise WsbenchError(f"{path}: is a record of dataset {record.dataset['name']}; move it there")
        try:
            admission.refuse_subset(record.dataset)
            admission.refuse_transfer(record)
        except WsbenchError as error:
            raise WsbenchError(f"{path}: {error}") from None
        by_dataset[record.dataset["name"]].append(record)
        by_table[table_key(record, metrics)][path] = record
    for of_table in by_table.values():
        _refuse_misfits(of_table)
    return dict(by_dataset)


def _refuse_misfits(of_table: Mapping[Path, Record]) -> None:
    """Raise WsbenchError if a seed of a row has two records, or if records of one table differ in their
    number of draws, so that they cannot be compared draw by draw."""
    path_of: dict[tuple[str, int], Path] = {}
    lengths: dict[int, Path] = {}
    for path, record in of_table.items():
        if (first := path_of.setdefault((row_key(record), record.seed), path)) is not path:
            raise WsbenchError(
                f"{path}: is seed {record.seed} of the same row as {first}; remove one of them"
            )
        if record.draw_count is not None:
            lengths.setdefault(record.draw_count, path)
    if len(lengths) > 1:
        (count, first), (other, path) = list(lengths.items())[:2]
        raise WsbenchError(f"{path}: has {other} draws, {first} of the same table {count}; submit it again")


def render(
    name: str,
    dataset_records: Iterable[Record],
    metrics: Mapping[str, MetricSpec],
    papers: Sequence[Paper] = (),
    people: Sequence[str] = (),
) -> str:
    """Render the markdown page of one dataset.

    Records of different keys never share a table, and published numbers have tables of their own. The table
    with the most records comes first.

    Args:
        name: name of the dataset.
        dataset_records: its records.
        metrics: all metrics by name.
        papers: published numbers of any dataset.
        people: the parts of the page that show the dataset's readers.
    """
    tables: dict[str, list[Record]] = defaultdict(list)
    everything = list(dataset_records)
    for record in everything:
        tables[table_key(record, metrics)].append(record)
    parts = [f"# Leaderboard: {name}\n", page_words.PREFACE if tables else page_words.NO_RECORDS]
    for _, of_key in sorted(tables.items(), key=lambda table: (-len(table[1]), table[0])):
        data = of_key[0].key["fingerprint"]
        same_data = [record for record in everything if record.key["fingerprint"] == data]
        parts += _section(of_key, same_data, metrics)
    parts += people
    printed = [
        published_table(paper, table) for paper in papers for table in paper.tables if table.dataset == name
    ]
    if printed:
        parts += [page_words.PUBLISHED, *printed]
    return "\n".join(parts)


def leaderboard(
    folder: str | Path = "leaderboards", *, plugin_files: str | Path | Iterable[str | Path] = ()
) -> list[Path]:
    """Write the leaderboard page of every dataset that has records.

    Args:
        folder: the folder that holds ``records/``. A leading ``~`` is the home folder.
        plugin_files: one or several Python files with plugins, whose metrics the pages show, too.

    Returns:
        The paths of the pages.

    Raises:
        WsbenchError: the folder has no records and no published numbers, or a file is no record.
    """
    files = [plugin_files] if isinstance(plugin_files, str | Path) else plugin_files
    return update(expanded(folder), find(files).metrics)


def update(folder: Path, metrics: Mapping[str, MetricSpec]) -> list[Path]:
    """Write the page of every dataset that has records.

    Args:
        folder: the folder of all leaderboards.
        metrics: all metrics by name.

    Returns:
        The paths of the pages.

    Raises:
        WsbenchError: the folder has no records and no published numbers.
    """
    with held_for_a_moment(folder / ".lock"):
        pages = _pages(folder, metrics)
        for path, text in pages.items():
            write_text(path, text)
    if not pages:
        raise _nothing_there(folder)
    return list(pages)


def stale(folder: Path, metrics: Mapping[str, MetricSpec]) -> list[Path]:
    """The pages that do not match their records: they differ, are missing, or have no records.

    Args:
        folder: the folder of all leaderboards.
        metrics: all metrics by name.

    Returns:
        The paths of these pages.

    Raises:
        WsbenchError: the folder has no page, no records and no published numbers, so there is nothing to
            check.
    """
    expected = _pages(folder, metrics)
    wrong = [path for path, text in expected.items() if not path.exists() or path.read_text("utf-8") != text]
    orphans = [
        path for path in sorted(folder.glob("*.md")) if path not in expected and path.name != "README.md"
    ]
    if not expected and not orphans:
        raise _nothing_there(folder)
    return wrong + orphans


def _nothing_there(folder: Path) -> WsbenchError:
    return WsbenchError(
        f"{folder} has no records/DATASET/*{record_files.COMPRESSED} and no published/*.yaml; "
        "name the folder that holds them"
    )


def _pages(folder: Path, metrics: Mapping[str, MetricSpec]) -> dict[Path, str]:
    """The page of every dataset that has records, published numbers or a study of its readers."""
    by_dataset, papers = read_records(folder, metrics), published.read_papers(folder)
    people = marks.sections(folder, metrics)
    names = sorted(set(by_dataset) | published.datasets(papers) | set(people))
    return {
        folder / f"{name}.md": render(name, by_dataset.get(name, []), metrics, papers, people.get(name, ()))
        for name in names
    }


def table_key(record: Record, metrics: Mapping[str, MetricSpec]) -> str:
    """The key that all records of one table share: the record's key, with the versions of those metrics only
    that pages show. A further metric that some records lack does not split a table.

    Args:
        record: the record of a run.
        metrics: all metrics by name.
    """
    columns = {RANKED_BY, RANKED_WITHOUT_BOXES, *on_page(metrics), *columns_of(metrics, "paper")}
    versions = {
        metric: version
        for metric, version in record.key["metrics"].items()
        if metric in columns and version > 1
    }
    key = {"calibrated_for": OBJECTIVE, **record.key, "metrics": versions}
    return json.dumps(key, sort_keys=True)


def _section(
    records_of_key: Sequence[Record], same_data: Sequence[Record], metrics: Mapping[str, MetricSpec]
) -> list[str]:
    board = Board.of(records_of_key, metrics)
    rows = len({(table_key(record, metrics), row_key(record)) for record in same_data})
    parts = [data_line(records_of_key[0], seen(rows, same_data))]
    if any("uniform" in record.protocols for record in records_of_key):
        parts += [page_words.TITLES["uniform"], *ranking(board), *_upstream(board)]
        parts += ["### Further measures\n", measures(board.rows, "uniform"), *floors(board.rows)]
        parts += prompts.section(board.rows)
    of_paper = [row for row in board.rows if any("paper" in record.protocols for record in row.records)]
    if of_paper:
        parts += [page_words.TITLES["paper"], measures(of_paper, "paper")]
    return [*parts, *sanity(board.rows), *_costs(board.rows)]


def _upstream(board: Board) -> list[str]:
    header, cells = upstream.table(board)
    return [page_words.UPSTREAM, markdown_table(header, cells)] if cells else []


def _costs(rows: Sequence[Row]) -> list[str]:
    header, cells = costs.table(rows)
    return [page_words.COSTS, markdown_table(header, cells)] if cells else []
