"""Heatmaps of external programs as npz files, with every mistake named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from external_examples import finished_run, scored, small_phantom
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.predictions import external
from wsbench.runs import export


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Path]:
    """A finished run, and the plugin file of its method."""
    return finished_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return small_phantom()


OF_CLASSES = ("classes", "scores", "heatmaps")


def without(name: str) -> Callable[[dict], None]:
    return lambda arrays: arrays.pop(name)


def changed(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict], None]:
    return lambda arrays: arrays.update({name: change(arrays[name])})


def first_twice(values: np.ndarray) -> np.ndarray:
    values[1] = values[0]
    return values


def first_is_nan(values: np.ndarray) -> np.ndarray:
    values[0] = np.nan
    return values


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ([without("scores")], "has no array 'scores'"),
        ([changed("heatmaps", first_is_nan)], r"heatmaps of .* must lie in \[0, 1\], found nan"),
        (
            [changed("classes", lambda names: np.array(["tbx"]))],
            "unknown class of phantom 'tbx'; did you mean 'tb'",
        ),
        ([changed("names", lambda names: np.char.add(names, "x"))], r"image '\S+x' is not in phantom; did"),
        ([changed("map_names", lambda names: np.char.add(names, "x"))], r"image '\S+x' is not in phantom; d"),
        (
            [changed("names", lambda names: np.array([name.rpartition("/")[2] for name in names]))],
            r"image '(\S+)' is not in phantom; did you mean '\w+/\1'\?",
        ),
        (
            [changed("names", lambda names: names[:-1]), changed("scores", lambda scores: scores[:-1])],
            "role test have no score",
        ),
        ([changed("scores", lambda scores: scores[1:])], "scores has shape"),
        (
            [changed("heatmaps", lambda maps: maps[:, 0])],
            r"heatmaps: must have 4 axes; its shape is \(28, 24, 24\)",
        ),
        (
            [without("regions"), changed("heatmaps", lambda maps: maps[:, :, :12])],
            "is 24x12, its image 512x512: their aspects differ; add the array 'regions'",
        ),
        (
            [changed("box_grid", lambda grid: grid[:1])],
            r"box_grid: \[40\] must be a number of rows and of columns",
        ),
        ([changed("box_grid", lambda grid: -grid)], r"box_grid: \[-40, -36\] must be"),
        ([changed("names", first_twice)], r"image \S+ is listed twice; list it once"),
        ([changed("map_names", first_twice)], r"heatmap of \S+ is listed twice"),
        (
            [
                changed(name, lambda values: values.repeat(2, axis=int(values.ndim > 1)))
                for name in OF_CLASSES
            ],
            "class tb is listed twice",
        ),
        (
            [changed("scores", lambda scores: scores * 8 - 4)],
            r"the scores of \S+ must lie in \[0, 1\], found -?\d.*; pass a detector's logits",
        ),
        ([changed("names", lambda names: names.astype(object))], "not an npz file of plain arrays"),
        ([changed("names", lambda names: np.arange(len(names)))], "names: must hold text, not int64"),
        ([changed("scores", lambda scores: scores.astype(str))], "scores: must hold numbers, not <U"),
        ([changed("scores", lambda scores: scores + 0j)], "scores: must hold numbers, not complex128"),
        ([changed("heatmaps", lambda maps: maps * 255)], r"maps\.npz: the heatmaps of \S+ .*; divide grey l"),
        (
            [changed("heatmaps", lambda maps: maps[..., :0])],
            r"heatmaps has shape \(\d+, 1, 24, 0\): 1 to 4096",
        ),
        (
            [changed("regions", lambda regions: regions / 512)],
            "covers 1x1 of 512x512 pixels from 0, 0; regions",
        ),
        ([changed("regions", lambda regions: regions * 0)], "covers 0x0 of 512x512 pixels"),
        ([changed("regions", lambda regions: regions * 1e6)], r"covers 5\.12e\+08x5\.12e\+08 of 512x512"),
        ([changed("regions", lambda regions: regions + 512)], "pixels from 512, 512; regions are"),
        ([changed("regions", lambda regions: regions * np.nan)], "covers nanxnan of"),
        ([lambda arrays: arrays.update(region=arrays.pop("regions"))], "region: .*; did you mean 'regions'"),
    ],
)
def test_faults_of_npz_files(
    faults: list, words: str, run: tuple[Record, Path], loaded: Loaded, tmp_path: Path
) -> None:
    path = tmp_path / "maps.npz"
    export.arrays(run[0], loaded, path)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    for fault in faults:
        fault(arrays)
    np.savez(path, **arrays)
    with pytest.raises(WsbenchError, match=words) as error:
        scored(path, loaded)
    assert "\n" not in str(error.value)


def test_names_in_bytes_are_text(run: tuple[Record, Path], loaded: Loaded, tmp_path: Path) -> None:
    path = tmp_path / "maps.npz"
    export.arrays(run[0], loaded, path)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    expected = external.read_predictions(path, "program", loaded).parts["test"]
    arrays["names"], arrays["map_names"] = (np.char.encode(arrays[name]) for name in ("names", "map_names"))
    np.savez(path, **arrays)
    assert np.array_equal(
        external.read_predictions(path, "program", loaded).parts["test"].heatmaps, expected.heatmaps
    )
