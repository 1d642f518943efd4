"""DICOM files that tests make, of a patient whose name must go nowhere."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, JPEGBaseline8Bit

SECRETS = ("Krankenmeier", "Pat-4711-Id", "19230405", "20191231", "Dr. Geheimrat", "ACC-0815")
"""Words of elements that say who the patient is, and when."""

IDENTITY = {
    "PatientName": "Krankenmeier^Erna",
    "PatientID": "Pat-4711-Id",
    "PatientBirthDate": "19230405",
    "StudyDate": "20191231",
    "ReferringPhysicianName": "Dr. Geheimrat",
    "AccessionNumber": "ACC-0815",
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1",
    "SOPInstanceUID": "1.2.3.4",
}


def dataset(pixels: np.ndarray, **elements: Any) -> Dataset:
    """A grey image of one frame; further elements by keyword, of which None leaves one out."""
    bits = pixels.dtype.itemsize * 8
    values: dict[str, Any] = {
        **IDENTITY,
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": bits,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        **elements,
    }
    values = {"HighBit": values["BitsStored"] - 1, **values}
    result = Dataset()
    result.file_meta = FileMetaDataset()
    result.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    result.PixelData = pixels.tobytes()
    result["PixelData"].VR = "OW" if bits == 16 else "OB"
    for keyword, value in values.items():
        if value is not None:
            setattr(result, keyword, value)
    return result


def content(data: Dataset, syntax: Any = ExplicitVRLittleEndian) -> bytes:
    """The bytes of its file in a transfer syntax that pydicom can write."""
    if syntax.is_compressed and not syntax.is_deflated:
        data.compress(syntax)
    else:
        if syntax == ExplicitVRBigEndian and data.BitsAllocated == 16:
            data.PixelData = np.frombuffer(data.PixelData, dtype="<u2").byteswap().tobytes()
        data.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def jpeg(pixels: np.ndarray, **elements: Any) -> bytes:
    """The bytes of a file whose 8-bit pixels are a JPEG of quality 95."""
    data, stream = dataset(pixels, **elements), io.BytesIO()
    Image.fromarray(pixels).save(stream, format="JPEG", quality=95)
    return with_stream(data, stream.getvalue(), JPEGBaseline8Bit)


def lossless_jpeg(pixels: np.ndarray, bits: int) -> bytes:
    """A lossless JPEG (ISO/IEC 10918-1, annex H) by the first predictor, the pixel to the left. Its Huffman
    code gives each of the 17 classes of differences five bits."""
    height, width = pixels.shape
    before = np.empty((height, width), dtype=np.int64)
    before[:, 1:], before[1:, 0], before[0, 0] = pixels[:, :-1], pixels[:-1, 0], 2 ** (bits - 1)
    words = []
    differences = (pixels.astype(np.int64) - before + 2**15 - 1) % 2**16 - (2**15 - 1)
    for difference in differences.ravel().tolist():
        length = abs(difference).bit_length()
        more = difference if difference > 0 else difference + 2**length - 1
        words.append(f"{length:05b}" + (f"{more:0{length}b}" if 0 < length < 16 else ""))
    text = "".join(words)
    text += "1" * (-len(text) % 8)
    entropy = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")
    frame = struct.pack(">HBHHBBBB", 11, bits, height, width, 1, 1, 0x11, 0)
    table = struct.pack(">HB", 2 + 17 + 17, 0) + bytes([0, 0, 0, 0, 17, *[0] * 11, *range(17)])
    scan = struct.pack(">HBBBBBB", 8, 1, 1, 0, 1, 0, 0)
    parts = [(0xC3, frame), (0xC4, table), (0xDA, scan)]
    markers = b"".join(bytes([0xFF, marker]) + segment for marker, segment in parts)
    return b"\xff\xd8" + markers + entropy + b"\xff\xd9"


def with_stream(data: Dataset, stream: bytes, syntax: Any) -> bytes:
    """The bytes of a file with a compressed stream as it is."""
    data.file_meta.TransferSyntaxUID = syntax
    data.PixelData = encapsulate([stream])
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def lookup_table(entries: np.ndarray, first: int, bits: int, *, count: int | None = None) -> Dataset:
    """An item of a sequence of lookup tables; ``count`` entries, as it says."""
    item = Dataset()
    item.LUTDescriptor = [(count or len(entries)) % 2**16, first, bits]
    item["LUTDescriptor"].VR = "US"
    item.LUTExplanation = "Krankenmeier"
    item.LUTData = entries.astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    return item
