"""The Indian collection: labels in names, official splits, bad files, and the phantom in its folders."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from made_layouts import SIZE, check_and_run, loaded, make, phantom
from own_folders import film
from wsbench import testing
from wsbench.errors import WsbenchError
from wsbench.utils.progress import Silent
from wsbench_plugins.datasets import indian


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "indian"
    for number in range(40):
        split = "Testing" if number % 4 == 0 else "Training"
        film(root / "DatasetA" / split / f"{'np'[number % 2 or number % 8 == 0]}x{number}.jpg", number)
    return root


def test_labels_are_in_names_and_splits_are_folders(folder: Path) -> None:
    data = loaded("indian", folder)
    labels = {sample.name: (sample.labels, sample.split) for sample in data.samples}
    assert len(labels) == 40
    assert labels["DatasetA/Training/px1.jpg"] == (("tb",), "train")
    assert labels["DatasetA/Testing/nx4.jpg"] == ((), "test")
    assert set(data.roles.members["test"]) == {name for name in labels if "Testing" in name}
    assert data.dataset.read(data.samples[0], 20, 30).shape == (20, 30)
    assert data.missing == {"train": (30, 104), "test": (10, 52)}


def test_two_splits_may_have_files_of_one_name(folder: Path) -> None:
    film(folder / "DatasetA" / "Testing" / "px1.jpg", 99)
    names = {sample.name for sample in loaded("indian", folder).samples}
    assert {"DatasetA/Testing/px1.jpg", "DatasetA/Training/px1.jpg"} < names


def test_files_as_people_have_them(folder: Path) -> None:
    training = folder / "DatasetA" / "Training"
    (training / "px1.jpg").rename(training / "PX1.JPG")
    (training / "Thumbs.db").write_bytes(b"")
    (training / "._px3.jpg").write_bytes(b"")
    moved_root = folder.rename(folder.with_name("in dian"))
    labels = {sample.name: sample.labels for sample in loaded("indian", moved_root).samples}
    assert len(labels) == 40
    assert labels["DatasetA/Training/PX1.jpg"] == ("tb",)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("px1.jpg", b"no image", "DatasetA/Training/px1.jpg: is damaged"),
        ("film7.jpg", b"", "film7.jpg: its name does not begin with n (normal) or p"),
    ],
)
def test_a_bad_file_is_named_and_left_out(name: str, content: bytes, words: str, folder: Path) -> None:
    (folder / "DatasetA" / "Training" / name).write_bytes(content)
    with pytest.raises(WsbenchError) as error:
        loaded("indian", folder)
    assert words in str(error.value)
    assert f"DatasetA/Training/{name}" not in {
        sample.name for sample in loaded("indian", folder, skip_bad=True).samples
    }


def test_another_folder_is_refused(folder: Path) -> None:
    with pytest.raises(WsbenchError, match=r"has no DatasetA/Training; give --root the folder that holds"):
        loaded("indian", folder / "DatasetA")


def test_the_phantom_in_this_layout_comes_back(command, tmp_path: Path) -> None:
    root = make(command, "indian")
    check_and_run(command, "indian", root, method="random_map")
    data, original = loaded("indian", root), phantom(tmp_path)
    assert Counter((s.labels, s.split) for s in data.samples) == Counter(
        (s.labels, "test" if s.split == "val" else "train") for s in original.samples
    )
    first = min(original.samples, key=lambda sample: sample.name)
    (ours,) = [sample for sample in data.samples if sample.name.endswith("x1.jpg")]
    difference = data.dataset.read(ours, SIZE, SIZE).astype(int) - original.read(first, SIZE, SIZE)
    assert np.abs(difference).mean() < 3  # of a JPEG


def test_a_dataset_of_several_classes_cannot_be_written(tmp_path: Path) -> None:
    class Several(testing.Toy):
        classes = ("Mass", "Nodule")

    with pytest.raises(WsbenchError, match="the Indian collection's layout has no classes Mass, Nodule"):
        indian.write(Several(), tmp_path / "new", Silent())
