"""Shows where a method fails: the share of lesions or images that it hits in each group and in the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wsbench.geometry.box_table import BoxTable
from wsbench.scoring.bootstrap import Resamples, ratio
from wsbench.scoring.gaps import gaps
from wsbench.scoring.intervals import of_draws
from wsbench.scoring.significance import LEVEL, holm
from wsbench.scoring.table import Scored
from wsbench.types import Sample

HIT_IOU = 0.25
"""A lesion is hit if a box of its class overlaps it with at least this IoU."""

MIN_STRATUM_SIZE = 10
"""The smallest number of lesions or images of a stratum, and of its rest. Smaller strata are left out."""

MAX_LEVELS = 20
"""The largest number of different words of an attribute. One with more is a text or a name and has no
strata."""

THIRDS = ("smallest third", "middle third", "largest third")

LESIONS, IMAGES = "lesions", "images"

MANY_LESIONS = 3
"""Images with this number of lesions or more form one stratum."""


@dataclass(frozen=True)
class Stratum:
    """A group of targets.

    Attributes:
        factor: the property that defines the group, such as ``sex``.
        level: the value of the property.
        members: ``(K,)`` bool, which targets belong to the group.
    """

    factor: str
    level: str
    members: np.ndarray


@dataclass(frozen=True)
class Targets:
    """What can be hit: K lesions, or K pairs of an image and a finding that it has.

    Attributes:
        kind: `LESIONS` or `IMAGES`.
        image: ``(K,)`` integers, the row of each target's image.
        hit: ``(K,)`` floats, the share of a row's networks that hit the target.
        strata: the strata that are compared with their rests.
        left_out: names of the strata that are too small, or have no rest.
    """

    kind: str
    image: np.ndarray
    hit: np.ndarray
    strata: tuple[Stratum, ...]
    left_out: tuple[str, ...] = ()


def stratified_results(
    networks: Sequence[Scored], samples: Mapping[str, Sample], draws: Resamples
) -> dict[str, Any]:
    """Compare every stratum with its rest.

    Args:
        networks: tables of the same test images, one for each seed. Hits are means over them.
        samples: the test images by name.
        draws: draws of the test images.

    Returns:
        JSON values; none where no lesion is known.
    """
    if len(networks[0].truth) == 0:
        return {}
    return compared([lesions(networks, samples), images(networks, samples)], draws)


def lesion_hits(scored: Scored) -> np.ndarray:
    """Return ``(T,)`` bool: whether a predicted box of its class overlaps the truth box by at least
    `HIT_IOU`."""
    hit = np.zeros(len(scored.truth), dtype=bool)
    hit[scored.pairs.truth[scored.pairs.iou >= HIT_IOU]] = True
    return hit


def best_box_hits(scored: Scored) -> np.ndarray:
    """Return ``(N, C)`` bool: whether the image's best box of the class overlaps a truth box by at least
    `HIT_IOU`. Of equally good boxes, the first counts."""
    boxes = scored.predicted
    overlap = np.zeros(len(boxes))
    np.maximum.at(overlap, scored.pairs.predicted, scored.pairs.iou)
    cell = boxes.image * len(scored.classes) + boxes.label
    order = np.lexsort((np.arange(len(boxes)), -boxes.score, cell))
    cells, first = np.unique(cell[order], return_index=True)
    hits = np.zeros(scored.labels.size, dtype=bool)
    hits[cells] = overlap[order[first]] >= HIT_IOU
    return hits.reshape(scored.labels.shape)


def lesions(networks: Sequence[Scored], samples: Mapping[str, Sample]) -> Targets:
    """Group the lesions of the test images by their size, position, finding and kind."""
    table = networks[0]
    truth, sizes = table.truth, table.sizes[table.truth.image]
    centre = (truth.xyxy[:, :2] + truth.xyxy[:, 2:]) / 2 / sizes
    classes = np.array(table.classes)[truth.label]
    strata = [
        *_thirds("lesion size", area_share(table)),
        *_words("place", np.where(centre[:, 0] < 0.5, "left half", "right half")),
        *_words("place", np.where(centre[:, 1] < 0.5, "upper half", "lower half")),
        *_words("finding", classes),
        *_words("kind", kinds(table, samples)),
    ]
    hit = np.mean([lesion_hits(network) for network in networks], axis=0)
    return Targets(LESIONS, truth.image, hit, *_large_enough(strata))


def images(networks: Sequence[Scored], samples: Mapping[str, Sample]) -> Targets:
    """Group the images that have a finding by the number of lesions and by every attribute of samples."""
    table = networks[0]
    image, label = np.nonzero(table.per_image(table.truth) > 0)
    number = np.bincount(table.truth.image, minlength=len(table.names))[image]
    words = [str(n) if n < MANY_LESIONS else f"{MANY_LESIONS} or more" for n in number.tolist()]
    strata = list(_words("lesions on the image", np.array(words)))
    attributes = [samples[table.names[row]].attributes for row in image.tolist()]
    many = []
    for factor in sorted({name for of_image in attributes for name in of_image}):
        values = np.array([str(of_image.get(factor, "")) for of_image in attributes])
        of_factor = list(_of_attribute(factor, values))
        if len(of_factor) > MAX_LEVELS:
            many.append(f"{factor}: {len(of_factor)} different words")
        else:
            strata += of_factor
    hit = np.mean([best_box_hits(network)[image, label] for network in networks], axis=0)
    large, left_out = _large_enough(strata)
    return Targets(IMAGES, image, hit, large, (*left_out, *many))


def area_share(scored: Scored) -> np.ndarray:
    """Return the ``(T,)`` area of every truth box as a share of its image's area."""
    boxes, sizes = scored.truth.xyxy, scored.sizes[scored.truth.image]
    shares: np.ndarray = np.prod((boxes[:, 2:] - boxes[:, :2]) / sizes, axis=1)
    return shares


def kinds(scored: Scored, samples: Mapping[str, Sample]) -> np.ndarray:
    """Return the annotators' ``(T,)`` finer name of every truth box; empty where they gave none."""
    boxes = [samples[name].boxes for name in scored.names]
    of_all = np.array([box.kind for of_image in boxes for box in of_image], dtype=str)
    table = BoxTable.of(boxes, scored.classes)
    known: np.ndarray = of_all[scored.known[table.image, table.label]]
    return known


def thirds(values: np.ndarray) -> np.ndarray:
    """Return the ``(K,)`` third (0, 1 or 2) that each value is in. Equal values are in the same third."""
    return np.searchsorted(np.quantile(values, [1 / 3, 2 / 3]), values)


def compared(targets: Sequence[Targets], draws: Resamples) -> dict[str, Any]:
    """Compare every stratum's share of hits with that of its rest, as JSON values.

    The 95 % interval of the difference comes from the draws, in which stratum and rest are paired. Its p
    belongs to the hypothesis that both have the same share (`wsbench.scoring.gaps`). It is corrected by
    Holm's method over all strata of all targets. Two strata that are each other's rest count as one test.

    Args:
        targets: targets on the same images.
        draws: draws of these images.
    """
    groups: list[dict[str, Any]] = []
    partitions = []
    for group in targets:
        if not group.strata:
            continue
        members = np.stack([stratum.members for stratum in group.strata])
        differences, _, values = gaps(group.hit, members, draws.unit[group.image])
        drawn = _drawn(group, members, draws)
        for row, stratum in enumerate(group.strata):
            in_stratum = members[row]
            # A stratum and its rest give the same bytes: the half that holds the first target is True.
            partitions.append((group.kind, (in_stratum ^ ~in_stratum[0]).tobytes()))
            groups.append(
                {
                    "of": group.kind,
                    "factor": stratum.factor,
                    "level": stratum.level,
                    "count": int(in_stratum.sum()),
                    "hit": float(group.hit[in_stratum].mean()),
                    "rest": float(group.hit[~in_stratum].mean()),
                    "interval": of_draws(differences[row], drawn[:, row], bounded=False, units=draws.units),
                    "p": float(values[row]),
                }
            )
    adjusted = _holm_of([result["p"] for result in groups], partitions)
    for result, p in zip(groups, adjusted, strict=True):
        result["holm"] = p
    return {
        **{group.kind: {"count": len(group.hit), "hit": float(group.hit.mean())} for group in targets},
        "groups": groups,
        "worst": _worst(groups),
        "left_out": [f"{name} ({group.kind})" for group in targets for name in group.left_out],
    }


def _drawn(targets: Targets, members: np.ndarray, draws: Resamples) -> np.ndarray:
    """Compute ``(B, G)`` differences between G strata and their rests in every draw."""
    shares = []
    for in_stratum in (members, ~members):
        sums = np.zeros((2, len(draws.unit), len(members)))
        np.add.at(sums[0], targets.image, (in_stratum * targets.hit).T)
        np.add.at(sums[1], targets.image, in_stratum.T.astype(np.float64))
        shares.append(ratio(draws.sum(sums[0]), draws.sum(sums[1])))
    differences: np.ndarray = shares[0] - shares[1]
    return differences


def _holm_of(values: Sequence[float], partitions: Sequence[Any]) -> list[float]:
    """Adjust p values by Holm's method, where equal partitions count once."""
    value_of: dict[Any, float] = {}
    for partition, value in zip(partitions, values, strict=True):
        value_of.setdefault(partition, value)
    adjusted = dict(zip(value_of, holm(list(value_of.values())).tolist(), strict=True))
    return [adjusted[partition] for partition in partitions]


def _worst(groups: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the stratum that lies furthest below its rest. If some do so by more than noise, it is one of
    these."""
    below = [group for group in groups if group["hit"] < group["rest"]]
    sure = [group for group in below if group["holm"] < LEVEL]
    if not below:
        return None
    group = min(sure or below, key=lambda group: group["hit"] - group["rest"])
    return {"factor": group["factor"], "level": group["level"], "sure": bool(sure)}


def _large_enough(strata: Sequence[Stratum]) -> tuple[tuple[Stratum, ...], tuple[str, ...]]:
    """Return the strata that can be compared with their rests, and the names of the others."""
    large, small = [], []
    for stratum in strata:
        in_stratum, in_rest = int(stratum.members.sum()), int((~stratum.members).sum())
        if min(in_stratum, in_rest) >= MIN_STRATUM_SIZE:
            large.append(stratum)
        elif in_rest > 0:  # a property that all targets share divides nothing and is not listed
            size = str(in_stratum) if in_stratum < MIN_STRATUM_SIZE else f"rest {in_rest}"
            small.append(f"{stratum.factor}: {stratum.level}, {size}")
    return tuple(large), tuple(small)


def _of_attribute(factor: str, values: np.ndarray) -> Iterator[Stratum]:
    """Yield strata by thirds of numbers, or by words. A value of several words joined by ``+`` is in the
    stratum of each."""
    known = values != ""
    numeric = all(re.fullmatch(r"-?\d+(\.\d*)?", value) for value in values[known])
    if numeric and len(set(values[known])) > len(THIRDS):
        numbers = np.full(len(values), np.nan)
        numbers[known] = values[known].astype(np.float64)
        yield from _thirds(factor, numbers)
    else:
        yield from _words(factor, values)


def _thirds(factor: str, values: np.ndarray) -> Iterator[Stratum]:
    """Yield strata by thirds of ``(K,)`` numbers. NaN is in none of them."""
    known = np.isfinite(values)
    third = np.full(len(values), -1)
    third[known] = thirds(values[known])
    for number, level in enumerate(THIRDS):
        if (third == number).any():
            yield Stratum(factor, level, third == number)


def _words(factor: str, values: np.ndarray) -> Iterator[Stratum]:
    words = [set(value.split("+")) - {""} for value in values.tolist()]
    for level in sorted(set().union(*words)):
        yield Stratum(factor, level, np.array([level in of_target for of_target in words]))
