"""MS-CXR: boxes of both files against a second reading, patients, phrases, unknown places, and faults."""

from __future__ import annotations

import csv
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

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
from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.base import Source
from wsbench.errors import WsbenchError
from wsbench.files import user_files
from wsbench.utils.progress import Silent
from wsbench_plugins.datasets._ms_cxr_labels import CHEXPERT
from wsbench_plugins.datasets._ms_cxr_tables import CLASSES, FILES

CSV, JSON = FILES[:2]
WIDTH, HEIGHT = 60, 50
COUNT = 40
HEADER = (
    "dicom_id", "category_name", "label_text", "path", "x", "y", "w", "h", "image_width", "image_height",
    "split",
)  # fmt: skip
Row = list[object]


def name_of(number: int) -> str:
    return f"{number:08x}-0000abcd"


def path_of(number: int) -> str:
    patient = 10000000 + number // 2
    return f"files/p10/p{patient}/s{50000000 + number}/{name_of(number)}.jpg"


def rows_of(number: int) -> list[Row]:
    """One or two boxes of one or two findings; two phrases for one box on every fifth image."""
    split = "train" if number < 20 else "val" if number < 30 else "test"
    label, other = CLASSES[number % 8], CLASSES[(number + 3) % 8]

    def row(category: str, phrase: str, *xywh: float) -> Row:
        return [name_of(number), category, phrase, path_of(number), *xywh, WIDTH, HEIGHT, split]

    rows = [row(label, f"small {label.lower()},  left", 5.5, 6, 20, 14.25)]
    if number % 3 == 0:
        rows.append(row(other, f"large {other.lower()}", 30, 10, 25 + number % 5, 30))
    if number % 5 == 0:
        rows.append(row(label, "seen again", 5.5, 6, 20, 14.25))
    return rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty images of twenty patients, beside others of MIMIC-CXR that the table does not name."""
    root = tmp_path / "ms cxr"
    for number in range(COUNT + 4):
        path = root / path_of(number)
        path.parent.mkdir(parents=True)
        grey = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH)).astype(np.uint8)
        Image.fromarray(grey).save(path)
    save(root, [row for number in range(COUNT) for row in rows_of(number)])
    return root


def save(root: Path, rows: Sequence[Row], columns: Sequence[str] = HEADER) -> None:
    kept = [HEADER.index(name) for name in columns]
    with (root / CSV).open("w", newline="") as file:
        csv.writer(file).writerows([columns, *([row[place] for place in kept] for row in rows)])


def boxes_in(root: Path) -> dict[str, list[Corners]]:
    """The boxes of every image, read by other means; equal ones of a class count once."""
    result: dict[str, set[tuple[str, Corners]]] = defaultdict(set)
    with (root / CSV).open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            x, y, w, h = (float(row[name]) for name in "xywh")
            result[row["dicom_id"]].add((row["category_name"], (x, y, x + w, y + h)))
    return {name: [box for _, box in boxes] for name, boxes in result.items()}


def test_boxes_phrases_patients_and_splits(folder: Path) -> None:
    data = loaded("ms_cxr", folder)
    expected, ours = boxes_in(folder), corners(data)
    assert len(ours) == COUNT and set(ours) == set(expected)
    assert sum(moved(boxes, expected[name]) for name, boxes in ours.items()) == 0
    assert data.dataset.classes == CLASSES and data.dataset.boxes_complete
    assert data.notes == ()  # four images of MIMIC-CXR are in no table
    for number, sample in enumerate(data.samples):
        assert sample.name == name_of(number)
        assert sample.patient == str(10000000 + number // 2)
        assert (
            set(sample.labels) == {box.label for box in sample.boxes} == {row[1] for row in rows_of(number)}
        )
    assert data.samples[15].attributes["phrases"] == (
        "Pneumothorax: small pneumothorax, left; Consolidation: large consolidation; Pneumothorax: seen again"
    )
    roles = data.roles.members
    assert sorted(roles["fit"]) == sorted(name_of(number) for number in range(20))
    assert sorted(roles["test"]) == sorted(name_of(number) for number in range(30, 40))
    patients = {role: {data.samples[int(name[:8], 16)].patient for name in roles[role]} for role in roles}
    assert not patients["select"] & patients["calibrate"]


def test_the_contract(folder: Path, tmp_path: Path) -> None:
    spec = plugins.find().datasets["ms_cxr"]
    testing.check_dataset(spec, spec.settings(), Source(folder, tmp_path, Silent()))


def test_no_folder_is_listed_but_those_of_the_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A complete MIMIC-CXR-JPG has hundreds of thousands."""
    listed: list[Path] = []
    original = user_files.image_files

    def recorded(path: Path, *words: object, **options: object) -> dict[str, Path]:
        listed.append(path)
        return original(path, *words, **options)

    monkeypatch.setattr("wsbench.images.image_files", recorded)
    assert len(loaded("ms_cxr", folder).samples) == COUNT
    assert {path.relative_to(folder).as_posix() for path in listed} == {
        path_of(number).rpartition("/")[0] for number in range(COUNT)
    }


def test_a_table_without_paths_and_splits_takes_patients_from_folders(folder: Path) -> None:
    columns = [name for name in HEADER if name not in ("path", "split")]
    save(folder, [row for number in range(COUNT) for row in rows_of(number)], columns)
    data = loaded("ms_cxr", folder)
    assert [sample.patient for sample in data.samples[:3]] == ["10000000", "10000000", "10000001"]
    assert {sample.split for sample in data.samples} == {"all"}
    assert all(data.roles.members.values())
    flat = folder / "flat"
    flat.mkdir()
    for number in range(COUNT):
        shutil.copy(folder / path_of(number), flat)
    shutil.rmtree(folder / "files")
    assert {sample.patient for sample in loaded("ms_cxr", folder).samples} == {None}


def test_what_reports_call_present_has_an_unknown_place(folder: Path) -> None:
    from wsbench.runs.scoring_inputs import truths_of

    rows = [["subject_id", "study_id", *CLASSES]]
    for number in range(COUNT):
        values = ["1.0" if label in ("Edema", CLASSES[number % 8]) else "-1.0" for label in CLASSES]
        rows.append([str(10000000 + number // 2), str(50000000 + number), *values])
    with (folder / CHEXPERT).open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    data = loaded("ms_cxr", folder, {"labels": "chexpert"})
    assert not data.dataset.boxes_complete
    assert all("Edema" in sample.labels for sample in data.samples)
    truth = truths_of(data)["test"]
    edema = truth.classes.index("Edema")
    boxed = np.zeros(len(truth.names), dtype=bool)
    boxed[truth.truth.image[truth.truth.label == edema]] = True
    assert 0 < boxed.sum() < len(boxed)
    assert np.array_equal(truth.known[:, edema], boxed)
    other = loaded("ms_cxr", folder)
    assert data.fingerprint != other.fingerprint
    assert corners(data) == corners(other)
    (folder / CHEXPERT).rename(folder / f"{CHEXPERT}.gz")
    with pytest.raises(WsbenchError, match=r"has no mimic-cxr-2.0.0-chexpert.csv \(unpack .*csv.gz\)"):
        loaded("ms_cxr", folder, {"labels": "chexpert"})


def test_the_phantom_in_this_layout_comes_back(command, tmp_path: Path) -> None:
    root = make(command, "ms_cxr")
    check_and_run(command, "ms_cxr", root)
    data, original = loaded("ms_cxr", root), phantom(tmp_path)
    assert moved(all_boxes(corners(data)), all_boxes(boxes_in(root))) == 0
    assert moved(all_boxes(corners(data)), all_boxes(corners(original))) == 0
    assert {sample.split for sample in data.samples} == {"train", "val", "test"}
    boxed = sum(bool(sample.boxes) for sample in original.samples)
    assert len({sample.patient for sample in data.samples}) == len(data.samples) == boxed
    of_reports = loaded("ms_cxr", root, {"labels": "chexpert"})
    assert of_reports.fingerprint == data.fingerprint


def test_the_coco_file_says_the_same(command) -> None:
    root = make(command, "ms_cxr")
    table = loaded("ms_cxr", root)
    (root / CSV).unlink()
    data = loaded("ms_cxr", root)
    assert data.fingerprint == table.fingerprint
    assert [sample.attributes for sample in data.samples] == [sample.attributes for sample in table.samples]
    coco = COCO(str(root / JSON))
    theirs = {
        Path(image["file_name"]).stem: [
            (x, y, x + w, y + h) for x, y, w, h in (box["bbox"] for box in coco.imgToAnns[number])
        ]
        for number, image in coco.imgs.items()
    }
    ours = corners(data)
    assert set(ours) == set(theirs) and SIZE == 64
    assert sum(moved(boxes, theirs[name]) for name, boxes in ours.items()) == 0
    content = json.loads((root / JSON).read_text())
    content["annotations"][0]["category_id"] = 99
    (root / JSON).write_text(json.dumps(content))
    with pytest.raises(WsbenchError, match="has a box of image 1 and category 99, of which one is no entry"):
        loaded("ms_cxr", root)
    (root / JSON).write_text("[]")
    with pytest.raises(WsbenchError, match="is not MS-CXR's COCO file"):
        loaded("ms_cxr", root)


def test_fourteen_findings_lose_those_that_the_release_lacks(command) -> None:
    options = ("-D", "images=60", "-D", "size=64", "-q")
    code, _, err = command("data", "make", "phantom14", "made", "--layout", "ms_cxr", *options)
    assert code == 0, err
    labels = {label for sample in loaded("ms_cxr", Path("made")).samples for label in sample.labels}
    assert "Pleural Effusion" in labels and labels <= set(CLASSES)


def test_files_as_people_have_them(folder: Path) -> None:
    first = folder / path_of(0)
    first.rename(first.with_suffix(".JPG"))
    spaced = folder / path_of(1)
    spaced.rename(spaced.with_name(f"a {spaced.name}"))
    text = (folder / CSV).read_text().replace(name_of(1), f"a {name_of(1)}")
    text = text.replace(",Edema,", ", edema ,")
    lines = text.splitlines()
    (folder / CSV).write_text("\n".join([*lines, lines[5], lines[1], ""]) + "\n")
    expected = boxes_in(folder)
    windows_text(folder / CSV)
    data = loaded("ms_cxr", folder)
    assert len(data.samples) == COUNT
    ours = corners(data)
    assert set(ours) == set(expected) and f"a {name_of(1)}" in ours
    assert sum(moved(boxes, expected[name]) for name, boxes in ours.items()) == 0
    lower = folder / "annotations"
    lower.mkdir()
    (folder / CSV).rename(lower / CSV)
    assert loaded("ms_cxr", folder).fingerprint == data.fingerprint


FIRST = name_of(0)


def row_of(**values: object) -> Callable[[Path], None]:
    """A further row of the first image."""

    def change(root: Path) -> None:
        cells = dict(zip(HEADER, rows_of(0)[0], strict=True)) | values
        with (root / CSV).open("a", newline="") as file:
            csv.writer(file).writerow([cells[name] for name in HEADER])

    return change


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda root: (root / path_of(0)).unlink(), f"line 2: names {path_of(0)}, of which there is no file"),
        (lambda root: (root / path_of(0)).write_bytes(b"no image"), f"{FIRST}.jpg: is damaged"),
        (
            lambda root: Image.new("L", (30, 25)).save(root / path_of(0)),
            "is 30x25, it was annotated at 60x50",
        ),
        (row_of(category_name="Goitre"), f"{FIRST} has the class 'Goitre', which is none of the eight"),
        (row_of(x="left"), f"{FIRST} has no numbers of a box"),
        (row_of(x="inf"), f"{FIRST} has no numbers of a box"),
        (row_of(x=50), "has no area or leaves the image"),
        (row_of(split="test"), f"{FIRST} has rows with different splits"),
        (row_of(split="later"), f"{FIRST} has the split 'later', which is none of train, val and test"),
        (row_of(path="files/other.jpg"), f"{FIRST} has rows with different paths"),
        (row_of(image_width=61), f"{FIRST} has rows with different sizes"),
        (row_of(path="../../secret.jpg"), "which leads out of the folder"),
    ],
)
def test_a_fault_is_named_and_its_image_left_out(
    fault: Callable[[Path], object], words: str, folder: Path
) -> None:
    fault(folder)
    names = names_without_bad("ms_cxr", folder, words)
    assert FIRST not in names
    assert len(names) == COUNT - 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda root: (root / CSV).unlink(), f"has no {CSV} or .json; give --root the folder"),
        (lambda root: (root / CSV).write_text("dicom_id,x\n"), "unknown column of"),
        (lambda root: (root / CSV).write_text(",".join(HEADER) + "\n"), "no image is left"),
    ],
)
def test_another_folder_is_refused(fault: Callable[[Path], object], words: str, folder: Path) -> None:
    fault(folder)
    with pytest.raises(WsbenchError) as error:
        loaded("ms_cxr", folder, skip_bad=True)
    assert words in str(error.value)
