"""The curvature of runs as tables: beside each other for a terminal, and as CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wsbench.files.writing import write_text
from wsbench.reports.labels import label_of
from wsbench.studies.curvature.measuring import Curvature

SUMMARY, EIGENVALUES, DENSITY = "summary.csv", "eigenvalues.csv", "density.csv"
"""The files that `write` writes."""


def label(curvature: Curvature) -> str:
    """The method with its preset and changed settings, and the seed."""
    return f"{label_of(curvature.record, 'uniform')}, seed {curvature.record.seed}"


def lines(curvatures: Sequence[Curvature]) -> list[list[str]]:
    """The cells of a table: a column for each run, and beside it what its numbers may be off by.

    Args:
        curvatures: of the same parts.
    """
    ranks = range(max(len(each.results.get("eigenvalues", {}).get("values", ())) for each in curvatures))
    rows: list[tuple[str, Callable[[Curvature], tuple[str, str]]]] = [
        ("parameters", lambda each: (f"{each.results['point']['parameters']:,}", "")),
        ("loss", lambda each: (number(each.results["point"]["loss"]), "")),
        ("gradient norm", lambda each: (number(each.results["point"]["gradient_norm"]), "")),
        *((f"eigenvalue {rank + 1}", lambda each, rank=rank: _eigenvalue(each, rank)) for rank in ranks),
    ]
    if "trace" in curvatures[0].results:
        rows.append(("trace", _trace))
    if curvatures[0].quadratures:
        rows.append(("lowest node", lambda each: (number(_lowest(each)), "")))
    rows.append(("seconds", lambda each: (f"{each.seconds:.0f}", "")))
    return [[name, *(cell for each in curvatures for cell in cells(each))] for name, cells in rows]


def number(value: float) -> str:
    """A number with five significant digits."""
    return f"{value:.5g}"


def _eigenvalue(curvature: Curvature, rank: int) -> tuple[str, str]:
    result = curvature.results["eigenvalues"]
    return number(result["values"][rank]), f"{result['residuals'][rank]:.1g}"


def _trace(curvature: Curvature) -> tuple[str, str]:
    result = curvature.results["trace"]
    return number(result["value"]), f"{result['standard_error']:.2g}"


def _lowest(curvature: Curvature) -> float:
    return min(float(run.nodes.min()) for run in curvature.quadratures)


def write(curvatures: Sequence[Curvature], folder: Path) -> list[Path]:
    """Write what was measured as CSV files.

    Args:
        curvatures: of any number of runs.
        folder: the folder of the files.

    Returns:
        The files: `SUMMARY` has a line for each run, `EIGENVALUES` one for each eigenvalue, and `DENSITY` one
        for each point of each run's density. What was not measured has no file, or no value.
    """
    tables = {
        SUMMARY: [_summary(each) for each in curvatures],
        EIGENVALUES: [row for each in curvatures for row in _eigenvalues(each)],
        DENSITY: [row for each in curvatures for row in _density(each)],
    }
    written = [folder / name for name, rows in tables.items() if rows]
    for path in written:
        write_text(path, _csv(tables[path.name]))
    return written


def _names(curvature: Curvature) -> dict[str, Any]:
    method = curvature.record.method
    return {"method": method["name"], "seed": curvature.record.seed, "run": _folder(curvature)}


def _folder(curvature: Curvature) -> str:
    assert curvature.record.folder is not None
    return curvature.record.folder.name


def _summary(curvature: Curvature) -> dict[str, Any]:
    question, point = curvature.question, curvature.results["point"]
    trace: Mapping[str, Any] = curvature.results.get("trace", {})
    return {
        **_names(curvature),
        "loss": question.loss,
        "role": question.role,
        "images": question.images,
        "precision": question.precision,
        "parameters": point["parameters"],
        "mean_loss": point["loss"],
        "gradient_norm": point["gradient_norm"],
        "trace": trace.get("value"),
        "trace_standard_error": trace.get("standard_error"),
        "lowest_node": _lowest(curvature) if curvature.quadratures else None,
        "products": sum(result["products"] for result in curvature.results.values()),
        "seconds": round(curvature.seconds, 2),
    }


def _eigenvalues(curvature: Curvature) -> Iterable[dict[str, Any]]:
    result = curvature.results.get("eigenvalues", {"values": (), "residuals": ()})
    pairs = zip(result["values"], result["residuals"], strict=True)
    for rank, (value, residual) in enumerate(pairs, start=1):
        yield {**_names(curvature), "rank": rank, "eigenvalue": value, "residual": residual}


def _density(curvature: Curvature) -> Iterable[dict[str, Any]]:
    if not curvature.quadratures:
        return
    from wsbench.torch.curvature.density import smoothed

    for eigenvalue, density in zip(*smoothed(curvature.quadratures), strict=True):
        yield {**_names(curvature), "eigenvalue": float(eigenvalue), "density": float(density)}


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
