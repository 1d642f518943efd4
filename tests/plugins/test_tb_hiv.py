"""HIV-TB and TB-POC: labels in a table or in mednet's splits, films of several formats, and their faults."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from made_layouts import (
    IMAGES,
    SIZE,
    append,
    check_and_run,
    loaded,
    make,
    names_without_bad,
    phantom,
    windows_text,
)
from own_folders import noise
from wsbench import testing
from wsbench.errors import WsbenchError
from wsbench.utils.progress import Silent
from wsbench_plugins.datasets import tb_hiv

FILMS = "HIV-TB_Algorithm_study_X-rays"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty films of 60 x 50 pixels: RGB BMP files with suffixes in capitals, and some JPEG files."""
    root = tmp_path / "hiv"
    (root / FILMS).mkdir(parents=True)
    lines = ["image,tb"]
    for number in range(40):
        name = f"{200 + number}.{'jpg' if number % 10 == 0 else 'BMP'}"
        Image.fromarray(noise(number)).convert("RGB").save(root / FILMS / name)
        lines.append(f"{name},{number % 2}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return root


def mednet(root: Path) -> None:
    """Write the same labels as mednet does."""
    rows = [line.split(",") for line in (root / "labels.csv").read_text().split()[1:]]
    pairs = [[f"{FILMS}/{name}", int(word)] for name, word in rows]
    splits = {"train": pairs[:30], "validation": pairs[30:35], "test": pairs[35:]}
    (root / "fold-0.json").write_text(json.dumps(splits))


def test_labels_are_read_from_a_table(folder: Path) -> None:
    data = loaded("hiv_tb", folder)
    labels = {sample.name: sample.labels for sample in data.samples}
    assert len(labels) == 40
    assert (labels["201.BMP"], labels["202.BMP"], labels["200.jpg"]) == (("tb",), (), ())
    assert data.dataset.problems == ()
    (film,) = [sample for sample in data.samples if sample.name == "201.BMP"]
    assert np.array_equal(data.dataset.read(film, 50, 60), noise(1))


def test_mednets_splits_are_labels_too(folder: Path) -> None:
    mednet(folder)
    (folder / "labels.csv").rename(folder / "other.csv")
    data = loaded("hiv_tb", folder, {"labels": "fold-0.json"})
    again = loaded("hiv_tb", folder, {"labels": "other.csv"})
    assert {s.name: s.labels for s in data.samples} == {s.name: s.labels for s in again.samples}
    assert data.fingerprint == again.fingerprint


def test_files_as_people_have_them(folder: Path) -> None:
    films = folder / FILMS
    (films / "203.BMP").rename(films / "20 3.bmp")
    (films / "205.BMP").rename(films / "205.bmp")
    path = folder / "labels.csv"
    path.write_text(path.read_text().replace("203.BMP", "20 3.BMP"))
    append(path, ["201.BMP,1", ",", "\\films\\207.BMP,1"])
    windows_text(path)
    inside = folder.with_name("request")
    (inside / "HIV-TB").mkdir(parents=True)
    films.rename(inside / "HIV-TB" / FILMS)
    path.rename(inside / "labels.csv")
    data = loaded("hiv_tb", inside)
    assert len(data.samples) == 40
    assert sum(bool(sample.labels) for sample in data.samples) == 20


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda root: (root / FILMS / "201.BMP").unlink(), "names 201.BMP, of which there is no file"),
        (lambda root: (root / FILMS / "201.BMP").write_bytes(b"BM"), f"{FILMS}/201.BMP: is damaged"),
        (lambda root: append(root / "labels.csv", ["201.BMP,0"]), "201.BMP has the labels 1 and 0"),
        (
            lambda root: (root / "labels.csv").write_text(
                (root / "labels.csv").read_text().replace("201.BMP,1", "201.BMP,maybe")
            ),
            "labels.csv, line 3: 201.BMP: tb is 'maybe', which is neither 1 nor 0",
        ),
    ],
)
def test_a_fault_is_named_and_its_film_left_out(
    fault: Callable[[Path], object], words: str, folder: Path
) -> None:
    fault(folder)
    names = names_without_bad("hiv_tb", folder, words)
    assert "201.BMP" not in names
    assert len(names) == 39


@pytest.mark.parametrize(
    ("fault", "settings", "words"),
    [
        (lambda root: (root / "labels.csv").unlink(), {}, "has no labels.csv; give --root the folder"),
        (lambda root: (root / FILMS).rename(root / "films"), {}, f"has no folder {FILMS} or"),
        (
            lambda root: (root / "a.json").write_text("[]"),
            {"labels": "a.json"},
            "a.json is not a JSON file of",
        ),
        (lambda root: None, {"labels": "../labels.csv"}, "must be a path inside the dataset's folder"),
    ],
)
def test_another_folder_is_refused(
    fault: Callable[[Path], object], settings: dict[str, object], words: str, folder: Path
) -> None:
    fault(folder)
    with pytest.raises(WsbenchError) as error:
        loaded("hiv_tb", folder, settings)
    assert words in str(error.value)


@pytest.mark.parametrize(("layout", "error"), [("hiv_tb", 0), ("tbpoc", 3)])
def test_the_phantom_in_these_layouts_comes_back(layout: str, error: float, command, tmp_path: Path) -> None:
    root = make(command, layout)
    check_and_run(command, layout, root, method="random_map")
    data, original = loaded(layout, root), phantom(tmp_path)
    assert len(data.samples) == IMAGES
    assert Counter(s.labels for s in data.samples) == Counter(s.labels for s in original.samples)
    ours = min(data.samples, key=lambda sample: sample.name)
    theirs = min(original.samples, key=lambda sample: sample.name)
    difference = data.dataset.read(ours, SIZE, SIZE).astype(int) - original.read(theirs, SIZE, SIZE)
    assert np.abs(difference).mean() <= error  # of a JPEG


def test_a_dataset_of_several_classes_cannot_be_written(tmp_path: Path) -> None:
    class Several(testing.Toy):
        classes = ("Mass", "Nodule")

    with pytest.raises(WsbenchError, match="tbpoc's layout has no classes Mass, Nodule"):
        tb_hiv.TBPOC.write(Several(), tmp_path / "new", Silent())
