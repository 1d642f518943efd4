"""The saliency-map CNN: settings, network, what images go through, maps, and a whole training."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.base import RunContext
from wsbench.errors import WsbenchError
from wsbench.torch.flops import FlopCounter
from wsbench.types import Region
from wsbench.utils.progress import Silent
from wsbench_plugins.methods import saliency_cnn
from wsbench_plugins.methods.saliency_cnn import _images, _losses, _network, _prediction

FOUND = plugins.find()
TINY = {"image_size": 64, "read_size": 64, "widths": (4, 4, 4, 4, 4), "epochs": 2, "batch_size": 8}


def settings(**values: object) -> saliency_cnn.SaliencySettings:
    return saliency_cnn.SaliencySettings(**values)


def view(role: str = "fit"):
    loaded = testing.toy()
    return loaded.views.weak(loaded.roles.members[role])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image_size", 512),
        ("widths", (16, 32, 48, 64, 80)),
        ("deformed", 0.8),
        ("tiles", 4),
        ("displacement", 32.0),
        ("epochs", 150),
        ("batch_size", 4),
        ("learning_rate", 8e-5),
        ("betas", (0.9, 0.999)),
        ("epsilon", 1e-8),
        ("weight_decay", 0.0),
        ("map", "saliency"),
        ("pool_padding", 1),
        ("last_pooling", False),
        ("initial", "paper"),
        ("class_weights", "equal"),
        ("kept", "best"),
    ],
)
def test_published_settings_are_the_paper_preset(name: str, value: object) -> None:
    assert FOUND.methods["saliency_cnn"].presets["paper"] == {}
    assert getattr(settings(), name) == value


# The network.


def test_it_has_the_paper_s_parameters_and_operations() -> None:
    network = _network.build(settings(), seed=0)
    convolutions = [layer.weight for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert sum(weight.numel() for weight in convolutions) == 229_280
    # Two numbers a normalised feature map (three layers a block), and the last layer's 2 * 80 + 2.
    assert (
        sum(one.numel() for one in network.parameters()) == 229_280 + 2 * 3 * (16 + 32 + 48 + 64 + 80) + 162
    )
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network.eval()(torch.zeros(1, 1, 512, 512))
    # By hand: kernel, maps in, maps out, positions; two operations a product.
    widths, sides = (1, 16, 32, 48, 64, 80), (128, 64, 32, 16, 8)
    products = 9 * 16 * 256**2 + (9 * 16 * 16 + 16) * 128**2
    for before, out, side in zip(widths[1:], widths[2:], sides[1:], strict=False):
        products += (9 * before * out + 9 * out * out + before * out) * side**2
    assert counter.get_total_flops() == 2 * (products + 2 * 80)
    assert products == pytest.approx(167e6, rel=0.01)


def test_the_first_block_reduces_the_resolution_by_eight() -> None:
    network = _network.build(settings(), seed=0)
    first = network.blocks[0](torch.zeros(1, 1, 512, 512))
    assert first.shape == (1, 16, 128, 128)
    assert network.pool(first).shape == (1, 16, 64, 64)


def test_the_authors_program_pads_no_pooling() -> None:
    """512, 256 and 128 behind the strides; then 63, 31, 15 and 7 of (cells - 3) / 2 + 1, rounded down."""
    network = _network.build(settings(pool_padding=0), seed=0)
    cells: list[int] = []
    for block in network.blocks:
        block.register_forward_hook(lambda module, inputs, output: cells.append(output.shape[-1]))
    network(torch.zeros(1, 1, 512, 512))
    assert cells == [128, 63, 31, 15, 7]
    pooled = _network.build(settings(last_pooling=True), seed=0).eval()
    sides: list[int] = []
    pooled.pool.register_forward_hook(lambda module, inputs, output: sides.append(output.shape[-1]))
    assert pooled(torch.rand(1, 1, 512, 512)).shape == (1, 2)
    assert sides == [64, 32, 16, 8, 4]


@pytest.mark.parametrize(("last", "side"), [(False, 121), (True, 249)])
def test_an_image_too_small_for_poolings_that_pad_nothing_is_refused(last: bool, side: int) -> None:
    options = {"pool_padding": 0, "last_pooling": last, "read_size": 64}
    network = _network.build(settings(image_size=side, **options), seed=0).eval()
    assert network(torch.rand(1, 1, side, side)).isfinite().all()
    with pytest.raises(ValueError, match=f"image_size must be at least {side}"):
        settings(image_size=side - 1, **options)


@pytest.mark.parametrize(("merge", "expected"), [("mean", 1.5), ("sum", 3.0)])
def test_a_block_merges_its_two_ways(merge: str, expected: float) -> None:
    block = _network.Block(1, 1, 1, averaged=merge == "mean").eval()
    for unit, weight in ((block.convolutions[0], 1.0), (block.convolutions[1], 2.0), (block.shortcut, 1.0)):
        torch.nn.init.zeros_(unit[0].weight)
        unit[0].weight.data[0, 0, unit[0].kernel_size[0] // 2, unit[0].kernel_size[1] // 2] = weight
    assert block(torch.ones(1, 1, 3, 3)).mean().item() == pytest.approx(expected, rel=1e-4)
    assert not block(-torch.ones(1, 1, 3, 3)).any()  # rectified before it is merged


def test_first_weights_are_he_s_and_the_last_layer_s_are_smaller() -> None:
    network = _network.build(settings(), seed=0)
    weights = network.blocks[4].convolutions[1][0].weight
    assert weights.std().item() == pytest.approx(math.sqrt(2 / (9 * 80)), rel=0.02)
    assert _network.last_deviation(80) ** 2 == pytest.approx(2 / 80 / 2**0.5)
    assert torch.equal(weights, _network.build(settings(), seed=0).blocks[4].convolutions[1][0].weight)
    assert not torch.equal(weights, _network.build(settings(), seed=1).blocks[4].convolutions[1][0].weight)


def test_the_authors_program_starts_from_a_truncated_law_in_every_layer() -> None:
    network = _network.build(settings(initial="authors", widths=(16, 32, 48, 64, 400)), seed=0)
    convolution = network.blocks[4].convolutions[1][0].weight
    for weight, inputs in ((convolution, 9 * 400), (network.head.weight, 400)):
        deviation = math.sqrt(2 / inputs)
        assert weight.std().item() == pytest.approx(deviation, rel=0.05)
        assert weight.abs().max().item() <= 2 * deviation / 0.87962566 + 1e-7


def test_torch_s_own_start_is_uniform_and_keyed_by_the_seed() -> None:
    first, again, other = (_network.build(settings(initial="torch"), seed=seed) for seed in (0, 0, 1))
    weight = first.blocks[4].convolutions[1][0].weight
    assert weight.abs().max().item() == pytest.approx(math.sqrt(1 / (9 * 80)), rel=0.01)
    assert torch.equal(first.head.bias, again.head.bias)
    assert not torch.equal(first.head.bias, other.head.bias)


def test_balanced_weights_by_hand() -> None:
    """Of four images one is positive: it weighs 4 / 2, and the others 4 / 6 each."""
    weights = _losses.balanced(torch.tensor([0, 1, 0, 0], dtype=torch.uint8))
    assert weights.tolist() == pytest.approx([2 / 3, 2.0])
    assert _losses.balanced(torch.zeros(3)).tolist() == [1.0, 1.0]
    logits, target = torch.zeros(4, 2), torch.tensor([0, 1, 0, 0])
    logits[1, 1] = math.log(3)  # probability 3/4 of the positive, and 1/2 of the others
    expected = (3 * 2 / 3 * math.log(2) + 2 * math.log(4 / 3)) / 4
    assert _losses.cross_entropy(logits, target, weights).item() == pytest.approx(expected)


# What an image goes through.


def test_the_black_border_is_cropped() -> None:
    grey = np.zeros((6, 8), dtype=np.uint8)
    grey[1:5, 2:7] = 9
    grey[3, 4] = 0  # black inside is no border
    assert _images.content(grey, black=0) == (2, 1, 7, 5)
    assert _images.content(grey, black=9) == (0, 0, 8, 6)


def test_the_square_lies_in_the_middle() -> None:
    assert _images.central_square(Region(10, 0, 50, 20)) == Region(20, 0, 40, 20)
    assert _images.central_square(Region(0, 0, 20, 50)) == Region(0, 15, 20, 35)


def test_what_is_seen_of_an_image_and_where_it_lies() -> None:
    """A film of 200 x 100 pixels, read as 100 x 100, with a border of 20 of its pixels at the left."""
    grey = np.tile(np.arange(100, dtype=np.uint8) + 100, (100, 1))
    grey[:, :10] = 0
    found, region = _images.seen(grey, (200, 100), settings(image_size=64, read_size=100))
    assert region == Region(60, 0, 160, 100)  # the middle 100 of 20 to 200
    assert found.shape == (64, 64)
    assert found[:, 0] == pytest.approx(130, abs=1)
    assert found[:, -1] == pytest.approx(179, abs=1)


def test_no_displacement_changes_nothing_and_one_vertex_moves_what_is_around_it() -> None:
    images = torch.rand(1, 1, 64, 64)
    still = torch.zeros(1, 2, 5, 5)
    assert torch.allclose(_images.elastic(images, still), images, atol=1e-5)
    ramp = torch.arange(64.0).expand(1, 1, 64, 64)
    moved = still.clone()
    moved[0, 0, 2, 2] = 8.0  # the middle vertex looks 8 pixels to the right
    found = _images.elastic(ramp, moved)[0, 0] - ramp[0, 0]
    share = 31 / 63 * 4 - 1  # of the way from the second vertex to the middle one, at pixel 31
    assert found[31, 31].item() == pytest.approx(8 * share * share, rel=1e-3)
    assert found[:16].abs().max() == pytest.approx(0, abs=1e-4)
    assert found[31, 8].item() == pytest.approx(0, abs=1e-4)


def test_vertices_on_the_edge_stay_and_inner_ones_move_by_the_setting() -> None:
    torch.manual_seed(0)
    drawn = torch.stack([_images.displacements(settings()) for _ in range(400)])
    assert drawn.shape == (400, 2, 5, 5)
    assert drawn[:, :, 1:4, 1:4].std().item() == pytest.approx(32, rel=0.03)
    drawn[:, :, 1:4, 1:4] = 0
    assert not drawn.any()


def test_deformation_is_a_function_of_seed_epoch_and_image() -> None:
    squares = _images.Squares(view(), settings(image_size=64, read_size=64, deformed=1.0), seed=3)
    first = squares[0, 0][0]
    torch.manual_seed(5)
    assert torch.equal(first, squares[0, 0][0])
    assert not torch.equal(first, squares[1, 0][0])
    plain = _images.Squares(view(), settings(image_size=64, read_size=64))
    assert torch.equal(plain[0, 0][0], plain[7, 0][0])


def test_the_share_of_deformed_images() -> None:
    shared = settings(image_size=64, read_size=64)
    squares, plain = _images.Squares(view(), shared, seed=3), _images.Squares(view(), shared)
    same = [torch.equal(squares[epoch, row][0], plain[0, row][0]) for row in range(20) for epoch in range(20)]
    assert 1 - np.mean(same) == pytest.approx(0.8, abs=0.06)


def test_mean_and_deviation_are_those_of_all_pixels() -> None:
    squares = _images.Squares(view(), settings(image_size=64, read_size=64))
    pixels = torch.stack([squares[0, row][0] for row in range(len(squares))])
    found = _images.mean_and_deviation(squares)
    assert found == pytest.approx((pixels.mean().item(), pixels.std().item()), rel=1e-3)


# Maps.


def test_saliency_is_the_gradient_of_the_positive_class() -> None:
    network = _network.build(settings(**TINY), seed=0).eval()
    inputs = torch.rand(2, 1, 64, 64, requires_grad=True)
    network(inputs)[:, 1].sum().backward()
    gradient = inputs.grad.abs()[:, 0].numpy()
    expected = gradient / gradient.max(axis=(1, 2), keepdims=True)
    found = _prediction.attributed(network, inputs, "saliency", smoothing=0)
    assert found == pytest.approx(expected, abs=1e-5)


class Rectified(torch.autograd.Function):
    """A ReLU whose gradient is positive, where its input was positive (guided) or everywhere."""

    @staticmethod
    def forward(ctx, values, guided):
        ctx.save_for_backward(values)
        ctx.guided = guided
        return values.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        (values,) = ctx.saved_tensors
        return gradient.clamp(min=0) * ((values > 0) if ctx.guided else 1), None


class Replaced(torch.nn.Module):
    def __init__(self, guided: bool) -> None:
        super().__init__()
        self.guided = guided

    def forward(self, values):
        return Rectified.apply(values, self.guided)


@pytest.mark.parametrize("name", ["guided_backprop", "deconvolution"])
def test_gradients_that_relus_change_by_an_independent_network(name: str) -> None:
    network, other = (_network.build(settings(**TINY), seed=0).eval() for _ in range(2))
    for module in list(other.modules()):
        if isinstance(module, _network.Unit):
            module[2] = Replaced(name == "guided_backprop")
    inputs = torch.rand(2, 1, 64, 64, requires_grad=True)
    other(inputs)[:, 1].sum().backward()
    gradient = inputs.grad.abs()[:, 0].numpy()
    found = _prediction.attributed(network, inputs, name, smoothing=0)
    assert found == pytest.approx(gradient / gradient.max(axis=(1, 2), keepdims=True), abs=1e-5)
    plain = _prediction.attributed(network, inputs, "saliency", smoothing=0)
    assert not np.allclose(found, plain, atol=0.05), "hooks are removed, and maps differ"


def test_grad_cam_of_a_block_by_hand() -> None:
    network = _network.build(settings(**TINY), seed=0).eval()
    inputs = torch.rand(1, 1, 64, 64)
    features = inputs
    for place in range(3):
        features = network.blocks[place](network.pool(features) if place else features)
    features = features.detach().requires_grad_(True)
    rest = features
    for place in (3, 4):
        rest = network.blocks[place](network.pool(rest))
    network.head(rest.mean(dim=(2, 3)))[0, 1].backward()
    coarse = (features.grad.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1).relu()
    expected = torch.nn.functional.interpolate(coarse[None], (64, 64), mode="bilinear")[0].detach().numpy()
    found = _prediction.attributed(network, inputs, "gradcam:3", smoothing=0)
    assert expected.max() > 0
    assert found == pytest.approx(expected / expected.max(), abs=1e-4)


@pytest.mark.parametrize(("size", "expected"), [(64, 16), (256, 16), (512, 4), (1024, 1), (4096, 1)])
def test_activations_of_images_that_are_predicted_together_have_a_limit(size: int, expected: int) -> None:
    of_size = settings(image_size=size)
    assert _prediction.images_at_once(of_size) == expected
    if size == 512:  # what the rule counts, as torch allocates it
        inputs = torch.zeros(1, 1, size, size, requires_grad=True)
        with FlopCounter() as seen:
            _network.build(of_size, seed=0).eval()(inputs)
        counted = 4 * _prediction.FLOATS_PER_PIXEL * of_size.widths[0] * size**2
        assert counted == pytest.approx(seen.peak_bytes, rel=0.05)


@pytest.mark.parametrize("name", saliency_cnn.MAPS)
def test_scores_come_from_the_pass_that_gives_the_map(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method = saliency_cnn.SaliencyCnn(settings(**TINY, map=name), ("spot",))
    method.network = _network.build(method.settings, seed=0).eval()
    images = view("select").take(0, 5)
    inputs, _ = _prediction.squares(method.network, images, method.settings)
    with torch.inference_mode():
        expected = method.network(inputs).softmax(dim=1)[:, 1:].numpy()
    passes = []
    method.network.register_forward_hook(lambda *_: passes.append(1))
    monkeypatch.setattr(_prediction, "images_at_once", lambda settings: 2)
    assert method.predict(images).scores == pytest.approx(expected, abs=1e-6)
    assert len(passes) == 3  # one of each chunk


# Whole trainings.


class Killed(Exception):
    pass


def test_stopped_after_an_epoch_and_started_again_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    def train(folder: Path, epoch_ended=lambda epoch, metrics: None) -> dict[str, torch.Tensor]:
        folder.mkdir(exist_ok=True)
        run = RunContext("toy", "saliency_cnn", 0, folder, "cpu", Silent(), epoch_ended=epoch_ended)
        saliency_cnn.SaliencyCnn(settings(**TINY), ("spot",)).fit(view(), view("select"), run)
        return torch.load(folder / "last.ckpt", weights_only=True)["state_dict"]

    def stop(epoch: int, metrics: object) -> None:
        raise Killed

    whole = train(tmp_path / "whole")
    with pytest.raises(Killed):
        train(tmp_path / "stopped", stop)
    torch.manual_seed(11)
    again = train(tmp_path / "stopped")
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    assert whole["network.deviation"] > 0


def test_maps_lie_over_what_the_network_sees(tmp_path: Path) -> None:
    method = saliency_cnn.SaliencyCnn(settings(**TINY), ("spot",))
    method.network = _network.build(method.settings, seed=0).eval()
    images = view("select").take(0, 3)
    prediction = method.predict(images)
    assert prediction.heatmaps.shape == (3, 1, 64, 64)
    for region, (width, height) in zip(prediction.regions, images.sizes.tolist(), strict=True):
        assert region.width == pytest.approx(region.height, abs=2)
        assert 0 <= region.x0 < region.x1 <= width and 0 <= region.y0 < region.y1 <= height
    maps = method.inner_maps(images)
    assert list(maps) == list(saliency_cnn.MAPS)
    assert all(found.shape == (3, 1, 64, 64) for found in maps.values())


def test_the_last_epoch_and_the_best_are_kept_and_balanced_weights_are_those_of_fit(tmp_path: Path) -> None:
    wanted = settings(**{**TINY, "epochs": 3, "learning_rate": 0.05, "class_weights": "balanced"})
    run = RunContext("toy", "saliency_cnn", 0, tmp_path, "cpu", Silent())
    fit = view()
    saliency_cnn.SaliencyCnn(wanted, ("spot",)).fit(fit, view("select"), run)
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["select_auc"].between(0, 1).all()
    share = fit.labels.mean()
    for kept, name in (("best", "best"), ("last", "last")):
        method = saliency_cnn.SaliencyCnn(wanted.model_copy(update={"kept": kept}), ("spot",))
        method.restore(run)
        state = torch.load(tmp_path / f"{name}.ckpt", weights_only=True)["state_dict"]
        assert torch.equal(method.network.head.weight, state["network.head.weight"])
        expected = [1 / (2 * (1 - share)), 1 / (2 * share)]
        assert method.network.class_weights.tolist() == pytest.approx(expected, rel=1e-4)


def test_many_classes_are_refused() -> None:
    method = saliency_cnn.SaliencyCnn(settings(), ("one", "two"))
    with pytest.raises(WsbenchError, match="this dataset has 2"):
        method.fit(None, None, None)
