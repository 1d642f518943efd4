"""Records -> markdown tables: a pure function, so that CI can tell a table from what its records say."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

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
from wsbench.reports import costs, page_words, published
from wsbench.reports.board import Board
from wsbench.reports.board_tables import floors, markdown_table, measures, ranking
from wsbench.reports.published import Paper, PublishedTable
from wsbench.reports.rows import Row, row_key
from wsbench.runs import replay, replay_arrays
from wsbench.runs.evaluation_log import seen_by
from wsbench.scoring.objectives import OBJECTIVE
from wsbench.utils.hashing import key_of


def add(record: Record, folder: Path, planned_seeds: Sequence[int] = ()) -> Path:
    """Copy a finished record into a leaderboard's folder, without what names a run's machine, and beside
    it the predictions that its numbers follow from.

    Args:
        record: of a complete dataset.
        folder: of all leaderboards.
        planned_seeds: all seeds that the row is to have.

    Raises:
        WsbenchError: the record is of a subset: its scores compare with nothing; or the run's predictions are
            not what was left there.
    """
    refuse_subset(record.dataset)
    method, name = record.method, record.dataset["name"]
    settings = key_of([method["settings"], record.dataset["settings"]])
    calibrated = record.key.get("calibrated_for", OBJECTIVE)
    rule = "" if calibrated == OBJECTIVE else f"-{calibrated}"
    folds = f"-{record.dataset['folds']}folds" if record.dataset.get("folds") else ""
    stem = f"{method['name']}-{method['preset']}-{settings[:8]}{rule}{folds}-seed{record.seed}"
    path: Path = folder / "records" / name / f"{stem}{record_files.COMPRESSED}"
    if record.folder is not None:
        checksums.require(record.folder / replay_arrays.FILE)
    with held_for_a_moment(folder / ".lock"):
        records.write(replace(record, planned_seeds=tuple(planned_seeds)), path)
        if record.folder is not None and (record.folder / replay_arrays.FILE).exists():
            replay.seal(record.folder / replay_arrays.FILE, record_files.predictions_beside(path), path)
    return path


def refuse_subset(dataset: Mapping[str, Any]) -> None:
    """Raise WsbenchError if a dataset, described as in a record, is only a part of its release."""
    if dataset["subset"]:
        counts = ", ".join(f"{here}/{all_} of {split}" for split, (here, all_) in dataset["subset"].items())
        raise WsbenchError(
            f"{dataset['name']} is a subset here ({counts} images); "
            "its scores compare with nothing and enter no leaderboard"
        )


def read(folder: Path, metrics: Mapping[str, MetricSpec]) -> dict[str, list[Record]]:
    """All records under a leaderboards folder, by dataset, in the order of their file names.

    Args:
        folder: of all leaderboards.
        metrics: by name; they decide which records share a table.

    Raises:
        WsbenchError: a file is no record, is of a subset, lies in another dataset's folder, or shares no
            table with the records that it should share one with.
    """
    by_dataset: dict[str, list[Record]] = defaultdict(list)
    by_table: dict[str, dict[Path, Record]] = defaultdict(dict)
    for path in record_files.in_leaderboards(folder):
        record = records.load(path)
        if record.dataset["name"] != path.parent.name:
            raise WsbenchError(f"{path}: is a record of dataset {record.dataset['name']}; move it there")
        try:
            refuse_subset(record.dataset)
        except WsbenchError as error:
            raise WsbenchError(f"{path}: {error}") from None
        by_dataset[record.dataset["name"]].append(record)
        by_table[table_key(record, metrics)][path] = record
    for of_table in by_table.values():
        _refuse_misfits(of_table)
    return dict(by_dataset)


def _refuse_misfits(of_table: Mapping[Path, Record]) -> None:
    """Raise WsbenchError where one seed of a row has two records, or records of one table have not equally
    many draws, so that nothing can be compared draw by draw."""
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
    name: str, found: Iterable[Record], metrics: Mapping[str, MetricSpec], papers: Sequence[Paper] = ()
) -> str:
    """The markdown page of one dataset. Records of different keys never share a table, and none shares one
    with what papers print; the table of most records comes first.

    Args:
        name: of the dataset.
        found: its records.
        metrics: by name, what is known of the metrics that tables show.
        papers: published numbers of any dataset.
    """
    tables: dict[str, list[Record]] = defaultdict(list)
    everything = list(found)
    for record in everything:
        tables[table_key(record, metrics)].append(record)
    parts = [f"# Leaderboard: {name}\n", page_words.PREFACE if tables else page_words.NO_RECORDS]
    for _, inside in sorted(tables.items(), key=lambda table: (-len(table[1]), table[0])):
        data = inside[0].key["fingerprint"]
        same_data = [record for record in everything if record.key["fingerprint"] == data]
        parts += _section(inside, same_data, metrics)
    printed = [
        _published(paper, table) for paper in papers for table in paper.tables if table.dataset == name
    ]
    if printed:
        parts += [page_words.PUBLISHED, *printed]
    return "\n".join(parts)


def leaderboard(
    folder: str | Path = "leaderboards", *, plugin_files: str | Path | Iterable[str | Path] = ()
) -> list[Path]:
    """Write the page of every dataset that has records in a leaderboards folder; returns the pages.

    Args:
        folder: holds ``records/``; a leading ``~`` is the home folder.
        plugin_files: further Python files to find plugins in, whose metrics pages show; one path, or several.

    Raises:
        WsbenchError: there is nothing to write a page of, or a file is no record.
    """
    files = [plugin_files] if isinstance(plugin_files, str | Path) else plugin_files
    return update(expanded(folder), find(files).metrics)


def update(folder: Path, metrics: Mapping[str, MetricSpec]) -> list[Path]:
    """Write the page of every dataset that has records; returns the pages.

    Args:
        folder: of all leaderboards.
        metrics: by name, what is known of the metrics that tables show.

    Raises:
        WsbenchError: there is nothing to write a page of.
    """
    with held_for_a_moment(folder / ".lock"):
        pages = _pages(folder, metrics)
        for path, text in pages.items():
            write_text(path, text)
    if not pages:
        raise _nothing_there(folder)
    return list(pages)


def stale(folder: Path, metrics: Mapping[str, MetricSpec]) -> list[Path]:
    """The pages that are not what their records say: different, missing, or without records.

    Args:
        folder: of all leaderboards.
        metrics: by name, what is known of the metrics that tables show.

    Raises:
        WsbenchError: there is no page, and nothing that one should be of: a check of nothing finds nothing.
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
    """The page of every dataset that has records or published numbers."""
    found, papers = read(folder, metrics), published.read(folder)
    names = sorted(set(found) | published.datasets(papers))
    return {folder / f"{name}.md": render(name, found.get(name, []), metrics, papers) for name in names}


def _published(paper: Paper, table: PublishedTable) -> str:
    header = ["method", *table.columns, *(["note"] if table.notes else [])]
    rows = [
        [name, *("-" if number is None else f"{number:g}" for number in numbers)]
        + ([table.notes.get(name, "")] if table.notes else [])
        for name, numbers in table.rows.items()
    ]
    where = f"**{table.table}** of {paper.citation}. Split: {table.split}. Differs: {table.differs}."
    return f"{where}\n\n{markdown_table(header, rows)}"


def table_key(record: Record, metrics: Mapping[str, MetricSpec]) -> str:
    """What two records must share to stand in one table: their key, and the versions of the metrics that
    pages show, where they are not the first. A further metric that only some records have parts nothing.

    Args:
        record: of a run.
        metrics: by name.
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
    parts = [_data_line(records_of_key[0], _seen(rows, same_data))]
    if any("uniform" in record.protocols for record in records_of_key):
        parts += [page_words.TITLES["uniform"], *ranking(board)]
        parts += ["### Further measures\n", measures(board.rows, "uniform"), *floors(board.rows)]
    of_paper = [row for row in board.rows if any("paper" in record.protocols for record in row.records)]
    if of_paper:
        parts += [page_words.TITLES["paper"], measures(of_paper, "paper")]
    return [*parts, *_sanity(board.rows), *_costs(board.rows)]


def _sanity(rows: Sequence[Row]) -> list[str]:
    """What sanity checks measured of some rows: means over the seeds that have been checked, which are
    named; nothing where no record has been checked."""
    cells = []
    for row in rows:
        checked = [record for record in row.records if record.sanity]
        for check, what in page_words.RANDOM.items():
            found = [record for record in checked if check in record.sanity["checks"]]
            if found:
                seeds = ", ".join(str(record.seed) for record in found)
                cells.append([row.label("uniform"), seeds, what, *_similarities(found, check)])
    header = ["method", "seeds", "random", "Spearman", "SSIM", "HOG", "undefined"]
    return [page_words.SANITY, markdown_table(header, cells)] if cells else []


def _similarities(found: Sequence[Record], check: str) -> list[str]:
    measured = [record.sanity["checks"][check][0] for record in found]
    cells = []
    for name in ("spearman", "ssim", "hog"):
        values = [one[name]["value"] for one in measured]
        cells.append("-" if None in values else f"{statistics.fmean(values):.3f}")
    undefined, maps = sum(one["undefined"] for one in measured), sum(r.sanity["maps"] for r in found)
    return [*cells, f"{undefined} of {maps}"]


def _costs(rows: Sequence[Row]) -> list[str]:
    header, cells = costs.table(rows)
    return [page_words.COSTS, markdown_table(header, cells)] if cells else []


def _data_line(record: Record, seen: str) -> str:
    data, key = record.dataset, record.key
    images: Mapping[str, Any] = data["images"]
    counts = ", ".join(f"{count} {role}" for role, count in images.items())
    folds = f"; {data['folds']}-fold cross-validation" if data.get("folds") else ""
    options = ", ".join(f"{name}={value}" for name, value in sorted(data["settings"].items()))
    return (
        f"Data `{key['fingerprint']}`: {counts} images; {data['boxes']['test']} boxes on test"
        f"{'; ' + options if options else ''}{folds}. Protocol version {key['protocol']}. "
        f"{seen}\n"
    )


def _seen(rows: int, same_data: Sequence[Record]) -> str:
    """How many rows, and evaluations where records say so, the test split of some records has seen."""
    words = f"{rows} row{'' if rows == 1 else 's'}"
    if (evaluations := seen_by(same_data)) is not None:
        words += f" and at least {evaluations} evaluation{'' if evaluations == 1 else 's'}"
    return f"Its test split has seen {words}."
