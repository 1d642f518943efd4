"""Which rule assigns the roles of a dataset: its own shares, a fold, a group left out, or a split file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wsbench.data import split_roles
from wsbench.data.catalog import Entry
from wsbench.data.fit_all import with_all_in_fit
from wsbench.data.folds import Fold, assign_fold_roles
from wsbench.data.left_out import assign_roles_without
from wsbench.data.split_files import SplitFile
from wsbench.data.splits import Roles, assign_roles
from wsbench.types import Sample


def chosen_roles(
    samples: Sequence[Sample], entry: Entry, split: SplitFile | None, fold: Fold | None, *, fits_all: bool
) -> Roles:
    """Assign the roles of a dataset.

    Args:
        samples: the samples of the dataset.
        entry: the dataset's entry in the catalogue.
        split: a user's split file; None for the dataset's own roles.
        fold: the fold, or the group left out, that is tested; None for official splits.
        fits_all: whether select and calibrate are trained on, too (`wsbench.data.fit_all`).

    Raises:
        WsbenchError: a role would be empty, or nothing is held out that ``fits_all`` could add.
    """
    roles = _assigned(samples, entry, split, fold)
    if not fits_all:
        return roles
    if fold is not None and not fold.attribute:
        return with_all_in_fit(roles)  # folds cut all official splits together
    trained = {name for name, shares in entry.roles.items() if shares.get("fit", 0) > 0}
    return with_all_in_fit(roles, {sample.name for sample in samples if sample.split in trained})


def _assigned(samples: Sequence[Sample], entry: Entry, split: SplitFile | None, fold: Fold | None) -> Roles:
    shares, stratified = entry.roles, entry.stratified
    if split is not None:
        return split_roles.roles_of(split, samples, shares, fold, stratified=stratified)
    if fold is not None and fold.attribute:
        return assign_roles_without(samples, shares, fold, stratified=stratified)
    if fold is not None:
        return assign_fold_roles(samples, shares, fold, stratified=stratified)
    roles = assign_roles(samples, shares, stratified=stratified)
    if not entry.calibrate_is_tested:
        return roles
    tested = sorted({*roles.members["test"], *roles.members["calibrate"]})
    return replace(roles, members={**roles.members, "test": tuple(tested)})
