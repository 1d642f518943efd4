"""PadChest: labels of its table, views, archives that are not unpacked, bad rows, the phantom in it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from made_layouts import SIZE, append, check_and_run, loaded, make, names_without_bad, phantom, windows_text
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench_plugins.datasets.padchest import TABLE

HEADER = [
    "", "ImageID", "ImageDir", "PatientID", "PatientSex_DICOM", "Projection", "MethodLabel", "Report",
    "Labels",
]  # fmt: skip
LABELS = (
    "['normal']",
    "['nodule', ' pleural effusion']",
    "['laminar atelectasis', 'nodule', 'nodule', '']",
    "['cardiomegaly', 'unchanged']",
)


def row(number: int, labels: str, view: str = "PA", method: str = "Physician") -> list[object]:
    name = f"{number:03d}_x.png"
    return [number, name, number % 3, f"9{number // 2}", "F", view, method, "sin hallazg .", labels]


def line(values: list[object]) -> str:
    return ",".join(f'"{value}"' for value in values)


def film(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 4095, (50, 60)).astype(np.uint16)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sixty frontal images of thirty patients in three folders, and six of other views."""
    root = tmp_path / "pc"
    rows = [row(n, LABELS[n % 4], method="Physician" if n % 3 else "RNN_model") for n in range(60)]
    rows += [row(60 + n, LABELS[1], view="L") for n in range(6)]
    for one in rows:
        film(root / str(one[2]) / str(one[1]), int(str(one[0])))
    with (root / TABLE).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return root


def labels_of(data: Loaded) -> dict[str, tuple[str, ...]]:
    return {sample.name: sample.labels for sample in data.samples}


def test_labels_views_and_patients_are_read(folder: Path) -> None:
    data = loaded("padchest", folder)
    labels = labels_of(data)
    assert len(labels) == 60
    assert len(data.dataset.classes) == 15
    assert [labels[f"{n:03d}_x.png"] for n in range(4)] == [
        (),
        ("nodule", "pleural effusion"),
        ("nodule",),
        ("cardiomegaly",),
    ]
    first = data.samples[0]
    assert first.attributes == {"view": "PA", "sex": "F", "labelled_by": "RNN_model"}
    assert first.patient == "90"
    assert data.dataset.problems == ()
    patients = [
        {sample.patient for sample in data.samples if sample.name in names}
        for names in data.roles.members.values()
    ]
    assert sum(map(len, patients)) == 30  # no patient has two roles
    stored = np.asarray(Image.open(folder / "1" / "001_x.png")).astype(float)
    shown = data.dataset.read(data.samples[1], 50, 60)
    low, high = stored.min(), stored.max()
    assert np.array_equal(shown, np.rint((stored - low) / (high - low) * 255))


def test_settings_choose_images_and_classes(folder: Path) -> None:
    assert len(loaded("padchest", folder, {"views": ["PA", "L"]}).samples) == 66
    assert len(loaded("padchest", folder, {"physicians": True}).samples) == 40
    merged = loaded(
        "padchest",
        folder,
        {"classes": ["atelectasis", "nodule"], "merge": {"laminar atelectasis": "atelectasis"}},
    )
    assert labels_of(merged)["002_x.png"] == ("atelectasis", "nodule")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"classes": ["nodul"]}, "unknown label of PadChest 'nodul'; did you mean 'nodule'"),
        ({"merge": {"unchanged": "nothing"}}, "'unchanged' becomes 'nothing', which is none of the classes"),
        ({"views": ["COSTAL"]}, "has none of the 0 images"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings: dict[str, object], words: str, folder: Path) -> None:
    with pytest.raises(WsbenchError) as error:
        loaded("padchest", folder, settings)
    assert words in str(error.value)


def test_archives_that_are_not_unpacked_are_counted(folder: Path) -> None:
    for path in (folder / "2").iterdir():
        path.unlink()
    data = loaded("padchest", folder)
    assert len(data.samples) == 40
    (note,) = data.notes
    assert note.what == "names 20 images of these settings without a file, such as 002_x.png"
    for path in folder.glob("*/*.png"):
        path.unlink()
    with pytest.raises(WsbenchError, match="has none of the 60 images of these settings; unpack archives"):
        loaded("padchest", folder)


def test_files_as_people_have_them(folder: Path) -> None:
    (folder / "1" / "001_x.png").rename(folder / "1" / "001_x.PNG")
    (folder / "0" / "003_x.png").rename(folder / "0" / "00 3_x.png")
    flat = folder / "all images"
    flat.mkdir()
    (folder / "2" / "005_x.png").rename(flat / "005_x.png")
    path = folder / TABLE
    path.write_text(path.read_text().replace("003_x.png", "00 3_x.png"))
    append(path, [line(row(1, LABELS[1])), line(row(90, "['exclude']")), line(row(91, "nan"))])
    film(folder / "0" / "090_x.png", 90)
    film(folder / "0" / "091_x.png", 91)
    windows_text(path)
    data = loaded("padchest", folder)
    assert len(data.samples) == 60
    assert labels_of(data)["00 3_x.png"] == ("cardiomegaly",)
    (note,) = data.notes
    assert note.what == "2 images without labels, or with the label exclude, are left out"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda root: (root / "1" / "001_x.png").write_bytes(b"no image"), "1/001_x.png: is damaged"),
        (lambda root: append(root / TABLE, [line(row(1, LABELS[3]))]), "001_x.png has rows that differ"),
        (
            lambda root: (root / TABLE).write_text(
                (root / TABLE).read_text().replace("\"['nodule', ' pleural effusion']\"", "nodule", 1)
            ),
            "001_x.png: its labels nodule are no list",
        ),
    ],
)
def test_a_fault_is_named_and_its_image_left_out(
    fault: Callable[[Path], object], words: str, folder: Path
) -> None:
    fault(folder)
    names = names_without_bad("padchest", folder, words)
    assert "001_x.png" not in names
    assert len(names) == 59


def test_a_packed_table_is_named(folder: Path) -> None:
    (folder / TABLE).rename(folder / f"{TABLE}.gz")
    with pytest.raises(WsbenchError, match=r"has no PADCHEST.*csv \(unpack PADCHEST.*csv\.gz\); give --root"):
        loaded("padchest", folder)


def test_the_phantom_in_this_layout_comes_back(command, tmp_path: Path) -> None:
    root = make(command, "padchest")
    check_and_run(command, "padchest", root, "-D", "classes=[tuberculosis]", method="random_map")
    data, original = loaded("padchest", root, {"grey_levels": [0, 65535]}), phantom(tmp_path)
    assert Counter(sample.labels for sample in data.samples) == Counter(
        ("tuberculosis",) if sample.labels else () for sample in original.samples
    )
    films = {original.read(s, SIZE, SIZE).tobytes() for s in original.samples}
    assert {data.dataset.read(s, SIZE, SIZE).tobytes() for s in data.samples} == films
