"""Folders with CSV tables: columns as people name them, rows as they fill them, faults with their line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from conftest import refused
from own_folders import boxes_of, entry, film
from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.base import Dataset, Source
from wsbench.data.contradictions import contradictions
from wsbench.data.dataset import Loaded
from wsbench.data.kinds import with_own_datasets
from wsbench.errors import WsbenchError
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent

CSV = """\
films:
  kind: csv
  root: films
  images: images
  table: boxes.csv
  columns: {image: Image Index, label: Finding, x: X, y: Y, width: W, height: H, split: Set}
"""


BOX = {"x": "x", "y": "y", "width": "w", "height": "h"}


def write_table(path: Path, rows: Sequence[Sequence[object]], **dialect: str) -> None:
    """As a spreadsheet writes it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, **{"lineterminator": "\n", **dialect}).writerows(rows)


def table() -> list[list[object]]:
    """Rows of 42 images: a row for every box, and one without for every image without."""
    rows: list[list[object]] = [["Image Index", "Finding", "X", "Y", "W", "H", "Set"]]
    for number in range(42):
        name, split = f"film{number:02d}.png", "test" if number >= 30 else "train"
        boxes = boxes_of(number) or [("No Finding", "", "", "", "")]
        rows += [[name, *box, split] for box in boxes]
    return rows


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A sound folder and its entry, in the working directory."""
    root = tmp_path / "films"
    for number in range(42):
        film(root / "images" / f"film{number:02d}.png", number)
    write_table(root / "boxes.csv", table())
    entry(CSV, tmp_path)
    return root


def loaded(*, skip_bad: bool = False) -> Loaded:
    return load_dataset(with_own_datasets(plugins.find()), "films", {}, Silent(), skip_bad=skip_bad)


def load(root: Path, columns: dict[str, object], **settings: object) -> Dataset:
    spec = plugins.find().kinds["csv"]
    values = {"images": "images", "table": "boxes.csv", "columns": columns, **settings}
    return spec.load(spec.settings(**values), Source(root, root.parent / "cache", Silent()))


def independent(path: Path) -> dict[str, list[tuple[str, list[float]]]]:
    """Class and corners by image, read in the plainest way."""
    boxes: dict[str, list[tuple[str, list[float]]]] = {}
    for line in path.read_text(encoding="utf-8-sig").splitlines()[1:]:
        name, label, *numbers, _split = line.split(",")
        boxes.setdefault(name, [])
        if numbers[0]:
            x, y, w, h = map(float, numbers)
            boxes[name].append((label, [x, y, x + w, y + h]))
    return boxes


def test_every_box_is_where_another_reading_has_it(root: Path) -> None:
    expected, data = independent(root / "boxes.csv"), loaded()
    assert {sample.name for sample in data.samples} == set(expected)
    moved = 0
    for sample in data.samples:
        assert [box.label for box in sample.boxes] == [label for label, _ in expected[sample.name]]
        for box, (_, corners) in zip(sample.boxes, expected[sample.name], strict=True):
            pairs = zip((box.x0, box.y0, box.x1, box.y1), corners, strict=True)
            moved += any(abs(ours - theirs) > 0.5 for ours, theirs in pairs)
    assert moved == 0
    assert sum(len(sample.boxes) for sample in data.samples) == 28
    assert data.dataset.classes == ("Effusion", "Nodule")
    assert {sample.split for sample in data.samples} == {"train", "test"}
    assert data.dataset.problems == () and data.dataset.boxes_complete


def test_it_keeps_the_contract_of_datasets(root: Path, tmp_path: Path) -> None:
    spec = with_own_datasets(plugins.find()).datasets["films"]
    testing.check_dataset(spec, spec.settings(), Source(root, tmp_path / "cache", Silent()))


def test_corners_are_read_as_widths_are(root: Path) -> None:
    before = {sample.name: sample.boxes for sample in loaded().samples}
    rows = table()
    rows[0][2:6] = ["left", "top", "right", "bottom"]
    for row in rows[1:]:
        if row[2] != "":
            row[4], row[5] = row[2] + row[4], row[3] + row[5]
    write_table(root / "boxes.csv", rows)
    data = load(
        root,
        {
            "image": "Image Index",
            "label": "Finding",
            "x0": "left",
            "y0": "top",
            "x1": "right",
            "y1": "bottom",
        },
    )
    assert {sample.name: sample.boxes for sample in data.samples} == before
    assert {sample.split for sample in data.samples} == {"all"}


def test_tables_as_programs_write_them(root: Path) -> None:
    """A byte-order mark, Windows line ends, semicolons, quotes, empty rows, `nan`, names without suffix, a
    suffix in capitals, a space in a name."""
    before = {sample.name: sample.boxes for sample in loaded().samples}
    rows = [[cell if cell != "" else "nan" for cell in row] for row in table()]
    (root / "images" / "film03.png").rename(root / "images" / "film03.PNG")
    (root / "images" / "film05.png").rename(root / "images" / "film 05.png")
    for row in rows[1:]:
        row[0] = str(row[0]).replace("film05", "film 05").removesuffix(".png" if row[0] < "film2" else "?")
    write_table(
        root / "boxes.csv", [*rows, [], [""] * 7], delimiter=";", lineterminator="\r\n", quotechar='"'
    )
    (root / "boxes.csv").write_bytes(b"\xef\xbb\xbf" + (root / "boxes.csv").read_bytes())
    entry(CSV + '  delimiter: ";"\n', root.parent)
    after = {sample.name: sample.boxes for sample in loaded().samples}
    renamed = {
        name.replace("film05", "film 05").removesuffix(".png" if name < "film2" else "?") for name in before
    }
    assert set(after) == renamed
    assert after["film03"] == before["film03.png"] and after["film 05"] == before["film05.png"]


def small(
    root: Path, text: str, columns: dict[str, object], **settings: object
) -> dict[str, tuple[str, ...]]:
    """The labels by image of a table of three images."""
    (root / "few.csv").write_text(text)
    data = load(root, columns, table="few.csv", **settings)
    assert [problem.what for problem in data.problems if problem.remedy != "none"] == []
    return {sample.name: sample.labels for sample in data.samples}


@pytest.mark.parametrize(
    ("unboxed", "expected"),
    [
        ("label", {"film00": ("tb",), "film01": ("tb",), "film02": ()}),
        ("normal", {"film00": ("tb",), "film01": (), "film02": ()}),
        ("unknown", {"film00": ("tb",)}),
    ],
)
def test_what_a_row_without_a_box_means(
    root: Path, unboxed: str, expected: dict[str, tuple[str, ...]]
) -> None:
    text = "id,c,x,y,w,h\nfilm00,tb,1,2,3,4\nfilm01,tb,,,,\nfilm02,,,,,\n"
    assert small(root, text, {"image": "id", "label": "c", **BOX}, unboxed=unboxed) == expected
    data = load(root, {"image": "id", "label": "c", **BOX}, table="few.csv", unboxed=unboxed)
    assert data.boxes_complete == (unboxed != "label")  # of film01, nobody knows where its finding is


def test_labels_alone_are_enough(root: Path) -> None:
    one = small(root, "id,c\nfilm00,tb\nfilm01,Normal\nfilm02,\n", {"image": "id", "label": "c"})
    assert one == {"film00": ("tb",), "film01": (), "film02": ()}
    cell = small(root, "id,c\nfilm00,a|b\nfilm01,No Finding\nfilm02,b\n", {"image": "id", "labels": "c"})
    assert cell == {"film00": ("a", "b"), "film01": (), "film02": ("b",)}
    text = "id,a,b\nfilm00,1.0,0\nfilm01,,1\nfilm02,0,-1\n"
    columns = {"image": "id", "flags": ("a", "b")}
    assert small(root, text, columns) == {"film00": ("a",), "film01": ("b",)}
    assert small(root, text, columns, uncertain="present")["film02"] == ("b",)
    assert small(root, text, columns, uncertain="absent")["film02"] == ()
    assert small(root, text, columns, uncertain="absent", classes={"a": None, "b": "B"})["film01"] == ("B",)


def test_words_of_a_table_become_classes(root: Path) -> None:
    """As in the table of RSNA's challenge, where 1 is pneumonia."""
    text = "id,x,y,w,h,Target\nfilm00,1,2,3,4,1\nfilm00,20,2,3,4,1\nfilm01,,,,,0\n"
    columns = {"image": "id", "label": "Target", **BOX}
    assert small(root, text, columns, classes={1: "pneumonia"}, normal=[0]) == {
        "film00": ("pneumonia",),
        "film01": (),
    }
    text = "id,x,y,w,h\nfilm00,1,2,3,4\nfilm01,,,,\n"
    assert small(root, text, {"image": "id", **BOX}, only_class="tb") == {"film00": ("tb",), "film01": ()}


def test_splits_come_from_tables_lists_or_a_column(root: Path) -> None:
    (root / "a.csv").write_text("id,c\nfilm00,tb\nfilm01,\n")
    (root / "b.csv").write_text("id,c\nfilm02,tb\nfilm01,\n")
    columns = {"image": "id", "label": "c"}
    data = load(root, columns, table={"train": "a.csv", "test": "b.csv"})
    assert {s.name: s.split for s in data.samples if s.name != "film01"} == {
        "film00": "train",
        "film02": "test",
    }
    problem = next(problem for problem in data.problems if problem.remedy == "skip")
    assert (problem.file, problem.what) == ("a.csv, line 3", "film01 is in the splits train and test")
    (root / "train.txt").write_text("film00\n")
    data = load(root, columns, table="a.csv", lists={"train": "train.txt"})
    assert [(sample.name, sample.split) for sample in data.samples] == [("film00", "train")]


def test_patients_share_a_role_and_have_one_number(root: Path) -> None:
    text = "id,c,who\nfilm00,tb,7\nfilm01,,7\nfilm02,,8\nfilm02,,9\n"
    (root / "few.csv").write_text(text)
    data = load(root, {"image": "id", "label": "c", "patient": "who"}, table="few.csv")
    assert {sample.name: sample.patient for sample in data.samples} == {"film00": "7", "film01": "7"}
    problem = next(problem for problem in data.problems if problem.remedy == "skip")
    assert problem.file == "few.csv, line 4"
    assert problem.what == "film02 has rows of different patients (line 4 and line 5)"


def test_real_boxes_are_read_as_their_own_reader_does(real_data, tmp_path: Path) -> None:
    """ChestX-ray14's list of boxes as any table: every box where its own plugin has it."""
    root = real_data("nih-mini")
    kind, own = plugins.find().kinds["csv"], plugins.find().datasets["nih"]
    source = Source(root, tmp_path / "cache", Silent())
    columns = {"image": "Image Index", "label": "Finding Label", "x": "Bbox [x", "y": "y", "width": "w"}
    settings = kind.settings(images="images", table="BBox_List_2017.csv", columns={**columns, "height": "h]"})
    theirs = {sample.name: sample.boxes for sample in own.load(own.settings(), source).samples}
    moved = boxes = 0
    for sample in kind.load(settings, source).samples:
        for ours, other in zip(sample.boxes, theirs[sample.name], strict=True):
            moved += max(abs(getattr(ours, n) - getattr(other, n)) for n in ("x0", "y0", "x1", "y1")) > 0.5
            boxes += 1
    assert moved == 0 and boxes == sum(map(len, theirs.values())) > 30


@pytest.fixture
def two_tables(root: Path) -> dict[str, Any]:
    """Settings of a table of labels and one of boxes, as ChestX-ray14 has them."""
    (root / "few.csv").write_text("id,all,who\nfilm00.png,a|b,1\nfilm01.png,No Finding,1\nfilm02.png,a,2\n")
    (root / "places.csv").write_text("id,c,x,y,w,h\nfilm00,a,1,2,3,4\nfilm00.png,a,30,20,9,8\n")
    return {
        "table": "few.csv", "columns": {"image": "id", "labels": "all", "patient": "who"},
        "boxes": "places.csv", "box_columns": {"image": "id", "label": "c", **BOX},
    }  # fmt: skip


def test_boxes_may_stand_in_a_second_table(root: Path, two_tables: dict[str, Any]) -> None:
    data = load(root, **two_tables)
    assert {sample.name: (sample.labels, sample.patient) for sample in data.samples} == {
        "film00.png": (("a", "b"), "1"),
        "film01.png": ((), "1"),
        "film02.png": (("a",), "2"),
    }
    boxes = [(sample.name, box.label, box.x0, box.y1) for sample in data.samples for box in sample.boxes]
    assert boxes == [("film00.png", "a", 1, 6), ("film00.png", "a", 30, 28)]
    assert not data.boxes_complete
    assert [problem for problem in data.problems if problem.remedy != "none"] == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("film09,a,1,2,3,4", "has a box on film09, which the table of images does not name"),
        ("film02,a,1,,3,4", "film02.png: has a part of a box: y is empty"),
        ("film02,a,,,,", "film02.png: has no box"),
        ("film01,a,1,2,3,4", "has a box of 'a', which its labels (none) deny"),
    ],
)
def test_faults_of_a_second_table_have_its_lines(
    root: Path, two_tables: dict[str, Any], row: str, words: str
) -> None:
    with (root / "places.csv").open("a") as file:
        file.write(row + "\n")
    data = load(root, **two_tables)
    problems = [problem for problem in data.problems if problem.remedy == "skip"]
    if "deny" in words:  # which the harness sees of every dataset
        problems = contradictions(data.samples, data.classes)
    (problem,) = problems
    assert problem.what == words
    assert problem.file == ("film01.png" if "deny" in words else "places.csv, line 4")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"boxes": None}, "boxes and box_columns go together"),
        ({"columns": {"image": "id", "label": "c", **BOX}}, "name the columns of a box in box_columns"),
        ({"box_columns": {"image": "id", "label": "c"}}, "name the columns of a box in box_columns"),
        ({"box_columns": {"image": "id", **BOX}}, "a box needs the column label, or only_class"),
    ],
)
def test_wrong_settings_of_a_second_table(
    two_tables: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        plugins.find().kinds["csv"].settings(**{**two_tables, **changes})


FAULTS = {
    "no number": ("film01.png,Nodule,1O,2,3,4,train", "film01.png: X is '1O', which is no number"),
    "infinite": ("film01.png,Nodule,1,2,inf,4,train", "film01.png: W is 'inf', which is no number"),
    "part of a box": ("film01.png,Nodule,1,2,,4,train", "film01.png: has a part of a box: W is empty"),
    "box without a class": ("film01.png,,1,2,3,4,train", "film01.png: has a box and no class"),
    "box of nothing": ("film01.png,No Finding,1,2,3,4,train", "has a box and the word 'No Finding'"),
    "no image": (",Nodule,1,2,3,4,train", "Image Index is empty"),
    "no split": ("film01.png,Nodule,1,2,3,4,", "Set is empty"),
    "missing image": ("gone.png,Nodule,1,2,3,4,train", "names gone.png, of which there is no file"),
    "contradiction": ("film01.png,No Finding,,,,,train", "film01.png has a row of 'No Finding' and one of"),
    "two splits": ("film01.png,Nodule,1,2,3,4,test", "film01.png is in the splits train and test"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_with_its_line_and_left_out(root: Path, fault: str) -> None:
    row, words = FAULTS[fault]
    lines = (root / "boxes.csv").read_text().splitlines()
    (root / "boxes.csv").write_text("\n".join([*lines, row, ""]))
    with pytest.raises(WsbenchError) as error:
        loaded()
    assert words in str(error.value) and "--skip-bad" in str(error.value)
    line = (
        3 if fault in ("contradiction", "two splits") else len(lines) + 1
    )  # where it is first said otherwise
    assert f"boxes.csv, line {line}: " in str(error.value)
    data = loaded(skip_bad=True)
    whole = fault in ("no image", "no split", "missing image")
    assert ("film01.png" in {sample.name for sample in data.samples}) == whole


@pytest.mark.parametrize("fault", ["outside", "twice", "denied"])
def test_what_cannot_be_true_of_boxes_is_found(root: Path, fault: str) -> None:
    rows = {
        "outside": "film01.png,Nodule,50,10,25,20,train",
        "twice": "film01.png,Nodule,4.25,10.5,25.0,20.75,train",
        "denied": "film01.png,Nodule,4.25,10.5,25.0,20.75,train",
    }
    if fault == "denied":
        (root / "boxes.csv").write_text(
            "Image Index,Finding,X,Y,W,H,all\nfilm01.png,Nodule,4,10,25,20,Effusion\nfilm02.png,,,,,,Nodule\n"
        )
        text = CSV.replace("split: Set", "labels: all")
    else:
        (root / "boxes.csv").write_text((root / "boxes.csv").read_text() + rows[fault] + "\n")
        text = CSV
    entry(text, root.parent)
    words = {
        "outside": "has no area or leaves the image",
        "twice": "are the same (overlap 1.00)",
        "denied": "has a box of 'Nodule', which its labels (Effusion) deny",
    }
    with pytest.raises(WsbenchError, match=r"film01\.png") as error:
        loaded()
    assert words[fault] in str(error.value)


def test_a_resized_copy_is_found_where_the_table_has_sizes(root: Path) -> None:
    (root / "few.csv").write_text("id,c,x,y,w,h,iw,ih\nfilm01,tb,1,2,3,4,120,100\nfilm02,,,,,,60,50\n")
    text = CSV.replace("boxes.csv", "few.csv").partition("  columns")[0]
    columns = "{image: id, label: c, x: x, y: 'y', width: w, height: h, image_width: iw, image_height: ih}"
    entry(f"{text}  columns: {columns}\n", root.parent)
    with pytest.raises(WsbenchError, match="is 60x50, it was annotated at 120x100"):
        loaded()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("label: Finding", "label: Findng", "'Findng'; did you mean 'Finding'?"),
        (
            "label: Finding",
            "lable: Finding",
            "columns.lable: Extra inputs are not permitted; did you mean 'label'?",
        ),
        ("height: H, ", "", "columns: a box needs the columns x, y, width, height, or x0, y0, x1, y1"),
        ("label: Finding, ", "", "columns: name label, labels or flags, or the only_class of all rows"),
        ("y: Y", "y: no", "columns.y: YAML reads it as false; write it in quotes"),
        ("kind: csv", "kind: csv\n  lists: {a: a.txt}", "each say the split; choose one"),
        ("kind: csv", "kind: csv\n  classes: {Nodule: n}", "names the class 'Effusion', which is neither in"),
    ],
)
def test_wrong_keys_and_columns_are_one_line(
    root: Path, command, before: str, after: str, words: str
) -> None:
    assert before in CSV
    entry(CSV.replace(before, after, 1), root.parent)
    assert words in refused(command("run", "-m", "centre_box", "-d", "films", "--quiet"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Image Index,Finding,X,Y,W,H,Set,X\na,b\n", "has 2 columns 'X'; rename one"),
        (b"", "boxes.csv"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b'Image Index,Finding,X,Y,W,H,Set\n"' + b"x" * 200_000, "line 2: field larger than field limit"),
        (b"Image Index,Finding,X,Y,W,H,Set\n", "no row names a class"),
    ],
)
def test_a_file_that_is_no_table(root: Path, command, content: bytes, words: str) -> None:
    (root / "boxes.csv").write_bytes(content)
    line = refused(command("data", "check", "films", "--quiet"))
    assert "boxes.csv" in line and words in line
