"""The memory map: right pixels, made once, resumed after a kill, one builder at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from wsbench import cache, testing
from wsbench.cache import Images, array_of
from wsbench.progress import Advance, Silent
from wsbench.types import Sample


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
    def task(self, what: str, total: int) -> Iterator[Advance]:
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


def test_the_folder_is_chosen_by_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WSBENCH_CACHE", str(tmp_path / "here"))
    assert cache.cache_folder() == tmp_path / "here"
    monkeypatch.delenv("WSBENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.cache_folder() == tmp_path / "xdg" / "wsbench"
