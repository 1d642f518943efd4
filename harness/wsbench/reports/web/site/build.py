"""Writes the leaderboards as a static site: files that need no server and ask no other place for anything."""

from __future__ import annotations

import json
from pathlib import Path

from wsbench.contract.plugins import Plugins
from wsbench.errors import WsbenchError
from wsbench.files.writing import write_text
from wsbench.reports import floors, marks, published
from wsbench.reports.leaderboard import nothing_there, read_records
from wsbench.reports.tabular.sections import sections_of
from wsbench.reports.web.site import addresses, dataset, index, papers, row
from wsbench.reports.web.site.addresses import BOARD, DATASETS, INDEX, PAPERS, ROWS, SCHEMA
from wsbench.reports.web.site.board_file import BoardFile, table_of
from wsbench.reports.web.site.boards import DatasetBoard


def write(folder: Path, target: Path, plugins: Plugins, *, fold_maps: bool = False) -> list[Path]:
    """Write the site.

    Args:
        folder: the folder of all leaderboards.
        target: the folder of the site: a new one, an empty one, or one that holds this site. Pages there that
            are no more of the site are removed.
        plugins: all plugins.
        fold_maps: folds rows that differ from a better one only by options of the map under it.

    Returns:
        The paths of all files.

    Raises:
        WsbenchError: the target holds something else, or the folder has no records and no published numbers.
    """
    refuse_other_content(target)
    files = {target / address: text for address, text in site(folder, plugins, fold_maps=fold_maps).items()}
    for path, text in files.items():
        write_text(path, text)
    for name in (DATASETS, ROWS):
        for path in (target / name).glob("*.html"):
            if path not in files:
                path.unlink()
    return list(files)


def site(folder: Path, plugins: Plugins, *, fold_maps: bool = False) -> dict[str, str]:
    """The text of every file of the site, by its address.

    Args:
        folder: the folder of all leaderboards.
        plugins: all plugins.
        fold_maps: as in `write`.
    """
    boards = boards_of(folder, plugins)
    if not boards:
        raise nothing_there(folder)
    files = {}
    for board in boards:
        files[board.address] = dataset.page(board, fold_maps=fold_maps)
        for of_data in board.sections:
            for place in range(len(of_data.board.rows)):
                address = board.pages[of_data.number, place]
                files[address] = row.page(board, of_data, place, plugins)
    numbers = floors.read(folder)
    if numbers:
        files[PAPERS] = papers.page(numbers, floors.papers_by_name(folder))
    files[BOARD] = board_file(boards).model_dump_json() + "\n"
    files[SCHEMA] = json.dumps(BoardFile.model_json_schema(), indent=1) + "\n"
    files[INDEX] = index.page(boards, with_papers=bool(numbers))
    return files


def boards_of(folder: Path, plugins: Plugins) -> list[DatasetBoard]:
    """The datasets of a leaderboards folder: those with records first, then by name."""
    metrics = plugins.metrics
    by_dataset, of_papers = read_records(folder, metrics), published.read_papers(folder)
    people = marks.sections(folder, metrics)
    names = set(by_dataset) | published.datasets(of_papers) | set(people)
    boards = []
    for name in sorted(names, key=lambda name: (name not in by_dataset, name)):
        sections = sections_of(by_dataset.get(name, []), metrics)
        printed = [(paper, table) for paper in of_papers for table in paper.tables if table.dataset == name]
        pages = addresses.of_rows(name, sections)
        boards.append(DatasetBoard(name, sections, printed, people.get(name, ()), pages))
    return boards


def board_file(boards: list[DatasetBoard]) -> BoardFile:
    """The content of ``board.json``."""
    tables = {
        board.name: [
            table_of(part, {place: board.pages[part.number, place] for place in range(len(part.board.rows))})
            for part in board.sections
        ]
        for board in boards
        if board.sections
    }
    return BoardFile(datasets=tables)


def refuse_other_content(target: Path) -> None:
    """Raise WsbenchError if a folder holds something that is no site of wsbench."""
    if target.is_file():
        raise WsbenchError(f"{target} is a file; --out names the folder of the site")
    if target.is_dir() and any(target.iterdir()) and not (target / BOARD).exists():
        raise WsbenchError(f"{target} holds other files; name a new folder with --out")
