"""Where a method fails: the share of lesions, or of images, that it hits in each group of them against the
rest."""

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

IOU = 0.25
"""A lesion is hit where some box of its class overlaps it by at least this."""

FEWEST = 10
"""Lesions or images that a stratum needs, and that the rest needs; smaller ones are left out."""

MOST_WORDS = 20
"""Different words of an attribute: one with more is a text or a name, and makes no strata."""

THIRDS = ("smallest third", "middle third", "largest third")

LESIONS, IMAGES = "lesions", "images"

MANY = 3
"""So many lesions on an image, or more, are one stratum."""


@dataclass(frozen=True)
class Stratum:
    """Some of the things that can be hit.

    Attributes:
        factor: what they have in common, such as ``sex``.
        level: its value.
        members: ``(K,)`` bool.
    """

    factor: str
    level: str
    members: np.ndarray


@dataclass(frozen=True)
class Targets:
    """K lesions, or K images that have a finding (an image with two findings counts for each).

    Attributes:
        of: `LESIONS` or `IMAGES`.
        image: ``(K,)`` row of the image.
        hit: ``(K,)`` share of the networks of a row that hit it; 0 or 1 for a single network.
        strata: of these.
        left_out: names of the strata that are too small, or have no rest.
    """

    of: str
    image: np.ndarray
    hit: np.ndarray
    strata: tuple[Stratum, ...]
    left_out: tuple[str, ...] = ()


def measure(networks: Sequence[Scored], samples: Mapping[str, Sample], draws: Resamples) -> dict[str, Any]:
    """Every stratum against the rest, as JSON values; empty where no lesion is known.

    Args:
        networks: tables of the same test images, one of each seed; hits are means over them.
        samples: by name, those of the test images.
        draws: of the test images.
    """
    if len(networks[0].truth) == 0:
        return {}
    return compared([lesions(networks, samples), images(networks, samples)], draws)


def lesion_hits(scored: Scored) -> np.ndarray:
    """``(T,)`` bool: some predicted box of its class overlaps the truth box by at least `IOU`."""
    hit = np.zeros(len(scored.truth), dtype=bool)
    hit[scored.pairs.truth[scored.pairs.iou >= IOU]] = True
    return hit


def best_box_hits(scored: Scored) -> np.ndarray:
    """``(N, C)`` bool: the image's best box of the class overlaps a truth box by at least `IOU`; of equally
    good boxes the one that stands first counts."""
    boxes = scored.predicted
    overlap = np.zeros(len(boxes))
    np.maximum.at(overlap, scored.pairs.predicted, scored.pairs.iou)
    cell = boxes.image * len(scored.classes) + boxes.label
    order = np.lexsort((np.arange(len(boxes)), -boxes.score, cell))
    cells, first = np.unique(cell[order], return_index=True)
    hits = np.zeros(scored.labels.size, dtype=bool)
    hits[cells] = overlap[order[first]] >= IOU
    return hits.reshape(scored.labels.shape)


def lesions(networks: Sequence[Scored], samples: Mapping[str, Sample]) -> Targets:
    """The lesions of the test images by their size, place, finding and kind."""
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
    """The images that have a finding by the number of their lesions and by every attribute of samples."""
    table = networks[0]
    image, label = np.nonzero(table.per_image(table.truth) > 0)
    number = np.bincount(table.truth.image, minlength=len(table.names))[image]
    words = [str(n) if n < MANY else f"{MANY} or more" for n in number.tolist()]
    strata = list(_words("lesions on the image", np.array(words)))
    attributes = [samples[table.names[row]].attributes for row in image.tolist()]
    many = []
    for factor in sorted({name for of_image in attributes for name in of_image}):
        values = np.array([str(of_image.get(factor, "")) for of_image in attributes])
        of_factor = list(_of_attribute(factor, values))
        if len(of_factor) > MOST_WORDS:
            many.append(f"{factor}: {len(of_factor)} different words")
        else:
            strata += of_factor
    hit = np.mean([best_box_hits(network)[image, label] for network in networks], axis=0)
    large, left_out = _large_enough(strata)
    return Targets(IMAGES, image, hit, large, (*left_out, *many))


def area_share(scored: Scored) -> np.ndarray:
    """``(T,)`` area of every truth box as a share of its image."""
    boxes, sizes = scored.truth.xyxy, scored.sizes[scored.truth.image]
    shares: np.ndarray = np.prod((boxes[:, 2:] - boxes[:, :2]) / sizes, axis=1)
    return shares


def kinds(scored: Scored, samples: Mapping[str, Sample]) -> np.ndarray:
    """``(T,)`` what annotators called every truth box; empty words where they did not."""
    boxes = [samples[name].boxes for name in scored.names]
    of_all = np.array([box.kind for of_image in boxes for box in of_image], dtype=str)
    table = BoxTable.of(boxes, scored.classes)
    known: np.ndarray = of_all[scored.known[table.image, table.label]]
    return known


def thirds(values: np.ndarray) -> np.ndarray:
    """``(K,)`` 0, 1 or 2: which third of the values each is in; equal values share one."""
    return np.searchsorted(np.quantile(values, [1 / 3, 2 / 3]), values)


def compared(targets: Sequence[Targets], draws: Resamples) -> dict[str, Any]:
    """Every stratum's share of hits beside that of the rest, as JSON values.

    The 95 % interval of their difference is that of the draws, in which both are paired. Its p is that of
    the hypothesis that both have one share (`wsbench.scoring.gaps`), and is corrected after Holm over all
    strata of all targets; two strata that are each other's rest are one comparison.

    Args:
        targets: of the same images.
        draws: of these images.
    """
    groups: list[dict[str, Any]] = []
    partitions = []
    for some in targets:
        if not some.strata:
            continue
        members = np.stack([stratum.members for stratum in some.strata])
        differences, _, values = gaps(some.hit, members, draws.unit[some.image])
        drawn = _drawn(some, members, draws)
        for row, stratum in enumerate(some.strata):
            in_stratum = members[row]
            partitions.append((some.of, (in_stratum ^ ~in_stratum[0]).tobytes()))
            groups.append(
                {
                    "of": some.of,
                    "factor": stratum.factor,
                    "level": stratum.level,
                    "count": int(in_stratum.sum()),
                    "hit": float(some.hit[in_stratum].mean()),
                    "rest": float(some.hit[~in_stratum].mean()),
                    "interval": of_draws(differences[row], drawn[:, row], bounded=False, units=draws.units),
                    "p": float(values[row]),
                }
            )
    for group, adjusted in zip(groups, _holm_of([group["p"] for group in groups], partitions), strict=True):
        group["holm"] = adjusted
    return {
        **{some.of: {"count": len(some.hit), "hit": float(some.hit.mean())} for some in targets},
        "groups": groups,
        "worst": _worst(groups),
        "left_out": [f"{name} ({some.of})" for some in targets for name in some.left_out],
    }


def _drawn(targets: Targets, members: np.ndarray, draws: Resamples) -> np.ndarray:
    """``(B, G)`` differences between strata and rests in every draw."""
    shares = []
    for in_stratum in (members, ~members):
        sums = np.zeros((2, len(draws.unit), len(members)))
        np.add.at(sums[0], targets.image, (in_stratum * targets.hit).T)
        np.add.at(sums[1], targets.image, in_stratum.T.astype(np.float64))
        shares.append(ratio(draws.sum(sums[0]), draws.sum(sums[1])))
    differences: np.ndarray = shares[0] - shares[1]
    return differences


def _holm_of(values: Sequence[float], partitions: Sequence[Any]) -> list[float]:
    """Holm's adjustment in which equal partitions count once."""
    first = {partition: place for place, partition in reversed(list(enumerate(partitions)))}
    places = sorted(first.values())
    adjusted = dict(zip(places, holm([values[place] for place in places]).tolist(), strict=True))
    return [adjusted[first[partition]] for partition in partitions]


def _worst(groups: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The stratum that lies furthest below its rest, of those that do so by more than noise if there are
    some."""
    below = [group for group in groups if group["hit"] < group["rest"]]
    sure = [group for group in below if group["holm"] < LEVEL]
    if not below:
        return None
    group = min(sure or below, key=lambda group: group["hit"] - group["rest"])
    return {"factor": group["factor"], "level": group["level"], "sure": bool(sure)}


def _large_enough(strata: Sequence[Stratum]) -> tuple[tuple[Stratum, ...], tuple[str, ...]]:
    """The strata that can be compared with their rests, and the names of the others."""
    large, small = [], []
    for stratum in strata:
        in_stratum, in_rest = int(stratum.members.sum()), int((~stratum.members).sum())
        if min(in_stratum, in_rest) >= FEWEST:
            large.append(stratum)
        elif in_rest > 0:  # what all share parts nothing
            small.append(
                f"{stratum.factor}: {stratum.level}, "
                + (str(in_stratum) if in_stratum < FEWEST else f"rest {in_rest}")
            )
    return tuple(large), tuple(small)


def _of_attribute(factor: str, values: np.ndarray) -> Iterator[Stratum]:
    """By thirds of numbers, else by words; of several words joined by ``+``, by each."""
    there = values != ""
    numeric = all(re.fullmatch(r"-?\d+(\.\d*)?", value) for value in values[there])
    if numeric and len(set(values[there])) > len(THIRDS):
        numbers = np.full(len(values), np.nan)
        numbers[there] = values[there].astype(np.float64)
        yield from _thirds(factor, numbers)
    else:
        yield from _words(factor, values)


def _thirds(factor: str, values: np.ndarray) -> Iterator[Stratum]:
    """Of ``(K,)`` numbers; NaN is in none."""
    there = np.isfinite(values)
    third = np.full(len(values), -1)
    third[there] = thirds(values[there])
    for place, level in enumerate(THIRDS):
        if (third == place).any():
            yield Stratum(factor, level, third == place)


def _words(factor: str, values: np.ndarray) -> Iterator[Stratum]:
    words = [set(value.split("+")) - {""} for value in values.tolist()]
    for level in sorted(set().union(*words)):
        yield Stratum(factor, level, np.array([level in of_target for of_target in words]))
