"""A dataset without pixels and a method that makes maps up, as large as asked: `scale.py` measures them."""

from __future__ import annotations

import numpy as np
from pydantic import Field

import wsbench

CLASSES = tuple(f"finding {letter}" for letter in "abcdefghijklmn")
SIZE = 1024


class Size(wsbench.Settings):
    """How much there is."""

    trained: int = Field(86_524, ge=10, description="images of the split that is trained on")
    tested: int = Field(25_596, ge=10, description="images of the tested splits")
    boxed: int = Field(880, ge=2, description="tested images that have boxes")
    trained_patients: int = Field(28_008, ge=10, description="patients of the split that is trained on")
    tested_patients: int = Field(2_797, ge=10, description="patients of the tested splits")
    classes: int = Field(14, ge=1, le=len(CLASSES), description="findings")


class Large(wsbench.Dataset):
    """Findings at random, with a box or two on some tested images; no image can be read."""

    boxes_complete = False

    def __init__(self, size: Size) -> None:
        self.classes = CLASSES[: size.classes]
        generator = np.random.default_rng(0)
        total = size.trained + size.tested
        labels = generator.random((total, size.classes)) < 0.05
        of_split = [size.tested_patients] * size.tested + [size.trained_patients] * size.trained
        patients = generator.integers(of_split)
        corners = generator.integers(0, SIZE // 2, (total, 2))
        sides = generator.integers(60, SIZE // 2, (total, 2))
        samples = []
        for row in range(total):
            boxed = row < size.boxed
            names = [name for name, there in zip(self.classes, labels[row], strict=True) if there]
            if boxed and not names:
                names = [self.classes[row % size.classes]]
            (x, y), (width, height) = corners[row].tolist(), sides[row].tolist()
            boxes = [wsbench.Box(names[0], x, y, x + width, y + height)] if boxed else []
            tested = row < size.tested
            samples.append(
                wsbench.Sample(
                    name=f"{row:08d}",
                    split="tested" if tested else "trained",
                    width=SIZE,
                    height=SIZE,
                    labels=tuple(names),
                    boxes=tuple(boxes),
                    # Nobody is trained on and tested, as in the official lists of NIH.
                    patient=f"{'t' if tested else 'f'}{patients[row]}",
                    content=f"{row:016x}",
                )
            )
        self.samples = tuple(samples)

    def read(self, sample: wsbench.Sample, height: int, width: int) -> np.ndarray:
        """A grey image: no pixel is looked at."""
        return np.full((height, width), 128, dtype=np.uint8)


class Maps(wsbench.Settings):
    """What is made up."""

    cells: int = Field(16, ge=2, description="side of a heatmap")
    boxes: int = Field(0, ge=0, description="boxes of an image and class in place of heatmaps")


class MadeUp(wsbench.Method):
    """Smooth maps and class scores by a hash of the image's name."""

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        scores, maps, boxes = [], [], []
        for name in images.names:
            generator = np.random.default_rng(wsbench.seed_from("scale", name))
            scores.append(generator.random(len(self.classes)))
            if self.settings.boxes:
                boxes.append(self._boxes(generator))
            else:
                maps.append(self._maps(generator))
        if boxes:
            return wsbench.Prediction(np.array(scores), boxes=boxes)
        return wsbench.Prediction(np.array(scores), np.array(maps, dtype=np.float32))

    def _maps(self, generator: np.random.Generator) -> np.ndarray:
        """``(C, cells, cells)``: two hills a class."""
        axis = np.arange(self.settings.cells)
        centres = generator.uniform(0, self.settings.cells, (len(self.classes), 2, 2, 1))
        hills = np.exp(-((axis - centres) ** 2) / (self.settings.cells / 4) ** 2)
        maps = np.einsum("chx,chy->cyx", hills[:, :, 0], hills[:, :, 1])
        return maps / maps.max(axis=(1, 2), keepdims=True)

    def _boxes(self, generator: np.random.Generator) -> list[wsbench.ScoredBox]:
        corners = generator.uniform(0, SIZE * 0.6, (len(self.classes), self.settings.boxes, 2))
        sides = generator.uniform(50, SIZE * 0.4, corners.shape)
        scores = generator.random(corners.shape[:2])
        return [
            wsbench.ScoredBox(name, x, y, x + width, y + height, score)
            for label, name in enumerate(self.classes)
            for (x, y), (width, height), score in zip(
                corners[label].tolist(), sides[label].tolist(), scores[label].tolist(), strict=True
            )
        ]


def load(size: Size, source: wsbench.Source) -> Large:
    """The dataset; ``source`` is not read."""
    return Large(size)


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    """The dataset."""
    return [wsbench.DatasetSpec("scale", "as large as asked, without pixels", Size, load, computed=True)]


@wsbench.hookimpl
def wsbench_methods() -> list[wsbench.MethodSpec]:
    """The method."""
    return [wsbench.MethodSpec("made_up", "maps by a hash of names", Maps, MadeUp, deterministic=True)]
