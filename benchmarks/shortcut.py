"""Trains the networks of the shortcut study one after the other, and keeps what its page needs of records.

    python benchmarks/shortcut.py [--runs runs] [--only kd_student]

The cells are those of ``studies/shortcut.yaml``, those of the first seed first. If you interrupt it, type it
again, and it goes on: a cell whose file lies in ``studies/shortcut`` is not run again. A cell that fails is
named at the end, and the others are run. ``python docs/tools/shortcut.py`` then draws the curve, and ``python
docs/tools/fill.py`` fills the page.
"""

from __future__ import annotations

import argparse
import itertools
import json
import lzma
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import wsbench
from wsbench.files import documents
from wsbench.files.writing import atomic
from wsbench.utils.hashing import key_of

ROOT = Path(__file__).resolve().parents[1]
STUDY = ROOT / "studies" / "shortcut.yaml"
KEPT = ROOT / "studies" / "shortcut"
METRICS = ("auc", "cond_ap25", "ap25", "map_gain", "nuisance_energy", "nuisance_energy_blank")
DRAWS = 250
"""Bootstrap draws of a metric that are kept, the first of a record's thousand."""
DIGITS = 4


@dataclass(frozen=True)
class Cell:
    """One training and its three tests.

    Attributes:
        method: its name.
        options, data_options: settings that differ from the preset's and from the defaults.
        seed: the base seed.
    """

    method: str
    options: Mapping[str, Any]
    data_options: Mapping[str, Any]
    seed: int

    @property
    def file(self) -> Path:
        """Where what is kept of it lies."""
        key = key_of([self.method, self.options, self.data_options])
        correlation = self.data_options["marker_correlation"]
        return KEPT / f"{self.method}-{key[:8]}-{correlation}-seed{self.seed}.json.xz"


def cells(study: Mapping[str, Any]) -> Iterator[Cell]:
    """The cells of a study file: every combination of its lists, the first seed first."""
    data = study["data_options"]
    lists = [value if isinstance(value, list) else [value] for value in data.values()]
    for seed, part in itertools.product(study["seeds"], study["include"]):
        for values in itertools.product(*lists):
            yield Cell(part["methods"], part["options"], dict(zip(data, values, strict=True)), seed)


def kept(record: wsbench.Record, test: str) -> dict[str, Any]:
    """What the study needs of a record: values, and the first draws of the metrics that records keep."""
    uniform = record.protocols["uniform"]
    draws = uniform["draws"]
    return {
        "test": test,
        "fingerprint": record.key["fingerprint"],
        "data": record.dataset["settings"],
        "versions": {name: record.key["metrics"].get(name) for name in METRICS},
        "protocol": record.key["protocol"],
        "images": record.dataset["images"]["test"],
        "boxes": record.dataset["boxes"]["test"],
        "units": uniform["units"],
        "values": {name: (uniform["metrics"].get(name) or {}).get("value") for name in METRICS},
        "draws": {name: [_rounded(x) for x in draws[name][:DRAWS]] for name in METRICS if name in draws},
    }


def softened(record: wsbench.Record) -> float:
    """The mean probability of the wrong class on the test images, at temperature 2: what a student is taught
    beyond the label."""
    table = record.scores()
    scores = table["score tb"].to_numpy().clip(1e-6, 1 - 1e-6)
    right = np.where(table["label tb"] == 1, scores, 1 - scores)
    return float(np.mean(1 / (1 + np.sqrt(right / (1 - right)))))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def run(cell: Cell, study: Mapping[str, Any], runs: Path) -> None:
    """Train and test a cell, and keep what the study needs of its records."""
    results = wsbench.run(
        cell.method,
        study["datasets"],
        preset=study["presets"],
        options=cell.options,
        data_options=cell.data_options,
        seeds=[cell.seed],
        test_on=study["test_on"],
        device="cpu",
        runs=runs,
    )
    assert not isinstance(results, wsbench.Record)
    own, *others = results
    document = {
        "method": {name: own.method[name] for name in ("name", "preset", "changed", "settings")},
        "seed": cell.seed,
        "training": own.training,
        "trained_on": own.dataset["settings"],
        "provenance": own.provenance,
        "seconds": own.stages["fit"]["seconds"],
        "softened": _rounded(softened(own)),
        "tests": [kept(own, "as trained"), *(kept(record, _name(record)) for record in others)],
    }
    KEPT.mkdir(parents=True, exist_ok=True)
    with atomic(cell.file) as file:
        file.write(lzma.compress(json.dumps(document).encode(), preset=9))


def _name(record: wsbench.Record) -> str:
    return "absent" if record.dataset["settings"].get("markers") == "tokenless" else "reversed"


def main(words: Sequence[str] | None = None) -> int:
    """Run what is not done; 1 where a cell failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", default="", help="the cells of this method alone")
    arguments = parser.parse_args(words)
    study = documents.yaml_value(documents.read_bytes(STUDY), str(STUDY))
    todo = [cell for cell in cells(study) if not cell.file.exists() and arguments.only in ("", cell.method)]
    failed = []
    for number, cell in enumerate(todo, start=1):
        print(f"{number} of {len(todo)}: {cell.file.name}", flush=True)
        try:
            run(cell, study, arguments.runs)
        except wsbench.WsbenchError as error:
            failed.append(f"{cell.file.name}: {error}")
    print("\n".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
