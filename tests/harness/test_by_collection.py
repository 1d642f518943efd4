"""Scores by collection: each collection's own, pairs within and across, and a method that knows no more."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import recall_score, roc_auc_score

import wsbench
from collection_examples import written
from conftest import METRICS
from unboxed_examples import unboxed
from wsbench.contract import records
from wsbench.contract.plugins import find
from wsbench.contract.records import Record
from wsbench.data.by_attribute import collections_of, one_label_words, one_sided
from wsbench.runs import recomputing
from wsbench.runs.by_collection import collection_results, labels_table
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.intervals import of_draws
from wsbench.types import Sample


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    return written(tmp_path)


def ran(plugin: Path, **more: object) -> Record:
    result = wsbench.run("brightness", "three", plugin_files=[plugin], **more)
    assert isinstance(result, Record)
    return result


def pairs_auc(labels: np.ndarray, scores: np.ndarray, allowed: np.ndarray) -> float:
    """The share of allowed pairs of a positive and a negative image that are in order, one pair at a time."""
    won = []
    for above, below in product(np.flatnonzero(labels), np.flatnonzero(labels == 0)):
        if allowed[above, below]:
            won.append((scores[above] > scores[below]) + (scores[above] == scores[below]) / 2)
    return float(np.mean(won))


def test_every_number_is_that_of_scikit_learn_and_of_pairs_counted_one_by_one(plugin: Path) -> None:
    record = ran(plugin)
    uniform, frame = record.protocols["uniform"], record.scores()
    result = uniform["collections"]
    collection = frame["image"].str.partition("-")[0].to_numpy()
    labels, scores = frame["label tb"].to_numpy(), frame["score tb"].to_numpy()
    assert set(result["groups"]) == {"north", "south", "east"}
    point = uniform["calibration"]["operating_points"]["tb"]
    for name, group in result["groups"].items():
        of_group = collection == name
        truth, given = labels[of_group], scores[of_group]
        assert (group["images"], group["positive"]) == (of_group.sum(), {"tb": truth.sum()})
        sensitivity = recall_score(truth, given >= point)
        assert group["metrics"]["sensitivity"]["value"] == pytest.approx(sensitivity)
        if name == "east":
            assert group["metrics"]["auc"] == {"value": None, "per_class": {"tb": None}, "undefined": ["tb"]}
            assert group["metrics"]["specificity"]["value"] is None
        else:
            assert group["metrics"]["auc"]["value"] == pytest.approx(roc_auc_score(truth, given))
            low, high = group["metrics"]["auc"]["interval"]
            assert low < roc_auc_score(truth, given) < high
    same = collection[:, None] == collection[None]
    assert result["within"]["value"] == pytest.approx(pairs_auc(labels, scores, same))
    assert result["across"]["value"] == pytest.approx(pairs_auc(labels, scores, ~same))
    share = result["share"]
    assert share == pytest.approx(same[np.ix_(labels == 1, labels == 0)].mean())
    both = share * result["within"]["value"] + (1 - share) * result["across"]["value"]
    assert record.value("auc") == pytest.approx(both) == pytest.approx(roc_auc_score(labels, scores))
    assert result["within"]["interval"][0] < result["within"]["value"] < result["within"]["interval"][1]


def test_a_method_that_only_knows_the_collection_gains_nothing_within_one(plugin: Path) -> None:
    record = ran(plugin, options={"only_collection": True})
    result = record.protocols["uniform"]["collections"]
    assert record.value("auc") > 0.65
    assert result["within"]["value"] == 0.5
    assert result["across"]["value"] > 0.75
    assert [group["metrics"]["auc"]["value"] for group in result["groups"].values()] == [None, 0.5, 0.5]


def test_draws_weight_pairs_as_often_as_their_images_are_drawn() -> None:
    """In a draw, the AUC within collections is that of its images, each as often as it was drawn."""
    random = np.random.default_rng(0)
    names = [f"{number:02d}" for number in range(24)]
    samples = {
        name: Sample(name, 1, 1, "", (), attributes={"collection": "ab"[number % 2]})
        for number, name in enumerate(names)
    }
    labels, scores = random.random((24, 1)) < 0.5, random.random((24, 1)).round(1)
    draws = Resamples.draw([number // 3 for number in range(24)], 40, seed=1)
    table = labels_table(["tb"], names, labels, scores, np.array([0.5]))
    interval = collection_results(table, samples, METRICS, draws)["within"]["interval"]
    collection = np.arange(24) % 2
    values = []
    for counts in draws.images():
        rows = np.repeat(np.arange(24), counts.astype(int))
        same = collection[rows][:, None] == collection[rows][None]
        values.append(pairs_auc(labels[rows, 0], scores[rows, 0], same))
    value = pairs_auc(labels[:, 0], scores[:, 0], collection[:, None] == collection[None])
    patients = np.arange(24) // 3
    units = 0
    for part in (0, 1):
        of_labels = [patients[(collection == part) & (labels[:, 0] == sign)] for sign in (False, True)]
        units += min(len(set(of_label.tolist())) for of_label in of_labels)
    assert interval == pytest.approx(of_draws(value, np.array(values), bounded=True, units=units))


def test_classes_are_counted_apart_and_a_class_without_pairs_does_not_count() -> None:
    labels = np.array([[1, 1, 0], [0, 0, 0], [1, 1, 0], [0, 1, 0]])
    scores = np.array([[0.9, 0.2, 0.1], [0.1, 0.3, 0.2], [0.2, 0.9, 0.3], [0.8, 0.8, 0.4]])
    samples = {
        name: Sample(name, 1, 1, "", (), attributes={"collection": part})
        for name, part in zip("abcd", "xxyy", strict=True)
    }
    result = collection_results(labels_table(["a", "b", "c"], "abcd", labels, scores), samples, METRICS)
    assert result["within"]["per_class"] == {"a": 0.5, "b": 0.0, "c": None}
    assert result["within"]["value"] == 0.25
    assert result["across"]["per_class"] == {"a": 1.0, "b": 1.0, "c": None}
    assert "sensitivity" not in result["groups"]["x"]["metrics"]  # no operating point is known


def test_the_command_shows_them_beside_the_pooled_value(plugin: Path, command) -> None:
    words = ("run", "-m", "brightness", "-d", "three", "--no-references", "--plugin", str(plugin))
    code, out, err = command(*words)
    assert code == 0
    assert "three: collection east: all 30 images have tb; a pooled AUC rewards knowing the collection" in err
    lines = out[out.index("brightness on three, by collection") :].splitlines()
    record = records.load(next(Path("runs").glob("three/brightness/seed0-*")) / records.FILE)
    result = record.protocols["uniform"]["collections"]
    cells = {line[:24].strip().partition("  ")[0]: line.split() for line in lines}
    assert cells["east"][1:4] == ["8", "8", "-"]
    assert cells["north"][3] == f"{result['groups']['north']['metrics']['auc']['value']:.3f}"
    assert cells["all, pooled"][3] == f"{record.value('auc'):.3f}"
    assert cells["pairs of one collection"][4] == f"{result['within']['value']:.3f}"
    assert "east: all 8 images have tb, so there is no AUC in it" in out
    assert f"{result['share']:.0%} of them of one collection" in out
    code, out, _ = command("run", *words[1:], "--seeds", "0,1", "-q")
    assert code == 0
    assert out.count("by collection") == 1


def test_the_audit_names_a_collection_of_one_label(plugin: Path, command) -> None:
    code, out, _ = command("data", "check", "three", "--plugin", str(plugin), "-q")
    assert code == 0
    assert "collection of one label: 1\n  collection east: all 30 images have tb\n" in out


def test_a_record_is_checked_against_its_predictions(plugin: Path) -> None:
    path = ran(plugin).folder / records.FILE
    loaded = wsbench.load_dataset("three", plugin_files=[plugin])
    known, record = find([plugin]), records.load(path)
    assert recomputing.differences_by_collection(path, record, loaded, known) == []
    values = json.loads(path.read_text())
    values["protocols"]["uniform"]["collections"]["within"]["value"] = 0.9
    edited = Record(**{name: value for name, value in values.items()})
    (line,) = recomputing.differences_by_collection(path, edited, loaded, known)
    assert line.startswith("uniform: collections within value is 0.9 in the record and 0.")


def test_a_transfer_to_several_collections_has_them_too(plugin: Path, command) -> None:
    words = ("run", "-m", "brightness", "-d", "phantom", "-D", "images=60", "-D", "size=64", "-q")
    code, out, _ = command(*words, "--plugin", str(plugin), "--test-on", "three", "--no-references")
    assert code == 0
    record = records.load(next(Path("runs").glob("three/brightness/seed0-from-phantom-*")) / records.FILE)
    result, frame = record.protocols["uniform"]["collections"], record.scores()
    of_south = frame[frame["image"].str.startswith("south")]
    area = roc_auc_score(of_south["label tb"], of_south["score tb"])
    assert result["groups"]["south"]["metrics"]["auc"]["value"] == pytest.approx(area)
    assert len(result["within"]["interval"]) == 2
    assert "brightness ¶ on three, by collection" in out


def test_predictions_of_another_program_have_them_too(plugin: Path, command) -> None:
    loaded = wsbench.load_dataset("three", plugin_files=[plugin])
    names = sorted({name for of_role in loaded.roles.members.values() for name in of_role})
    scores = np.random.default_rng(0).random((len(names), 1))
    np.savez(
        "outside.npz", names=names, classes=["tb"], scores=scores, heatmaps=np.ones((len(names), 1, 2, 2))
    )
    words = ("evaluate", "--predictions", "outside.npz", "--name", "mine", "-d", "three", "-q")
    code, out, _ = command(*words, "--plugin", str(plugin), "--no-references")
    assert code == 0
    assert "mine (external) on three, by collection" in out


def test_a_run_that_is_scored_again_keeps_them(plugin: Path, command) -> None:
    record = ran(plugin)
    path = record.folder / records.FILE
    assert command("evaluate", str(record.folder), "--plugin", str(plugin), "-q")[0] == 0
    again = records.load(path)
    assert again.protocols == record.protocols


def test_datasets_without_collections_say_nothing_of_them(tmp_path: Path, command) -> None:
    path = tmp_path / "unboxed.py"
    path.write_text(
        unboxed(
            60,
            """
class Settings(wsbench.Settings):
    pass

class Brightness(wsbench.Method):
    def fit(self, fit, select, run):
        pass

    def restore(self, run):
        pass

    def predict(self, images):
        grey = images.pixels(16, 16)[:] / 255.0
        return wsbench.Prediction(grey.mean((1, 2))[:, None], grey[:, None])
""",
        )
    )
    (tmp_path / "datasets.yaml").write_text(
        "unboxed:\n  roles:\n    train: {fit: 0.6, select: 0.2, calibrate: 0.2}\n    test: {test: 1.0}\n"
    )
    code, out, err = command(
        "run", "-m", "brightness", "-d", "unboxed", "--no-references", "--plugin", str(path)
    )
    assert code == 0
    assert "collection" not in out + err
    record = records.load(next(Path("runs").glob("unboxed/brightness/*")) / records.FILE)
    assert "collections" not in record.protocols["uniform"]


def test_one_collection_is_none_and_images_without_one_are_a_group() -> None:
    def of(*names: str) -> list[Sample]:
        return [
            Sample(str(n), 1, 1, "", (), attributes={"collection": name} if name else {})
            for n, name in enumerate(names)
        ]

    assert collections_of(of("a", "a", "")) == ()
    assert collections_of(of("a", "b", "")) == ("a", "b", "unknown")


def test_words_name_classes_that_divide_the_dataset() -> None:
    def of(collection: str, *labels: str) -> Sample:
        return Sample(f"{collection}{labels}", 1, 1, "", labels, attributes={"collection": collection})

    samples = [of("x", "a", "c"), of("x", "a", "b", "c"), of("y", "c"), of("y", "b", "c")]
    assert list(one_sided(samples, ("a", "b", "c", "d"))) == [
        "collection x: all 2 images have a",
        "collection y: none of 2 images has a",
    ]
    many = dict.fromkeys("abcde", 0)
    assert one_label_words(3, many) == "none of 3 images has a, b, c and 2 more"
    assert one_label_words(1, {"a": 1}) == "its one image has a"
    assert one_label_words(2, {"a": 1}) == ""


def test_a_record_with_broken_collections_is_refused_by_name(plugin: Path) -> None:
    record = ran(plugin)
    values = json.loads((record.folder / records.FILE).read_text())
    values["protocols"]["uniform"]["collections"]["groups"]["north"]["images"] = "many"
    Path("broken.json").write_text(json.dumps(values))
    with pytest.raises(wsbench.WsbenchError, match=r"collections\.groups\.north\.images"):
        records.load(Path("broken.json"))
