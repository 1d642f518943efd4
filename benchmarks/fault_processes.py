"""Commands that are killed at random moments, and commands that are typed at the same time."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from fault_corruption import RUN, empty_state, fresh_copy
from fault_trials import at_once, command, count_losses

SUBMIT = (*RUN, "--submit", "--leaderboards", "boards")
MOST_KILLS = 4
"""Of one run, before it is left alone."""

TOGETHER: Sequence[Sequence[str]] = (
    (*SUBMIT, "--seed", "0"),
    (*SUBMIT, "--seed", "0"),
    (*SUBMIT, "--seed", "1"),
    (*SUBMIT, "--seed", "2"),
)
"""Commands on one folder of runs, one cache and one folder of leaderboards; two are the same."""


def kills(folder: Path, count: int, seed: int, tell: Callable[[str], None]) -> Counter[str]:
    """Kill runs from the beginning, at random moments, and type them until they end.

    Args:
        folder: an empty one.
        count: of kills.
        seed: decides when.
        tell: called with a line for every loss.

    Returns:
        How many ``kills`` there were, ``runs`` that ended then, and how many of them ended with ``other
        numbers``, with ``tracebacks`` or with ``left-over files``.
    """
    empty, chance, counts = empty_state(folder / "empty"), random.Random(seed), Counter[str]()
    fresh_copy(empty, folder / "trial")
    whole = command(folder / "trial", SUBMIT)
    while counts["kills"] < count:
        fresh_copy(empty, folder / "trial")
        for _ in range(chance.randint(1, MOST_KILLS)):
            cut = command(folder / "trial", SUBMIT, kill_after=chance.uniform(0.05, 3.0))
            counts["kills"] += cut.code is None
        last = command(folder / "trial", SUBMIT)
        counts["runs"] += 1
        left = [path.name for path in (folder / "trial").rglob("*.part*")]
        losses = {
            "tracebacks": last.code != 0,
            "other numbers": last.code == 0 and last.numbers != whole.numbers,
            "left-over files": bool(left),
        }
        count_losses(counts, losses, tell, f"{left} {last.text[-2000:]}")
    return counts


def shared(folder: Path, count: int, tell: Callable[[str], None]) -> Counter[str]:
    """Type four commands at the same time on the same folders, many times; what was refused, because another
    process had the run's folder, is typed again.

    Args:
        folder: an empty one.
        count: of times.
        tell: called with a line for every loss.

    Returns:
        How many ``commands`` there were, how many were ``refused`` at first, and how often ``other
        numbers``, ``tracebacks`` or ``lost evaluations`` came of it.
    """
    empty, counts = empty_state(folder / "empty"), Counter[str]()
    fresh_copy(empty, folder / "trial")
    alone = [command(folder / "trial", words) for words in TOGETHER][-1]
    evaluations = _evaluations(folder / "trial")
    for _ in range(count):
        fresh_copy(empty, folder / "trial")
        outcomes = at_once(folder / "trial", TOGETHER)
        refused = [
            (words, outcome) for words, outcome in zip(TOGETHER, outcomes, strict=True) if outcome.code
        ]
        counts["commands"] += len(TOGETHER)
        counts["refused"] += len(refused)
        again = [command(folder / "trial", words) for words, _ in refused]
        wrong = [outcome for _, outcome in refused if "is in use by" not in outcome.text]
        last = again[-1] if again else outcomes[-1]
        losses = {
            "tracebacks": bool(wrong) or any(outcome.code for outcome in again),
            "other numbers": last.numbers != alone.numbers,
            "lost evaluations": _evaluations(folder / "trial") < evaluations,
        }
        count_losses(counts, losses, tell, str([outcome.text[-1500:] for outcome in (*outcomes, *again)]))
    return counts


def _evaluations(folder: Path) -> int:
    lines = [
        json.loads(line)
        for log in folder.glob("runs/*/evaluations.jsonl")
        for line in log.read_text(encoding="utf-8").splitlines()
    ]
    return len({(line["method"], line["settings"], line["seed"]) for line in lines})
