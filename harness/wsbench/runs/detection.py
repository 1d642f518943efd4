"""COCO's average precision of the boxes that a finished run left."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.errors import WsbenchError, choose
from wsbench.geometry.box_table import BoxTable
from wsbench.runs.coco_summary import Summary, summaries
from wsbench.runs.rescoring import dataset_of
from wsbench.runs.scoring_inputs import truth_of
from wsbench.types import ScoredBox
from wsbench.utils.progress import Progress


def protocol_of(record: Record, name: str | None = None) -> str:
    """The protocol whose boxes are summarised.

    Args:
        record: of the run.
        name: the protocol that the user named. None takes ``paper``, under which a method's own boxes count
            as they stand, and ``uniform`` where the run has no such boxes.

    Raises:
        WsbenchError: the run has no such protocol.
    """
    if name is None:
        return "paper" if "paper" in record.protocols else "uniform"
    choose(name, record.protocols, "protocol of this run")
    return name


def summaries_of(
    record: Record, protocol: str, plugins: Plugins, progress: Progress, root: Path | None = None
) -> list[Summary]:
    """Summarise the boxes of a finished run; see `wsbench.runs.coco_summary.summaries`.

    Args:
        record: of the run; its folder holds the boxes.
        protocol: whose boxes.
        plugins: all plugins; the run's dataset must be among them.
        progress: where long work is shown.
        root: the dataset's folder.

    Raises:
        WsbenchError: the folder holds no boxes, the dataset is not the one that the run was made on, or no
            test image has a box.
    """
    loaded = dataset_of(record, plugins, progress, root)
    names, classes = loaded.roles.members["test"], loaded.dataset.classes
    truth = truth_of(loaded, names, "test")
    if len(truth.truth) == 0:
        raise WsbenchError(f"{record.folder}: no test image of {loaded.spec.name} has a box to compare with")
    boxes: dict[str, list[ScoredBox]] = defaultdict(list)
    for _, row in record.boxes(protocol).iterrows():
        boxes[row["image"]].append(
            ScoredBox(row["class"], row["x0"], row["y0"], row["x1"], row["y1"], row["score"])
        )
    return summaries(truth, BoxTable.of([boxes[name] for name in names], classes))
