"""The phantom with fourteen classes: counts, truth, and what each finding does to the rays."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.base import Source
from wsbench.utils.progress import Silent
from wsbench_plugins.datasets.phantom import _pneumothorax
from wsbench_plugins.datasets.phantom import _tissues as tissue
from wsbench_plugins.datasets.phantom._case import Case
from wsbench_plugins.datasets.phantom._case14 import draw_case14, findings_of
from wsbench_plugins.datasets.phantom._classes14 import BOXED, CLASSES
from wsbench_plugins.datasets.phantom._deposit import branch_depth
from wsbench_plugins.datasets.phantom._mediastinum import heart_solids
from wsbench_plugins.datasets.phantom._organs import organ_masks
from wsbench_plugins.datasets.phantom._outline import along, between, inside, outline_window
from wsbench_plugins.datasets.phantom._render import line_integrals, raster, render
from wsbench_plugins.datasets.phantom._scene import add_lungs, build_scene
from wsbench_plugins.datasets.phantom._truth import finding_boxes, finding_masks

SPEC = plugins.find().datasets["phantom14"]
SOURCE = Source(None, Path(), Silent())
ADDED = sorted(set(CLASSES) - {"Cardiomegaly", "Emphysema", "Pneumothorax", "Hernia"})
"""What puts tissue in the place of air, and nothing else but the bronchi of a consolidation."""


def load(**settings: object):
    return SPEC.load(SPEC.settings(**settings), SOURCE)


def healthy(index: int) -> Case:
    case = draw_case14(3, index, sick=False, prevalence=0.5, marker_correlation=0.0)
    return replace(case, shutter=None, markers=())


def with_classes(index: int, *classes: str, side: int = 1) -> Case:
    case = healthy(index)
    return replace(case, findings=findings_of(case.name, case.anatomy, classes, side))


def mask_of(case: Case, size: int) -> np.ndarray:
    return np.any(finding_masks(case, size), axis=0)


@pytest.fixture(scope="module")
def phantom():
    return load(images=1200)


def test_it_keeps_the_contract() -> None:
    testing.check_dataset(SPEC, SPEC.settings(images=80), SOURCE)


def test_every_class_occurs_and_none_is_everywhere(phantom) -> None:
    counts = Counter(label for sample in phantom.samples for label in sample.labels)
    assert set(counts) == set(CLASSES) == set(phantom.classes)
    assert min(counts.values()) >= 0.03 * 1200 and max(counts.values()) < 0.15 * 1200
    found = Counter(len(sample.labels) for sample in phantom.samples)
    assert set(found) == {0, 1, 2, 3}
    assert found[0] / 1200 == pytest.approx(0.45, abs=0.05)
    splits = Counter(sample.split for sample in phantom.samples)
    assert splits["test"] / 1200 == pytest.approx(0.25, abs=0.05) and set(splits) == {"test", "train_val"}


def test_findings_meet_as_in_patients(phantom) -> None:
    def together(one: str, other: str) -> float:
        first = np.array([one in sample.labels for sample in phantom.samples])
        second = np.array([other in sample.labels for sample in phantom.samples])
        return float((first & second).mean() / (first.mean() * second.mean()))

    assert together("Effusion", "Cardiomegaly") > 2
    assert together("Edema", "Cardiomegaly") > 2
    assert together("Atelectasis", "Effusion") > 2
    assert together("Consolidation", "Pneumonia") > 2
    assert together("Cardiomegaly", "Emphysema") == 0


def test_boxes_are_those_of_eight_classes(phantom) -> None:
    assert not phantom.boxes_complete, "six classes have no box, so where they are is not known"
    for sample in phantom.samples:
        assert {box.label for box in sample.boxes} == set(sample.labels) & BOXED
        for box in sample.boxes:
            assert box.x1 - box.x0 > 5 and box.y1 - box.y0 > 5, (sample.name, box)


def test_boxes_are_the_extent_of_the_masks(phantom) -> None:
    boxed = [sample for sample in phantom.samples if sample.boxes][:60]
    for sample in boxed:
        for mask, box in zip(phantom.lesion_masks(sample, 256), sample.boxes, strict=True):
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            edges = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
            told = (box.x0, box.y0, box.x1, box.y1)
            assert np.array(edges) * 2 == pytest.approx(told, abs=3), (sample.name, box)


def test_every_class_that_is_present_has_a_mask(phantom) -> None:
    for sample in [sample for sample in phantom.samples if sample.labels][:60]:
        masks = phantom.class_masks(sample, 128)
        assert set(masks) == set(sample.labels)
        assert all(mask.any() and mask.shape == (128, 128) for mask in masks.values())


def test_organ_masks_hold_the_five_regions(phantom) -> None:
    masks = phantom.organ_masks(phantom.samples[0], 128)
    regions = {"left_lung", "right_lung", "heart", "mediastinum", "diaphragm"}
    assert regions <= set(masks) and all(masks[region].any() for region in regions)


def test_an_image_depends_on_its_seed_and_index_alone(phantom) -> None:
    fewer = load(images=12)
    assert list(fewer.samples) == list(phantom.samples[:12])
    forwards = [phantom.read(sample, 96, 96) for sample in phantom.samples[:8]]
    other = pickle.loads(pickle.dumps(fewer))
    backwards = [other.read(sample, 96, 96) for sample in reversed(fewer.samples[:8])]
    assert all((one == two).all() for one, two in zip(forwards, reversed(backwards), strict=True))
    assert len({image.tobytes() for image in forwards}) == 8
    contents = {
        load(images=1, **change).samples[0].content for change in ({}, {"seed": 1}, {"marker_correlation": 1})
    }
    assert len(contents) == 3


@pytest.mark.parametrize("correlation", [0.0, 1.0])
def test_the_token_tells_of_findings_as_much_as_asked(correlation: float) -> None:
    samples = load(images=800, marker_correlation=correlation).samples
    sick = np.array([bool(sample.labels) for sample in samples])
    markers = [sample.attributes.get("markers", "").split("+") for sample in samples]
    token = np.array([bool({"portable", "arrow"} & set(kinds)) for kinds in markers])
    assert np.corrcoef(sick, token)[0, 1] == pytest.approx(correlation, abs=0.1)


@pytest.mark.parametrize("label", CLASSES)
def test_small_and_large_pictures_show_the_same(label: str) -> None:
    case = with_classes(5, label)
    small = render(case, 128).astype(float)
    large = cv2.resize(render(case, 256), (128, 128), interpolation=cv2.INTER_AREA).astype(float)
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.99
    assert np.abs(small - large).mean() < 4


@pytest.mark.parametrize("label", sorted(set(CLASSES) - {"Cardiomegaly"}))
@pytest.mark.parametrize("index", range(4))
def test_a_finding_changes_its_mask_and_hardly_anything_else(label: str, index: int) -> None:
    """``line_integrals`` gives the reshaped patient without and with what the finding adds."""
    case = with_classes(index, label, side=1 if index % 2 else -1)
    without, shown = line_integrals(case, 256)
    change, mask = np.abs(shown - without), mask_of(case, 256)
    beside = cv2.dilate(mask.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    assert change[mask].max() > 0.08, "plain enough to be seen"
    outside = ~beside
    if label == "Emphysema":  # the lung behind heart and diaphragm is outside the outline, and ill as well
        organs = organ_masks(case, 256)
        outside &= ~(organs["mediastinum"] | organs["abdomen"] | organs["heart"])
    assert change[outside].mean() < 0.02 * change[mask].mean()


@pytest.mark.parametrize("label", ADDED)
def test_tissue_in_the_place_of_air_attenuates_more(label: str) -> None:
    for index in range(4):
        case = with_classes(index, label)
        without, shown = line_integrals(case, 256)
        change, mask = shown - without, mask_of(case, 256)
        assert change[mask].mean() > 0.01, index
        assert (change[mask] > -1e-3).mean() > 0.95
        assert render(case, 128).astype(int)[mask_of(case, 128)].mean() > 0


def test_consolidation_is_as_dense_as_soft_tissue_but_for_the_bronchi() -> None:
    case = with_classes(2, "Consolidation")
    without, shown = line_integrals(case, 256)
    change = (shown - without)[mask_of(case, 256)]
    assert np.quantile(change, 0.9) > 3 * (tissue.SOFT - tissue.LUNG), "3 cm without air"
    assert np.quantile(change, 0.99) < 18 * (tissue.SOFT - tissue.LUNG)


def test_findings_share_the_lung_they_fill() -> None:
    """However many they are, no ray crosses more soft tissue than there was lung."""
    case = with_classes(1, "Consolidation", "Pneumonia", "Effusion")
    grid, patient = raster(case, 256), case.patient
    scene = build_scene(grid, patient)
    before, lung = scene.integral.copy(), scene.lung.copy()
    for place, finding in enumerate(case.findings):
        finding.add(scene, patient, case.stream("texture", place))
    assert (scene.lung >= 0).all()
    assert ((scene.integral - before) <= 1.01 * (tissue.SOFT - tissue.LUNG) * lung + 1e-3).all()


@pytest.mark.parametrize("index", range(6))
def test_beyond_the_pleural_line_there_is_air_without_vessels(index: int) -> None:
    case = with_classes(index, "Pneumothorax", side=1 if index % 2 else -1)
    grid, patient = raster(case, 256), case.patient
    scene = build_scene(grid, patient)
    before, lung = scene.integral.copy(), scene.lung.copy()
    (finding,) = case.findings
    finding.add(scene, patient, case.stream("texture"))
    change = scene.integral - before
    wall, line = finding.finding._borders(patient)
    window = outline_window(grid, between(wall, line), 0.5)
    deep = lung[window.index] > 3
    near_line = cv2.dilate(branch_depth(grid, window, [along(line, 0.2)]), np.ones((3, 3))) > 0
    gap = (inside(grid, window, between(wall, line), 0.0) > 0.99) & deep & ~near_line
    assert (change[window.index][gap] < 0).all(), "air for lung and vessels"
    # Whatever the lung held there, blood or air: nothing of it is left.
    no_lung = build_scene_without_lungs(case)
    left = scene.integral[window.index][gap] - no_lung[window.index][gap]
    assert np.allclose(left, (tissue.AIR - tissue.SOFT) * lung[window.index][gap], atol=0.03)
    assert (scene.lung[window.index][gap] < 1e-3).all()


def build_scene_without_lungs(case: Case) -> np.ndarray:
    """Line integrals of the patient whose lungs are soft tissue."""
    grid, patient = raster(case, 256), case.patient
    scene = build_scene(grid, patient)
    lungs = grid.empty()
    add_lungs(grid, patient, lungs, scene.lung)
    return scene.integral - lungs


@pytest.mark.parametrize("index", range(4))
def test_the_pleura_is_a_white_line(index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    case = with_classes(index, "Pneumothorax")
    _, shown = line_integrals(case, 256)
    monkeypatch.setattr(_pneumothorax, "_LINE", 1e-3)
    _, bare = line_integrals(case, 256)
    grid = raster(case, 256)
    _, line = case.findings[0].finding._borders(case.patient)
    everywhere = grid.window(-1e3, 1e3, -1e3, 1e3)
    near = grid.to_detector(branch_depth(grid, everywhere, [along(line, 0.4)]), 256) > 1e-3
    added = shown - bare
    assert added[near].mean() > 0.01 and np.quantile(added[near], 0.9) > 0.04
    assert np.abs(added[~cv2.dilate(near.astype(np.uint8), np.ones((5, 5))).astype(bool)]).max() < 1e-3


def widths(case: Case) -> tuple[float, float]:
    """Widest extents of the heart and of both lungs in the organ masks, in pixels."""
    organs = organ_masks(case, 256)
    lungs = organs["left_lung"] | organs["right_lung"]
    return tuple(float(np.ptp(np.flatnonzero(mask.any(axis=0)))) for mask in (organs["heart"], lungs))


@pytest.mark.parametrize("index", range(5))
def test_cardiomegaly_widens_the_heart_beyond_half_of_the_chest(index: int) -> None:
    case = with_classes(index, "Cardiomegaly")
    heart, chest = widths(case)
    usual, same = widths(replace(case, findings=()))
    assert heart / chest > 0.52 > usual / same
    assert heart > 1.1 * usual
    (box,) = finding_boxes(case)
    solids = [solid.outline() for solid in heart_solids(case.patient.thorax, case.patient.heart)[:2]]
    corners = case.pose.to_fractions(np.concatenate(solids))
    assert box.x1 - box.x0 == pytest.approx(np.ptp(corners[:, 0]), abs=0.02)


@pytest.mark.parametrize("index", range(5))
def test_emphysema_lowers_and_flattens_the_diaphragm(index: int) -> None:
    case = with_classes(index, "Emphysema")
    for ill, well in zip(case.patient.lungs, case.anatomy.lungs, strict=True):
        across = np.linspace(well.dome_x, 0.95 * case.anatomy.thorax.width, 30)
        low, usual = ill.dome_at(across, case.patient.thorax), well.dome_at(across, case.anatomy.thorax)
        assert low[0] > usual[0] + 1
        assert np.ptp(low) < 0.7 * np.ptp(usual)
    without, shown = line_integrals(case, 256)
    assert (shown - without)[mask_of(case, 256)].mean() < -0.05, "more air"
    assert case.patient.heart.width < case.anatomy.heart.width


@pytest.mark.parametrize("index", range(5))
def test_an_effusion_fills_the_angle_and_climbs_the_wall(index: int) -> None:
    case = with_classes(index, "Effusion")
    effusion = case.findings[0].finding
    thorax, lung = case.patient.thorax, case.patient.lungs[effusion.side > 0]
    surface = effusion.surface(case.patient, np.array([0.3, 0.6, 0.95]) * thorax.width)
    assert (np.diff(surface) < 0).all(), "y grows downwards: highest at the wall"
    far = np.array([0.9 * thorax.width])
    middle = float(effusion.surface(case.patient, far)[0] + lung.dome_at(far, thorax)[0]) / 2 + 0.4
    angle = np.array([[float(thorax.midline(middle)) + effusion.side * far[0], middle]])
    column, row = (case.pose.to_fractions(angle)[0] * 256).astype(int)
    without, shown = line_integrals(case, 256)
    assert mask_of(case, 256)[row, column]
    assert shown[row, column] > without[row, column] + 0.1


@pytest.mark.parametrize("index", range(5))
def test_a_hernia_lies_behind_the_heart_with_gas_over_fluid(index: int) -> None:
    case = with_classes(index, "Hernia")
    (hernia,) = (finding.finding for finding in case.findings)
    organs = organ_masks(case, 256)
    assert (mask_of(case, 256) & organs["mediastinum"]).sum() > 0.5 * mask_of(case, 256).sum()
    without, shown = line_integrals(case, 256)
    x, y = hernia.sac.x, hernia.level
    points = case.pose.to_fractions(np.array([[x, y - 0.5], [x, y + 0.5]])) * 256
    above, below = ((shown - without)[int(row), int(column)] for column, row in points)
    assert above < -0.1 <= below


def test_only_findings_tell_the_sick_apart() -> None:
    for index in range(20):
        sick, well = (
            draw_case14(2, index, sick=sick, prevalence=0.5, marker_correlation=0.0) for sick in (True, False)
        )
        assert replace(sick, findings=(), group="healthy") == well
        assert sick.findings and not well.findings


def test_written_as_chestxray14_it_is_read_back(tmp_path) -> None:
    """Through the adapter of the official files: labels, boxes, sizes and splits."""
    from wsbench.contract import plugins
    from wsbench.runs.plan import load_dataset
    from wsbench.utils.progress import Silent

    found = plugins.find()
    made = load_dataset(found, "phantom14", {"images": 60, "size": 64}, Silent())
    found.datasets["nih"].write(made.dataset, tmp_path / "nih", Silent())
    read = load_dataset(found, "nih", {}, Silent(), root=tmp_path / "nih")
    assert read.dataset.problems == ()
    for ours, theirs in zip(made.samples, read.samples, strict=True):
        assert (ours.name, ours.labels) == (theirs.name, theirs.labels)
        assert theirs.split.startswith(ours.split)
        for box, again in zip(ours.boxes, theirs.boxes, strict=True):
            assert (again.x0, again.y0, again.x1, again.y1) == pytest.approx((box.x0, box.y0, box.x1, box.y1))
