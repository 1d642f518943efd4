"""The size that a compressed image says of itself: JPEG, JPEG-LS and JPEG 2000."""

from __future__ import annotations

import struct

_SIZ = b"\xff\x4f\xff\x51"
"""How a JPEG 2000 codestream begins (ISO/IEC 15444-1, A.4 and A.5): its marker, then that of its size."""

_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""Second bytes of the markers that begin a frame (ISO/IEC 10918-1, table B.1; 0xF7 of ISO/IEC 14495-1)."""


def size_of_stream(stream: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None where the bytes do not say it.

    Args:
        stream: of one frame.
    """
    try:
        start = stream.find(_SIZ, 0, 256)  # some writers put the boxes of a JP2 file before it
        return _size_of_jpeg(stream) if start < 0 else _size_of_jpeg2000(stream[start:])
    except (struct.error, IndexError):
        return None


def _size_of_jpeg2000(stream: bytes) -> tuple[int, int]:
    right, lower, left, upper = struct.unpack_from(">IIII", stream, 8)
    return right - left, lower - upper


def _size_of_jpeg(stream: bytes) -> tuple[int, int] | None:
    offset = 2
    while stream[offset] == 0xFF:
        marker = stream[offset + 1]
        if marker == 0xFF:  # a fill byte
            offset += 1
            continue
        (length,) = struct.unpack_from(">H", stream, offset + 2)
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", stream, offset + 5)
            return width, height
        offset += 2 + length
    return None
