"""Two rows scored again from their predictions: what a record alone does not tell of their difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from wsbench.contract.specs import MetricSpec
from wsbench.scoring import measuring, strata
from wsbench.scoring.bootstrap import Resamples, ratio
from wsbench.scoring.compared import Difference, Discordant, difference, mcnemar
from wsbench.scoring.intervals import edge_variance
from wsbench.scoring.protocols import Protocol
from wsbench.scoring.significance import Estimate, Prior
from wsbench.scoring.table import Scored


@dataclass(frozen=True)
class Network:
    """One seed of a row.

    Attributes:
        seed: its number.
        scored: the table of the test images, made again from its predictions.
        protocol: that made the table.
    """

    seed: int
    scored: Scored
    protocol: Protocol


def of_images_alone(network: Network, spec: MetricSpec, draws: Resamples) -> np.ndarray:
    """``(B,)`` macro values of a metric with the thresholds as they were chosen."""
    return _macro(spec, network, measuring.values(spec, network.scored, draws))


def of_thresholds_alone(network: Network, spec: MetricSpec) -> np.ndarray:
    """``(B,)`` macro values of a metric on the test images as they are, with the thresholds of every draw of
    the roles that they are chosen on."""
    redraws, count = network.protocol.redraws, len(network.scored.names)
    once = Resamples.once(count)
    if redraws is None:
        return _macro(spec, network, measuring.values(spec, network.scored, once))
    repeated = Resamples(np.ones((len(redraws.places), 1)), once.unit)
    redrawn = measuring.Redrawn(network.scored, network.protocol, redraws, repeated)
    return _macro(spec, network, redrawn.values({spec.name: spec})[spec.name])


def best_boxes(first: Sequence[Network], second: Sequence[Network]) -> list[Discordant]:
    """McNemar's test of the best boxes on the images that have a finding: of every pair of seeds (a row of
    one network is paired with all of the other), and, of several, of what the majority of either row's
    networks hits (exactly half is no majority).

    Pairs see the same images, so their tests are not independent and are not summed up; the majority is one
    test.

    Args:
        first, second: the networks of both rows, in the order of their seeds.
    """
    boxed = first[0].scored.per_image(first[0].scored.truth) > 0
    pairs = max(len(first), len(second)) if 1 in (len(first), len(second)) else min(len(first), len(second))
    hits = [
        np.array([strata.best_box_hits(network.scored)[boxed] for network in row]) for row in (first, second)
    ]
    result = []
    for place in range(pairs):
        one, other = place % len(first), place % len(second)
        who = f"seeds {first[one].seed} and {second[other].seed}"
        result.append(mcnemar(who, hits[0][one], hits[1][other]))
    if pairs > 1:
        result.append(mcnemar("majority of seeds", *(of_row.mean(axis=0) > 0.5 for of_row in hits)))
    return result


def by_size(
    first: Sequence[Network],
    second: Sequence[Network],
    rows: Sequence[Estimate],
    prior: Prior,
    draws: Resamples,
) -> list[Difference]:
    """The share of lesions hit, of all and by thirds of their area as a share of the image.

    Args:
        first, second: the networks of both rows.
        rows: any estimate of both, for what is known of their seeds.
        prior: of the variances over seeds.
        draws: of the test images; thresholds stay as they were chosen.
    """
    table = first[0].scored
    third = strata.thirds(strata.area_share(table))
    groups = {"all lesions": np.ones(len(third), dtype=bool)}
    groups |= {level: third == place for place, level in enumerate(strata.THIRDS)}
    result = []
    for level, members in groups.items():
        if not members.any():
            continue
        of_first, of_second = (
            _shares_hit(networks, members, row, draws)
            for networks, row in zip((first, second), rows, strict=True)
        )
        result.append(difference(level, of_first, of_second, prior, count=int(members.sum())))
    return result


def by_class(
    first: Sequence[Network],
    second: Sequence[Network],
    rows: Sequence[Estimate],
    prior: Prior,
    spec: MetricSpec,
    draws: Resamples,
) -> list[Difference]:
    """A metric by class, of the classes that have a value; empty where there is one class alone.

    Args:
        first, second: the networks of both rows.
        rows: any estimate of both, for what is known of their seeds.
        prior: of the variances over seeds.
        spec: of the metric.
        draws: of the test images; thresholds stay as they were chosen.
    """
    table = first[0].scored
    if len(table.classes) == 1:
        return []
    once = Resamples.once(len(table.names))
    values, drawn = (
        [np.array([measuring.values(spec, one.scored, some) for one in row]) for row in (first, second)]
        for some in (once, draws)
    )
    lesions = np.bincount(table.truth.label, minlength=len(table.classes))
    result = []
    for column, name in enumerate(table.classes):
        samples = [of_row[:, 0, column] for of_row in values]
        if np.isnan(np.concatenate(samples)).any():
            continue
        of_first, of_second = (
            _estimate(sample, of_row[:, :, column], like, int(lesions[column]))
            for sample, of_row, like in zip(samples, drawn, rows, strict=True)
        )
        result.append(difference(name, of_first, of_second, prior, count=int(lesions[column])))
    return result


def difference_of(
    compute: Callable[[Network], np.ndarray], first: Sequence[Network], second: Sequence[Network]
) -> np.ndarray:
    """``(B,)`` the difference of both rows' means over seeds."""
    of_first, of_second = (np.mean([compute(one) for one in row], axis=0) for row in (first, second))
    result: np.ndarray = of_first - of_second
    return result


def _shares_hit(
    networks: Sequence[Network], members: np.ndarray, row: Estimate, draws: Resamples
) -> Estimate:
    """The share of some lesions that is hit, ``members`` being ``(T,)`` bool."""
    image = networks[0].scored.truth.image[members]
    images = len(draws.unit)
    hits = np.array([strata.lesion_hits(network.scored)[members] for network in networks], dtype=float)
    counts = np.array([np.bincount(image, of_one, minlength=images) for of_one in hits])
    all_ = draws.sum(np.bincount(image, minlength=images))
    drawn = np.array([ratio(draws.sum(of_one), all_) for of_one in counts])
    return _estimate(hits.mean(axis=1), drawn, row, int(members.sum()))


def _estimate(values: np.ndarray, drawn: np.ndarray, like: Estimate, units: int) -> Estimate:
    """Of ``(n,)`` seeds and their ``(n, B)`` draws, with what another estimate knows of the seeds."""
    return Estimate(
        values,
        drawn.mean(axis=0),
        deterministic=like.deterministic,
        trainings=like.trainings,
        edge_variance=edge_variance(float(values.mean()), units),
    )


def _macro(spec: MetricSpec, network: Network, drawn: np.ndarray) -> np.ndarray:
    if drawn.ndim == 1:
        return drawn
    sample = measuring.values(spec, network.scored, Resamples.once(len(network.scored.names)))[0]
    result: np.ndarray = drawn[:, ~np.isnan(sample)].mean(axis=1)
    return result
