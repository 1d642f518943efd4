"""`wsbench data new`: what it writes for folders as people have them, and what it never does."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from conftest import refused
from own_folders import boxes_of, coco, coco_folder, film, noise, write_json
from wsbench.contract import plugins
from wsbench.data import new_entry
from wsbench.data.kinds import with_own_datasets
from wsbench.errors import WsbenchError
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent


def films(root: Path, names: Sequence[str]) -> None:
    for seed, name in enumerate(names):
        film(root / name, seed)


def write_table(path: Path, rows: Sequence[Sequence[Any]], **dialect: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, **dialect).writerows(rows)


NAMES = [f"film{number:02d}.png" for number in range(40)]


def one_json(root: Path) -> None:
    films(root / "pictures", NAMES)
    write_json(root / "labels.json", coco(NAMES, ["Effusion", "Nodule", "Scar"], patient_id=range(40)))


def roboflow(root: Path) -> None:
    for split in ("train", "valid", "test"):
        names = [f"{split}-{name}" for name in NAMES]
        films(root / split, names)
        write_json(root / split / "_annotations.coco.json", coco(names))
    for shift, split in enumerate(("train", "valid", "test")):  # each its own images
        films_of = sorted((root / split).glob("*.png"))
        for number, path in enumerate(films_of):
            film(path, 1000 * (shift + 1) + number)


def cocos_own(root: Path) -> None:
    for shift, (split, count) in enumerate((("train2017", 40), ("val2017", 20))):
        names = [f"{split}_{number}.jpg" for number in range(count)]
        for number, name in enumerate(names):
            film(root / split / name, 100 * shift + number)
        (root / "annotations").mkdir(exist_ok=True)
        write_json(root / "annotations" / f"instances_{split}.json", coco(names))


def corners(root: Path) -> None:
    """As VinDr-CXR's table, but with suffixes left out and all images in one folder."""
    films(root / "png", NAMES)
    rows: list[list[Any]] = [["image_id", "class_name", "rad_id", "x_min", "y_min", "x_max", "y_max"]]
    for number, name in enumerate(NAMES):
        boxes = [[label, "R1", x, y, x + w, y + h] for label, x, y, w, h in boxes_of(number)]
        rows += [[name[:-4], *box] for box in boxes or [["No finding", "R1", "", "", "", ""]]]
    write_table(root / "annotations.csv", rows)


def rsna(root: Path) -> None:
    films(root / "images", NAMES)
    rows: list[list[Any]] = [["patientId", "x", "y", "width", "height", "Target"]]
    for number, name in enumerate(NAMES):
        boxes = [[*box[1:], 1] for box in boxes_of(number)] or [["", "", "", "", 0]]
        rows += [[name[:-4], *box] for box in boxes]
    write_table(root / "stage_2_train_labels.csv", rows)


def flags(root: Path) -> None:
    """As CheXpert's table."""
    films(root, [f"train/{name}" for name in NAMES])
    head = ["Path", "Sex", "Patient ID", "Edema", "Mass"]
    rows = [
        [f"train/{name}", "F", place, place % 2, place % 3 == 0 and 1] for place, name in enumerate(NAMES)
    ]
    write_table(root / "list.csv", [head, *[[cell or 0 for cell in row] for row in rows]])


def cells(root: Path) -> None:
    """As ChestX-ray14's table, with a column of splits and semicolons."""
    films(root / "x", NAMES)
    rows = [
        [name, "healthy" if n % 2 else "Mass|Nodule", n, "train" if n < 30 else "test"]
        for n, name in enumerate(NAMES)
    ]
    write_table(
        root / "t.csv", [["Image Index", "Finding Labels", "PatientID", "Split"], *rows], delimiter=";"
    )


def two_tables(root: Path) -> None:
    films(root / "images", NAMES)
    for split, names in (("train", NAMES[:28]), ("test", NAMES[28:])):
        rows = [
            [name, *box] for name in names for box in boxes_of(NAMES.index(name)) or [["", "", "", "", ""]]
        ]
        write_table(root / f"{split}.csv", [["file", "label", "x", "y", "w", "h"], *rows])


def nih(root: Path) -> None:
    """As ChestX-ray14's two tables."""
    films(root / "images", NAMES)
    labels = [
        [name, "|".join(dict.fromkeys(b[0] for b in boxes_of(n))) or "No Finding"]
        for n, name in enumerate(NAMES)
    ]
    write_table(root / "Data_Entry.csv", [["Image Index", "Finding Labels"], *labels])
    boxes = [[name, *box, "", ""] for n, name in enumerate(NAMES) for box in boxes_of(n)]
    write_table(
        root / "BBox.csv", [["Image Index", "Finding Label", "Bbox [x", "y", "w", "h]", "", ""], *boxes]
    )


FOLDERS: dict[Callable[[Path], None], dict[str, Any]] = {
    one_json: {
        "kind": "coco", "images": "pictures", "annotations": "labels.json", "patient": "patient_id",
        "classes": {"Effusion": "Effusion", "Nodule": "Nodule", "Scar": None},
    },
    roboflow: {
        "kind": "coco", "images": {"train": "train", "val": "valid", "test": "test"},
        "roles": {"train": {"fit": 1.0}, "val": {"select": 0.5, "calibrate": 0.5}, "test": {"test": 1.0}},
    },
    cocos_own: {
        "kind": "coco", "images": {"train": "train2017", "val": "val2017"},
        "roles": {"train": {"fit": 0.8, "select": 0.1, "calibrate": 0.1}, "val": {"test": 1.0}},
    },
    corners: {
        "kind": "csv", "images": "png", "table": "annotations.csv",
        "columns": {"image": "image_id", "label": "class_name", "x0": "x_min", "y0": "y_min", "x1": "x_max",
                    "y1": "y_max"},
    },
    nih: {
        "kind": "csv", "table": "Data_Entry.csv", "boxes": "BBox.csv",
        "columns": {"image": "Image Index", "labels": "Finding Labels"},
        "box_columns": {"image": "Image Index", "x": "Bbox [x", "y": "y", "width": "w", "height": "h]",
                        "label": "Finding Label"},
    },
    rsna: {"kind": "csv", "only_class": "finding"},
    flags: {
        "kind": "csv", "images": ".",
        "columns": {"image": "Path", "patient": "Patient ID", "flags": ["Edema", "Mass"]},
    },
    cells: {
        "kind": "csv", "delimiter": ";", "normal": ["healthy"],
        "columns": {"image": "Image Index", "labels": "Finding Labels", "patient": "PatientID",
                    "split": "Split"},
    },
    two_tables: {"kind": "csv", "table": {"train": "train.csv", "test": "test.csv"}},
}  # fmt: skip


@pytest.mark.parametrize("make", FOLDERS, ids=lambda make: make.__name__)
def test_what_is_written_of_a_sound_folder_passes_the_check(
    tmp_path: Path, command, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "My Films")
    code, out, err = command("data", "new", "My Films")
    assert (code, err) == (0, "")
    text = (tmp_path / "datasets.yaml").read_text()
    assert text in out and len(text.splitlines()) <= (9 if make is nih else 8)
    assert out.endswith("\nnext: wsbench data check my_films\n")
    assert "\n- roles: " in out and "\n- patient: " in out
    entry = yaml.safe_load(text)["my_films"]
    assert entry["root"] == "My Films"
    for key, value in FOLDERS[make].items():
        assert entry[key] == value
    code, out, _ = command("data", "check", "my_films", "--quiet", "--no-near")
    assert code == 0, out
    loaded = load_dataset(with_own_datasets(plugins.find()), "my_films", {}, Silent())
    boxes = sum(len(sample.boxes) for sample in loaded.samples)
    assert boxes == {flags: 0, cells: 0, roboflow: 3 * 27, cocos_own: 27 + 13}.get(make, 27)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return coco_folder(tmp_path / "films")


def test_a_name_that_is_taken_is_never_overwritten(root: Path, command) -> None:
    assert command("data", "new", "films")[0] == 0
    before = Path("datasets.yaml").read_bytes()
    for words in (["films"], ["films", "--name", "phantom"], ["films", "--name", "tbx11k"]):
        line = refused(command("data", "new", *words))
        assert f"there is a dataset '{words[-1]}' already; give another --name" in line
    assert "letters, digits" in refused(command("data", "new", "films", "--name", "a b"))
    assert Path("datasets.yaml").read_bytes() == before
    assert command("data", "new", "films", "--name", "again")[0] == 0
    assert set(yaml.safe_load(Path("datasets.yaml").read_text())) == {"films", "again"}


@pytest.mark.parametrize(
    "before", ["# mine\ntbx11k:\n  root: a  # here", "\ufefftbx11k: {root: a}\r\n", "# none\n"]
)
def test_every_line_that_was_there_stays(root: Path, command, before: str) -> None:
    Path("datasets.yaml").write_bytes(before.encode())
    assert command("data", "new", "films")[0] == 0
    after = Path("datasets.yaml").read_bytes()
    assert after.startswith(before.encode())
    assert list(yaml.safe_load(after.decode("utf-8-sig")))[-1] == "films"


@pytest.mark.parametrize("before", ["{tbx11k: {root: a}}\n", "tbx11k: {root: a}\n...\n", "a: [", "- a\n"])
def test_a_file_that_nothing_can_be_added_to_stays_as_it_is(root: Path, command, before: str) -> None:
    Path("datasets.yaml").write_text(before)
    refused(command("data", "new", "films"))
    assert Path("datasets.yaml").read_text() == before


def test_a_kill_while_it_writes_leaves_the_old_file(root: Path, command, monkeypatch) -> None:
    Path("datasets.yaml").write_text("tbx11k: {root: a}\n")

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("wsbench.files.writing.os.fsync", killed)
    assert command("data", "new", "films")[0] not in (0, None)
    assert Path("datasets.yaml").read_text() == "tbx11k: {root: a}\n"
    assert [path.name for path in Path.cwd().iterdir() if path.suffix == ".part"] == []


def test_two_at_a_time_lose_nothing(root: Path) -> None:
    (guess,) = new_entry.guesses(plugins.find(), root).values()

    def add(number: int) -> None:
        new_entry.add(plugins.find(), f"films{number}", root, "coco", guess.keys)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(6)))
    assert set(yaml.safe_load(Path("datasets.yaml").read_text())) == {f"films{n}" for n in range(6)}


def test_of_two_kinds_the_one_with_more_images_is_taken(root: Path, command) -> None:
    rows = [[f"train{number:02d}.png", "tb" if number % 2 else ""] for number in range(20)]
    write_table(root / "few.csv", [["file", "label"], *rows])
    code, out, _ = command("data", "new", "films")
    assert code == 0 and "kind: coco" in out
    assert "- csv would find 20 images (--kind csv)" in out
    code, out, _ = command("data", "new", "films", "--name", "other", "--kind", "csv")
    assert code == 0 and "kind: csv" in out
    assert "unknown kind of dataset 'cvs'; did you mean 'csv'" in refused(
        command("data", "new", "films", "--name", "third", "--kind", "cvs")
    )


def test_images_of_16_bits_are_given_their_levels(root: Path, command) -> None:
    for number, path in enumerate(sorted((root / "images").iterdir())):
        Image.fromarray(noise(number).astype("uint16") * 10).save(path)
    code, out, _ = command("data", "new", "films")
    assert code == 0
    assert yaml.safe_load(Path("datasets.yaml").read_text())["films"]["grey_levels"] == [0, 4095]
    assert "- grey_levels: images have 16 bits, and the largest value of a few is 2540" in out
    assert command("data", "check", "films", "--quiet", "--no-near")[0] == 0


def test_a_folder_that_no_kind_knows(tmp_path: Path, command) -> None:
    film(tmp_path / "films" / "a.png", 0)
    (tmp_path / "films" / "notes.csv").write_text("when,what\nmonday,lunch\n")
    (tmp_path / "films" / "broken.json").write_text("{")
    line = refused(command("data", "new", "films"))
    assert "no annotations of a known kind (coco, csv) whose images lie there" in line
    assert not (tmp_path / "datasets.yaml").exists()
    assert "nowhere is not a folder" in refused(command("data", "new", "nowhere"))


def test_a_guess_that_fails_is_the_plugins_error(root: Path, monkeypatch) -> None:
    found = plugins.find()

    def guess(folder: Path) -> None:
        raise WsbenchError("cannot tell")

    found.kinds = {"bad": type(found.kinds["coco"])("bad", "", found.kinds["coco"].settings, guess, guess)}
    with pytest.raises(WsbenchError, match="cannot tell"):
        new_entry.guesses(found, root)


def test_files_that_are_left_out_are_said(root: Path, command) -> None:
    names = [image["file_name"] for image in coco([f"train{n:02d}.png" for n in range(9)])["images"]]
    write_json(root / "extra.json", coco(names))
    assert "- extra.json: a COCO file that is left out" in command("data", "new", "films")[1]
