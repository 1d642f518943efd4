"""Tables of sweeps for documents, from the CSV files that `wsbench sweep` has written.

    python docs/tools/sweeps.py runs/sweeps/tbva_losses miou,cond_ap25,region_iou

keeps the lines of these metrics beside the documents.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
from records import as_markdown, write

RESULTS = Path(__file__).parents[1] / "sweeps"
"""The folder with ``results.csv`` of each sweep, under the sweep's name."""


def sweep_text(name: str, protocol: str, metrics: str, settings: str) -> str:
    """Means with standard deviations and, where the file has it, the difference to the baseline.

    Args:
        name: of the file, without its ending.
        protocol: ``uniform`` or ``paper``.
        metrics: their names, with commas.
        settings: the names of the columns that tell rows apart, with commas.

    Raises:
        KeyError: the file has no such column.
    """
    columns = [word.strip() for word in settings.split(",")]
    table = pd.read_csv(RESULTS / f"{name}.csv", dtype=dict.fromkeys(columns, str), keep_default_na=True)
    table = table[table["protocol"] == protocol].fillna({column: "" for column in columns})
    chosen = [word.strip() for word in metrics.split(",")]
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for line in table.to_dict("records"):
        if line["metric"] in chosen:
            row = rows.setdefault(tuple(line[column] for column in columns), {})
            row["seeds"] = str(line["seeds"])
            row[line["metric"]] = _mean(line)
            row[f"{line['metric']} difference"] = _difference(line)
    compared = [name for name in chosen if any(row.get(f"{name} difference") for row in rows.values())]
    headings = [
        heading
        for name in chosen
        for heading in (name, f"{name} difference")
        if name in compared or heading == name
    ]
    body = [
        [*key, row["seeds"], *(row.get(heading, "") for heading in headings)] for key, row in rows.items()
    ]
    return as_markdown([*columns, "seeds", *headings], body)


def _mean(line: dict[str, Any]) -> str:
    spread = "" if pd.isna(line["sd"]) else f" ± {line['sd']:.3f}"
    return f"{line['mean']:.3f}{spread}"


def _difference(line: dict[str, Any]) -> str:
    if pd.isna(line["difference"]):
        return ""
    ends = f"{line['difference_low']:+.3f} to {line['difference_high']:+.3f}"
    return f"{line['difference']:+.3f} ({ends})"


def sweep(name: str, protocol: str, metrics: str, settings: str) -> None:
    """Write `sweep_text` into a document."""
    write(sweep_text(name, protocol, metrics, settings))


def keep(folder: Path, metrics: str) -> Path:
    """Copy the lines of some metrics from a sweep's folder to the documents.

    Args:
        folder: of the sweep, in the folder of runs.
        metrics: their names, with commas.
    """
    table = pd.read_csv(folder / "results.csv", dtype=str, keep_default_na=False)
    kept = table[table["metric"].isin([word.strip() for word in metrics.split(",")])]
    path = RESULTS / f"{folder.name}.csv"
    kept.to_csv(path, index=False, lineterminator="\n")
    return path


if __name__ == "__main__":
    print(keep(Path(sys.argv[1]), sys.argv[2]))
