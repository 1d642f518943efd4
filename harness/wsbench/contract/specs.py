"""What a plugin hands over: frozen specs of methods, datasets and metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from wsbench.contract.base import Dataset, Method, Source
from wsbench.errors import WsbenchError, choose
from wsbench.settings import Settings
from wsbench.utils.names import require_name

if TYPE_CHECKING:
    import numpy as np

    from wsbench.scoring.bootstrap import Resamples
    from wsbench.scoring.table import Scored
    from wsbench.utils.progress import Progress


class BoxSupervision(Enum):
    """Which part of a method sees the boxes of the calibrate role. Every record and table shows it."""

    NONE = "none"
    PAPER = "paper"
    """Only the method's own boxes of protocol ``paper`` (a published threshold tuned on boxes)."""
    FIT = "fit"
    """Training itself: the method is not weakly supervised."""


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
        releases: names of the releases that its images are from, by which a network that was trained on one
            of them is found out; empty: the dataset's name.
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
    releases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_name(self.name, "a dataset")


@dataclass(frozen=True)
class CommandSpec:
    """A command that a plugin adds to ``wsbench``.

    Attributes:
        name: what users type after ``wsbench``.
        summary: one line, for lists.
        run: a function as Typer takes it: its parameters are the command's arguments and options, its
            docstring is the command's help. A `WsbenchError` that it raises ends in one line and exit code 2.
    """

    name: str
    summary: str
    run: Callable[..., Any]

    def __post_init__(self) -> None:
        require_name(self.name, "a command")


TABLES: Mapping[str, str] = {
    "terminal": "what `wsbench run` prints, protocol uniform",
    "terminal paper": "what `wsbench run` prints, protocol paper",
    "ranking": "a leaderboard page, beside the measure that ranks",
    "uniform": "a leaderboard page, further measures of protocol uniform",
    "paper": "a leaderboard page, protocol paper",
    "folds": "what `wsbench run --folds` prints, fold by fold",
    "floors": "a leaderboard page, image-blind boxes with the class scores of each row",
}
"""The tables that can show a metric, and where they stand."""

SHOWN_LAST: Mapping[str, int] = {"terminal": 100, "uniform": 100}
"""The columns of a metric that names none: in the terminal and on pages, behind those that name theirs."""


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
        heading: of its column in the terminal; empty: its name.
        digits: behind the point, in tables.
        columns: by table (`TABLES`), its place there: columns stand in the order of their places. A metric
            that is shown on pages for protocol uniform has intervals that also hold the noise of thresholds.
        may_rank: whether rows can be ranked by it; its values in every draw are then kept, too.
        kept_in_draws: whether records keep its value in every bootstrap draw, so that rows can be compared
            draw by draw.
        pooled: what a cross-validation makes of it besides the mean over folds: of ``images`` it is the mean
            over the images of all folds, of ``scores`` it is computed from the class scores of all folds
            together; empty: nothing.
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
    heading: str = ""
    digits: int = 3
    columns: Mapping[str, int] = field(default_factory=lambda: SHOWN_LAST)
    may_rank: bool = False
    kept_in_draws: bool = False
    pooled: Literal["", "images", "scores"] = ""

    def __post_init__(self) -> None:
        require_name(self.name, "a metric")
        for table in self.columns:
            choose(table, TABLES, f"table of metric {self.name}")

    @property
    def is_kept(self) -> bool:
        """Whether records keep its value in every draw."""
        return self.kept_in_draws or self.may_rank

    def text(self, value: float | None) -> str:
        """A value as tables show it; a dash for what does not exist."""
        return "-" if value is None else f"{value:.{self.digits}f}"


def columns_of(metrics: Mapping[str, MetricSpec], table: str) -> list[str]:
    """The names of the metrics that a table shows, in the order of its columns.

    Args:
        metrics: by name.
        table: one of `TABLES`.
    """
    shown = [spec for spec in metrics.values() if table in spec.columns]
    return [spec.name for spec in sorted(shown, key=lambda spec: (spec.columns[table], spec.name))]


def on_page(metrics: Mapping[str, MetricSpec]) -> list[str]:
    """The names of the metrics that leaderboard pages show for protocol uniform."""
    return [*columns_of(metrics, "ranking"), *columns_of(metrics, "uniform")]
