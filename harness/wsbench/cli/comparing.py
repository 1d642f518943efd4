"""``wsbench compare`` and ``wsbench strata``."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wsbench.cli import options, tables
from wsbench.errors import WsbenchError

if TYPE_CHECKING:
    import numpy as np

    from wsbench.contract.plugins import Plugins
    from wsbench.contract.specs import MetricSpec
    from wsbench.data.dataset import Loaded
    from wsbench.reports.sides import Side
    from wsbench.scoring.compared import Difference, Noise
    from wsbench.scoring.compared_networks import Network
    from wsbench.scoring.inputs import Draws
    from wsbench.scoring.significance import Estimate, Prior
    from wsbench.utils.progress import Progress

WIDTH = 79

ROW_HELP = (
    "A row: folders of runs or files of records, separated by commas and with * for several; or the row's "
    "name on its leaderboard page."
)
OfPage = Annotated[
    str | None, typer.Option("--dataset", "-d", help="The dataset whose leaderboard page names the rows.")
]


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help=ROW_HELP)],
    second: Annotated[str, typer.Argument(metavar="B", help="The other row, named in the same way.")],
    leaderboards: options.Leaderboards = Path("leaderboards"),
    dataset: OfPage = None,
    repeat_over: options.RepeatOver = None,
    root: options.Root = None,
    cache: options.Cache = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Compare two rows of a leaderboard.

    It prints the difference of every metric with its 95 % interval, the sources of the noise, and the
    classes and lesion sizes in which the rows differ.
    """
    from wsbench.reports import sides
    from wsbench.reports.rows import compared_metrics
    from wsbench.scoring import compared
    from wsbench.utils.progress import choose_progress

    plugins, progress = options.find_plugins(plugin), choose_progress(quiet=quiet)
    repeat = options.repeated(repeat_over, plugins)
    side_a, side_b = sides.pair(first, second, plugins.metrics, leaderboards, dataset, repeat)
    main = side_a.row.ranked_by
    if main not in side_a.row.first.key["metrics"]:
        raise WsbenchError(f"{side_a.files[0]}: has no {main}; score it again with `wsbench evaluate RUN`")
    _who(side_a, side_b)
    board = sides.committed_table(side_a.row.first, plugins.metrics, leaderboards)
    differences: list[Difference] = []
    estimates: dict[str, tuple[Estimate, Estimate]] = {}
    for metric in compared_metrics(side_a.row):
        of_first, of_second = side_a.row.estimate(metric), side_b.row.estimate(metric)
        if of_first is not None and of_second is not None:
            estimates[metric] = of_first, of_second
            prior = board.prior(metric)
            differences.append(compared.difference(metric, of_first, of_second, prior))
    if main not in estimates:
        raise WsbenchError(
            f"{first}, {second}: {main} of a seed, or its draws, are missing; score both again"
        )
    _differences("over seeds, test images and thresholds", ["measure"], differences)
    prior = board.prior(main)
    whose = f"of {prior.rows} rows of its page" if prior.rows else "the default"
    print(f"prior of {main}: standard deviation over seeds {prior.variance**0.5:.3f}, {whose}")
    networks, why = _replayed((side_a, side_b), plugins, progress, root)
    parts = None
    if networks is None:
        print(
            textwrap.fill(
                f"the sources of the noise, and the classes that differ, are not known: {why}", WIDTH
            )
        )
    else:
        parts = _more(networks, estimates[main], plugins.metrics[main], prior, progress)
    labels = _labels(side_a, side_b)
    print()
    single = any(len(row.values) == 1 and not row.deterministic for row in estimates[main])
    print(textwrap.fill(compared.verdict(differences[0], labels, parts, single=single), WIDTH))


def strata(
    row: Annotated[str, typer.Argument(metavar="A", help=ROW_HELP)],
    leaderboards: options.Leaderboards = Path("leaderboards"),
    dataset: OfPage = None,
    root: options.Root = None,
    cache: options.Cache = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Show in which groups of lesions a row fails.

    For each group it prints the share of lesions, or of images, that the row hits, and that of the rest.
    """
    from wsbench.reports import sides
    from wsbench.scoring import strata as groups
    from wsbench.utils.progress import choose_progress

    plugins, progress = options.find_plugins(plugin), choose_progress(quiet=quiet)
    side = sides.side(row, plugins.metrics, leaderboards, dataset)
    result = side.row.first.protocols["uniform"].get("strata") if len(side.files) == 1 else None
    if result is None:
        again, why = _replayed((side,), plugins, progress, root)
        if again is None:
            raise WsbenchError(f"{row}: its strata are not known: {why}")
        samples = {sample.name: sample for sample in again.loaded.samples_of("test")}
        tables_of = [network.scored for network in again.rows[0]]
        result = groups.stratified_results(tables_of, samples, again.draws.test)
    if not result:
        raise WsbenchError(f"{row}: no lesion of the test images is known, so there are no strata")
    _strata(side, result)


def _who(side_a: Side, side_b: Side) -> None:
    for letter, side in zip("AB", (side_a, side_b), strict=True):
        seeds = f"seed{'s' if len(side.files) > 1 else ''} {side.row.seeds}"
        print(textwrap.fill(f"{letter}  {side.label}; {seeds}", WIDTH, subsequent_indent="   "))
    print()


def _labels(side_a: Side, side_b: Side) -> tuple[str, str]:
    """Short names of two rows, with their letters if both have the same name."""
    names = tuple(side.row.first.method["name"] for side in (side_a, side_b))
    return (names[0], names[1]) if names[0] != names[1] else (f"A ({names[0]})", f"B ({names[1]})")


def _differences(title: str, header: Sequence[str], differences: Sequence[Difference]) -> None:
    """Print one line for each difference. A second heading in ``header`` adds the number of lesions."""
    from wsbench.scoring.compared import p_words
    from wsbench.scoring.significance import holm

    cells = [
        [
            difference.name,
            *([str(difference.count)] if len(header) > 1 else []),
            f"{difference.first:.3f}",
            f"{difference.second:.3f}",
            f"{difference.difference:+.3f}",
            f"{difference.interval[0]:+.3f} to {difference.interval[1]:+.3f}",
            p_words(difference.p),
        ]
        for difference in differences
    ]
    headings = [*header, "A", "B", "A - B", "95 %", "p"]
    if len(header) > 1:
        headings.append("p (Holm)")
        for line, adjusted in zip(cells, holm([difference.p for difference in differences]), strict=True):
            line.append(p_words(adjusted))
    pairing = ", seeds in pairs of one training" if differences[0].paired else ""
    tables.show(f"{title}{pairing}", headings, cells, text=1, width=WIDTH)


@dataclass(frozen=True)
class _Again:
    """Rows that were scored again from their predictions."""

    rows: list[list[Network]]
    loaded: Loaded
    draws: Draws


def _replayed(
    sides: Sequence[Side], plugins: Plugins, progress: Progress, root: Path | None
) -> tuple[_Again | None, str]:
    """Score the predictions beside the records again; None, and the reason, where that is not possible."""
    from wsbench.runs import replay
    from wsbench.runs.rescoring import dataset_of
    from wsbench.runs.scoring_inputs import draws_of, truths_of
    from wsbench.scoring.compared_networks import Network
    from wsbench.scoring.protocols import table_of

    rows: list[list[Network]] = []
    try:
        loaded = dataset_of(sides[0].row.first, plugins, progress, root)
        truth, draws = truths_of(loaded), draws_of(loaded)
        for side in sides:
            rows.append([])
            for path, record in zip(side.files, side.row.records, strict=True):
                protocol = replay.again(path, record, loaded, draws)
                rows[-1].append(Network(record.seed, table_of(protocol, truth), protocol))
    except WsbenchError as error:
        return None, str(error)
    return _Again(rows, loaded, draws), ""


def _more(
    again: _Again,
    estimates: tuple[Estimate, Estimate],
    main: MetricSpec,
    prior: Prior,
    progress: Progress,
) -> Noise:
    """Print the comparisons that need predictions, and return the parts of the variance."""
    from wsbench.scoring import compared
    from wsbench.scoring import compared_networks as networks

    draws, (first, second) = again.draws.test, again.rows
    with progress.task("drawing images and thresholds again", 2 * (len(first) + len(second))) as advance:

        def images(network: Network) -> np.ndarray:
            advance(1)
            return networks.of_images_alone(network, main, draws)

        def thresholds(network: Network) -> np.ndarray:
            advance(1)
            return networks.of_thresholds_alone(network, main)

        parts = compared.noise(
            *estimates,
            prior,
            images=networks.difference_of(images, first, second),
            thresholds=networks.difference_of(thresholds, first, second),
        )
    _noise(main.name, parts)
    if len(first[0].scored.truth) == 0:
        return parts
    cells = [
        [test.who, str(test.first), str(test.second), compared.p_words(test.p)]
        for test in networks.best_boxes(first, second)
    ]
    header = ["networks", "only A hits", "only B hits", "p"]
    print()
    tables.show("best box of images with a finding (McNemar, exact)", header, cells, text=1, width=WIDTH)
    pair = networks.Pair((first, second), estimates, prior)
    if by_class := networks.by_class(pair, main, draws):
        print()
        _differences(f"{main.name} by class", ["class", "lesions"], by_class)
    by_size = networks.by_size(pair, draws)
    print()
    _differences(
        "share of lesions hit (no charge for further boxes), by their area", ["lesions", "number"], by_size
    )
    return parts


def _noise(metric: str, parts: Noise) -> None:
    columns = {
        "seeds": parts.seeds,
        "test images": parts.images,
        "thresholds": parts.thresholds,
        "interaction": parts.interaction,
    }
    total = parts.total
    cells = [
        [
            "standard deviation",
            *(f"{max(variance, 0) ** 0.5:.3f}" for variance in columns.values()),
            f"{total**0.5:.3f}",
        ],
        [
            "share of variance",
            *(f"{variance / total:.0%}" if total else "-" for variance in columns.values()),
            "100%",
        ],
    ]
    print()
    tables.show(
        f"sources of the noise of A - B in {metric}", ["", *columns, "all"], cells, text=1, width=WIDTH
    )


def _strata(side: Side, result: dict[str, Any]) -> None:
    from wsbench.scoring.compared import p_words

    cells = []
    for group in result["groups"]:
        low, high = group["interval"] or (float("nan"),) * 2
        name = "\n".join(textwrap.wrap(f"{group['factor']}: {group['level']}", 30, subsequent_indent="  "))
        cells.append(
            [
                name,
                f"{group['count']} {group['of']}",
                f"{group['hit']:.3f}",
                f"{group['rest']:.3f}",
                f"{low:+.2f} to {high:+.2f}",
                p_words(group["holm"]),
            ]
        )
    header = ["stratum", "number", "hit", "rest", "95 % of diff.", "p (Holm)"]
    tables.show(f"{side.label}; seeds {side.row.seeds}", header, cells, text=1, width=WIDTH)
    print()
    lesions, images = result["lesions"], result["images"]
    print(f"hit: {lesions['hit']:.3f} of {lesions['count']} lesions; the best box of {images['hit']:.3f} of")
    print(f"{images['count']} images with a finding. This holds for these networks, not for other seeds.")
    if result["left_out"]:
        print(textwrap.fill(f"left out: {'; '.join(result['left_out'])}", WIDTH))
    worst = result["worst"]
    if worst is None:
        print("no stratum lies below its rest")
    else:
        noise = "by more than noise" if worst["sure"] else "though by no more than noise"
        print(textwrap.fill(f"worst: {worst['factor']}: {worst['level']}, {noise}", WIDTH))
