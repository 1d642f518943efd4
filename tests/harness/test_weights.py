"""Where networks start from: files are data, and what does not fit is one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import wsbench
from wsbench.errors import WsbenchError


def network() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))


def never() -> dict[str, torch.Tensor]:
    raise AssertionError


def test_a_checkpoint_of_train_is_read_as_a_state_dict(tmp_path: Path) -> None:
    state = network().state_dict()
    torch.save(state, tmp_path / "plain.pth")
    torch.save({"state_dict": {f"network.{name}": v for name, v in state.items()}}, tmp_path / "best.ckpt")
    for name in ("plain.pth", "best.ckpt"):
        read = wsbench.torch.read_weights(str(tmp_path / name), "toy", never)
        assert {key: value.tolist() for key, value in read.items()} == {
            key: value.tolist() for key, value in state.items()
        }


def test_a_name_is_fetched() -> None:
    assert wsbench.torch.read_weights("V1", "toy", lambda: {"a": torch.ones(1)})["a"] == 1

    def unreachable() -> dict[str, torch.Tensor]:
        raise OSError("no\nroute")

    with pytest.raises(
        WsbenchError, match=r"^the weights V1 of toy could not be loaded \(OSError: no route\); give -o"
    ):
        wsbench.torch.read_weights("V1", "toy", unreachable)

    def unknown() -> dict[str, torch.Tensor]:
        raise WsbenchError("toy has no weights V1")

    with pytest.raises(WsbenchError, match=r"^toy has no weights V1$"):
        wsbench.torch.read_weights("V1", "toy", unknown)


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"a": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(WsbenchError, match=r"could not be loaded \(UnpicklingError"):
        wsbench.torch.read_weights(str(tmp_path / "evil.pth"), "toy", never)
    assert not (tmp_path / "ran").exists()


WRITTEN = {
    "DataParallel": lambda state: prefixed("module.", state),
    "torch.compile": lambda state: prefixed("_orig_mod.", state),
    "both": lambda state: prefixed("module._orig_mod.", state),
    "Lightning": lambda state: {"state_dict": prefixed("model.", state), "epoch": 3, "callbacks": {}},
    "wrapped": lambda state: {"model": state, "optimizer": {}, "epoch": 3},
    "twice": lambda state: {"model": {"state_dict": prefixed("module.", state)}},
    "train": lambda state: {"state_dict": prefixed("network.", state)},
}


def prefixed(prefix: str, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in state.items()}


@pytest.mark.parametrize("program", WRITTEN)
@pytest.mark.parametrize("own", ["", "model."], ids=["plain", "a network with a prefix of its own"])
def test_what_training_programs_write_fills_a_network(program: str, own: str, tmp_path: Path) -> None:
    state = {name: torch.full_like(value, 7.0) for name, value in network().state_dict().items()}
    path = str(tmp_path / "written.pth")
    torch.save(WRITTEN[program](prefixed(own, state)), path)
    module = torch.nn.ModuleDict({"model": network()}) if own else network()
    wsbench.torch.fill_weights(module, wsbench.torch.read_weights(path, "toy", never), path, "toy")
    assert all((value == 7).all() for value in module.state_dict().values())


def test_names_of_another_network_are_counted_and_the_first_is_said() -> None:
    state = prefixed("encoder.", network().state_dict())
    with pytest.raises(WsbenchError) as error:
        wsbench.torch.fill_weights(network(), state, "a.pth", "toy")
    words = "none of its 4 names is the network's; the first is encoder.0.weight"
    assert str(error.value) == f"weights a.pth do not fit toy: {words}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2], "the file holds a list, not a state dict"),
        ({"epoch": 3, "lr": 0.1}, "the file holds no tensor, but epoch, lr"),
        ({"state_dict": {}}, "the file holds no tensor, but nothing"),
    ],
)
def test_a_file_without_weights_is_said(content: object, words: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(WsbenchError, match=f"{words}$"):
        wsbench.torch.read_weights(str(tmp_path / "a.pth"), "toy", never)


def test_new_parameters_keep_their_first_values() -> None:
    module, other = network(), network()
    before = module[1].weight.clone()
    state = {name: torch.full_like(value, 7.0) for name, value in other.state_dict().items()}
    wsbench.torch.fill_weights(module, state, "V1", "toy", new=("1.",))
    assert (module[0].weight == 7).all()
    assert torch.equal(module[1].weight, before)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda state: state.pop("0.bias"), r"1 missing: 0\.bias"),
        (lambda state: state.update(extra=torch.ones(1)), "1 unexpected: extra"),
        (lambda state: state.update({"0.bias": torch.ones(5)}), r"1 of another size: 0\.bias is 5, the .* 3"),
        (lambda state: state.clear(), r"4 missing: 0\.weight \.\.\."),
        (lambda state: [state.pop("0.bias"), state.pop("1.bias")], r"2 missing: 0\.bias \.\.\."),
    ],
)
def test_weights_of_another_network_are_refused(change, named: str) -> None:
    state = network().state_dict()
    change(state)
    with pytest.raises(WsbenchError, match=rf"^weights V1 do not fit toy: .*{named}") as error:
        wsbench.torch.fill_weights(network(), state, "V1", "toy")
    assert "\n" not in str(error.value)


def test_a_flipped_bit_in_a_file_is_noticed(tmp_path: Path) -> None:
    """torch would read it in silence, as another weight."""
    path = tmp_path / "weights.pt"
    torch.save({"a.weight": torch.zeros(1000)}, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert torch.load(path, weights_only=True)["a.weight"].count_nonzero() == 1
    with pytest.raises(WsbenchError, match=r"the file is damaged; copy or download it again"):
        wsbench.torch.read_weights(str(path), "a network", dict)
