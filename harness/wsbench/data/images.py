"""Inspects and reads image files of radiographs."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from wsbench.data import dicom
from wsbench.errors import WsbenchError, words_of
from wsbench.files import limits
from wsbench.files.checksums import CHECK, is_intact, sealed
from wsbench.files.user_files import wrong_name
from wsbench.files.writing import read_json, write_json
from wsbench.utils.progress import Progress

DICOM = dicom.MODE
"""The mode of a DICOM file."""

ORIENTATION = 0x0112
"""The tag of Exif."""

TURNED = ("JPEG", "MPO", "TIFF")
"""Pillow's names of the formats in which cameras write an orientation."""

CHECKED = "decoded"
"""How thoroughly files are checked. Results of a less thorough check are not used."""

Image.MAX_IMAGE_PIXELS = None  # `limits.too_large_picture` stands in its place, and users can raise that


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The properties of an image file.

    Attributes:
        content: the sha256 of the file's bytes; empty where it cannot be read at all.
        width, height: the size of the image, in pixels; 0 where it is unknown.
        mode: Pillow's name of the pixel format (``L``, ``RGB``, ``RGBA``, ``I;16`` ...), or `DICOM`.
        broken: why the file cannot be used, in words; empty for a sound file.
        spacing: the distance of the pixels, in words, where a DICOM file says it.
        orientation: that of Exif 2.32 (4.6.5.1). 1 is upright. Programs turn or mirror images with another
            one, and `read_radiograph` does not.
    """

    content: str
    width: int
    height: int
    mode: str
    broken: str = ""
    spacing: str = ""
    orientation: int = 1


def inspect_file(path: Path) -> FileFacts:
    """Inspect one file.

    Checksums are verified and pixels are decoded, so that every file that a run could not read is found. JPEG
    has no checksums.
    """
    if wrong := wrong_name(path):
        return FileFacts("", 0, 0, "", wrong)
    try:
        data = _bytes_of(path)
    except dicom.DicomError as error:
        return FileFacts("", 0, 0, DICOM, str(error))
    except (OSError, ValueError) as error:  # a name with a NUL character is a ValueError
        reason = error.strerror if isinstance(error, OSError) else error
        return FileFacts("", 0, 0, "", f"cannot be read: {reason}")
    content = hashlib.sha256(data).hexdigest()
    facts = _dicom_facts if dicom.is_dicom(data, path.suffix) else _picture_facts
    return facts(data, content)


def _picture_facts(data: bytes, content: str) -> FileFacts:
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height, mode = *image.size, image.mode
            if too_large := limits.too_large_picture(image):
                return FileFacts(content, width, height, mode, too_large)
            orientation = image.getexif().get(ORIENTATION, 1) if image.format in TURNED else 1
            image.verify()
        with Image.open(io.BytesIO(data)) as image:  # Pillow cannot decode what it has verified
            image.load()
    except WsbenchError:
        raise
    except UnidentifiedImageError:
        return FileFacts(content, 0, 0, "", f"is damaged: it is {'no image' if data else 'empty'}")
    except Exception as error:  # Pillow raises whatever its decoders raise
        return FileFacts(content, 0, 0, "", f"is damaged: {words_of(error)}")
    return FileFacts(content, width, height, mode, orientation=int(orientation))


def _bytes_of(path: Path) -> bytes:
    """What a file holds; a DICOM file may be a film of an hour, and is not read where it is too large."""
    with path.open("rb") as file:
        start = file.read(dicom.SNIFFED)
        if (
            dicom.is_dicom(start, path.suffix)
            and (size := os.fstat(file.fileno()).st_size) > limits.most_bytes()
        ):
            raise dicom.DicomError(limits.too_large(size, "holds"))
        return start + file.read()


def _dicom_facts(data: bytes, content: str) -> FileFacts:
    try:
        header, _ = dicom.read(data)
    except dicom.DicomError as error:
        return FileFacts(content, 0, 0, DICOM, str(error))
    return FileFacts(content, header.width, header.height, DICOM, spacing=header.spacing)


def inspect_files(paths: Iterable[Path], memory: Path, progress: Progress) -> Mapping[Path, FileFacts]:
    """Inspect many files. Results are remembered between runs.

    Args:
        paths: the files.
        memory: a JSON file in which results are kept by path, size and time of change. A file that could not
            be read is not remembered, because the reason may pass without a change of the file.
        progress: shown while files are read.

    Returns:
        The facts of every file by path.
    """
    known = _remembered(memory)
    facts: dict[Path, FileFacts] = {}
    stamps: dict[Path, str] = {}
    for path in paths:
        stamps[path] = stamp = _stamp(path)
        if stamp in known:
            facts[path] = known[stamp]
    new = [path for path in stamps if path not in facts]
    if new:
        with progress.task("checking image files", len(new)) as advance, ThreadPoolExecutor() as pool:
            for path, fact in zip(new, pool.map(inspect_file, new), strict=True):
                facts[path] = fact
                advance()
        # The cause may lie outside of the file: a limit, or the right to read it.
        sound = {stamps[path]: asdict(fact) for path, fact in facts.items() if not fact.broken}
        _remember(memory, sound, progress)
    return facts


def read_radiograph(
    path: Path, height: int, width: int, *, grey_levels: tuple[float, float] | None = None
) -> np.ndarray:
    """Read the grey levels of an image file.

    The image is resized with antialiased bilinear interpolation, as torchvision's ``Resize`` does with Pillow
    images.

    Args:
        path: the file.
        height, width: the size of the result, in pixels.
        grey_levels: for a file with more than 8 bits, the values that become 0 and 255. Values between them
            are scaled linearly. None clips values at 255, as Pillow does. DICOM files say it themselves.

    Returns:
        ``(height, width)`` uint8.

    Raises:
        WsbenchError: the file cannot be decoded.
    """
    try:
        grey = _grey(path, grey_levels)
        if grey.size != (width, height):
            grey = grey.resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(grey)
    except Exception as error:  # Pillow raises whatever its decoders raise
        raise WsbenchError(
            f"{path}: cannot be decoded: {words_of(error)}; `--skip-bad` leaves it out"
        ) from None


def _grey(path: Path, grey_levels: tuple[float, float] | None) -> Image.Image:
    data = _bytes_of(path)
    if dicom.is_dicom(data, path.suffix):
        return Image.fromarray(dicom.read(data)[1])
    with Image.open(io.BytesIO(data)) as image:
        if too_large := limits.too_large_picture(image):
            raise ValueError(too_large)
        return _eight_bits(image, grey_levels)


def _eight_bits(image: Image.Image, grey_levels: tuple[float, float] | None) -> Image.Image:
    if grey_levels is None or not image.mode.startswith("I"):
        return image.convert("L")
    black, white = grey_levels
    shares = (np.asarray(image, dtype=np.float64) - black) / (white - black)
    return Image.fromarray(np.rint(shares.clip(0, 1) * 255).astype(np.uint8))


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return f"{path}|missing"
    return f"{path}|{status.st_size}|{status.st_mtime_ns}|{CHECKED}"


def _remember(memory: Path, facts: Mapping[str, Mapping[str, Any]], progress: Progress) -> None:
    try:
        write_json(memory, sealed({"files": facts}))
    except (OSError, WsbenchError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        progress.say(f"{memory.parent} cannot be written ({reason}): files are read again at the next start")


def _remembered(memory: Path) -> dict[str, FileFacts]:
    try:
        values = read_json(memory)
        if CHECK in values or "files" in values:  # else of a version whose memory had no hash of itself
            values = values["files"] if is_intact(values) else {}
        facts = {stamp: FileFacts(**fact) for stamp, fact in values.items()}
        return {stamp: fact for stamp, fact in facts.items() if fact.content}
    except (OSError, ValueError, TypeError, AttributeError):  # absent or damaged: it is only a memory
        return {}
