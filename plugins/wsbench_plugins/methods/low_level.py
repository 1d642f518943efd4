"""A classifier that sees no pathology: it knows a thumbnail and five statistics of the grey levels.

Where this row's AUC is high, the classes differ in brightness, crop or device, and a network may have learnt
that. It points at nothing: it has no boxes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

import wsbench

if TYPE_CHECKING:
    import numpy as np

FILE = "features.npz"


class LowLevelSettings(wsbench.Settings):
    """Settings of `low_level`."""

    model: Literal["logistic", "trees"] = Field(
        "logistic", description="logistic regression, or gradient-boosted trees"
    )
    side: int = Field(16, ge=1, description="side of the thumbnail, in pixels")
    read_size: int = Field(128, ge=16, description="side at which images are read, for the statistics")
    strength: float = Field(0.01, gt=0, description="C of logistic regression: the inverse of its penalty")


class LowLevel(wsbench.Method):
    """A classifier of a few hundred numbers an image, one for every class."""

    settings: LowLevelSettings

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        import numpy as np

        unfinished = run.folder / f"part-{FILE}"
        np.savez(unfinished, features=self._features(fit), labels=fit.labels)
        unfinished.replace(run.folder / FILE)

    def restore(self, run: wsbench.RunContext) -> None:
        # What was learnt from is kept, not what was learnt: scikit-learn's models are saved as pickles alone.
        import numpy as np

        with np.load(run.folder / FILE, allow_pickle=False) as archive:
            features, labels = archive["features"], archive["labels"]
        self.models = [self._learnt(features, column) for column in labels.T]

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        import numpy as np

        features = self._features(images)
        scores = [
            model if isinstance(model, float) else model.predict_proba(features)[:, 1]
            for model in self.models
        ]
        columns = [np.broadcast_to(score, len(images)) for score in scores]
        return wsbench.Prediction(np.stack(columns, axis=1), boxes=[[] for _ in images.names])

    def _learnt(self, features: np.ndarray, present: np.ndarray) -> Any:
        """A fitted model, or the score of all images where the class has one label."""
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if present.min() == present.max():
            return float(present[0])
        if self.settings.model == "trees":
            # Stopping early would hold out images at random, on data sets of more than 10,000 alone.
            trees = HistGradientBoostingClassifier(random_state=0, early_stopping=False)
            return trees.fit(features, present)
        regression = LogisticRegression(C=self.settings.strength, max_iter=1000)
        return make_pipeline(StandardScaler(), regression).fit(features, present)

    def _features(self, images: wsbench.ImageView) -> np.ndarray:
        import numpy as np

        side = self.settings.read_size
        return np.concatenate(
            [features(chunk.pixels(side, side)[:], self.settings.side) for chunk in images.chunks(128)]
        )


def features(grey: np.ndarray, side: int) -> np.ndarray:
    """A thumbnail, and mean, standard deviation, minimum, median and maximum of the grey levels.

    Args:
        grey: ``(N, h, w)`` uint8.
        side: of the thumbnail.

    Returns:
        ``(N, side**2 + 5)`` float32, in [0, 1].
    """
    import cv2
    import numpy as np

    values = grey.astype(np.float32) / 255
    thumbnails = [cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA).ravel() for image in values]
    flat = values.reshape(len(values), -1)
    statistics = [measure(flat, axis=1) for measure in (np.mean, np.std, np.min, np.median, np.max)]
    return np.column_stack([np.stack(thumbnails), *statistics]).astype(np.float32)


@wsbench.hookimpl
def wsbench_methods() -> list[wsbench.MethodSpec]:
    return [
        wsbench.MethodSpec(
            name="low_level",
            summary="thumbnail and grey-level statistics: the AUC that needs no pathology",
            settings=LowLevelSettings,
            build=LowLevel,
            reference="which sees a thumbnail of 16 x 16 grey levels and five statistics alone",
            deterministic=True,
        )
    ]
