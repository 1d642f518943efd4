"""Cross-validation's folds: every image is tested once, and where is a function of names alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from wsbench.data.splits import Roles, deal, groups, stratum_of
from wsbench.errors import WsbenchError
from wsbench.types import ROLES, Role, Sample
from wsbench.utils.hashing import seed_from


@dataclass(frozen=True)
class Fold:
    """One of the parts that data is cut into; it is tested by what learnt from the others.

    Attributes:
        number: from 1.
        of: how many there are.
    """

    number: int
    of: int

    def __str__(self) -> str:
        return f"fold{self.number}of{self.of}"


def all_folds(count: int) -> list[Fold]:
    """The folds in their order.

    Raises:
        WsbenchError: fewer than two.
    """
    if count < 2:
        raise WsbenchError(f"{count} folds: cross-validation needs at least 2")
    return [Fold(number, count) for number in range(1, count + 1)]


def deal_fold(
    samples: Iterable[Sample],
    shares: Mapping[str, Mapping[Role, float]],
    fold: Fold,
    *,
    stratified: bool = True,
) -> Roles:
    """The four roles of one fold: it is tested, and the other folds are dealt as training splits are.

    Official splits play no part: images of all of them are cut into folds. Groups of samples that share a
    patient or the same pixels stay together.

    Args:
        samples: any order.
        shares: per official split, the share of each role; what is not tested is dealt by the mean of those
            splits that are trained on.
        fold: the one that is tested.
        stratified: whether labels (and `Sample.stratum`) are spread evenly over the folds.

    Raises:
        WsbenchError: boxes for calibration are of a split that is not trained on, or a role would be empty.
    """
    ordered = sorted(samples, key=lambda sample: sample.name)
    numbers = fold_of(ordered, fold.of, stratified=stratified)
    dealt = [
        replace(sample, split="test" if numbers[sample.name] == fold.number else "rest") for sample in ordered
    ]
    return deal(dealt, {"test": {"test": 1.0}, "rest": _rest(shares)}, stratified=stratified)


def fold_of(samples: Sequence[Sample], count: int, *, stratified: bool = True) -> dict[str, int]:
    """The fold in which each sample is tested, by name.

    Within a stratum, groups are taken in the order of a hash of their first name, and each goes to the fold
    that has the fewest images of the stratum, then of all.

    Args:
        samples: sorted by name.
        count: of the folds.
        stratified: False takes all samples for one stratum.
    """
    strata: dict[tuple[str, tuple[str, ...]], list[list[Sample]]] = defaultdict(list)
    for group in groups(samples):
        strata[stratum_of(group[0]) if stratified else ("", ())].append(group)
    numbers: dict[str, int] = {}
    of_all = [0] * count
    for _, members in sorted(strata.items()):
        here = [0] * count
        for group in sorted(members, key=lambda group: (seed_from("fold", group[0].name), group[0].name)):
            place = min(range(count), key=lambda number: (here[number], of_all[number], number))
            here[place] += len(group)
            of_all[place] += len(group)
            numbers.update(dict.fromkeys((sample.name for sample in group), place + 1))
    return numbers


def _rest(shares: Mapping[str, Mapping[Role, float]]) -> dict[Role, float]:
    """What is not tested, dealt: the mean over the splits that are trained on, without their tested part."""
    trained = [dealt for dealt in shares.values() if dealt.get("fit", 0) > 0]
    for split, dealt in shares.items():
        if dealt.get("calibrate", 0) > 0 and dealt not in trained:
            raise WsbenchError(
                f"split '{split}' calibrates and is not trained on: these data keep their official test list "
                "and cannot be cross-validated"
            )
    sums = {role: sum(dealt.get(role, 0.0) for dealt in trained) for role in ROLES if role != "test"}
    return {role: value / sum(sums.values()) for role, value in sums.items()}
