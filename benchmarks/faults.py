"""What becomes of runs that something happens to: ``python benchmarks/faults.py corrupt --count 500``.

``corrupt`` damages the files that a run leaves, after every stage, and types the next command; it writes
docs/reliability_corruption.md. ``--seed`` decides which files, and how; the same seed does the same.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from fault_corruption import DAMAGES, LOSSES, VERDICTS, campaign

from wsbench.files import write_text
from wsbench.leaderboard import markdown_table

TEXT = Path(__file__).with_name("faults_corruption.md")
PAGE = Path(__file__).parents[1] / "docs" / "reliability_corruption.md"


def render(counts: Mapping[str, Counter[str]], seed: int) -> str:
    """The page of damaged files."""
    rows = [[name, *(str(found[verdict]) for verdict in VERDICTS)] for name, found in counts.items()]
    total = sum(counts.values(), Counter())
    rows.append(["all", *(str(total[verdict]) for verdict in VERDICTS)])
    words = {
        "table": markdown_table(["typed", *VERDICTS], rows),
        "count": str(total.total()),
        "seed": str(seed),
        "damages": ", ".join(DAMAGES),
        "losses": str(sum(total[verdict] for verdict in LOSSES)),
    }
    return Template(TEXT.read_text(encoding="utf-8")).substitute(words)


def corrupt(count: int, seed: int, folder: Path) -> int:
    """Run the campaign of damaged files and write its page; the exit code says whether anything was lost."""
    counts = campaign(folder, count, seed, lambda line: print(line, flush=True))
    write_text(PAGE, render(counts, seed))
    print(f"wrote {PAGE}")
    return int(any(found[verdict] for found in counts.values() for verdict in LOSSES))


def main(words: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["corrupt"])
    parser.add_argument("--count", type=int, default=500, help="of trials")
    parser.add_argument("--seed", type=int, default=0, help="decides which files are damaged, and how")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        return corrupt(options.count, options.seed, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
