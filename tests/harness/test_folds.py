"""Folds: every image tested once, evenly, together where it must be, and a function of names."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsbench.data import catalog
from wsbench.data.folds import Fold, all_folds, assign_fold_roles, fold_of
from wsbench.errors import WsbenchError
from wsbench.types import Sample

FIRST_OF_FOUR = ["0013", "0005", "0014", "0008", "0015", "0009"]
SHARES = {"one": {"fit": 0.6, "select": 0.1, "calibrate": 0.1, "test": 0.2}}


def sample(name: str, split: str = "one", **values: object) -> Sample:
    return Sample(name=name, width=10, height=10, split=split, labels=values.pop("labels", ()), **values)


def many(count: int = 203) -> list[Sample]:
    """A quarter has the class; a third is of another stratum."""
    return [
        sample(f"{i:04d}", labels=("tb",) if i % 4 == 0 else (), stratum="a" if i % 3 else "b")
        for i in range(count)
    ]


def test_every_image_is_tested_once_and_strata_are_spread_evenly() -> None:
    samples = many()
    dealt = [assign_fold_roles(samples, SHARES, fold).members for fold in all_folds(5)]
    tested = [name for roles in dealt for name in roles["test"]]
    assert sorted(tested) == [one.name for one in samples]
    assert {len(roles["test"]) for roles in dealt} == {40, 41}
    for stratum in {(one.stratum, one.labels) for one in samples}:
        names = {one.name for one in samples if (one.stratum, one.labels) == stratum}
        counts = [len(names & set(roles["test"])) for roles in dealt]
        assert max(counts) - min(counts) <= 1, stratum


def test_the_rest_is_dealt_by_the_shares_of_training() -> None:
    roles = assign_fold_roles(many(200), SHARES, Fold(1, 5)).members
    assert {role: len(names) for role, names in roles.items()} == {
        "fit": 120,
        "select": 20,
        "calibrate": 20,
        "test": 40,
    }
    assert len(set().union(*roles.values())) == 200


def test_official_splits_are_mixed_and_the_tested_one_gives_no_shares() -> None:
    shares = {"train": {"fit": 0.8, "select": 0.1, "calibrate": 0.1}, "val": {"test": 1.0}}
    samples = [sample(f"{i:03d}", "val" if i % 5 == 0 else "train") for i in range(100)]
    roles = assign_fold_roles(samples, shares, Fold(2, 5)).members
    assert len(roles["test"]) == 20
    assert {int(name) % 5 == 0 for name in roles["test"]} == {True, False}
    assert (len(roles["fit"]), len(roles["select"]), len(roles["calibrate"])) == (64, 8, 8)


@given(st.randoms(use_true_random=False))
def test_order_never_matters(random_: random.Random) -> None:
    samples = many(60)
    shuffled = samples.copy()
    random_.shuffle(shuffled)
    assert assign_fold_roles(shuffled, SHARES, Fold(3, 4)) == assign_fold_roles(samples, SHARES, Fold(3, 4))


@given(st.integers(2, 7), st.lists(st.integers(0, 12), min_size=30, max_size=60))
def test_patients_and_equal_pixels_are_never_torn_apart(count: int, patients: list[int]) -> None:
    samples = [
        sample(f"{i:03d}", patient=f"p{p}" if p else None, content=str(i % 20))
        for i, p in enumerate(patients)
    ]
    numbers = fold_of(samples, count)
    for first in samples:
        for other in samples:
            if first.content == other.content or (first.patient and first.patient == other.patient):
                assert numbers[first.name] == numbers[other.name]


def test_folds_of_equal_names_are_equal_whatever_the_labels_of_others() -> None:
    assert fold_of(many(), 5) == fold_of(many(), 5)
    assert Counter(fold_of(many(), 5).values()) == Counter({1: 41, 2: 41, 3: 41, 4: 40, 5: 40})


def test_one_fold_is_none() -> None:
    with pytest.raises(WsbenchError, match="at least 2"):
        all_folds(1)


def test_more_folds_than_images_is_said() -> None:
    with pytest.raises(WsbenchError, match="too small"):
        assign_fold_roles([sample(str(i)) for i in range(3)], SHARES, Fold(5, 5))


def test_data_whose_boxes_all_lie_in_the_official_test_list_are_refused() -> None:
    nih = catalog.read_entries()["nih"]
    with pytest.raises(WsbenchError, match="'test_boxed' calibrates"):
        assign_fold_roles(many(), nih.roles, Fold(1, 5))


def test_folds_are_the_same_on_every_machine() -> None:
    """Literal names: a change of the dealing would silently change every score."""
    numbers = fold_of(many(24), 4)
    assert [name for name, number in numbers.items() if number == 1] == FIRST_OF_FOUR


def test_a_role_that_a_split_does_not_have_counts_as_none_of_it() -> None:
    """Two splits of 0.9 + 0.1 and of 0.5 + 0.5: on the mean 0.7 fit, 0.05 select and 0.25 calibrate."""
    shares = {"one": {"fit": 0.9, "select": 0.1}, "two": {"fit": 0.5, "calibrate": 0.5}}
    samples = [sample(f"{i:03d}", "one" if i % 2 else "two") for i in range(200)]
    roles = assign_fold_roles(samples, shares, Fold(1, 2)).members
    counts = {role: len(names) for role, names in roles.items()}
    assert counts == {"fit": 70, "select": 5, "calibrate": 25, "test": 100}


def test_strata_and_folds_are_filled_evenly() -> None:
    """Groups go where their stratum has the fewest images, then where all strata have."""
    samples = [sample(f"{i:02d}", stratum=f"{i // 3}") for i in range(12)]
    counts = Counter(fold_of(samples, 4).values())
    assert counts == {1: 3, 2: 3, 3: 3, 4: 3}
    large = [sample(f"x{i}", patient="p") for i in range(5)]
    numbers = fold_of([*large, *(sample(f"y{i}") for i in range(15))], 4)
    assert sorted(Counter(numbers.values()).values()) == [5, 5, 5, 5]


def test_without_strata_labels_play_no_part() -> None:
    samples = many(60)
    unlabelled = [sample(one.name) for one in samples]
    assert fold_of(samples, 3, stratified=False) == fold_of(unlabelled, 3)
    assert fold_of(samples, 3) != fold_of(unlabelled, 3)
    rolled = assign_fold_roles(samples, SHARES, Fold(1, 3), stratified=False)
    assert rolled == assign_fold_roles(unlabelled, SHARES, Fold(1, 3))


def test_a_fold_has_a_name() -> None:
    assert [str(fold) for fold in all_folds(2)] == ["fold1of2", "fold2of2"]
