"""Leaves one group of images out of training and tests on it: one collection, one hospital, one sex."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from wsbench.data.by_attribute import COLLECTION, one_label_words
from wsbench.data.folds import Fold
from wsbench.data.splits import Roles, assign_roles, groups
from wsbench.errors import WsbenchError, suggestion
from wsbench.types import ROLES, Role, Sample

MAX_GROUPS = 20
"""Most values of an attribute that are left out in turn. One with more is a name or a number."""


def folds_by(samples: Sequence[Sample], attribute: str) -> tuple[Fold, ...]:
    """Return a fold for every value of an attribute, in the order of the values.

    Raises:
        WsbenchError: no image has the attribute, all have the same value, or there are too many values.
    """
    values = sorted({sample.attributes.get(attribute, "") for sample in samples} - {""})
    if not values:
        known = {name for sample in samples for name in sample.attributes}
        raise WsbenchError(
            f"no image has the attribute '{attribute}' to leave out by; {suggestion(attribute, known)}"
        )
    if len(values) == 1:
        raise WsbenchError(
            f"every {attribute} is {values[0]}, and without it no image is left to train on; name another one"
        )
    if len(values) > MAX_GROUPS:
        raise WsbenchError(
            f"{attribute} has {len(values)} values, and at most {MAX_GROUPS} are left out in turn; "
            "name another attribute, or use --folds NUMBER"
        )
    return tuple(Fold(number, len(values), attribute, value) for number, value in enumerate(values, start=1))


def fold_without(samples: Sequence[Sample], words: str) -> Fold:
    """Return the fold that leaves one group out.

    Args:
        samples: the images of the dataset.
        words: a collection, such as ``shenzhen``, or an attribute with its value, such as ``sex:F``.

    Raises:
        WsbenchError: there is no such group, or nothing beside it.
    """
    before, colon, after = words.partition(":")
    is_attribute = colon and any(before in sample.attributes for sample in samples)
    attribute, value = (before, after) if is_attribute else (COLLECTION, words)
    folds = folds_by(samples, attribute)
    for fold in folds:
        if fold.value == value:
            return fold
    values = [fold.value for fold in folds]
    raise WsbenchError(f"leave_out={words}: no image has {attribute} '{value}'; {suggestion(value, values)}")


def assign_roles_without(
    samples: Sequence[Sample],
    shares: Mapping[str, Mapping[Role, float]],
    fold: Fold,
    *,
    stratified: bool = True,
) -> Roles:
    """Assign the four roles for one group that is left out.

    All images of the group are tested. All others keep role fit, select or calibrate, if they have it in the
    dataset's own roles. Those that are tested there have no role, so that the two trainings differ by the
    group alone. Images that share a patient or an image file with the group have no role, either.

    Args:
        samples: the samples, in any order.
        shares: for each official split, the share of each role.
        fold: the fold of the group.
        stratified: whether the shares hold within each stratum.

    Raises:
        WsbenchError: a role would be empty, or all images that are left to train on have the same labels.
    """
    own = assign_roles(samples, shares, stratified=stratified)
    tested = {sample.name for sample in samples if sample.attributes.get(fold.attribute) == fold.value}
    ordered = sorted(samples, key=lambda sample: sample.name)
    touching = {
        sample.name for group in groups(ordered) if _touches(group, tested) for sample in group
    } - tested
    members: dict[Role, tuple[str, ...]] = {
        role: tuple(name for name in own.members[role] if name not in tested | touching) for role in ROLES
    }
    members["test"] = tuple(sorted(tested))
    if empty := [role for role in ROLES if not members[role]]:
        raise WsbenchError(
            f"{fold.words}: no image is left for role {', '.join(empty)}; leave out another group"
        )
    _require_labels(samples, members["fit"], fold)
    reason = f"the same image or patient is in {fold.attribute} '{fold.value}'"
    left_out = {name: why for name, why in own.left_out.items() if name not in tested | touching}
    return Roles(members, {**left_out, **dict.fromkeys(sorted(touching), reason)})


def _touches(group: Sequence[Sample], tested: set[str]) -> bool:
    return any(sample.name in tested for sample in group)


def _require_labels(samples: Sequence[Sample], trained: Sequence[str], fold: Fold) -> None:
    names = set(trained)
    labels = [sample.labels for sample in samples if sample.name in names]
    if len({frozenset(of_image) for of_image in labels}) < 2:
        same = ", ".join(labels[0]) or "no finding"
        raise WsbenchError(
            f"{fold.words}: every image that is left to train on has {same}; leave out another group"
        )


def warnings_of(samples: Sequence[Sample], classes: Sequence[str], fold: Fold) -> Iterator[str]:
    """Say what a user should know of a group that is left out: labels that it lacks, and images that are in
    no group.

    Args:
        samples: the images of the dataset.
        classes: the classes of the dataset.
        fold: the fold of the group.
    """
    tested = [sample for sample in samples if sample.attributes.get(fold.attribute) == fold.value]
    counts = Counter(label for sample in tested for label in sample.labels)
    if words := one_label_words(len(tested), {label: counts[label] for label in classes}):
        yield f"{fold.words}: {words}, so these have no AUC there"
    if unnamed := sum(not sample.attributes.get(fold.attribute) for sample in samples):
        yield f"{unnamed} of {len(samples)} images have no {fold.attribute}: trained on, and never tested"
