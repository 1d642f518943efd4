"""Submissions carry their predictions: every record can be computed again, and a hundred tampered ones are
caught."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wsbench
from wsbench.contract import plugins, record_files, records
from wsbench.errors import WsbenchError
from wsbench.reports import leaderboard
from wsbench.runs import recomputing, replay, seals
from wsbench.runs.rescoring import dataset_of
from wsbench.utils.progress import Silent

SMALL = {"images": 100, "size": 64}

PLUGIN = '''
import numpy as np

import wsbench


class Spot(wsbench.Method):
    """The brightest place of the upper lungs, and a score that depends on the seed."""

    def fit(self, fit, select, run):
        (run.folder / "seed").write_text(str(run.seed_for("noise")))

    def restore(self, run):
        self.seed = int((run.folder / "seed").read_text())

    def predict(self, images):
        grey = images.pixels(16, 16)[:].astype(np.float32) / 255
        across, down = np.meshgrid((np.arange(16) + 0.5) / 16, (np.arange(16) + 0.5) / 16)
        lungs = sum(np.exp(-((across - x) ** 2 + (down - 0.3) ** 2) / 0.02) for x in (0.31, 0.69))
        maps = grey * lungs
        maps /= maps.max(axis=(1, 2), keepdims=True)
        noise = [np.random.default_rng(wsbench.seed_from(self.seed, name)).random() for name in images.names]
        scores = (grey.mean(axis=(1, 2)) + np.array(noise)) / 2
        return wsbench.Prediction(scores[:, None], maps[:, None])


@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("spot", "what is bright", wsbench.Settings, Spot)]
'''


@dataclass(frozen=True)
class Submitted:
    """A leaderboard with one record of every seed, and the plugin behind it."""

    folder: Path
    plugin: Path

    def paths(self) -> list[Path]:
        return sorted(self.folder.glob("records/phantom/spot-*.json.xz"))


@pytest.fixture(scope="module")
def submitted(tmp_path_factory: pytest.TempPathFactory) -> Submitted:
    home = tmp_path_factory.mktemp("replay")
    plugin = home / "spot.py"
    plugin.write_text(PLUGIN)
    for seed in (0, 1):
        record = wsbench.run(
            "spot", "phantom", data_options=SMALL, seed=seed, runs=home / "runs", plugin_files=[plugin]
        )
        leaderboard.add(record, home / "boards", (0, 1))
    return Submitted(home / "boards", plugin)


def checked(path: Path, plugin: Path) -> list[str]:
    """The differences of one record."""
    known = plugins.find([plugin])
    record = records.load(path)
    loaded = dataset_of(record, known, Silent(), None)
    return list(replay.differences(path, record, loaded, known.metrics))


def test_every_number_follows_from_the_predictions(submitted: Submitted) -> None:
    for path in submitted.paths():
        assert checked(path, submitted.plugin) == []
    result = recomputing.replay_all(submitted.folder, [submitted.plugin], Silent())
    assert (result.equal, result.differences, result.missing) == (2, {}, {})


def test_relative_paths_hold_after_a_change_of_the_working_directory(
    submitted: Submitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worker processes are used again, and keep the directory that they were started in."""
    monkeypatch.setattr(recomputing, "CHUNK", 1)
    monkeypatch.chdir(tmp_path)
    assert recomputing.replay_all(submitted.folder, [submitted.plugin], Silent()).equal == 2
    monkeypatch.chdir(submitted.folder.parent)
    plugin = submitted.plugin.relative_to(submitted.folder.parent)
    assert recomputing.replay_all(Path(submitted.folder.name), [plugin], Silent()).equal == 2


def test_predictions_are_small(submitted: Submitted) -> None:
    for path in submitted.paths():
        assert seals.predictions_of(path).stat().st_size < 60_000


PAIRS = '''
import numpy as np

import wsbench


class Pairs(wsbench.Method):
    """Three equally good boxes on every image: right, left, and the right one again."""

    def predict(self, images):
        seeds = [wsbench.seed_from(name) for name in images.names]
        scores = np.array([[np.random.default_rng(seed).random()] for seed in seeds])
        boxes = []
        for (width, height), (score,) in zip(images.sizes, scores):
            right = [0.55 * width, 0.1 * height, 0.9 * width, 0.6 * height]
            left = [0.1 * width, 0.1 * height, 0.45 * width, 0.6 * height]
            boxes.append([wsbench.ScoredBox("tb", *corners, score / 2) for corners in (right, left, right)])
        return wsbench.Prediction(scores, boxes=boxes)


@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("pairs", "both lungs", wsbench.Settings, Pairs)]
'''


def test_equally_good_boxes_stay_in_their_order_and_as_often_as_they_were_given(tmp_path: Path) -> None:
    """Which of equally good boxes is the best decides `top1_hit`; a box that stands twice is charged
    twice."""
    plugin = tmp_path / "pairs.py"
    plugin.write_text(PAIRS)
    runs = tmp_path / "runs"
    record = wsbench.run("pairs", "phantom", data_options=SMALL, runs=runs, plugin_files=[plugin])
    path = leaderboard.add(record, tmp_path / "boards", (0,))
    assert checked(path, plugin) == []


def numbers(value: Any, place: tuple = ()) -> Iterator[tuple]:
    """The places of all numbers of a JSON value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, (*place, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from numbers(inner, (*place, position))
    elif isinstance(value, float):
        yield place


def changed(value: Any, place: tuple, by: float) -> None:
    for key in place[:-1]:
        value = value[key]
    value[place[-1]] += by


def rename_class(content: dict[str, Any]) -> None:
    """Say in a record that its class is another one."""
    content["dataset"]["classes"] = ["else"]
    for protocol in content["protocols"].values():
        calibration = protocol["calibration"]
        calibration["operating_points"] = {"else": calibration["operating_points"]["tb"]}


def tampered(content: dict[str, Any], arrays: dict[str, np.ndarray], number: int) -> str:
    """Change one thing, a different one for every number; returns what it was."""
    generator = np.random.default_rng(number)
    kinds = ("number", "draw", "box", "score", "label", "seed", "operating point", "data")
    kind = kinds[number % len(kinds)]
    uniform = content["protocols"]["uniform"]
    if kind == "number":
        computed = {name: uniform["metrics"][name] for name in ("cond_ap25", "miou", "auc", "froc", "ece")}
        places = list(numbers(computed))
        changed(computed, places[generator.integers(len(places))], 0.01)
    elif kind == "draw":
        places = [p for p in numbers(uniform["draws"])]
        changed(uniform["draws"], places[generator.integers(len(places))], 0.002)
    elif kind == "box":
        arrays["uniform/xyxy"][:, int(generator.integers(4))] += 3
    elif kind == "score":
        scores = arrays["uniform/scores"]
        scores[int(generator.integers(len(scores)))] = 0.999 if generator.random() < 0.5 else 0.001
    elif kind == "label":
        rename_class(content)
    elif kind == "seed":
        content["seed"] = 7 + number
    elif kind == "operating point":
        changed(uniform["calibration"]["operating_points"], ("tb",), 0.05)
    else:
        content["trained_from"]["data"] = "f00d"
    return kind


@pytest.mark.parametrize("sealed_again", [True, False])
def test_a_hundred_tampered_records_are_caught(
    submitted: Submitted, tmp_path: Path, sealed_again: bool
) -> None:
    """By a forger who also writes the hash of the forged record, and by one who forgets it."""
    original = submitted.paths()[0]
    known = plugins.find([submitted.plugin])
    loaded = dataset_of(records.load(original), known, Silent(), None)
    few = {name: known.metrics[name] for name in ("cond_ap25", "miou", "auc", "froc", "ece")}
    missed = []
    for number in range(100 if sealed_again else 8):
        content, arrays = (
            json.loads(record_files.read_bytes(original)),
            replay.load(seals.predictions_of(original)),
        )
        for protocol in content["protocols"].values():
            protocol["metrics"] = {name: protocol["metrics"][name] for name in few}
            protocol["draws"] = {name: drawn for name, drawn in protocol["draws"].items() if name in few}
        kind = tampered(content, arrays, number)
        path = tmp_path / f"{number}.json"
        record_files.write(path, json.dumps(content))
        replay.save(seals.predictions_of(path), arrays)
        if sealed_again:
            seals.seal(seals.predictions_of(path), seals.predictions_of(path), path)
        record = records.load(path)
        if not list(replay.differences(path, record, loaded, few)):
            missed.append(kind)
    assert missed == []


def test_untampered_of_the_same_metrics_is_not_caught(submitted: Submitted, tmp_path: Path) -> None:
    """What the test above changes is what it catches."""
    original = submitted.paths()[0]
    known = plugins.find([submitted.plugin])
    loaded = dataset_of(records.load(original), known, Silent(), None)
    few = {name: known.metrics[name] for name in ("cond_ap25", "miou", "auc", "froc", "ece")}
    content, arrays = (
        json.loads(record_files.read_bytes(original)),
        replay.load(seals.predictions_of(original)),
    )
    for protocol in content["protocols"].values():
        protocol["metrics"] = {name: protocol["metrics"][name] for name in few}
        protocol["draws"] = {name: drawn for name, drawn in protocol["draws"].items() if name in few}
    path = tmp_path / "same.json"
    record_files.write(path, json.dumps(content))
    replay.save(seals.predictions_of(path), arrays)
    seals.seal(seals.predictions_of(path), seals.predictions_of(path), path)
    assert list(replay.differences(path, records.load(path), loaded, few)) == []


def test_a_record_without_predictions_is_named(submitted: Submitted, tmp_path: Path) -> None:
    source = submitted.paths()[0]
    (tmp_path / "records" / "phantom").mkdir(parents=True)
    path = tmp_path / "records" / "phantom" / source.name
    path.write_bytes(source.read_bytes())
    (lines,) = recomputing.replay_all(tmp_path, [submitted.plugin], Silent()).differences.values()
    assert "cannot be read" in lines[0] and "submit the run again" in lines[0]
    seals.predictions_of(path).write_bytes(b"no archive")
    with pytest.raises(WsbenchError, match="not predictions of a submission"):
        checked(path, submitted.plugin)


def test_a_mark_that_the_method_has_and_its_record_lost_is_named(
    submitted: Submitted, tmp_path: Path
) -> None:
    """Tables mark rows that see boxes: without it, one would rank beside rows that do not."""
    source = submitted.paths()[0]
    (tmp_path / "records" / "phantom").mkdir(parents=True)
    path = tmp_path / "records" / "phantom" / source.name
    content = json.loads(record_files.read_bytes(source))
    declared = content["method"]["reads_image"]
    content["method"]["reads_image"] = not declared
    record_files.write(path, json.dumps(content))
    seals.seal(seals.predictions_of(source), seals.predictions_of(path), path)
    (lines,) = recomputing.replay_all(tmp_path, [submitted.plugin], Silent()).differences.values()
    assert f"reads_image is {not declared}; {content['method']['name']} declares {declared}" in lines[-1]
    content["method"]["preset"] = "external"  # another program of that name says itself what it sees
    record_files.write(path, json.dumps(content))
    seals.seal(seals.predictions_of(source), seals.predictions_of(path), path)
    differences = recomputing.replay_all(tmp_path, [submitted.plugin], Silent()).differences
    assert "declares" not in str(differences)


def broken(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict], None]:
    return lambda arrays: arrays.update({name: change(arrays[name])})


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            lambda arrays: arrays.pop("uniform/scores"),
            "not predictions of a submission: protocols.uniform.score",
        ),
        (lambda arrays: arrays.pop("uniform/at"), "at and chosen must stand beside rules"),
        (lambda arrays: arrays.clear(), "not predictions of a submission: protocols: "),
        (broken("uniform/scores", lambda scores: scores * np.nan), "scores: holds NaN or infinity"),
        (broken("uniform/scores", lambda scores: scores.astype(str)), "scores: must hold numbers"),
        (broken("uniform/scores", lambda scores: scores[:, 0]), "scores: must have 2 axes"),
        (broken("uniform/image", lambda image: image + 1000), "image must lie in 0 to"),
        (broken("uniform/label", lambda label: label + 1), "label must lie in 0 to 0"),
        (broken("uniform/xyxy", lambda corners: corners[:-1]), "xyxy has shape"),
        (broken("uniform/chosen", lambda chosen: chosen + 100), "chosen must lie in 0 to"),
        (broken("uniform/places", lambda places: places + 100), "places must lie in 0 to"),
        (broken("uniform/rules", lambda rules: rules[..., 0:1]), "rules has shape"),
        (broken("uniform/places", lambda places: places[:-1]), "of other data: uniform/places has shape"),
        (broken("uniform/select", lambda select: select[:-1]), "of other data: uniform/select has shape"),
        (lambda arrays: arrays.update({"else": np.zeros(1)}), "else: Extra inputs are not permitted"),
    ],
)
def test_predictions_that_no_protocol_has_are_refused(
    fault: Callable[[dict], None], words: str, submitted: Submitted, tmp_path: Path
) -> None:
    source = submitted.paths()[0]
    path = tmp_path / source.name
    path.write_bytes(source.read_bytes())
    arrays = replay.load(seals.predictions_of(source))
    fault(arrays)
    replay.save(seals.predictions_of(path), arrays)
    with pytest.raises(WsbenchError) as error:
        checked(path, submitted.plugin)
    assert words in str(error.value)


def test_records_are_brought_to_todays_metrics(submitted: Submitted, tmp_path: Path) -> None:
    """A record whose metric had another definition says what today's says, and its heatmaps' metrics stay."""
    source = submitted.paths()[0]
    (tmp_path / "records" / "phantom").mkdir(parents=True)
    path = tmp_path / "records" / "phantom" / source.name
    seals.predictions_of(path).write_bytes(seals.predictions_of(source).read_bytes())
    content = json.loads(record_files.read_bytes(source))
    uniform = content["protocols"]["uniform"]
    uniform["metrics"]["cond_ap25"]["value"] = 0.123
    del uniform["metrics"]["ece"], uniform["draws"]["cond_gain"]
    record_files.write(path, json.dumps(content))
    assert recomputing.replay_all(tmp_path, [submitted.plugin], Silent(), update=True).equal == 1
    assert checked(path, submitted.plugin) == []
    assert records.load(path).protocols == records.load(source).protocols
