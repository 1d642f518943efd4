"""The two classes that plugins derive from, and the objects that the harness passes to them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from wsbench.utils.hashing import seed_from

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from wsbench.contract.learning import Sign
    from wsbench.contract.problems import Problem
    from wsbench.data.views import BoxedView, ImageView, WeakView
    from wsbench.torch.losses import NetworkLoss
    from wsbench.types import Prediction, Reading, Sample, ScoredBox
    from wsbench.utils.progress import Progress


@dataclass(frozen=True)
class RunContext:
    """One run of a method: its names, seed, folder and device, and further inputs that the spec asks for.

    Attributes:
        dataset: name of the dataset.
        method: name of the method.
        seed: the base seed that the user chose. Derive seeds from it with `seed_for`; do not use it directly.
        folder: the method's own folder. Files that `Method.fit` writes here survive a kill. After `fit` has
            ended, the harness keeps a hash of every file, and a file that changes later causes a new
            training.
        device: a torch device string, such as ``cpu`` or ``cuda:0``.
        progress: shows long work in the terminal.
        boxed: the calibrate role with its boxes, if the spec declares `BoxSupervision.FIT`; else None.
        upstream: the fitted methods that the spec's ``requires`` names, by the names it gives them.
        paper_score: None unless the spec has a ``paper_objective``. Called with a function that predicts
            images with some weights, it returns the mean of their macro AUC on select and of the objective on
            the boxes of calibrate. Use it only to choose what `Method.restore_paper` loads.
        epoch_ended: call it as ``epoch_ended(epoch, metrics)`` after each epoch, to notify the trackers.
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

    def seed_for(self, purpose: str) -> int:
        """A seed for one purpose of this run.

        Args:
            purpose: any name, such as ``"order"`` or ``"augmentation"``.

        Returns:
            A 63-bit seed, hashed from the base seed, the names of dataset and method, and the purpose.
        """
        return seed_from(self.seed, self.dataset, self.method, purpose)


class Method(ABC):
    """Base class of methods. Derive from it, write `predict`, and write `fit` and `restore` if the method
    learns.

    Args:
        settings: an instance of the spec's settings model.
        classes: the dataset's C classes, in the order of the columns of scores and heatmaps.
    """

    paper_operating_point: float = 0.5
    """Under protocol ``paper``, a class counts as predicted where its score is at least this."""

    def __init__(self, settings: Any, classes: Sequence[str]) -> None:
        self.settings = settings
        self.classes = tuple(classes)

    def try_out(self) -> None:  # noqa: B027
        """Check that the settings can work, for example with one pass through the untrained network.

        The harness calls it if there is something to fit, before it reads an image or trains another method
        for this one. By default nothing is checked.

        Raises:
            WsbenchError: the settings cannot work; the message says what to change.
        """

    def fit(self, fit: WeakView, select: WeakView, run: RunContext) -> None:  # noqa: B027
        """Learn from image labels, and write all that `restore` needs into ``run.folder``.

        After a kill it is called again, and should resume from the files that it wrote there. By default
        nothing is learnt.

        Args:
            fit: images and labels to learn from.
            select: held-out images and labels, to choose an epoch by.
            run: folder, seed, device and progress.
        """

    def restore(self, run: RunContext) -> None:  # noqa: B027
        """Load what `fit` wrote into ``run.folder``.

        The harness calls it before `predict`, also directly after `fit`, so that a resumed run gives the same
        as an uninterrupted one.

        Args:
            run: folder, seed, device and progress.
        """

    def restore_paper(self, run: RunContext) -> bool:
        """Load the weights that protocol ``paper`` predicts with, where the paper chooses them by boxes of
        the calibrate role (`RunContext.paper_score`).

        Args:
            run: folder, seed, device and progress.

        Returns:
            True if other weights were loaded; False, the default, if both protocols predict with the same.
        """
        return False

    @abstractmethod
    def predict(self, images: ImageView) -> Prediction:
        """Predict scores, and heatmaps or boxes, of a batch of images.

        Args:
            images: at most a few hundred images.

        Returns:
            Scores ``(N, C)``, with heatmaps ``(N, C, h, w)`` in [0, 1] or with boxes of every image.
        """

    def paper_boxes(
        self, images: ImageView, prediction: Prediction, boxed: BoxedView | None
    ) -> Sequence[Sequence[ScoredBox]] | None:
        """The method's own boxes for protocol ``paper``; by default those of its prediction.

        They must follow from the stored prediction alone, because it is called without `restore`.

        Args:
            images: the N images.
            prediction: the stored prediction of these images, with heatmaps in float16.
            boxed: the calibrate role with its boxes, if the spec declares box supervision; else None.

        Returns:
            The boxes of each image, in pixels of the original image; None if the paper publishes no rule for
            boxes.
        """
        return prediction.boxes

    def inner_maps(self, images: ImageView) -> Mapping[str, np.ndarray]:
        """Intermediate maps of the method, for pictures. It is called after `restore`; by default there are
        none.

        Args:
            images: the N images.

        Returns:
            Maps ``(N, C, h, w)`` in [0, 1] over the whole image, by their names.
        """
        return {}

    def networks(self) -> Mapping[str, nn.Module]:
        """The torch networks that `predict` computes with. It is called after `restore`; by default there are
        none.

        Returns:
            The modules themselves, by their names. The harness counts their parameters, measures their cost
            and, for `wsbench sanity`, randomises them in place.
        """
        return {}

    def training_loss(self, upstream: Mapping[str, Method]) -> NetworkLoss | None:
        """The network with the loss that it was trained by, for ``wsbench hessian``. It is called after
        `restore`.

        Args:
            upstream: the fitted methods that the spec's ``requires`` names, as in `RunContext.upstream`.

        Returns:
            The network and its loss, as functions of images without augmentation; None, the default, where
            no single network was trained by a single loss.
        """
        return None

    def trained_on(self) -> Sequence[str]:
        """The releases that the weights were trained on before this run, such as ``ChestX-ray14``, for the
        record; ``unknown`` among them where nobody knows. Empty for weights that this run made alone. Called
        after `restore`."""
        return ()

    def learning(self, run: RunContext) -> Sequence[Sign]:
        """What tells whether the method has learnt, such as the AUC on select and how much it still rises.

        It is called after `restore`. What must be computed on images belongs to the end of `fit`, which
        leaves it in ``run.folder``; `wsbench.torch.curve_signs` reads what `wsbench.torch.train` left there.
        A row whose mean over seeds lies outside of a limit has not converged, and gets no rank.

        Args:
            run: folder, seed and device.

        Returns:
            The signs; none, the default, where nothing is said.
        """
        return ()

    def facts(self) -> Mapping[str, Any]:
        """Further facts about the fitted method that its record should hold.

        Returns:
            JSON values by name.
        """
        return {}


@dataclass(frozen=True)
class Source:
    """The place that a dataset is loaded from.

    Attributes:
        root: folder of the dataset; None for a dataset that is computed.
        cache: folder on this machine for results that are costly to compute.
        progress: shows long work in the terminal.
    """

    root: Path | None
    cache: Path
    progress: Progress


class Dataset(ABC):
    """Base class of datasets: its classes, its samples, and `read` for their pixels.

    Attributes:
        classes: the C class names, in the order of the columns of scores.
        samples: the samples whose files are sound, in any order; the harness sorts them by name.
        problems: problems with the files of other samples, and contradictions between rows of tables
            (`wsbench.one_value_each`). The harness itself looks for impossible values in samples.
        boxes_complete: False if boxes were drawn on some of the images only. Where a class is present without
            a box, its location is then unknown, and boxes predicted there count neither for nor against a
            method.
        official_images: the names of images by the ids that the dataset's own annotation files give them,
            file by file. COCO results may then use these ids. Two files may give one id to different images.
        official_classes: the class of every category of these files, by its id and by its name; None for a
            category whose boxes the dataset does not use. Of several categories of one class, the first is
            the one that is written.
        unused: the official splits of images that the settings leave out, by the names of these images.
            Predictions of them are passed over, and a copy without them is complete.
        readings: what single readers saw on images, where the dataset has that besides its truth
            (`wsbench.types.Reading`); at most one reading for each reader and image. People are compared
            with each other by it, and no method sees it.
        read_holds_lock: True if `read` holds Python's global lock, so that threads cannot share its work. It
            is then called in other processes: the object must pickle, and its class must be importable.
    """

    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    problems: tuple[Problem, ...] = ()
    boxes_complete: bool = True
    official_images: Mapping[str, Mapping[int | str, str]] = MappingProxyType({})
    official_classes: Mapping[int | str, str | None] = MappingProxyType({})
    unused: Mapping[str, str] = MappingProxyType({})
    readings: Sequence[Reading] = ()
    read_holds_lock: bool = False

    @abstractmethod
    def read(self, sample: Sample, height: int, width: int) -> np.ndarray:
        """Read an image.

        Args:
            sample: one of ``samples``.
            height: height of the result, in pixels.
            width: width of the result, in pixels.

        Returns:
            The whole image, resized to ``(height, width)``: uint8 grey levels, 0 is black.

        Raises:
            WsbenchError: the file cannot be read; the message names it.
        """

    def organ_masks(self, sample: Sample, size: int) -> Mapping[str, np.ndarray] | None:
        """Masks of organs that the dataset provides; by default there are none.

        Args:
            sample: one of ``samples``.
            size: side of the masks, in pixels.

        Returns:
            Bool masks ``(size, size)`` over the whole image, by names from `wsbench.images.ORGANS`; None
            where the dataset has no masks.
        """
        return None
