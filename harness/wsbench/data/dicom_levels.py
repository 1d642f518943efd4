"""What grey level each stored value of a DICOM image has on a screen: modality, window, presentation.

Numbers of sections are those of DICOM PS3.3 (Information Object Definitions).

A file has at most 16 bits, so the way of every possible value is computed once, as a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pydicom import Dataset

ELEMENTS = (
    "RescaleIntercept", "RescaleSlope", "ModalityLUTSequence", "VOILUTSequence", "WindowCenter",
    "WindowWidth", "VOILUTFunction",
)  # fmt: skip
"""The elements that grey levels follow from, besides those of the pixels, by keyword."""

INVERTED = "MONOCHROME1"
GREYS = (INVERTED, "MONOCHROME2")


class LevelError(Exception):
    """Why grey levels do not follow from a file, in words that repeat nothing of it."""


def table(dataset: Dataset) -> tuple[np.ndarray, int]:
    """The grey level of every value that can be stored, uint8, and the lowest such value.

    Without a table and a window of the file, the whole range of values goes from black to white, so that 8
    bits stay as they are.

    Args:
        dataset: of an image of 8 or 16 bits.

    Raises:
        LevelError: the file's elements contradict each other.
    """
    bits, allocated = int(dataset.BitsStored), int(dataset.BitsAllocated)
    if not 1 <= bits <= allocated or int(dataset.get("HighBit", bits - 1)) != bits - 1:
        raise LevelError("does not say well which bits of a pixel hold its value")
    signed = int(dataset.get("PixelRepresentation") or 0) == 1
    lowest = -(2 ** (bits - 1)) if signed else 0
    values = _modality(np.arange(lowest, lowest + 2**bits, dtype=np.float64), dataset)
    shares = _of_interest(values, dataset).clip(0, 1)
    if dataset.PhotometricInterpretation == INVERTED:
        shares = 1 - shares
    return np.rint(shares * 255).astype(np.uint8), lowest


def _modality(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    """C.11.1: stored values to those of the modality."""
    if sequence := dataset.get("ModalityLUTSequence"):
        return _looked_up(values, sequence[0], signed=int(dataset.get("PixelRepresentation") or 0) == 1)[0]
    slope, intercept = _number(dataset, "RescaleSlope", 1.0), _number(dataset, "RescaleIntercept", 0.0)
    if slope == 0:
        raise LevelError("has a rescale slope of 0")
    return np.asarray(values * slope + intercept)


def _of_interest(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    """C.11.2: values of the modality to shares of white; a table goes before a window."""
    if sequence := dataset.get("VOILUTSequence"):
        levels, bits = _looked_up(values, sequence[0], signed=bool(values.min() < 0))
        return np.asarray(levels / (2**bits - 1))
    centre, width = _number(dataset, "WindowCenter", None), _number(dataset, "WindowWidth", None)
    if centre is None or width is None:
        low, high = values.min(), values.max()
        return np.asarray((values - low) / (high - low))
    return _windowed(values, centre, width, str(dataset.get("VOILUTFunction") or "LINEAR"))


def _windowed(values: np.ndarray, centre: float, width: float, function: str) -> np.ndarray:
    """C.11.2.1.2 and C.11.2.1.3."""
    if width < 1 if function == "LINEAR" else width <= 0:
        raise LevelError("has a window without a width")
    if function == "SIGMOID":
        return np.asarray(1 / (1 + np.exp((-4 * (values - centre) / width).clip(-700, 700))))
    if function == "LINEAR_EXACT":
        return np.asarray((values - centre) / width + 0.5)
    if function != "LINEAR":
        raise LevelError("has a window of an unknown function")
    if width == 1:
        return np.asarray((values > centre - 0.5).astype(np.float64))
    return np.asarray((values - (centre - 0.5)) / (width - 1) + 0.5)


def _looked_up(values: np.ndarray, item: Dataset, *, signed: bool) -> tuple[np.ndarray, int]:
    """Values through a table of the file (C.11.1.1.1), and the bits of its entries. Values beyond its ends
    have those of its ends."""
    count, first, bits = (int(number) for number in item.LUTDescriptor)
    count = count or 2**16  # which 16 bits cannot say
    if signed and first >= 2**15:
        first -= 2**16  # its type says unsigned where the reader could not know
    entries = _entries(item.LUTData, bits)
    if len(entries) < count or not 1 <= bits <= 16:
        raise LevelError("has a lookup table that is shorter than it says")
    places = np.clip(np.rint(values) - first, 0, count - 1).astype(np.int64)
    return entries[places].astype(np.float64), bits


def _entries(data: Any, bits: int) -> np.ndarray:
    if isinstance(data, bytes):
        return np.frombuffer(data, dtype=np.uint8 if bits <= 8 else np.dtype("<u2"))
    return np.atleast_1d(np.asarray(data, dtype=np.int64)) & 0xFFFF


def _number(dataset: Dataset, keyword: str, default: Any) -> Any:
    """The first value of an element that may have several, or the default where it has none."""
    value = dataset.get(keyword)
    if value is None or value == "":
        return default
    several = not isinstance(value, str) and hasattr(value, "__len__")
    if several and len(value) == 0:
        return default
    number = float(value[0] if several else value)
    if not np.isfinite(number):
        raise LevelError("has a number that is not finite")
    return number
