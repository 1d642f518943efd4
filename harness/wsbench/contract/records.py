"""What a run leaves: one JSON record with all a table needs, and CSV files with every score and box."""

from __future__ import annotations

import csv
import functools
import io
import platform
import subprocess  # nosec B404 # git alone is called
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsbench.contract import record_files
from wsbench.contract.record_form import RecordForm
from wsbench.contract.releases import Overlap, overlap
from wsbench.contract.summaries import Drawable, as_html, summary
from wsbench.errors import WsbenchError, choose
from wsbench.files import checksums, documents
from wsbench.files.user_files import expanded
from wsbench.files.writing import json_text, read_json, write_text
from wsbench.utils.allocator import keeps_freed_memory
from wsbench.utils.threads import torch_threads

if TYPE_CHECKING:
    import pandas as pd

    from wsbench.types import ScoredBox

SCHEMA = 4
"""1: metrics without intervals and without draws. 2: with them, and with the seeds that a row was to have.
3: with what the run costs. 4: with the training's key, image-blind boxes with the same class scores, and
draws of several metrics."""

EXTERNAL = "external"
"""The preset of predictions that another program made."""

FILE = "record.json"
SCORES = "scores.csv"
PAPER_SCORES = "scores-paper.csv"
"""Of a method whose paper chooses its weights by boxes: what protocol `paper` alone predicts with."""
BOXES = "boxes.csv"
SANITY = "sanity.json"
"""What `wsbench sanity` measured of a run's maps."""
PACKAGES = ("wsbench", "torch", "torchvision", "lightning", "captum", "numpy", "scipy", "scikit-image",
            "scikit-learn", "opencv-python-headless", "pycocotools", "pandas", "pillow", "pydantic",
            "pluggy")  # fmt: skip


@dataclass(frozen=True, repr=False)
class Record(Drawable):
    """One finished run. It prints as a few lines, shows as a table in a notebook, and draws figures.

    Attributes:
        key: what must be equal for two records to share a table: dataset name and fingerprint,
            what box rules were chosen for, protocol and metric versions.
        method: name, preset, settings, what boxes it saw, and its own facts.
        dataset: name, settings, fingerprint, images per role, what was left out, whether it is a subset.
        seed: the base seed.
        protocols: by protocol, ``calibration``, ``metrics`` with 95 % intervals, ``draws``, some metrics in
            every bootstrap draw, ``units``, the number of patients of the rarer label, summed over classes,
            and ``floors``, metrics of the boxes of image-blind methods with this run's class scores; under
            ``uniform`` also ``strata`` (`wsbench.scoring.strata`), where a lesion of the test images is
            known, and ``collections``, class scores by collection, where the images name some.
        stages: by stage, seconds and peak memory.
        provenance: versions, git state, platform, device.
        efficiency: what `efficiency.measure` and `efficiency.training` found on some machine; None where
            nothing was measured.
        training: key of the training behind it: records of one seed that share it were not trained apart.
            Empty where it is unknown.
        trained_from: what that key is the hash of: method, settings, seed, data and the code's hash.
        planned_seeds: all seeds of the command that made it: a row without one of them has no mean.
        sanity: what `wsbench sanity` measured of its maps; empty where it did not.
        evaluations: ``count``, how many evaluations of its test split had been made when it was scored, this
            one included (of a cross-validation, of the fold that has most), in the runs folder that ``log``
            stands for, a hash that names no machine; empty where they were not counted.
        trained_on: releases that the weights were trained on before the run, as `Method.trained_on` says;
            ``dataset["releases"]`` then has those that the test images are from. Empty where nothing is said.
        transfer: of a run that was tested on another dataset than the one that it was trained on:
            ``trained_on``, that dataset, ``tested_on`` in words, ``classes``, the name there of every shared
            class, ``untested`` and ``untrained`` classes, and ``own``, the metrics of the shared classes on
            the own test role. Empty of every other run.
        tuned: of a run whose settings `wsbench tune` has chosen: ``trials``, how many were tried, ``dataset``
            and ``fingerprint`` of the data that they were tried on, ``objective`` and its best ``value``.
            Empty for all others.
        learning: the signs of `Method.learning`, as JSON values; of folds, their means.
        schema: of this file.
        folder: where it was read from; None for one that was not.
    """

    key: Mapping[str, Any]
    method: Mapping[str, Any]
    dataset: Mapping[str, Any]
    seed: int
    protocols: Mapping[str, Any]
    stages: Mapping[str, Any]
    provenance: Mapping[str, Any]
    efficiency: Mapping[str, Any] | None = None
    training: str = ""
    trained_from: Mapping[str, Any] = field(default_factory=dict)
    planned_seeds: Sequence[int] = ()
    sanity: Mapping[str, Any] = field(default_factory=dict)
    evaluations: Mapping[str, Any] = field(default_factory=dict)
    trained_on: Sequence[str] = ()
    transfer: Mapping[str, Any] = field(default_factory=dict)
    tuned: Mapping[str, Any] = field(default_factory=dict)
    learning: Sequence[Mapping[str, Any]] = ()
    schema: int = SCHEMA
    folder: Path | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return summary(self)

    def _repr_html_(self) -> str:
        return as_html([self])

    @property
    def is_external(self) -> bool:
        """Whether another program made the predictions, so that nobody can train it again from the record."""
        external: bool = self.method["preset"] == EXTERNAL
        return external

    @property
    def overlap(self) -> Overlap:
        """Whether the weights were trained on the release that the test images are from: ``none``,
        ``unknown`` or ``test``."""
        return overlap(self.trained_on, [self.dataset["name"], *self.dataset.get("releases", ())])

    def value(self, metric: str, protocol: str = "uniform") -> float | None:
        """A metric's macro value; None where it does not exist."""
        metrics: Mapping[str, Any] = self.protocols.get(protocol, {}).get("metrics", {})
        value: float | None = metrics.get(metric, {}).get("value")
        return value

    @property
    def draw_count(self) -> int | None:
        """How many bootstrap draws its metrics have; None of a record without draws."""
        return next((len(drawn) for drawn in self.protocols["uniform"].get("draws", {}).values()), None)

    def metrics(self, protocol: str = "uniform") -> pd.DataFrame:
        """Metrics as rows, their macro value and every class as columns."""
        import pandas as pd

        rows = {
            name: {"macro": metric["value"], **metric.get("per_class", {})}
            for name, metric in self.protocols[protocol]["metrics"].items()
        }
        return pd.DataFrame.from_dict(rows, orient="index")

    def scores(self) -> pd.DataFrame:
        """The score of every test image, with its labels."""
        return self._table(SCORES)

    def boxes(self, protocol: str | None = None) -> pd.DataFrame:
        """Return the predicted boxes, one row each.

        Args:
            protocol: the protocol whose boxes are returned; None returns those of all protocols.

        Raises:
            WsbenchError: the run does not have the protocol, or the record was not read from a run's folder.
        """
        if protocol is None:
            return self._table(BOXES)
        choose(protocol, self.protocols, "protocol of this run")
        return self._table(BOXES).query("protocol == @protocol")

    def _table(self, name: str) -> pd.DataFrame:
        import pandas as pd

        if self.folder is not None:
            checksums.require(self.folder / name)
        if self.folder is None or not (self.folder / name).exists():
            raise WsbenchError("this record was not read from a run's folder; only its metrics are here")
        # Names are text, also where they look like a number or like a missing one.
        text = {"protocol": str, "image": str, "class": str}
        return pd.read_csv(self.folder / name, dtype=text, keep_default_na=False)


def write(record: Record, path: Path) -> None:
    """Write a record atomically; in a run's folder, its hash is remembered."""
    names = [part.name for part in fields(record) if part.name != "folder"]
    values = {name: getattr(record, name) for name in names}
    for name in ("sanity", "evaluations", "trained_on", "transfer", "tuned", "learning"):
        if not values[name]:
            del values[name]
    text = json_text({"schema": values.pop("schema"), **values})
    if path.name == FILE:
        checksums.write_noted(path, text)
    else:
        record_files.write(path, text)


def load_record(path: str | Path) -> Record:
    """The record of a finished run, or one of a leaderboard.

    Args:
        path: the run's folder, or the record's file.

    Raises:
        WsbenchError: as `load`.
    """
    file = expanded(path)
    return load(file / FILE if file.is_dir() else file)


def load(path: Path) -> Record:
    """Read a record of any schema version.

    Raises:
        WsbenchError: the file is no record, of a newer version, or not what a run left in its folder.
    """
    if path.name == FILE and path.exists():
        checksums.require(path)
    expected = "a record of wsbench"
    try:
        content = record_files.read_bytes(path)
    except WsbenchError as error:
        raise WsbenchError(f"{error}; name a finished run's folder") from None
    values = documents.json_value(path, content, expected)
    if not isinstance(values, dict) or not isinstance(schema := values.get("schema"), int):
        raise WsbenchError(f"{path}: not {expected}; name a finished run's folder")
    if schema > SCHEMA:
        raise WsbenchError(f"{path}: has schema {schema}; this wsbench reads up to {SCHEMA}; upgrade it")
    documents.checked(RecordForm, values, f"{path}: not a record of schema {schema}")
    lists = {name: tuple(values.get(name, ())) for name in ("planned_seeds", "trained_on", "learning")}
    return Record(**{**values, **lists}, folder=path.parent)


def sanity_of(folder: Path, key: str) -> Mapping[str, Any]:
    """What `wsbench sanity` measured in a run's folder; empty where that was of other predictions.

    Args:
        folder: of the run.
        key: of its stage ``predict``.

    Raises:
        WsbenchError: the file is not what was left there.
    """
    path = folder / SANITY
    if not path.exists():  # never measured, or removed to be measured again
        return {}
    if problem := checksums.problem_of(path):
        raise WsbenchError(f"{folder}: {problem}; remove {SANITY}, and type `wsbench sanity` again")
    sanity: Mapping[str, Any] = read_json(path)
    return sanity if sanity.get("predict") == key else {}


def write_scores(path: Path, names: Sequence[str], classes: Sequence[str], labels: Any, scores: Any) -> None:
    """``scores.csv``: one row an image; numbers in full, so that they read back equal."""
    header = ["image", *(f"label {name}" for name in classes), *(f"score {name}" for name in classes)]
    rows = (
        [name, *map(int, label), *map(repr, map(float, score))]
        for name, label, score in zip(names, labels, scores, strict=True)
    )
    write_text(path, _csv(header, rows))


def write_boxes(path: Path, names: Sequence[str], boxes: Mapping[str, Sequence[Sequence[ScoredBox]]]) -> None:
    """``boxes.csv``: one row a box, of every protocol; numbers in full."""
    header = ["protocol", "image", "class", "x0", "y0", "x1", "y1", "score"]
    rows = (
        [protocol, name, b.label, *map(repr, (b.x0, b.y0, b.x1, b.y1, b.score))]
        for protocol, of_images in boxes.items()
        for name, of_image in zip(names, of_images, strict=True)
        for b in of_image
    )
    write_text(path, _csv(header, rows))


def provenance(device: str) -> dict[str, Any]:
    """Versions, source state and machine, without anything that names the machine or its user."""
    return {
        "device": device,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "threads": torch_threads(),
        **({"freed_memory": "kept"} if keeps_freed_memory() else {}),
        "versions": {name: installed for name in PACKAGES if (installed := _version(name))},
        "git": source_state(),
    }


def _csv(header: Sequence[str], rows: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


@functools.cache  # every record has 15 of them, and one is read from a file in half a millisecond
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def source_state() -> dict[str, Any] | None:
    """Commit of the checkout that wsbench runs from, and whether it differs; None outside a checkout."""
    folder = Path(__file__).resolve().parent

    def git(*words: str) -> str:
        command = ["git", "-C", str(folder), *words]
        # The words are this module's own, no shell reads them, and git lies where the user has it.
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # nosec B603
        return done.stdout.strip()

    try:
        if git("ls-files", "--error-unmatch", __file__) == "":
            return None
        return {"commit": git("rev-parse", "HEAD"), "changed": git("status", "--porcelain") != ""}
    except (OSError, subprocess.CalledProcessError):
        return None
