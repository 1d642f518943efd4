"""Objects of pycocotools against those that it loads from files."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from wsbench.geometry.box_table import BoxTable
from wsbench.metrics import coco_object

IMAGES, CLASSES = 30, ("a", "b")


def boxes(generator: np.random.Generator, count: int) -> BoxTable:
    corners = generator.uniform(0, 30, (count, 2))
    return BoxTable(
        image=generator.integers(0, IMAGES, count),
        label=generator.integers(0, 2, count),
        xyxy=np.concatenate([corners, corners + generator.uniform(20, 60, (count, 2))], axis=1),
        score=generator.choice([0.2, 0.5, 0.8], count),  # many are equal
    )


def entries(table: BoxTable, numbers: list[int]) -> list[dict[str, object]]:
    return [
        {
            "image_id": numbers[table.image[row]],
            "category_id": int(table.label[row]) + 1,
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "score": float(table.score[row]),
        }
        for row, (x0, y0, x1, y1) in enumerate(table.xyxy.tolist())
        if numbers[table.image[row]]
    ]


def from_files(truth: BoxTable, predicted: BoxTable, numbers: list[int], folder: Path) -> tuple[COCO, COCO]:
    annotations = [
        {**entry, "id": number, "iscrowd": 0, "area": entry["bbox"][2] * entry["bbox"][3]}
        for number, entry in enumerate(entries(truth, numbers), start=1)
    ]
    content = {
        "images": [{"id": number} for number in numbers if number],
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        "annotations": annotations,
    }
    (folder / "truth.json").write_text(json.dumps(content))
    (folder / "results.json").write_text(json.dumps(entries(predicted, numbers)))
    coco = COCO(str(folder / "truth.json"))
    return coco, coco.loadRes(str(folder / "results.json"))


@pytest.mark.parametrize("seed", range(3))
def test_measures_are_those_of_files(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bit by bit, with images in another order and some left out."""
    generator = np.random.default_rng(seed)
    numbers = (generator.permutation(IMAGES) + 1).tolist()
    for left_out in (3, 7):
        numbers[left_out] = 0
    truth, predicted = boxes(generator, 50), boxes(generator, 200)
    ours = coco_object(truth, numbers, CLASSES), coco_object(predicted, numbers, CLASSES)
    assert capsys.readouterr().out == ""
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = from_files(truth, predicted, numbers, tmp_path)
        measured = []
        for pair in (ours, theirs):
            evaluation = COCOeval(*pair, "bbox")
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
            measured.append((evaluation.eval["precision"], evaluation.eval["scores"], evaluation.stats))
    assert all(np.array_equal(one, other) for one, other in zip(*measured, strict=True))
    assert 0 < measured[0][2][0] < 1


def test_no_box_is_an_object_too() -> None:
    empty = coco_object(BoxTable.of([()] * 3, CLASSES), [1, 2, 3], CLASSES)
    assert empty.anns == {} and sorted(empty.imgs) == [1, 2, 3] and empty.cats[2]["name"] == "b"
