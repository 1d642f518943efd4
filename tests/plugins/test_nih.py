"""NIH ChestX-ray14: the official files, their quirks and faults, and the release's tables at full size."""

from __future__ import annotations

import gzip
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import wsbench
from wsbench import testing
from wsbench.contract import plugins
from wsbench.data import catalog
from wsbench.data.audit import audit
from wsbench.data.dataset import Loaded
from wsbench.data.images import FileFacts
from wsbench.data.splits import assign_roles
from wsbench.errors import WsbenchError
from wsbench.runs.plan import load_dataset
from wsbench.runs.scoring_inputs import truth_of
from wsbench.utils.progress import Silent
from wsbench_plugins.datasets import nih
from wsbench_plugins.datasets.nih import _tables


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty patients of two images; the last twenty are tested, and ten of these have boxes."""
    root = tmp_path / "nih"
    generator = np.random.default_rng(0)
    entries, boxes, lists = [_tables.ENTRY_HEADER], [_tables.BOX_HEADER], {"train_val": [], "test": []}
    for patient in range(40):
        for visit in range(2):
            name = f"{patient:08d}_{visit:03d}.png"
            archive = root / ("images" if patient % 2 else f"images_{1 + patient % 3:03d}/images")
            archive.mkdir(parents=True, exist_ok=True)
            Image.fromarray(generator.integers(0, 256, (64, 64), dtype=np.uint8)).save(archive / name)
            labels = "Infiltration|Nodule" if patient % 4 == 2 and visit == 0 else "No Finding"
            entries.append(f"{name},{labels},{visit},{patient},{30 + visit},F,PA,64,64,,")
            lists["test" if patient >= 20 else "train_val"].append(name)
            if patient >= 20 and "Nodule" in labels:
                boxes.append(f"{name},Infiltrate,10.5,12.25,20,30,,,")
    (root / "Data_Entry_2017_v2020.csv").write_text("\n".join(entries) + "\n")
    (root / "BBox_List_2017.csv").write_text("\n".join(boxes) + "\n")
    for name, names in lists.items():
        (root / f"{name}_list.txt").write_text("\n".join(names) + "\n")
    return root


def loaded(root: Path, **options: object) -> Loaded:
    return load_dataset(plugins.find(), "nih", {}, Silent(), root=root, **options)


def test_images_are_found_in_every_archive(folder: Path) -> None:
    data = loaded(folder)
    assert len(data.samples) == 80
    first = data.samples[4]
    assert (first.name, first.patient, first.labels) == ("00000002_000.png", "2", ("Infiltration", "Nodule"))
    assert first.attributes == {"age": "30", "sex": "F", "view": "PA"}
    assert data.dataset.read(first, 32, 32).shape == (32, 32)


def test_the_box_lists_infiltrate_is_infiltration(folder: Path) -> None:
    boxes = [box for sample in loaded(folder).samples for box in sample.boxes]
    assert {box.label for box in boxes} == {"Infiltration"}
    assert (boxes[0].x0, boxes[0].y0, boxes[0].x1, boxes[0].y1) == (10.5, 12.25, 30.5, 42.25)


def test_roles_go_by_patient_and_the_test_list_stays_whole(folder: Path) -> None:
    data = loaded(folder)
    members = data.roles.members
    patient = {sample.name: sample.patient for sample in data.samples}
    tested = (folder / "test_list.txt").read_text().split()
    assert set(members["test"]) == set(tested)
    assert set(members["calibrate"]) < set(tested)
    patients = {role: {patient[name] for name in names} for role, names in members.items()}
    assert not patients["fit"] & patients["select"]
    assert not (patients["fit"] | patients["select"]) & patients["test"]
    boxed = {sample.patient for sample in data.samples if sample.boxes}
    assert patients["calibrate"] < boxed
    half = len(boxed) / 2
    assert abs(len(patients["calibrate"]) - half) <= 1
    assert data.roles.left_out == {}


def test_calibrate_boxes_are_not_scored_and_unboxed_findings_are_unknown(folder: Path) -> None:
    data = loaded(folder)
    truth = truth_of(data, data.roles.members["test"], "test")
    calibrate = set(data.roles.members["calibrate"])
    for row, name in enumerate(truth.names):
        (sample,) = [sample for sample in data.samples if sample.name == name]
        for column, label in enumerate(truth.classes):
            boxed = any(box.label == label for box in sample.boxes)
            known = name not in calibrate and (label not in sample.labels or boxed)
            assert truth.known[row, column] == known
    assert len(truth.truth) == data.describe()["boxes"]["test"] < sum(len(s.boxes) for s in data.samples)
    nodule = truth.classes.index("Nodule")
    assert not truth.known[truth.labels[:, nodule], nodule].any()


def test_what_is_predicted_where_nothing_is_known_counts_for_nothing(folder: Path, tmp_path: Path) -> None:
    record = wsbench.run("whole_image", "nih", root=folder, runs=tmp_path)
    scored = record.protocols["uniform"]["metrics"]
    assert scored["miou"]["per_class"]["Infiltration"] == pytest.approx(20 * 30 / 64**2)
    assert scored["auc"]["per_class"]["Nodule"] == 0.5
    assert scored["ap25"]["undefined"] == [name for name in nih.CLASSES if name != "Infiltration"]
    assert scored["auc"]["interval"] == [0.5, 0.5]


def replaced(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = root / file
        path.write_text(path.read_text().replace(old, new, 1))

    return change


def first_image(change: Callable[[Path], None]) -> Callable[[Path], None]:
    return lambda root: change(root / "images" / "00000001_000.png")


def as_mode(mode: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        grey = Image.open(path)
        if mode == "I;16":
            Image.fromarray(np.asarray(grey).astype(np.uint16) * 200).save(path)
        else:
            grey.convert(mode).save(path)

    return change


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (first_image(lambda path: path.write_bytes(path.read_bytes()[:400])), "00000001_000.png: is damaged"),
        (first_image(as_mode("I;16")), "is a I;16 image"),
        (replaced("Data_Entry_2017_v2020.csv", "00000001_000.png", "x.png"), "has no labels in Data_Entry"),
        (replaced("train_val_list.txt", "00000001_000.png\n", ""), "is in neither train_val_list.txt nor"),
        (replaced("Data_Entry_2017_v2020.csv", "Nodule", "Nodul"), "1 images have the label 'Nodul'"),
        (
            replaced("BBox_List_2017.csv", "Infiltrate", "Mass"),
            "00000022_000.png: has a box of 'Mass', which its",
        ),
        (
            replaced("BBox_List_2017.csv", "00000022_000.png", "y.png"),
            "has a box on y.png, which has no labels",
        ),
        (replaced("BBox_List_2017.csv", "10.5,12.25,20,30", "10.5,12.25,90,30"), "leaves the image"),
    ],
)
def test_a_fault_is_named_with_its_file(fault: Callable[[Path], None], words: str, folder: Path) -> None:
    fault(folder)
    with pytest.raises(WsbenchError) as error:
        loaded(folder)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert loaded(folder, skip_bad=True).skipped


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda root: (root / "test_list.txt").unlink(), "test_list.txt cannot be read"),
        (lambda root: (root / "Data_Entry_2017_v2020.csv").unlink(), "has no Data_Entry_2017_v2020.csv or"),
        (
            lambda root: [shutil.rmtree(path) for path in root.glob("images*")],
            "has no PNG file in images/ or",
        ),
        (
            replaced("BBox_List_2017.csv", "Bbox [x", "box"),
            "does not begin with the columns Image Index, Finding",
        ),
        (replaced("BBox_List_2017.csv", "12.25", "y"), "a box of 00000022_000.png is not four numbers"),
        (replaced("Data_Entry_2017_v2020.csv", ",F,PA,64,64,,", ""), "line 2: has 5 columns"),
    ],
)
def test_a_folder_of_another_kind_is_refused(
    fault: Callable[[Path], object], words: str, folder: Path
) -> None:
    fault(folder)
    with pytest.raises(WsbenchError, match=r"nih(: |/)") as error:
        loaded(folder)
    assert words in str(error.value)


def in_both_lists(root: Path) -> str:
    with (root / "train_val_list.txt").open("a") as file:
        file.write("00000022_000.png\n")
    return "00000022_000.png: is in train_val_list.txt and test_list.txt"


def two_rows(root: Path) -> str:
    with (root / "Data_Entry_2017_v2020.csv").open("a") as file:
        file.write("00000022_000.png,Hernia,0,22,30,F,PA,64,64,,\n")
    return (
        "Data_Entry_2017_v2020.csv: 00000022_000.png has rows that differ: Infiltration|Nodule "
        "(patient 22, 30, F, PA) and Hernia (patient 22, 30, F, PA)"
    )


def finding_and_none(root: Path) -> str:
    replaced("Data_Entry_2017_v2020.csv", "00000022_000.png,", "00000022_000.png,No Finding|")(root)
    return "00000022_000.png has the labels No Finding|Infiltration|Nodule"


def two_files(root: Path) -> str:
    (root / "images").mkdir(exist_ok=True)
    Image.new("L", (64, 64)).save(root / "images" / "00000022_000.png")
    return "00000022_000.png: lies in images and images_002/images, as different files"


def box_twice(root: Path) -> str:
    with (root / "BBox_List_2017.csv").open("a") as file:
        file.write("00000022_000.png,Infiltrate,10.5,12.25,20,30.5,,,\n")
    return (
        "00000022_000.png: its boxes of Infiltration 10.5, 12.2, 20.0, 30.0 and 10.5, 12.2, 20.0, 30.5 are "
        "the same (overlap 0.98)"
    )


def one_resized(root: Path) -> str:
    path = root / "Data_Entry_2017_v2020.csv"
    rows = [
        row.replace("64,64", "2500,2048") if row.startswith("00000022_000.png") else row
        for row in path.read_text().splitlines()
    ]
    path.write_text("\n".join(rows) + "\n")
    return "00000022_000.png: is 64x64, it was annotated at 1024x1024"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (in_both_lists, "in two lists"),
        (two_rows, "rows that contradict"),
        (finding_and_none, "rows that contradict"),
        (two_files, "several files"),
        (box_twice, "duplicate box"),
        (one_resized, "resized copy"),
    ],
)
def test_what_cannot_be_true_is_refused_or_left_out(
    fault: Callable[[Path], str], kind: str, folder: Path
) -> None:
    words = fault(folder)
    with pytest.raises(WsbenchError) as error:
        loaded(folder)
    assert words in str(error.value)
    findings = [f for f in audit(loaded(folder, refuse=False), near_identical=False).problems if f.wrong]
    assert {finding.kind for finding in findings} == {kind}
    assert {name for finding in findings for name in finding.images} == {"00000022_000.png"}
    data = loaded(folder, skip_bad=True)
    assert data.left_out == {"00000022_000.png"}
    assert "00000022_000.png" not in [sample.name for sample in data.samples]
    assert len(data.samples) == 79
    assert len(data.describe()["skipped"]) == 1


def test_equal_files_in_two_archives_are_only_told(folder: Path) -> None:
    shutil.copy(folder / "images_002" / "images" / "00000022_000.png", folder / "images")
    data = loaded(folder)
    (note,) = data.notes
    assert note.what == "lies in images and images_002/images, as equal files"
    problems = audit(data, near_identical=False).problems
    (problem,) = [problem for problem in problems if problem.kind == note.kind]
    assert (problem.images, problem.wrong) == (("00000022_000.png",), False)
    assert data.describe()["skipped"] == []


def test_rows_and_lists_of_images_that_are_not_there_do_no_harm(folder: Path) -> None:
    in_both_lists(folder)
    two_rows(folder)
    (folder / "images_002" / "images" / "00000022_000.png").unlink()
    assert len(loaded(folder).samples) == 79


def test_boxes_of_the_release_are_not_laid_on_resized_copies(folder: Path) -> None:
    path = folder / "Data_Entry_2017_v2020.csv"
    path.write_text(path.read_text().replace(",64,64,", ",2500,2048,"))
    for skip_bad in (False, True):
        with pytest.raises(WsbenchError) as error:
            loaded(folder, skip_bad=skip_bad)
        assert "is 64x64, it was annotated at 1024x1024, and so are all 5 images with boxes" in str(
            error.value
        )
        assert "--skip-bad is no remedy" in str(error.value)


def test_rgba_files_and_the_older_table_are_read(folder: Path) -> None:
    first_image(as_mode("RGBA"))(folder)
    (folder / "Data_Entry_2017_v2020.csv").rename(folder / "Data_Entry_2017.csv")
    data = loaded(folder)
    assert len(data.samples) == 80
    assert data.dataset.read(data.samples[2], 16, 16).dtype == np.uint8


def test_a_part_of_the_release_is_a_subset(folder: Path) -> None:
    (folder / "images" / "00000001_000.png").unlink()
    data = loaded(folder)
    assert len(data.samples) == 79
    assert data.missing["train_val"] == (39, 86524)


def test_a_written_folder_is_the_release_again(folder: Path, tmp_path: Path) -> None:
    """Images, labels, patients, boxes and roles, through the same reader."""
    first = loaded(folder)
    official = replace(
        first, samples=tuple(replace(s, split=s.split.removesuffix("_boxed")) for s in first.samples)
    )
    dataset = first.dataset
    dataset.samples = official.samples
    nih.write(dataset, tmp_path / "written", Silent())
    header = (tmp_path / "written" / "BBox_List_2017.csv").read_text().splitlines()[0]
    assert header == "Image Index,Finding Label,Bbox [x,y,w,h],,,"
    assert "Infiltrate," in (tmp_path / "written" / "BBox_List_2017.csv").read_text()
    again = loaded(tmp_path / "written")

    def facts(data: Loaded) -> list:
        return [(s.name, s.split, s.labels, s.boxes, s.width, s.height) for s in data.samples]

    assert facts(again) == facts(first)
    patients = {one.patient: other.patient for one, other in zip(first.samples, again.samples, strict=True)}
    assert len(patients) == len(set(patients.values())) == 40
    pixels = [data.dataset.read(data.samples[7], 64, 64) for data in (first, again)]
    assert (pixels[0] == pixels[1]).all()


def test_a_dataset_of_other_classes_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(WsbenchError, match="ChestX-ray14's layout has no classes spot"):
        nih.write(testing.Toy(), tmp_path, Silent())


def test_real_files(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    root = real_data("nih-mini")
    data = loaded(root)
    assert len(data.samples) == 126
    assert data.dataset.problems == ()
    assert sum(len(sample.boxes) for sample in data.samples) == 35
    record = wsbench.run("two_lungs", "nih", root=root, runs=tmp_path)
    assert record.dataset["subset"]
    assert record.value("auc") == 0.5


def test_the_releases_tables_at_full_size(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    """112,120 rows and 984 boxes, parsed, split and counted in seconds; the lists are not at hand, so all
    patients with a box are tested, and of the others a fifth."""
    root = real_data("nih-metadata")
    for name in ("Data_Entry_2017_v2020.csv", "BBox_List_2017.csv"):
        with gzip.open(root / f"{name}.gz") as packed:
            (tmp_path / name).write_bytes(packed.read())
    start = time.monotonic()
    entries, unknown = nih.read_entries(tmp_path / "Data_Entry_2017_v2020.csv")
    boxes, misfits = nih.read_boxes(tmp_path / "BBox_List_2017.csv", entries)
    assert unknown == misfits == []
    assert (len(entries), len(boxes), sum(map(len, boxes.values()))) == (112_120, 880, 984)
    counts = Counter(label for entry in entries.values() for label in entry.labels)
    assert (counts["Infiltration"], counts["Hernia"]) == (19_894, 227)
    boxed = {entries[name].patient for name in boxes}
    assert len(boxed) == 726
    split_of = {
        name: "test" if entry.patient in boxed or int(entry.patient) % 5 == 0 else "train_val"
        for name, entry in entries.items()
    }
    facts = {name: FileFacts(name, 1024, 1024, "L") for name in entries}
    made = list(nih.samples(facts, split_of, entries, boxes))
    assert sum(sample.split == nih.BOXED for sample in made) == 15_938
    roles = assign_roles(made, catalog.read_entries()["nih"].roles, stratified=False)
    seconds = time.monotonic() - start
    print(f"parsed and dealt in {seconds:.1f} s")

    patient = {sample.name: sample.patient for sample in made}
    patients = {role: {patient[name] for name in names} for role, names in roles.members.items()}
    count = {role: sum(len(boxes.get(name, ())) for name in names) for role, names in roles.members.items()}
    assert not patients["calibrate"] & patients["test"]
    assert not patients["fit"] & patients["select"]
    assert abs(len(roles.members["calibrate"]) - 15_938 / 2) < 200
    assert count["calibrate"] + count["test"] == 984
    assert 380 < count["calibrate"] < 600
