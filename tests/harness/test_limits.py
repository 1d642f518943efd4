"""Files that expand: refused by what their headers say, before they take memory or time."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from wsbench.errors import WsbenchError
from wsbench.files import archives, documents
from wsbench.predictions.npz import HeatmapFile
from wsbench.runs import replay

WHAT = "an npz file of plain arrays"


def write_array(path: Path, shape: str, content: bytes, times: int = 1) -> Path:
    """An archive with one array, whose header says ``shape``."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("heatmaps.npy", "w") as file,
    ):
        file.write(np.lib.format.magic(1, 0) + struct.pack("<H", len(header)) + header)
        for _ in range(times):
            file.write(content)
    return path


def refusal(path: Path) -> str:
    """The error of reading an archive, in less than a second and 50 MB."""
    tracemalloc.start()
    started = time.monotonic()
    with pytest.raises(WsbenchError) as error:
        archives.read_archive(HeatmapFile, path, WHAT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.monotonic() - started < 1
    assert peak < 50 * 10**6
    return str(error.value)


def test_an_archive_that_expands_a_thousand_times_is_refused(tmp_path: Path) -> None:
    path = write_array(tmp_path / "bomb.npz", "(50, 1, 1000, 1000)", bytes(4 * 10**6), times=60)
    assert path.stat().st_size < 300_000
    assert "expands to 241 MB, and at most 200 MB are read; if that is meant, set WSBENCH_MAX" in refusal(
        path
    )
    with pytest.raises(WsbenchError, match=r"bomb\.npz: expands to 241 MB"):
        replay.load(path)


def test_an_archive_whose_header_asks_for_more_than_it_has_is_refused(tmp_path: Path) -> None:
    path = write_array(tmp_path / "a.npz", "(1000000, 1, 1000, 1000)", bytes(400))
    assert "heatmaps.npy: holds Python objects, or not what its header says" in refusal(path)


def test_an_archive_that_is_large_itself_may_expand_to_a_multiple(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("WSBENCH_MAX_MEGABYTES", "1")
    noise = np.random.default_rng(0).integers(256, size=2 * 10**6, dtype=np.uint8).tobytes()
    path = write_array(tmp_path / "a.npz", "(1, 1, 1000, 500)", noise)
    assert archives.read_arrays(path, WHAT)["heatmaps"].nbytes == 2 * 10**6


def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    path = write_array(tmp_path / "a.npz", "(1,)", bytes(4))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("heatmaps.npy", archive.read("heatmaps.npy"))
    assert "holds two arrays of one name" in refusal(path)


@pytest.mark.parametrize("place", range(0, 400, 7))
def test_a_damaged_byte_is_a_line(tmp_path: Path, place: int) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, names=np.array(["a", "b"]), scores=np.arange(9.0))
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 0x5A
    path.write_bytes(content)
    refusal(path)


@pytest.mark.parametrize("letter", [0x110000, 0xFFFFFFFF, 0xD800, 0xDFFF])
def test_letters_that_do_not_exist_are_refused(tmp_path: Path, letter: int) -> None:
    """Python cannot hold some, and cannot print the others."""
    path = tmp_path / "a.npz"
    np.savez(path, names=np.array([letter, 97], dtype=np.uint32).view("<U2"))
    with pytest.raises(WsbenchError, match=r"a\.npz: not .*: holds text that is not Unicode"):
        archives.read_arrays(path, WHAT)
    np.savez(path, names=np.array(["é", "\U0010ffff", ""]), none=np.array([], dtype=str))
    assert archives.read_arrays(path, WHAT)["names"].tolist() == ["é", "\U0010ffff", ""]


def test_a_text_that_is_too_long_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("WSBENCH_MAX_MEGABYTES", "1")
    path = tmp_path / "a.json"
    path.write_text("[" * 10**6)
    assert documents.read_bytes(path)
    path.write_text("[" * (10**6 + 1))
    with pytest.raises(WsbenchError, match=r"a\.json: holds 2 MB, and at most 1 MB are read"):
        documents.read_bytes(path)
