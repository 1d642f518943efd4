"""Roles: stratified, together where they must be, and a function of names, labels and contents alone."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsbench.data.splits import assign_roles
from wsbench.errors import WsbenchError
from wsbench.types import Sample

SHARES = {"train": {"fit": 0.8, "select": 0.1, "calibrate": 0.1}, "val": {"test": 1.0}}


def sample(name: str, split: str = "train", **values: object) -> Sample:
    return Sample(name=name, width=10, height=10, split=split, labels=values.pop("labels", ()), **values)


def many(count: int = 200) -> list[Sample]:
    """A quarter has the class; a fifth is val."""
    return [
        sample(f"{index:04d}", "val" if index % 5 == 0 else "train", labels=("tb",) if index % 4 == 0 else ())
        for index in range(count)
    ]


def test_shares_hold_in_every_stratum() -> None:
    samples = many()
    roles = assign_roles(samples, SHARES)
    labels = {sample.name: sample.labels for sample in samples}
    counts = {role: Counter(labels[name] for name in names) for role, names in roles.members.items()}
    assert counts["test"] == {(): 30, ("tb",): 10}
    assert counts["fit"] == {(): 96, ("tb",): 32}
    assert counts["select"] == counts["calibrate"] == {(): 12, ("tb",): 4}
    assert roles.left_out == {}


def test_stratum_counts_as_a_label() -> None:
    samples = [sample(f"{i:03d}", stratum="sick" if i % 2 else "health") for i in range(100)]
    roles = assign_roles([*samples, *[sample(f"v{i}", "val") for i in range(4)]], SHARES)
    stratum = {sample.name: sample.stratum for sample in samples}
    assert Counter(stratum[name] for name in roles.members["fit"]) == {"sick": 40, "health": 40}


@given(st.randoms(use_true_random=False))
def test_order_never_matters(random_: random.Random) -> None:
    samples = many(60)
    shuffled = samples[:]
    random_.shuffle(shuffled)
    assert assign_roles(shuffled, SHARES) == assign_roles(samples, SHARES)


def test_roles_are_the_same_on_every_machine() -> None:
    """Literal names: a change of the dealing would silently change every score."""
    roles = assign_roles(many(60), SHARES)
    assert roles.members["select"] == ("0012", "0034", "0043", "0051")


def test_duplicates_and_patients_stay_together() -> None:
    samples = many(100)
    samples += [sample(f"copy{i}", content=f"pixels {i // 2}") for i in range(40)]
    samples += [sample(f"visit{i}", patient=f"patient {i // 4}") for i in range(40)]
    role_of = {name: role for role, names in assign_roles(samples, SHARES).members.items() for name in names}
    for i in range(0, 40, 2):
        assert role_of[f"copy{i}"] == role_of[f"copy{i + 1}"]
    for i in range(0, 40, 4):
        assert len({role_of[f"visit{i + k}"] for k in range(4)}) == 1


def test_patient_and_content_join_into_one_group() -> None:
    """a and b share pixels, b and c a patient: all three go together."""
    chain = [sample("a", content="p"), sample("b", content="p", patient="q"), sample("c", patient="q")]
    samples = [*many(100), *chain]
    role_of = {name: role for role, names in assign_roles(samples, SHARES).members.items() for name in names}
    assert role_of["a"] == role_of["b"] == role_of["c"]


def test_a_copy_of_a_test_image_is_left_out_of_training() -> None:
    samples = [*many(100), sample("leak", content="same"), sample("tested", "val", content="same")]
    roles = assign_roles(samples, SHARES)
    assert "tested" in roles.members["test"]
    assert roles.left_out == {"leak": "the same image or patient is in split 'val'"}
    assert all("leak" not in names for names in roles.members.values())


def test_every_sample_has_at_most_one_role() -> None:
    roles = assign_roles(many(), SHARES)
    names = [name for members in roles.members.values() for name in members]
    assert len(names) == len(set(names)) == 200


def test_adding_an_image_moves_few_others() -> None:
    before, after = assign_roles(many(200), SHARES), assign_roles([*many(200), sample("new")], SHARES)
    old = {name: role for role, names in before.members.items() for name in names}
    new = {name: role for role, names in after.members.items() for name in names}
    assert sum(old[name] != new[name] for name in old) <= 3


def test_too_few_images_for_a_role() -> None:
    with pytest.raises(WsbenchError, match="no image is left for role select, calibrate"):
        assign_roles([sample("a"), sample("b", "val")], SHARES)


def test_an_unknown_split() -> None:
    with pytest.raises(WsbenchError, match="split 'extra' has no roles"):
        assign_roles([*many(), sample("x", "extra")], SHARES)


def test_a_group_across_splits_stays_in_the_most_tested_one() -> None:
    """Of three splits the one with the largest share of test; of equal ones the last by name."""
    shares = {
        "train": {"fit": 0.6, "select": 0.2, "calibrate": 0.2},
        "some": {"fit": 0.5, "test": 0.5},
        "more": {"fit": 0.2, "test": 0.8},
        "much": {"fit": 0.2, "test": 0.8},
    }
    together = [sample(f"shared {split}", split, patient="p") for split in shares]
    roles = assign_roles([*many_of_train(), *together], shares)
    dealt = {name for names in roles.members.values() for name in names}
    assert {name for name in dealt if name.startswith("shared")} == {"shared much"}
    assert set(roles.left_out) == {"shared train", "shared some", "shared more"}
    assert set(roles.left_out.values()) == {"the same image or patient is in split 'much'"}


def many_of_train() -> list[Sample]:
    return [sample(f"t{index:02d}") for index in range(40)]


def test_a_bound_is_where_a_group_ends() -> None:
    """Four groups of five images: the first two are fit, which asks for ten, and the others one role each."""
    samples = [sample(f"{i}", patient=f"p{i // 5}") for i in range(20)]
    shares = {"train": {"fit": 0.5, "select": 0.25, "calibrate": 0.25}, "val": {"test": 1.0}}
    roles = assign_roles([*samples, sample("v", "val")], shares, stratified=False)
    assert {role: len(names) for role, names in roles.members.items()} == {
        "fit": 10,
        "select": 5,
        "calibrate": 5,
        "test": 1,
    }


def test_without_strata_labels_play_no_part() -> None:
    labelled, plain = many(60), [sample(one.name, one.split) for one in many(60)]
    assert assign_roles(labelled, SHARES, stratified=False) == assign_roles(plain, SHARES)
    assert assign_roles(labelled, SHARES) != assign_roles(plain, SHARES)
