"""CheXlocalize: masks of both kinds against a second reading, files as people have them, the layout."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pycocotools import mask as coco

from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.base import Source
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent
from wsbench_plugins.datasets import chexlocalize
from wsbench_plugins.datasets.chexlocalize import _masks, _tables

WIDTH, HEIGHT = 70, 50
FOUND = plugins.find()
HEADER = ",".join(["Path", "Sex", "Age", *_tables.CLASSES])
KINDS = ("Airspace Opacity", "Edema")


def disc(number: int) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.hypot(x - 20 - number % 30, y - 25) < 5 + number % 9


def polygon(number: int) -> list[list[float]]:
    return [[10.5 + number % 20, 8.2], [40.0 + number % 20, 12.7], [30.3, 33.9]]


def encoded(pixels: np.ndarray) -> dict[str, object]:
    runs = coco.encode(np.asfortranarray(pixels.astype(np.uint8)))
    return {"size": [HEIGHT, WIDTH], "counts": runs["counts"].decode()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Run lengths of 30 images of val, polygons of 15 of test. Every third image is of a finding."""
    root = tmp_path / "chest x"
    for split, count, first in (("val", 30, 0), ("test", 15, 30)):
        rows, masks, polygons = [HEADER], {}, {}
        for number in range(first, first + count):
            folder = root / "CheXpert" / split / f"patient{number:05d}" / "study1"
            folder.mkdir(parents=True)
            grey = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH)).astype(np.uint8)
            suffix = "JPG" if number == 1 else "jpg"
            Image.fromarray(grey).save(folder / f"view1_frontal.{suffix}", format="JPEG")
            labels = ["Lung Opacity", "Edema"][: 1 + number % 2] if number % 3 == 0 else []
            values = [str(float(label in labels)) for label in _tables.CLASSES]
            path = f"CheXpert-v1.0/{split}/patient{number:05d}/study1/view1_frontal.jpg"
            rows.append(",".join([path, "Female", "60", *values]))
            name = f"patient{number:05d}_study1_view1_frontal"
            masks[name] = {
                kind: encoded(disc(number) if label in labels else np.zeros((HEIGHT, WIDTH)))
                for kind, label in zip(KINDS, ("Lung Opacity", "Edema"), strict=True)
            }
            if labels:
                shapes = {kind: [polygon(number)] for kind in KINDS[: len(labels)]}
                polygons[name] = {"img_size": [HEIGHT, WIDTH], **shapes}
        rows.append(rows[1])  # a row twice
        table = ("\ufeff" + "\r\n".join(rows) + "\r\n").encode()
        (root / "CheXpert" / f"{split}_labels.csv").write_bytes(table)
        content, kind = (masks, "segmentations") if split == "val" else (polygons, "annotations")
        (root / f"gt_{kind}_{split}.json").write_text(json.dumps(content))
    return root


def loaded(root: Path, **options: bool) -> Loaded:
    return load_dataset(FOUND, "chexlocalize", {}, Silent(), root=root, **options)


def test_masks_and_boxes_are_those_of_a_second_reading(root: Path) -> None:
    data = loaded(root)
    assert len(data.samples) == 45 and data.notes == ()
    runs = json.loads((root / "gt_segmentations_val.json").read_text())
    moved = seen = 0
    for sample in data.samples:
        number = int(sample.name[7:12])
        assert sample.patient == f"patient{number:05d}"
        assert sample.attributes == {"sex": "Female", "age": "60", "view": "frontal"}
        assert {mask.label for mask in sample.masks} == set(sample.labels)
        for mask in sample.masks:
            if sample.split == "val":
                word = "Airspace Opacity" if mask.label == "Lung Opacity" else mask.label
                with warnings.catch_warnings(action="ignore"):
                    expected = coco.decode(runs[sample.name][word]).astype(bool)
            else:
                image = Image.new("L", (WIDTH, HEIGHT))
                ImageDraw.Draw(image).polygon([tuple(xy) for xy in polygon(number)], outline=1, fill=1)
                expected = np.asarray(image) > 0
            assert np.array_equal(mask.pixels(), expected)
            rows, columns = np.nonzero(expected)
            corners = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            (box,) = [box for box in sample.boxes if box.label == mask.label]
            moved += np.abs(np.subtract((box.x0, box.y0, box.x1, box.y1), corners)).max() > 0.5
            seen += 1
    assert moved == 0 and seen == 22


def test_the_contract(root: Path, tmp_path: Path) -> None:
    spec = FOUND.datasets["chexlocalize"]
    testing.check_dataset(spec, spec.settings(), Source(root, tmp_path, Silent()))


def test_a_finding_without_a_mask_has_an_unknown_location(root: Path) -> None:
    from wsbench.runs.scoring_inputs import truths_of

    path = root / "gt_annotations_test.json"
    polygons = json.loads(path.read_text())
    del polygons["patient00030_study1_view1_frontal"]
    path.write_text(json.dumps(polygons))
    truth = truths_of(loaded(root))["test"]
    row = truth.names.index("patient00030_study1_view1_frontal")
    column = truth.classes.index("Lung Opacity")
    assert truth.labels[row, column] and not truth.known[row, column]
    assert (row, column) not in truth.masks and len(truth.masks) == truth.labels.sum() - 1


def masks_changed(change: Callable[[dict], None]) -> Callable[[Path], None]:
    def changed(root: Path) -> None:
        path = root / "gt_segmentations_val.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return changed


FIRST = "patient00000_study1_view1_frontal"


def second_row(root: Path) -> None:
    with (root / "CheXpert" / "val_labels.csv").open("a") as file:
        file.write(
            ",".join(["x/patient00000/study1/view1_frontal.jpg", "Female", "60", *"1111111111"]) + "\n"
        )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (masks_changed(lambda m: m[FIRST]["Edema"].update(counts="~")), "not in COCO's compressed form"),
        (masks_changed(lambda m: m[FIRST].update(Oedema=m[FIRST]["Edema"])), "none of the ten findings"),
        (masks_changed(lambda m: m.update(nobody=m[FIRST])), "has masks of nobody, which has no labels"),
        (
            masks_changed(lambda m: m[FIRST].update(Edema=m[FIRST]["Airspace Opacity"])),
            "has a mask of 'Edema', which its labels",
        ),
        (
            masks_changed(lambda m: m[FIRST]["Airspace Opacity"].update(size=[WIDTH, HEIGHT])),
            "is 70x50, its mask of Lung Opacity is 50x70",
        ),
        (masks_changed(lambda m: m[FIRST].update(Edema=3)), "gt_segmentations_val.json"),
        (second_row, "has rows that differ"),
        (lambda root: (root / "gt_segmentations_val.json").unlink(), "has no gt_segmentations_val.json or"),
        (lambda root: (root / "CheXpert" / "test_labels.csv").unlink(), "has no test_labels.csv or test.csv"),
        (lambda root: (root / "CheXpert" / "val_labels.csv").write_text("Path\n"), "has no column Enlarged"),
    ],
)
def test_faults_are_named(root: Path, change: Callable[[Path], None], why: str) -> None:
    change(root)
    with pytest.raises(WsbenchError, match=why):
        loaded(root)


def test_a_missing_image_is_mentioned_and_a_damaged_one_can_be_left_out(root: Path) -> None:
    folder = root / "CheXpert" / "val"
    (folder / "patient00002" / "study1" / "view1_frontal.jpg").unlink()
    data = loaded(root)
    assert len(data.samples) == 44
    assert [note.what for note in data.notes] == [
        "has a row of patient00002_study1_view1_frontal, which has no file"
    ]
    (folder / "patient00004" / "study1" / "view1_frontal.jpg").write_bytes(b"")
    with pytest.raises(WsbenchError, match="patient00004_study1_view1_frontal: is damaged"):
        loaded(root)
    assert len(loaded(root, skip_bad=True).samples) == 43


def test_names_of_images_are_those_of_the_json_files() -> None:
    assert (
        _tables.id_of("a/valid/patient64541/study1/view2_lateral.jpg") == "patient64541_study1_view2_lateral"
    )
    assert _tables.id_of("a/other.jpg") == ""
    assert _masks.draw((((1.0, 1.0), (3.0, 1.0), (3.0, 3.0)),), 5, 5).sum() == 6


def test_the_phantom_in_this_layout_runs(command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    small = ["-D", "images=150", "-D", "size=64", "-q"]
    make = ["data", "make", "phantom14", "made", "--layout", "chexlocalize", *small]
    code, _, err = command(*make)
    assert code == 2 and "add -D masks=true" in err
    code, _, err = command(*make, "-D", "masks=true")
    assert code == 0, err
    code, out, err = command("data", "check", "chexlocalize", "--root", "made", "--no-near", "-q")
    assert code == 0 and "masks" in out, out
    code, out, err = command("run", "-m", "two_lungs", "-d", "chexlocalize", "--root", "made", "-q")
    assert code == 0, err
    assert "mask IoU" in out

    class Other:
        classes = ("spot",)
        samples = ()

    with pytest.raises(WsbenchError, match="layout has no classes spot"):
        chexlocalize.write(Other(), tmp_path / "new", Silent())
