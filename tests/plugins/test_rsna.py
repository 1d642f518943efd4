"""RSNA's pneumonia challenge: DICOM images, two tables, the mapping to ChestX-ray14, and their faults."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dicom_files import content, dataset, jpeg
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
from own_folders import boxes_of
from wsbench import testing
from wsbench.errors import WsbenchError
from wsbench.utils.progress import Silent
from wsbench_plugins.datasets import rsna

WIDTH, HEIGHT = 60, 50


def write_table(path: Path, rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty images of forty patientIds and of twenty patients of ChestX-ray14. Every other one has boxes."""
    root = tmp_path / "rsna"
    (root / rsna.IMAGES).mkdir(parents=True)
    labels: list[list[object]] = [["patientId", "x", "y", "width", "height", "Target"]]
    details: list[list[object]] = [["patientId", "class"]]
    for number in range(40):
        name = f"id-{number:02d}"
        pixels = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH)).astype(np.uint8)
        file = jpeg(pixels) if number % 2 else content(dataset(pixels))
        (root / rsna.IMAGES / f"{name}.dcm").write_bytes(file)
        boxes = [[*box[1:], 1] for box in boxes_of(number)]
        labels += [[name, *box] for box in boxes or [["", "", "", "", 0]]]
        group = "Lung Opacity" if boxes else "Normal" if number % 4 else "No Lung Opacity / Not Normal"
        details += [[name, group]] * max(len(boxes), 1)  # the release repeats it for every box
    write_table(root / rsna.LABELS, labels)
    write_table(root / rsna.DETAILS, details)
    mapping = [
        {"subset_img_id": f"id-{number:02d}", "img_id": f"{number // 2:08d}_{number % 2:03d}.png", "more": 1}
        for number in range(40)
    ]
    (root / rsna.MAPPING).write_text(json.dumps(mapping))
    return root


def boxes_in(root: Path) -> dict[str, list[Corners]]:
    """The table of labels, read by other means."""
    boxes = defaultdict(list)
    for row in csv.DictReader((root / rsna.LABELS).read_text(encoding="utf-8-sig").splitlines()):
        if row["Target"] == "1":
            x, y, width, height = (float(row[key]) for key in ("x", "y", "width", "height"))
            boxes[row["patientId"]].append((x, y, x + width, y + height))
    return boxes


def test_images_boxes_and_groups_are_read(folder: Path) -> None:
    data = loaded("rsna", folder)
    assert len(data.samples) == 40
    assert data.dataset.classes == ("Pneumonia",)
    assert data.dataset.boxes_complete
    expected = boxes_in(folder)
    assert {name: moved(boxes, expected[name]) for name, boxes in corners(data).items()} == dict.fromkeys(
        expected, 0
    )
    groups = {sample.name: sample.attributes["group"] for sample in data.samples}
    assert [groups[f"id-{n:02d}"] for n in range(3)] == [
        "No Lung Opacity / Not Normal",
        "Lung Opacity",
        "Normal",
    ]
    first = data.samples[1]
    assert (first.labels, first.boxes[0].kind, first.split) == (("Pneumonia",), "", "train")
    assert (first.width, first.height) == (WIDTH, HEIGHT)
    assert data.dataset.read(first, HEIGHT, WIDTH).dtype == np.uint8


def test_the_phantom_in_this_layout_comes_back(command, tmp_path: Path) -> None:
    root = make(command, "rsna")
    out = check_and_run(command, "rsna", root)
    assert "Lung Opacity" in out
    check_and_run(command, "rsna", root, "-D", "patients=nih")
    data, original = loaded("rsna", root), phantom(tmp_path)
    assert moved(all_boxes(corners(data)), all_boxes(boxes_in(root))) == 0
    assert moved(all_boxes(corners(data)), all_boxes(corners(original))) == 0
    films = {original.read(s, SIZE, SIZE).tobytes() for s in original.samples}
    assert {data.dataset.read(s, SIZE, SIZE).tobytes() for s in data.samples} == films


def test_patients_are_images_or_those_of_chestxray14(folder: Path) -> None:
    assert len({sample.patient for sample in loaded("rsna", folder).samples}) == 40
    data = loaded("rsna", folder, {"patients": "nih"})
    assert {sample.name: sample.patient for sample in data.samples}["id-07"] == "00000003"
    patients = {
        role: {s.patient for s in data.samples if s.name in names}
        for role, names in data.roles.members.items()
    }
    assert not patients["fit"] & (patients["select"] | patients["calibrate"] | patients["test"])


def test_files_as_people_have_them(folder: Path) -> None:
    images = folder / rsna.IMAGES
    (images / "id-01.dcm").rename(images / "id-01.DCM")
    (images / "id-03.dcm").rename(images / "id 03.dcm")
    for name in (rsna.LABELS, rsna.DETAILS):
        path = folder / name
        path.write_text(path.read_text().replace("id-03", "id 03").replace(",,,,0", ",nan,NaN,,,0"))
        windows_text(path)
    append(folder / rsna.LABELS, ["id-00,,,,,0"])  # the same row again
    data = loaded("rsna", folder)
    assert len(data.samples) == 40
    assert {"id-01", "id 03"} < {sample.name for sample in data.samples}
    assert moved(all_boxes(corners(data)), all_boxes(boxes_in(folder))) == 0


def replaced(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = root / file
        path.write_text(path.read_text().replace(old, new))

    return change


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda root: (root / rsna.IMAGES / "id-01.dcm").unlink(), "names id-01, of which there is no file"),
        (
            lambda root: (root / rsna.IMAGES / "id-01.dcm").write_bytes(b"no image"),
            "stage_2_train_images/id-01.dcm: is no DICOM file",
        ),
        (lambda root: append(root / rsna.LABELS, ["id-01,,,,,0"]), "has a row of '0' and one of 'Pneumonia'"),
        (
            lambda root: append(root / rsna.LABELS, ["id-01,4.25,10.5,25.0,20.75,1"]),
            "are the same (overlap 1.00)",
        ),
        (lambda root: append(root / rsna.LABELS, ["id-01,5,5,,9,1"]), "id-01: has a part of a box"),
        (lambda root: append(root / rsna.LABELS, ["id-01,5,5,9,9,0"]), "id-01: has a box and the word '0'"),
        (lambda root: append(root / rsna.LABELS, ["id-01,50,5,19,9,1"]), "leaves the image"),
        (lambda root: append(root / rsna.LABELS, ["id-01,5,5,9,9,2"]), "names the class '2'"),
        (
            replaced(rsna.DETAILS, "id-01,Lung Opacity", "id-01,Normal"),
            "calls id-01 'Normal', and stage_2_train_labels.csv says Target 1",
        ),
        (
            lambda root: append(root / rsna.DETAILS, ["id-01,Normal"]),
            "id-01 has rows of Lung Opacity and Normal",
        ),
        (replaced(rsna.DETAILS, "id-01,", "id-1,"), "has no row of id-01"),
    ],
)
def test_a_fault_is_named_and_its_image_left_out(
    fault: Callable[[Path], object], words: str, folder: Path
) -> None:
    fault(folder)
    names = names_without_bad("rsna", folder, words)
    assert "id-01" not in names
    assert len(names) == 39


@pytest.mark.parametrize(
    ("fault", "settings", "words"),
    [
        (lambda root: (root / rsna.LABELS).unlink(), {}, "has no stage_2_train_labels.csv; give --root"),
        (lambda root: (root / rsna.DETAILS).unlink(), {}, "has no stage_2_detailed_class_info.csv; give"),
        (
            lambda root: (root / rsna.IMAGES).rename(root / f"{rsna.IMAGES}.zip"),
            {},
            "has no stage_2_train_images (unpack stage_2_train_images.zip)",
        ),
        (replaced(rsna.LABELS, "Target", "target"), {}, "unknown column of"),
        (lambda root: (root / rsna.MAPPING).unlink(), {"patients": "nih"}, f"has no {rsna.MAPPING}"),
        (lambda root: (root / rsna.MAPPING).write_text("{}"), {"patients": "nih"}, "is not RSNA's mapping"),
    ],
)
def test_another_folder_is_refused(
    fault: Callable[[Path], object], settings: dict[str, object], words: str, folder: Path
) -> None:
    fault(folder)
    with pytest.raises(WsbenchError) as error:
        loaded("rsna", folder, settings)
    assert words in str(error.value)


def test_boxes_of_the_release_are_not_laid_on_resized_copies(folder: Path) -> None:
    for path in (folder / rsna.IMAGES).glob("*.dcm"):
        path.unlink()
        Image.new("L", (512, 512), int(path.stem[3:])).save(path.with_suffix(".png"))
    with pytest.raises(WsbenchError, match=r"is 512x512, it was annotated at 1024x1024, and so are all 20"):
        loaded("rsna", folder, skip_bad=True)


def test_describe_shows_the_dataset_and_the_metric_of_this_name(command) -> None:
    code, out, _ = command("describe", "rsna")
    assert code == 0
    assert "patients = images" in out
    assert "RSNA challenge: TP / (TP + FP + FN)" in out


def test_a_dataset_of_several_classes_cannot_be_written(tmp_path: Path) -> None:
    class Several(testing.Toy):
        classes = ("Mass", "Nodule")

    with pytest.raises(WsbenchError, match="RSNA's layout has no classes Mass, Nodule"):
        rsna.write(Several(), tmp_path / "new", Silent())
