"""``wsbench power``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsbench.cli import options
from wsbench.cli.comparing import ROW_HELP
from wsbench.errors import WsbenchError

if TYPE_CHECKING:
    from wsbench.contract.specs import MetricSpec
    from wsbench.reports.power import Comparison

SEEDS = "3,5,10,30"


def power(
    row: Annotated[
        list[str] | None,
        typer.Argument(help=f"Two rows, each one of: {ROW_HELP}"),
    ] = None,
    seed_sd: Annotated[
        float | None, typer.Option(help="Standard deviation over seeds, of two imagined rows.")
    ] = None,
    test_sd: Annotated[
        float | None,
        typer.Option(
            help="Standard deviation of their difference over draws of the test images, as many as the first "
            "of --images."
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Numbers of seeds of each row, with commas.")] = SEEDS,
    images: Annotated[
        str | None, typer.Option(help="Numbers of test images, with commas; by default, the rows' own.")
    ] = None,
    difference: Annotated[
        float | None, typer.Option(help="Say how many seeds tell this difference instead.")
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(help="Rows of a table, all compared, with Holm's correction; default: one pair."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", "-d", help="Of the rows; by default, any that has them.")
    ] = None,
    leaderboards: options.Leaderboards = Path("leaderboards"),
    plugin: options.PluginFiles = None,
) -> None:
    """What difference so many seeds and test images tell with 80 % power, or how many seeds are needed."""
    from wsbench.reports.board_tables import markdown_table
    from wsbench.reports.power import holm_level, seeds_needed, smallest_difference
    from wsbench.scoring.significance import LEVEL

    if difference is not None and difference <= 0:
        raise WsbenchError(f"--difference {difference:g}: must be above 0")
    if rows is not None and rows < 2:
        raise WsbenchError(f"--rows {rows}: must be at least 2")
    counts = _counts("--images", images) if images else []
    metrics = options.found(plugin).metrics
    comparison = _comparison(row or [], seed_sd, test_sd, counts, metrics, dataset, leaderboards)
    counts = counts or [comparison.images]
    level = LEVEL if rows is None else holm_level(rows)
    of = "one comparison" if rows is None else f"a table of {rows} rows, after Holm's correction"
    if difference is not None:
        print(f"Seeds a row that tell a difference of {difference:g} with 80 % power in {of}:\n")
        needed = [seeds_needed(comparison, difference, count, level) for count in counts]
        lines = [
            [str(count), "no number: too few images" if number is None else str(number)]
            for count, number in zip(counts, needed, strict=True)
        ]
        print(markdown_table(["test images", "seeds"], lines), end="")
        return
    numbers = _counts("--seeds", seeds)
    print(f"Smallest difference that is told with 80 % power in {of}:\n")
    header = ["test images", *(f"{number} seed{'' if number == 1 else 's'}" for number in numbers)]
    lines = [
        [
            str(count),
            *(f"{smallest_difference(comparison, number, count, level):.3f}" for number in numbers),
        ]
        for count in counts
    ]
    print(markdown_table(header, lines), end="")


def _comparison(
    row: list[str],
    seed_sd: float | None,
    test_sd: float | None,
    images: list[int],
    metrics: Mapping[str, MetricSpec],
    dataset: str | None,
    leaderboards: Path,
) -> Comparison:
    """Of two rows, or of stated values; it is said what its parts are."""
    if seed_sd is not None or test_sd is not None:
        if row or seed_sd is None or test_sd is None or not images:
            raise WsbenchError("stated values are --seed-sd, --test-sd and --images together, without rows")
        return _stated(seed_sd, test_sd, images[0])
    if len(row) != 2:
        raise WsbenchError("name two rows, or state --seed-sd, --test-sd and --images")
    return _of_rows(row, metrics, dataset, leaderboards)


def _stated(seed_sd: float, test_sd: float, images: int) -> Comparison:
    """Of two rows whose table's prior expects the stated deviation."""
    from wsbench.reports.power import Comparison
    from wsbench.scoring.significance import DEFAULT_PRIOR, Prior

    if seed_sd < 0 or test_sd < 0:
        raise WsbenchError("--seed-sd and --test-sd must not be negative")
    prior = Prior(DEFAULT_PRIOR.degrees, seed_sd**2)
    return Comparison((seed_sd**2, seed_sd**2), test_sd**2, images, prior)


def _of_rows(
    row: list[str], metrics: Mapping[str, MetricSpec], dataset: str | None, leaderboards: Path
) -> Comparison:
    from wsbench.reports import sides
    from wsbench.reports.power import comparison_of

    one, other = row
    both = sides.pair(one, other, metrics, leaderboards, dataset)
    record = both[0].row.first
    metric, images = both[0].row.ranked_by, record.dataset["images"]["test"]
    estimates = []
    for side in both:
        estimate = side.row.estimate(metric)
        if estimate is None:
            raise WsbenchError(
                f"{side.label}: has no draws of {metric}, or a seed is missing; "
                "`wsbench evaluate` scores a run again"
            )
        estimates.append(estimate)
    first, second = estimates
    prior = sides.table_of(both[0], leaderboards).prior(metric)
    comparison = comparison_of(first, second, prior, images)
    paired = "paired differences of seeds " if len(comparison.seed_variances) == 1 else "seeds "
    of_seeds = ", ".join(f"{variance**0.5:.3f}" for variance in comparison.seed_variances)
    print(
        f"{metric}: {first.mean:.3f} and {second.mean:.3f}; moderated standard deviation of {paired}"
        f"{of_seeds}, of the difference over {images} test images {comparison.image_variance**0.5:.3f}.\n"
    )
    return comparison


def _counts(option: str, words: str) -> list[int]:
    """Whole numbers above 0, as they are typed with commas."""
    try:
        counts = [int(word) for word in words.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1:
        raise WsbenchError(f"{option} {words}: must be whole numbers above 0 with commas, such as 3,5,10")
    return counts
