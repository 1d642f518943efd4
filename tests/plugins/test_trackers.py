"""The built-in trackers: a killed and resumed training on the phantom, read back by the libraries' own
readers."""

from __future__ import annotations

import math
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import wsbench
from wsbench.contract import TrackedRun
from wsbench.contract.records import Record
from wsbench_plugins.trackers import csv_file, tensorboard

DATA = {"images": 70, "size": 64}
SMALL = {"resize": 32, "crop": 32, "epochs": 3, "batch_size": 16, "precision": "32"}
TRACKERS = ("csv", "tensorboard", "mlflow", "wandb")

KILLER = """
import os, signal, wsbench
@wsbench.hookimpl
def wsbench_epoch_ended(epoch):
    if epoch == 1:  # it was told, and is not saved
        os.kill(os.getpid(), signal.SIGKILL)
"""


def run(runs: Path, **further: Any) -> Record:
    return wsbench.run("kd_teacher", "phantom", options=SMALL, data_options=DATA, runs=runs, **further)


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A run that was killed after two of three epochs, and typed again."""
    folder = tmp_path_factory.mktemp("tracked")
    (folder / "killer.py").write_text(KILLER)
    words = [f"{name}={value}" for name, value in SMALL.items()]
    data = [f"{name}={value}" for name, value in DATA.items()]
    command = [sys.executable, "-m", "wsbench", "run", "-m", "kd_teacher", "-d", "phantom"]
    command += [part for word in words for part in ("-o", word)]
    command += [part for word in data for part in ("-D", word)]
    command += ["--plugin", "killer.py", "--track", ",".join(TRACKERS), "--no-references", "--quiet"]
    killed = subprocess.run(
        command, cwd=folder, env={**os.environ, "LOKY_MAX_CPU_COUNT": "1"}, capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert b"warning" not in killed.stderr
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        return run(folder / "runs", track=TRACKERS)


def test_trackers_change_nothing(resumed: Record, tmp_path: Path) -> None:
    plain = run(tmp_path)
    for name in ("key", "method", "protocols", "training", "trained_from"):
        assert getattr(plain, name) == getattr(resumed, name), name
    for file in ("scores.csv", "boxes.csv"):
        assert (plain.folder / file).read_bytes() == (resumed.folder / file).read_bytes()


def history(record: Record) -> pd.DataFrame:
    return pd.read_csv(record.folder / "fit" / "history.csv")


def test_mlflow(resumed: Record) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{resumed.folder.parents[2] / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("phantom")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.status == "FINISHED"
    assert found.info.run_name == f"phantom/kd_teacher/{resumed.folder.name}"
    assert found.data.params["settings.epochs"] == "3"
    assert found.data.params["seed"] == "0"
    assert found.data.params["training"] == resumed.training
    told = client.get_metric_history(found.info.run_id, "epoch/select_loss")
    assert [(each.step, each.value) for each in told] == list(enumerate(history(resumed)["select_loss"]))
    assert found.data.metrics["uniform/auc"] == resumed.value("auc")
    assert found.data.metrics["paper/accuracy"] == resumed.value("accuracy", "paper")
    low, high = resumed.protocols["uniform"]["metrics"]["auc"]["interval"]
    assert (found.data.metrics["uniform/auc/low"], found.data.metrics["uniform/auc/high"]) == (low, high)
    levelled = next(name for name in resumed.protocols["uniform"]["metrics"] if "@" in name)
    assert found.data.metrics[f"uniform/{levelled.replace('@', '_at_')}"] == resumed.value(levelled)
    rule = resumed.protocols["uniform"]["calibration"]["boxes"]["tb"]
    assert found.data.metrics["uniform/threshold/tb"] == rule["threshold"]
    assert found.data.metrics["seconds/fit"] == resumed.stages["fit"]["seconds"]


def test_tensorboard(resumed: Record) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    folder = resumed.folder.parents[2] / "tensorboard" / "phantom" / "kd_teacher" / resumed.folder.name
    assert len(list(folder.glob("events.out.tfevents.*"))) == 2, "one of each attempt"
    read = EventAccumulator(str(folder))
    read.Reload()
    told = [(event.step, event.value) for event in read.Scalars("epoch/select_loss")]
    assert told == [
        (epoch, pytest.approx(loss)) for epoch, loss in enumerate(history(resumed)["select_loss"])
    ]
    (auc,) = read.Scalars("uniform/auc")
    assert auc.value == pytest.approx(resumed.value("auc"))
    (text,) = read.Tensors("run/text_summary")
    assert b"| settings.epochs | 3 |" in text.tensor_proto.string_val[0].replace(b"\\.", b".")
    summary = read.SummaryMetadata("_hparams_/session_start_info")
    session = HParamsPluginData.FromString(summary.plugin_data.content).session_start_info
    assert session.hparams["settings.epochs"].number_value == 3


def test_csv(resumed: Record) -> None:
    table = pd.read_csv(resumed.folder.parents[2] / "tracking.csv")
    assert set(table["run"]) == {f"phantom/kd_teacher/{resumed.folder.name}"}
    losses = table[(table["event"] == "epoch") & (table["name"] == "select_loss")]
    assert losses["epoch"].tolist() == [0, 1, 2]
    assert losses["value"].tolist() == history(resumed)["select_loss"].tolist()
    result = table[table["event"] == "finished"].set_index("name")["value"]
    assert result["uniform/auc"] == resumed.value("auc")
    assert table[table["event"] == "stage"]["name"].tolist() == [
        f"{stage}/seconds" for stage in ("fit", "predict", "score", "measure")
    ]


def wandb_records(data: bytes) -> Iterator[bytes]:
    """The records of a file in the log format of LevelDB behind a header of 7 bytes: blocks of 32 KiB, and in
    them pieces of records (checksum, length, kind: whole, first, middle, last)."""
    position, record = 7, b""
    while position + 7 <= len(data):
        if (left := 32768 - position % 32768) < 7:
            position += left
            continue
        length, kind = struct.unpack("<HB", data[position + 4 : position + 7])
        if not kind:  # what a kill left of the last block
            return
        record += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):
            yield record
            record = b""


def wandb_messages(file: Path) -> list[Any]:
    from wandb.proto import wandb_internal_pb2 as messages

    return [messages.Record.FromString(content) for content in wandb_records(file.read_bytes())]


def finished_messages(file: Path) -> list[Any]:
    """Those of a run that has been closed: the library's own process writes the last of them soon after."""
    deadline = time.monotonic() + 60
    while not (messages := wandb_messages(file)) or messages[-1].WhichOneof("record_type") != "exit":
        assert time.monotonic() < deadline, "the file was never finished"
        time.sleep(0.05)
    return messages


def test_wandb(resumed: Record) -> None:
    """Offline: both attempts have the id of one run. A killed one loses what the library has not written, so
    the second holds everything."""
    folders = sorted((resumed.folder.parents[2] / "wandb").glob("offline-run-*"))
    files = [next(folder.glob("run-*.wandb")) for folder in folders]
    assert len(files) == 2
    assert files[0].name == files[1].name
    steps: list[tuple[int, int]] = []
    summary: dict[str, str] = {}
    for message in finished_messages(files[1]):
        items = {"/".join(item.nested_key) or item.key: item.value_json for item in message.history.item}
        steps += [(int(items["_step"]), int(items["epoch"]))] if "epoch" in items else []
        summary |= {"/".join(item.nested_key) or item.key: item.value_json for item in message.summary.update}
    assert steps == [(0, 0), (1, 1), (2, 2)]
    assert float(summary["uniform/auc"]) == resumed.value("auc")


# What the libraries leave open.


def tracked(runs: Path) -> TrackedRun:
    values = {
        "name": "phantom/m/seed0-1", "method": "m", "preset": "quick",
        "settings": {"a": {"b": [1]}, "c": None},
        "dataset": "phantom", "dataset_settings": {}, "fingerprint": "f", "seed": 0, "device": "cpu",
        "training": "t", "folder": runs / "m", "runs": runs,
    }  # fmt: skip
    return TrackedRun(**values)


def test_settings_inside_settings_have_flat_names(tmp_path: Path) -> None:
    parameters = tracked(tmp_path).parameters()
    assert (parameters["settings.a.b"], parameters["settings.c"]) == ([1], None)


def test_csv_begins_again_where_the_file_is_gone(tmp_path: Path) -> None:
    path, run = tmp_path / "here" / "all.csv", tracked(tmp_path)
    first = csv_file.CsvTracker(path, run)
    assert csv_file.CsvTracker(path, run.continuing(first.id)).id == first.id
    path.unlink()
    again = csv_file.CsvTracker(path, run.continuing(first.id))
    again.run_failed('said "no",\nand left')
    again.epoch_ended(0, {"loss": math.nan})
    table = pd.read_csv(path)
    assert table["name"].tolist() == ['said "no",\nand left', "loss"]
    assert table["value"].isna().all()


def test_tensorboard_shows_text_as_it_is(tmp_path: Path) -> None:
    text = tensorboard._table({"a|b": "<script>*x*</script>\n| c |"})
    assert text.splitlines()[2] == r"| a\|b | &lt;script>\*x\*&lt;/script> \| c \| |"
    assert len(text.splitlines()) == 3


def test_names_of_mlflow() -> None:
    from wsbench_plugins.trackers.mlflow import _key

    assert _key("uniform/cond_loc_f1@0.25") == "uniform/cond_loc_f1_at_0.25"
    assert _key("uniform/auc/Pleural thickening (old)") == "uniform/auc/Pleural thickening _old_"
    assert len(_key("x" * 300)) == 250
