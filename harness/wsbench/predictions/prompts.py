"""Which prompts ask for which class, and how the predictions of a class's prompts are joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wsbench.errors import WsbenchError, choose, suggestion
from wsbench.files.documents import read_bytes, yaml_value
from wsbench.geometry.iou import pairwise_iou
from wsbench.settings import parse_options
from wsbench.types import ScoredBox

FUSED_IOU = 0.55
"""Boxes of different prompts are joined if they overlap by more than this. It is the threshold of weighted
boxes fusion (Solovyev, Wang and Gabruseva 2021, section 3)."""


@dataclass(frozen=True)
class PromptMap:
    """The prompts of every class.

    Attributes:
        of_class: the prompts of each class, in the user's order.
        join: how the boxes of a class's prompts are joined, one of `JOINS`.
    """

    of_class: Mapping[str, tuple[str, ...]]
    join: str

    @classmethod
    def of(cls, values: Mapping[str, Any] | None, classes: Sequence[str], join: str) -> PromptMap:
        """Check prompts against the classes of a dataset.

        Args:
            values: a prompt or a list of prompts by class. None takes the classes' names as their prompts.
            classes: the classes of the dataset.
            join: one of `JOINS`.

        Raises:
            WsbenchError: a class is unknown or has no prompt, or a prompt is of two classes.
        """
        choose(join, JOINS, "way to join prompts")
        of_class: dict[str, tuple[str, ...]] = {}
        class_of: dict[str, str] = {}
        given = {name: name for name in classes} if values is None else values
        for name, prompts in given.items():
            choose(str(name), dict.fromkeys(classes), "class of --prompts")
            listed = [prompts] if isinstance(prompts, str) else prompts
            if not isinstance(listed, list | tuple) or not listed or not all(map(_is_text, listed)):
                raise WsbenchError(f"--prompts: class {name} needs a text or a list of texts")
            for prompt in listed:
                if prompt in class_of:
                    raise WsbenchError(f"--prompts: '{prompt}' stands twice; give every prompt once")
                class_of[prompt] = str(name)
            of_class[str(name)] = tuple(listed)
        if missing := [name for name in classes if name not in of_class]:
            raise WsbenchError(f"--prompts: class {missing[0]} has no prompt; give it one")
        return cls({name: of_class[name] for name in classes}, join)

    @property
    def all_prompts(self) -> list[str]:
        """The prompts of all classes, class by class."""
        return [prompt for prompts in self.of_class.values() for prompt in prompts]

    @property
    def sets(self) -> list[dict[str, str]]:
        """Sets of one prompt of every class: the first prompts, the second ones, and so on.

        A class with fewer prompts repeats them in their order.
        """
        count = max(len(prompts) for prompts in self.of_class.values())
        return [
            {name: prompts[number % len(prompts)] for name, prompts in self.of_class.items()}
            for number in range(count)
        ]

    def require(self, path: Path, prompts: Iterable[str]) -> None:
        """Raise WsbenchError unless the prompts of a file are those of the classes."""
        known, found = self.all_prompts, list(dict.fromkeys(prompts))
        for prompt in found:
            if prompt not in known:
                raise WsbenchError(
                    f"{path}: prompt '{prompt}' is of no class; name it with --prompts "
                    f"CLASS=[PROMPT, ...]; {suggestion(prompt, known)}"
                )
        if missing := [prompt for prompt in known if prompt not in found]:
            raise WsbenchError(f"{path}: has nothing for the prompt '{missing[0]}'; take it out of --prompts")


def read_prompts(words: Sequence[str]) -> dict[str, Any] | None:
    """Read the option ``--prompts``.

    Args:
        words: YAML files with prompts by class, and words of the form ``class=prompt`` or
            ``class=[prompt, prompt]``.

    Returns:
        Prompts by class; None without any word.

    Raises:
        WsbenchError: a file or a word has another form, or two of them name the same class.
    """
    values: dict[str, Any] = {}
    for word in words:
        if Path(word).suffix in (".yaml", ".yml") and "=" not in word:
            added = yaml_value(read_bytes(Path(word)), word)
            if not isinstance(added, dict):
                raise WsbenchError(
                    f"{word}: must hold prompts by class, such as 'tb: [tuberculosis, cavity]'"
                )
        else:
            added = parse_options([word])
        if twice := [name for name in added if name in values]:
            raise WsbenchError(f"--prompts: class {twice[0]} is given twice; give all its prompts at once")
        values.update(added)
    return values if words else None


def fuse(boxes_of_prompts: Sequence[Sequence[ScoredBox]]) -> list[ScoredBox]:
    """Join the boxes of one class and image by weighted boxes fusion.

    Boxes are taken from the highest score to the lowest. A box joins the fused box that it overlaps most, if
    by more than `FUSED_IOU`; otherwise, it begins a new one. A prompt gives at most one box to each, so the
    boxes of a single prompt stay as they are. A fused box has the mean of the corners, weighted by score, and
    the mean of the scores, where a prompt without a box in it counts as 0.

    Args:
        boxes_of_prompts: the boxes of each prompt.
    """
    entries = [(box, number) for number, boxes in enumerate(boxes_of_prompts) for box in boxes]
    clusters: list[dict[int, ScoredBox]] = []
    fused: list[ScoredBox] = []
    for box, number in sorted(entries, key=lambda entry: -entry[0].score):
        overlaps = pairwise_iou(_corners([box]), _corners(fused))[0] if fused else np.zeros(0)
        free = np.array([number not in cluster for cluster in clusters], dtype=bool)
        candidates = np.where(free, overlaps, 0.0)
        best = int(candidates.argmax()) if len(candidates) else -1
        if best < 0 or candidates[best] <= FUSED_IOU:
            clusters.append({number: box})
            fused.append(box)
        else:
            clusters[best][number] = box
            fused[best] = _mean(list(clusters[best].values()))
    share = [sum(box.score for box in cluster.values()) / len(boxes_of_prompts) for cluster in clusters]
    return [
        ScoredBox(box.label, box.x0, box.y0, box.x1, box.y1, score)
        for box, score in zip(fused, share, strict=True)
    ]


def keep(boxes_of_prompts: Sequence[Sequence[ScoredBox]]) -> list[ScoredBox]:
    """Keep all boxes of all prompts with their own scores.

    Args:
        boxes_of_prompts: the boxes of each prompt.
    """
    return [box for boxes in boxes_of_prompts for box in boxes]


JOINS = {"fuse": fuse, "keep": keep}
"""How the boxes of a class's prompts are joined. Heatmaps and class scores are joined by their mean."""


def _mean(boxes: Sequence[ScoredBox]) -> ScoredBox:
    """Return the mean box, weighted by score, with the first box's label and score."""
    if len(boxes) == 1:
        return boxes[0]
    weights = np.array([box.score for box in boxes])
    if weights.sum() == 0:
        weights = np.ones(len(boxes))
    x0, y0, x1, y1 = (weights @ _corners(boxes) / weights.sum()).tolist()
    return ScoredBox(boxes[0].label, x0, y0, x1, y1, boxes[0].score)


def _corners(boxes: Sequence[ScoredBox]) -> np.ndarray:
    return np.array([(box.x0, box.y0, box.x1, box.y1) for box in boxes]).reshape(-1, 4)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
