"""Assigns the folds of a cross-validation. Every image is tested once, in a fold that depends on names
alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wsbench.data.splits import Roles, assign_roles, groups, stratum_of
from wsbench.errors import WsbenchError
from wsbench.types import ROLES, Role, Sample
from wsbench.utils.hashing import seed_from

MAX_FOLDER_CHARACTERS = 40
"""Characters of a value that the folder of a run repeats."""


@dataclass(frozen=True)
class Fold:
    """One of the folds of a cross-validation. It is tested by a method that is trained on the others.

    Attributes:
        number: the number of the fold, from 1.
        of: the number of folds.
        attribute, value: the attribute of samples, and its value, by which the fold is left out; empty for a
            fold that depends on names alone.
    """

    number: int
    of: int
    attribute: str = ""
    value: str = ""

    def __str__(self) -> str:
        if self.attribute:
            return f"without-{_in_a_path(self.value)}"
        return f"fold{self.number}of{self.of}"

    @property
    def words(self) -> str:
        """The fold in words."""
        if self.attribute:
            return f"{self.attribute} {self.value} left out"
        return f"fold {self.number} of {self.of}"

    def describe(self) -> dict[str, Any]:
        """Describe the fold for a record, as JSON values."""
        by = {"attribute": self.attribute, "value": self.value} if self.attribute else {}
        return {"number": self.number, "of": self.of, **by}


def _in_a_path(words: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", words)[:MAX_FOLDER_CHARACTERS]


def folder_words(folds: Sequence[Fold]) -> str:
    """Return what the name of a cross-validation's folder says of its folds."""
    return f"by-{_in_a_path(folds[0].attribute)}" if folds[0].attribute else f"{len(folds)}folds"


def all_folds(count: int) -> list[Fold]:
    """Return the folds in their order.

    Raises:
        WsbenchError: there are fewer than two.
    """
    if count < 2:
        raise WsbenchError(f"{count} folds: cross-validation needs at least 2")
    return [Fold(number, count) for number in range(1, count + 1)]


def assign_fold_roles(
    samples: Iterable[Sample],
    shares: Mapping[str, Mapping[Role, float]],
    fold: Fold,
    *,
    stratified: bool = True,
) -> Roles:
    """Assign the four roles for one fold of a cross-validation.

    The fold is tested, and the other folds are divided into fit, select and calibrate. Official splits do not
    matter: the images of all splits are cut into folds together. Samples that share a patient or an image
    file stay together.

    Args:
        samples: the samples, in any order.
        shares: for each official split, the share of each role. The folds that are not tested are divided by
            the mean of the splits that are trained on.
        fold: the fold that is tested.
        stratified: whether labels (and `Sample.stratum`) are spread evenly over the folds.

    Raises:
        WsbenchError: the boxes for calibration belong to a split that is not trained on, or a role would be
            empty.
    """
    ordered = sorted(samples, key=lambda sample: sample.name)
    numbers = fold_of(ordered, fold.of, stratified=stratified)
    divided = [
        replace(sample, split="test" if numbers[sample.name] == fold.number else "rest") for sample in ordered
    ]
    rest = shares_of_rest(shares)
    return assign_roles(divided, {"test": {"test": 1.0}, "rest": rest}, stratified=stratified)


def fold_of(samples: Sequence[Sample], count: int, *, stratified: bool = True) -> dict[str, int]:
    """Choose the fold in which each sample is tested.

    Within a stratum, groups are taken in the order of a hash of their first name. Each goes to the fold with
    the fewest images of the stratum, and of equal folds to the one with the fewest images of all strata.

    Args:
        samples: the samples, sorted by name.
        count: the number of folds.
        stratified: False treats all samples as one stratum.

    Returns:
        The number of the fold by name of the sample.
    """
    strata: dict[tuple[str, tuple[str, ...]], list[list[Sample]]] = defaultdict(list)
    for group in groups(samples):
        strata[stratum_of(group[0]) if stratified else ("", ())].append(group)
    numbers: dict[str, int] = {}
    of_all = [0] * count
    for _, members in sorted(strata.items()):
        of_stratum = [0] * count
        for group in sorted(members, key=lambda group: (seed_from("fold", group[0].name), group[0].name)):
            smallest = min(range(count), key=lambda fold: (of_stratum[fold], of_all[fold], fold))
            of_stratum[smallest] += len(group)
            of_all[smallest] += len(group)
            numbers.update(dict.fromkeys((sample.name for sample in group), smallest + 1))
    return numbers


def shares_of_rest(shares: Mapping[str, Mapping[Role, float]]) -> dict[Role, float]:
    """Return the mean shares of the splits that are trained on, without role test.

    Raises:
        WsbenchError: the boxes for calibration belong to a split that is not trained on.
    """
    trained = [of_split for of_split in shares.values() if of_split.get("fit", 0) > 0]
    for split, of_split in shares.items():
        if of_split.get("calibrate", 0) > 0 and of_split not in trained:
            raise WsbenchError(
                f"split '{split}' calibrates and is not trained on: these data keep their official test list "
                "and cannot be cross-validated"
            )
    sums = {role: sum(of_split.get(role, 0.0) for of_split in trained) for role in ROLES if role != "test"}
    return {role: value / sum(sums.values()) for role, value in sums.items()}
