"""What becomes of runs that something happens to: ``python benchmarks/faults.py corrupt --count 500``.

``corrupt`` damages the files that a run leaves, after every stage, and types the next command. ``kill`` kills
runs at random moments and types them again. ``share`` types four commands at the same time in one folder.
``disks`` puts a folder on a disk that is full or read-only, makes room, and types the command again.
``--seed`` decides what happens, and the same seed does the same; ``--page FILE`` writes the table to a file.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fault_corruption import LOSSES, VERDICTS, campaign
from fault_disks import disks, enter_namespace
from fault_processes import kills, shared

from wsbench.files.writing import write_text
from wsbench.reports.board_tables import markdown_table


def _tell(line: str) -> None:
    print(line, flush=True)


def _of_corruption(counts: Mapping[str, Counter[str]]) -> tuple[str, int]:
    """The table of damaged files, and how many were lost."""
    rows = [[name, *(str(found[verdict]) for verdict in VERDICTS)] for name, found in counts.items()]
    total = sum(counts.values(), Counter[str]())
    rows.append(["all", *(str(total[verdict]) for verdict in VERDICTS)])
    return markdown_table(["typed", *VERDICTS], rows), sum(total[verdict] for verdict in LOSSES)


def _of_counts(counts: Counter[str], harmless: Sequence[str]) -> tuple[str, int]:
    table = markdown_table(list(counts), [[str(count) for count in counts.values()]])
    return table, sum(count for name, count in counts.items() if name not in harmless)


def _corrupt(folder: Path, count: int, seed: int) -> tuple[str, int]:
    return _of_corruption(campaign(folder, count, seed, _tell))


def _kill(folder: Path, count: int, seed: int) -> tuple[str, int]:
    return _of_counts(kills(folder, count, seed, _tell), ("kills", "runs"))


def _share(folder: Path, count: int, seed: int) -> tuple[str, int]:
    return _of_counts(shared(folder, count, _tell), ("commands", "refused"))


def _disks(folder: Path, count: int, seed: int) -> tuple[str, int]:
    return _of_counts(disks(folder, count, seed, _tell), ("full", "read-only", "refused", "went on"))


CAMPAIGNS: Mapping[str, Callable[[Path, int, int], tuple[str, int]]] = {
    "corrupt": _corrupt,
    "kill": _kill,
    "share": _share,
    "disks": _disks,
}
"""By name, what is done so many times by a seed in an empty folder: a table, and how much was lost."""


def main(words: Sequence[str] | None = None) -> int:
    """The command; its exit code says whether anything was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=list(CAMPAIGNS))
    parser.add_argument("--count", type=int, default=100, help="of damaged files, kills, times or disks")
    parser.add_argument("--seed", type=int, default=0, help="decides what happens")
    parser.add_argument("--page", type=Path, help="write the table to this file")
    options = parser.parse_args(words)
    if options.what == "disks":
        enter_namespace()
    with tempfile.TemporaryDirectory() as name:
        table, lost = CAMPAIGNS[options.what](Path(name), options.count, options.seed)
    if options.page is not None:
        write_text(options.page, table)
    print(table)
    print(f"{lost} lost")
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main())
