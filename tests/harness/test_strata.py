"""Strata: by hand, beside the metric they come from, and how often a planted gap and no gap are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, pearson3

from conftest import box, found, table
from wsbench.contract.plugins import find
from wsbench.geometry.box_table import BoxTable
from wsbench.runs.plan import load_dataset
from wsbench.runs.scoring_inputs import draws_of, truth_of
from wsbench.scoring import strata
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.gaps import gaps
from wsbench.scoring.table import Scored
from wsbench.types import Box, Sample
from wsbench.utils.progress import Silent

SIMULATIONS = 2000


def samples(truth: Sequence[Sequence[Box]], **attributes: Sequence[str]) -> dict[str, Sample]:
    """Of `table`'s images."""
    return {
        f"image{row}": Sample(
            f"image{row}",
            100,
            100,
            "val",
            (),
            tuple(boxes),
            attributes={name: values[row] for name, values in attributes.items() if values[row]},
        )
        for row, boxes in enumerate(truth)
    }


def by_name(result: Mapping) -> dict[tuple[str, str], dict]:
    return {(group["factor"], group["level"]): group for group in result["groups"]}


def test_lesions_and_best_boxes_by_hand() -> None:
    truth = [[box(0, 0, 20, 20), box(50, 50, 70, 70)], [box(0, 0, 20, 20)], [box(0, 0, 20, 20)], []]
    predicted = [
        [found(0, 0, 20, 5, 0.3), found(80, 80, 90, 90, 0.9)],  # IoU 0.25 hits, though not the best box
        [found(0, 0, 20, 4.9, 0.5)],  # just below
        [found(0, 0, 20, 20, 0.5), found(60, 60, 80, 80, 0.5)],  # of equal boxes the first
        [found(0, 0, 20, 20, 0.5)],
    ]
    scored = table(truth, predicted)
    assert strata.lesion_hits(scored).tolist() == [True, False, False, True]
    assert strata.best_box_hits(scored)[:, 0].tolist() == [False, False, True, False]


def test_best_boxes_are_those_of_the_metric() -> None:
    generator = np.random.default_rng(5)
    truth, predicted = [], []
    for _ in range(60):
        corners = generator.integers(0, 60, (6, 2)).tolist()
        names = generator.choice(["a", "b"], 6).tolist()
        scores = generator.choice([0.2, 0.5, 0.8], 6).tolist()
        truth.append([box(x, y, x + 40, y + 40, n) for (x, y), n in zip(corners[:2], names[:2], strict=True)])
        predicted.append(
            [
                found(x, y, x + 40, y + 40, s, n)
                for (x, y), n, s in zip(corners[2:], names[2:], scores[2:], strict=True)
            ]
        )
    scored = table(truth, predicted, classes=("a", "b"))
    metric = find().metrics["top1_hit"].compute(scored, Resamples.once(60))[0]
    boxed = scored.per_image(scored.truth) > 0
    hits = strata.best_box_hits(scored)
    assert (hits & boxed).sum(axis=0) / boxed.sum(axis=0) == pytest.approx(metric, abs=1e-12)


def test_every_stratum_is_compared_with_its_rest() -> None:
    """40 images with a lesion each; the 12 of women are missed, the 28 others are hit."""
    women = np.arange(40) < 12
    truth = [[replace(box(0, 0, 20 + row, 20), kind="old" if row % 2 else "new")] for row in range(40)]
    predicted = [[] if missed else [found(0, 0, 20 + row, 20)] for row, missed in enumerate(women)]
    of_images = samples(
        truth,
        sex=["F" if woman else "M" for woman in women],
        age=[str(row) for row in range(40)],
        source=["here"] * 40,
        note=[f"word{row}" for row in range(40)],
        group=["a+b" if row < 20 else "b" if row < 35 else "rare" for row in range(40)],
    )
    scored, draws = table(truth, predicted), Resamples.draw(range(40), 200, seed=0)
    result = strata.stratified_results([scored], of_images, draws)
    groups = by_name(result)
    woman = groups["sex", "F"]
    assert (woman["count"], woman["hit"], woman["rest"]) == (12, 0.0, 1.0)
    assert woman["interval"] == pytest.approx((-1.0, -1.0))
    # z = 1 / sqrt(0.3 * 0.7 * 40 / 39 * (1 / 12 + 1 / 28)) = 6.245; the skewness of a hit is
    # (1 - 2 * 0.7) / sqrt(0.21) = -0.8729, that of the difference so many times
    # (1 / 12 ** 2 - 1 / 28 ** 2) / (1 / 12 + 1 / 28) ** 1.5, which is -0.1205.
    assert woman["p"] == pytest.approx(2 * pearson3.cdf(-6.2448, -0.12047), rel=0.01)
    assert groups["sex", "M"]["p"] == woman["p"]
    # Thirds of size and of age, kind, sex and group a: of two that are each other's rest only one counts.
    assert woman["holm"] == groups["sex", "M"]["holm"] == pytest.approx(9 * woman["p"])
    assert (groups["age", "smallest third"]["count"], groups["age", "smallest third"]["hit"]) == (14, 2 / 14)
    assert groups["age", "largest third"]["hit"] == 1.0
    assert groups["lesion size", "smallest third"]["of"] == "lesions"
    assert groups["kind", "old"]["count"] == 20
    assert groups["group", "a"]["count"] == 20
    assert ("source", "here") not in groups  # all share it
    assert ("place", "left half") not in groups
    assert result["left_out"] == [
        "group: b, rest 5 (images)",
        "group: rare, 5 (images)",
        "note: 40 different words (images)",
    ]
    assert result["worst"] == {"factor": "sex", "level": "F", "sure": True}
    assert result["lesions"] == {"count": 40, "hit": 0.7}


def test_hits_are_means_over_networks() -> None:
    truth = [[box(0, 0, 20, 20)] for _ in range(4)]
    hits = table(truth, [[found(0, 0, 20, 20)]] * 4)
    misses = table(truth, [[], [], [found(0, 0, 20, 20)], []])
    of_images = samples(truth)
    assert strata.lesions([hits, misses], of_images).hit.tolist() == [0.5, 0.5, 1.0, 0.5]
    assert strata.images([hits, misses], of_images).hit.tolist() == [0.5, 0.5, 1.0, 0.5]


def test_without_a_lesion_there_are_no_strata() -> None:
    scored = table([[], []], [[found(0, 0, 20, 20)], []])
    assert strata.stratified_results([scored], samples([[], []]), Resamples.once(2)) == {}


def test_a_gap_within_patients_is_surer_and_one_between_them_less_sure() -> None:
    """Two lesions a patient that are hit or missed together: a stratum that cuts through patients differs in
    no hit, and one of whole patients has half as many independent hits as it has lesions."""
    patient = np.repeat(np.arange(40), 2)
    hit = np.repeat(np.arange(40) % 4 != 0, 2).astype(float)
    within, between = np.tile([True, False], 40), np.repeat(np.arange(40) < 20, 2)
    _, errors, _ = gaps(hit, np.stack([within, between]), patient)
    alone = np.sqrt(hit.var(ddof=1) * (1 / 40 + 1 / 40))
    assert errors[0] == pytest.approx(0.0, abs=0.15 * alone)
    assert errors[1] == pytest.approx(np.sqrt(2) * alone, rel=0.02)
    _, independent, _ = gaps(hit, np.stack([within, between]), np.arange(80))
    assert independent == pytest.approx([alone, alone])


class Simulation:
    """Hits at random on the phantom's test role, judged as `wsbench.scoring.strata` does.

    Args:
        copies: how often the test role stands beside itself, for one that is larger.
    """

    def __init__(self, copies: int = 1) -> None:
        loaded = load_dataset(find(), "phantom", {}, Silent())
        truth = truth_of(loaded, loaded.roles.members["test"], "test")
        self.table = Scored(
            **{name: getattr(truth, name) for name in type(truth).__dataclass_fields__},
            scores=truth.labels.astype(float),
            operating_points=np.array([0.5]),
            predicted=BoxTable.of([], truth.classes),
        )
        self.samples = {sample.name: sample for sample in loaded.samples_of("test")}
        self.draws = draws_of(loaded).test
        self.members, self.units, self.levels = [], [], []
        of_one = [strata.lesions([self.table], self.samples), strata.images([self.table], self.samples)]
        for some in of_one:
            unit = [some.image + copy * len(truth.names) for copy in range(copies)]
            self.units.append(np.concatenate(unit))
            self.members.append(np.tile([stratum.members for stratum in some.strata], copies))
            self.levels.append([stratum.level for stratum in some.strata])

    def significant(self, hits: Sequence[np.ndarray]) -> np.ndarray:
        """``(S, G)`` of the different comparisons, after Holm.

        Args:
            hits: ``(S, K)`` of lesions and of images.
        """
        values, partitions = [], []
        for members, unit, hit in zip(self.members, self.units, hits, strict=True):
            values.append(gaps(hit, members, unit)[2])
            partitions += [(len(unit), (row ^ ~row[0]).tobytes()) for row in members]
        _, different = np.unique([str(partition) for partition in partitions], return_index=True)
        p = np.concatenate(values, axis=1)[:, np.sort(different)]
        ordered = np.sort(p, axis=1) * (p.shape[1] - np.arange(p.shape[1]))
        passed = (np.maximum.accumulate(ordered, axis=1) < 0.05).sum(axis=1)
        return np.argsort(np.argsort(p, axis=1), axis=1) < passed[:, None]

    def coins(self, share: float, together: float, generator: np.random.Generator) -> list[np.ndarray]:
        """Hits without a gap; those of one image fall together with a chance of ``together``."""
        hits = []
        for unit in self.units:
            images = int(unit.max()) + 1
            own = generator.random((SIMULATIONS, len(unit))) < share
            common = (generator.random((SIMULATIONS, images)) < share)[:, unit]
            same = (generator.random((SIMULATIONS, images)) < together)[:, unit]
            hits.append(np.where(same, common, own).astype(float))
        return hits

    def planted(self, networks: int, generator: np.random.Generator) -> np.ndarray:
        """``(S,)`` whether the gap is found: 0.80 in the largest third of lesions, 0.70 in the rest."""
        place = self.levels[0].index("largest third")
        share = np.where(self.members[0][place], 0.8, 0.7)
        shape = (SIMULATIONS, networks, len(share))
        hit = (generator.random(shape) < share).mean(axis=1)
        of_images = np.ones((SIMULATIONS, len(self.units[1])))
        return self.significant([hit, of_images])[:, place]


@pytest.fixture(scope="module")
def standard() -> Simulation:
    """The phantom as everybody runs it: 620 test images, 288 lesions."""
    return Simulation()


def test_p_is_that_of_permutations() -> None:
    """Twelve of sixty targets, of which nine are hit in all, five of the twelve: rare hits and a small group,
    of which the normal law says too much."""
    generator = np.random.default_rng(4)
    hit, members = np.arange(60) < 9, np.zeros(60, dtype=bool)
    members[[0, 1, 2, 3, 4, *range(20, 27)]] = True
    differences, errors, p = gaps(hit.astype(float), members[None], np.arange(60))
    permuted = np.array([generator.permutation(hit) for _ in range(50_000)], dtype=float)
    there = permuted @ members / 12 - permuted @ ~members / 48
    above = (there >= differences[0] - 1e-9).mean()  # 5 of 12 beside 4 of 48
    more = (there > differences[0] + 1e-9).mean()
    assert 2 * more < p[0] < 2 * above
    assert 2 * norm.sf(differences[0] / errors[0]) < 0.7 * p[0]


@pytest.mark.parametrize("share", [0.03, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("together", [0.0, 0.5])
def test_without_a_gap_at_most_a_twentieth_of_rows_has_a_significant_stratum(
    standard: Simulation, share: float, together: float
) -> None:
    hits = standard.coins(share, together, np.random.default_rng(1))
    alarms = standard.significant(hits).any(axis=1).mean()
    assert 0.002 <= alarms <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / SIMULATIONS)


def test_a_planted_gap_is_found(standard: Simulation) -> None:
    """On the phantom's 288 lesions by five networks whose hits are independent; by one network, with a third
    of the lesions in the stratum, it takes five times as many lesions."""
    assert len(standard.units[0]) == 288
    assert standard.planted(5, np.random.default_rng(2)).mean() >= 0.8
    assert standard.planted(1, np.random.default_rng(2)).mean() < 0.2
    assert Simulation(copies=5).planted(1, np.random.default_rng(2)).mean() >= 0.8


def test_a_planted_gap_in_predicted_boxes_is_named(standard: Simulation) -> None:
    """The same with boxes, through all of `measure`: every lesion's own box is predicted, or none."""
    generator = np.random.default_rng(3)
    truth = standard.table.truth
    largest = standard.members[0][standard.levels[0].index("largest third")]
    networks = [
        standard.table.with_boxes(truth.where(generator.random(len(truth)) < np.where(largest, 0.9, 0.6)))
        for _ in range(5)
    ]
    result = strata.stratified_results(networks, standard.samples, standard.draws)
    groups = by_name(result)
    hit = np.mean([strata.lesion_hits(network) for network in networks], axis=0)
    group = groups["lesion size", "largest third"]
    assert (group["hit"], group["rest"]) == pytest.approx((hit[largest].mean(), hit[~largest].mean()))
    assert group["holm"] < 0.001
    assert result["worst"]["sure"]
    left = groups["place", "left half"]  # where there is no gap, the draws have the error of the test
    low, high = left["interval"]
    assert low < left["hit"] - left["rest"] < high
    _, (error,), _ = gaps(hit, standard.members[0][[standard.levels[0].index("left half")]], truth.image)
    assert (high - low) / 2 / 1.96 == pytest.approx(error, rel=0.1)
