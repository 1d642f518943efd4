"""What trackers have had of a run: a file in the run's folder, so that a resumed run tells nothing twice."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from wsbench.errors import WsbenchError
from wsbench.files.documents import Document, read_json
from wsbench.files.writing import write_json

FILE = "trackers.json"


class TrackerState(Document):
    """What one tracker has had of a run.

    Attributes:
        settings: hash of the tracker's settings: under others it writes elsewhere.
        training: key of the training that it was told of.
        id: the tracker's own name of the run; empty before it was opened.
        epoch: the last epoch that it was told of; -1 before the first.
        stages: by name, the key of each stage that it was told of.
        record: hash of the record that it was told of; empty before.
    """

    settings: str
    training: str
    id: str = ""
    epoch: int = Field(-1, ge=-1)
    stages: dict[str, str] = Field(default_factory=dict)
    record: str = ""


class TrackerStates(Document):
    """The content of `FILE`: by the name of the tracker, what it has had."""

    trackers: dict[str, TrackerState] = Field(default_factory=dict)


def read_state(folder: Path, name: str, settings: str, training: str) -> TrackerState:
    """What a tracker has had of a run; nothing where it was told of other settings or another training.

    Args:
        folder: folder of the run.
        name: name of the tracker.
        settings: hash of its settings.
        training: key of the training.
    """
    state = _read(folder).trackers.get(name)
    if state is None or (state.settings, state.training) != (settings, training):
        return TrackerState(settings=settings, training=training)
    return state


def write_state(folder: Path, name: str, state: TrackerState) -> None:
    """Note what a tracker has had, atomically, beside what the others have had."""
    states = {**_read(folder).trackers, name: state}
    write_json(folder / FILE, TrackerStates(trackers=states).model_dump(mode="json"))


def _read(folder: Path) -> TrackerStates:
    if not (folder / FILE).is_file():
        return TrackerStates()
    try:
        return read_json(folder / FILE, TrackerStates, "a list of trackers")
    except WsbenchError:  # a damaged file costs a second run in the tracker, and never a run of ours
        return TrackerStates()
