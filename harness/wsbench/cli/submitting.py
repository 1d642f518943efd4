"""Submission of a command's records to a leaderboard: ``--submit`` and ``--ladder``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wsbench.errors import WsbenchError
from wsbench.utils.system_errors import try_folder

if TYPE_CHECKING:
    from wsbench.contract.records import Record
    from wsbench.contract.specs import MetricSpec
    from wsbench.utils.progress import Progress


@dataclass(frozen=True)
class Submission:
    """The submission that the command line asks for.

    Attributes:
        submit: whether records are submitted at all.
        ladder: whether the row must beat the best committed one.
        folder: the folder of all leaderboards.
        planned: all seeds that the row is to have.
        progress: reports what was submitted.
    """

    submit: bool
    ladder: bool
    folder: Path
    planned: Sequence[int]
    progress: Progress

    def __post_init__(self) -> None:
        if self.ladder and not self.submit:
            raise WsbenchError("--ladder needs --submit")
        if self.submit:
            try_folder(self.folder)

    def at_once(self, record: Record) -> None:
        """Submit a record as soon as it is finished, unless the Ladder rule needs all records of its row."""
        if self.submit and not self.ladder:
            self._add(record)

    def together(
        self, row: Sequence[Record], metrics: Mapping[str, MetricSpec], references: Sequence[Record] = ()
    ) -> None:
        """Submit a row if the Ladder rule lets it in: all its records or none. Without ``--ladder``, do
        nothing.

        Args:
            row: the records of the command's method, one for each seed.
            metrics: all metrics by name.
            references: the records of image-blind methods. They always enter, because nobody chose them on
                the test split.
        """
        from wsbench.reports import leaderboard
        from wsbench.reports.submission import refusal

        if not self.ladder:
            return
        committed = leaderboard.read_records(self.folder, metrics).get(row[0].dataset["name"], [])
        why = refusal(row, committed, metrics)
        if why is not None:
            print(why)
        for record in [*(row if why is None else ()), *references]:
            self._add(record)

    def _add(self, record: Record) -> None:
        from wsbench.reports import leaderboard

        alone = record.method.get("deterministic", False)
        planned = (record.seed,) if alone else self.planned
        self.progress.say(f"submitted {leaderboard.add(record, self.folder, planned)}")
