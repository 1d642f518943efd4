"""What writers of official layouts have in common: class names, image files, tables."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

import wsbench


def names_in_release(
    dataset: wsbench.Dataset, classes: Sequence[str], layout: str, lone: str
) -> Mapping[str, str]:
    """Name the classes of a dataset as a release does. Case, spaces, hyphens and underscores do not matter.

    Args:
        dataset: the dataset that is written.
        classes: the classes of the release.
        layout: the layout's name, for the message.
        lone: the class of the release that the only class of a dataset becomes where it has another name.

    Returns:
        By the dataset's class, the release's.

    Raises:
        WsbenchError: the release lacks a class.
    """
    by_bare_name = {wsbench.names.letters_and_digits(name): name for name in classes}
    unknown = [name for name in dataset.classes if wsbench.names.letters_and_digits(name) not in by_bare_name]
    if len(dataset.classes) == 1 and unknown:
        return {unknown[0]: lone}
    if unknown:
        raise wsbench.WsbenchError(f"{layout}'s layout has no classes {', '.join(unknown)}")
    return {name: by_bare_name[wsbench.names.letters_and_digits(name)] for name in dataset.classes}


def sorted_samples(dataset: wsbench.Dataset) -> list[wsbench.Sample]:
    """Return the samples of a dataset, sorted by name."""
    return sorted(dataset.samples, key=lambda sample: sample.name)


def file_names(samples: Sequence[wsbench.Sample], suffix: str) -> Mapping[str, str]:
    """Name the file of every sample in a single folder: its name without folders, and with a suffix.

    Args:
        samples: the samples.
        suffix: the suffix of all files, such as ``.png``.

    Returns:
        File names by sample name.

    Raises:
        WsbenchError: two samples would have the same file.
    """
    names = {sample.name: Path(sample.name).with_suffix(suffix).name for sample in samples}
    if len(set(names.values())) < len(names):
        raise wsbench.WsbenchError("two images would have the same name; this layout has a single folder")
    return names


def tested_split(samples: Sequence[wsbench.Sample]) -> str:
    """Choose the split that becomes the official test split: test, or val where there is no test.

    Raises:
        WsbenchError: there is neither.
    """
    splits = {sample.split for sample in samples}
    for name in ("test", "val"):
        if name in splits:
            return name
    raise wsbench.WsbenchError(f"this layout needs a split test or val; there is {', '.join(sorted(splits))}")


def read_whole(dataset: wsbench.Dataset, sample: wsbench.Sample) -> np.ndarray:
    """Read an image at its own size, ``(height, width)`` uint8."""
    return dataset.read(sample, sample.height, sample.width)


def save_image(grey: np.ndarray, path: Path) -> None:
    """Save grey levels, in the format of the path's suffix, and make its folder. A JPEG has quality 95."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(grey)
    if path.suffix in (".jpg", ".jpeg"):
        image.save(path, quality=95)
    else:
        image.save(path)


def save_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Save a CSV table in UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def save_dicom(grey: np.ndarray, path: Path, number: int) -> None:
    """Save grey levels as an uncompressed DICOM file of eight bits, of nobody.

    Args:
        grey: ``(height, width)`` uint8.
        path: the file.
        number: makes the file's identifier, so that the same file is written again.

    Raises:
        WsbenchError: pydicom is not installed.
    """
    try:
        from pydicom.dataset import Dataset, FileMetaDataset
        from pydicom.uid import ExplicitVRLittleEndian
    except ImportError:
        raise wsbench.WsbenchError("a DICOM file needs `pip install 'wsbench[dicom]'`") from None
    data, data.file_meta = Dataset(), FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"  # computed radiography
    data.SOPInstanceUID = f"2.25.{number + 1}"
    data.Rows, data.Columns = grey.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    # A file without a window shows its own range from black to white, which would change grey levels.
    data.WindowCenter, data.WindowWidth = 128, 256
    odd = grey.size % 2
    data.PixelData = grey.tobytes() + b"\0" * odd
    data["PixelData"].VR = "OB"
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
