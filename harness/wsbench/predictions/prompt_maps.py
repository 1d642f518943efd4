"""Reads heatmaps of several prompts from an npz file and joins those of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from wsbench.data.dataset import Loaded
from wsbench.predictions.answer_boxes import PromptPredictions
from wsbench.predictions.npz import HeatmapArrays
from wsbench.predictions.prompts import PromptMap
from wsbench.types import Prediction


class PromptMaps(HeatmapArrays):
    """The scores and heatmaps of a file whose array ``classes`` names prompts."""

    def __init__(self, path: Path, loaded: Loaded, prompts: PromptMap) -> None:
        self._prompts = prompts
        super().__init__(path, loaded)

    def _classes(self) -> list[int]:
        """Return the column of each prompt of the map."""
        column_of = self._rows_of(self._file.classes, "prompt")
        self._prompts.require(self._path, column_of)
        return [column_of[prompt] for prompt in self._prompts.all_prompts]

    def predictions(self) -> PromptPredictions:
        """Return the mean scores and heatmaps of each class's prompts, and those of each prompt alone."""
        by_prompt, of_class = self.parts(), self._prompts.of_class
        joined = {role: self._mean(part, of_class) for role, part in by_prompt.items()}
        alone = [
            {
                role: self._mean(part, {name: [prompt] for name, prompt in texts.items()})
                for role, part in by_prompt.items()
            }
            for texts in self._prompts.sets
        ]
        return PromptPredictions(joined, alone, {})

    def _mean(self, part: Prediction, texts: Mapping[str, Sequence[str]]) -> Prediction:
        """Average the columns of some prompts of every class."""
        order = self._prompts.all_prompts
        columns = [[order.index(prompt) for prompt in prompts] for prompts in texts.values()]

        def averaged(values: np.ndarray) -> np.ndarray:
            means = [values[:, of_class].mean(axis=1, dtype=np.float64) for of_class in columns]
            # Rounding may lift a mean of ones above 1.
            clipped: np.ndarray = np.clip(np.stack(means, axis=1), 0.0, 1.0)
            return clipped

        maps = part.heatmaps
        joined_maps = None if maps is None else averaged(np.asarray(maps)).astype(np.float32)
        return replace(part, scores=averaged(part.scores), heatmaps=joined_maps)
