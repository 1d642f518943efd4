"""CLARiTY's formulas by hand, and its network at the sizes of Table 7."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from wsbench.torch.flops import FlopCounter
from wsbench_plugins.methods.clarity import _heads, _network, _regions
from wsbench_plugins.methods.clarity import _losses as losses


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def softplus(x: float) -> float:
    return math.log(1 + math.exp(x))


def test_label_weights_count_the_batch() -> None:
    positive, negative = losses.label_weights(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    assert (positive.item(), negative.item()) == (4.0, pytest.approx(4 / 3))
    positive, negative = losses.label_weights(torch.zeros(1, 3))
    assert (positive.item(), negative.item()) == (3.0, 1.0)


def test_weighted_cross_entropy_by_hand() -> None:
    logits, labels = torch.tensor([[2.0, -1.0]]), torch.tensor([[1.0, 0.0]])
    expected = -(2 * math.log(sigmoid(2)) + 2 * math.log(1 - sigmoid(-1)))
    assert losses.weighted_cross_entropy(logits, labels).item() == pytest.approx(expected, rel=1e-6)


def test_weighted_cross_entropy_is_finite_for_certain_logits() -> None:
    value = losses.weighted_cross_entropy(torch.tensor([[200.0, -200.0]]), torch.tensor([[0.0, 1.0]]))
    assert value.item() == pytest.approx(2 * 200 + 2 * 200)


def test_orthogonality_by_hand() -> None:
    # Cosines: tokens 0 and 1: 0.6; 0 and 2: 0; 1 and 2: 0.8. Classes 0 and 1 are present.
    tokens = torch.tensor([[[1.0, 0.0], [3.0, 4.0], [0.0, 2.0]]])
    labels = torch.tensor([[1.0, 1.0, 0.0]])
    of_layer = (0.6**2 + 0) + (0.6**2 + 0.8**2)
    expected = 2 * of_layer / ((3 - 1) * 2 * 2)
    assert losses.orthogonality([tokens, tokens], labels).item() == pytest.approx(expected, rel=1e-6)
    assert losses.orthogonality([tokens], torch.zeros(1, 3)).item() == 0.0


def test_similarity_weights_by_hand() -> None:
    # Classes 0 and 1 share a region of four cells, class 2 has one of its own.
    masks = torch.zeros(1, 3, 2, 4)
    masks[0, :2, :, :2] = 1
    masks[0, 2, :, 2:] = 1
    # Mean similarities: 1/2, 1/2, 0. The most alike weigh 1, the other 1/2 more.
    assert losses.similarity_weights(masks)[0].tolist() == pytest.approx([1.0, 1.0, 1.5])


def test_proximity_by_hand() -> None:
    heatmaps = torch.tensor([[[[0.5, 0.25], [0.0, 1.0]]]])
    distances = torch.tensor([[[[0.0, 2.0], [4.0, 1.0]]]])
    # 8 / (H W C (H + W)) * (0.25 * 2 + 1 * 1) * 1.5
    expected = 8 / (2 * 2 * 1 * 4) * 1.5 * 1.5
    assert losses.proximity(heatmaps, distances, torch.tensor([[1.5]])).item() == pytest.approx(expected)


def test_confinement_is_the_share_of_intensity_outside() -> None:
    heatmaps = torch.tensor([[[[0.6, 0.2], [0.1, 0.1]], [[0.5, 0.5], [0.5, 0.5]]]])
    masks = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]]]])
    expected = (0.3 / 1.0 * 2.0 + 0.0) / 2
    assert losses.confinement(heatmaps, masks, torch.tensor([[2.0, 1.0]])).item() == pytest.approx(expected)


def test_area_is_the_mean_intensity() -> None:
    assert losses.area(torch.tensor([[[[0.2, 0.4]]]])).item() == pytest.approx(0.3)


def test_background_suppression_by_hand() -> None:
    background, patch = torch.tensor([[1.0, 5.0], [0.0, 0.0]]), torch.tensor([[2.0, 1.0], [1.0, 1.0]])
    labels = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    expected = (softplus(1) / softplus(2) + 0) / 2  # the second image has no class
    assert losses.background_suppression(background, patch, labels).item() == pytest.approx(
        expected, rel=1e-6
    )


def test_attention_pooling_by_hand() -> None:
    pool = _heads.AttentionPooling(1, 2)
    with torch.no_grad():
        pool.weights.copy_(torch.tensor([[0.0, math.log(3.0)]]))  # weights 1/4 and 3/4
    assert pool(torch.tensor([[[4.0, 8.0]]])).item() == pytest.approx(7.0)


def test_attention_pooling_from_zeros_gives_every_image_the_same_logit() -> None:
    tokens = torch.nn.functional.layer_norm(torch.randn(5, 3, 64), (64,))
    assert _heads.AttentionPooling(3, 64, deviation=0.0)(tokens).std(dim=0).max() < 1e-5
    assert _heads.AttentionPooling(3, 64)(tokens).std(dim=0).min() > 0.02


def test_regions_of_table_1() -> None:
    organs = {
        name: np.zeros((2, 5), dtype=bool) for name in ("left_lung", "right_lung", "heart", "mediastinum")
    }
    organs["diaphragm"] = np.zeros((2, 5), dtype=bool)
    for column, mask in enumerate(organs.values()):
        mask[:, column] = True
    names = ("Nodule", "Cardiomegaly", "Mass", "Hernia")
    columns = [np.flatnonzero(region[0]).tolist() for region in _regions.regions(organs, names)]
    assert columns == [[0, 1], [2], [0, 1, 3], [3, 4]]
    assert len(_regions.ORGANS) == 14


def test_distances_from_a_region() -> None:
    masks = np.zeros((2, 3, 4), dtype=bool)
    masks[0, 0, 0] = True
    distances = _regions.distances(masks)
    assert distances[0, 0].tolist() == [0, 1, 2, 3]
    assert distances[0, 2, 3] == pytest.approx(math.sqrt(4 + 9))
    assert (distances[1] == 0).all()  # a class without a region is nowhere wrong


@pytest.mark.parametrize(
    ("side", "parameters", "multiply_accumulates"), [(224, 27.03e6, 5.99e9), (512, 27.35e6, 37.84e9)]
)
def test_sizes_of_table_7(side: int, parameters: float, multiply_accumulates: float) -> None:
    """Within 2 %. What the paper calls FLOPS counts one for a multiply-accumulate."""
    network = _network.build(_network.Shape("vit_small_patch16_224"), side, 14).eval()
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(parameters, rel=0.02)
    assert sum(p.numel() for p in network.pool.parameters()) == 5376  # 5.38 K
    assert sum(p.numel() for p in network.segment.parameters()) == pytest.approx(5.35e6, rel=0.02)
    with torch.no_grad(), FlopCounter() as counter:
        network(torch.zeros(1, 3, side, side))
    assert counter.flops / 2 == pytest.approx(multiply_accumulates, rel=0.02)


@pytest.fixture
def tiny() -> _network.Clarity:
    torch.manual_seed(0)
    return _network.build(_network.Shape("vit_tiny_patch16_224"), 64, 3).eval()


def test_shapes(tiny: _network.Clarity) -> None:
    logits = tiny(torch.randn(2, 3, 64, 64))
    for part in (logits.class_token, logits.foreground, logits.patch, logits.background):
        assert part.shape == (2, 3)
    assert logits.heatmaps.shape == (2, 3, 4, 4)
    assert [tokens.shape for tokens in logits.tokens] == [(2, 3, 192)] * 12
    expected = (logits.class_token + logits.foreground) / 2
    assert torch.equal(logits.classification, expected)


def test_class_attention_is_that_of_the_whole_matrix(tiny: _network.Clarity) -> None:
    """timm's own attention without its fused kernel, caught where it drops out."""
    states = tiny.embed(torch.randn(2, 3, 64, 64))
    block = tiny.blocks[0]
    caught = []
    block.attn.fused_attn = False
    block.attn.attn_drop.register_forward_hook(lambda module, inputs, output: caught.append(output))
    block(states)
    (whole,) = caught  # (N, heads, K, K)
    expected = whole.mean(dim=1)[:, :3, 3:]
    assert torch.allclose(_network.class_attention(block, states, 3), expected, atol=1e-6)


def test_heatmaps_are_attention_inside_the_foreground(tiny: _network.Clarity) -> None:
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        found = tiny.predict(images, layers=2)
        logits = tiny(images)
        tiny.segment.threshold = 0.0
        everywhere = tiny.predict(images, layers=2)
    foreground = logits.heatmaps >= 0.5
    assert torch.allclose(found.probabilities, logits.classification.sigmoid(), atol=1e-6)
    assert (found.heatmaps[~foreground] == 0).all()
    assert torch.allclose(found.heatmaps[foreground], everywhere.heatmaps[foreground])
    assert torch.equal(found.foreground.bool(), foreground)
    assert torch.allclose(found.attention, everywhere.attention)
    assert 0 < foreground.float().mean() < 1


def test_the_foreground_is_a_constant_to_the_gradient(tiny: _network.Clarity) -> None:
    tiny(torch.randn(2, 3, 64, 64)).foreground.sum().backward()
    assert all(parameter.grad is None for parameter in tiny.segment.heatmaps.parameters())
    assert any(parameter.grad is not None for parameter in tiny.segment.classifier.parameters())


def test_background_logits_see_nothing_of_the_foreground(tiny: _network.Clarity) -> None:
    """With everything foreground, the classifier is given nothing: the same answer for all images."""
    tiny.segment.threshold = 0.0
    with torch.no_grad():
        first, second = tiny(torch.randn(1, 3, 64, 64)), tiny(torch.randn(1, 3, 64, 64))
    assert torch.allclose(first.background, second.background)
    assert not torch.allclose(first.patch, second.patch)
    assert torch.allclose(first.foreground, first.patch)
