"""Fits the answers of a file to a dataset: the boxes of every image and prompt, joined and one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wsbench.data.dataset import Loaded
from wsbench.data.image_names import ImageNames
from wsbench.errors import WsbenchError, suggestion
from wsbench.geometry.box_units import frame_doubt
from wsbench.predictions.answers import FileRow, read_rows
from wsbench.predictions.box_formats import BoxFormat
from wsbench.predictions.box_reading import FileBoxes, doubt_words, pixels_of
from wsbench.predictions.file_checks import require, scores_in_unit
from wsbench.predictions.prompts import JOINS, PromptMap
from wsbench.predictions.store import SCORED_ROLES
from wsbench.types import Prediction, Role, ScoredBox

STEP = 1 / 1024
"""How much less a box without a score counts than the one before it in its answer. Single precision holds
every multiple exactly."""

LOWEST = 0.5
"""The lowest score of a box without a score. Without a calibrate role, lower boxes would be left out."""


@dataclass(frozen=True)
class PromptPredictions:
    """Predictions of several prompts.

    Attributes:
        parts: by role, the predictions of all prompts joined.
        alone: for each of the sets of `PromptMap.sets`, the predictions of its prompts alone, by role.
        facts: what the record says of the file, as JSON values.
        doubt: why the boxes seem not to have the stated format; empty where nothing is suspicious.
    """

    parts: Mapping[Role, Prediction]
    alone: Sequence[Mapping[Role, Prediction]]
    facts: Mapping[str, Any]
    doubt: str = ""


def read_answers(path: Path, loaded: Loaded, form: BoxFormat, prompts: PromptMap) -> PromptPredictions:
    """Read a file of answers.

    Args:
        path: a file as `read_rows` takes it.
        loaded: the dataset. Every test image needs an answer to every prompt. Other roles are predicted where
            all their images have them.
        form: the format of the boxes.
        prompts: the prompts of every class.

    Raises:
        WsbenchError: the file does not fit the dataset, the format or the prompts.
    """
    return _Answers(path, loaded, form, prompts).predictions()


class _Answers:
    """The answers of a file, by prompt and image."""

    def __init__(self, path: Path, loaded: Loaded, form: BoxFormat, prompts: PromptMap) -> None:
        self._path, self._loaded, self._form, self._prompts = path, loaded, form, prompts
        self._class_of = {prompt: name for name, texts in prompts.of_class.items() for prompt in texts}
        rows = read_rows(path)
        prompts.require(path, [row.prompt for row in rows])
        self._rows = self._of_images(rows)
        self._check_answers()
        self._boxes, self._doubt = self._read_boxes()

    def _of_images(self, rows: Sequence[FileRow]) -> dict[tuple[str, str], list[FileRow]]:
        """Group rows by prompt and image. Images that were left out of the dataset as bad are passed over."""
        known = {sample.name for sample in self._loaded.samples}
        names = ImageNames([*known, *self._loaded.left_out])
        result: dict[tuple[str, str], list[FileRow]] = defaultdict(list)
        for row in rows:
            name = names.full(row.image)
            if name not in known and name not in self._loaded.left_out:
                raise WsbenchError(
                    f"{self._path}, line {row.line}: image '{row.image}' is not in "
                    f"{self._loaded.spec.name}; {suggestion(row.image, known)}"
                )
            if name in known:
                result[row.prompt, name].append(row)
        return dict(result)

    def _check_answers(self) -> None:
        """Raise WsbenchError if an answer both has boxes and has none, or if no answer was understood."""
        for of_answer in self._rows.values():
            for row in of_answer:
                if row.numbers is None and row.parsed and len(of_answer) > 1:
                    raise WsbenchError(
                        f"{self._path}, line {row.line}: says that {row.image} has no box for "
                        f"'{row.prompt}', and another line has an answer; write one of them"
                    )
        if not any(row.parsed for of_answer in self._rows.values() for row in of_answer):
            raise WsbenchError(f"{self._path}: no answer could be parsed; write 'box' as four numbers")

    def _read_boxes(self) -> tuple[dict[tuple[str, str], list[ScoredBox]], str]:
        """Return the boxes of each answer in pixels, and the doubt about their format."""
        keyed = [(key, row) for key, rows in self._rows.items() for row in rows if row.numbers is not None]
        self.has_scores = self._check_scores([row for _, row in keyed])
        size_of = {sample.name: (sample.width, sample.height) for sample in self._loaded.samples}
        sizes = np.array([size_of[name] for (_, name), _ in keyed], dtype=np.float64).reshape(-1, 2)
        numbers = np.array([row.numbers for _, row in keyed], dtype=np.float64).reshape(-1, 4)
        stated = self._stated([row for _, row in keyed]) if self._form.needs_sizes else None
        boxes = FileBoxes([name for (_, name), _ in keyed], numbers, sizes, stated)
        corners = pixels_of(self._path, boxes, self._form)
        result: dict[tuple[str, str], list[ScoredBox]] = {key: [] for key in self._rows}
        for (key, row), (x0, y0, x1, y1) in zip(keyed, corners.tolist(), strict=True):
            if x1 > x0 and y1 > y0:
                by_order = max(1 - len(result[key]) * STEP, LOWEST)
                score = by_order if row.score is None else row.score
                result[key].append(ScoredBox(self._class_of[key[0]], x0, y0, x1, y1, score))
        return result, doubt_words(self._form) if frame_doubt(corners, sizes) else ""

    def _check_scores(self, rows: Sequence[FileRow]) -> bool:
        """Return whether boxes have scores; raise WsbenchError if only some do, or if they leave [0, 1]."""
        unscored = [row for row in rows if row.score is None]
        if unscored and len(unscored) < len(rows):
            raise WsbenchError(
                f"{self._path}, line {unscored[0].line}: has no score, and other boxes have one; give every "
                "box a score, or none"
            )
        for row in rows if not unscored else ():
            scores_in_unit(self._path, [row.score], f"the score on line {row.line}")
        return bool(rows) and not unscored

    def _stated(self, rows: Sequence[FileRow]) -> np.ndarray:
        """Return the ``(n, 2)`` sizes that rows say."""
        for row in rows:
            if row.size is None:
                raise WsbenchError(
                    f"{self._path}, line {row.line}: {self._form} needs the width and height of the image "
                    "that the model saw; add them"
                )
        return np.array([row.size for row in rows], dtype=np.float64).reshape(-1, 2)

    def predictions(self) -> PromptPredictions:
        members = self._loaded.roles.members
        for prompt in self._class_of:
            missing = [name for name in members["test"] if (prompt, name) not in self._rows]
            require(self._path, missing, "test", f"answer to '{prompt}'")
        roles = [role for role in SCORED_ROLES if self._is_complete(members[role])]
        joined = {name: list(texts) for name, texts in self._prompts.of_class.items()}
        alone = [{name: [prompt] for name, prompt in texts.items()} for texts in self._prompts.sets]
        return PromptPredictions(
            {role: self._part(members[role], joined) for role in roles},
            [{role: self._part(members[role], texts) for role in roles} for texts in alone],
            {"answers": self._counts(), "scored_boxes": self.has_scores, "roles": list(roles)},
            self._doubt,
        )

    def _is_complete(self, names: Sequence[str]) -> bool:
        return all((prompt, name) in self._rows for prompt in self._class_of for name in names)

    def _part(self, names: Sequence[str], texts: Mapping[str, Sequence[str]]) -> Prediction:
        """Join the boxes of some prompts of every class. A class's score is the mean over its prompts of the
        best box's score, which is 0 without a box."""
        join = JOINS[self._prompts.join]
        scores, boxes = np.zeros((len(names), len(texts))), []
        for row, name in enumerate(names):
            of_image: list[ScoredBox] = []
            for column, prompts in enumerate(texts.values()):
                of_prompts = [self._boxes[prompt, name] for prompt in prompts]
                best = [max((box.score for box in of_prompt), default=0.0) for of_prompt in of_prompts]
                scores[row, column] = sum(best) / len(best)
                of_image += join(of_prompts)
            boxes.append(of_image)
        return Prediction(scores, boxes=boxes)

    def _counts(self) -> dict[str, int]:
        """Count the answers: with a box, without one, and not understood."""
        answers = list(self._rows.values())
        boxes = [any(row.numbers is not None for row in rows) for rows in answers]
        unparsed = [any(not row.parsed for row in rows) for rows in answers]
        return {
            "total": len(answers),
            "with_boxes": sum(boxes),
            "without_boxes": sum(not a and not b for a, b in zip(boxes, unparsed, strict=True)),
            "unparsed": sum(b and not a for a, b in zip(boxes, unparsed, strict=True)),
            "partly_parsed": sum(a and b for a, b in zip(boxes, unparsed, strict=True)),
        }
