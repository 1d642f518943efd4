"""The two classes that plugins derive from, and what the harness hands them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsbench.utils.hashing import seed_from

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from wsbench.contract.problems import Problem
    from wsbench.data.views import BoxedView, ImageView, WeakView
    from wsbench.types import Prediction, Sample, ScoredBox
    from wsbench.utils.progress import Progress


@dataclass(frozen=True)
class RunContext:
    """What a method is given besides its views.

    Attributes:
        dataset, method: their names.
        seed: the base seed the user chose; draw seeds with `seed_for`, never from this number alone.
        folder: the method's own folder; what `Method.fit` writes here survives a kill. When that has ended,
            the harness keeps a hash of every file: one that changes later has the method trained again.
        device: a torch device string.
        boxed: the calibrate role with its boxes, if the spec declares `BoxSupervision.FIT`, else None.
        upstream: the fitted methods that the spec's ``requires`` asked for, by the name it gave them.
        paper_score: for a spec with a ``paper_objective``, else None: given ``predict(images)`` of some
            weights, the mean of their macro AUC on select and of that objective on the boxes of calibrate.
            Only what `Method.restore_paper` loads may be chosen by it; no box comes with it.
        progress: where long work is shown.
        epoch_ended: called as ``epoch_ended(epoch, metrics)`` after each epoch; reaches the trackers.
    """

    dataset: str
    method: str
    seed: int
    folder: Path
    device: str
    progress: Progress
    boxed: BoxedView | None = None
    upstream: Mapping[str, Method] = field(default_factory=dict)
    paper_score: Callable[[Callable[[ImageView], Prediction]], float] | None = None
    epoch_ended: Callable[[int, Mapping[str, float]], None] = lambda epoch, metrics: None

    def seed_for(self, part: str) -> int:
        """The seed of one part of this run ("order", "augmentation" ...), hashed from names."""
        return seed_from(self.seed, self.dataset, self.method, part)


class Method(ABC):
    """One method, built from its settings. Derive from it, write `predict`, and `fit` if it learns.

    Args:
        settings: an instance of the spec's settings model.
        classes: the dataset's classes, in the order of every score column.
    """

    paper_operating_point: float = 0.5
    """The score from which protocol ``paper`` counts a class as predicted."""

    def __init__(self, settings: Any, classes: Sequence[str]) -> None:
        self.settings = settings
        self.classes = tuple(classes)

    def try_out(self) -> None:  # noqa: B027
        """Raise WsbenchError where the settings cannot work, found by a pass of the untrained network, say.
        Called where `fit` has work to do, before an image is read or another method trained for this one."""

    def fit(self, fit: WeakView, select: WeakView, run: RunContext) -> None:  # noqa: B027
        """Learn from image labels and leave in ``run.folder`` all that `restore` needs.

        Killed and called again, it goes on from what it left there.

        Args:
            fit: the images and labels to learn from.
            select: held-out images and labels, to choose an epoch by.
            run: folder, seed, device and progress.
        """

    def restore(self, run: RunContext) -> None:  # noqa: B027
        """Load what `fit` left in ``run.folder``. Called before `predict`, also right after `fit`, so that
        a resumed run cannot differ from an uninterrupted one."""

    def restore_paper(self, run: RunContext) -> bool:
        """Load what protocol ``paper`` predicts with instead, where the paper chooses it by boxes of the
        calibrate role (`RunContext.paper_score`). False: there is nothing else, and nothing was loaded."""
        return False

    @abstractmethod
    def predict(self, images: ImageView) -> Prediction:
        """Scores, and heatmaps or boxes, of a batch of images (a few hundred at most)."""

    def paper_boxes(
        self, images: ImageView, prediction: Prediction, boxed: BoxedView | None
    ) -> Sequence[Sequence[ScoredBox]] | None:
        """The method's own boxes for protocol ``paper``: by default those of its prediction. None if it
        publishes no rule of its own.

        It is a function of the stored prediction: called without `restore`.

        Args:
            images: the N images.
            prediction: of the same images, as stored (heatmaps in float16).
            boxed: the calibrate role with its boxes, if the spec declares box supervision, else None.
        """
        return prediction.boxes

    def inner_maps(self, images: ImageView) -> Mapping[str, np.ndarray]:
        """What lies behind the heatmaps, for pictures: by name, ``(N, C, h, w)`` in [0, 1] over the whole
        image. Called after `restore`."""
        return {}

    def networks(self) -> Mapping[str, nn.Module]:
        """The torch networks that `predict` computes with, by name: the modules themselves, which the harness
        counts, measures and, for `wsbench sanity`, randomises in place. Called after `restore`; by default
        there are none."""
        return {}

    def trained_on(self) -> Sequence[str]:
        """The releases that the weights were trained on before this run, such as ``ChestX-ray14``, for the
        record; ``unknown`` among them where nobody knows. Empty for weights that this run made alone. Called
        after `restore`."""
        return ()

    def facts(self) -> Mapping[str, Any]:
        """What else the record should say of the fitted method, as JSON values."""
        return {}


@dataclass(frozen=True)
class Source:
    """Where a dataset is loaded from.

    Attributes:
        root: its folder; None for a dataset that is computed.
        cache: a folder of this machine where what is costly to find out may be kept.
        progress: where long work is shown.
    """

    root: Path | None
    cache: Path
    progress: Progress


class Dataset(ABC):
    """A loaded dataset: its classes, its samples, and how to get their pixels.

    Attributes:
        classes: in the order of every score column.
        samples: those whose files are sound; any order, the harness sorts them by name.
        problems: what is wrong with the others, and what tables say twice and differently
            (`wsbench.one_value_each`). What cannot be true of samples the harness finds itself.
        boxes_complete: False if boxes were drawn on some images only. Then a class that is present without a
            box is not known to be elsewhere, and no box predicted there counts for or against a method.
        read_holds_lock: True if `read` is Python work that threads cannot share; it is then called in
            other processes, so the object must pickle and its class must be importable by name.
    """

    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    problems: tuple[Problem, ...] = ()
    boxes_complete: bool = True
    read_holds_lock: bool = False

    @abstractmethod
    def read(self, sample: Sample, height: int, width: int) -> np.ndarray:
        """The whole image as ``(height, width)`` uint8 grey levels, 0 black.

        Raises:
            WsbenchError: the file cannot be read; the message names it.
        """

    def organ_masks(self, sample: Sample, size: int) -> Mapping[str, np.ndarray] | None:
        """``(size, size)`` bool masks of `wsbench.images.ORGANS`, or of some of them, over the whole
        image, by name; None where the dataset knows none."""
        return None
