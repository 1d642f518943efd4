"""The picture of TBVA-GAN's Figures 3 to 5."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import wsbench
from conftest import refused
from wsbench_plugins.methods.tbva_gan import _mask, _picture

TINY = {"image_size": 32, "filters": 4, "residual_blocks": 1, "discriminator_filters": 4, "epochs": 1,
        "decay": 0, "batch_size": 4, "pairs": 4, "cam_region": 0.0,
        "recogniser": {"weights": "random", "image_size": 32, "filters": 4, "blocks": 2, "hidden": 0,
                       "epochs": 1}}  # fmt: skip


DATA = {"images": 60, "size": 64}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of TBVA-GAN on a small phantom."""
    runs = tmp_path_factory.mktemp("runs")
    wsbench.run("two_lungs", "phantom", data_options=DATA, runs=runs)
    record = wsbench.run("tbva_gan", "phantom", preset="paper", options=TINY, data_options=DATA, runs=runs)
    assert record.folder is not None
    return record.folder


def test_the_histogram_s_shares_by_hand() -> None:
    picture = np.array([[0, 31, 32, 255], [40, 50, 200, 0]], dtype=np.uint8)
    region = np.array([[1, 1, 1, 1], [1, 0, 0, 0]], dtype=bool)
    # Eight bins of 32 levels: 0 and 31 are in the first, 32 and 40 in the second, 255 in the last.
    assert _mask.shares_of_levels(picture, region, 8).tolist() == [0.4, 0.4, 0, 0, 0, 0, 0, 0.2]
    assert not _mask.shares_of_levels(picture, ~region & region, 8).any()


def test_the_pixels_of_boxes() -> None:
    covered = _picture.inside(np.array([[1, 0, 3, 2.4]]), (4, 5))
    assert covered.sum() == 4
    assert covered[:2, 1:3].all()
    assert not _picture.inside(np.zeros((0, 4)), (4, 5)).any()


def test_figures_3_to_5_are_drawn(run: Path, command) -> None:
    code, out, err = command("tbva-picture", str(run), "--images", "2", "-q")
    assert (code, out) == (0, "2 images in tbva.png\n"), err
    pixels = np.asarray(Image.open("tbva.png").convert("RGB")).astype(int)
    red, green, blue = np.moveaxis(pixels, 2, 0)
    fifth = pixels.shape[1] // 5
    truth = (blue > 230) & (red < 60) & (abs(green - 191) < 30)
    for column in (0, 2, 3, 4):  # film, changemap, histograms and mask
        assert truth[:, column * fifth : (column + 1) * fifth].any(), column


def test_mistakes_are_one_line(run: Path, command) -> None:
    said = refused(command("tbva-picture", str(run), "--out", "no/a.png"))
    assert said == "no/a.png: name a file in an existing folder"
    (blind,) = (run.parents[1] / "two_lungs").glob("seed0-*")
    assert "a run of two_lungs, which has no changemaps" in refused(command("tbva-picture", str(blind), "-q"))
