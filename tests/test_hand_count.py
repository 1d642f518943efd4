"""Boxes placed by hand on the TBX11K layout: the harness's numbers are those of a count without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wsbench.cli import main
from wsbench.contract import records


def overlap(a: list[float], b: list[float]) -> float:
    """IoU of two COCO boxes, by hand."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def agrees_with_a_hand_count(root: Path, tmp_path: Path) -> None:
    """Two boxes over the upper lungs of every val image, as a COCO file; counted from the official JSON."""
    official = json.loads((root / "annotations" / "json" / "TBX11K_val.json").read_text())
    fractions = [(0.17, 0.13, 0.28, 0.34), (0.55, 0.13, 0.28, 0.34)]
    placed = {
        image["id"]: [[x * image["width"], y * image["height"], w * image["width"], h * image["height"]]
                      for x, y, w, h in fractions]
        for image in official["images"]
    }  # fmt: skip
    results = [
        {"image_id": image, "category_id": 1, "bbox": box, "score": 0.5}
        for image, inside in placed.items()
        for box in inside
    ]
    (tmp_path / "lungs.json").write_text(json.dumps(results))
    words = ["evaluate", "-d", "tbx11k", "--root", str(root), "-q", "--predictions", "lungs.json"]
    with pytest.raises(SystemExit) as end:
        main(
            [*words, "--images", str(root / "annotations" / "json" / "TBX11K_val.json"), "--category", "1=tb"]
        )
    assert not end.value.code
    (path,) = tmp_path.glob("runs/tbx11k/lungs/*/record.json")
    record = records.load(path)

    truth: dict[int, list[list[float]]] = {}
    for box in official["annotations"]:
        truth.setdefault(box["image_id"], []).append(box["bbox"])
    means, best = [], []
    for image, boxes in truth.items():
        ious = [[overlap(box, guess) for guess in placed[image]] for box in boxes]
        largest = sorted((iou for row in ious for iou in row), reverse=True)[: len(boxes)]
        means.append(sum(largest) / len(boxes))
        best += [max(row) for row in ious]
    assert record.value("miou") == pytest.approx(sum(means) / len(means), abs=1e-6)
    for iou in (0.1, 0.25, 0.5):
        share = sum(one > iou for one in best) / len(best)
        assert record.value(f"iou_accuracy_all@{iou:g}") == pytest.approx(share, abs=1e-6)
    assert record.value("boxes_per_image") == 2.0
    (own,) = tmp_path.glob("runs/tbx11k/two_lungs/*/record.json")
    assert records.load(own).value("miou") == pytest.approx(record.value("miou"), abs=1e-6)


def test_two_lungs_agree_with_a_hand_count_on_a_written_folder(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(
            [
                "data",
                "make",
                "phantom",
                "TBX11K",
                "--layout",
                "tbx11k",
                "-q",
                "-D",
                "images=80",
                "-D",
                "size=64",
            ]
        )
    agrees_with_a_hand_count(tmp_path / "TBX11K", tmp_path)


def test_two_lungs_agree_with_a_hand_count_on_real_radiographs(real_tbx11k: Path, tmp_path: Path) -> None:
    agrees_with_a_hand_count(real_tbx11k, tmp_path)
