"""Keyed randomness, early stopping, checkpoints, and resumption that changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import lightning.pytorch as lightning
import pandas as pd
import pytest
import torch

from wsbench import testing
from wsbench.contract.base import RunContext
from wsbench.errors import WsbenchError
from wsbench.settings import TrainingSettings
from wsbench.torch.loaders import WeakImages, keyed_loader
from wsbench.torch.trainer import best_weights, last_weights, torch_device, train
from wsbench.utils.progress import Silent

SETTINGS = TrainingSettings(epochs=4, batch_size=8, learning_rate=0.01)


class Small(lightning.LightningModule):
    """A linear classifier with dropout, so that the generator's state matters."""

    def __init__(self, settings: TrainingSettings, learns: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Dropout(0.3), torch.nn.Linear(10 * 12, 1)
        )
        self.settings, self.learns = settings, learns

    def training_step(self, batch, index):
        return self._loss(batch, "fit_loss")

    def validation_step(self, batch, index):
        self._loss(batch, "select_loss")

    def _loss(self, batch, name):
        images, labels = batch
        loss = torch.nn.functional.binary_cross_entropy_with_logits(self.layers(images), labels.float())
        logged = loss if self.learns else torch.zeros(())
        self.log(name, logged, on_step=False, on_epoch=True, batch_size=len(images))
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.settings.learning_rate)


def jitter(image: torch.Tensor) -> torch.Tensor:
    return image.float() / 255 + 0.2 * torch.rand(1)


def run_in(folder: Path, **values) -> RunContext:
    folder.mkdir(parents=True, exist_ok=True)
    return RunContext("toy", "small", 0, folder, "cpu", Silent(), **values)


def fit(
    run: RunContext, settings: TrainingSettings = SETTINGS, module: Small | None = None, **values
) -> Small:
    views, roles = testing.toy().views, testing.toy().roles.members
    images = WeakImages(views.weak(roles["fit"]), 10, 12, jitter, seed=5)
    held_out = WeakImages(views.weak(roles["select"]), 10, 12, jitter)
    module = module or Small(settings)
    loaders = keyed_loader(images, settings, order_seed=7), keyed_loader(held_out, settings)
    train(module, *loaders, run, settings, **values)
    return module


def test_new_tensors_are_not_filled_in_a_training(tmp_path: Path) -> None:
    """torch fills them under deterministic algorithms, which stay on."""
    seen = []

    class Watching(Small):
        def training_step(self, batch, index):
            filled = torch.utils.deterministic.fill_uninitialized_memory
            seen.append((torch.are_deterministic_algorithms_enabled(), filled))
            return super().training_step(batch, index)

    before = torch.utils.deterministic.fill_uninitialized_memory
    fit(run_in(tmp_path), module=Watching(SETTINGS))
    assert set(seen) == {(True, False)}
    assert torch.utils.deterministic.fill_uninitialized_memory is before is True


def test_items_depend_on_seed_epoch_and_image_alone() -> None:
    view = testing.toy().views.weak(testing.toy().roles.members["fit"])
    images = WeakImages(view, 10, 12, jitter, seed=5)
    first = images[2, 3][0]
    torch.rand(7)
    images[2, 4]
    assert (images[2, 3][0] == first).all()
    assert not torch.equal(images[3, 3][0], first)
    assert not torch.equal(WeakImages(view, 10, 12, jitter, seed=6)[2, 3][0], first)


def test_items_leave_the_global_generator_alone() -> None:
    view = testing.toy().views.weak(testing.toy().roles.members["fit"])
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    WeakImages(view, 10, 12, jitter)[0, 0]
    assert torch.equal(torch.rand(3), expected)


def test_order_changes_with_the_epoch_and_holds_every_image() -> None:
    view = testing.toy().views.weak(testing.toy().roles.members["fit"])
    loader = keyed_loader(WeakImages(view, 10, 12, jitter), SETTINGS, order_seed=7)
    orders = []
    for epoch in (0, 1, 0):
        loader.sampler.set_epoch(epoch)
        orders.append(list(loader.sampler))
    assert orders[0] == orders[2]
    assert [row for _, row in orders[0]] != [row for _, row in orders[1]]
    assert sorted(row for _, row in orders[1]) == list(range(len(view)))
    assert {epoch for epoch, _ in orders[1]} == {1}


@pytest.mark.parametrize(
    ("batch_size", "sizes"),
    [
        (35, [36]),
        (7, [7, 7, 7, 7, 8]),
        (8, [8, 8, 8, 8, 4]),
        (36, [36]),
        (50, [36]),
        (1, [1] * 36),
    ],
)
def test_a_last_batch_of_one_joins_the_batch_before_it(batch_size: int, sizes: list[int]) -> None:
    view = testing.toy().views.weak(testing.toy().roles.members["fit"])
    images = WeakImages(view, 10, 12, jitter)
    settings = SETTINGS.model_copy(update={"batch_size": batch_size})
    loader = keyed_loader(images, settings, order_seed=7)
    assert [len(labels) for _, labels in loader] == sizes
    assert len(loader) == len(sizes)
    drawn = torch.cat([labels for _, labels in loader])
    whole = keyed_loader(images, settings.model_copy(update={"batch_size": 36}), order_seed=7)
    assert torch.equal(drawn, next(iter(whole))[1])


def test_batches_of_select_and_a_single_image_stay() -> None:
    view = testing.toy().views.weak(testing.toy().roles.members["fit"])
    settings = SETTINGS.model_copy(update={"batch_size": 7})
    held_out = keyed_loader(WeakImages(view, 10, 12, jitter), settings)
    assert [len(labels) for _, labels in held_out] == [7, 7, 7, 7, 7, 1]
    single = keyed_loader(WeakImages(view.take(0, 1), 10, 12, jitter), settings, order_seed=7)
    assert [len(labels) for _, labels in single] == [1]


def test_batchnorm_trains_where_the_last_batch_would_hold_one_image(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"batch_size": 7})
    module = Small(settings)
    module.layers.insert(1, torch.nn.BatchNorm1d(10 * 12))
    fit(run_in(tmp_path), settings, module)
    history = pd.read_csv(tmp_path / "history.csv")
    assert history.epoch.tolist() == [0, 1, 2, 3]
    loader = keyed_loader(Rows(), settings, order_seed=7)
    orders = []
    for epoch in (0, 1):
        loader.batch_sampler.sampler.set_epoch(epoch)
        orders.append([row for batch in loader for row in batch.tolist()])
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(36))


class Rows(torch.utils.data.Dataset):
    """Its items are their rows."""

    def __len__(self) -> int:
        return 36

    def __getitem__(self, key: tuple[int, int]) -> int:
        return key[1]


def test_training_leaves_checkpoints_and_history(tmp_path: Path) -> None:
    epochs = []
    run = run_in(tmp_path, epoch_ended=lambda epoch, metrics: epochs.append((epoch, sorted(metrics))))
    module = fit(run)
    history = pd.read_csv(tmp_path / "history.csv")
    assert list(history.columns) == ["epoch", "seconds", "fit_loss", "select_loss"]
    assert history.epoch.tolist() == [0, 1, 2, 3]
    assert epochs == [(epoch, ["fit_loss", "select_loss"]) for epoch in range(4)]
    last = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    assert torch.equal(last["layers.2.weight"], module.layers[2].weight)


def test_best_is_the_epoch_of_the_lowest_select_loss(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"learning_rate": 0.5, "epochs": 6})
    fit(run_in(tmp_path), settings)
    losses = pd.read_csv(tmp_path / "history.csv").select_loss
    best = int(losses.idxmin())
    assert 0 < best < len(losses) - 1  # otherwise the test shows nothing
    fit(run_in(tmp_path / "shorter"), settings.model_copy(update={"epochs": best + 1}))
    expected = torch.load(tmp_path / "shorter" / "last.ckpt", weights_only=True)["state_dict"]
    assert torch.equal(best_weights(run_in(tmp_path))["layers.2.weight"], expected["layers.2.weight"])


def test_without_a_monitor_training_goes_on_to_the_last_epoch(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"patience": 1})
    stopping, going_on = run_in(tmp_path / "stopping"), run_in(tmp_path / "going on")
    fit(stopping, settings, Small(settings, learns=False))
    module = fit(going_on, settings, Small(settings, learns=False), monitor=None)
    assert len(pd.read_csv(stopping.folder / "history.csv")) == 2
    assert len(pd.read_csv(going_on.folder / "history.csv")) == 4
    assert torch.equal(last_weights(going_on)["layers.2.weight"], module.layers[2].weight)
    assert not (going_on.folder / "best.ckpt").exists()


@pytest.mark.parametrize("stops_at", [1, 3])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path, stops_at: int) -> None:
    whole = fit(run_in(tmp_path / "whole"))

    def stop(epoch: int, metrics: object) -> None:
        if epoch == stops_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(run_in(tmp_path / "parts", epoch_ended=stop))
    resumed = fit(run_in(tmp_path / "parts"))
    assert torch.equal(resumed.layers[2].weight, whole.layers[2].weight)
    columns = ["epoch", "fit_loss", "select_loss"]
    histories = [pd.read_csv(tmp_path / name / "history.csv")[columns] for name in ("whole", "parts")]
    pd.testing.assert_frame_equal(*histories)
    best = [best_weights(run_in(tmp_path / name))["layers.2.weight"] for name in ("whole", "parts")]
    assert torch.equal(*best)


def test_early_stopping_waits_for_patience_and_stays_stopped(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"epochs": 20, "patience": 2})
    fit(run_in(tmp_path), settings, Small(settings, learns=False))
    assert len(pd.read_csv(tmp_path / "history.csv")) == 3
    fit(run_in(tmp_path), settings, Small(settings, learns=False))
    assert len(pd.read_csv(tmp_path / "history.csv")) == 3


def test_a_finished_run_is_not_trained_further(tmp_path: Path) -> None:
    first = fit(run_in(tmp_path))
    again = fit(run_in(tmp_path))
    assert torch.equal(first.layers[2].weight, again.layers[2].weight)


def test_devices() -> None:
    assert torch_device("cpu").type == "cpu"
    assert torch_device("auto").type in ("cpu", "cuda")
    for word in ("abacus", "0", "gpu", "cuda:", "cuda:one", ""):
        with pytest.raises(WsbenchError, match=f"^device '{word}' is none; write auto, cpu, cuda"):
            torch_device(word)
    if not torch.cuda.is_available():
        with pytest.raises(WsbenchError, match=r"device 'cuda' cannot be used: .*try --device cpu") as error:
            torch_device("cuda")
        assert len(str(error.value)) <= 200


def test_bf16_trains(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"precision": "bf16", "epochs": 1})
    module = fit(run_in(tmp_path), settings)
    assert module.layers[2].weight.dtype == torch.float32


def test_a_run_that_is_moved_before_it_goes_on_keeps_its_best_epoch(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"learning_rate": 0.5, "epochs": 6})
    fit(run_in(tmp_path / "whole"), settings)
    losses = pd.read_csv(tmp_path / "whole" / "history.csv").select_loss
    stopped = int(losses.idxmin()) + 1
    assert stopped < len(losses)  # a worse epoch follows
    fit(run_in(tmp_path / "before"), settings.model_copy(update={"epochs": stopped}))
    (tmp_path / "before").rename(tmp_path / "moved")
    fit(run_in(tmp_path / "moved"), settings)
    best = [best_weights(run_in(tmp_path / name))["layers.2.weight"] for name in ("whole", "moved")]
    assert torch.equal(*best)


class Heard(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.mark.parametrize("file", ["last.ckpt", "best.ckpt"])
@pytest.mark.parametrize("how", ["flip", "delete"])
def test_a_training_does_not_go_on_from_damaged_weights(tmp_path: Path, file: str, how: str) -> None:
    """Torch would load a changed bit of a weight in silence."""
    whole = fit(run_in(tmp_path / "whole"))
    fit(run_in(tmp_path / "parts"), SETTINGS.model_copy(update={"epochs": 2}))
    path = tmp_path / "parts" / file
    if how == "flip":
        weight = torch.load(path, weights_only=True)["state_dict"]["layers.2.weight"]
        data = bytearray(path.read_bytes())
        data[data.index(weight.numpy().tobytes()) + 2] ^= 1
        path.write_bytes(data)
    else:
        path.unlink()
    heard = Heard()
    resumed = fit(replace(run_in(tmp_path / "parts"), progress=heard))
    assert torch.equal(resumed.layers[2].weight, whole.layers[2].weight)
    best = [best_weights(run_in(tmp_path / name))["layers.2.weight"] for name in ("whole", "parts")]
    assert torch.equal(*best)
    if (file, how) == ("last.ckpt", "delete"):  # an earlier kill looks the same
        assert heard.lines == []
    else:
        assert [file in line and "starts from the beginning" in line for line in heard.lines] == [True]


def test_a_damaged_history_is_written_again(tmp_path: Path) -> None:
    """It is read when the training has ended, also when no epoch was left."""
    fit(run_in(tmp_path))
    before = (tmp_path / "history.csv").read_bytes()
    (tmp_path / "history.csv").write_bytes(b"\xff\x00")
    fit(run_in(tmp_path))
    assert (tmp_path / "history.csv").read_bytes() == before
