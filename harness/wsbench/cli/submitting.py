"""What ``--submit`` and ``--ladder`` do with a command's records."""

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
    """What was said of it on the command line.

    Attributes:
        wanted: whether records are to enter the leaderboards at all.
        ladder: whether the row has to beat the best committed one.
        folder: of all leaderboards.
        planned: all seeds that the row is to have.
        progress: where what was done is said.
    """

    wanted: bool
    ladder: bool
    folder: Path
    planned: Sequence[int]
    progress: Progress

    def __post_init__(self) -> None:
        if self.ladder and not self.wanted:
            raise WsbenchError("--ladder decides what is submitted; give --submit, too")
        if self.wanted:
            try_folder(self.folder)

    def at_once(self, record: Record) -> None:
        """Submit a record as soon as it is finished, where no rule waits for its whole row."""
        if self.wanted and not self.ladder:
            self._add(record)

    def together(
        self, row: Sequence[Record], metrics: Mapping[str, MetricSpec], beside: Sequence[Record] = ()
    ) -> None:
        """Submit what the Ladder rule lets in, where it was asked for: the row as one or not at all.

        Args:
            row: the records of the command's method, one of each seed.
            metrics: by name.
            beside: those of methods that never look at the image: floors, which nobody chose on the test
                split, and which always enter.
        """
        from wsbench.reports import leaderboard
        from wsbench.reports.submission import refusal

        if not self.ladder:
            return
        committed = leaderboard.read_records(self.folder, metrics).get(row[0].dataset["name"], [])
        why = refusal(row, committed, metrics)
        if why is not None:
            print(why)
        for record in [*(row if why is None else ()), *beside]:
            self._add(record)

    def _add(self, record: Record) -> None:
        from wsbench.reports import leaderboard

        alone = record.method.get("deterministic", False)
        planned = (record.seed,) if alone else self.planned
        self.progress.say(f"submitted {leaderboard.add(record, self.folder, planned)}")
