"""ChestX-Det: its JSON files and folders, their faults, and the phantom in its layout."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from made_layouts import (
    SIZE,
    Corners,
    all_boxes,
    check_and_run,
    corners,
    loaded,
    make,
    moved,
    names_without_bad,
    phantom,
    windows_text,
)
from own_folders import HEIGHT, WIDTH, film
from wsbench import testing
from wsbench.errors import WsbenchError
from wsbench.utils.progress import Silent
from wsbench_plugins.datasets import chestx_det

FILES = chestx_det.FILES
SIZE_OF_FILMS = {"width": WIDTH, "height": HEIGHT}


def entry(number: int) -> dict[str, Any]:
    """Every other image has a box, some have two of other classes."""
    boxes = [[3 + number % 30, 10, 28 + number % 30, 30.5], [20, 5, 40, 20]]
    syms = ["Nodule", "Pleural Thickening"]
    count = 0 if number % 2 == 0 else 2 if number % 3 == 0 else 1
    name = f"{36000 + number}.png"
    return {"file_name": name, "syms": syms[:count], "boxes": boxes[:count], "polygons": [], **SIZE_OF_FILMS}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty images to train, in the folder that unpacking an archive makes, and sixteen to test."""
    root = tmp_path / "det"
    for split, numbers, place in (
        ("train", range(40), "train_data/train"),
        ("test", range(40, 56), "test"),
    ):
        entries = [entry(number) for number in numbers]
        for one in entries:
            film(root / place / one["file_name"], int(one["file_name"][:5]))
        (root / FILES[split]).write_text(json.dumps(entries))
    return root


def boxes_in(root: Path) -> dict[str, list[Corners]]:
    """The JSON files, read by other means."""
    entries = [one for file in FILES.values() for one in json.loads((root / file).read_text("utf-8-sig"))]
    return {one["file_name"]: [tuple(map(float, box)) for box in one["boxes"]] for one in entries}


def edited(change: Callable[[list[dict[str, Any]]], object], split: str = "train") -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        entries = json.loads((root / FILES[split]).read_text())
        change(entries)
        (root / FILES[split]).write_text(json.dumps(entries))

    return edit


def test_images_boxes_and_splits_are_read(folder: Path) -> None:
    data = loaded("chestx_det", folder)
    assert len(data.dataset.classes) == 13
    assert data.dataset.boxes_complete
    expected = boxes_in(folder)
    ours = corners(data)
    assert set(ours) == {name for name, boxes in expected.items() if boxes}
    assert sum(moved(boxes, expected[name]) for name, boxes in ours.items()) == 0
    by_name = {sample.name: sample for sample in data.samples}
    assert by_name["36003.png"].labels == ("Nodule", "Pleural Thickening")
    assert {by_name[f"{36000 + n}.png"].split for n in range(40, 56)} == {"test"}
    assert len(data.roles.members["test"]) == 16
    assert data.missing == {"train": (40, 3025), "test": (16, 553)}


def test_the_phantom_in_this_layout_comes_back(command, tmp_path: Path) -> None:
    root = make(command, "chestx_det")
    check_and_run(command, "chestx_det", root)
    data, original = loaded("chestx_det", root), phantom(tmp_path)
    assert moved(all_boxes(corners(data)), all_boxes(boxes_in(root))) == 0
    assert moved(all_boxes(corners(data)), all_boxes(corners(original))) == 0
    split_of = {Path(s.name).name: "test" if s.split == "val" else "train" for s in original.samples}
    assert {sample.name: sample.split for sample in data.samples} == split_of
    films = {original.read(s, SIZE, SIZE).tobytes() for s in original.samples}
    assert {data.dataset.read(s, SIZE, SIZE).tobytes() for s in data.samples} == films


def test_files_as_people_have_them(folder: Path) -> None:
    images = folder / "train_data" / "train"
    (images / "36001.png").rename(images / "36001.PNG")
    (images / "36003.png").rename(images / "36 003.png")

    def change(entries: list[dict[str, Any]]) -> None:
        entries[3]["file_name"] = "36 003.png"
        entries.append(entries[5])  # the same entry again
        for one in entries:
            one["more"] = None

    edited(change)(folder)
    path = folder / FILES["train"]
    path.write_text(json.dumps(json.loads(path.read_text()), indent=1))
    windows_text(path)
    data = loaded("chestx_det", folder)
    assert len(data.samples) == 56
    assert moved(all_boxes(corners(data)), all_boxes(boxes_in(folder))) == 0


FIRST = "36001.png"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            lambda root: (root / "train_data" / "train" / FIRST).unlink(),
            "ChestX_Det_train.json: names 36001.png, of which there is no file",
        ),
        (
            lambda root: (root / "train_data" / "train" / FIRST).write_bytes(b"no image"),
            "train_data/train/36001.png: is damaged",
        ),
        (
            edited(lambda entries: entries[1]["syms"].append("Mass")),
            "36001.png has 2 classes in syms and 1 boxes",
        ),
        (
            edited(lambda entries: entries[1].update(syms=["Infiltration"])),
            "36001.png has a box of 'Infiltration', which is none of the 13",
        ),
        (edited(lambda entries: entries[1].update(boxes=[[4, 10, 70, 30]])), "leaves the image"),
        (edited(lambda entries: entries[1].update(boxes=[[30, 10, 4, 30]])), "has no area"),
        (edited(lambda entries: entries.append(entry(7) | {"file_name": FIRST})), "has different entries"),
        (edited(lambda entries: entries.append(entry(1)), "test"), "36001.png has different entries"),
        (edited(lambda entries: entries[1].update(width=1024, height=1024)), "it was annotated at 1024x1024"),
    ],
)
def test_a_fault_is_named_and_its_image_left_out(
    fault: Callable[[Path], object], words: str, folder: Path
) -> None:
    fault(folder)
    names = names_without_bad("chestx_det", folder, words)
    assert FIRST not in names
    assert len(names) == 55


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda root: (root / FILES["test"]).unlink(), "has no ChestX_Det_test.json; give --root"),
        (lambda root: (root / FILES["test"]).write_text('{"images": []}'), "is not a list of ChestX-Det's"),
        (lambda root: (root / "test").rename(root / "tested"), "has no folder test_data or test of images"),
    ],
)
def test_another_folder_is_refused(fault: Callable[[Path], object], words: str, folder: Path) -> None:
    fault(folder)
    with pytest.raises(WsbenchError) as error:
        loaded("chestx_det", folder)
    assert words in str(error.value)


def test_boxes_of_the_release_are_not_laid_on_resized_copies(folder: Path) -> None:
    for split in FILES:
        edited(lambda entries: [one.pop(key) for one in entries for key in SIZE_OF_FILMS], split)(folder)
    with pytest.raises(WsbenchError, match=r"is 60x50, it was annotated at 1024x1024, and so are all 28"):
        loaded("chestx_det", folder, skip_bad=True)


def test_images_that_no_file_names_are_told(folder: Path) -> None:
    Image.new("L", (60, 50)).save(folder / "test" / "99999.png")
    (note,) = loaded("chestx_det", folder).notes
    assert note.what == "1 image files are named in no annotation: 99999.png"


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (("Mass", "Edema"), "ChestX-Det's layout has no classes Edema"),
        (("spot",), "needs a split test or val"),
    ],
)
def test_what_does_not_fit_cannot_be_written(classes: tuple[str, ...], words: str, tmp_path: Path) -> None:
    toy = testing.Toy()
    toy.classes = classes
    toy.samples = toy.samples[1:2]  # of train
    with pytest.raises(WsbenchError, match=words):
        chestx_det.write(toy, tmp_path / "new", Silent())
