"""What classifiers share: loss, optimiser, crop, and three channels from one."""

from __future__ import annotations

import math
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn

import wsbench
from wsbench.torch import classifier


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


class Pairs(wsbench.torch.Classification):
    """Two outputs for one class."""

    def loss(self, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(self.network(inputs), labels[:, 0].long())

    def scores(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs[:, 1:] - outputs[:, :1]


class Unread(Pairs):
    """Two outputs for one class, and nothing said of their scores."""

    def scores(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs


def validated(
    kind: type[wsbench.torch.Classification], outputs: int
) -> tuple[dict[str, float], torch.Tensor, torch.Tensor, list[int]]:
    """What a validation logs, outputs and labels of all images, and the sizes of the network's batches."""
    network = nn.Linear(6, outputs)
    inputs, labels = torch.rand(40, 6), (torch.arange(40) % 4 == 0).long()[:, None]
    sizes: list[int] = []
    network.register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    module = kind(network, wsbench.TrainingSettings())
    logged: dict[str, float] = {}
    module.log = lambda name, value, **_: logged.update({name: float(torch.as_tensor(value).detach())})
    for start in (0, 16, 32):
        module.validation_step((inputs[start : start + 16], labels[start : start + 16]), 0)
    module.on_validation_epoch_end()
    counted = list(sizes)
    return logged, network(inputs).detach(), labels[:, 0], counted


@pytest.mark.parametrize(("kind", "outputs"), [(wsbench.torch.Classification, 1), (Pairs, 2)])
def test_the_auc_on_select_takes_no_pass_of_its_own(
    kind: type[wsbench.torch.Classification], outputs: int
) -> None:
    logged, answers, labels, sizes = validated(kind, outputs)
    scores = answers[:, -1] - (answers[:, 0] if outputs == 2 else 0)
    won = [
        float(positive > negative) + 0.5 * float(positive == negative)
        for positive in scores[labels == 1]
        for negative in scores[labels == 0]
    ]
    assert logged["select_auc"] == pytest.approx(sum(won) / len(won))
    assert sizes == [16, 16, 8]


def test_outputs_that_are_no_scores_of_the_classes_have_no_auc() -> None:
    logged, *_ = validated(Unread, 2)
    assert set(logged) == {"select_loss"}


def test_the_auc_of_a_validation_is_the_harness_s_own() -> None:
    random = np.random.default_rng(0)
    labels = (random.random((50, 4)) < [0.5, 0.2, 0.0, 1.0]).astype(int)  # two classes have one label alone
    scores = random.normal(size=(50, 4)).round(1)  # with ties
    for columns in ([0, 1, 2, 3], [2, 3]):
        own = classifier._macro_auc(labels[:, columns], scores[:, columns])
        assert own == wsbench.metrics.macro_auc(labels[:, columns], scores[:, columns])
