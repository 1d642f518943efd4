"""Frozen specs of the methods, datasets, metrics and commands that plugins provide."""

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
    """The part of a method that sees the boxes of the calibrate role. Every record and table shows it."""

    NONE = "none"
    """No part."""
    PAPER = "paper"
    """Only the method's own boxes under protocol ``paper``, such as a published threshold that is tuned on
    boxes."""
    FIT = "fit"
    """The training itself. The method is then not weakly supervised."""


@dataclass(frozen=True)
class Requirement:
    """A finished method that another one builds on, such as the teacher of a student.

    Attributes:
        method: name of the method.
        settings: all its settings, by name.
        seed: its base seed; None: that of the run which builds on it.
        agree: names of settings that must have the same value in both methods, such as the size of the images
            that the one asks the other about. The classes always agree, because both see one dataset.
    """

    method: str
    settings: Mapping[str, Any]
    seed: int | None = None
    agree: tuple[str, ...] = ()


def _nothing(settings: Any) -> Mapping[str, Requirement]:
    return {}


@dataclass(frozen=True)
class MethodSpec:
    """A method as `wsbench list` and `wsbench describe` show it, and how to build it.

    Attributes:
        name: the name that users type after ``--method``.
        summary: one line for lists.
        settings: the settings model. Its defaults are the published values.
        build: called as ``build(settings, classes)``, returns the `Method`. Import heavy libraries inside it.
        citation: the publication.
        presets: settings that differ from the defaults, by the name of the preset. The first preset is the
            default one.
        box_supervision: the part of the method that sees boxes.
        box_use: what the boxes are used for, in words.
        paper_objective: the metric that the paper maximises on boxes of the calibrate role to choose its box
            thresholds: ``cond_loc_f1@0.25`` or ``msli``. The harness then chooses the thresholds of protocol
            ``paper`` by it. Declare ``box_supervision``, too.
        reads_image: False for an image-blind method, which never looks at the image.
        reference: of a simple classifier that others should surpass, what it sees, as a clause.
            Leaderboards then name the rows whose AUC is below its own by more than noise. Empty for others.
        deterministic: True if predictions do not depend on the seed. The row then has no variance over seeds.
        after_fit: names of settings that `Method.fit` does not depend on. Runs that differ only in these
            share one training.
        after_predict: names of settings that neither `Method.fit` nor `Method.predict` depends on, only
            `Method.paper_boxes`. Runs that differ only in these share one training, too.
        repeats: names of settings that are whole numbers and seed a part of the training, such as the last
            layer. Runs that differ in one of these alone can be one row (``--repeat-over``).
        requires: called as ``requires(settings)``, returns the methods that must be fitted first with the
            same data and seed, by the names under which `RunContext.upstream` has them.

    Raises:
        WsbenchError: a name is not valid, ``after_fit``, ``after_predict`` or ``repeats`` names an unknown
            setting, or ``repeats`` one that is no whole number.
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
    reference: str = ""
    deterministic: bool = False
    after_fit: tuple[str, ...] = ()
    after_predict: tuple[str, ...] = ()
    repeats: tuple[str, ...] = ()
    requires: Callable[[Any], Mapping[str, Requirement]] = _nothing

    def __post_init__(self) -> None:
        require_name(self.name, "a method")
        for preset in self.presets:
            require_name(preset, f"a preset of {self.name}")
        for attribute in ("after_fit", "after_predict", "repeats"):
            for name in getattr(self, attribute):
                if name not in self.settings.model_fields:
                    raise WsbenchError(f"{self.name}: {attribute} names '{name}', which is no setting of it")
        for name in self.repeats:
            if self.settings.model_fields[name].annotation is not int:
                raise WsbenchError(f"{self.name}: repeats names '{name}', which is no whole number")


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset as `wsbench list` and `wsbench describe` show it, and how to load it.

    Attributes:
        name: the name that users type after ``--dataset``. Its entry in datasets.yaml has the same name.
        summary: one line for lists.
        settings: the settings model, which ``--data-option name=value`` fills.
        load: called as ``load(settings, source)``, returns the `Dataset`. Import heavy libraries inside it.
        citation: the publication of the data.
        computed: True if no files are needed.
        preset: the preset with which methods run on it by default, if they have it.
        write: called as ``write(dataset, folder, progress)``, writes any dataset in this one's official
            folder layout; None if the layout cannot be written.
        layout: the name that users type after ``--layout``; empty means the dataset's name.
        releases: names of the releases that its images are from. Methods that were trained on one of them are
            marked; empty means the dataset's name.

    Raises:
        WsbenchError: the name is not valid.
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
        name: the word that users type after ``wsbench``.
        summary: one line for lists.
        run: a function for Typer. Its parameters are the command's arguments and options, and its docstring
            is the command's help. If it raises a `WsbenchError`, the command prints one line and exits with
            code 2.

    Raises:
        WsbenchError: the name is not valid.
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
"""The tables that can show a metric, and where they are shown."""

SHOWN_LAST: Mapping[str, int] = {"terminal": 100, "uniform": 100}
"""The default columns of a metric: in the terminal and on pages, after the metrics that choose their
columns."""


@dataclass(frozen=True)
class MetricSpec:
    """A metric: how it is computed, and which tables show it.

    Attributes:
        name: its name in records and the heading of its column.
        summary: its definition in one line, with the source.
        compute: a pure function ``compute(scored, resamples)``. ``scored`` is the frozen table of predictions
            and truth of N images, ``resamples`` are B draws of these images. It returns ``(B, C)`` values,
            one for each draw and class, or ``(B,)`` if the metric has no classes. A value is NaN where the
            metric does not exist, such as the AUC of a class that all images have. The value of a class must
            depend only on the scores, boxes and thresholds of that class. The metric itself is the value for
            one draw that holds every image once; its interval comes from a thousand bootstrap draws.
            Therefore compute every sum over images with ``resamples.sum``.
        higher_is_better: True, False, or None for a quantity that is neither good nor bad.
        version: a number that you raise when values change. Records with different versions never share a
            table.
        resampled: False for a metric that is too slow for a thousand draws. It then has no interval.
        needs: the truth or prediction that it is computed from: ``labels`` (with class scores), ``boxes``,
            ``maps``, ``masks``, or ``nuisances``. The last two are metrics of truth masks and of boxes that
            samples mark as nuisances: they are computed, recorded and shown only where a dataset has these.
        bounded: whether its values lie in [0, 1]. Its intervals then do, too.
        at_operating_points: whether it depends on which classes are predicted at their operating points. Its
            interval then includes the uncertainty of these points.
        heading: heading of its column in the terminal; empty means its name.
        digits: number of decimal places in tables.
        columns: the tables that show it (`TABLES`), with its position in each; columns are sorted by
            position. A metric that pages show for protocol uniform has intervals that include the noise of
            thresholds.
        may_rank: whether rows can be ranked by it. Records then keep its value in every draw.
        kept_in_draws: whether records keep its value in every bootstrap draw, so that rows can be compared
            draw by draw.
        pooled: the value that a cross-validation shows besides the mean over folds. ``images``: the mean over
            the images of all folds. ``scores``: the value for the class scores of all folds together. Empty:
            no such value.

    Raises:
        WsbenchError: the name is not valid, or ``columns`` names an unknown table.
    """

    name: str
    summary: str
    compute: Callable[[Scored, Resamples], np.ndarray]
    higher_is_better: bool | None = True
    version: int = 1
    resampled: bool = True
    needs: Literal["labels", "boxes", "maps", "masks", "nuisances"] = "boxes"
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
        """A value as tables show it.

        Args:
            value: the value; None where it does not exist.

        Returns:
            The value with ``digits`` decimal places, or a dash.
        """
        return "-" if value is None else f"{value:.{self.digits}f}"


def that_exist(metrics: Mapping[str, MetricSpec], *, masks: bool, nuisances: bool) -> dict[str, MetricSpec]:
    """Select the metrics that exist for a dataset.

    Args:
        metrics: all metrics by name.
        masks: whether the dataset has truth masks.
        nuisances: whether its samples mark nuisances.
    """
    lacks = {name for name, has in (("masks", masks), ("nuisances", nuisances)) if not has}
    return {name: spec for name, spec in metrics.items() if spec.needs not in lacks}


def columns_of(metrics: Mapping[str, MetricSpec], table: str) -> list[str]:
    """The names of the metrics that a table shows, in the order of its columns.

    Args:
        metrics: all metrics by name.
        table: one of `TABLES`.
    """
    shown = [spec for spec in metrics.values() if table in spec.columns]
    return [spec.name for spec in sorted(shown, key=lambda spec: (spec.columns[table], spec.name))]


def on_page(metrics: Mapping[str, MetricSpec]) -> list[str]:
    """The names of the metrics that leaderboard pages show for protocol uniform."""
    return [*columns_of(metrics, "ranking"), *columns_of(metrics, "uniform")]
