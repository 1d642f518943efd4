"""What classifiers share: loss, optimiser, crop, and three channels from one."""

from __future__ import annotations

import math
from contextlib import nullcontext

import pytest
import torch
from torch import nn

import wsbench


class Half(nn.Module):
    """The logit of every class is its bias."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.tensor([0.0, math.log(3)]))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.bias.expand(len(inputs), 2)


def test_the_loss_is_the_binary_cross_entropy_of_every_class() -> None:
    module = wsbench.torch.Classification(Half(), wsbench.TrainingSettings())
    labels = torch.tensor([[1, 1], [0, 0]], dtype=torch.uint8)
    # Probabilities 1/2 and 3/4: ln 2 twice, then ln 4/3 and ln 4.
    expected = (2 * math.log(2) + math.log(4 / 3) + math.log(4)) / 4
    assert module.loss(torch.zeros(2, 1), labels).item() == pytest.approx(expected)


def test_adam_has_the_settings_rates() -> None:
    settings = wsbench.TrainingSettings(learning_rate=0.25, weight_decay=0.5)
    (group,) = wsbench.torch.Classification(Half(), settings).configure_optimizers().param_groups
    assert (group["lr"], group["weight_decay"]) == (0.25, 0.5)


def test_the_centre_is_cropped_and_augmentation_can_be_left_out() -> None:
    grey = torch.arange(36, dtype=torch.uint8).reshape(1, 6, 6)
    assert torch.equal(wsbench.torch.crop_and_augment(2)(grey), grey[:, 2:4, 2:4])
    torch.manual_seed(0)
    augmented = wsbench.torch.crop_and_augment(6, 2, 30)(grey)
    assert augmented.shape == (1, 6, 6)
    assert not torch.equal(augmented, grey)


@pytest.mark.parametrize("grey", [torch.tensor([[[[255]]]], dtype=torch.uint8), torch.ones(1, 1, 1, 1)])
def test_three_channels_are_normalised_apart(grey: torch.Tensor) -> None:
    found = wsbench.torch.three_channels(grey, (0.5, 0.0, 1.0), (0.5, 0.25, 2.0))
    assert found.flatten().tolist() == [1.0, 4.0, 0.0]


def test_hooks_are_removed_at_the_end_of_a_block_even_after_an_error() -> None:
    layer, calls = torch.nn.Identity(), []
    for error in (None, ValueError("in the block")):
        hooks = [layer.register_forward_hook(lambda *_: calls.append(1)) for _ in range(2)]
        expected = pytest.raises(ValueError, match="in the block") if error else nullcontext()
        with expected, wsbench.torch.removed_at_end(hooks):
            layer(torch.zeros(1))
            if error:
                raise error
        assert len(calls) == 2
        calls.clear()
        layer(torch.zeros(1))
        assert calls == []


def test_the_weights_of_a_network_have_its_own_names() -> None:
    state = {"network.head.weight": torch.ones(1), "network.network.bias": torch.zeros(1)}
    assert wsbench.torch.network_weights(state) == {
        "head.weight": state["network.head.weight"],
        "network.bias": state["network.network.bias"],
    }
