"""Compares two rows from the predictions of their networks, beyond what their records say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from wsbench.contract.specs import MetricSpec
from wsbench.scoring import strata
from wsbench.scoring.bootstrap import Resamples, ratio
from wsbench.scoring.compared import Difference, Discordant, difference, mcnemar
from wsbench.scoring.intervals import edge_variance
from wsbench.scoring.metric_values import values
from wsbench.scoring.protocols import Protocol
from wsbench.scoring.redrawing import Redrawn
from wsbench.scoring.significance import Estimate, Prior
from wsbench.scoring.table import Scored


@dataclass(frozen=True)
class Network:
    """The network of one seed of a row.

    Attributes:
        seed: the seed.
        scored: the table of the test images, made again from the network's predictions.
        protocol: the protocol that made the table.
    """

    seed: int
    scored: Scored
    protocol: Protocol


@dataclass(frozen=True)
class Pair:
    """Two rows that are compared.

    Attributes:
        networks: the networks of both rows, in the order of their seeds.
        estimates: an estimate of any metric of both rows, which says what is known of their seeds.
        prior: the prior of the variances over seeds.
    """

    networks: tuple[Sequence[Network], Sequence[Network]]
    estimates: Sequence[Estimate]
    prior: Prior


def of_images_alone(network: Network, spec: MetricSpec, draws: Resamples) -> np.ndarray:
    """Compute a metric in draws of the test images, with the thresholds as they were chosen.

    Returns:
        ``(B,)`` macro values.
    """
    return _macro(spec, network, values(spec, network.scored, draws))


def of_thresholds_alone(network: Network, spec: MetricSpec) -> np.ndarray:
    """Compute a metric on the test images, with the thresholds of every draw of select and calibrate.

    Returns:
        ``(B,)`` macro values; one value where the thresholds were not drawn again.
    """
    redraws, count = network.protocol.redraws, len(network.scored.names)
    once = Resamples.once(count)
    if redraws is None:
        return _macro(spec, network, values(spec, network.scored, once))
    repeated = Resamples(np.ones((len(redraws.rule_numbers), 1)), once.unit)
    redrawn = Redrawn(network.scored, network.protocol, redraws, repeated)
    return _macro(spec, network, redrawn.values({spec.name: spec})[spec.name])


def best_boxes(first: Sequence[Network], second: Sequence[Network]) -> list[Discordant]:
    """Compare the hits of best boxes on the images that have a finding, by McNemar's test.

    There is a test of every pair of seeds. A row of one network is paired with every network of the other
    row. The tests of several pairs see the same images, so they are not independent and are not combined.
    Instead, one more test compares what the majority of each row's networks hits; exactly half is no
    majority.

    Args:
        first, second: the networks of both rows, in the order of their seeds.
    """
    boxed = first[0].scored.per_image(first[0].scored.truth) > 0
    pairs = max(len(first), len(second)) if 1 in (len(first), len(second)) else min(len(first), len(second))
    hits = [
        np.array([strata.best_box_hits(network.scored)[boxed] for network in row]) for row in (first, second)
    ]
    result = []
    for pair in range(pairs):
        left, right = pair % len(first), pair % len(second)
        who = f"seeds {first[left].seed} and {second[right].seed}"
        result.append(mcnemar(who, hits[0][left], hits[1][right]))
    if pairs > 1:
        result.append(mcnemar("majority of seeds", *(of_row.mean(axis=0) > 0.5 for of_row in hits)))
    return result


def by_size(pair: Pair, draws: Resamples) -> list[Difference]:
    """Compare the share of lesions that two rows hit, of all lesions and by thirds of their relative area.

    Args:
        pair: the two rows.
        draws: draws of the test images; thresholds stay as they were chosen.
    """
    third = strata.thirds(strata.area_share(pair.networks[0][0].scored))
    groups = {"all lesions": np.ones(len(third), dtype=bool)}
    groups |= {level: third == number for number, level in enumerate(strata.THIRDS)}
    result = []
    for level, members in groups.items():
        if not members.any():
            continue
        of_first, of_second = (
            _shares_hit(networks, members, like, draws)
            for networks, like in zip(pair.networks, pair.estimates, strict=True)
        )
        result.append(difference(level, of_first, of_second, pair.prior, count=int(members.sum())))
    return result


def by_class(pair: Pair, spec: MetricSpec, draws: Resamples) -> list[Difference]:
    """Compare a metric of two rows class by class, for the classes in which it exists.

    Args:
        pair: the two rows.
        spec: the metric.
        draws: draws of the test images; thresholds stay as they were chosen.

    Returns:
        A difference for each class; none where there is a single class.
    """
    table = pair.networks[0][0].scored
    if len(table.classes) == 1:
        return []
    once = Resamples.once(len(table.names))
    sample_values = [_values_of_row(spec, row, once) for row in pair.networks]
    drawn = [_values_of_row(spec, row, draws) for row in pair.networks]
    lesions = np.bincount(table.truth.label, minlength=len(table.classes))
    result = []
    for column, name in enumerate(table.classes):
        samples = [of_row[:, 0, column] for of_row in sample_values]
        if np.isnan(np.concatenate(samples)).any():
            continue
        of_first, of_second = (
            _estimate(sample, of_row[:, :, column], like, int(lesions[column]))
            for sample, of_row, like in zip(samples, drawn, pair.estimates, strict=True)
        )
        result.append(difference(name, of_first, of_second, pair.prior, count=int(lesions[column])))
    return result


def difference_of(
    compute: Callable[[Network], np.ndarray], first: Sequence[Network], second: Sequence[Network]
) -> np.ndarray:
    """Compute ``(B,)`` values of every network, and the difference of both rows' means over seeds."""
    means = [np.mean([compute(network) for network in row], axis=0) for row in (first, second)]
    result: np.ndarray = means[0] - means[1]
    return result


def _values_of_row(spec: MetricSpec, row: Sequence[Network], draws: Resamples) -> np.ndarray:
    """Compute ``(n, B, C)`` values of a metric of n networks."""
    return np.array([values(spec, network.scored, draws) for network in row])


def _shares_hit(
    networks: Sequence[Network], members: np.ndarray, like: Estimate, draws: Resamples
) -> Estimate:
    """Estimate the share of some lesions that a row hits.

    Args:
        networks: the networks of the row.
        members: ``(T,)`` bool, which lesions count.
        like: an estimate of the row.
        draws: draws of the test images.
    """
    image = networks[0].scored.truth.image[members]
    images = len(draws.unit)
    hits = np.array([strata.lesion_hits(network.scored)[members] for network in networks], dtype=float)
    hits_of_images = np.array([np.bincount(image, of_network, minlength=images) for of_network in hits])
    lesions = draws.sum(np.bincount(image, minlength=images))
    drawn = np.array([ratio(draws.sum(of_network), lesions) for of_network in hits_of_images])
    return _estimate(hits.mean(axis=1), drawn, like, int(members.sum()))


def _estimate(values: np.ndarray, drawn: np.ndarray, like: Estimate, units: int) -> Estimate:
    """Make an estimate of a row.

    Args:
        values: ``(n,)`` values of the seeds.
        drawn: ``(n, B)`` values in draws.
        like: another estimate of the row, which says what is known of its seeds.
        units: the number of lesions or images behind a value.
    """
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
    sample = values(spec, network.scored, Resamples.once(len(network.scored.names)))[0]
    result: np.ndarray = drawn[:, ~np.isnan(sample)].mean(axis=1)
    return result
