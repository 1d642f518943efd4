"""The tables of a leaderboard page, as markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec, columns_of
from wsbench.reports import page_words, power
from wsbench.reports.board import Board
from wsbench.reports.published import Paper, PublishedTable
from wsbench.reports.rows import FITS_ALL, OVERLAPS, Row, fits_all, metrics_of_table
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
_FLOORS = "Image-blind boxes with the class scores of each row"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table whose first column is left-aligned and whose other columns are right-aligned."""
    lines = [header, [":---", *["---:"] * (len(header) - 1)], *rows]
    cells = [[markdown(cell) for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def _bounds(bounds: tuple[float, float] | None, spec: MetricSpec) -> str:
    return f"{spec.text(bounds[0])} to {spec.text(bounds[1])}" if bounds else "-"


def ranking(board: Board) -> list[str]:
    """The ranking table, and a line on the prior of its intervals."""
    ranked_by, main = board.ranked_by, board.metrics[board.ranked_by]
    columns = [metric for metric in metrics_of_table(board.rows, "ranking") if metric != ranked_by]
    with_interval = {name for name, spec in board.metrics.items() if spec.is_kept}
    header = ["method", "seeds", "rank", "rank alone", ranked_by, "95 %", "these networks"]
    for metric in columns:
        header += [metric, f"{metric} 95 %"] if metric in with_interval else [metric]
    lines = []
    for index, row in enumerate(board.rows):
        standing = board.standings.get(index)
        line = [row.label("uniform"), row.seeds, "-", "-"]
        if standing is not None:
            line[2:] = [f"**{standing.words}**" if standing.winner else standing.words, standing.likely]
        line += [row.cell(ranked_by, "uniform"), _bounds(board.interval(index, ranked_by), main)]
        line.append(_bounds(row.of_networks(ranked_by, "uniform"), main))
        for metric in columns:
            line.append(row.cell(metric, "uniform"))
            if metric in with_interval:
                line.append(_bounds(board.interval(index, metric), board.metrics[metric]))
        lines.append(line)
    sentence = power.sentence(board)
    notes = (*trained_before(board.rows), *tuned(board.rows), *nothing_held_out(board.rows))
    before = [line + "\n" for line in notes]
    return [markdown_table(header, lines), *before, _prior_line(board), *([sentence] if sentence else [])]


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


def measures(rows: Sequence[Row], protocol: str) -> str:
    """A table of metrics that do not rank."""
    columns, metrics = metrics_of_table(rows, protocol), rows[0].metrics
    header = ["method", *columns]
    lines = [[row.label(protocol), *(row.cell(metric, protocol) for metric in columns)] for row in rows]
    if rows[0].folds:
        pooled = sorted(name for name, spec in metrics.items() if spec.pooled)
        header += [f"pooled {metric}" for metric in pooled]
        for row, line in zip(rows, lines, strict=True):
            line += [metrics[metric].text(row.pooled(metric, protocol)) for metric in pooled]
    return markdown_table(header, lines)


def floors(rows: Sequence[Row]) -> list[str]:
    """A folded table of the metrics of image-blind boxes with each row's class scores; empty without
    records."""
    lines, metrics = [], rows[0].metrics
    columns = columns_of(metrics, "floors")
    for row in rows:
        of_seeds = [record.protocols.get("uniform", {}).get("floors", {}) for record in row.records]
        for blind in of_seeds[0]:
            values = [floors[blind] for floors in of_seeds if blind in floors]
            cells = [
                metrics[metric].text(_mean_of([of_seed.get(metric) for of_seed in values]))
                for metric in columns
            ]
            lines.append([f"{blind} with the scores of {row.label('uniform')}", *cells])
    if not lines:
        return []
    table = markdown_table(["boxes and class scores", *columns], lines)
    return [f"<details><summary>{_FLOORS}</summary>\n\n{table}\n</details>\n"]


def sanity(rows: Sequence[Row]) -> list[str]:
    """The table of sanity checks, with means over the seeds that have been checked; empty where there are
    none."""
    cells = []
    for row in rows:
        checked = [record for record in row.records if record.sanity]
        for check, title in page_words.RANDOM.items():
            with_check = [record for record in checked if check in record.sanity["checks"]]
            if with_check:
                seeds = ", ".join(str(record.seed) for record in with_check)
                cells.append([row.label("uniform"), seeds, title, *_similarities(with_check, check)])
    header = ["method", "seeds", "random", "Spearman", "SSIM", "HOG", "undefined"]
    similarities = [page_words.SANITY, markdown_table(header, cells)] if cells else []
    return [*similarities, *faithfulness(rows)]


def _similarities(checked: Sequence[Record], check: str) -> list[str]:
    measured = [record.sanity["checks"][check][0] for record in checked]
    cells = []
    for name in ("spearman", "ssim", "hog"):
        values = [result[name]["value"] for result in measured]
        cells.append("-" if None in values else f"{statistics.fmean(values):.3f}")
    undefined, maps = sum(result["undefined"] for result in measured), sum(r.sanity["maps"] for r in checked)
    return [*cells, f"{undefined} of {maps}"]


def faithfulness(rows: Sequence[Row]) -> list[str]:
    """The table of faithfulness, with means over the seeds that were measured at one size; empty where there
    are none."""
    cells = []
    for row in rows:
        by_size: dict[int, list[Record]] = {}
        for record in row.records:
            if measured := record.sanity.get("faithfulness"):
                by_size.setdefault(measured["size"], []).append(record)
        for size, of_size in sorted(by_size.items()):
            seeds = ", ".join(str(record.seed) for record in of_size)
            results = [record.sanity["faithfulness"]["measures"] for record in of_size]
            for which, title in page_words.FAITHFULNESS_MAPS.items():
                values = [_faithful(results, name, which) for name in page_words.FAITHFULNESS_MEASURES]
                cells.append([row.label("uniform"), seeds, f"{size}", title, *values])
    header = ["method", "seeds", "pixels", "map", *page_words.FAITHFULNESS_MEASURES.values()]
    return [page_words.FAITHFULNESS, markdown_table(header, cells)] if cells else []


def _faithful(results: Sequence[Mapping[str, Any]], name: str, which: str) -> str:
    values = [measures[name][which]["value"] for measures in results if name in measures]
    return f"{statistics.fmean(values):.3f}" if values and None not in values else "-"


def published_table(paper: Paper, table: PublishedTable) -> str:
    """A table of published numbers, with a line on its source and its differences."""
    header = ["method", *table.columns, *(["note"] if table.notes else [])]
    rows = [
        [name, *map(table.printed, numbers)] + ([table.notes.get(name, "")] if table.notes else [])
        for name, numbers in table.rows.items()
    ]
    source = f"**{table.table}** of {paper.citation}. Split: {table.split}. Differs: {table.differs}."
    return f"{source}\n\n{markdown_table(header, rows)}"


def _mean_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known and len(known) == len(values) else None


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
