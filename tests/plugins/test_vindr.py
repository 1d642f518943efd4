"""VinDr-CXR: its tables and their quirks, three readers who become one truth, the layout written and read."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import wsbench
from conftest import refused
from dicom_files import content, dataset
from wsbench import testing
from wsbench.cli import main
from wsbench.contract import plugins
from wsbench.contract.base import Source
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent
from wsbench_plugins.datasets import vindr
from wsbench_plugins.datasets.vindr import _layout, _names

BOXES = "image_id,rad_id,class_name,x_min,y_min,x_max,y_max"
WIDTH, HEIGHT = 200, 160


def film(path: Path, number: int = 0, suffix: str = ".png") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    path = path.with_name(path.name + suffix)
    if suffix.lower() in (".dicom", ".dcm"):
        path.write_bytes(content(dataset(pixels)))
    else:
        Image.fromarray(pixels).save(path)


def row(image: str, reader: str, label: str, *corners: float) -> str:
    return ",".join([image, reader, label, *(f"{value:g}" for value in corners or ())]) + (
        "" if corners else ",,,,"
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ten training films by three readers and four test films, without tables of image labels."""
    root = tmp_path / "release"
    train, test = [BOXES], [BOXES.replace("rad_id,", "")]
    for number in range(10):
        film(root / "train" / f"a{number}", number)
        for reader in ("R8", "R9", "R10"):
            train.append(row(f"a{number}", reader, _names.NOTHING))
    for number in range(4):
        film(root / "test" / f"t{number}", 100 + number)
        test.append(f"t{number},Nodule/Mass,10.5,20.25,40,50" if number else f"t{number},No finding,,,,")
    (root / "annotations").mkdir()
    (root / "annotations" / "annotations_train.csv").write_text("\n".join(train) + "\n")
    (root / "annotations" / "annotations_test.csv").write_text("\n".join(test) + "\n")
    return root


def read_as(root: Path, image: str, *rows: str) -> None:
    """Replace what the readers say of a training film."""
    path = root / "annotations" / "annotations_train.csv"
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{image},")]
    path.write_text("\n".join([*lines, *rows]) + "\n")


def loaded(root: Path, name: str = "vindr", **options: object) -> Loaded:
    values = {key: options.pop(key) for key in ("agree", "iou", "diseases") if key in options}
    return load_dataset(plugins.find(), name, values, Silent(), root=root, **options)


def sample(data: Loaded, name: str) -> wsbench.Sample:
    (found,) = [sample for sample in data.samples if sample.name == name]
    return found


def corners(found: wsbench.Sample) -> list[tuple[float, ...]]:
    return [(box.x0, box.y0, box.x1, box.y1) for box in found.boxes]


def test_the_consensus_of_test_films_is_read_as_it_is(root: Path) -> None:
    data = loaded(root)
    found = sample(data, "t1")
    assert (found.split, found.labels, corners(found)) == ("test", ("Nodule/Mass",), [(10.5, 20.25, 40, 50)])
    assert sample(data, "t0").labels == ()
    assert {reading.image[0] for reading in data.dataset.readings} == {"a"}


THREE = (
    row("a1", "R8", "Cardiomegaly", 10, 20, 110, 120),
    row("a1", "R9", "Cardiomegaly", 20, 20, 120, 120),
    row("a1", "R9", "ILD", 130, 20, 180, 60),
    row("a1", "R10", "Cardiomegaly", 12, 26, 112, 126),
    row("a1", "R10", "Infiltration", 20, 120, 60, 150),
    row("a1", "R8", "Infiltration", 130, 120, 170, 150),
)
"""All find the heart; one an interstitial disease; two an infiltration, in different places."""


@pytest.mark.parametrize(
    ("agree", "labels", "boxes"),
    [
        (3, ("Cardiomegaly",), [(14, 22, 114, 122)]),
        (2, ("Cardiomegaly", "Infiltration"), [(14, 22, 114, 122)]),
        (
            1,
            ("Cardiomegaly", "ILD", "Infiltration"),
            [(14, 22, 114, 122), (130, 20, 180, 60), (20, 120, 60, 150), (130, 120, 170, 150)],
        ),
    ],
)
def test_readers_become_one_truth(root: Path, agree: int, labels: tuple[str, ...], boxes: list) -> None:
    read_as(root, "a1", *THREE)
    found = sample(loaded(root, agree=agree), "a1")
    assert found.labels == labels
    assert corners(found) == boxes


def test_two_of_three_is_the_default_and_the_overlap_is_an_option(root: Path) -> None:
    read_as(root, "a1", *THREE)
    assert sample(loaded(root), "a1") == sample(loaded(root, agree=2, iou=0.25), "a1")
    # IoU: R8 with R9 9/11, R8 with R10 98 * 94 / (20000 - 98 * 94) = 0.854, R9 with R10 92 * 94 / ... = 0.761
    assert corners(sample(loaded(root, iou=0.83), "a1")) == [(11, 23, 111, 123)]
    assert corners(sample(loaded(root, iou=0.9), "a1")) == []


def test_the_truth_does_not_depend_on_the_order_of_rows(root: Path) -> None:
    read_as(root, "a1", *THREE)
    first = sample(loaded(root, agree=1), "a1")
    read_as(root, "a1", *reversed(THREE))
    assert sample(loaded(root, agree=1), "a1") == first


def test_every_reader_keeps_what_was_drawn(root: Path) -> None:
    read_as(root, "a1", *THREE)
    readings = {reading.reader: reading for reading in loaded(root).dataset.readings if reading.image == "a1"}
    assert readings["R9"].labels == ("Cardiomegaly", "ILD")
    assert readings["R9"].boxes == (
        wsbench.Box("Cardiomegaly", 20, 20, 120, 120),
        wsbench.Box("ILD", 130, 20, 180, 60),
    )
    silent = [reading for reading in loaded(root).dataset.readings if reading.image == "a2"]
    assert [(reading.reader, reading.labels, reading.boxes) for reading in silent] == [
        ("R8", (), ()), ("R9", (), ()), ("R10", (), ())
    ]  # fmt: skip


LABELS = "image_id,rad_id," + ",".join((*_names.FINDINGS, *_names.DISEASES, _names.NOTHING))


def flags(image: str, reader: str, *present: str) -> str:
    ones = [str(int(name in present)) for name in (*_names.FINDINGS, *_names.DISEASES, _names.NOTHING)]
    return ",".join([image, reader, *ones])


def with_labels(root: Path, *rows: str) -> None:
    folder = root / "annotations"
    (folder / "image_labels_train.csv").write_text("\n".join([LABELS, *rows]) + "\n")
    # The release names a column of the test films otherwise.
    test = LABELS.replace("rad_id,", "").replace("Other diseases", "Other disease")
    sick = flags("t2", "", "Nodule/Mass", "Other diseases").replace("t2,,", "t2,")
    (folder / "image_labels_test.csv").write_text(f"{test}\n{sick}\n")


def test_diseases_are_classes_without_boxes(root: Path) -> None:
    with_labels(root, flags("a1", "R8", "Pneumonia"), flags("a1", "R9", "Pneumonia", "COPD"))
    data = loaded(root, diseases=True)
    assert data.dataset.classes == _names.FINDINGS + _names.DISEASES
    assert sample(data, "a1").labels == ("Pneumonia",)
    assert sample(data, "t2").labels == ("Nodule/Mass", "Other diseases")
    assert sample(loaded(root), "a1").labels == ()


def test_a_finding_without_a_box_is_somewhere(root: Path) -> None:
    read_as(root, "a1", row("a1", "R8", "No finding"), row("a1", "R9", "ILD", 1, 2, 30, 40))
    with_labels(root, flags("a1", "R8", "Edema"), flags("a1", "R9", "Edema", "ILD"))
    with pytest.raises(WsbenchError, match="a1: has by R8 No finding and Edema"):
        loaded(root)
    read_as(root, "a1", row("a1", "R9", "ILD", 1, 2, 30, 40))
    found = sample(loaded(root), "a1")
    assert (found.labels, found.boxes) == (("Edema",), ())


def test_diseases_need_their_table(root: Path) -> None:
    with pytest.raises(WsbenchError, match=r"diseases=true needs annotations/image_labels_train\.csv"):
        loaded(root, diseases=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The phantom in this layout."""
    folder = tmp_path_factory.mktemp("vindr")
    with pytest.raises(SystemExit, match="0"):
        main(["data", "make", "phantom", str(folder / "made"), "--layout", "vindr", "-q", *MADE])
    return folder / "made"


MADE = ["-D", "images=80", "-D", "size=96"]


def test_boxes_are_where_an_independent_reading_has_them(made: Path) -> None:
    """Nothing of the plugin reads them here: the csv module and means by hand, within half a pixel."""
    data = loaded(made)
    with (made / "annotations" / "annotations_test.csv").open(newline="") as file:
        rows = [line for line in csv.DictReader(file) if line["x_min"]]
    expected = sorted((line["image_id"], *(float(line[name]) for name in _names.CORNERS)) for line in rows)
    tested = [one for one in data.samples if one.split == "test"]
    found = sorted((one.name, *where) for one in tested for where in corners(one))
    assert [line[0] for line in found] == [line[0] for line in expected]
    assert np.abs(np.array([f[1:] for f in found]) - np.array([e[1:] for e in expected])).max() <= 0.5
    assert len(found) >= 5
    phantom = load_dataset(plugins.find(), "phantom", {"images": 80, "size": 96}, Silent())
    true = {Path(one.name).stem: np.array(corners(one)) for one in phantom.samples}
    assert all(np.abs(np.array(where) - true[name]).max(axis=1).min() <= 0.5 for name, *where in found)
    moved = [
        np.abs(np.array(where) - true[one.name]).max(axis=1).min() / 96
        for one in data.samples
        if one.split == "train"
        for where in corners(one)
    ]
    assert len(moved) >= 10 and max(moved) < 0.1  # the mean of two or three readers of a known box


def test_readings_are_where_an_independent_reading_has_them(made: Path) -> None:
    with (made / "annotations" / "annotations_train.csv").open(newline="") as file:
        rows = [line for line in csv.DictReader(file) if line["x_min"]]
    expected = sorted(
        (line["image_id"], line["rad_id"], *(float(line[name]) for name in _names.CORNERS)) for line in rows
    )
    readings = loaded(made).dataset.readings
    found = sorted(
        (one.image, one.reader, box.x0, box.y0, box.x1, box.y1) for one in readings for box in one.boxes
    )
    assert found == expected
    assert len(found) >= 30


def test_made_readers_disagree_a_little_and_are_the_same_again(made: Path, tmp_path: Path) -> None:
    spec = plugins.find().datasets["phantom"]
    phantom = spec.load(spec.settings(images=80, size=96), Source(None, tmp_path, Silent()))
    phantom.read = lambda sample, height, width: np.zeros((height, width), dtype=np.uint8)
    vindr.write(phantom, tmp_path / "again", Silent())
    for name in ("annotations_train.csv", "image_labels_train.csv"):
        written = [(folder / "annotations" / name).read_text() for folder in (made, tmp_path / "again")]
        assert written[0] == written[1]
    by_image: dict[str, list] = {}
    readings = loaded(made).dataset.readings
    for reading in readings:
        by_image.setdefault(reading.image, []).append(reading)
    assert {len(of_image) for of_image in by_image.values()} == {3}
    assert {reading.reader for reading in readings} == {"R1", "R2", "R3", "R4", "R5"}
    counts = [{len(reading.boxes) for reading in of_image} for of_image in by_image.values()]
    assert 0 < sum(len(different) > 1 for different in counts) < len(counts) / 2


def test_the_phantom_in_this_layout_is_checked_run_and_scored(made: Path, command) -> None:
    code, out, err = command("data", "check", "vindr", "--root", str(made), "-q")
    assert code == 0, out + err
    assert "nothing is wrong" in out
    record = wsbench.run("two_lungs", "vindr", root=made, runs="runs")
    assert {split: size for split, (_, size) in record.dataset["subset"].items()} == {
        "train": 15000,
        "test": 3000,
    }
    metric = record.protocols["uniform"]["metrics"]["cond_ap25"]
    assert metric["per_class"]["Lung Opacity"] is not None
    assert set(metric["undefined"]) == set(_names.FINDINGS) - {"Lung Opacity"}


def test_fourteen_findings_get_the_names_of_the_release(tmp_path: Path) -> None:
    spec = plugins.find().datasets["phantom14"]
    phantom = spec.load(spec.settings(images=60, size=64), Source(None, tmp_path, Silent()))
    phantom.read = lambda sample, height, width: np.zeros((height, width), dtype=np.uint8)
    vindr.write(phantom, tmp_path / "made", Silent())
    data = loaded(tmp_path / "made", diseases=True)
    found = {label for one in data.samples for label in one.labels}
    assert {"Pleural effusion", "Pulmonary fibrosis", "Nodule/Mass", "Pneumonia"} <= found
    assert found <= set(data.dataset.classes)
    unboxed = [one for one in data.samples if "Pulmonary fibrosis" in one.labels]
    assert not any(box.label == "Pulmonary fibrosis" for one in unboxed for box in one.boxes)


def test_other_classes_and_splits_are_refused(tmp_path: Path) -> None:
    class Other:
        classes = ("spot",)
        samples = ()

    with pytest.raises(WsbenchError, match="layout has no classes spot"):
        vindr.write(Other(), tmp_path / "new", Silent())
    toy = testing.toy().dataset
    toy.classes = ("Nodule/Mass",)
    toy.samples = (wsbench.Sample("a", 9, 9, "elsewhere", ()),)
    with pytest.raises(WsbenchError, match="layout has no splits elsewhere"):
        _layout.write(toy, tmp_path / "new", Silent())


# Files as people have them.


@pytest.mark.parametrize("suffix", [".dicom", ".DICOM", ".DCM", ".PNG", ".png"])
def test_a_suffix_of_either_case_and_dicom(root: Path, suffix: str) -> None:
    (root / "train" / "a1.png").unlink()
    film(root / "train" / "a1", 1, suffix)
    data = loaded(root)
    found = sample(data, "a1")
    assert (found.width, found.height) == (WIDTH, HEIGHT)
    assert data.dataset.read(found, 8, 10).shape == (8, 10)


def test_a_name_with_a_space(root: Path) -> None:
    film(root / "train" / "chest film 7", 7)
    read_as(root, "chest film 7", row("chest film 7", "R1", "ILD", 1, 2, 30, 40))
    assert corners(sample(loaded(root), "chest film 7")) == [(1, 2, 30, 40)]


def test_a_byte_order_mark_and_windows_line_ends(root: Path) -> None:
    read_as(root, "a1", *THREE)
    plain = loaded(root)
    for path in (root / "annotations").iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b",,,,,,\r\n")
    assert loaded(root).samples == plain.samples


def notes(data: Loaded) -> list[str]:
    return [f"{problem.file} {problem.what}" for problem in data.notes]


def test_a_row_that_is_there_twice_counts_once(root: Path) -> None:
    read_as(root, "a1", *THREE)
    plain = loaded(root)
    read_as(root, "a1", *THREE, THREE[0])
    data = loaded(root)
    assert data.samples == plain.samples
    assert notes(data) == ["annotations_train.csv, line 35 repeats line 29; it counts once"]


def test_missing_images_are_a_subset_and_a_note(root: Path, command) -> None:
    (root / "train" / "a1.png").unlink()
    data = loaded(root)
    assert "a1" not in {one.name for one in data.samples}
    assert data.missing["train"] == (9, 15000)
    assert notes(data) == ["train/ lacks 1 images that the tables name: a1"]
    assert not [reading for reading in data.dataset.readings if reading.image == "a1"]
    assert "lacks 1 images" in command("data", "check", "vindr", "--root", str(root), "-q")[1]


def unlabelled(root: Path) -> None:
    film(root / "train" / "new", 55)


def twice(root: Path) -> None:
    film(root / "train" / "a1", 1, ".dicom")


def in_both(root: Path) -> None:
    film(root / "test" / "a1", 1)
    path = root / "annotations" / "annotations_test.csv"
    path.write_text(path.read_text() + "a1,No finding,,,,\n")


def damaged(root: Path) -> None:
    (root / "train" / "a1.png").write_bytes(b"no image")


def sixteen_bits(root: Path) -> None:
    Image.fromarray(np.full((HEIGHT, WIDTH), 3000, dtype=np.uint16)).save(root / "train" / "a1.png")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (unlabelled, r"train/new\.png: is named in no row of the tables"),
        (twice, r"train/a1\.dicom: is there as a1\.dicom and a1\.png; keep one"),
        (in_both, r"test/a1\.png: is in train and in test"),
        (damaged, r"train/a1\.png: is damaged: it is no image"),
        (sixteen_bits, r"train/a1\.png: is a I;16 image; L, "),
    ],
)
def test_bad_files_are_named_and_left_out(root: Path, change: Callable[[Path], None], words: str) -> None:
    change(root)
    with pytest.raises(WsbenchError, match=words):
        loaded(root)
    assert len(loaded(root, skip_bad=True).samples) in (13, 14)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([row("a1", "R8", "Edema", 1, 2, 30, 2)], r"line \d+: has the corners 1, 2, 30, 2, which"),
        (["a1,R8,Edema,1,2,wide,4"], r"has the corners 1, 2, wide, 4, which are no box"),
        (["a1,R8,Edema,1,2,30,"], r"has the corners 1, 2, 30, , which are no box"),
        ([row("a1", "R8", "Edemma", 1, 2, 30, 40)], r"has the class 'Edemma', which is none of"),
        ([row("a1", "R8", "No finding", 1, 2, 30, 40)], r"says No finding and has a box"),
        ([row("a1", "R8", "No finding"), row("a1", "R8", "ILD", 1, 2, 3, 4)], r"a1: has by R8 No"),
        ([row("a1", "", "ILD", 1, 2, 3, 4)], r"line \d+: rad_id is empty"),
        ([row("a1", "R8", "ILD", 1, 2, 3, 400)], r"a1\.png: is 200x160 and has a box 1, 2, 3, 400;"),
    ],
)  # fmt: skip
def test_bad_rows_are_named(root: Path, rows: list[str], words: str) -> None:
    read_as(root, "a1", *rows)
    with pytest.raises(WsbenchError, match=words):
        loaded(root)
    assert "a1" not in {one.name for one in loaded(root, skip_bad=True).samples}


def test_a_box_that_sticks_out_by_a_rounding_error_is_cut(root: Path) -> None:
    read_as(root, "a1", *(row("a1", reader, "ILD", -0.4, 2, 30, 160.5) for reader in ("R8", "R9", "R10")))
    assert corners(sample(loaded(root), "a1")) == [(0, 2, 30, 160)]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([flags("a1", "R8", "ILD").replace(",1,", ",2,", 1)], r"train.csv, line 2: .* is neither 0 nor 1"),
        ([flags("a1", "R8")], r"line 2: says 0 for Cardiomegaly, of which a1 has a box"),
    ],
)  # fmt: skip
def test_labels_that_cannot_be_true_are_named(root: Path, rows: list[str], words: str) -> None:
    read_as(root, "a1", *THREE)
    with_labels(root, *rows)
    with pytest.raises(WsbenchError, match=words):
        loaded(root)


def test_missing_tables_and_columns_are_named_in_one_line(root: Path, command) -> None:
    table = root / "annotations" / "annotations_train.csv"
    table.write_text(table.read_text().replace("rad_id", "radiologist"))
    words = ("data", "check", "vindr", "--root", str(root), "-q")
    assert refused(command(*words)).endswith("annotations_train.csv has no column 'rad_id'")
    (root / "annotations" / "annotations_test.csv").unlink()
    table.write_text(table.read_text().replace("radiologist", "rad_id"))
    assert refused(command(*words)).endswith("a copy of the challenge has none: use -d vinbigdata")
    table.unlink()
    assert "has no annotations/annotations_train.csv or" in refused(command(*words))
    assert "has no image in train/" in refused(
        command("data", "check", "vinbigdata", "--root", *_tables_only(root))
    )


def _tables_only(root: Path) -> list[str]:
    (root / "alone").mkdir()
    (root / "alone" / "train.csv").write_text(f"{BOXES}\n")
    return [str(root / "alone")]


# The challenge.


@pytest.fixture
def challenge(root: Path) -> Path:
    """The challenge's folder: forty training films, of which no table of a test exists."""
    rows = ["image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max"]
    for number in range(40):
        film(root / "train" / f"a{number}", number)
        for reader in ("R8", "R9", "R10"):
            box = (
                f"a{number},ILD,5,{reader},10,20,60,70"
                if number % 2
                else f"a{number},No finding,14,{reader},,,,"
            )
            rows.append(box)
    for path in (root / "annotations").iterdir():
        path.unlink()
    (root / "train.csv").write_text("\n".join(rows) + "\n")
    return root


def test_the_challenge_is_split_by_a_hash(challenge: Path) -> None:
    data = loaded(challenge, "vinbigdata")
    assert data.dataset.classes == _names.CHALLENGE
    assert len(_names.CHALLENGE) == 14
    sizes = {role: len(names) for role, names in data.roles.members.items()}
    assert sizes == {"fit": 26, "select": 3, "calibrate": 3, "test": 8}
    assert corners(sample(data, "a1")) == [(10, 20, 60, 70)]
    (challenge / "train" / "a1.png").unlink()
    others = loaded(challenge, "vinbigdata").roles.members
    kept = sum(name in others["test"] for name in data.roles.members["test"])
    assert kept >= 7  # a film's place does not depend on the others, but for where roles are cut


def test_both_name_the_release_that_models_may_know() -> None:
    datasets = plugins.find().datasets
    assert datasets["vindr"].releases == datasets["vinbigdata"].releases == ("VinDr-CXR",)


def test_the_contract_of_datasets_holds(root: Path, tmp_path: Path) -> None:
    spec = plugins.find().datasets["vindr"]
    read_as(root, "a1", *THREE)
    testing.check_dataset(spec, spec.settings(), Source(root, tmp_path / "cache", Silent()))
