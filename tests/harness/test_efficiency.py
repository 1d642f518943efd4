"""What methods cost: operations and bytes counted by hand, timings made by hand, and runs that keep them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import wsbench
from wsbench.testing import toy
from wsbench.torch import inference
from wsbench.torch.flops import FlopCounter
from wsbench.utils import memory

SIDE = 8
PARAMETERS = 4 * 9 + 4 + 4 * SIDE * SIDE + 1
MACS = 4 * 9 * SIDE * SIDE + 4 * SIDE * SIDE
"""Of one forward pass: four 3 x 3 filters at every pixel, and one product for each of their outputs."""


class Small(wsbench.Method):
    """A convolution and a linear layer; predicts with as many forward passes as it is told."""

    passes = 1
    gradient = False
    by_parts = False

    def __init__(self) -> None:
        super().__init__(wsbench.Settings(), ("spot",))
        layers = (nn.Conv2d(1, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * SIDE * SIDE, 1))
        self.network = nn.Sequential(*layers)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"network": self.network}

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        grey = torch.from_numpy(images.pixels(SIDE, SIDE)[:])[:, None].float().requires_grad_(self.gradient)
        with torch.set_grad_enabled(self.gradient):
            for _ in range(self.passes):
                logits = self.network[1:](self.network[0](grey)) if self.by_parts else self.network(grey)
            if self.gradient:
                torch.autograd.grad(logits.sum(), grey)
        scores = logits.detach().sigmoid().numpy()
        return wsbench.Prediction(scores, np.zeros((len(images), 1, 2, 2)))


class Fixed(wsbench.Method):
    """No network at all."""

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        return wsbench.Prediction(np.zeros((len(images), 1)), np.zeros((len(images), 1, 2, 2)))


@pytest.fixture
def images() -> wsbench.ImageView:
    loaded = toy()
    return loaded.views.images(loaded.roles.members["test"])


def costs_of_prediction(method: wsbench.Method, images: wsbench.ImageView) -> dict[str, Any]:
    return inference.inference(method, method.networks(), images.take(0, 1))


def test_one_forward_pass(images: wsbench.ImageView) -> None:
    found = costs_of_prediction(Small(), images)
    assert (found["forward_macs"], found["macs"], found["flops"]) == (MACS, MACS, 2 * MACS)


def test_a_map_that_needs_more_passes_counts_them_all(images: wsbench.ImageView) -> None:
    method = Small()
    method.passes = 3
    assert (
        costs_of_prediction(method, images)["forward_macs"],
        costs_of_prediction(method, images)["macs"],
    ) == (MACS, 3 * MACS)


def test_the_gradient_of_the_input_costs_another_pass(images: wsbench.ImageView) -> None:
    method = Small()
    method.gradient = True
    assert (
        costs_of_prediction(method, images)["forward_macs"],
        costs_of_prediction(method, images)["macs"],
    ) == (MACS, 2 * MACS)


def test_a_network_that_is_called_in_parts_has_no_forward_pass_of_its_own(images: wsbench.ImageView) -> None:
    method = Small()
    method.by_parts = True
    assert (
        costs_of_prediction(method, images)["forward_macs"],
        costs_of_prediction(method, images)["macs"],
    ) == (None, MACS)


def test_without_gradients_a_linear_layer_counts_too() -> None:
    with torch.inference_mode(), FlopCounter() as seen:
        nn.Linear(10, 20)(torch.zeros(3, 5, 10))
    assert seen.flops == 2 * 3 * 5 * 10 * 20


def test_bytes_are_those_alive_at_once() -> None:
    before = torch.zeros(999)
    with FlopCounter() as seen:
        first = torch.zeros(1000)
        first.add_(1).view(10, 100)
        before.mul_(2)
        second = torch.zeros(500)
        assert seen.peak_bytes == 4 * 1500
        del first
        third = torch.zeros(600)
    assert seen.peak_bytes == 4 * 1500
    assert len(second) + len(third) == 1100


def test_weights_are_counted_once_and_the_file_is_what_torch_writes() -> None:
    network = Small().network
    twice = {"one": network, "the same": nn.ModuleList([network])}
    assert inference.parameters({"network": network}) == PARAMETERS
    assert inference.weight_bytes(twice) == 4 * PARAMETERS
    torch.save({"network": network.state_dict()}, file := io.BytesIO())
    assert inference.model_bytes({"network": network}) == len(file.getvalue()) > 4 * PARAMETERS


def test_memory_of_inference_holds_the_weights(images: wsbench.ImageView) -> None:
    # At the most, input, the convolution's output and the linear layer's are alive; sigmoid and others are 4.
    tensors = 4 * (SIDE * SIDE + 4 * SIDE * SIDE + 1)
    assert costs_of_prediction(Small(), images)["inference_bytes"] == pytest.approx(
        4 * PARAMETERS + tensors, abs=16
    )


def test_median_and_p95_of_twenty_repeats() -> None:
    assert inference.median_and_p95([number / 1000 for number in range(1, 21)]) == (10.5, 19.05)
    assert inference.median_and_p95([0.002]) == (2.0, 2.0)


@pytest.mark.parametrize(
    ("seconds", "fewest", "repeats"), [(0.001, 5, 50), (0.3, 1, 3), (0.3, 5, 4), (2.0, 1, 1), (2.0, 5, 4)]
)
def test_repeats_end_with_the_time_and_the_first_is_a_warm_up(
    monkeypatch: pytest.MonkeyPatch, seconds: float, fewest: int, repeats: int
) -> None:
    clock: Iterator[int] = count()
    monkeypatch.setattr(inference.time, "perf_counter", lambda: next(clock) * seconds)
    monkeypatch.setattr(inference, "TIMING_SECONDS", 1.0)
    assert inference.repeated(lambda: None, fewest=fewest) == pytest.approx([seconds] * repeats)


def test_all_of_a_method(images: wsbench.ImageView) -> None:
    found = inference.measure_efficiency(Small(), images)
    assert (found["device"], found["threads"]) == ("cpu", torch.get_num_threads())
    assert (found["parameters"], found["macs"]) == (PARAMETERS, MACS)
    assert found["latency_p95_ms"] >= found["latency_median_ms"] > 0
    assert found["images_at_once"] == min(16, len(images))
    assert found["images_per_second"] > 0


def test_a_method_without_networks(images: wsbench.ImageView) -> None:
    found = inference.measure_efficiency(Fixed(wsbench.Settings(), ("spot",)), images)
    assert found["parameters"] == 0
    for name in ("macs", "flops", "forward_macs", "model_bytes", "inference_bytes", "threads"):
        assert found[name] is None
    assert found["latency_median_ms"] > 0


@pytest.mark.parametrize(
    ("cost", "device", "expected"),
    [
        (
            {"seconds": 9.0, "epochs": 2, "epoch_seconds": 8.0, "grown_megabytes": 3},
            "cpu",
            (8.0, 20, 3 << 20),
        ),
        ({"seconds": 9.0, "peak_gpu_megabytes": 5, "grown_megabytes": 3}, "cuda:0", (9.0, None, 5 << 20)),
        ({"seconds": 9.0, "peak_megabytes": 700}, "cpu", (9.0, None, None)),
    ],
)
def test_training(cost: Mapping[str, Any], device: str, expected: tuple) -> None:
    found = inference.training(cost, device, images=10)
    assert found["trained_on"] == device
    assert tuple(found[f"training_{name}"] for name in ("seconds", "images", "bytes")) == expected


@pytest.mark.skipif(memory.watch() is None, reason="this system forgets no peak")
def test_a_stage_has_a_peak_of_its_own() -> None:
    def peaks_of(work: Callable[[], object]) -> Mapping[str, int]:
        before = memory.watch()
        work()
        return memory.peaks(before)

    large = peaks_of(lambda: b"x" * (200 << 20))
    assert 190 <= large["grown_megabytes"] <= large["peak_megabytes"]
    assert peaks_of(lambda: None)["grown_megabytes"] < 50


def test_where_no_peak_is_forgotten_growth_is_not_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "FORGET", tmp_path / "nowhere" / "clear_refs")
    before = memory.watch()
    assert before is None
    assert set(memory.peaks(before)) == {"peak_megabytes"}
