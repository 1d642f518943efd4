"""Organ masks: the dataset's own, or any tool's PNG files, as one memory map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsbench import testing
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.types import ORGANS


class WithOrgans(testing.Toy):
    """Organ k is row k of a mask, in every image."""

    def organ_masks(self, sample, size):
        masks = {}
        for row, organ in enumerate(ORGANS):
            masks[organ] = np.zeros((size, size), dtype=bool)
            masks[organ][row] = True
        return masks


@pytest.fixture
def cached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WSBENCH_CACHE", str(tmp_path / "cache"))


def loaded(dataset: testing.Toy, organs: Path | None = None) -> Loaded:
    toy = testing.toy()
    return replace(toy, dataset=dataset, entry=toy.entry.model_copy(update={"organs": organs}))


def test_a_datasets_own_masks(cached: None) -> None:
    data = loaded(WithOrgans())
    view = data.views.weak(["003", "001"])
    masks = view.organs(8)
    assert masks.shape == (2, 5, 8, 8)
    assert masks[0].dtype == np.uint8
    assert [np.flatnonzero(mask.any(axis=1)).tolist() for mask in masks[0]] == [[0], [1], [2], [3], [4]]
    assert (view.take(1, 2).organs(8)[0] == masks[1]).all()


def test_masks_of_any_tool_in_a_folder(cached: None, tmp_path: Path) -> None:
    folder = tmp_path / "organs"
    for row, organ in enumerate(ORGANS):
        (folder / organ).mkdir(parents=True)
        for sample in testing.Toy().samples:
            mask = np.zeros((40, 48), dtype=np.uint8)
            mask[:, : 8 * (row + 1)] = 255
            Image.fromarray(mask).save(folder / organ / f"{sample.name}.png")
    data = loaded(testing.Toy(), folder)
    masks = data.views.images(["000"]).organs(12)[0]
    assert [int(mask[0].sum()) for mask in masks] == [2, 4, 6, 8, 10]
    (folder / "heart" / "007.png").unlink()
    with pytest.raises(WsbenchError, match=r"organ mask .*heart/007\.png cannot be read: No such file"):
        loaded(testing.Toy(), folder).views.images(["000"]).organs(12)


def test_a_folder_that_changed_is_read_again(cached: None, tmp_path: Path) -> None:
    folder = tmp_path / "organs"
    for organ in ORGANS:
        (folder / organ).mkdir(parents=True)
        for sample in testing.Toy().samples:
            Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(folder / organ / f"{sample.name}.png")
    assert loaded(testing.Toy(), folder).views.images(["000"]).organs(4)[0].sum() == 0
    path = folder / "heart" / "000.png"
    path.unlink()
    Image.fromarray(np.full((4, 4), 255, dtype=np.uint8)).save(path)
    assert loaded(testing.Toy(), folder).views.images(["000"]).organs(4)[0].sum() == 16


def test_without_masks_it_says_how_to_give_them(cached: None) -> None:
    with pytest.raises(
        WsbenchError, match=r"no organ masks of \d+ are known .*; `wsbench data organs` .*`organs: FOLDER`"
    ):
        loaded(testing.Toy()).views.images(["000"]).organs(8)
