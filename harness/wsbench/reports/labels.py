"""The labels of rows, with the marks of what a reader has to know of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wsbench.contract.records import Record
from wsbench.data.fit_all import ALL, OPTION
from wsbench.errors import printable

BLIND, BOXED = "†", "‡"
TRANSFERRED = "¶"
"""The mark of rows that were trained on another dataset than the one that they are tested on."""
FITS_ALL = "‖"
"""The mark of rows that were trained on the images of select and calibrate, too (``-D fit=all``)."""
UNCONVERGED = "¤"
"""The mark of rows that have not converged (`Row.unconverged`)."""
OVERLAPS = {"none": "", "unknown": "§?", "test": "§"}
"""Marks of rows whose weights were trained before the run: maybe, or surely, on the release of the test
images."""


def label_of(record: Record, protocol: str) -> str:
    """The label of a record's row: name, preset, changed settings, and the marks of image-blind methods, of
    box-supervised ones, of weights that may have seen the test images, and of what nothing was held out
    of."""
    changed = changed_of(record)
    words = (_with_preset(record), changed, printable(_marks(record, protocol)))
    return " ".join(word for word in words if word)


def name_of(record: Record, protocol: str) -> str:
    """The label of a record's row without its changed settings."""
    return " ".join(word for word in (_with_preset(record), _marks(record, protocol)) if word)


def changed_of(record: Record) -> str:
    """The settings of a record that differ from its preset, as labels show them; empty without any."""
    changed = sorted(record.method["changed"].items())
    return printable(" ".join(f"{name}={value}" for name, value in changed))


def _with_preset(record: Record) -> str:
    preset = record.method["preset"]
    return printable(f"{record.method['name']}{'' if preset == 'default' else f' ({preset})'}")


def _marks(record: Record, protocol: str) -> str:
    marks = "" if record.method["reads_image"] else BLIND
    if record.method["box_supervision"] in ("fit", protocol):
        marks += BOXED
    marks += OVERLAPS[record.overlap] + (TRANSFERRED if record.transfer else "")
    return marks + (FITS_ALL if fits_all(record) else "")


def fits_all(record: Record) -> bool:
    """Whether a record's method was trained on the images of select and calibrate, too."""
    trained_on: Mapping[str, Any] = record.transfer.get("trained_on", record.dataset)
    return trained_on.get(OPTION) == ALL
