"""What the phantom promises about its cases, pictures, boxes and masks."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from hashlib import sha256

import cv2
import numpy as np
import pytest

from wsbench_plugins.datasets.phantom._case import Case, draw_case
from wsbench_plugins.datasets.phantom._findings import Group
from wsbench_plugins.datasets.phantom._organs import organ_masks
from wsbench_plugins.datasets.phantom._render import line_integrals, render
from wsbench_plugins.datasets.phantom._truth import finding_boxes, finding_masks

GROUPS: tuple[Group, ...] = ("healthy", "sick", "tb")
TB_FINDINGS = {"consolidation", "cavity", "nodules", "miliary", "fibrosis", "calcified nodules", "effusion"}
UPPER_ZONE = TB_FINDINGS - {"effusion"}
ACTIVE = TB_FINDINGS - {"fibrosis", "calcified nodules"}


def a_case(index: int, group: Group = "tb", seed: int = 3) -> Case:
    return draw_case(seed, index, group, tb_prevalence=0.34, marker_correlation=0.0)


def tb_with(name: str) -> Case:
    return next(case for case in map(a_case, range(500)) if case.findings[0].name == name)


@pytest.fixture(scope="module")
def tb_cases() -> list[Case]:
    return [a_case(index) for index in range(600)]


def test_a_case_is_the_same_in_any_order():
    forwards = [sha256(render(a_case(index, group), 96)).digest() for index in range(3) for group in GROUPS]
    backwards = [
        sha256(render(a_case(index, group), 96)).digest() for index in (2, 1, 0) for group in GROUPS[::-1]
    ]
    assert forwards == backwards[::-1]
    assert len(set(forwards)) == len(forwards), "no two pictures are alike"


def test_another_process_draws_the_same_bytes():
    code = (
        "from hashlib import sha256\n"
        "from wsbench_plugins.datasets.phantom._case import draw_case\n"
        "from wsbench_plugins.datasets.phantom._render import render\n"
        "case = draw_case(3, 11, 'tb', tb_prevalence=0.34, marker_correlation=0.0)\n"
        "print(sha256(render(case, 128)).hexdigest())"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert told.stdout.strip() == sha256(render(a_case(11), 128)).hexdigest()


def test_the_seed_matters():
    assert a_case(0, seed=1).anatomy != a_case(0, seed=2).anatomy


def test_cases_are_small_values():
    case = a_case(5)
    assert pickle.loads(pickle.dumps(case)) == case
    assert hash(case) == hash(a_case(5))
    assert len(pickle.dumps(case)) < 8000


@pytest.mark.parametrize("index", range(4))
def test_small_and_large_pictures_show_the_same(index):
    case = a_case(index)
    small = render(case, 128).astype(float)
    large = cv2.resize(render(case, 512), (128, 128), interpolation=cv2.INTER_AREA).astype(float)
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.99
    assert np.abs(small - large).mean() < 4


@pytest.mark.parametrize("size", [64, 100, 224, 1024])
def test_any_size_can_be_had(size):
    picture = render(a_case(1), size)
    assert picture.shape == (size, size) and picture.dtype == np.uint8
    assert picture.std() > 30


def test_pictures_look_exposed():
    """Dark lungs, bright abdomen, black air, in nearly every picture."""
    darker, blacker = 0, 0
    for index in range(24):
        case = replace(a_case(index, "healthy"), shutter=None, markers=())
        picture, organs = render(case, 128).astype(float), organ_masks(case, 128)
        lung = picture[organs["right_lung"]].mean()
        darker += (
            lung < picture[organs["abdomen"]].mean() - 50 and lung < picture[organs["heart"]].mean() - 20
        )
        blacker += np.quantile(picture, 0.01) < 30
    assert darker >= 22 and blacker >= 20


def test_only_findings_tell_the_groups_apart():
    healthy, sick, tb = (a_case(7, group) for group in GROUPS)
    for part in ("anatomy", "pose", "exposure", "tone", "shutter", "markers"):
        assert getattr(healthy, part) == getattr(sick, part) == getattr(tb, part)


def test_boxes_belong_to_the_groups(tb_cases):
    assert all(finding_boxes(a_case(index, "healthy")) == () for index in range(30))
    for case in tb_cases:
        names = {box.name for box in finding_boxes(case)}
        assert names <= TB_FINDINGS and names & UPPER_ZONE, "an effusion never stands alone"
        activities = {box.activity for box in finding_boxes(case)}
        assert activities == {case.activity}
        assert (case.activity == "active") == bool(names & ACTIVE)
    for index in range(100):
        boxes = finding_boxes(a_case(index, "sick"))
        assert 1 <= len(boxes) <= 2 and all(box.activity is None for box in boxes)
        assert {box.name for box in boxes} <= {"cardiomegaly", "pneumonia", "effusion"}


def test_box_statistics_are_those_of_real_films(tb_cases):
    """Near TBX11K's: 1.4 boxes an image, a quarter of the side wide and high, most in the upper half."""
    boxes = [finding_boxes(case) for case in tb_cases]
    counts = Counter(map(len, boxes))
    assert set(counts) <= {1, 2, 3, 4} and 1.3 < np.mean([len(some) for some in boxes]) < 1.7
    array = np.array([(box.x0, box.y0, box.x1, box.y1) for some in boxes for box in some])
    assert array.min() >= 0 and array.max() <= 1
    width, height = array[:, 2] - array[:, 0], array[:, 3] - array[:, 1]
    assert 0.2 < np.median(width) < 0.3 and 0.2 < np.median(height) < 0.32
    assert width.min() > 0.03 and height.min() > 0.03
    assert 0.25 < np.median((array[:, 1] + array[:, 3]) / 2) < 0.4
    shares = Counter(case.activity for case in tb_cases)
    assert 0.74 < shares["active"] / len(tb_cases) < 0.86


@pytest.mark.parametrize("size", [128, 512])
def test_boxes_agree_with_masks(size):
    for index in range(25):
        for group in ("sick", "tb"):
            case = a_case(index, group)
            for box, mask in zip(finding_boxes(case), finding_masks(case, size), strict=True):
                rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
                tight = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
                expected = np.array([box.x0, box.y0, box.x1, box.y1]) * size
                assert np.abs(tight - expected).max() <= 1.3, (index, box)


def test_upper_zone_findings_lie_in_the_lungs(tb_cases):
    for case in tb_cases[:25]:
        organs = organ_masks(case, 128)
        chest = organs["right_lung"] | organs["left_lung"] | organs["mediastinum"] | organs["diaphragm"]
        for box, mask in zip(finding_boxes(case), finding_masks(case, 128), strict=True):
            assert (mask & chest).sum() > 0.9 * mask.sum(), box


@pytest.mark.parametrize("name", sorted(UPPER_ZONE))
def test_a_finding_changes_its_mask_and_hardly_anything_else(name):
    case = tb_with(name)
    case = replace(case, findings=case.findings[:1])
    healthy, shown = line_integrals(case, 256)
    change = np.abs(shown - healthy)
    mask = np.any(finding_masks(case, 256), axis=0)
    beside = cv2.dilate(mask.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    assert change[mask].mean() > 40 * change[~mask].mean()
    assert change[~beside].max() == 0
    assert change[mask].max() > 0.1, "plain enough to be seen"


def test_a_finding_changes_no_grey_level_elsewhere():
    case = tb_with("consolidation")
    case = replace(case, findings=case.findings[:1])
    without = replace(case, findings=())
    mask = np.any(finding_masks(case, 256), axis=0).astype(np.uint8)
    beside = cv2.dilate(mask, np.ones((31, 31), np.uint8)) > 0
    difference = render(case, 256).astype(int) - render(without, 256)
    assert np.all(difference[~beside] == 0)
    assert difference[mask > 0].mean() > 3


def test_fibrosis_pulls_the_hilum_up_and_cardiomegaly_widens_the_heart():
    fibrosis = tb_with("fibrosis")
    side = fibrosis.findings[0].patch.side > 0
    assert fibrosis.patient.hila[side].y < fibrosis.anatomy.hila[side].y
    cases = (a_case(index, "sick") for index in range(100))
    large = next(case for case in cases if any(finding.name == "cardiomegaly" for finding in case.findings))
    assert large.patient.heart.width > 1.05 * large.patient.thorax.width
    assert organ_masks(large, 96)["heart"].sum() > organ_masks(replace(large, findings=()), 96)["heart"].sum()


def test_organs_lie_where_they_should():
    case = replace(a_case(4, "healthy"), pose=replace(a_case(4).pose, tilt=0.0))
    organs = organ_masks(case, 256)
    assert all(mask.shape == (256, 256) and mask.dtype == bool and mask.any() for mask in organs.values())
    centre = {name: np.argwhere(mask).mean(axis=0) for name, mask in organs.items()}
    assert centre["right_lung"][1] < centre["spine"][1] < centre["left_lung"][1]
    assert centre["heart"][1] > centre["spine"][1]
    assert centre["trachea"][0] < centre["heart"][0] < centre["abdomen"][0]
    assert centre["left_hilum"][0] < centre["right_hilum"][0]
    assert not (organs["right_lung"] & organs["left_lung"]).any()
    assert not (organs["left_lung"] & organs["heart"]).any()
    assert 0.1 < organs["right_lung"].mean() < 0.3
