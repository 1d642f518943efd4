"""Rows that never look at the image: what a localisation score is worth before anything was learnt.

Their class score is the prevalence of the class among the fit images. An image-blind row ranks by its
boxes alone; whatever a heatmap adds must show above it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

import wsbench

if TYPE_CHECKING:
    import numpy as np

Fractions = tuple[float, float, float, float]
"""A box as fractions of the image: x0, y0, x1, y1."""

UPPER_LUNGS: tuple[Fractions, Fractions] = ((0.17, 0.13, 0.45, 0.47), (0.55, 0.13, 0.83, 0.47))
"""Placed by hand over the upper half of both lungs of an upright chest film; no annotation was used."""

FILE = "prior.json"


class NoSettings(wsbench.Settings):
    """Nothing to choose."""


class CentreSettings(wsbench.Settings):
    """Settings of `centre_box`."""

    width: float = Field(
        0.25, gt=0, description="standard deviation of the Gaussian, as a share of the image's side"
    )
    cells: int = Field(64, ge=8, description="side of the heatmap")


class RandomSettings(wsbench.Settings):
    """Settings of `random_map`."""

    grid: int = Field(8, ge=2, description="side of the grid of random numbers")
    cells: int = Field(
        64, ge=8, description="side of the heatmap, which is interpolated between the random numbers"
    )


class PriorSettings(wsbench.Settings):
    """Settings of `prior_boxes`."""

    boxes: Literal[1, 2, 4, 8, 16] = Field(2, description="number of fixed boxes for each class")


class ImageBlind(wsbench.Method):
    """Knows the prevalence of every class, and nothing of any image."""

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        self._keep(run, {"prevalence": fit.labels.mean(axis=0).tolist()})

    def restore(self, run: wsbench.RunContext) -> None:
        self.prior = json.loads((run.folder / FILE).read_text(encoding="utf-8"))

    def scores(self, images: wsbench.ImageView) -> np.ndarray:
        """``(N, C)``: the prevalence of each class."""
        import numpy as np

        return np.tile(self.prior["prevalence"], (len(images), 1))

    def _keep(self, run: wsbench.RunContext, prior: Mapping[str, Any]) -> None:
        (run.folder / FILE).write_text(json.dumps(prior), encoding="utf-8")


class WholeImage(ImageBlind):
    """One box: the image."""

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        return _fixed(self, images, {name: [((0.0, 0.0, 1.0, 1.0), 1.0)] for name in self.classes})


class TwoLungs(ImageBlind):
    """The same two boxes over the upper lungs for every class."""

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        return _fixed(self, images, {name: [(box, 1.0) for box in UPPER_LUNGS] for name in self.classes})


class CentreBox(ImageBlind):
    """A heatmap with one Gaussian at the image's centre; the harness makes its box."""

    settings: CentreSettings

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        import numpy as np

        cells = self.settings.cells
        distance = ((np.arange(cells) + 0.5) / cells - 0.5) / self.settings.width
        profile = np.exp(-0.5 * distance**2)
        heatmap = np.outer(profile, profile)
        shape = (len(images), len(self.classes), cells, cells)
        return wsbench.Prediction(self.scores(images), np.broadcast_to(heatmap / heatmap.max(), shape))


class RandomMap(ImageBlind):
    """A heatmap of smooth noise, a function of seed, image name and class."""

    settings: RandomSettings

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        prevalence = fit.labels.mean(axis=0).tolist()
        self._keep(run, {"prevalence": prevalence, "seed": run.seed_for("map")})

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        import numpy as np

        maps = [[self._noise(name, label) for label in self.classes] for name in images.names]
        shape = (len(images), len(self.classes), self.settings.cells, self.settings.cells)
        return wsbench.Prediction(self.scores(images), np.array(maps, dtype=np.float32).reshape(shape))

    def _noise(self, name: str, label: str) -> np.ndarray:
        import cv2
        import numpy as np

        drawn = np.random.default_rng(wsbench.seed_from(self.prior["seed"], name, label))
        grid = drawn.random((self.settings.grid, self.settings.grid), dtype=np.float32)
        noise = cv2.resize(grid, (self.settings.cells, self.settings.cells), interpolation=cv2.INTER_LINEAR)
        return (  # type: ignore[no-any-return]  # numpy: a minimum is Any
            (noise - noise.min()) / (noise.max() - noise.min())
        )


class PriorBoxes(ImageBlind):
    """The k boxes a class that best cover the calibrate role's boxes, chosen greedily."""

    settings: PriorSettings

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        import numpy as np

        assert run.boxed is not None
        fixed = {}
        for name in self.classes:
            truth = [
                np.array([box.x0, box.y0, box.x1, box.y1]) / np.tile(size, 2)
                for boxes, size in zip(run.boxed.boxes, run.boxed.sizes, strict=True)
                for box in boxes
                if box.label == name
            ]
            boxes, weights = wsbench.metrics.fixed_boxes(np.array(truth).reshape(-1, 4), self.settings.boxes)
            fixed[name] = list(zip(boxes.tolist(), weights.tolist(), strict=True))
        self._keep(run, {"prevalence": fit.labels.mean(axis=0).tolist(), "boxes": fixed})

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        return _fixed(self, images, self.prior["boxes"])


def _fixed(
    method: ImageBlind,
    images: wsbench.ImageView,
    boxes: Mapping[str, Sequence[tuple[Sequence[float], float]]],
) -> wsbench.Prediction:
    """The same boxes, in fractions and with their weight, on every image."""
    scores = method.scores(images)
    prevalence = dict(zip(method.classes, scores[0] if len(scores) else (), strict=False))

    def on(width: int, height: int) -> list[wsbench.ScoredBox]:
        return [
            wsbench.ScoredBox(
                name, x0 * width, y0 * height, x1 * width, y1 * height, float(prevalence[name] * weight)
            )
            for name in method.classes
            for (x0, y0, x1, y1), weight in boxes[name]
        ]

    return wsbench.Prediction(scores, boxes=[on(width, height) for width, height in images.sizes.tolist()])


@wsbench.hookimpl
def wsbench_methods() -> list[wsbench.MethodSpec]:
    return [
        wsbench.MethodSpec(
            "whole_image",
            "one box: the whole image",
            NoSettings,
            WholeImage,
            reads_image=False,
            deterministic=True,
        ),
        wsbench.MethodSpec(
            "two_lungs",
            "two boxes placed by hand over the upper lungs",
            NoSettings,
            TwoLungs,
            reads_image=False,
            deterministic=True,
        ),
        wsbench.MethodSpec(
            "centre_box",
            "one Gaussian at the image's centre",
            CentreSettings,
            CentreBox,
            reads_image=False,
            deterministic=True,
        ),
        wsbench.MethodSpec(
            "random_map", "smooth noise, drawn for every image", RandomSettings, RandomMap, reads_image=False
        ),
        wsbench.MethodSpec(
            "prior_boxes",
            "k fixed boxes a class, chosen on annotated boxes",
            PriorSettings,
            PriorBoxes,
            box_supervision=wsbench.BoxSupervision.FIT,
            box_use="the fixed boxes are chosen on the calibrate role",
            reads_image=False,
            deterministic=True,
        ),
    ]
