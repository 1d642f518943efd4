"""MLflow: a run in a database of this machine, or on a server."""

from __future__ import annotations

import logging
import os
import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import Field

import wsbench
from wsbench.contract import TrackedRun, Tracker, TrackerSpec

BATCH = 90
"""Parameters or metrics of one call. MLflow takes at most a hundred parameters."""

MAX_PARAMETER_CHARACTERS = 6000
MAX_KEY_CHARACTERS = 250


class MlflowSettings(wsbench.Settings):
    """Where runs are written."""

    uri: str = Field(
        "",
        description="address of the tracking server or database; by default mlflow.db (SQLite) in the folder "
        "of runs",
    )
    experiment: str = Field("", description="name of the experiment; by default that of the dataset")


class MlflowTracker(Tracker):
    """Writes one run.

    Args:
        client: an ``MlflowClient``.
        identity: id of the run, which exists.
        run: the run.
    """

    def __init__(self, client: Any, identity: str, run: TrackedRun) -> None:
        super().__init__(identity)
        self._client, self._run, self._status = client, run, "FINISHED"

    def epoch_ended(self, epoch: int, values: Mapping[str, float]) -> None:
        self._log({f"epoch/{name}": value for name, value in values.items()}, epoch)

    def stage_finished(self, stage: str, seconds: float) -> None:
        self._log({f"seconds/{stage}": seconds})

    def run_finished(self, record: wsbench.Record, numbers: Mapping[str, float]) -> None:
        self._log(numbers)

    def run_failed(self, reason: str) -> None:
        self._status = "KILLED" if reason == "stopped" else "FAILED"
        with _quiet():
            self._client.set_tag(self.id, "reason", reason)

    def close(self) -> None:
        with _quiet():
            self._client.set_terminated(self.id, self._status)

    def begin(self) -> None:
        """Write the settings of a new run."""
        from mlflow.entities import Param

        parameters = [
            Param(_key(name), str(value)[:MAX_PARAMETER_CHARACTERS])
            for name, value in self._run.parameters().items()
        ]
        with _quiet():
            for batch in _batches(parameters):
                self._client.log_batch(self.id, params=batch)

    def _log(self, values: Mapping[str, float], step: int = 0) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(_key(name), float(value), now, step) for name, value in values.items()]
        with _quiet():
            for batch in _batches(metrics):
                self._client.log_batch(self.id, metrics=batch)


def _key(name: str) -> str:
    """A name that MLflow takes: no ``@``, and not too long."""
    return re.sub(r"[^\w/.\- ]", "_", name.replace("@", "_at_"))[:MAX_KEY_CHARACTERS]


def _batches(entities: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(entities), BATCH):
        yield entities[start : start + BATCH]


@contextmanager
def _quiet() -> Iterator[None]:
    """A block in which MLflow and its database say nothing on the terminal."""
    logger = logging.getLogger("mlflow")
    others = [logging.getLogger(name) for name in ("alembic", "mlflow.store.db.utils")]
    levels = [(each, each.level) for each in (logger, *others)]
    for each, _ in levels:
        each.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in levels:
            each.setLevel(level)


def _open(settings: MlflowSettings, run: TrackedRun) -> MlflowTracker:
    # Set for the import, which reads it. A benchmark of medical images tells nobody that it was run.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    with _quiet():
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

    with _quiet():
        run.runs.mkdir(parents=True, exist_ok=True)
        client = MlflowClient(tracking_uri=settings.uri or f"sqlite:///{run.runs.resolve() / 'mlflow.db'}")
        if run.previous:
            try:
                if client.get_run(run.previous).info.lifecycle_stage == "active":
                    client.update_run(run.previous, status="RUNNING")
                    return MlflowTracker(client, run.previous, run)
            except MlflowException:  # it was deleted, or the database was
                pass
        experiment = _experiment(client, settings.experiment or run.dataset, run, local=not settings.uri)
        made = client.create_run(experiment, run_name=run.name)
        tracker = MlflowTracker(client, made.info.run_id, run)
        tracker.begin()
        return tracker


def _experiment(client: Any, name: str, run: TrackedRun, *, local: bool) -> str:
    """The id of an experiment, which is made where there is none."""
    known = client.get_experiment_by_name(name)
    if known is not None:
        return str(known.experiment_id)
    # By default, artifacts would lie in the working directory.
    location = (run.runs.resolve() / "mlflow-artifacts").as_uri() if local else None
    return str(client.create_experiment(name, artifact_location=location))


@wsbench.hookimpl
def wsbench_trackers() -> list[TrackerSpec]:
    return [
        TrackerSpec(
            "mlflow",
            "runs in MLflow: a SQLite database beside the runs, or a server",
            MlflowSettings,
            _open,
            packages=("mlflow", "sqlalchemy", "alembic"),
            install="pip install 'wsbench[mlflow]'",
        )
    ]
