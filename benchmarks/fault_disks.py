"""Commands whose folders lie on disks that are full or read-only: small file systems in memory.

They are mounted in a namespace of the campaign's own, so it needs no rights, and Linux.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from fault_corruption import empty_state, fresh_copy
from fault_processes import SUBMIT
from fault_trials import Outcome, command, count_losses

PLACES = ("runs", "cache", "boards")
ROOM = 256 * 2**20
"""Bytes of a disk that is not full."""

INSIDE = "FAULTS_NAMESPACE"


def enter_namespace() -> None:
    """Start this program again where it may mount file systems that nobody else sees; once."""
    if INSIDE not in os.environ:
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--map-root-user", "--mount", sys.executable, *sys.argv])


def disks(folder: Path, count: int, seed: int, tell: Callable[[str], None]) -> Counter[str]:
    """Run on a disk that is full at a random moment, or read-only, make room, and type the command again.

    Args:
        folder: an empty one.
        count: of disks; every second one is read-only.
        seed: decides which folder lies on the disk, and its size.
        tell: called with a line for every loss.

    Returns:
        How many disks were ``full`` and ``read-only``, how many commands were ``refused`` or ``went on``
        without that folder, and how often that led to ``tracebacks``, ``other numbers`` or ``left-over
        files``.
    """
    empty, chance, trial = empty_state(folder / "empty"), random.Random(seed), folder / "trial"
    counts = Counter[str](dict.fromkeys(("full", "read-only", "refused", "went on"), 0))
    fresh_copy(empty, trial)
    whole = command(trial, SUBMIT)
    needed = {place: _bytes_in(trial / place) for place in PLACES}
    for number in range(count):
        fresh_copy(empty, trial)
        place, read_only = chance.choice(PLACES), number % 2 == 1
        (trial / place).mkdir(exist_ok=True)
        size = ROOM if read_only else chance.randrange(4096, needed[place])
        _mount(trial / place, f"size={size},{'ro' if read_only else 'rw'}")
        try:
            first = command(trial, SUBMIT)
            _mount(trial / place, f"remount,size={ROOM},rw")
            last = command(trial, SUBMIT)
            left = [path.name for path in trial.rglob("*.part*")]
        finally:
            subprocess.run(["umount", "--lazy", str(trial / place)], check=True)
        counts["read-only" if read_only else "full"] += 1
        counts["refused" if first.code == 2 else "went on"] += 1
        losses = {
            "tracebacks": not _is_a_line(first, place) or last.code != 0,
            "other numbers": last.code == 0 and last.numbers != whole.numbers,
            "left-over files": bool(left),
        }
        text = f"{place}, {size} bytes: {left} {first.text[-800:]} {last.text[-800:]}"
        count_losses(counts, losses, tell, text)
    return counts


def _is_a_line(outcome: Outcome, place: str) -> bool:
    """Whether a command ended well, or in one line that names the folder."""
    errors = [line for line in outcome.text.splitlines() if line.startswith("error: ")]
    refused = outcome.code == 2 and len(errors) == 1 and place in errors[0]
    return "Traceback" not in outcome.text and (outcome.code == 0 or refused)


def _mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
