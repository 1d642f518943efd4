"""The phantom's physics against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wsbench_plugins.datasets.phantom import _tissues as tissue
from wsbench_plugins.datasets.phantom._deposit import Branches, branch_depth, deposit
from wsbench_plugins.datasets.phantom._detector import (
    Exposure,
    count_photons,
    expected_photons,
    glare_of,
    measured_integral,
)
from wsbench_plugins.datasets.phantom._frame import Grid, Pose
from wsbench_plugins.datasets.phantom._shapes import Ellipsoid, Limb, soft_union
from wsbench_plugins.datasets.phantom._streams import Stream
from wsbench_plugins.datasets.phantom._tubes import KNOTS, Tubes

UPRIGHT = Pose(field=40.0, x=0.0, y=0.0, tilt=0.0)


def at(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def test_chord_of_a_sphere():
    sphere = Ellipsoid(x=1.0, y=2.0, a=5.0, b=5.0, c=5.0)
    # Through the centre 2 r; at 3 cm from it 2 sqrt(25 - 9) = 8; outside nothing.
    np.testing.assert_allclose(
        sphere.chord(at(1.0, 4.0, 7.0), at(2.0, 2.0, 2.0)), [[10.0, 8.0, 0.0]], atol=1e-5
    )


def test_a_turned_ellipsoid_has_its_long_axis_where_it_points():
    turned = Ellipsoid(x=0.0, y=0.0, a=4.0, b=1.0, c=2.0, turn=math.pi / 2)
    np.testing.assert_allclose(
        turned.chord(at(0.0, 2.0), at(2.0, 0.0)), [[4 * math.sqrt(0.75), 0.0]], atol=1e-5
    )


def test_chord_of_a_tapering_limb():
    limb = Limb(x0=0.0, y0=0.0, x1=0.0, y1=10.0, radius0=2.0, radius1=1.0)
    # Half way down the radius is 1.5, on the axis and 0.9 cm beside it.
    np.testing.assert_allclose(
        limb.chord(at(0.0, 0.9), at(5.0, 5.0)), [[3.0, 2 * math.sqrt(2.25 - 0.81)]], rtol=1e-5
    )


def test_soft_union_keeps_the_larger_and_bridges_equals():
    np.testing.assert_allclose(soft_union(at(3.0, 2.0), at(0.0, 2.0)), [[3.0, 2.0 * 2**0.25]], rtol=1e-6)


def test_two_tissues_multiply():
    both = tissue.transmission(at(2.0 * tissue.SOFT + 0.5 * tissue.CORTICAL_BONE))
    apart = tissue.transmission(at(2.0 * tissue.SOFT)) * tissue.transmission(at(0.5 * tissue.CORTICAL_BONE))
    np.testing.assert_allclose(both, apart, rtol=1e-6)
    assert both[0, 0] == pytest.approx(math.exp(-(2 * 0.205 + 0.5 * 0.48)), rel=1e-6)


def test_denser_tissues_attenuate_more():
    in_order = (tissue.AIR, tissue.LUNG, tissue.FAT, tissue.SOFT, tissue.SPONGY_BONE, tissue.CORTICAL_BONE)
    assert list(in_order) == sorted(in_order)


def test_a_hollow_bone_has_a_shell_and_an_inside():
    every = np.ones((1, KNOTS))
    points = np.stack([np.linspace(-8, 8, KNOTS), np.zeros(KNOTS)], axis=1)[None]
    tubes = Tubes(points, 1.0 * every, 1.0 * every, 0.2 * every, every)
    grid = Grid(UPRIGHT, 801)
    window = tubes.window(grid)
    cortical, spongy = tubes.chords(grid, window)
    column = np.argmin(np.abs(window.x[0]))
    for off in (0.0, 0.5, 0.9):
        row = np.argmin(np.abs(window.y[:, 0] - off))
        outer = 2 * math.sqrt(1 - off**2)
        inner = 2 * math.sqrt(max(0.64 - off**2, 0))
        assert cortical[row, column] == pytest.approx(outer - inner, abs=0.05)
        assert spongy[row, column] == pytest.approx(inner, abs=0.05)
    assert cortical[:, np.abs(window.x[0]) > 8.1].sum() == 0, "beyond the ends there is nothing"


@pytest.mark.parametrize("count", [90, 400])
def test_deposits_keep_the_volume_at_every_size(count):
    grid = Grid(UPRIGHT, count)
    everywhere = grid.window(-50, 50, -50, 50)
    straight = Branches(
        np.array([[-5.0, 0.0]], np.float32),
        np.array([[5.0, 0.0]], np.float32),
        np.zeros(1, np.float32),
        np.array([0.2], np.float32),
    )
    volume = branch_depth(grid, everywhere, [straight]).sum() * grid.pitch**2
    assert volume == pytest.approx(math.pi * 0.2**2 * 10, rel=1e-3)
    ball = deposit(grid, everywhere, np.array([[3.3, -4.4]], np.float32), np.array([0.5], np.float32))
    assert ball.sum() * grid.pitch**2 == pytest.approx(0.5, rel=1e-5)


def test_noise_variance_is_the_photon_count():
    for photons in (400.0, 6400.0):
        flat = np.full((400, 400), photons, np.float32)
        counts = count_photons(flat, Stream((1, "noise")))
        assert counts.mean() == pytest.approx(photons, rel=0.005)
        assert counts.var() == pytest.approx(photons, rel=0.02)


def test_photons_scale_with_pixel_area_and_the_log_undoes_them():
    exposure = Exposure(photons=1e6, glare=0.0, glare_reach=2.0, blur=0.0)
    for size, area in ((64, (32 / 64) ** 2), (128, (32 / 128) ** 2)):
        integral = np.full((size, size), 1.5, np.float32)
        counts = expected_photons(integral, np.zeros_like(integral), exposure, field=32.0)
        np.testing.assert_allclose(counts, 1e6 * area * math.exp(-1.5), rtol=1e-5)
        np.testing.assert_allclose(measured_integral(counts, exposure, 32.0), 1.5, rtol=1e-5)


def test_glare_is_its_share_of_the_mean_beam():
    exposure = Exposure(photons=1e6, glare=0.2, glare_reach=2.0, blur=0.0)
    flat = np.full((128, 128), 2.0, np.float32)
    np.testing.assert_allclose(glare_of(flat, exposure, 32.0), 0.2 * math.exp(-2), rtol=1e-4)


def test_streams_are_uniform_normal_and_named():
    stream = Stream((5, "draws"))
    flat, bell = stream.uniforms(40_000), stream.normals(40_000)
    assert flat.min() >= 0 and flat.max() < 1 and flat.mean() == pytest.approx(0.5, abs=0.01)
    assert bell.mean() == pytest.approx(0, abs=0.02) and bell.std() == pytest.approx(1, abs=0.02)
    assert Stream((5, "a")).uniform() == Stream((5, "a")).uniform() != Stream((5, "b")).uniform()
    picks = [stream.choose({"rare": 1, "common": 3}) for _ in range(4000)]
    assert picks.count("common") / 4000 == pytest.approx(0.75, abs=0.03)
    assert {stream.integer(2, 4) for _ in range(200)} == {2, 3, 4}


def test_pose_puts_its_centre_in_the_middle_and_turns_clockwise():
    pose = Pose(field=40.0, x=1.0, y=2.0, tilt=math.radians(90))
    points = np.array([[1.0, 2.0], [11.0, 2.0]], np.float32)
    np.testing.assert_allclose(pose.to_fractions(points), [[0.5, 0.5], [0.5, 0.75]], atol=1e-6)


def test_the_detector_sees_a_point_where_the_pose_puts_it():
    pose = Pose(field=36.0, x=1.0, y=-2.0, tilt=math.radians(5))
    grid = Grid(pose, 400)
    spot = Ellipsoid(x=7.0, y=4.0, a=0.8, b=0.8, c=1.0)
    seen = grid.to_detector(spot.chord(grid.x, grid.y), 300)
    rows, columns = np.indices(seen.shape)
    centre = np.array([(columns * seen).sum(), (rows * seen).sum()]) / seen.sum()
    expected = pose.to_fractions(np.array([[7.0, 4.0]], np.float32))[0] * 300 - 0.5
    np.testing.assert_allclose(centre, expected, atol=0.1)
