"""PadChest-GR: boxes in shares, sentences, groups of labels, images of 16 bits, and their faults."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from made_layouts import (
    SIZE,
    Corners,
    all_boxes,
    append,
    check_and_run,
    corners,
    loaded,
    make,
    moved,
    names_without_bad,
    phantom,
    windows_text,
)
from wsbench.errors import WsbenchError
from wsbench_plugins.datasets.padchest_gr import REPORTS, TABLE

IMAGES = "Padchest_GR_files/PadChest_GR"
WIDTH, HEIGHT = 60, 50

LAMINAR = {
    "sentence_en": "Laminar atelectasis at the left base.",
    "abnormal": True,
    "labels": ["laminar atelectasis"],
    "boxes": [[0.5, 0.6, 0.9, 0.95]],
    "extra_boxes": [[0.1, 0.1, 0.2, 0.2]],
}
EFFUSION = {
    "sentence_en": "Effusion on both sides.",
    "abnormal": True,
    "labels": ["pleural effusion"],
    "boxes": [[0.5, 0.6, 0.9, 0.95], [0.1, 0.62, 0.45, 0.98]],
}
UNBOXED = {"sentence_en": "Chronic changes.", "abnormal": True, "labels": ["chronic changes"], "boxes": []}
NEGATIVE = {"sentence_en": "No pneumothorax.", "abnormal": False}
GROUPS = {
    "laminar atelectasis": "atelectasis",
    "pleural effusion": "pleural effusion",
    "chronic changes": "",
    "Normal": "",
}


def study(number: int) -> dict[str, Any]:
    findings = [[NEGATIVE], [LAMINAR, NEGATIVE], [LAMINAR, EFFUSION], [UNBOXED]][number % 4]
    name = f"{number:03d}_x"
    return {"StudyID": name, "ImageID": f"{name}.png", "PreviousStudyID": None, "findings": findings}


def sixteen_bits(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(1000, 3000, (HEIGHT, WIDTH)).astype(np.uint16)
    pixels[0, :2] = 1000, 3000
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sixty images of thirty patients, of three splits."""
    root = tmp_path / "gr"
    rows = [["StudyID", "ImageID", "label", "label_group", "split", "PatientID", "Year"]]
    for number in range(60):
        one = study(number)
        sixteen_bits(root / IMAGES / one["ImageID"], number)
        split = "train" if number < 36 else "validation" if number < 48 else "test"
        labels = [label for finding in one["findings"] for label in finding.get("labels", [])]
        for label in labels or ["Normal"]:
            row = [one["StudyID"], one["ImageID"], label, GROUPS[label], split, f"p{number // 2}", "2014"]
            rows.append(row)
    (root / REPORTS).write_text(json.dumps([study(number) for number in range(60)]))
    with (root / TABLE).open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return root


def boxes_in(root: Path, width: int, height: int) -> dict[str, list[Corners]]:
    """The boxes of every image in pixels, read by other means."""
    return {
        one["ImageID"]: [
            (x0 * width, y0 * height, x1 * width, y1 * height)
            for finding in one["findings"]
            if finding["abnormal"]
            for x0, y0, x1, y1 in finding["boxes"]
        ]
        for one in json.loads((root / REPORTS).read_text("utf-8-sig"))
    }


def edited(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        studies = json.loads((root / REPORTS).read_text())
        change(studies)
        (root / REPORTS).write_text(json.dumps(studies))

    return edit


def test_boxes_are_in_pixels_and_classes_are_groups_of_labels(folder: Path) -> None:
    data = loaded("padchest_gr", folder)
    assert data.dataset.classes == ("atelectasis", "chronic changes", "pleural effusion")
    expected, ours = boxes_in(folder, WIDTH, HEIGHT), corners(data)
    assert set(ours) == {name for name, boxes in expected.items() if boxes}
    assert sum(moved(boxes, expected[name]) for name, boxes in ours.items()) == 0
    both = data.samples[2]
    assert both.labels == ("atelectasis", "pleural effusion")
    assert [(box.label, box.kind) for box in both.boxes] == [
        ("atelectasis", "laminar atelectasis"),
        ("pleural effusion", ""),
        ("pleural effusion", ""),
    ]
    assert both.attributes["report"] == "Laminar atelectasis at the left base. Effusion on both sides."
    assert data.samples[0].labels == ()
    assert not data.dataset.boxes_complete  # chronic changes have no box
    assert (data.samples[3].split, data.samples[3].patient) == ("train", "p1")
    assert len(data.roles.members["test"]) == 12
    assert set(data.roles.members["select"]) <= {f"{number:03d}_x.png" for number in range(36, 48)}


def test_classes_may_be_the_labels_themselves(folder: Path) -> None:
    data = loaded("padchest_gr", folder, {"classes": "labels"})
    assert data.dataset.classes == ("chronic changes", "laminar atelectasis", "pleural effusion")


def test_the_same_box_of_two_sentences_of_a_class_is_one(folder: Path) -> None:
    again = LAMINAR | {"labels": ["atelectasis"], "sentence_en": "Atelectasis."}
    edited(lambda studies: studies[1]["findings"].append(again))(folder)
    append(folder / TABLE, ["001_x,001_x.png,atelectasis,atelectasis,train,p0,2014"])
    (box,) = loaded("padchest_gr", folder).samples[1].boxes
    assert (box.label, box.kind) == ("atelectasis", "laminar atelectasis")


def test_images_of_16_bits_show_their_own_range_or_a_chosen_one(folder: Path) -> None:
    name = "003_x.png"
    stored = np.asarray(Image.open(folder / IMAGES / name)).astype(float)

    def shown(**settings: object) -> np.ndarray:
        data = loaded("padchest_gr", folder, settings)
        (sample,) = [sample for sample in data.samples if sample.name == name]
        return data.dataset.read(sample, HEIGHT, WIDTH)

    assert np.array_equal(shown(), np.rint((stored - 1000) / 2000 * 255))
    assert np.array_equal(shown(grey_levels=[0, 4095]), np.rint(stored / 4095 * 255))
    Image.new("L", (WIDTH, HEIGHT), 77).save(folder / IMAGES / name)
    assert (shown() == 77).all()


def test_the_phantom_in_this_layout_comes_back(command, tmp_path: Path) -> None:
    root = make(command, "padchest_gr")
    check_and_run(command, "padchest_gr", root)
    data, original = loaded("padchest_gr", root, {"grey_levels": [0, 65535]}), phantom(tmp_path)
    assert moved(all_boxes(corners(data)), all_boxes(boxes_in(root, SIZE, SIZE))) == 0
    assert moved(all_boxes(corners(data)), all_boxes(corners(original))) == 0
    assert {sample.split for sample in data.samples} == {"train", "validation", "test"}
    films = {original.read(s, SIZE, SIZE).tobytes() for s in original.samples}
    assert {data.dataset.read(s, SIZE, SIZE).tobytes() for s in data.samples} == films


def test_files_as_people_have_them(folder: Path) -> None:
    images = folder / IMAGES
    (images / "001_x.png").rename(images / "001_x.PNG")
    (images / "003_x.png").rename(images / "00 3_x.png")

    def change(studies: list[dict[str, Any]]) -> None:
        studies[3]["ImageID"] = "00 3_x.png"
        studies.append(studies[5])  # the same study again
        studies[0]["findings"][0]["boxes"] = None

    edited(change)(folder)
    path = folder / REPORTS
    path.write_text(json.dumps(json.loads(path.read_text()), indent=1))
    for name in (REPORTS, TABLE):
        windows_text(folder / name)
    data = loaded("padchest_gr", folder)
    assert len(data.samples) == 60
    assert moved(all_boxes(corners(data)), all_boxes(boxes_in(folder, WIDTH, HEIGHT))) == 0


FIRST = "001_x.png"


def finding(**values: object) -> Callable[[Path], None]:
    return edited(lambda studies: studies[1]["findings"].append(LAMINAR | values))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda root: (root / IMAGES / FIRST).unlink(), f"names {FIRST}, of which there is no file"),
        (lambda root: (root / IMAGES / FIRST).write_bytes(b"no image"), f"{IMAGES}/{FIRST}: is damaged"),
        (finding(labels=["goitre"]), "001_x.png has the label 'goitre', which is in no row"),
        (finding(boxes=[[30, 10, 50, 40]]), "001_x.png has the box 30, 10, 50, 40, which is no part of 0 to"),
        (finding(boxes=[[0.6, 0.2, 0.5, 0.4]]), "001_x.png has the box 0.6, 0.2, 0.5, 0.4"),
        (finding(boxes=[[0.5, 0.6, 0.9, 0.9501]]), "are the same (overlap 1.00)"),
        (edited(lambda studies: studies[1].update(StudyID="other")), "001_x.png is of study other, of which"),
        (edited(lambda studies: studies.append(study(1) | {"StudyID": "002_x"})), "has different entries"),
    ],
)
def test_a_fault_is_named_and_its_image_left_out(
    fault: Callable[[Path], object], words: str, folder: Path
) -> None:
    fault(folder)
    names = names_without_bad("padchest_gr", folder, words)
    assert FIRST not in names
    assert len(names) == 59


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda root: (root / TABLE).rename(root / f"{TABLE}.zip"), f"{TABLE} (unpack {TABLE}.zip); give"),
        (lambda root: (root / REPORTS).write_text("[{}]"), "is not PadChest-GR's list of studies: 0.StudyID"),
        (
            lambda root: (root / "Padchest_GR_files").rename(root / "png"),
            "has no folder Padchest_GR_files or",
        ),
        (
            lambda root: append(root / TABLE, ["001_x,,laminar atelectasis,lung,train,p0,2014"]),
            "puts the label 'laminar atelectasis' into atelectasis and lung; -D classes=labels",
        ),
        (
            lambda root: append(root / TABLE, ["001_x,,Normal,,test,p0,2014"]),
            "has rows of study 001_x with different split",
        ),
    ],
)
def test_another_folder_is_refused(fault: Callable[[Path], object], words: str, folder: Path) -> None:
    fault(folder)
    with pytest.raises(WsbenchError) as error:
        loaded("padchest_gr", folder, skip_bad=True)
    assert words in str(error.value)
