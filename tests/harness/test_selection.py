"""What an epoch is chosen by for protocol `paper`, and how runs come to share a training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import wsbench
from wsbench.contract import plugins
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.runs import export
from wsbench.runs.model_selection import paper_score
from wsbench.runs.plan import load_dataset
from wsbench.scoring.auc import macro_auc
from wsbench.utils.progress import Silent

DATA = {"images": 200, "size": 64}


@pytest.fixture(scope="module")
def phantom() -> Loaded:
    return load_dataset(plugins.find(), "phantom", DATA, Silent())


def test_macro_auc_leaves_out_classes_of_one_label() -> None:
    labels = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 1]])
    scores = np.array([[0.9, 0.1, 0.2], [0.5, 0.2, 0.3], [0.1, 0.3, 0.4]])
    assert macro_auc(labels, scores) == 1.0
    assert macro_auc(labels[:, 1:], scores[:, 1:]) == 0.5


def oracle(loaded: Loaded, *, right: bool = True, localises: bool = True):
    """Predicts from the truth: scores that are right or wrong, maps that are the boxes or nowhere."""
    truth = {sample.name: sample for sample in loaded.samples}

    def predict(images: wsbench.ImageView) -> wsbench.Prediction:
        scores = np.array([[float(bool(truth[name].labels) == right)] for name in images.names])
        maps = np.zeros((len(images), 1, 64, 64))
        for row, name in enumerate(images.names):
            for box in truth[name].boxes if localises else ():
                x0, y0, x1, y1 = (round(value) for value in (box.x0, box.y0, box.x1, box.y1))
                maps[row, 0, y0:y1, x0:x1] = 1
        return wsbench.Prediction(scores, maps)

    return predict


def test_the_paper_score_is_half_labels_and_half_boxes(phantom: Loaded) -> None:
    best = paper_score(oracle(phantom), phantom, "msli")
    assert 0.85 < best <= 1.0  # boxes of whole cells: an IoU of 0.9 is not always reached
    assert paper_score(oracle(phantom, localises=False), phantom, "msli") == 0.5
    assert paper_score(oracle(phantom, right=False, localises=False), phantom, "msli") == 0.0


METHOD = """
import numpy as np, wsbench
from pathlib import Path
from pydantic import Field

class Settings(wsbench.Settings):
    power: float = Field(1.0, gt=0, description="of the map")
    place: int = Field(3, description="of the training")

class Candidates(wsbench.Method):
    side = 0
    def fit(self, fit, select, run):
        with Path("fits.txt").open("a") as file:
            file.write(f"{run.seed}\\n")
        value = {}
        for self.side in (0, 1):
            value[self.side] = run.paper_score(self.predict)
        (run.folder / "side").write_text(str(max(value, key=value.get)))

    def restore(self, run):
        self.side = 0

    def restore_paper(self, run):
        self.side = int((run.folder / "side").read_text())
        return self.side != 0

    def predict(self, images):
        maps = np.zeros((len(images), 1, 8, 8))
        maps[:, :, 2 * self.side : 2 * self.side + 3, 1:3] = 0.5 ** self.settings.power
        mean = images.pixels(64, 64)[:].mean(axis=(1, 2))[:, None] / 255
        return wsbench.Prediction(mean if self.side else 1 - mean, maps)

@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("candidates", "two", Settings, Candidates, after_fit=(AFTER,),
        box_supervision=wsbench.BoxSupervision.PAPER, box_use="to choose", paper_objective="msli")]
"""


def ran(tmp_path: Path, **options: float) -> wsbench.Record:
    path = tmp_path / "candidates.py"
    path.write_text(METHOD.replace("AFTER", "'power'"))
    return wsbench.run(
        "candidates",
        "phantom",
        options=options,
        data_options=DATA,
        runs=tmp_path / "runs",
        plugin_files=[path],
    )


def test_protocol_paper_predicts_with_the_weights_that_its_score_chose(tmp_path: Path) -> None:
    record = ran(tmp_path)
    assert (record.folder / "fit" / "side").read_text() == "1"
    uniform, paper = (record.protocols[name]["metrics"] for name in ("uniform", "paper"))
    assert paper["auc"]["value"] == pytest.approx(1 - uniform["auc"]["value"])
    # Both predict the class on less than half of its images, so neither has an msli.
    assert paper["iou_accuracy_all@0.25"]["value"] > uniform["iou_accuracy_all@0.25"]["value"]
    scores = (record.folder / "scores.csv").read_text(), (record.folder / "scores-paper.csv").read_text()
    assert scores[0] != scores[1]


def test_exported_boxes_carry_the_scores_of_their_protocol(tmp_path: Path, phantom: Loaded) -> None:
    record = ran(tmp_path)
    for protocol, place in (("uniform", 0), ("paper", 1)):
        export.coco(record, phantom, tmp_path / f"{protocol}.json", protocol)
        images = json.loads((tmp_path / f"{protocol}.json").read_text())["images"]
        pixels = phantom.views.images([images[0]["file_name"]]).pixels(64, 64)[:].mean() / 255
        assert images[0]["scores"]["tb"] == pytest.approx((1 - pixels, pixels)[place])


def test_what_only_prediction_depends_on_needs_no_second_training(tmp_path: Path) -> None:
    first, second = ran(tmp_path, power=2.0), ran(tmp_path, power=3.0)
    assert first.folder != second.folder
    assert Path("fits.txt").read_text().split() == ["0"]
    assert first.stages["fit"] == second.stages["fit"]
    largest = []
    for record in (first, second):
        with np.load(record.folder / "predict" / "test-0000.npz") as arrays:
            largest.append(float(arrays["heatmaps"].max()))
    assert largest == [0.25, 0.125]
    ran(tmp_path, place=4)
    assert Path("fits.txt").read_text().split() == ["0", "0"]


def test_after_fit_must_name_a_setting(tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(METHOD.replace("AFTER", "'pwoer'"))
    with pytest.raises(WsbenchError, match="candidates: after_fit names 'pwoer', which is no setting of it"):
        plugins.find([path])


OWN = """
import numpy as np, wsbench

class Settings(wsbench.Settings):
    pass

class Both(wsbench.Method):
    def predict(self, images):
        maps = np.zeros((len(images), 1, 8, 8))
        maps[:, :, 4:, :4] = 1
        boxes = [[wsbench.ScoredBox("tb", 1, 2, 3, 4, 0.5)] for _ in range(len(images))]
        return wsbench.Prediction(np.full((len(images), 1), 0.75), maps, boxes=boxes)

@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("both", "maps and boxes", Settings, Both)]
"""


def test_boxes_beside_heatmaps_are_those_of_protocol_paper(tmp_path: Path) -> None:
    path = tmp_path / "both.py"
    path.write_text(OWN)
    record = wsbench.run("both", "phantom", data_options=DATA, runs=tmp_path / "runs", plugin_files=[path])
    boxes = record.boxes().groupby("protocol")
    corners = ["x0", "y0", "x1", "y1"]
    assert (boxes.get_group("paper")[corners] == [1, 2, 3, 4]).all(axis=None)
    assert (boxes.get_group("uniform")[corners] == [0, 32, 32, 64]).all(axis=None)
