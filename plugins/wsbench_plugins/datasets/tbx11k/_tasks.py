"""What can be asked of TBX11K's images: which of them take part, and which boxes are of which class.

``healthy_active`` and ``others_active`` are the tasks of mednet (Idiap), whose split files name them
``v1-healthy-vs-atb`` and ``v2-others-vs-atb``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import wsbench

from ._release import CATEGORIES, GROUPS, KINDS

ACTIVE, LATENT = "active", "obsolete"
"""Kinds of boxes. The paper calls latent what the JSON files call obsolete."""


@dataclass(frozen=True)
class Task:
    """A question that is asked of the images.

    Attributes:
        class_of: the class of a box by its kind. Boxes of other kinds are not used.
        groups: the groups of images that take part.
        latent_alone: whether images take part whose tuberculosis is latent alone.
        kind_matters: whether images with tuberculosis of an unknown kind are left out.
    """

    class_of: Mapping[str, str]
    groups: Sequence[str] = GROUPS
    latent_alone: bool = True
    kind_matters: bool = True

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the task."""
        return tuple(dict.fromkeys(self.class_of.values()))

    @property
    def official_classes(self) -> dict[int | str, str | None]:
        """The class of every official category by its id and by its name; None where it is not used."""
        official: dict[int | str, str | None] = {}
        for number, kind in KINDS.items():
            official[number] = official[CATEGORIES[number]] = self.class_of.get(kind)
        return official

    def uses(self, group: str, kinds: set[str], *, keeps_both: bool) -> bool:
        """Whether an image takes part.

        Args:
            group: the group of the image: tb, sick or health.
            kinds: the kinds of its boxes.
            keeps_both: whether images with active and latent boxes take part.
        """
        if group not in self.groups or ({ACTIVE, LATENT} <= kinds and not keeps_both):
            return False
        if group != "tb":
            return True
        if self.kind_matters and not kinds & {ACTIVE, LATENT}:
            return False
        return self.latent_alone or ACTIVE in kinds

    def boxes(self, boxes: Sequence[wsbench.Box]) -> tuple[wsbench.Box, ...]:
        """The boxes that are used, each with its class.

        Args:
            boxes: all boxes of an image. Their kinds say their class.
        """
        return tuple(
            wsbench.Box(self.class_of[box.kind], box.x0, box.y0, box.x1, box.y1, box.kind)
            for box in boxes
            if box.kind in self.class_of
        )

    def labels(self, group: str, boxes: Sequence[wsbench.Box]) -> tuple[str, ...]:
        """The classes of an image.

        Args:
            group: the group of the image.
            boxes: the boxes that are used.
        """
        if group != "tb":
            return ()
        if not self.kind_matters:
            return self.classes
        present = {box.label for box in boxes}
        return tuple(name for name in self.classes if name in present)


TASKS: Mapping[str, Task] = {
    "tb": Task(dict.fromkeys(KINDS.values(), "tb"), kind_matters=False),
    "active_latent": Task({ACTIVE: "active", LATENT: "latent"}),
    "healthy_active": Task({ACTIVE: "active"}, groups=("tb", "health"), latent_alone=False),
    "others_active": Task({ACTIVE: "active"}),
}
"""Tasks by the words of the setting ``task``."""
