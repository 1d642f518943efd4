"""AP50 and AP as detection challenges report them: pycocotools's own summary of the user's files."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from conftest import box, found, refused, table
from wsbench.contract import plugins
from wsbench.contract.base import Source
from wsbench.data.dataset import Loaded
from wsbench.predictions import external
from wsbench.runs import rescoring
from wsbench.runs.coco_summary import summaries
from wsbench.runs.detection import summaries_of
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent

VAL = "annotations/json/TBX11K_val.json"
FOUND = plugins.find()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small phantom as an official TBX11K folder."""
    spec = FOUND.datasets["phantom"]
    phantom = spec.load(spec.settings(images=120, size=64), Source(None, Path(), Silent()))
    folder = tmp_path_factory.mktemp("made") / "TBX11K"
    FOUND.datasets["tbx11k"].write(phantom, folder, Silent())
    return folder


def detections(coco: dict[str, Any], seed: int = 0) -> list[dict[str, Any]]:
    """Results of a detector: moved truth boxes and false ones on all images, no two scores equal."""
    generator = np.random.default_rng(seed)
    size = coco["images"][0]["width"]
    boxes = [(b["image_id"], b["category_id"], np.array(b["bbox"], dtype=float)) for b in coco["annotations"]]
    for image in coco["images"]:
        for category in (1, 2):
            if generator.random() < 0.5:
                corner, sides = generator.random(2) * size / 2, 4 + generator.random(2) * size / 3
                boxes.append((image["id"], category, np.concatenate([corner, sides])))
    results = []
    for image_id, category, values in boxes:
        x, y, width, height = values + generator.normal(0, 0.6, 4)
        x, y = max(x, 0.0), max(y, 0.0)
        width, height = min(max(width, 2.0), size - x), min(max(height, 2.0), size - y)
        bbox = [float(value) for value in (x, y, width, height)]
        score = float(generator.random())
        results.append({"image_id": image_id, "category_id": category, "bbox": bbox, "score": score})
    return results


def by_pycocotools(
    truth: Path, results: Path, *, only: str | None = None, category: int | None = None
) -> tuple[float, float]:
    """``AP50, AP`` of the official file and of a file of results, as anybody computes them.

    Args:
        truth, results: the files.
        only: a folder of images; None: all images.
        category: the category that counts; None: all are one.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(truth))
        evaluation = COCOeval(coco, coco.loadRes(str(results)), "bbox")
        if only is not None:
            names = {image["id"]: image["file_name"] for image in coco.dataset["images"]}
            evaluation.params.imgIds = [number for number, name in names.items() if name.startswith(only)]
        if category is None:
            evaluation.params.useCats = 0
        else:
            evaluation.params.catIds = [category]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[1]), float(evaluation.stats[0])


def loaded(root: Path, task: str) -> Loaded:
    return load_dataset(FOUND, "tbx11k", {"task": task}, Silent(), root=root)


def summary_of(root: Path, results: Path, task: str) -> dict[tuple[str, str | None], tuple[float, float]]:
    """``AP50, AP`` by images and class of an evaluated file."""
    data = loaded(root, task)
    read = external.read_predictions(results, "detector", data, uses_boxes=True)
    record = rescoring.evaluate(read, data, FOUND, results.parent / "runs")
    found_summaries = summaries_of(record, "paper", FOUND, Silent(), root)
    assert all(s.ap50 is not None and s.ap is not None for s in found_summaries)
    return {(s.selection, s.label): (s.ap50, s.ap) for s in found_summaries}


CASES = [("all", None), ("positive", "tb")]


def compared(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(detections(json.loads((root / VAL).read_text()))))
    joined, apart = (summary_of(root, path, task) for task in ("tb", "active_latent"))
    for selection, only in CASES:
        agnostic = by_pycocotools(root / VAL, path, only=only)
        assert 0.05 < agnostic[0] < 0.99
        assert joined[selection, "tb"] == pytest.approx(agnostic, abs=1e-6)
        assert apart[selection, None] == pytest.approx(agnostic, abs=1e-6)
        for category, label in ((1, "active"), (2, "latent")):
            of_class = by_pycocotools(root / VAL, path, only=only, category=category)
            assert apart[selection, label] == pytest.approx(of_class, abs=1e-6)
    assert joined["all", "tb"] != joined["positive", "tb"]


def test_it_is_pycocotools_own_summary_of_the_official_files(made: Path, tmp_path: Path) -> None:
    compared(made, tmp_path)


def test_it_is_so_on_the_real_subset(real_tbx11k: Path, tmp_path: Path) -> None:
    compared(real_tbx11k, tmp_path)


def test_no_weight_is_given_to_images_without_the_class() -> None:
    """One image of thirty has the class, below a tenth: ``ap50`` lowers the weight of the others."""
    truth = [[box(0, 0, 10, 10)], *[[] for _ in range(29)]]
    false = [[found(50, 50, 60, 60, score=0.9 - row / 100)] for row in range(29)]
    scored = table(truth, [[found(0, 0, 10, 10, score=0.5)], *false])
    everything, positive = summaries(scored, scored.predicted)
    assert (everything.selection, everything.images, everything.truths) == ("all", 30, 1)
    assert everything.ap50 == pytest.approx(1 / 30)
    assert (positive.selection, positive.images, positive.ap50) == ("positive", 1, pytest.approx(1.0))


def test_equal_scores_do_not_follow_the_order_of_images() -> None:
    """pycocotools ranks them in the order of images; TBX11K's files have those with tuberculosis first."""
    ranks = []
    for position in range(8):
        truth = [[box(0, 0, 10, 10)] if row == position else [] for row in range(8)]
        scored = table(truth, [[found(0, 0, 10, 10)]] * 8)
        ranks.append(round(1 / (summaries(scored, scored.predicted)[0].ap50 or 0)))
    assert sorted(ranks) == list(range(1, 9))
    assert ranks not in (sorted(ranks), sorted(ranks, reverse=True))


def test_the_command_shows_them_beside_what_ranks(made: Path, tmp_path: Path, command: Callable) -> None:
    path = tmp_path / "detector.json"
    path.write_text(json.dumps(detections(json.loads((made / VAL).read_text()))))
    words = ("-d", "tbx11k", "--root", str(made), "-D", "task=active_latent", "-q")
    assert command("evaluate", *words, "--predictions", "detector.json", "--no-references")[0] == 0
    (record,) = tmp_path.glob("runs/tbx11k/detector/*/record.json")
    before, run = record.read_bytes(), str(record.parent)
    code, out, err = command("detection", run, "--root", str(made), "-q")
    assert code == 0, err
    ap50, ap = by_pycocotools(made / VAL, path, only="tb", category=1)
    (line,) = [line for line in out.splitlines() if line.startswith("with a class active")]
    assert line.split()[-2:] == [f"{ap50:.3f}", f"{ap:.3f}"]
    assert sum(line.startswith(("all ", "with a class ")) for line in out.splitlines()) == 6
    assert "rows rank by cond_ap25" in out and "cond. ap25" in out
    assert record.read_bytes() == before
    code, out, _ = command(
        "detection", run, "--root", str(made), "-q", "--images", "positive", "--classes", "joined"
    )
    lines = [line for line in out.splitlines() if line.startswith(("all ", "with a class "))]
    assert [line.split("  ")[0] for line in lines] == [lines[0].split("  ")[0]] and len(lines) == 1
    assert "all joined" in lines[0]
    for option, words_of in (
        (("--images", "tb"), "unknown choice of --images 'tb'"),
        (("--classes", "active"), "unknown choice of --classes 'active'"),
        (("--protocol", "papr"), "did you mean 'paper'"),
    ):
        assert words_of in refused(command("detection", run, "--root", str(made), "-q", *option))
