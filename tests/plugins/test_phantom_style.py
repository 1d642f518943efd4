"""The scanner's style: a shift of known size, which changes nothing unless it is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from wsbench.contract import plugins
from wsbench.contract.base import Source
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent
from wsbench_plugins.datasets.phantom._stamp import marker_box

PLUGINS = plugins.find()
BOTH = ("phantom", "phantom14")
STYLES = [
    {"tone": 1.5},
    {"noise": 0.1},
    {"exposure": -1.0},
    {"markers": "none"},
    {"markers": "plate"},
    {"markers": "tokenless"},
    {"token_scale": 2.0},
]


def load(name: str = "phantom", **settings: object):
    spec = PLUGINS.datasets[name]
    return spec.load(spec.settings(**settings), Source(None, Path(), Silent()))


def grey(settings: dict[str, object], size: int = 128, name: str = "phantom", images: int = 6) -> np.ndarray:
    """``(images, size, size)`` shares of white."""
    dataset = load(name, images=images, **settings)
    return np.stack([dataset.read(sample, size, size) for sample in dataset.samples]) / 255


def inside(pictures: np.ndarray) -> np.ndarray:
    """The middle of every image, where neither a marker nor a shutter is."""
    size = pictures.shape[1]
    return pictures[:, size // 4 : -size // 4, size // 4 : -size // 4]


def test_content_and_settings_without_a_style_are_as_they_were() -> None:
    first = load(images=1)
    assert first.samples[0].content == (
        "phantom 1 0 {'seed': 0, 'tb': 0.34, 'sick': 0.33, 'marker_correlation': 0.0}"
    )
    fourteen = load("phantom14", images=1).samples[0]
    assert fourteen.content == "phantom14 1 0 {'seed': 0, 'sick': 0.55, 'marker_correlation': 0.0}"
    settings = PLUGINS.datasets["phantom"].settings(tone=1, noise=0)
    assert sorted(settings.model_dump(mode="json")) == [
        "images", "marker_correlation", "seed", "sick", "size", "tb", "val"
    ]  # fmt: skip
    for name, fingerprint in (("phantom", "ffe36c8d51d404fe"), ("phantom14", "bfb040d6eaa0f229")):
        loaded = load_dataset(PLUGINS, name, {"images": 150, "size": 64}, Silent())
        assert loaded.fingerprint == fingerprint


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("style", STYLES, ids=str)
def test_a_style_changes_pixels_and_content_and_no_truth(name: str, style: dict[str, object]) -> None:
    plain, styled = load(name, images=12), load(name, images=12, **style)
    for before, after in zip(plain.samples, styled.samples, strict=True):
        assert (before.name, before.labels, before.boxes) == (after.name, after.labels, after.boxes)
        assert (before.split, before.patient) == (after.split, after.patient)
        assert before.content != after.content
    assert (grey({}, name=name, images=12) != grey(style, name=name, images=12)).any()
    settings = PLUGINS.datasets[name].settings(**style)
    assert settings.model_dump().items() >= style.items()


@pytest.mark.parametrize("style", [*STYLES, {"noise": 0.3, "markers": "plate"}], ids=str)
def test_an_image_is_the_same_in_any_order_and_number(style: dict[str, object]) -> None:
    few, many = load(images=3, **style), load(images=5, **style)
    backwards = [many.read(sample, 64, 64) for sample in reversed(many.samples[:3])]
    forwards = [few.read(sample, 64, 64) for sample in few.samples]
    assert all((one == two).all() for one, two in zip(forwards, reversed(backwards), strict=True))


@pytest.mark.parametrize("tone", [0.5, 2.0])
def test_tone_is_the_gamma_of_grey_levels(tone: float) -> None:
    plain, styled = inside(grey({})), inside(grey({"tone": tone}))
    steep = tone * np.maximum(plain, 2 / 255) ** (tone - 1) / 255
    assert (np.abs(styled - plain**tone) <= np.maximum(steep, 1 / 255)).all(), (
        "but for rounding to 256 levels"
    )


@pytest.mark.parametrize("size", [128, 512])
def test_noise_has_the_standard_deviation_of_its_image_size(size: int) -> None:
    """Larger pixels average over more grain."""
    plain, styled = inside(grey({}, size)), inside(grey({"noise": 0.08}, size))
    middle = (plain > 0.3) & (plain < 0.7)
    assert (styled - plain)[middle].std() == pytest.approx(0.08 * size / 512, rel=0.05)
    assert (styled - plain)[middle].mean() == pytest.approx(0, abs=0.002)
    first, second = (styled - plain)[0], (styled - plain)[1]
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1, "each image has its own grain"


def test_more_exposure_is_darker_and_less_noisy() -> None:
    under, plain, over = (inside(grey({"exposure": stops}, images=12)) for stops in (-1.0, 0.0, 1.0))
    assert (under.mean(axis=(1, 2)) > plain.mean(axis=(1, 2)) + 0.05).all()
    assert (over.mean(axis=(1, 2)) < plain.mean(axis=(1, 2)) - 0.05).all()
    from wsbench_plugins.datasets.phantom._scanner import Scanner

    photons = np.full((4, 4), 1000, np.float32)
    assert Scanner(exposure=-2.0).exposed(photons) == pytest.approx(250)


def test_markers_are_left_out_or_joined_by_a_plate() -> None:
    drawn, none, plate = (load(images=40, markers=word) for word in ("drawn", "none", "plate"))
    assert any(sample.attributes.get("markers") for sample in drawn.samples)
    assert not any("markers" in sample.attributes for sample in none.samples)
    for before, after in zip(drawn.samples, plate.samples, strict=True):
        assert after.attributes["markers"].split("+") == [
            *filter(None, before.attributes.get("markers", "").split("+")), "plate"
        ]  # fmt: skip
        case = plate.case(after)
        x0, y0, x1, y1 = marker_box(case.markers[-1])
        assert 0.2 < x0 < x1 < 0.8 and 0 < y0 < y1 < 0.08, "apart from the places of other markers"


@pytest.mark.parametrize(
    "style", [{"tone": 9}, {"noise": -0.1}, {"exposure": 4}, {"markers": "some"}, {"token_scale": 0.5}]
)
def test_styles_out_of_bounds_are_refused(style: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PLUGINS.datasets["phantom"].settings(**style)
