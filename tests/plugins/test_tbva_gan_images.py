"""TBVA-GAN: the images that are learnt from, and what is made of changemaps: heatmaps, masks and boxes."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import wsbench
from wsbench import testing
from wsbench.contract import plugins
from wsbench.errors import WsbenchError
from wsbench_plugins.methods import tbva_gan
from wsbench_plugins.methods.tbva_gan import _images, _mask, _picture, _prediction

FOUND = plugins.find()


def view(role: str = "fit"):
    loaded = testing.toy()
    return loaded.views.weak(loaded.roles.members[role])


# The images.


def test_healthy_and_active_images_are_told_by_attributes() -> None:
    toy = view()
    healthy, active = _images.healthy_and_active(toy)
    assert [toy.labels[row, 0] for row in healthy] == [0] * len(healthy)
    assert [toy.labels[row, 0] for row in active] == [1] * len(active)
    assert len(healthy) + len(active) == len(toy)


def test_a_dataset_without_the_attributes_is_refused_in_one_line() -> None:
    toy = view()
    bare = replace(toy, samples=tuple(replace(sample, attributes={}) for sample in toy.samples))
    with pytest.raises(WsbenchError, match=r"attribute group=health: 0 of"):
        _images.healthy_and_active(bare)
    latent = {"group": "tb", "activity": "obsolete"}
    old = [replace(s, attributes=latent) if s.labels else s for s in toy.samples]
    with pytest.raises(WsbenchError, match="activity=active: 0"):
        _images.healthy_and_active(replace(toy, samples=tuple(old)))


def test_active_tuberculosis_alone_or_beside_latent() -> None:
    toy = view()
    first = next(row for row, sample in enumerate(toy.samples) if sample.labels)
    both = [
        replace(s, attributes={**s.attributes, "activity": "active+obsolete"}) if row == first else s
        for row, s in enumerate(toy.samples)
    ]
    mixed = replace(toy, samples=tuple(both))
    count = int(toy.labels.sum())
    assert len(_images.healthy_and_active(mixed)[1]) == count - 1
    assert len(_images.healthy_and_active(mixed, "any")[1]) == count


def test_parts_hold_every_image_once_and_a_share_of_either_kind() -> None:
    toy = _images.balanced(view(), seed=3)
    learnt, test = _images.parted(toy, 0.3, seed=0)
    count = round(0.3 * len(toy) / 2)
    assert (len(test), int(test.labels.sum())) == (2 * count, count)
    assert sorted([*learnt.names, *test.names]) == sorted(toy.names)
    everything, nothing = _images.parted(toy, 0.0, seed=0)
    assert (everything.names, len(nothing)) == (toy.names, 0)


def test_the_recogniser_learns_from_as_many_healthy_as_active_images() -> None:
    toy = view()
    found = _images.balanced(toy, seed=3)
    active = int(toy.labels.sum())
    assert (len(found), int(found.labels.sum())) == (2 * active, active)
    assert found.names == _images.balanced(toy, seed=3).names
    assert found.names != _images.balanced(toy, seed=4).names


def test_turns_are_multiples_of_45_degrees_and_flips() -> None:
    image = torch.zeros(1, 31, 31, dtype=torch.uint8)
    image[0, 15, 20:28] = 200  # a bar to the right of the centre
    change = _images.augmentation(tbva_gan.RecogniserSettings())
    seen = set()
    for seed in range(60):
        torch.manual_seed(seed)
        rows, columns = np.nonzero(change(image)[0].numpy() > 60)
        angle = math.degrees(math.atan2(rows.mean() - 15, columns.mean() - 15))
        assert angle % 45 == pytest.approx(0, abs=3) or angle % 45 == pytest.approx(45, abs=3)
        seen.add(round(angle / 45) % 8)
    assert seen == set(range(8))
    as_it_is = _images.augmentation(tbva_gan.RecogniserSettings(augment=False))
    assert torch.equal(as_it_is(image), image)


def test_pairs_go_through_all_images_before_any_comes_again() -> None:
    toy = view()
    pairs = _images.Pairs(toy, 16, seed=0)
    healthy, active = _images.healthy_and_active(toy)
    assert len(pairs) == len(healthy) > len(active)
    first = [pairs[0, row] for row in range(len(pairs))]
    seen = Counter(image.numpy().tobytes() for _, image in first)
    assert set(seen.values()) == {1}
    assert len(seen) == len(healthy)
    tuberculous = Counter(image.numpy().tobytes() for image, _ in first)
    assert len(tuberculous) == len(active)
    assert max(tuberculous.values()) - min(tuberculous.values()) <= 1
    again = [pairs[1, row] for row in range(len(pairs))]
    assert any(not torch.equal(a[1], b[1]) for a, b in zip(first, again, strict=True))
    assert torch.equal(pairs[0, 3][0], first[3][0])
    assert len(_images.Pairs(toy, 16, seed=0, length=5)) == 5


def test_grey_levels_go_to_one_and_back() -> None:
    grey = torch.tensor([0, 255], dtype=torch.uint8)
    assert _images.scaled(grey).tolist() == [-1.0, 1.0]
    assert _images.unscaled(_images.scaled(grey)).tolist() == [0.0, 1.0]


# The mask.


def test_the_threshold_is_a_share_of_the_histogram_s_peak_where_grad_cam_looks() -> None:
    picture = np.array([[0, 0, 0, 200], [100, 100, 50, 200]], dtype=np.uint8)
    attention = np.array([[1, 1, 1, 0.4], [1, 0.5, 1, 0.4]])
    assert _mask.threshold(picture, attention, 0.5, 256, 0.97) == pytest.approx(97.0)  # 100 is there twice
    assert _mask.threshold(picture, attention, 0.4, 256, 1.0) == 100  # of equal peaks the lower level
    assert _mask.threshold(picture * 0, attention, 0.5, 256, 0.97) is None


def test_a_bin_of_the_histogram_stands_for_the_middle_of_its_levels() -> None:
    picture = np.array([[1, 2, 31, 40], [60, 90, 200, 255]], dtype=np.uint8)
    everywhere = np.ones((2, 4))
    # Eight bins of 32 levels: three in the lowest, which is no change, two in 32 to 63, two in 192 to 255.
    assert _mask.threshold(picture, everywhere, 0.5, 8, 1.0) == (32 + 63) / 2
    # Three bins: levels 0 to 85, 86 to 170 and 171 to 255.
    assert _mask.threshold(picture, everywhere, 0.5, 3, 0.5) == 0.5 * (171 + 255) / 2


def test_the_mask_is_eroded_and_dilated() -> None:
    change = np.zeros((20, 20))
    change[8:11, 8:11] = 0.5  # erodes to 2 x 2, and grows by 2 to all sides
    change[2, 2] = 0.5  # goes
    rule = _mask.MaskRule(region=0.5, bins=256, share=0.97, erosion=2, dilation=5)
    found = _mask.mask(change, np.ones((20, 20)), rule)
    rows, columns = np.nonzero(found)
    assert found.sum() == 36
    assert (rows.max() - rows.min(), columns.max() - columns.min()) == (5, 5)
    assert abs(rows.mean() - 9) <= 0.5
    assert not _mask.mask(change * 0, change, rule).any()


def test_kernels_are_scaled_and_small_components_dropped() -> None:
    change = np.zeros((40, 40))
    change[8:14, 8:14] = 0.5
    change[30:34, 30:34] = 0.5
    # Kernels for 80 pixels: 4 and 10 become 2 and 5, so 6 x 6 pixels erode to 25 and grow to 81.
    rule = _mask.MaskRule(region=0.5, bins=256, share=0.97, erosion=4, dilation=10, kernel_scale=80)
    found = _mask.mask(change, np.ones((40, 40)), rule)
    assert (found[:20, :20].sum(), found[20:, 20:].sum()) == (81, 49)
    large = _mask.mask(change, np.ones((40, 40)), replace(rule, smallest_component=50 / 1600))
    assert (large[:20, :20].sum(), large[20:, 20:].sum()) == (81, 0)
    # At 5 pixels of a thousand a kernel would vanish: one pixel is left, which changes nothing.
    tiny = _mask.mask(change, np.ones((40, 40)), replace(rule, kernel_scale=1000))
    assert tiny.sum() == 36 + 16


@pytest.fixture(scope="module")
def trained() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Levels of changemaps, Grad-CAM and truth, each ``(8, 96, 96)``: eight images of a phantom of 128
    pixels, by a TBVA-GAN of 125 steps (a cell of studies/tbva_losses.yaml, `cam_norm=mean`, seed 0)."""
    sheet = cv2.imread(str(Path(__file__).parents[1] / "data" / "tbva_changemaps.png"), cv2.IMREAD_GRAYSCALE)
    picture, attention, truth = sheet.reshape(3, 96, 8, 96).swapaxes(1, 2)
    return picture, attention / 255, truth > 0


def measured(trained, rule: _mask.MaskRule) -> tuple[float, float, float]:
    """Mean IoU of the rectangles around components with the truth, share of the image in the mask, and number
    of components."""
    values = []
    for picture, attention, truth in zip(*trained, strict=True):
        found = _mask.mask(picture, attention, rule)
        boxes = wsbench.geometry.component_boxes(found.astype(np.uint8) * 255, 0.5)
        covered = _picture.inside(boxes, truth.shape)
        iou = (covered & truth).sum() / (covered | truth).sum()
        values.append((iou, found.mean(), len(boxes)))
    return tuple(np.mean(values, axis=0))


def test_the_mask_of_a_trained_changemap_is_a_region_and_not_the_image(trained) -> None:
    """With 256 bins the histogram's peak is the faintest change that there is, also in the red area alone."""
    rule = _mask.rule_of(tbva_gan.TranslationSettings())
    iou, share, components = measured(trained, rule)
    assert (rule.region, rule.bins) == (0.875, 8)
    assert iou > 0.23 and 0.02 < share < 0.2
    _, share_of_256, _ = measured(trained, replace(rule, bins=256))
    _, share_of_half, _ = measured(trained, replace(rule, bins=256, region=0.5))
    assert share_of_256 > 0.5 and share_of_half > 0.9
    cleaner = measured(trained, replace(rule, smallest_component=0.003))
    assert cleaner[0] >= iou and cleaner[2] < components - 1


def test_levels_run_from_nothing_to_the_highest_change() -> None:
    assert _mask.levels(np.array([[0.0, 0.1, 0.2]])).tolist() == [[0, 128, 255]]
    assert not _mask.levels(np.zeros((2, 2))).any()


# What is made of changemaps.


def test_heatmaps_are_on_one_scale_for_all_images() -> None:
    changemaps = np.zeros((2, 1, 5, 5), dtype=np.float32)
    changemaps[0, 0, 2, 2], changemaps[1, 0, 2, 2] = 0.1, 0.4
    heatmaps = _prediction.heatmaps_of(changemaps, peak=0.2, smoothing=0)
    assert heatmaps[:, 0, 2, 2] == pytest.approx([0.5, 1.0])
    assert heatmaps.sum() == pytest.approx(1.5)
    smooth = _prediction.heatmaps_of(changemaps, peak=0.2, smoothing=0.5)
    # A Gaussian of deviation 0.5 has 1 / (1 + 2 (exp(-2) + exp(-8))) of its weight in the middle of a row.
    middle = 1 / (1 + 2 * (np.exp(-2) + np.exp(-8)))
    assert smooth[0, 0, 2, 2] == pytest.approx(0.5 * middle**2, rel=1e-2)
    assert not _prediction.heatmaps_of(changemaps, peak=0.0, smoothing=0).any()


def test_magnitudes_are_shares_of_the_range_of_grey_levels() -> None:
    found = _images.magnitude(torch.tensor([-2.0, -0.5, 0.0, 1.0]))
    assert found.tolist() == [1.0, 0.25, 0.0, 0.5]


def test_boxes_of_protocol_paper_are_the_mask_s() -> None:
    images = view("select").take(0, 1)
    masks = np.zeros((1, 1, 40, 48), dtype=np.float32)
    masks[0, 0, 10:20, 4:12] = 1
    (boxes,) = _prediction.boxes_of(masks, np.array([[0.7]]), images)
    assert [(box.x0, box.y0, box.x1, box.y1, round(box.score, 6)) for box in boxes] == [(4, 10, 12, 20, 0.7)]
