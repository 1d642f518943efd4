"""The memory map: right pixels, made once, resumed after a kill, one builder at a time."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from wsbench import testing
from wsbench.data import cache
from wsbench.data.cache import array_of
from wsbench.data.readers import Images
from wsbench.errors import WsbenchError
from wsbench.types import Sample
from wsbench.utils.progress import Advance, Silent


def image_array(dataset, samples, height, width, folder, progress):
    """The memory map of images, as the harness makes it."""
    return array_of(Images(dataset, (height, width)), samples, folder / f"{height}x{width}.npy", progress)


class Counting(testing.Toy):
    """The toy dataset, counting its reads."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []

    def read(self, sample: Sample, height: int, width: int) -> np.ndarray:
        self.reads.append(sample.name)
        return super().read(sample, height, width)


class Interrupted(Silent):
    """Stops the build after some images are written."""

    def __init__(self, after: int) -> None:
        self.left = after

    @contextmanager
    def task(self, description: str, total: int, *, unit: str = "", before: int = 0) -> Iterator[Advance]:
        def advance(steps: int = 1, note: str = "") -> None:
            self.left -= steps
            if self.left <= 0:
                raise KeyboardInterrupt

        yield advance


def test_rows_are_the_images_in_order_and_read_once(tmp_path: Path) -> None:
    dataset = Counting()
    array = image_array(dataset, dataset.samples, 20, 24, tmp_path, Silent())
    again = image_array(dataset, dataset.samples, 20, 24, tmp_path, Silent())
    assert sorted(dataset.reads) == [sample.name for sample in dataset.samples]
    assert array.shape == again.shape == (60, 20, 24)
    for row, sample in enumerate(dataset.samples):
        assert (again[row] == dataset.read(sample, 20, 24)).all()
    assert isinstance(again, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        again[0] = 0


def test_sizes_do_not_mix(tmp_path: Path) -> None:
    dataset = Counting()
    image_array(dataset, dataset.samples, 20, 24, tmp_path, Silent())
    assert image_array(dataset, dataset.samples, 24, 20, tmp_path, Silent()).shape == (60, 24, 20)


def test_an_interrupted_build_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CHUNK", 10)
    stopped = Counting()
    with pytest.raises(KeyboardInterrupt):
        image_array(stopped, stopped.samples, 20, 24, tmp_path, Interrupted(after=30))
    assert not (tmp_path / "20x24.npy").exists()
    resumed = Counting()
    array = image_array(resumed, resumed.samples, 20, 24, tmp_path, Silent())
    assert sorted(resumed.reads) == [f"{index:03d}" for index in range(30, 60)]
    for row, sample in enumerate(resumed.samples):
        assert (array[row] == resumed.read(sample, 20, 24)).all()


def damaged(path: Path, how: str) -> None:
    """Change a file of the cache, for a process that has not looked at it yet."""
    cache._sound.clear()
    data = path.read_bytes()
    if how == "flip":
        at = len(data) * 2 // 3
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    elif how == "delete":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "truncate": data[:-100], "garbage": b"x" * len(data)}[how])


@pytest.fixture
def in_chunks_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CHUNK", 10)


class Heard(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.mark.parametrize("file", ["20x24.npy", "20x24.sums.json"])
@pytest.mark.parametrize("how", ["flip", "empty", "truncate", "garbage", "delete"])
def test_a_damaged_array_is_mended(tmp_path: Path, in_chunks_of_ten: None, file: str, how: str) -> None:
    dataset, heard = Counting(), Heard()
    sound = image_array(dataset, dataset.samples, 20, 24, tmp_path, heard)[:].copy()
    damaged(tmp_path / file, how)
    array = image_array(dataset, dataset.samples, 20, 24, tmp_path, heard)
    assert (array[:] == sound).all()
    said_nothing = how == "delete"  # nothing that was left differs
    assert len(heard.lines) == (0 if said_nothing else 1)
    assert all("20x24.npy is not what was left there" in line for line in heard.lines)
    if (file, how) == ("20x24.npy", "flip"):
        assert len(dataset.reads) == 70  # one chunk is made again, and no more


def test_an_array_from_before_there_were_checksums_is_kept(tmp_path: Path, in_chunks_of_ten: None) -> None:
    dataset = Counting()
    sound = image_array(dataset, dataset.samples, 20, 24, tmp_path, Silent())[:].copy()
    damaged(tmp_path / "20x24.sums.json", "delete")
    again = Counting()
    assert (image_array(again, again.samples, 20, 24, tmp_path, Silent())[:] == sound).all()
    assert again.reads == []
    damaged(tmp_path / "20x24.npy", "flip")
    assert (image_array(again, again.samples, 20, 24, tmp_path, Silent())[:] == sound).all()
    assert len(again.reads) == 10


@pytest.mark.parametrize("how", ["flip", "empty", "truncate", "garbage", "delete"])
@pytest.mark.parametrize("file", ["20x24.part.npy", "20x24.sums.json"])
def test_a_build_does_not_go_on_from_damage(
    tmp_path: Path, in_chunks_of_ten: None, file: str, how: str
) -> None:
    stopped = Counting()
    with pytest.raises(KeyboardInterrupt):
        image_array(stopped, stopped.samples, 20, 24, tmp_path, Interrupted(after=30))
    damaged(tmp_path / file, how)
    array = image_array(stopped, stopped.samples, 20, 24, tmp_path, Silent())
    for row, sample in enumerate(stopped.samples):
        assert (array[row] == stopped.read(sample, 20, 24)).all()


def test_a_build_killed_before_its_last_step_takes_it(tmp_path: Path, in_chunks_of_ten: None) -> None:
    """All rows are there, and only the file's name is not."""
    dataset = Counting()
    sound = image_array(dataset, dataset.samples, 20, 24, tmp_path, Silent())[:].copy()
    (tmp_path / "20x24.npy").rename(tmp_path / "20x24.part.npy")
    again = Counting()
    assert (image_array(again, again.samples, 20, 24, tmp_path, Silent())[:] == sound).all()
    assert again.reads == []


def test_a_full_disk_is_a_line_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a signal in the middle, which is what a memory map over a full disk gives."""

    def full(handle: int, start: int, length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.os, "posix_fallocate", full, raising=False)
    dataset = Counting()
    with pytest.raises(WsbenchError, match=f"no space is left in {tmp_path}: free some, or .* --cache"):
        image_array(dataset, dataset.samples, 20, 24, tmp_path, Silent())
    assert dataset.reads == []
    assert not list(tmp_path.glob("*.npy"))


def test_where_space_cannot_be_asked_for_it_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(handle: int, start: int, length: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(cache.os, "posix_fallocate", unknown, raising=False)
    dataset = Counting()
    array = image_array(dataset, dataset.samples, 20, 24, tmp_path, Silent())
    assert (array[59] == dataset.read(dataset.samples[59], 20, 24)).all()


def test_a_folder_that_cannot_be_written_makes_a_run_slower_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    dataset, heard = Counting(), Heard()
    for _ in range(2):
        array = image_array(dataset, dataset.samples, 20, 24, tmp_path / "file" / "inside", heard)
    (line,) = heard.lines
    assert "cannot be written" in line and "--cache" in line
    assert array.shape == (60, 20, 24)
    expected = np.stack([dataset.read(sample, 20, 24) for sample in dataset.samples])
    assert (array[np.array([5, 3])] == expected[[5, 3]]).all()
    assert (array[7] == expected[7]).all()
    assert (array[:] == expected).all()


BUILD = """
import sys
from pathlib import Path
from wsbench import testing
from wsbench.data.cache import array_of
from wsbench.data.readers import Images
from wsbench.utils.progress import Silent
dataset = testing.Toy()
path = Path(sys.argv[1]) / "20x24.npy"
print(array_of(Images(dataset, (20, 24)), dataset.samples, path, Silent())[:].sum())
"""


def test_four_processes_share_a_cache(tmp_path: Path) -> None:
    words = [sys.executable, "-c", BUILD, str(tmp_path)]
    processes = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    sums = {process.communicate()[0] for process in processes}
    assert len(sums) == 1 and [process.returncode for process in processes] == [0] * 4


def test_the_folder_is_chosen_by_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WSBENCH_CACHE", str(tmp_path / "here"))
    assert cache.cache_folder() == tmp_path / "here"
    monkeypatch.delenv("WSBENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.cache_folder() == tmp_path / "xdg" / "wsbench"
