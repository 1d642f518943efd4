"""Leaderboard pages: markdown tables that follow from records alone, so that CI can check them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from wsbench.contract import record_files, records
from wsbench.contract.plugins import find
from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec
from wsbench.errors import WsbenchError
from wsbench.files import checksums
from wsbench.files.locks import held_for_a_moment
from wsbench.files.user_files import expanded
from wsbench.files.writing import write_text
from wsbench.reports import admission, marks, page_words, published
from wsbench.reports.board_tables import published_table
from wsbench.reports.labels import fits_all
from wsbench.reports.published import Paper
from wsbench.reports.rows import row_key
from wsbench.reports.tabular.page import FOLDER as TABLES
from wsbench.reports.tabular.page import MOST, section_text
from wsbench.reports.tabular.sections import Section, csv_files, sections_of, table_key
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
    *,
    fold_maps: bool = False,
) -> str:
    """Render the markdown page of one dataset.

    Records of different keys never share a table, and published numbers have tables of their own. The table
    with the most records comes first. Tables have at most `wsbench.reports.tabular.page.MOST` columns.

    Args:
        name: name of the dataset.
        dataset_records: its records.
        metrics: all metrics by name.
        papers: published numbers of any dataset.
        people: the parts of the page that show the dataset's readers.
        fold_maps: leaves out rows that differ from a better one only by options of the map.
    """
    sections = sections_of(dataset_records, metrics)
    return _page(name, sections, papers, people, fold_maps=fold_maps)


def _page(
    name: str, sections: Sequence[Section], papers: Sequence[Paper], people: Sequence[str], *, fold_maps: bool
) -> str:
    parts = [f"# Leaderboard: {name}\n", page_words.PREFACE if sections else page_words.NO_RECORDS]
    for section in sections:
        parts += section_text(section, name, fold_maps=fold_maps)
    parts += people
    printed = [
        published_table(paper, table, MOST)
        for paper in papers
        for table in paper.tables
        if table.dataset == name
    ]
    if printed:
        parts += [page_words.PUBLISHED, *printed]
    return "\n".join(parts)


def leaderboard(
    folder: str | Path = "leaderboards", *, plugin_files: str | Path | Iterable[str | Path] = ()
) -> list[Path]:
    """Write the leaderboard page of every dataset that has records, and its tables as CSV.

    Args:
        folder: the folder that holds ``records/``. A leading ``~`` is the home folder.
        plugin_files: one or several Python files with plugins, whose metrics the pages show, too.

    Returns:
        The paths of the pages. Those of the tables stand in the pages.

    Raises:
        WsbenchError: the folder has no records and no published numbers, or a file is no record.
    """
    files = [plugin_files] if isinstance(plugin_files, str | Path) else plugin_files
    written = update(expanded(folder), find(files).metrics)
    return [path for path in written if path.suffix == ".md"]


def update(folder: Path, metrics: Mapping[str, MetricSpec], *, fold_maps: bool = False) -> list[Path]:
    """Write the page of every dataset that has records, and its tables as CSV. Tables that no record is
    behind any more are removed.

    Args:
        folder: the folder of all leaderboards.
        metrics: all metrics by name.
        fold_maps: as in `render`.

    Returns:
        The paths of the pages and the tables.

    Raises:
        WsbenchError: the folder has no records and no published numbers.
    """
    with held_for_a_moment(folder / ".lock"):
        files = _files(folder, metrics, fold_maps=fold_maps)
        for path, text in files.items():
            write_text(path, text)
        for path in _tables_there(folder):
            if path not in files:
                path.unlink()
    if not files:
        raise nothing_there(folder)
    return list(files)


def stale(folder: Path, metrics: Mapping[str, MetricSpec], *, fold_maps: bool = False) -> list[Path]:
    """The pages and tables that do not match their records: they differ, are missing, or have no records.

    Args:
        folder: the folder of all leaderboards.
        metrics: all metrics by name.
        fold_maps: as in `render`.

    Returns:
        The paths of these files.

    Raises:
        WsbenchError: the folder has no page, no records and no published numbers, so there is nothing to
            check.
    """
    expected = _files(folder, metrics, fold_maps=fold_maps)
    wrong = [path for path, text in expected.items() if not path.exists() or path.read_text("utf-8") != text]
    pages = [path for path in sorted(folder.glob("*.md")) if path.name != "README.md"]
    orphans = [path for path in [*pages, *_tables_there(folder)] if path not in expected]
    if not expected and not orphans:
        raise nothing_there(folder)
    return wrong + orphans


def _tables_there(folder: Path) -> list[Path]:
    return sorted((folder / TABLES).glob("*/*.csv"))


def nothing_there(folder: Path) -> WsbenchError:
    """The error that a folder has nothing to make pages of."""
    return WsbenchError(
        f"{folder} has no records/DATASET/*{record_files.COMPRESSED} and no published/*.yaml; "
        "name the folder that holds them"
    )


def _files(folder: Path, metrics: Mapping[str, MetricSpec], *, fold_maps: bool) -> dict[Path, str]:
    """The page of every dataset that has records, published numbers or a study of its readers, and the tables
    of its records."""
    by_dataset, papers = read_records(folder, metrics), published.read_papers(folder)
    people = marks.sections(folder, metrics)
    files = {}
    for name in sorted(set(by_dataset) | published.datasets(papers) | set(people)):
        sections = sections_of(by_dataset.get(name, []), metrics)
        text = _page(name, sections, papers, people.get(name, ()), fold_maps=fold_maps)
        files[folder / f"{name}.md"] = text
        for table, content in csv_files(sections).items():
            files[folder / TABLES / name / f"{table}.csv"] = content
    return files
