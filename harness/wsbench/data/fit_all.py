"""Trains on all images of the splits that are trained on: nothing is held out of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from wsbench.data.splits import Roles
from wsbench.errors import WsbenchError
from wsbench.types import Role

OPTION = "fit"
"""The dataset option that says which images role fit has."""

ALL = "all"
"""Its only value."""

HELD_OUT: tuple[Role, ...] = ("select", "calibrate")
"""The roles that are cut from what could be trained on."""

WARNING = (
    "fit=all: select and calibrate are trained on, too, so training is stopped, and operating points and box "
    "rules are chosen, on images that are known"
)


def with_all_in_fit(roles: Roles, trained: Collection[str] | None = None) -> Roles:
    """Add the images of select and calibrate to role fit. They keep their roles.

    Images that are also tested are not added.

    Args:
        roles: the roles of the dataset.
        trained: the names of the images of official splits that are trained on, which alone are added; None
            where official splits do not matter.

    Raises:
        WsbenchError: there is no such image.
    """
    held_out = {name for role in HELD_OUT for name in roles.members[role]}
    added = held_out - set(roles.members["test"])
    if trained is not None:
        added &= set(trained)
    if not added:
        raise WsbenchError("fit=all: nothing is held out of the splits that are trained on; leave it out")
    fit = tuple(sorted({*roles.members["fit"], *added}))
    return replace(roles, members={**roles.members, "fit": fit})
