"""Several processes train one network together: the same numbers as by one process, and one writer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.data import BatchSampler

import wsbench
from wsbench.errors import WsbenchError
from wsbench.torch.together import Shares
from wsbench.utils.ranks import NAMES, Ranks

PLUGIN = '''
"""A small network in float64 with batch normalisation and plain gradient descent: noise stays small."""

import os

import numpy as np
import torch
from torch import nn

import wsbench


class Settings(wsbench.TrainingSettings):
    epochs: int = 3
    batch_size: int = 9


class Module(wsbench.torch.Classification):
    def loss(self, inputs, labels):
        logits = self.network(inputs.double() / 255)
        return nn.functional.binary_cross_entropy_with_logits(logits, labels.double())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1, momentum=0.9)

    def on_train_epoch_start(self):
        if self.current_epoch == 1 and os.environ["RANK"] == os.environ.get("ENDS"):
            print("error: no memory left", flush=True)
            os._exit(9)


class Exact(wsbench.Method):
    def network(self):
        torch.manual_seed(0)
        layers = [nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU()]
        layers += [nn.Conv2d(4, 4, 3, 2, bias=False), nn.BatchNorm2d(4), nn.ReLU()]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1)).double()

    def fit(self, fit, select, run):
        (run.folder / "written_by").write_text(os.environ.get("RANK", "0"))
        views = (fit, select)
        images, held_out = (wsbench.torch.WeakImages(view, 32, 32, lambda pixels: pixels) for view in views)
        wsbench.torch.train(
            Module(self.network(), self.settings),
            wsbench.torch.keyed_loader(images, self.settings, order_seed=1),
            wsbench.torch.keyed_loader(held_out, self.settings),
            run,
            self.settings,
        )
        assert os.environ.get("RANK", "0") == "0"  # the others end with the training

    def restore(self, run):
        self.fitted = self.network()
        self.fitted.load_state_dict(wsbench.torch.network_weights(wsbench.torch.best_weights(run)))

    def predict(self, images):
        pixels = torch.from_numpy(images.pixels(32, 32)[:])[:, None]
        with torch.no_grad():
            scores = self.fitted.eval()(pixels.double() / 255).sigmoid().numpy()
        return wsbench.Prediction(scores.astype(np.float32), np.zeros((len(scores), 1, 4, 4), np.float16))


@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("exact", "a network in float64", Settings, Exact)]
'''
SMALL = {"images": 120, "size": 64}


def typed(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    data = [word for name, value in SMALL.items() for word in ("-D", f"{name}={value}")]
    return subprocess.run(
        [sys.executable, "-m", "wsbench", "run", "-d", "phantom", *data, "--no-references", "-q", *words],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def weights_in(folder: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(folder / "fit" / "last.ckpt", weights_only=True)["state_dict"]
    return state


def test_two_processes_give_the_numbers_of_one_even_if_one_of_them_dies(
    command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "exact.py"
    plugin.write_text(PLUGIN)
    words = ("-m", "exact", "--plugin", str(plugin), "--runs", "together", "--devices", "2")
    died = typed(*words, ENDS="1")
    assert died.returncode == 2
    assert died.stderr.strip().splitlines()[-1] == "error: process 2 of 2 has ended: no memory left"
    (history,) = Path("together").glob("phantom/exact/*/fit/history.csv")
    assert len(history.read_text().splitlines()) == 2  # the first epoch is kept
    data = [word for name, value in SMALL.items() for word in ("-D", f"{name}={value}")]
    again = ["run", "-d", "phantom", *data, "--no-references", "--no-report", "-q", *words]
    monkeypatch.setattr(sys, "argv", ["wsbench", *again])  # by which the other process is started
    code, _, err = command(*again)
    assert (code, err) == (0, "")
    (folder,) = Path("together").glob("phantom/exact/*")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    alone = wsbench.run("exact", "phantom", data_options=SMALL, runs="alone", plugin_files=plugin)
    assert alone.folder is not None
    weights = weights_in(folder)
    for name, expected in weights_in(alone.folder).items():
        torch.testing.assert_close(weights[name], expected, rtol=0, atol=1e-12)
    together = wsbench.load_record(folder)
    assert together.training == alone.training
    assert together.protocols["uniform"]["metrics"] == alone.protocols["uniform"]["metrics"]
    assert (together.provenance["processes"], alone.provenance.get("processes")) == (2, None)
    names = {path.relative_to(folder) for path in folder.rglob("*")}
    assert names == {path.relative_to(alone.folder) for path in alone.folder.rglob("*")}
    assert (folder / "fit" / "written_by").read_text() == "0"


@pytest.mark.parametrize(
    ("rank", "rows", "weights"),
    [(0, [[0, 2], [3, 5], [6]], [4 / 3, 4 / 3, 1]), (1, [[1], [4], [6]], [2 / 3, 2 / 3, 1])],
)
def test_each_process_has_its_rows_of_every_batch(
    rank: int, rows: list[list[int]], weights: list[float]
) -> None:
    shares = Shares(BatchSampler(range(7), 3, drop_last=False), Ranks(rank, 2, rank, 2))
    assert (list(shares), len(shares)) == (rows, 3)
    assert [shares.weight(batch) for batch in range(3)] == pytest.approx(weights)
    assert [shares.size(batch) for batch in range(3)] == [3, 3, 1]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 30])
@pytest.mark.parametrize("processes", [2, 3, 8])
def test_weighted_means_of_the_processes_are_the_mean_of_the_batch(size: int, processes: int) -> None:
    values = torch.arange(20.0) ** 2
    batches = BatchSampler(range(20), size, drop_last=False)
    shares = [Shares(batches, Ranks(rank, processes, rank, processes)) for rank in range(processes)]
    of_all = zip(*shares, strict=True)
    for batch, parts in enumerate(of_all):
        means = [values[part].mean() * own.weight(batch) for part, own in zip(parts, shares, strict=True)]
        expected = values[batch * size : (batch + 1) * size].mean()
        assert float(sum(means) / processes) == pytest.approx(float(expected))


def test_the_place_of_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    assert Ranks.here() == Ranks(0, 1, 0, 1)
    for name, value in zip(NAMES, ("5", "8", "1", "4", "host", "29500"), strict=True):
        monkeypatch.setenv(name, value)
    assert (Ranks.here(), Ranks.here().nodes) == (Ranks(5, 8, 1, 4), 2)
    monkeypatch.setenv("LOCAL_RANK", "first")
    with pytest.raises(WsbenchError, match="must be numbers, as torchrun sets them"):
        Ranks.here()
    monkeypatch.delenv("LOCAL_RANK")
    with pytest.raises(WsbenchError, match="LOCAL_RANK not set"):
        Ranks.here()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--nodes", "2"], "set NODE_RANK, MASTER_ADDR, MASTER_PORT on every machine"),
        (["--devices", "2", "--folds", "3"], "--folds trains by one process"),
        (["--devices", "0"], "--devices"),
    ],
)
def test_a_mistake_is_one_line(command, words: list[str], said: str) -> None:
    data = [word for name, value in SMALL.items() for word in ("-D", f"{name}={value}")]
    code, out, err = command("run", "-m", "two_lungs", "-d", "phantom", *data, "-q", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
