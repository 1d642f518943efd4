"""What of finished runs can be freed, because it can be made again: predictions, trained weights, caches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wsbench.contract.records import Record
from wsbench.data.cache import cache_folder
from wsbench.errors import WsbenchError
from wsbench.runs.freeing import free
from wsbench.runs.inventory import RunFolder
from wsbench.runs.stage_marks import Mark
from wsbench.runs.stages import locked

WEIGHTS = (".ckpt", ".pt", ".pth", ".safetensors", ".npz", ".npy")
"""Endings of files that hold what a method has learnt."""

SHARDS = ".npz"


@dataclass(frozen=True)
class Freeable:
    """Files of a stage that can be made again.

    Attributes:
        run: the run's folder.
        stage: the stage; empty for files of the image cache.
        files: their paths in the stage's folder.
        size: their bytes.
    """

    run: Path
    stage: str
    files: tuple[str, ...]
    size: int

    @property
    def words(self) -> str:
        """What is freed, in words."""
        return {"predict": "predictions", "fit": "trained weights"}.get(self.stage, "decoded images")


def freeable(run: RunFolder, *, predictions: bool, checkpoints: bool) -> Iterator[Freeable]:
    """What can be freed of a run.

    Only finished runs are cleaned. Predictions of an external program stay, and so do those whose training
    is gone, unless ``checkpoints`` says that training again is accepted.

    Args:
        run: the run.
        predictions: whether heatmaps and scores of stage ``predict`` are freed.
        checkpoints: whether the weights of stage ``fit`` are freed.
    """
    if run.state != "finished" or run.record is None:
        return
    can_predict = checkpoints or _has_training(run.path, run.record)
    if predictions and not run.record.is_external and can_predict:
        yield from _of_stage(run.path, "predict", (SHARDS,))
    if checkpoints:
        yield from _of_stage(run.path, "fit", WEIGHTS)


def _of_stage(run: Path, stage: str, endings: tuple[str, ...]) -> Iterator[Freeable]:
    files = tuple(name for name in Mark.read(run / stage).kept if name.endswith(endings))
    if files:
        yield Freeable(run, stage, files, sum((run / stage / name).stat().st_size for name in files))


def _has_training(run: Path, record: Record) -> bool:
    """Whether the training behind a run is there: in its own folder, or in that of a run that shares it."""
    own = Mark.read(run / "fit")
    if own.facts is not None:
        return not own.freed
    above = run.resolve().parents
    runs = above[min(2, len(above) - 1)]
    marks = (Mark.read(fit) for fit in runs.glob(f"*/{record.method['name']}/*/fit"))
    return any(mark.key == record.training and mark.facts is not None and not mark.freed for mark in marks)


def freed(items: Iterable[Freeable], say: Callable[[str], None]) -> int:
    """Free files. A run that another process has begun to use meanwhile is left as it is.

    Args:
        items: what is freed.
        say: called with a line for what is left as it is.

    Returns:
        The bytes that were freed.
    """
    total = 0
    for item in items:
        try:
            total += _free_images(item) if not item.stage else _free_stage(item)
        except WsbenchError as error:
            say(f"left as it is: {error}")
    return total


def _free_stage(item: Freeable) -> int:
    with locked(item.run):
        free(item.run, item.stage, item.files)
    return item.size


def decoded_images() -> Iterator[Freeable]:
    """The images of all datasets as they were decoded, in the cache (``$WSBENCH_CACHE``).

    Organ masks and boxes of masks, which take longer, are not among them.
    """
    for folder in sorted(cache_folder().glob("*/*")):
        names = [path.name for path in folder.glob("*.npy") if re.fullmatch(r"\d+x\d+\.npy", path.name)]
        if names:
            files = tuple(sorted(names))
            yield Freeable(folder, "", files, sum((folder / name).stat().st_size for name in files))


def _free_images(item: Freeable) -> int:
    for name in item.files:
        # Processes that have opened the file keep it; on Windows it cannot be removed, and stays.
        try:
            (item.run / name).unlink(missing_ok=True)
        except PermissionError:
            raise WsbenchError(f"{item.run / name} is in use") from None
    return item.size
