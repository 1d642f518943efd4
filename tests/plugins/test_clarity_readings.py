"""What CLARiTY's paper leaves open: every reading by hand, and that today's is the default."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from wsbench.errors import WsbenchError
from wsbench_plugins.methods import clarity
from wsbench_plugins.methods.clarity import (
    _heads,
    _losses,
    _network,
    _objective,
    _regions,
    _small_network,
    _teacher,
)

STUDIES = Path(__file__).parents[2] / "studies"


def test_weights_may_be_counted_from_labels() -> None:
    """A teacher's probabilities of 0.5 everywhere are as many positive as negative labels: weights of 2. The
    labels have one of four: 4 and 4/3."""
    logits, soft = torch.zeros(2, 2), torch.full((2, 2), 0.5)
    labels = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert _losses.weighted_cross_entropy(logits, soft).item() == pytest.approx(2 * 2 * math.log(2))
    counted = _losses.weighted_cross_entropy(logits, soft, labels).item()
    assert counted == pytest.approx(2 * 0.5 * (4 + 4 / 3) * math.log(2))


def test_equation_11_as_its_text_and_as_printed() -> None:
    """Two equal regions and one apart: mean similarities 1/2, 1/2 and 0."""
    masks = torch.zeros(1, 3, 2, 2)
    masks[0, :2, 0], masks[0, 2, 1] = 1, 1
    assert _losses.similarity_weights(masks)[0].tolist() == pytest.approx([1, 1, 1.5])
    assert _losses.similarity_weights(masks, as_printed=True)[0].tolist() == pytest.approx([1.5, 1.5, 2])


def test_equation_12_by_class_and_by_image() -> None:
    """Class 0 has 1 of 4 outside, class 1 all of 1: a mean of 0.625, and together 2 of 5."""
    heatmaps = torch.tensor([[[[3.0, 1.0]], [[0.0, 1.0]]]])
    masks = torch.tensor([[[[1.0, 0.0]], [[1.0, 0.0]]]])
    weights = torch.ones(1, 2)
    assert _losses.confinement(heatmaps, masks, weights).item() == pytest.approx(0.625)
    assert _losses.confinement(heatmaps, masks, weights, by_image=True).item() == pytest.approx(0.4)
    double = _losses.confinement(heatmaps, masks, torch.tensor([[1.0, 2.0]]), by_image=True).item()
    assert double == pytest.approx(3 / 5)


@pytest.mark.parametrize(
    ("passing", "values", "gradient"),
    [
        ("threshold", [0.0, 1.0, 1.0], None),
        ("straight_through", [0.0, 1.0, 1.0], [1.0, 1.0, 1.0]),
        ("soft", [0.25, 0.5, 0.75], [1.0, 1.0, 1.0]),
    ],
)
def test_foregrounds_by_hand(passing: str, values: list[float], gradient: list[float] | None) -> None:
    heatmaps = torch.tensor([0.25, 0.5, 0.75], requires_grad=True)
    foreground = _heads.FOREGROUNDS[passing](heatmaps, 0.5)
    assert foreground.tolist() == values
    assert foreground.requires_grad == (gradient is not None)
    if gradient is not None:
        foreground.sum().backward()
        assert heatmaps.grad.tolist() == gradient


def test_a_straight_foreground_moves_the_heatmap_head() -> None:
    torch.manual_seed(0)
    shape = _network.Shape("vit_tiny_patch16_224", depth=1)
    network = _network.build(shape, 32, 2, foreground="straight_through")
    network(torch.randn(2, 3, 32, 32)).foreground.sum().backward()
    assert any(parameter.grad.abs().sum() > 0 for parameter in network.segment.heatmaps.parameters())


def test_dilated_regions_by_hand() -> None:
    masks = np.zeros((2, 3, 5), dtype=bool)
    masks[0, 1, 0] = True
    rows = _regions.dilated(masks, 2)[0]
    assert rows.astype(int).tolist() == [[1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 0, 0, 0]]
    assert not _regions.dilated(masks, 2)[1].any()  # a class without a region gets none
    assert np.array_equal(_regions.dilated(masks, 0), masks)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({}, [[1.0, 0.0]]), ({"positives": "targets"}, [[0.25, 0.5]])],
)
def test_positive_classes_are_those_of_the_labels_unless_set(settings: dict, expected: list) -> None:
    targets = _objective.Targets(torch.tensor([[0.25, 0.5]]), torch.tensor([[1.0, 0.0]]))
    found = _objective._positives(targets, clarity.ClaritySettings(**settings))
    assert found.tolist() == expected


def test_cct_of_table_6_uses_all_twelve_layers() -> None:
    """Section 4.5.6: q = 12, which the study's row says."""
    rows = yaml.safe_load((STUDIES / "clarity_ablations.yaml").read_text())["include"]
    (cct,) = [row["options"] for row in rows if row["options"].get("token_loss") == "cct"]
    assert cct["token_layers"] == 12


@pytest.mark.parametrize("stem", ["patches", "convolutions", "small_cnn"])
def test_finer_patches_make_finer_maps(stem: str) -> None:
    shape = _network.Shape("vit_tiny_patch16_224", stem, patch=8, depth=2, width=48, heads=3)
    network = _network.build(shape, 64, 3).eval()
    logits = network(torch.zeros(1, 3, 64, 64))
    assert network.grid == (8, 8)
    assert logits.heatmaps.shape == (1, 3, 8, 8)
    assert [tokens.shape for tokens in logits.tokens] == [(1, 3, 48)] * 2


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (_network.Shape("vit_tiny_patch16_224", width=50), "no vit_tiny_patch16_224 can be built as set"),
        (_network.Shape("vit_tiny_patch16_224", "convolutions", patch=4), "takes patches of 8 or 16 pixels"),
        (_network.Shape("vit_tiny_patch16_224", "small_cnn", patch=16), "makes patches of 8 pixels, not 16"),
    ],
)
def test_a_shape_that_cannot_be_built_is_one_line(shape: _network.Shape, words: str) -> None:
    with pytest.raises(WsbenchError, match=words) as error:
        _network.build(shape, 64, 3)
    assert "\n" not in str(error.value)


def test_the_small_network_halves_the_image_once_a_block() -> None:
    network = _small_network.SmallNetwork((4, 6, 8), 5, dropout=0.0).eval()
    features = network.forward_features(torch.rand(2, 3, 32, 32))
    assert features.shape == (2, 8, 4, 4)
    assert (features >= 0).all()
    # By hand: convolutions without bias, and two numbers a channel of each batch norm.
    first = (3 * 4 + 4 * 4) * 9 + 2 * 2 * 4
    second = (4 * 6 + 6 * 6) * 9 + 2 * 2 * 6
    third = (6 * 8 + 8 * 8) * 9 + 2 * 2 * 8
    assert sum(p.numel() for p in network.parameters()) == first + second + third + 8 * 5 + 5


def test_the_small_networks_gradcam_is_its_weights_over_the_features() -> None:
    """Global average pooling and a linear layer: Zhou et al.'s closed form, clipped at 0."""
    network = _small_network.SmallNetwork((4, 6), 3, dropout=0.0).eval()
    images = torch.rand(2, 3, 16, 16)
    features = network.forward_features(images).detach()
    logits, cam = _teacher.gradcam(network, features)
    expected = torch.einsum("ck,nkhw->nchw", network.linear.weight, features).relu() / 16
    assert torch.allclose(cam, expected, atol=1e-6)
    assert torch.allclose(logits, network(images), atol=1e-6)


def test_a_small_teacher_has_no_published_weights() -> None:
    settings = clarity.TeacherSettings(backbone="small_cnn")
    with pytest.raises(WsbenchError, match="give its weights=random"):
        _teacher.build(settings, 3, seed=0)


def test_weights_that_boxes_chose_are_refused_before_anything_is_trained() -> None:
    settings = clarity.ClaritySettings(
        backbone="vit_tiny_patch16_224", image_size=32, weights="runs/x/fit/paper.ckpt"
    )
    with pytest.raises(WsbenchError, match=r"chosen by boxes .* start from best.ckpt"):
        clarity.Clarity(settings, ("Nodule",)).try_out()
