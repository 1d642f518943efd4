"""Strata one by one: which there are, which are too small, and the interval and the p of each."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from conftest import table
from wsbench.scoring import strata
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.gaps import gaps
from wsbench.scoring.intervals import of_draws
from wsbench.scoring.strata import Stratum, Targets
from wsbench.types import Box, Sample, ScoredBox


def targets(
    of: str, image: np.ndarray, hit: np.ndarray, *members: np.ndarray, left_out: tuple = ()
) -> Targets:
    named = tuple(Stratum("kind", f"level {place}", of_one) for place, of_one in enumerate(members))
    return Targets(of, image, hit, named, left_out)


def test_intervals_are_those_of_the_difference_in_every_draw() -> None:
    """Two lesions an image; a draw holds each lesion as often as its image. Shares of three networks."""
    generator = np.random.default_rng(0)
    image = np.repeat(np.arange(20), 2)
    first, second = np.arange(40) % 4 < 2, np.arange(40) % 3 == 0
    hit = np.where(first, 0.9, 0.2) + generator.choice([-0.1, 0.1], 40)
    draws = Resamples.draw([row // 2 for row in range(20)], 100, seed=1)
    result = strata.compared([targets("lesions", image, hit, first, second)], draws)
    counts = draws.images()[:, image]
    for group, members in zip(result["groups"], (first, second), strict=True):
        shares = [counts[:, some] @ hit[some] / counts[:, some].sum(axis=1) for some in (members, ~members)]
        difference = hit[members].mean() - hit[~members].mean()
        expected = of_draws(difference, shares[0] - shares[1], bounded=False, units=10)
        assert group["interval"] == pytest.approx(expected)
        assert (group["count"], group["hit"]) == (members.sum(), pytest.approx(hit[members].mean()))
        assert group["rest"] == pytest.approx(hit[~members].mean())
        assert group["of"] == "lesions"
    p = gaps(hit, np.stack([first, second]), draws.unit[image])[2]
    assert [group["p"] for group in result["groups"]] == pytest.approx(p.tolist())
    ordered = sorted(p.tolist())
    holm = {ordered[0]: 2 * ordered[0], ordered[1]: max(2 * ordered[0], ordered[1])}
    assert [group["holm"] for group in result["groups"]] == pytest.approx([holm[one] for one in p.tolist()])
    assert result["lesions"] == {"count": 40, "hit": pytest.approx(hit.mean())}


def test_equal_parts_of_lesions_and_of_images_are_two_comparisons() -> None:
    """Holm's factor counts what is different: a stratum and its mirror are one, those of images another."""
    hit, members = (np.arange(40) % 4 == 0).astype(float), np.arange(40) < 15
    draws = Resamples.draw(range(40), 20, seed=0)
    both = [
        targets("lesions", np.arange(40), hit, members, ~members, left_out=("a",)),
        targets("images", np.arange(40), hit, members, left_out=("b",)),
    ]
    result = strata.compared(both, draws)
    (p,) = gaps(hit, members[None], np.arange(40))[2]
    assert [group["holm"] for group in result["groups"]] == pytest.approx([min(2 * p, 1.0)] * 3)
    assert result["left_out"] == ["a (lesions)", "b (images)"]
    none = strata.compared([targets("lesions", np.arange(40), hit)], draws)
    assert (none["groups"], none["worst"], none["left_out"]) == ([], None, [])


def test_the_worst_is_the_one_that_lies_furthest_below_of_the_sure_ones() -> None:
    """The second stratum lies further below its rest, and the first alone does so by more than noise."""
    hit = np.concatenate([np.repeat([0.0, 1.0], [25, 35]), np.repeat([0.0, 1.0], [20, 120])])
    large, small = np.arange(200) < 60, np.zeros(200, dtype=bool)
    small[[0, 1, 2, 3, 60, 61, 62, 80]] = True
    draws = Resamples.draw(range(200), 20, seed=0)
    result = strata.compared([targets("lesions", np.arange(200), hit, small, large)], draws)
    assert result["worst"] == {"factor": "kind", "level": "level 0", "sure": True}
    even = (np.arange(200) % 2).astype(float)
    slightly = np.arange(200) < 99  # 49 of 99 beside 51 of 101
    unsure = strata.compared([targets("lesions", np.arange(200), even, slightly, ~slightly)], draws)
    assert unsure["worst"] == {"factor": "kind", "level": "level 0", "sure": False}
    level = strata.compared([targets("lesions", np.arange(200), even, np.arange(200) < 100)], draws)
    assert level["worst"] is None


def sample(name: str, boxes: list[Box], **attributes: str) -> Sample:
    return Sample(name, 100, 100, "val", (), tuple(boxes), attributes=attributes)


def levels(some: Targets, factor: str) -> dict[str, list[int]]:
    return {one.level: np.flatnonzero(one.members).tolist() for one in some.strata if one.factor == factor}


def test_lesions_have_strata_of_size_place_finding_and_kind() -> None:
    """Thirty lesions: size grows from row to row, every third is of class b, and places go round."""
    kinds = ["old", "new+large", ""]
    truth, places = [], []
    for row in range(30):
        x, y = (row % 2) * 50, (row % 4 // 2) * 50
        places.append((x, y))
        truth.append([Box("ab"[row % 3 == 0], x, y, x + 10 + row, y + 10, kinds[row % 3])])
    scored = table(truth, [[] for _ in truth], classes=("a", "b"))
    samples = {name: sample(name, boxes) for name, boxes in zip(scored.names, truth, strict=True)}
    some = strata.lesions([scored], samples)
    assert (some.image.tolist(), some.hit.tolist()) == (list(range(30)), [0.0] * 30)
    assert levels(some, "lesion size") == {
        "smallest third": list(range(10)),
        "middle third": list(range(10, 20)),
        "largest third": list(range(20, 30)),
    }
    left = [row for row in range(30) if places[row][0] == 0]
    upper = [row for row in range(30) if places[row][1] == 0]
    assert levels(some, "place") == {
        "left half": left,
        "right half": [row for row in range(30) if row not in left],
        "upper half": upper,
        "lower half": [row for row in range(30) if row not in upper],
    }
    thirds = [list(range(start, 30, 3)) for start in range(3)]
    assert levels(some, "finding") == {"a": sorted(thirds[1] + thirds[2]), "b": thirds[0]}
    assert levels(some, "kind") == {"old": thirds[0], "new": thirds[1], "large": thirds[1]}
    assert strata.area_share(scored).tolist() == pytest.approx([(10 + row) / 1000 for row in range(30)])


def test_a_lesion_in_the_very_middle_lies_right_and_low() -> None:
    truth = [[Box("tb", 45, 45, 55, 55)]] * 10 + [[Box("tb", 0, 0, 9, 9)]] * 10
    scored = table(truth, [[] for _ in truth])
    samples = {name: sample(name, boxes) for name, boxes in zip(scored.names, truth, strict=True)}
    places = levels(strata.lesions([scored], samples), "place")
    assert places["right half"] == places["lower half"] == list(range(10))


def test_images_have_strata_of_their_lesions_and_attributes() -> None:
    """Attributes of few numbers are words, of more are thirds; one that an image lacks is none of them."""
    numbers = [1 + row % 4 for row in range(48)]
    truth = [[Box("tb", 0, 0, 5 + n, 9) for n in range(number)] for number in numbers]
    truth += [[]] * 5
    scored = table(truth, [[] for _ in truth])
    samples = {
        name: sample(
            name,
            boxes,
            few=str(row % 3),
            age="" if row < 12 else f"{row - 12}.5",
            odd="x" if row == 0 else str(row % 2),
        )
        for row, (name, boxes) in enumerate(zip(scored.names, truth, strict=True))
    }
    some = strata.images([scored], samples)
    assert some.image.tolist() == list(range(48))
    by_number = {word: [r for r in range(48) if numbers[r] == n] for n, word in ((1, "1"), (2, "2"))}
    many = [row for row in range(48) if numbers[row] >= 3]
    assert levels(some, "lesions on the image") == {**by_number, "3 or more": many}
    assert levels(some, "few") == {str(n): list(range(n, 48, 3)) for n in range(3)}
    assert levels(some, "age") == {
        level: list(range(12 * third, 12 * third + 12))
        for third, level in enumerate(("smallest third", "middle third", "largest third"), start=1)
    }
    assert levels(some, "odd") == {"0": list(range(2, 48, 2)), "1": list(range(1, 48, 2))}
    assert some.left_out == ("odd: x, 1",)


@pytest.mark.parametrize(("words", "kept"), [(20, True), (21, False)])
def test_an_attribute_of_more_than_twenty_words_is_a_text(words: int, kept: bool) -> None:
    truth = [[Box("tb", 0, 0, 9, 9)] for _ in range(words * 10)]
    scored = table(truth, [[] for _ in truth])
    samples = {
        name: sample(name, truth[row], word=f"w{row % words:02d}") for row, name in enumerate(scored.names)
    }
    some = strata.images([scored], samples)
    assert len(levels(some, "word")) == (words if kept else 0)
    assert some.left_out == (() if kept else ("word: 21 different words",))


@pytest.mark.parametrize(("count", "left_out"), [(10, ()), (9, ("sex: f, 9", "sex: m, rest 9"))])
def test_a_stratum_and_its_rest_need_ten(count: int, left_out: tuple[str, ...]) -> None:
    truth = [[Box("tb", 0, 0, 9, 9)] for _ in range(30)]
    scored = table(truth, [[] for _ in truth])
    samples = {
        name: sample(name, truth[row], sex="f" if row < count else "m")
        for row, name in enumerate(scored.names)
    }
    some = strata.images([scored], samples)
    assert len(levels(some, "sex")) == (0 if left_out else 2)
    assert some.left_out == left_out


def test_the_best_box_is_that_of_the_image_and_class() -> None:
    """Of class b the best box hits; of class a a better one stands first and misses."""
    truth = [[Box("a", 0, 0, 10, 10), Box("b", 50, 50, 60, 60)], [Box("b", 0, 0, 10, 10)]]
    predicted = [
        [
            ScoredBox("a", 80, 80, 90, 90, 0.6),
            ScoredBox("b", 50, 50, 60, 60, 0.5),
            ScoredBox("a", 0, 0, 10, 10, 0.5),
        ],
        [ScoredBox("a", 0, 0, 10, 10, 0.9), ScoredBox("b", 0, 0, 10, 2.5, 0.1)],
    ]
    hits = strata.best_box_hits(table(truth, predicted, classes=("a", "b")))
    assert hits.tolist() == [[False, True], [False, True]]


def test_equal_values_share_a_third() -> None:
    assert strata.thirds(np.array([1.0, 1, 1, 2, 3, 3])).tolist() == [0, 0, 0, 1, 2, 2]
    assert strata.thirds(np.arange(9.0)).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_a_gap_by_hand() -> None:
    """Ten of twenty hit in the stratum, two of twenty outside: under one share of 0.3 the variance is
    0.21 * 40 / 39 * (1 / 20 + 1 / 20), and with equal sizes the law has no skewness: the normal one."""
    hit = np.concatenate([np.arange(20) < 10, np.arange(20) < 2]).astype(float)
    differences, errors, p = gaps(hit, (np.arange(40) < 20)[None], np.arange(40))
    assert differences.tolist() == [pytest.approx(0.4)]
    error = np.sqrt(0.21 * 40 / 39 * 0.1)
    assert errors.tolist() == [pytest.approx(error)]
    assert p.tolist() == [pytest.approx(2 * stats.norm.sf(0.4 / error), rel=1e-3)]
    equal = gaps(np.ones(40), (np.arange(40) < 20)[None], np.arange(40))
    assert [part.tolist() for part in equal] == [[pytest.approx(0.0, abs=1e-12)], [0.0], [1.0]]


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_skewed_gap_has_the_law_of_pearson(mirrored: bool) -> None:
    """Four of 60 hit, all of them in a stratum of 12; the same of misses."""
    hit, members = np.arange(60) < 4, np.arange(60) < 12
    share, size = 4 / 60, 1 / 12 + 1 / 48
    error = np.sqrt(share * (1 - share) * 60 / 59 * size)
    skewness = (1 - 2 * share) / np.sqrt(share * (1 - share)) * (1 / 12**2 - 1 / 48**2) / size**1.5
    expected = min(2 * stats.pearson3.sf(4 / 12 / error, skewness), 1)
    several = np.stack([~hit if mirrored else hit] * 2).astype(float)
    differences, errors, p = gaps(several, members[None], np.arange(60))
    assert differences == pytest.approx(np.full((2, 1), (-1 if mirrored else 1) * 4 / 12))
    assert errors == pytest.approx(np.full((2, 1), error))
    assert p == pytest.approx(np.full((2, 1), expected), rel=1e-6)
    opposite = gaps(several, ~members[None], np.arange(60))
    assert opposite[0] == pytest.approx(-differences)
    assert opposite[2] == pytest.approx(p)


def test_of_ten_beside_nine_the_rest_is_too_small() -> None:
    truth = [[Box("tb", 0, 0, 9, 9)] for _ in range(19)]
    scored = table(truth, [[] for _ in truth])
    samples = {
        name: sample(name, truth[row], sex="f" if row < 10 else "m") for row, name in enumerate(scored.names)
    }
    assert strata.images([scored], samples).left_out == ("sex: f, rest 9", "sex: m, 9")
