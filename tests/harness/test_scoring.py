"""Scoring from arrays: one sweep for all objectives, every role read once, boxes of floors kept."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import wsbench
from conftest import refused
from wsbench.contract import records
from wsbench.contract.plugins import find
from wsbench.geometry.box_table import BoxTable
from wsbench.predictions import store
from wsbench.runs import floors
from wsbench.runs.rescoring import dataset_of, plan_of
from wsbench.runs.scoring_inputs import draws_of, predicted_of, truths_of
from wsbench.runs.stages import finished
from wsbench.scoring import measuring
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.inputs import Draws, Paper, RolePredictions
from wsbench.scoring.protocols import by_objectives, make_protocols
from wsbench.scoring.table import Truth
from wsbench.types import Box, Prediction
from wsbench.utils.progress import Silent

CLASSES = ("tb", "mass")
IMAGES = 24
OBJECTIVES = ["cond_loc_f1@0.25", "msli"]
CALIBRATION = """\
import numpy as np
import wsbench

class Bright(wsbench.Method):
    paper_operating_point = 0.5

    def predict(self, images):
        pixels = images.pixels(16, 16)[:].astype(np.float32).reshape(len(images), 1, 16, 16) / 255
        maps = np.repeat(pixels, len(images.classes), axis=1)
        return wsbench.Prediction(maps.mean(axis=(2, 3)), maps)

def build(settings, classes):
    return Bright(settings, classes)

@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("bright", "maps of grey values", wsbench.Settings, build,
                               paper_objective="msli")]
"""


def role(seed: int) -> tuple[RolePredictions, Truth, Resamples]:
    """Random maps and boxes of 24 images; a class is present where it has a box."""
    generator = np.random.default_rng(seed)
    names = tuple(f"{seed}-{row}" for row in range(IMAGES))
    labels = generator.random((IMAGES, 2)) < 0.5
    boxes = [
        [Box(CLASSES[c], 10 + 5 * c, 20, 50 + row, 80) for c in np.flatnonzero(of_image)]
        for row, of_image in enumerate(labels)
    ]
    truth = Truth(
        CLASSES,
        names,
        np.full((IMAGES, 2), 100),
        labels,
        np.ones_like(labels),
        BoxTable.of(boxes, CLASSES),
    )
    maps = generator.random((IMAGES, 2, 4, 4)).astype(np.float16)
    scores = np.where(labels, 0.6, 0.4) + generator.normal(0, 0.2, labels.shape)
    return RolePredictions(names, Prediction(scores, maps)), truth, Resamples.draw(names, 30, seed)


@pytest.fixture
def handed() -> tuple[dict, dict, Draws]:
    """Predictions, truth and draws of all roles, as arrays alone."""
    made = {name: role(seed) for seed, name in enumerate(("select", "calibrate", "test"))}
    predicted = {name: of_role[0] for name, of_role in made.items()}
    truth = {name: of_role[1] for name, of_role in made.items()}
    return predicted, truth, Draws(**{name: of_role[2] for name, of_role in made.items()})


def test_scores_are_computed_from_arrays(handed) -> None:
    """No folder and no dataset: the values are those of the tables that come with them."""
    predicted, truth, draws = handed
    metrics = {name: spec for name, spec in find().metrics.items() if name in ("auc", "cond_ap25")}
    scores = measuring.score(predicted, truth, metrics, draws)
    assert list(scores.protocols) == ["uniform"]
    table = scores.tables["uniform"]
    assert len(table.predicted) > 0
    again = measuring.metric_results(table, metrics, draws.test)
    for name in metrics:
        assert scores.results["uniform"]["metrics"][name]["value"] == again[name]["value"] is not None


def test_one_sweep_serves_two_objectives(handed) -> None:
    """Rules, curves and redrawn thresholds are those of each objective alone, and the two differ."""
    predicted, truth, draws = handed
    both = by_objectives(predicted, truth, draws, OBJECTIVES)
    for objective in OBJECTIVES:
        alone = by_objectives(predicted, truth, draws, [objective])[objective]
        assert both[objective].choices == alone.choices
        assert both[objective].objective == objective
        assert both[objective].redraws.rules == alone.redraws.rules
        assert (both[objective].redraws.rule_numbers == alone.redraws.rule_numbers).all()
    assert both[OBJECTIVES[0]].choices != both[OBJECTIVES[1]].choices


def test_maps_are_swept_once_for_both_protocols(handed, monkeypatch: pytest.MonkeyPatch) -> None:
    from wsbench.scoring import calibration

    predicted, truth, draws = handed
    sweeps: list[int] = []
    make = calibration._boxes_of_maps
    monkeypatch.setattr(calibration, "_boxes_of_maps", lambda *args: sweeps.append(args[2]) or make(*args))
    made = make_protocols(predicted, truth, draws, paper=Paper(predicted, objective="msli"))
    assert sweeps == [0, 1]  # once a class
    assert made["paper"].redraws is None
    assert made["uniform"].redraws is not None


def test_papers_own_boxes_and_weights(handed) -> None:
    """Boxes of the method's own count at its own operating point; other weights choose other thresholds."""
    predicted, truth, draws = handed
    boxes = [[wsbench.ScoredBox("mass", 1, 2, 30, 40, 0.7)]] * IMAGES
    own = make_protocols(predicted, truth, draws, paper=Paper(predicted, boxes, 0.25))["paper"]
    assert own.operating_points == (0.25, 0.25)
    assert own.boxes.xyxy.tolist() == [[1, 2, 30, 40]] * IMAGES
    others = {name: RolePredictions(truth[name].names, role(9)[0].prediction) for name in predicted}
    made = make_protocols(predicted, truth, draws, paper=Paper(others, objective="msli"))
    alone = by_objectives(others, truth, draws, ["msli"])["msli"]
    assert made["paper"].choices == alone.choices
    assert (
        made["uniform"].choices
        == by_objectives(predicted, truth, draws, OBJECTIVES[:1])[OBJECTIVES[0]].choices
    )


def test_no_score_below_the_lowest_drawn_point_is_left_out(handed) -> None:
    """The chosen operating point may lie below that of every draw: its images are asked for all the same."""
    predicted, truth, draws = handed
    chosen = by_objectives(predicted, truth, draws, ["msli"])["msli"]
    single = Draws(draws.test, Resamples.once(IMAGES), draws.calibrate)
    high = Resamples(
        np.eye(IMAGES)[[*np.argsort(predicted["select"].prediction.scores[:, 0])[-1:]]], np.arange(IMAGES)
    )
    for select in (single.select, high):
        made = by_objectives(predicted, truth, Draws(draws.test, select, draws.calibrate), ["msli"])
        assert made["msli"].choices == chosen.choices


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> records.Record:
    """A run of maps with a paper's own objective, and its image-blind rows, on a small phantom."""
    folder = tmp_path_factory.mktemp("bright")
    (folder / "bright.py").write_text(CALIBRATION)
    data = {"images": 120, "size": 64, "val": 0.4, "tb": 0.4}
    return wsbench.run(
        "bright", "phantom", data_options=data, runs=folder / "runs", plugin_files=[folder / "bright.py"]
    )


def plugin_of(record: records.Record) -> Path:
    """The file of the method of `bright`."""
    return record.folder.parents[3] / "bright.py"


def test_every_role_is_read_once(bright, command, monkeypatch: pytest.MonkeyPatch) -> None:
    """One score stage, both protocols, beside four image-blind rows that were run before."""
    reads: Counter[tuple[str, str]] = Counter()
    read = store.read_role

    def counted(folder: Path, of_role: str, classes):
        reads[folder.parts[-3], of_role] += 1
        return read(folder, of_role, classes)

    monkeypatch.setattr(store, "read_role", counted)
    (bright.folder / "score" / "stage.json").unlink()
    code, _, err = command(
        "evaluate", str(bright.folder), "--plugin", str(bright.folder.parents[3] / "bright.py")
    )
    assert code == 0, err
    assert reads == {("bright", name): 1 for name in ("select", "calibrate", "test")}


def test_kept_boxes_are_those_of_the_predictions(bright) -> None:
    """What a run leaves for others is what is made from its predictions where it was not left."""
    found = find([plugin_of(bright)])
    loaded = dataset_of(bright, found, Silent(), None)
    rows = [path.parent for path in bright.folder.parents[1].glob("*/*/record.json")]
    blind = [row for row in rows if (row / "floor").is_dir()]
    assert {row.parent.name for row in blind} == {"centre_box", "prior_boxes", "two_lungs", "whole_image"}
    for row in blind:
        left = floors.read_boxes(finished(row, "floor"))
        plan = plan_of(records.load(row / records.FILE), found)
        predicted, truth = predicted_of(row / "predict", loaded), truths_of(loaded)
        made = by_objectives(predicted, truth, draws_of(loaded), [plan.calibrate_for])
        boxes = made[plan.calibrate_for].boxes
        for name in ("image", "label", "xyxy", "score"):
            assert np.array_equal(getattr(left, name), getattr(boxes, name))


def test_floors_are_made_again_where_they_were_lost(bright, command) -> None:
    import shutil

    before = records.load(bright.folder / records.FILE).protocols["uniform"]["floors"]
    assert len(before) == 4
    for kept in bright.folder.parents[1].glob("*/*/floor"):
        shutil.rmtree(kept)
    (bright.folder / "score" / "stage.json").unlink()
    code, _, err = command(
        "evaluate", str(bright.folder), "--plugin", str(bright.folder.parents[3] / "bright.py")
    )
    assert code == 0, err
    assert records.load(bright.folder / records.FILE).protocols["uniform"]["floors"] == before


def test_an_objective_of_an_older_version_is_refused(bright, command, tmp_path: Path) -> None:
    import json
    import shutil

    run = tmp_path / "runs" / "phantom" / "two_lungs" / "seed0-aa"
    (source,) = [path for path in bright.folder.parents[1].glob("two_lungs/*")]
    shutil.copytree(source, run)
    (run / "checksums.json").unlink()
    values = json.loads((run / "record.json").read_text())
    values["key"]["calibrated_for"] = "loc_f1@0.25"
    (run / "record.json").write_text(json.dumps(values))
    line = refused(command("evaluate", str(run)))
    assert "unknown objective of calibration 'loc_f1@0.25'" in line


def test_maps_of_two_shapes_are_refused(tmp_path: Path) -> None:
    for number, side in enumerate((2, 3)):
        np.savez(
            tmp_path / f"test-{number:04d}.npz",
            names=np.array([f"image{number}"]),
            scores=np.array([[0.5]]),
            heatmaps=np.zeros((1, 1, side, side), np.float16),
        )
    with pytest.raises(wsbench.WsbenchError, match=r"test-0001.npz: its heatmaps have shape \(1, 3, 3\)"):
        store.read_role(tmp_path, "test", ("tb",))
