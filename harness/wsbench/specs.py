"""What a plugin hands over: frozen specs, and the two classes it derives from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from wsbench.errors import WsbenchError
from wsbench.names import require_name
from wsbench.seeds import seed_from
from wsbench.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from wsbench.problems import Problem
    from wsbench.progress import Progress
    from wsbench.resampling import Resamples
    from wsbench.scored import Scored
    from wsbench.types import Prediction, Sample, ScoredBox
    from wsbench.weak import BoxedView, ImageView, WeakView


class BoxSupervision(Enum):
    """Which part of a method sees the boxes of the calibrate role. Every record and table shows it."""

    NONE = "none"
    PAPER = "paper"
    """Only the method's own boxes of protocol ``paper`` (a published threshold tuned on boxes)."""
    FIT = "fit"
    """Training itself: the method is not weakly supervised."""


@dataclass(frozen=True)
class Run:
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

    def fit(self, fit: WeakView, select: WeakView, run: Run) -> None:  # noqa: B027
        """Learn from image labels and leave in ``run.folder`` all that `restore` needs.

        Killed and called again, it goes on from what it left there.

        Args:
            fit: the images and labels to learn from.
            select: held-out images and labels, to choose an epoch by.
            run: folder, seed, device and progress.
        """

    def restore(self, run: Run) -> None:  # noqa: B027
        """Load what `fit` left in ``run.folder``. Called before `predict`, also right after `fit`, so that
        a resumed run cannot differ from an uninterrupted one."""

    def restore_paper(self, run: Run) -> bool:
        """Load what protocol ``paper`` predicts with instead, where the paper chooses it by boxes of the
        calibrate role (`Run.paper_score`). False: there is nothing else, and nothing was loaded."""
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

    def facts(self) -> Mapping[str, Any]:
        """What else the record should say of the fitted method, as JSON values."""
        return {}


@dataclass(frozen=True)
class Requirement:
    """A finished method that another one builds on."""

    method: str
    settings: Mapping[str, Any]


def _nothing(settings: Any) -> Mapping[str, Requirement]:
    return {}


@dataclass(frozen=True)
class MethodSpec:
    """A method as it is listed, described and built.

    Attributes:
        name: what users type after ``--method``.
        summary: one line.
        settings: the settings model; its defaults are the published values.
        build: ``build(settings, classes)`` -> `Method`; import heavy libraries inside.
        citation: where the method comes from.
        presets: by name, what differs from the settings' defaults; the first one is the default.
        box_supervision: which part sees boxes, and ``box_use`` what for, in words.
        paper_objective: what the paper chooses its box thresholds for on boxes of the calibrate role, one of
            `objectives.OBJECTIVES`: protocol ``paper`` then has the harness choose them for that. Declare
            the box supervision.
        reads_image: False for a row that never looks at the image.
        deterministic: True if the seed plays no part in what it predicts; it then has no variance over seeds.
        after_fit: names of settings that `Method.fit` does not depend on. Runs that differ in them alone
            share one training.
        requires: ``requires(settings)`` -> the methods to be fitted first on the same data and seed.
    """

    name: str
    summary: str
    settings: type[Settings]
    build: Callable[[Any, Sequence[str]], Method]
    citation: str = ""
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"default": {}})
    box_supervision: BoxSupervision = BoxSupervision.NONE
    box_use: str = ""
    paper_objective: str | None = None
    reads_image: bool = True
    deterministic: bool = False
    after_fit: tuple[str, ...] = ()
    requires: Callable[[Any], Mapping[str, Requirement]] = _nothing

    def __post_init__(self) -> None:
        require_name(self.name, "a method")
        for preset in self.presets:
            require_name(preset, f"a preset of {self.name}")
        for name in self.after_fit:
            if name not in self.settings.model_fields:
                raise WsbenchError(f"{self.name}: after_fit names '{name}', which is no setting of it")


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
        """``(size, size)`` bool masks of `wsbench.ORGANS`, or of some of them, over the whole image, by name;
        None where the dataset knows none."""
        return None


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset as it is listed, described and loaded.

    Attributes:
        name: what users type after ``--dataset``; its entry in datasets.yaml has the same name.
        summary: one line.
        settings: the settings model, filled by ``--data-option name=value``.
        load: ``load(settings, source)`` -> `Dataset`; import heavy libraries inside.
        citation: where the data comes from.
        computed: True if no files are needed.
        preset: the method preset used on it by default, where the method has it.
        write: ``write(dataset, folder, progress)`` lays any dataset out as this one's official folder;
            None where the layout cannot be written.
        layout: what users type after ``--layout`` for it; empty: the dataset's name.
    """

    name: str
    summary: str
    settings: type[Settings]
    load: Callable[[Any, Source], Dataset]
    citation: str = ""
    computed: bool = False
    preset: str = "paper"
    write: Callable[[Dataset, Path, Progress], None] | None = None
    layout: str = ""

    def __post_init__(self) -> None:
        require_name(self.name, "a dataset")


@dataclass(frozen=True)
class MetricSpec:
    """A metric as it is listed and computed.

    Attributes:
        name: its column in records and tables.
        summary: its definition in one line, with the source.
        compute: a pure function ``compute(scored, resamples)`` of the frozen table of what was predicted
            and what is true, and of B draws of its N images. It gives ``(B, C)`` values, one a draw and
            class, or ``(B,)`` where classes play no part; NaN where the quantity does not exist (the AUC
            of a class with one label). The value of a class depends on its own scores, boxes and thresholds
            alone. The metric is what one draw of every image gives, its interval what a thousand resamples
            give, so ``compute`` asks ``resamples.sum`` for every sum over images.
        higher_is_better: None for a quantity that is neither.
        version: raise it when values change; records of different versions never share a table.
        resampled: False for a metric that is too slow to be computed for a thousand draws; it has no
            interval.
        needs: what it is computed from: ``labels`` (with the scores of classes), ``boxes`` or ``maps``.
        bounded: whether its values lie in [0, 1]; intervals then do, too.
        at_operating_points: whether it depends on which classes are predicted at their operating points, so
            that its interval must say how well those are known.
    """

    name: str
    summary: str
    compute: Callable[[Scored, Resamples], np.ndarray]
    higher_is_better: bool | None = True
    version: int = 1
    resampled: bool = True
    needs: Literal["labels", "boxes", "maps"] = "boxes"
    bounded: bool = True
    at_operating_points: bool = False

    def __post_init__(self) -> None:
        require_name(self.name, "a metric")
