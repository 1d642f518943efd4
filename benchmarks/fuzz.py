"""Mutated files of every kind that comes from outside: ``python benchmarks/fuzz.py --mutations 10000``.

Every mutation goes through a public door of the harness. It may be accepted, or refused in one printable
line; anything else is a fault, printed with the seed that makes it again: ``--kind KIND --first SEED
--mutations 1``.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzz_doors import Door, Doors, own_cache

from wsbench.errors import WsbenchError, as_line
from wsbench.reports.board_tables import markdown_table

SLOW = 5.0
"""Seconds after which a mutation counts as a hang."""


@dataclass(frozen=True)
class Outcome:
    """What came of one mutation.

    Attributes:
        kind: of the door.
        seed: that makes the mutation again.
        result: ``accepted``, ``refused``, ``traceback`` or ``slow``.
        words: of the error.
    """

    kind: str
    seed: int
    result: str
    words: str = ""


def outcomes(doors: Sequence[Door], mutations: int, first: int = 0) -> Iterator[Outcome]:
    """Mutate the files of some doors in turn, and put each back.

    Args:
        doors: with sound inputs.
        mutations: in all.
        first: seed; the others follow it.
    """
    for number in range(mutations):
        yield outcome(doors[number % len(doors)], first + number // len(doors))


def outcome(door: Door, seed: int) -> Outcome:
    """Send one mutation of a door's file through it."""
    random_ = random.Random(f"{door.name} {seed}")
    sound = door.file.read_bytes()
    result, words, started = "accepted", "", time.monotonic()
    try:
        door.file.write_bytes(random_.choice(door.mutations)(sound, random_))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            door.enter(random_)
    except WsbenchError as error:
        result, words = "refused", as_line(str(error))
        if not words or not words.isprintable():
            result = "traceback"
    except (Exception, SystemExit):
        result, words = "traceback", traceback.format_exc()
    finally:
        door.file.write_bytes(sound)
    if result != "traceback" and time.monotonic() - started > SLOW:
        result = "slow"
    return Outcome(door.name, seed, result, words)


def table(found: Sequence[Outcome]) -> str:
    """Counts by kind, as markdown."""
    counts = Counter((outcome.kind, outcome.result) for outcome in found)
    results = ("accepted", "refused", "traceback", "slow")
    kinds = list(dict.fromkeys(outcome.kind for outcome in found))
    lines = [
        [kind, str(sum(counts[kind, result] for result in results)), *(str(counts[kind, r]) for r in results)]
        for kind in kinds
    ]
    total = [str(sum(int(line[column]) for line in lines)) for column in range(1, 6)]
    header = ["input", "mutations", "accepted", "refused in a line", "tracebacks", "over 5 s"]
    return markdown_table(header, [*lines, ["all", *total]])


def main(words: Sequence[str]) -> int:
    """Fuzz; 1 where a mutation ended otherwise than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--minutes", type=float, default=60, help="after which no mutation is begun")
    parser.add_argument("--kind", help="of one door alone, such as heatmaps")
    arguments = parser.parse_args(words)
    found = []
    end = time.monotonic() + 60 * arguments.minutes
    with tempfile.TemporaryDirectory() as folder:
        own_cache(Path(folder) / "cache")
        doors = Doors(Path(folder) / "inputs").all
        if arguments.kind:
            doors = [door for door in doors if door.name == arguments.kind]
        for one in outcomes(doors, arguments.mutations, arguments.first):
            found.append(one)
            if one.result in ("traceback", "slow"):
                print(f"{one.kind}, seed {one.seed}: {one.result}\n{one.words}", file=sys.stderr, flush=True)
            if time.monotonic() > end:
                break
    print(table(found))
    return int(any(one.result in ("traceback", "slow") for one in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
