"""Parts of leaderboard pages, as markdown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from wsbench.contract.records import Record
from wsbench.errors import printable
from wsbench.reports import power, references
from wsbench.reports.board import Board
from wsbench.reports.labels import FITS_ALL, OVERLAPS, UNCONVERGED, fits_all
from wsbench.reports.published import Paper, PublishedTable
from wsbench.reports.rows import Row
from wsbench.runs.evaluation_log import seen_by
from wsbench.utils.names import markdown

_OVERLAPS = {
    "test": f"{OVERLAPS['test']} was trained before on the release that the test images are from: it may "
    "know them. It counts in nobody else's rank and is never in bold.",
    "unknown": f"{OVERLAPS['unknown']} was trained before on data that nobody knows, maybe on the test "
    "images. It counts in nobody else's rank and is never in bold.",
}
_FITS_ALL = (
    f"{FITS_ALL} was trained on the images of select and calibrate, too: training was stopped, and operating "
    "points and box rules were chosen, on images that it knew."
)

_UNCONVERGED = (
    f"{UNCONVERGED} has not converged, as means over its seeds of these numbers say. It has no rank and "
    "counts in nobody's."
)


def markdown_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], words: Collection[int] = (0,)
) -> str:
    """A markdown table whose columns of words, by their positions, are left-aligned, and whose other columns
    are right-aligned."""
    rule = [":---" if place in words else "---:" for place in range(len(header))]
    cells = [[markdown(cell) for cell in line] for line in [header, rule, *rows]]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def notes_below(board: Board) -> list[str]:
    """What stands below the ranking of a board: how rows came to be, and what noise does to ranks."""
    notes = notes_of(board)
    sentence = power.sentence(board)
    return [*(line + "\n" for line in notes), _prior_line(board), *([sentence] if sentence else [])]


def notes_of(board: Board) -> list[str]:
    """What is to be known of the trainings of a board's rows, in lines."""
    rows = board.rows
    known = (*trained_before(rows), *tuned(rows), *nothing_held_out(rows), *not_converged(rows))
    return [*known, *references.lines(board)]


def not_converged(rows: Sequence[Row]) -> list[str]:
    """Why some rows have no rank, in lines; none where all have converged."""
    lines = [
        f"{printable(row.label('uniform'))}: {'; '.join(printable(sign.words) for sign in row.unconverged)}."
        for row in rows
        if row.unconverged
    ]
    return [_UNCONVERGED, *lines] if lines else []


def trained_before(rows: Sequence[Row]) -> list[str]:
    """What the weights of some rows were trained on before their runs, in lines; none if nothing is said."""
    known = [row for row in rows if row.first.trained_on]
    lines = [f"{row.label('uniform')}: trained before on {', '.join(row.first.trained_on)}." for row in known]
    overlaps = {row.first.overlap for row in known}
    return [_OVERLAPS[overlap] for overlap in ("test", "unknown") if overlap in overlaps] + lines


def tuned(rows: Sequence[Row]) -> list[str]:
    """How the settings of some rows were chosen, in lines; none where nothing says that they were tuned."""
    lines = []
    for row in rows:
        tunings = [record.tuned for record in row.records if record.tuned]
        searches = dict.fromkeys(
            (search["trials"], search["dataset"], search["objective"]) for search in tunings
        )
        lines += [
            f"{row.label('uniform')}: the best of {trials} trials of `wsbench tune` on {dataset} ("
            f"{objective})."
            for trials, dataset, objective in searches
        ]
    return lines


def nothing_held_out(rows: Sequence[Row]) -> list[str]:
    """A line on the mark of rows that were trained on select and calibrate, too; none without such rows."""
    return [_FITS_ALL] if any(fits_all(row.first) for row in rows) else []


def _prior_line(board: Board) -> str:
    prior = board.prior(board.ranked_by)
    whose = f"fitted to {prior.rows} rows" if prior.rows else "the default, since few rows were trained"
    return (
        f"Standard deviation over seeds that a row with one seed pays: {prior.variance**0.5:.3f}, worth "
        f"{prior.degrees:.1f} degrees of freedom ({whose}).\n"
    )


def published_table(paper: Paper, table: PublishedTable, most: int | None = None) -> str:
    """A table of published numbers, with a line on its source and its differences.

    Args:
        paper: whose table it is.
        table: the table.
        most: a table with more columns is shown without numbers of single classes.
    """
    words = 2 if table.notes else 1
    places = list(range(len(table.columns)))
    if most is not None and len(places) + words > most:
        of_all = [place for place in places if "/" not in table.columns[place]]
        places = of_all or places
    header = ["method", *(table.columns[place] for place in places), *(["note"] if table.notes else [])]
    rows = [
        [name, *(table.printed(numbers[place]) for place in places)]
        + ([table.notes.get(name, "")] if table.notes else [])
        for name, numbers in table.rows.items()
    ]
    source = f"**{table.table}** of {paper.citation}. Split: {table.split}. Differs: {table.differs}."
    noted = (0, len(header) - 1) if table.notes else (0,)
    return f"{source}\n\n{markdown_table(header, rows, noted)}"


def data_line(record: Record, seen_by_rows: str) -> str:
    """The line above the tables of one key: its images, boxes and settings.

    Args:
        record: any record of the key.
        seen_by_rows: what `seen` says.
    """
    data, key = record.dataset, record.key
    images: Mapping[str, Any] = data["images"]
    counts = ", ".join(f"{count} {role}" for role, count in images.items())
    folds = f"; {data['folds']}-fold cross-validation" if data.get("folds") else ""
    options = ", ".join(f"{name}={value}" for name, value in sorted(data["settings"].items()))
    return (
        f"Data `{key['fingerprint']}`: {counts} images; {data['boxes']['test']} boxes on test"
        f"{'; ' + options if options else ''}{folds}. Protocol version {key['protocol']}. "
        f"{seen_by_rows}\n"
    )


def seen(rows: int, same_data: Sequence[Record]) -> str:
    """The number of rows, and of evaluations where records tell it, that have used this test split."""
    words = f"{rows} row{'' if rows == 1 else 's'}"
    if (evaluations := seen_by(same_data)) is not None:
        words += f" and at least {evaluations} evaluation{'' if evaluations == 1 else 's'}"
    return f"Its test split has seen {words}."
