"""How often a test split has been evaluated: a log beside the runs, and what records keep of it.

Whoever tries often enough on one test split finds what fits its noise (Blum and Hardt 2015, "The Ladder: a
reliable leaderboard for machine learning competitions", introduction), so tables say how often was tried.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from wsbench.errors import WsbenchError
from wsbench.files import checksums, documents
from wsbench.files.documents import Name
from wsbench.files.locks import held_for_a_moment
from wsbench.files.writing import write_text
from wsbench.utils.hashing import key_of

if TYPE_CHECKING:
    from wsbench.contract.records import Record

FILE = "evaluations.jsonl"
"""One line an evaluation, in the folder of all runs on a dataset."""


class Evaluation(documents.Document):
    """A line of a log; ``check`` is the hash of the rest, which lines of earlier versions lack."""

    fingerprint: Name
    method: Name
    settings: Name
    seed: Annotated[int, Field(strict=True)]
    time: Name
    check: Name = ""


def log_of(run: Path, dataset: str) -> Path:
    """The log that a run's evaluations are noted in.

    Args:
        run: its folder; where that was moved out of a folder of runs, its log lies in it.
        dataset: its name, after which the folder of all runs on it is called.
    """
    all_runs = run.resolve().parent.parent
    return (all_runs if all_runs.name == dataset else run) / FILE


def note(
    log: Path, *, fingerprint: str, method: str, settings: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """Add one evaluation to a log. Processes wait for each other, and a kill leaves the log as it was.

    Args:
        log: made where it is not there.
        fingerprint: of the dataset, whose test split was evaluated.
        method, settings, seed: what was evaluated; of the settings a hash is kept.

    Returns:
        ``count``, how many evaluations of that test split the log has, this one included, and ``log``, a
        hash that tells this log from others and names no machine.

    Raises:
        WsbenchError: the log is not what this function writes.
    """
    evaluation = {
        "fingerprint": fingerprint,
        "method": method,
        "settings": key_of(settings),
        "seed": seed,
        "time": datetime.now(UTC).isoformat(),
    }
    with held_for_a_moment(log.with_suffix(".lock")):
        noted = [*_read(log), checksums.sealed(evaluation)]
        write_text(log, "".join(f"{json.dumps(line)}\n" for line in noted))
    return {"log": key_of(noted[0]), "count": _count(noted, fingerprint)}


def seen_here(records: Iterable[Record]) -> int:
    """How many evaluations the test split of some records has seen, by the logs beside their runs; 0 where
    nothing was noted."""
    counts = [0]
    for record in records:
        counts.append(record.evaluations.get("count", 0))  # of a cross-validation, which is in no log itself
        if record.folder is not None:
            log = log_of(record.folder, record.dataset["name"])
            counts.append(_count(_read(log), record.key["fingerprint"]))
    return max(counts)


def times_of(record: Record) -> list[str]:
    """When a run was scored, by the log beside it: times in UTC as ISO 8601, the first one first. Empty where
    nothing was noted, as of a cross-validation."""
    if record.folder is None:
        return []
    own = (record.key["fingerprint"], record.method["name"], key_of(record.method["settings"]), record.seed)
    return [
        line["time"]
        for line in _read(log_of(record.folder, record.dataset["name"]))
        if (line["fingerprint"], line["method"], line["settings"], line["seed"]) == own
    ]


def seen_by(records: Iterable[Record]) -> int | None:
    """How many evaluations a test split has seen at least, by what committed records say.

    Every log counts one after the other, so the latest record of each says how many it had; logs are apart
    from each other, so they add up. A record from before there were logs is one evaluation more. Logs from
    which nothing was submitted are not known: the number is a lower bound.

    Returns:
        None where no record says anything.
    """
    latest: dict[str, int] = {}
    silent = 0
    for record in records:
        if record.evaluations:
            log, count = record.evaluations["log"], record.evaluations["count"]
            latest[log] = max(count, latest.get(log, 0))
        else:
            silent += 1
    return sum(latest.values()) + silent if latest else None


def _read(log: Path) -> list[dict[str, Any]]:
    if not log.exists():
        return []
    noted = []
    for number, line in enumerate(documents.read_bytes(log).splitlines(), start=1):
        try:
            evaluation = documents.json_value(log, line, "JSON")
            documents.checked(Evaluation, evaluation, str(log))
            if checksums.CHECK in evaluation and not checksums.is_intact(evaluation):
                raise WsbenchError(f"{log}: is not what was noted there")
        except WsbenchError as error:
            raise WsbenchError(
                f"{error} (line {number}); fix that line, or move the file away and count from 0"
            ) from None
        noted.append(evaluation)
    return noted


def _count(noted: Iterable[Mapping[str, Any]], fingerprint: str) -> int:
    return sum(evaluation["fingerprint"] == fingerprint for evaluation in noted)
