"""SIIM-ACR pneumothorax: masks against a second reading, files as people have them, the layout written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from dicom_files import content, dataset
from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.base import Source
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent
from wsbench_plugins.datasets import siim

WIDTH, HEIGHT = 60, 50
FOUND = plugins.find()


def pixels(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH)).astype(np.uint8)


def second_reading(words: str) -> np.ndarray:
    """Pixel by pixel, as the competition describes it."""
    flat = [False] * (WIDTH * HEIGHT)
    numbers, place = [int(word) for word in words.split()], 0
    for gap, length in zip(numbers[::2], numbers[1::2], strict=True):
        place += gap
        for _ in range(length):
            flat[place] = True
            place += 1
    image = np.zeros((HEIGHT, WIDTH), dtype=bool)
    for index, inside in enumerate(flat):
        image[index % HEIGHT, index // HEIGHT] = inside
    return image


def words_of(number: int) -> str:
    """Five columns of ten pixels, which lie diagonally."""
    return " ".join(f"{gap} 10" for gap in (120 + 7 * number, 41, 41, 41, 41))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Forty images: half of them DICOM files in folders of their own, one with a capital extension."""
    root = tmp_path / "siim data"
    rows = ["ImageId, EncodedPixels"]
    for number in range(40):
        name = f"1.2.{number}"
        folder = root / "dicom-images-train" / f"study {number}" / "series"
        folder.mkdir(parents=True)
        if number % 2:
            path = folder / f"{name}.{'DCM' if number == 1 else 'dcm'}"
            path.write_bytes(content(dataset(pixels(number))))
        else:
            Image.fromarray(pixels(number)).save(folder / f"{name}.png")
        rows.append(f"{name}, {words_of(number) if number % 3 == 0 else '-1'}")
        if number % 6 == 0:  # a second mask on the image, and the first one once more
            rows += [f"{name},2000 5 45 5", f"{name},{words_of(number)}"]
    (root / "dicom-images-test" / "a").mkdir(parents=True)
    Image.fromarray(pixels(99)).save(root / "dicom-images-test" / "a" / "9.9.png")
    (root / "train-rle.csv").write_bytes(("\ufeff" + "\r\n".join(rows) + "\r\n").encode())
    return root


def loaded(root: Path, **options: bool) -> Loaded:
    return load_dataset(FOUND, "siim", {}, Silent(), root=root, **options)


def test_masks_and_boxes_are_those_of_a_second_reading(root: Path) -> None:
    data = loaded(root)
    assert len(data.samples) == 40 and data.notes == ()
    moved = 0
    for sample in data.samples:
        number = int(sample.name.rpartition(".")[2])
        assert sample.labels == (("Pneumothorax",) if number % 3 == 0 else ())
        if not sample.labels:
            assert sample.masks == sample.boxes == ()
            continue
        expected = second_reading(words_of(number))
        if number % 6 == 0:
            expected |= second_reading("2000 5 45 5")
        assert np.array_equal(sample.masks[0].pixels(), expected)
        slices = ndimage.find_objects(ndimage.label(expected, np.ones((3, 3)))[0])
        corners = sorted((x.start, y.start, x.stop, y.stop) for y, x in slices)
        ours = sorted((box.x0, box.y0, box.x1, box.y1) for box in sample.boxes)
        assert len(ours) == len(corners)
        moved += int((np.abs(np.array(ours) - np.array(corners)) > 0.5).any(axis=1).sum())
    assert moved == 0
    first = next(sample for sample in data.samples if sample.name == "1.2.1")
    assert np.array_equal(data.dataset.read(first, HEIGHT, WIDTH).shape, (HEIGHT, WIDTH))


def test_the_contract(root: Path, tmp_path: Path) -> None:
    spec = FOUND.datasets["siim"]
    testing.check_dataset(spec, spec.settings(), Source(root, tmp_path, Silent()))


def row(line: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        with (root / "train-rle.csv").open("a") as file:
            file.write(f"{line}\n")

    return change


def second_file(root: Path) -> None:
    (root / "copy").mkdir()
    Image.fromarray(pixels(0)).save(root / "copy" / "1.2.0.png")


def unnamed_file(root: Path) -> None:
    Image.fromarray(pixels(0)).save(root / "dicom-images-train" / "7.7.png")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (row("1.2.3,-1"), "1.2.3 has a row with -1 and a row with a mask"),
        (row("1.2.3,2990 20"), "run lengths of Pneumothorax do not fill 60x50"),
        (row("1.2.3,five 20"), "'five 20', which is no run length"),
        (row("1.2.3,5 20 3"), "holds 3 numbers, which are no pairs"),
        (row("1.2.3,"), r"line \d+: has no EncodedPixels"),
        (second_file, "has several files"),
        (unnamed_file, "7.7.png: has no row in the table"),
        (
            lambda root: (root / "train-rle.csv").write_text("a,b\n"),
            "does not begin with the columns ImageId",
        ),
        (lambda root: (root / "train-rle.csv").unlink(), "has no train-rle.csv or stage_2_train.csv"),
    ],
)
def test_faults_are_named(root: Path, change: Callable[[Path], None], why: str) -> None:
    change(root)
    with pytest.raises(WsbenchError, match=why) as refused:
        loaded(root)
    assert len(str(refused.value)) <= 400


def test_an_image_that_is_not_there_is_mentioned(root: Path) -> None:
    (path,) = root.rglob("1.2.3.dcm")
    path.unlink()
    data = loaded(root)
    assert len(data.samples) == 39
    assert [note.what for note in data.notes] == ["has a row of 1.2.3, of which there is no file"]


def test_a_damaged_image_can_be_left_out(root: Path) -> None:
    (path,) = root.rglob("1.2.3.dcm")
    path.write_bytes(b"")
    with pytest.raises(WsbenchError, match=r"1\.2\.3: is no DICOM file"):
        loaded(root)
    assert len(loaded(root, skip_bad=True).samples) == 39


def test_the_phantom_in_this_layout_runs(command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    small = ["-D", "images=120", "-D", "size=64", "-q"]
    code, _, err = command("data", "make", "phantom", "made", "--layout", "siim", *small)
    assert code == 2 and "add -D masks=true" in err
    code, _, err = command("data", "make", "phantom", "made", "--layout", "siim", *small, "-D", "masks=true")
    assert code == 0, err
    made = loaded(Path("made"))
    original = load_dataset(FOUND, "phantom", {"images": 120, "size": 64, "masks": True}, Silent())
    masks = {Path(sample.name).stem: sample.masks for sample in original.samples}
    for sample in made.samples:
        for ours, theirs in zip(sample.masks, masks[sample.name], strict=True):
            assert np.array_equal(ours.pixels(), theirs.pixels())
    code, out, err = command("data", "check", "siim", "--root", "made", "--no-near", "-q")
    assert code == 0 and "masks" in out, out
    code, out, err = command("run", "-m", "two_lungs", "-d", "siim", "--root", "made", "-q")
    assert code == 0, err
    assert "mask IoU" in out


def test_a_layout_for_other_classes_is_refused(tmp_path: Path) -> None:
    class Other:
        classes = ("spot", "blot")

    with pytest.raises(WsbenchError, match="SIIM's layout has one class, Pneumothorax, not spot, blot"):
        siim.write(Other(), tmp_path / "new", Silent())
