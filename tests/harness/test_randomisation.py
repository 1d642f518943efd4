"""Parameters drawn anew and labels of other images: all that should change does, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from wsbench import testing
from wsbench.studies.sanity.randomisation import by_depth, layers, redraw, stages, with_random_labels


class Tokens(nn.Module):
    """Modules are defined in another order than they are called in; it is not called itself."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.full((1, 1, 8), 0.25))
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.head = nn.Linear(8, 2)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.unused = nn.Linear(3, 3)
        self.norm = nn.BatchNorm1d(8)
        self.stem = nn.Linear(4, 8)

    def compute(self, values: torch.Tensor) -> torch.Tensor:
        found = self.norm(self.stem(values))[:, None] * self.scale + self.token
        return self.head(self.attention(found, found, found)[0])[:, 0]


def trained() -> Tokens:
    """No parameter and no statistic is at the value that a new network has."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        network = Tokens().eval()
        for value in [*network.parameters(), network.norm.running_mean, network.norm.running_var]:
            value.add_(torch.rand(value.shape) + 0.1)
    return network


def state(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_every_parameter_and_statistic_changes_and_again_in_the_same_way() -> None:
    first, again, other = trained(), trained(), trained()
    before = state(first)
    torch.manual_seed(5)
    redraw({"net": layers(first)}, seed=0)
    drawn = torch.rand(3)
    redraw({"net": layers(again)}, seed=0)
    redraw({"net": layers(other)}, seed=1)
    assert changed(before, state(first)) == set(before) - {"norm.num_batches_tracked"}
    assert changed(state(first), state(again)) == set()
    # what a reset makes constant is the same under every seed
    constant = {
        "norm.weight",
        "norm.bias",
        "norm.running_mean",
        "norm.running_var",
        "attention.out_proj.bias",
    }
    assert set(before) - changed(state(first), state(other)) >= {"norm.weight", "norm.running_var"}
    assert set(before) - changed(state(first), state(other)) <= constant | {"norm.num_batches_tracked"}
    assert all(value.isfinite().all() for value in first.state_dict().values())
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))  # nobody else's randomness is used up


def test_what_is_reset_is_as_never_trained_and_what_is_not_keeps_mean_and_deviation() -> None:
    network = nn.Module()
    network.norm = nn.BatchNorm2d(3)
    network.large = nn.Parameter(torch.randn(200, 200) * 3 + 7)
    with torch.no_grad():
        network.norm.running_var.fill_(9)
        network.norm.weight.fill_(4)
    redraw({"net": layers(network)}, seed=0)
    assert network.norm.running_var.tolist() == network.norm.weight.tolist() == [1, 1, 1]
    assert network.large.mean().item() == pytest.approx(7, abs=0.1)
    assert network.large.std().item() == pytest.approx(3, abs=0.1)


class Around(nn.Module):
    """Its reset reaches into what is inside, and leaves one of its own parameters alone."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = nn.Linear(2, 2)
        self.zeros, self.forgotten = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(3))

    def reset_parameters(self) -> None:
        self.inside.reset_parameters()
        nn.init.ones_(self.zeros)


def test_a_reset_is_held_to_its_own_parameters_and_completed() -> None:
    network = Around()
    before = state(network)
    redraw({"net": [("", network)]}, seed=0)
    assert changed(before, state(network)) == {"zeros", "forgotten"}
    assert network.zeros.tolist() == [1, 1, 1]
    assert 0 < network.forgotten.abs().max() < 0.2


def test_layers_are_in_the_order_in_which_they_are_called() -> None:
    network = trained()
    before = state(network)
    depths = by_depth({"net": network}, lambda: network.compute(torch.ones(2, 4)))
    names = [name for name, _ in depths["net"]]
    assert names == ["", "stem", "norm", "attention", "attention.out_proj", "head"]
    first, second, third = ([name for name, _ in one["net"]] for one in stages(depths, (0, 0.5, 1)))
    assert (first, second, third) == (["head"], names[3:5], names[:3])
    assert changed(before, state(network)) == set()
    assert not network.stem._forward_pre_hooks
    redraw(next(stages(depths, (0,))), seed=0)
    assert changed(before, state(network)) == {"head.weight", "head.bias"}


def test_the_cascades_end_is_the_whole_network() -> None:
    steps, whole = trained(), trained()
    depths = by_depth({"net": steps}, lambda: steps.compute(torch.ones(2, 4)))
    for added in stages(depths, (0.0, 0.5, 1.0)):
        redraw(added, seed=0)
    redraw({"net": layers(whole)}, seed=0)
    assert changed(state(steps), state(whole)) == {"unused.weight", "unused.bias"}


def test_random_labels_have_the_same_prevalence_and_belong_to_other_images() -> None:
    loaded = testing.toy()
    random = with_random_labels(loaded, seed=0)
    assert random.roles == loaded.roles
    assert random.fingerprint != loaded.fingerprint
    for role in ("fit", "select"):
        names = loaded.roles.members[role]
        before, after = (one.views.weak(names) for one in (loaded, random))
        assert before.names == after.names
        assert before.labels.sum() == after.labels.sum() > 0
        assert (before.pixels(8, 8)[:] == after.pixels(8, 8)[:]).all()
        # further words tell the class, so they must not stay behind
        assert all(bool(one.labels) == (one.attributes["group"] == "tb") for one in after.samples)
    learnt = loaded.roles.members["fit"]
    assert (loaded.views.weak(learnt).labels != random.views.weak(learnt).labels).any()
    assert not any(random.views.boxed([*learnt, *loaded.roles.members["select"]]).boxes)
    for role in ("calibrate", "test"):
        assert random.samples_of(role) == loaded.samples_of(role)
    again = with_random_labels(loaded, seed=0)
    assert again.samples == random.samples
    assert np.any(
        [a != b for a, b in zip(with_random_labels(loaded, 1).samples, random.samples, strict=True)]
    )
