"""Train here, test there: thresholds stay, nothing of the other dataset chooses, drops have intervals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import wsbench
from conftest import METRICS, refused
from wsbench.contract import plugins, records
from wsbench.data.class_names import shared_classes
from wsbench.errors import WsbenchError
from wsbench.predictions import store
from wsbench.reports import leaderboard
from wsbench.reports.labels import label_of
from wsbench.runs.drops import drop_interval
from wsbench.runs.job import Job
from wsbench.runs.plan import load_dataset, make_plan
from wsbench.runs.rescoring import rescore
from wsbench.runs.runner import execute
from wsbench.runs.target import target_of
from wsbench.runs.test_on import TestOn, parse_test_on
from wsbench.runs.transfer import transfer
from wsbench.utils.progress import Silent

PLUGINS = plugins.find()
DATA = {"images": 120, "size": 64}
SHIFTED = {**DATA, "tone": 2.0, "noise": 0.5}
WORDS = "phantom:images=120,size=64,tone=2,noise=0.5"


def load(name: str = "phantom", **settings: object):
    return load_dataset(PLUGINS, name, {**DATA, **settings}, Silent())


def job_of(source, runs: Path, method: str = "low_level", **options: object) -> Job:
    spec = PLUGINS.methods[method]
    plan = make_plan(spec, None, options, dataset=source.spec, seed=0, device="cpu", runs=runs)
    return Job(plan, source, PLUGINS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory):
    """A run of a method that reads images, with its transfer to a shifted scanner."""
    job = job_of(load(), tmp_path_factory.mktemp("whole"))
    own, target = execute(job), target_of(load(**SHIFTED), job.loaded)
    return job, own, target, transfer(job, own, target)


def test_thresholds_are_those_of_the_own_dataset(whole) -> None:
    _, own, _, there = whole
    for protocol in own.protocols:
        assert there.protocols[protocol]["calibration"] == own.protocols[protocol]["calibration"]
    assert there.value("auc") != own.value("auc")
    assert there.transfer["own"]["metrics"]["auc"]["value"] == own.value("auc")


def test_a_record_says_what_it_was_trained_and_tested_on(whole) -> None:
    _, own, target, there = whole
    read = wsbench.load_record(there.folder)
    assert json.dumps(read.transfer) == json.dumps(there.transfer)
    assert read.transfer["trained_on"]["fingerprint"] == own.key["fingerprint"] == read.key["trained_on"]
    assert read.dataset["settings"]["tone"] == 2
    assert read.key["fingerprint"] == target.description["fingerprint"] != own.key["fingerprint"]
    assert "trained on phantom" in repr(read)
    assert label_of(read, "uniform").endswith("¶")
    assert len(read.scores()) == read.dataset["images"]["test"]
    with pytest.raises(WsbenchError, match="a transfer enters no leaderboard"):
        leaderboard.add(read, Path("leaderboards"))
    with pytest.raises(WsbenchError, match="rerun `wsbench run -d phantom --test-on phantom`"):
        rescore(read.folder, PLUGINS, Silent())


def test_other_roles_of_the_other_dataset_change_nothing(whole, tmp_path: Path) -> None:
    job, _, target, there = whole
    other = load(**SHIFTED)
    tested = set(other.roles.members["test"])

    def spoilt(sample):
        if sample.name in tested:
            return sample
        box = wsbench.Box("tb", 1, 1, 9, 9)
        return replace(sample, labels=("tb",), boxes=(box, box))

    changed = replace(other, samples=tuple(map(spoilt, other.samples)))
    assert changed.fingerprint != other.fingerprint
    again_target = target_of(changed, job.loaded)
    assert again_target.fingerprint == target.fingerprint
    again_job = job_of(job.loaded, tmp_path)
    again = transfer(again_job, execute(again_job), again_target)
    assert again.protocols == there.protocols
    assert again.transfer["own"] == there.transfer["own"]
    assert set(target.samples) == tested == set(target.images.names)


def test_labels_of_its_test_role_do(whole) -> None:
    job, _, target, _ = whole
    other = load(**SHIFTED)
    name = other.roles.members["test"][0]
    changed = replace(
        other,
        samples=tuple(
            replace(sample, labels=() if sample.labels else ("tb",), boxes=())
            if sample.name == name
            else sample
            for sample in other.samples
        ),
    )
    assert target_of(changed, job.loaded).fingerprint != target.fingerprint


def test_killed_and_resumed_it_ends_with_the_same_numbers(
    whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, target, there = whole
    job = job_of(load(), tmp_path)
    own = execute(job)
    monkeypatch.setattr(store, "SHARD", 8)
    write, written = store._write, []

    def killed(path, images, prediction):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(path.name)
        write(path, images, prediction)

    with monkeypatch.context() as patched:
        patched.setattr(store, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            transfer(job, own, target)
    assert written == ["test-0000.npz", "test-0001.npz"]
    predicted = []
    with monkeypatch.context() as patched:
        patched.setattr(
            store, "_write", lambda path, *rest: (predicted.append(path.name), write(path, *rest))
        )
        resumed = transfer(job, own, target)
    assert predicted[0] == "test-0002.npz"
    assert (resumed.protocols, resumed.key, resumed.transfer["own"]) == (
        there.protocols, there.key, there.transfer["own"]
    )  # fmt: skip
    for name in ("scores.csv", "boxes.csv"):
        assert (resumed.folder / name).read_bytes() == (there.folder / name).read_bytes()
    before = (resumed.folder / "score" / "stage.json").stat().st_mtime_ns
    assert transfer(job, own, target).protocols == resumed.protocols
    assert (resumed.folder / "score" / "stage.json").stat().st_mtime_ns == before


def test_the_command_prints_the_table(command) -> None:
    line = ["run", "-q", "--no-references", "-m", "low_level", "-d", "phantom"]
    data = ["-D", "images=120", "-D", "size=64"]
    code, out, err = command(*line, *data, "--test-on", f"{WORDS},phantom:images=120,size=64,seed=1")
    assert (code, err) == (0, "")
    assert "transfer of low_level ¶, trained on phantom images=120 size=64, seed 0" in out
    assert "phantom tone=2.0 noise=0.5" in out and "phantom seed=1" in out
    rows = [row.split() for row in out[out.index("transfer of") :].splitlines() if " auc " in row]
    assert len(rows) == 2 and all(" to " in " ".join(row) for row in rows)


def test_a_trained_network_is_transferred(command) -> None:
    """The line of the issue: a classifier with a head of its own, and a shifted scanner."""
    small = [
        word for value in ("epochs=2", "resize=32", "crop=32", "batch_size=20") for word in ("-o", value)
    ]
    data = ["-D", "images=120", "-D", "size=64"]
    line = ["run", "-q", "--no-references", "-m", "cam", "-d", "phantom", *data, *small]
    code, out, err = command(*line, "--test-on", WORDS)
    assert (code, err) == (0, "")
    assert "transfer of cam" in out and "phantom tone=2.0 noise=0.5: " in out
    (path,) = Path("runs").glob("phantom/cam/seed0-from-phantom-*/record.json")
    record = wsbench.load_record(path)
    assert record.method["facts"]["parameters"] > 1000
    assert record.transfer["own"]["draws"].keys() == record.protocols["uniform"]["draws"].keys()


def test_python_gives_the_same_drops_and_several_seeds_work(tmp_path: Path) -> None:
    other = {"dataset": "phantom", "data_options": {**DATA, "seed": 1}}
    made = wsbench.run("random_map", "phantom", data_options=DATA, seeds=[0, 1], test_on=[WORDS, other])
    assert len(made) == 6
    assert [bool(record.transfer) for record in made] == [False, False, True, True, True, True]
    table = made.transfer()
    assert set(table.tested_on) == {"phantom tone=2.0 noise=0.5", "phantom seed=1"}
    for metric in ("auc", "cond_ap25"):
        rows = table[table.metric == metric]
        own = np.mean([record.value(metric) for record in made[:2]])
        np.testing.assert_allclose(rows.own, own)
        np.testing.assert_allclose(rows["drop"], rows.own - rows.there)
        assert ((rows.low <= 0) & (rows.high >= 0)).all(), "a map of noise loses nothing"


def test_nothing_is_lost_on_the_own_test_role(whole) -> None:
    job, own, _, _ = whole
    from wsbench.runs.drops import drops_of

    same = transfer(job, own, target_of(load(), job.loaded))
    for drop in drops_of([same], METRICS):
        assert drop.value == pytest.approx(0, abs=1e-12)
        assert drop.interval is None or drop.interval[0] <= 0 <= drop.interval[1]


def test_classes_are_found_by_name_and_synonym() -> None:
    ours = ("Infiltration", "Pleural_Thickening", "Mass")
    assert shared_classes(ours, ("infiltrate", "pleural thickening", "Hernia"), "x") == {
        "Infiltration": "infiltrate", "Pleural_Thickening": "pleural thickening"
    }  # fmt: skip
    with pytest.raises(WsbenchError, match="x: shares no class"):
        shared_classes(("tb",), ("Mass",), "x")
    with pytest.raises(WsbenchError, match="may be Infiltrate or Infiltrates"):
        shared_classes(("Infiltration",), ("Infiltrate", "Infiltrates"), "x")


def test_words_that_name_datasets() -> None:
    first, second, third = parse_test_on(["a:tone=1.5,noise=0.1,b", "c:list=[1, 2],root=/data"])
    assert first == TestOn("a", {"tone": "1.5", "noise": "0.1"})
    assert second == TestOn("b")
    assert third == TestOn("c", {"list": [1, 2]}, Path("/data"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("tone=2", "name datasets, as in phantom:tone=1.5"),
        ("phantum", "unknown dataset 'phantum'; did you mean 'phantom'"),
        ("phantom:tones=2", "no option 'tones'"),
        ("phantom14:images=120,size=64", "phantom14: shares no class"),
        ("phantom:images=120,size=64,val=0.9", "test images are among those that phantom trains on"),
    ],
)
def test_mistakes_are_one_line_before_anything_is_trained(command, words: str, said: str) -> None:
    line = ["run", "-q", "-m", "low_level", "-d", "phantom", "-D", "images=120", "-D", "size=64"]
    assert said in refused(command(*line, "--test-on", words))
    assert not list(Path("runs").rglob(records.FILE))
    assert "leave out --folds" in refused(command(*line, "--test-on", "phantom", "--folds", "2"))


def test_the_interval_of_a_drop_by_hand() -> None:
    low, high = drop_interval(0.9, (0.8, 0.95), 0.6, (0.5, 0.72))
    assert low == pytest.approx(0.3 - np.hypot(0.1, 0.12))
    assert high == pytest.approx(0.3 + np.hypot(0.05, 0.1))
