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
        typer.Argument(help=f"Two rows. {ROW_HELP}"),
    ] = None,
    seed_sd: Annotated[
        float | None, typer.Option(help="Assumed standard deviation over seeds, instead of two rows.")
    ] = None,
    test_sd: Annotated[
        float | None,
        typer.Option(
            help="Assumed standard deviation of the difference over draws of the test images, for the first "
            "number of --images."
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Numbers of seeds for each row, separated by commas.")] = SEEDS,
    images: Annotated[
        str | None,
        typer.Option(help="Numbers of test images, separated by commas. By default, the number of the rows."),
    ] = None,
    difference: Annotated[
        float | None, typer.Option(help="Print the number of seeds that detects this difference instead.")
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(
            help="Number of rows in a table, all compared, with Holm's correction. By default, one pair."
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", "-d", help="Dataset of the rows. By default, any that has them."),
    ] = None,
    leaderboards: options.Leaderboards = Path("leaderboards"),
    plugin: options.PluginFiles = None,
) -> None:
    """Show how large a difference must be to be detected.

    It prints the smallest difference that can be detected, or the number of seeds that detects a difference.

    Detected means: found with a probability (power) of 80 %. Name two rows, whose variances are then used, or
    assume variances with --seed-sd, --test-sd and --images.
    """
    from wsbench.reports.board_tables import markdown_table
    from wsbench.reports.power import holm_level, seeds_needed, smallest_difference
    from wsbench.scoring.significance import LEVEL

    if difference is not None and difference <= 0:
        raise WsbenchError(f"--difference {difference:g}: must be above 0")
    if rows is not None and rows < 2:
        raise WsbenchError(f"--rows {rows}: must be at least 2")
    counts = _counts("--images", images) if images else []
    metrics = options.find_plugins(plugin).metrics
    comparison = _comparison(row or [], seed_sd, test_sd, counts, metrics, dataset, leaderboards)
    counts = counts or [comparison.images]
    level = LEVEL if rows is None else holm_level(rows)
    of = "one comparison" if rows is None else f"a table of {rows} rows, after Holm's correction"
    if difference is not None:
        print(f"Seeds for each row that detect a difference of {difference:g} with 80 % power in {of}:\n")
        needed = [seeds_needed(comparison, difference, count, level) for count in counts]
        lines = [
            [str(count), "no number: too few images" if number is None else str(number)]
            for count, number in zip(counts, needed, strict=True)
        ]
        print(markdown_table(["test images", "seeds"], lines), end="")
        return
    numbers = _counts("--seeds", seeds)
    print(f"Smallest difference that is detected with 80 % power in {of}:\n")
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
    """The comparison of two rows, whose variances are printed, or of assumed variances."""
    if seed_sd is not None or test_sd is not None:
        if row or seed_sd is None or test_sd is None or not images:
            raise WsbenchError("--seed-sd, --test-sd and --images must be given together, and without rows")
        return _stated(seed_sd, test_sd, images[0])
    if len(row) != 2:
        raise WsbenchError("name two rows, or give --seed-sd, --test-sd and --images")
    return _of_rows(row, metrics, dataset, leaderboards)


def _stated(seed_sd: float, test_sd: float, images: int) -> Comparison:
    """A comparison of two rows in a table whose prior expects the assumed deviation."""
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

    first_words, second_words = row
    pair = sides.pair(first_words, second_words, metrics, leaderboards, dataset)
    record = pair[0].row.first
    metric, images = pair[0].row.ranked_by, record.dataset["images"]["test"]
    estimates = []
    for side in pair:
        estimate = side.row.estimate(metric)
        if estimate is None:
            raise WsbenchError(
                f"{side.label}: has no draws of {metric}, or a seed is missing; "
                "`wsbench evaluate` scores a run again"
            )
        estimates.append(estimate)
    first, second = estimates
    prior = sides.committed_table(pair[0].row.first, metrics, leaderboards).prior(metric)
    comparison = comparison_of(first, second, prior, images)
    paired = "paired differences of seeds " if len(comparison.seed_variances) == 1 else "seeds "
    of_seeds = ", ".join(f"{variance**0.5:.3f}" for variance in comparison.seed_variances)
    print(
        f"{metric}: {first.mean:.3f} and {second.mean:.3f}; moderated standard deviation of {paired}"
        f"{of_seeds}, of the difference over {images} test images {comparison.image_variance**0.5:.3f}.\n"
    )
    return comparison


def _counts(option: str, words: str) -> list[int]:
    """Parse whole numbers above 0 that are separated by commas."""
    try:
        counts = [int(word) for word in words.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1:
        raise WsbenchError(
            f"{option} {words}: must be whole numbers above 0, separated by commas, such as 3,5,10"
        )
    return counts
