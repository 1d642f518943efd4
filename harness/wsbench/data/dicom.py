"""Reads DICOM files of one grey image: the size, the spacing, and the grey levels that a viewer shows.

Only the elements in `ELEMENTS` are read. The patient, the date and the hospital never enter an object of this
process. The messages are written here, because those of a library might repeat the content of a file.
"""

from __future__ import annotations

import io
import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from wsbench.data import dicom_levels
from wsbench.data.dicom_streams import size_of_stream
from wsbench.errors import WsbenchError
from wsbench.files import limits

if TYPE_CHECKING:
    from pydicom import Dataset

MODE = "DICOM"
"""In place of Pillow's name of a pixel format."""

SUFFIXES = (".dcm", ".dicom")

_START = 128
_MARK = b"DICM"

SNIFFED = _START + len(_MARK)
"""The number of bytes at the beginning of a file that tell whether it is a DICOM file."""

ELEMENTS = (
    "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation", "PlanarConfiguration", "PixelSpacing",
    "ImagerPixelSpacing",
    *dicom_levels.ELEMENTS, "PixelData", "FloatPixelData", "DoubleFloatPixelData",
)  # fmt: skip
"""The elements that are read, by keyword."""

COLOURS = ("RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420")
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"

INSTALL = "needs `pip install 'wsbench[dicom]'`"

_ALONE = threading.Lock()
"""pydicom warns, and the filters of warnings are those of the process: only one thread may change them."""


class DicomError(Exception):
    """Why a file cannot be read, in words that repeat nothing of it."""


@dataclass(frozen=True)
class Header:
    """The size and spacing of the image in a file.

    Attributes:
        width, height: the size in pixels.
        spacing: the distance between the centres of neighbouring rows and columns, in words; empty if it is
            not known.
    """

    width: int
    height: int
    spacing: str


def is_dicom(data: bytes, suffix: str) -> bool:
    """Whether bytes are a DICOM file, by the mark behind its preamble, or should be one, by their name.

    Args:
        data: at least the first 132 bytes.
        suffix: of the file, in any case.
    """
    return data[_START : _START + len(_MARK)] == _MARK or suffix.lower() in SUFFIXES


def read(data: bytes) -> tuple[Header, np.ndarray]:
    """The header, and the grey levels as ``(height, width)`` uint8: rescaled, windowed, 0 black.

    Args:
        data: the file's bytes.

    Raises:
        DicomError: the file is damaged, too large, or of a kind that is not read.
        WsbenchError: pydicom, or the decoder of the file's compression, is not installed.
    """
    with _quiet():
        dataset = _parsed(data)
        try:
            header = _header(dataset)
            table, lowest = dicom_levels.table(dataset)
            stored = _stored(dataset, header)
        except (DicomError, WsbenchError):
            raise
        except dicom_levels.LevelError as error:
            raise DicomError(str(error)) from None
        except Exception:  # pydicom converts elements when they are asked for, and raises what that raises
            raise DicomError("is damaged: an element that describes its pixels is not valid") from None
    last = lowest + len(table) - 1
    return header, table[np.clip(stored, lowest, last).astype(np.int64) - lowest]


@contextmanager
def _quiet() -> Iterator[None]:
    """pydicom, imported, with nothing said: its warnings repeat what files hold."""
    try:
        import_module("pydicom")
    except ImportError:
        raise WsbenchError(f"a DICOM file {INSTALL}") from None
    with _ALONE, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _parsed(data: bytes) -> Dataset:
    """The elements that are read, of a file that is whole."""
    import pydicom

    limit = limits.most_bytes()
    if len(data) > limit:
        raise DicomError(limits.too_large(len(data), "holds"))
    if data[_START : _START + len(_MARK)] != _MARK:
        raise DicomError(f"is no DICOM file: it {'lacks the mark DICM' if data else 'is empty'}")
    syntax = _syntax(data)
    if syntax == DEFLATED:  # pydicom would expand it without a limit
        raise DicomError("is deflated as a whole, which is not read; save it in another transfer syntax")
    try:
        return pydicom.dcmread(io.BytesIO(data), specific_tags=list(ELEMENTS))
    except Exception:
        raise DicomError("is damaged: it ends too early, or its elements cannot be read") from None


def _syntax(data: bytes) -> str:
    """The transfer syntax of a file, read before all else."""
    from pydicom.filereader import read_dataset

    stream = io.BytesIO(data)
    stream.seek(SNIFFED)
    try:
        group = read_dataset(stream, False, True, stop_when=lambda tag, vr, length: tag >> 16 != 2)
        elements = {element.keyword: element.value for element in group}  # each is converted, or raises
    except Exception:
        raise DicomError("is damaged: its header cannot be read") from None
    return str(elements.get("TransferSyntaxUID", ""))


def _header(dataset: Dataset) -> Header:
    """Size and spacing of an image that can be read.

    Raises:
        DicomError: it is none, or of a kind that is not read.
    """
    if "PixelData" not in dataset:
        floats = "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset
        kind = "floating-point pixels, which are not read" if floats else "no pixels, or is cut off"
        raise DicomError(f"has {kind}")
    frames = int(dataset.get("NumberOfFrames") or 1)
    colour = str(dataset.get("PhotometricInterpretation", ""))
    if frames != 1:
        raise DicomError(f"has {frames} frames; files of one frame are read")
    if int(dataset.get("SamplesPerPixel") or 1) != 1 or colour in COLOURS:
        raise DicomError(
            f"is a colour image ({colour if colour in COLOURS else 'unknown'}); grey ones are read"
        )
    if colour not in dicom_levels.GREYS:
        raise DicomError(f"does not say whether it is {' or '.join(dicom_levels.GREYS)}")
    width, height, bits = int(dataset.Columns), int(dataset.Rows), int(dataset.BitsAllocated)
    if bits not in (8, 16):
        raise DicomError(f"has {bits} bits a pixel; 8 and 16 are read")
    if width < 1 or height < 1:
        raise DicomError(f"has {width}x{height} pixels")
    if (size := width * height * (bits // 8 + 1)) > limits.most_bytes():
        raise DicomError(limits.too_large(size, f"has {width}x{height} pixels, which take"))
    return Header(width, height, _spacing(dataset))


def _spacing(dataset: Dataset) -> str:
    for keyword, where in (("PixelSpacing", ""), ("ImagerPixelSpacing", " at the detector")):
        try:
            row, column = (float(value) for value in dataset.get(keyword) or ())
        except (TypeError, ValueError):
            continue
        if math.isfinite(row) and math.isfinite(column) and min(row, column) > 0:
            return f"{row:g} x {column:g} mm{where}"
    return ""


def _stored(dataset: Dataset, header: Header) -> np.ndarray:
    """The pixels as they are stored, ``(height, width)`` of some integer type."""
    from pydicom.pixels.decoders.base import get_decoder

    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise DicomError(
            "is compressed in a way that is not read; save it in another transfer syntax"
        ) from None
    if not decoder.is_available:
        raise WsbenchError(f"a DICOM file in {syntax.name} {INSTALL}")
    plugin = ""
    if syntax.is_encapsulated:
        # Of several decoders of lossy images, pixels differ by a grey level: it must always be the same.
        plugin = "pydicom" if syntax == RLE else "pylibjpeg"
        _check_stream(dataset, header, rle=syntax == RLE)
    try:
        array, _ = decoder.as_array(dataset, index=0, raw=True, decoding_plugin=plugin)
    except Exception:  # decoders raise what they like
        reason = f"its pixels cannot be decoded ({syntax.name})" if plugin else "pixels are missing"
        raise DicomError(f"is damaged: {reason}") from None
    if array.shape != (header.height, header.width):
        raise DicomError("is damaged: its pixels are not of the size that it says")
    return np.asarray(array)


def _check_stream(dataset: Dataset, header: Header, *, rle: bool) -> None:
    """Refuse a compressed image that expands to another size than the file says, before that fills the
    memory, and one that is cut, of which decoders show what is there."""
    from pydicom.encaps import get_frame

    try:
        stream = get_frame(dataset.PixelData, 0, number_of_frames=1)
    except Exception:
        raise DicomError("is damaged: its compressed pixels end too early") from None
    if rle:  # it cannot expand to more than 64 times its length
        return
    if size_of_stream(stream) != (header.width, header.height):
        raise DicomError("is damaged: its compressed pixels are not of the size that it says")
    if not stream.rstrip(b"\0").endswith(b"\xff\xd9"):
        raise DicomError("is damaged: its compressed pixels end too early")
