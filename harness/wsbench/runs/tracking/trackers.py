"""The trackers of a command, and those of one of its runs: events are handed on, and none twice."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsbench.contract.records import Record
from wsbench.contract.trackers import TrackedRun, Tracker
from wsbench.errors import WsbenchError, as_line, printable, words_of
from wsbench.runs.stage_marks import Freed
from wsbench.runs.stages import Stage
from wsbench.runs.tracking.calls import SECONDS, SECONDS_AFTER_STOP, Hangs, TrackerThread
from wsbench.runs.tracking.choice import ChosenTracker
from wsbench.runs.tracking.state import read_state, write_state
from wsbench.runs.tracking.told import hash_of, history_of, numbers_of, run_of, run_of_record

if TYPE_CHECKING:
    from wsbench.runs.job import Job


class Trackers:
    """The trackers that a command was asked to notify.

    One that fails is named in one warning, and left out of the rest of the command.

    Args:
        chosen: the trackers and their settings.
    """

    def __init__(self, chosen: Iterable[ChosenTracker] = ()) -> None:
        self._working = {tracker.spec.name: tracker for tracker in chosen}

    @contextmanager
    def of(self, job: Job) -> Iterator[RunEvents]:
        """A block that carries out a job, whose events are handed on; if it raises, that is one, too."""
        with self._following(lambda: run_of(job)) as events:
            yield events

    def tell(self, record: Record, job: Job) -> None:
        """Hand on a record that runs were summed up to, or that a run was scored again to."""
        with self._following(lambda: run_of_record(record, job)) as events:
            events.record(record)

    def is_working(self, name: str) -> bool:
        """Whether a tracker has not failed."""
        return name in self._working

    def leave_out(self, name: str, reason: str) -> None:
        """Leave a tracker out of the rest of the command, and say why, unless that has been said."""
        if self._working.pop(name, None):
            way_out = "it is left out; rerun the command to catch up"
            print(as_line(f"warning: tracker {name}: {printable(reason)}; {way_out}"), file=sys.stderr)

    @contextmanager
    def _following(self, describe: Callable[[], TrackedRun]) -> Iterator[RunEvents]:
        if not self._working:  # describing a job takes time
            yield NO_EVENTS
            return
        run = describe()
        events = RunEvents([_RunTracker(tracker, run, self) for tracker in self._working.values()])
        try:
            yield events
        except Freed:  # the run begins again and makes what is missing
            raise
        except BaseException as error:
            events.failed(error)
            raise
        finally:
            events.close()


class RunEvents:
    """The events of one run, for all its trackers.

    Args:
        trackers: those of the run.
    """

    def __init__(self, trackers: Sequence[_RunTracker] = ()) -> None:
        self._trackers = trackers

    def started(self) -> None:
        """The run is worked on. Trackers that have its record need not know."""
        for tracker in self._trackers:
            tracker.start()

    def epoch(self, folder: Path, epoch: int, metrics: Mapping[str, float]) -> None:
        """An epoch has ended.

        Args:
            folder: folder of the stage ``fit``. Where its history has the epoch, that is told.
            epoch: its number.
            metrics: what the method logged.
        """
        if self._trackers:
            self._epochs({epoch: metrics, **history_of(folder)})

    def stage(self, stage: Stage) -> Stage:
        """A stage is finished, just now or before; epochs that a tracker has not had are told, too.

        Returns:
            The stage.
        """
        if self._trackers and stage.folder.name == "fit":
            self._epochs(history_of(stage.folder))
        for tracker in self._trackers:
            tracker.stage(stage)
        return stage

    def record(self, record: Record) -> None:
        """The run has a record."""
        for tracker in self._trackers:
            tracker.record(record)

    def failed(self, error: BaseException) -> None:
        """The run has stopped."""
        for tracker in self._trackers:
            tracker.failed(error)

    def close(self) -> None:
        """Nothing more is told."""
        for tracker in self._trackers:
            tracker.close()

    def _epochs(self, rows: Mapping[int, Mapping[str, float]]) -> None:
        for epoch, values in sorted(rows.items()):
            for tracker in self._trackers:
                tracker.epoch(epoch, values)


NO_EVENTS = RunEvents()
"""Of a run that no tracker follows."""


class _RunTracker:
    """One tracker of one run. It is opened when there is something to tell.

    Args:
        chosen: the tracker.
        run: the run.
        trackers: those of the command, which leave it out when it fails.
    """

    def __init__(self, chosen: ChosenTracker, run: TrackedRun, trackers: Trackers) -> None:
        self._chosen, self._run, self._trackers = chosen, run, trackers
        self._state = read_state(run.folder, chosen.spec.name, chosen.key, run.training)
        self._tracker: Tracker | None = None
        self._thread: TrackerThread | None = None
        self._seconds = SECONDS

    @property
    def name(self) -> str:
        """The name of the tracker."""
        return self._chosen.spec.name

    def start(self) -> None:
        if not self._state.record:
            self._opened()

    def epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        if epoch > self._state.epoch and self._send("epoch_ended", epoch, dict(values)):
            self._note(epoch=epoch)

    def stage(self, stage: Stage) -> None:
        stage_name, seconds = stage.folder.name, stage.facts["cost"]["seconds"]
        is_new = self._state.stages.get(stage_name) != stage.key
        if is_new and self._send("stage_finished", stage_name, seconds):
            self._note(stages={**self._state.stages, stage_name: stage.key})

    def record(self, record: Record) -> None:
        key = hash_of(record)
        is_new = self._state.record != key or self._tracker is not None
        # A copy: what is printed and submitted afterwards is not a tracker's to change.
        if is_new and self._send("run_finished", deepcopy(record), numbers_of(record)):
            self._note(record=key)

    def failed(self, error: BaseException) -> None:
        if _is_stop(error):
            self._seconds = SECONDS_AFTER_STOP
        if self._tracker is not None:
            self._send("run_failed", as_line(_reason(error)))

    def close(self) -> None:
        if self._tracker is not None:
            self._call("close", self._tracker.close)
        if self._thread is not None:
            self._thread.end()

    def _send(self, event: str, *values: Any) -> bool:
        """Hand an event to the tracker, and return whether it has taken it."""
        return self._opened() and self._call(event, getattr(self._tracker, event), *values)

    def _opened(self) -> bool:
        """Whether the tracker is open and works. It is opened if it has never been."""
        if not self._trackers.is_working(self.name):
            return False
        return self._tracker is not None or self._call("open", self._open)

    def _open(self) -> None:
        spec, run = self._chosen.spec, self._run.continuing(self._state.id)
        tracker = spec.open(self._chosen.settings, run)
        if not isinstance(tracker, Tracker) or not isinstance(tracker.id, str):
            raise WsbenchError(f"open returned {tracker!r}, which is no Tracker with an id")
        self._tracker = tracker
        if tracker.id != self._state.id:
            self._note(id=tracker.id, epoch=-1, stages={}, record="")

    def _call(self, event: str, function: Callable[..., Any], *values: Any) -> bool:
        """Call a function of the tracker, and return whether that has worked."""
        if self._thread is None:
            self._thread = TrackerThread(f"tracker {self.name} (plugin {self._chosen.origin})")
        try:
            self._thread.call(function, *values, seconds=self._seconds)
            return True
        except Hangs as error:
            self._tracker = None  # its thread would not close it either
            self._leave_out(event, error)
        except Exception as error:
            self._leave_out(event, error)
        return False

    def _note(self, **changes: Any) -> None:
        """Keep what the tracker has had."""
        self._state = self._state.model_copy(update=changes)
        try:
            write_state(self._run.folder, self.name, self._state)
        except (OSError, WsbenchError) as error:  # a full disk, which the run itself will meet and name
            self._leave_out("note", error)

    def _leave_out(self, event: str, error: Exception) -> None:
        self._trackers.leave_out(self.name, f"{event}: {_reason(error)}")


def _reason(error: BaseException) -> str:
    """An error in words; a mistake of the user needs no name of a class."""
    if _is_stop(error):
        return "stopped"
    words = words_of(error)
    return words if isinstance(error, WsbenchError) else f"{type(error).__name__}: {words}"


def _is_stop(error: BaseException | None) -> bool:
    """Whether Ctrl-C or a signal has led to an error: a library that was writing a file may raise another."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
