"""Records made by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec
from wsbench.reports.tabular.form import read_csv
from wsbench.reports.tabular.sections import csv_files, sections_of


def example(
    name: str = "net",
    seed: int = 0,
    *,
    cond_ap25: float | None = 0.5,
    auc: float | None = 0.9,
    subset: Mapping[str, Any] | None = None,
    fingerprint: str = "f00d",
    draws: Sequence[float] | None = None,
    training: str = "",
    **method: Any,
) -> Record:
    """A record of dataset ``phantom`` under protocol ``uniform``."""
    return Record(
        key={
            "dataset": "phantom",
            "fingerprint": fingerprint,
            "protocol": 1,
            "metrics": {"cond_ap25": 1, "auc": 1},
        },
        method={
            "name": name,
            "preset": "quick",
            "changed": {},
            "settings": {"epochs": 3},
            "citation": "",
            "box_supervision": "none",
            "box_use": "",
            "reads_image": True,
            "deterministic": False,
            "facts": {},
            **method,
        },
        dataset={
            "name": "phantom",
            "settings": {},
            "fingerprint": fingerprint,
            "classes": ["tb"],
            "images": {"fit": 8, "select": 1, "calibrate": 1, "test": 2},
            "boxes": {"fit": 3, "select": 1, "calibrate": 1, "test": 2},
            "left_out": {},
            "skipped": [],
            "subset": dict(subset or {}),
        },
        seed=seed,
        protocols={
            "uniform": {
                "calibration": {"operating_points": {"tb": 0.5}},
                **({"draws": {"cond_ap25": draws}} if draws is not None else {}),
                "metrics": {
                    "cond_ap25": {"value": cond_ap25, "per_class": {"tb": cond_ap25}},
                    "auc": {"value": auc, "per_class": {"tb": auc}, **({} if auc else {"undefined": ["tb"]})},
                },
            }
        },
        stages={"fit": {"seconds": 1.0, "peak_megabytes": 100}},
        provenance={"device": "cpu", "versions": {}},
        training=training,
    )


def lines_of(records: Iterable[Record], name: str, metrics: Mapping[str, MetricSpec]) -> list[dict[str, str]]:
    """The lines of a table as CSV of some records of one dataset, by heading; none without that table."""
    files = csv_files(sections_of(records, metrics))
    return read_csv(files[name]) if name in files else []
