"""The TBX11K adapter on official folders: written from the phantom, damaged on purpose, and real."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.base import Source
from wsbench.data import catalog
from wsbench.data.audit import audit
from wsbench.data.dataset import Loaded, load
from wsbench.errors import WsbenchError
from wsbench.utils.progress import Silent

FOUND = plugins.find()
TBX11K, PHANTOM = FOUND.datasets["tbx11k"], FOUND.datasets["phantom"]
SETTINGS = PHANTOM.settings(images=70, size=64)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The phantom as an official TBX11K folder."""
    folder = tmp_path_factory.mktemp("made") / "TBX11K"
    TBX11K.write(phantom(), folder, Silent())
    return folder


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(made, tmp_path / "TBX11K"))


def phantom():
    return PHANTOM.load(SETTINGS, Source(None, Path(), Silent()))


def loaded(root: Path, **values: bool) -> Loaded:
    return load(TBX11K, TBX11K.settings(), catalog.read_entries()["tbx11k"], Silent(), root=root, **values)


def edit(root: Path, split: str, change: Callable[[dict], None]) -> None:
    path = root / "annotations" / "json" / f"TBX11K_{split}.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_what_was_written_comes_back(made: Path) -> None:
    truth = {sample.name: sample for sample in phantom().samples}
    samples = loaded(made).samples
    assert {sample.name for sample in samples} == set(truth)
    for sample in samples:
        expected = truth[sample.name]
        assert (sample.split, sample.labels) == (expected.split, expected.labels)
        assert (sample.width, sample.height) == (64, 64)
        assert sample.attributes["group"] == expected.attributes["group"] == sample.stratum
        assert sample.attributes.get("activity") == expected.attributes.get("activity")
        for box, wanted in zip(sample.boxes, expected.boxes, strict=True):
            assert (box.label, box.kind) == (wanted.label, wanted.kind)
            corners = (wanted.x0, wanted.y0, wanted.x1, wanted.y1)
            assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx(corners)


def test_pixels_come_back(made: Path) -> None:
    data = loaded(made)
    for sample in data.samples[:5]:
        assert (data.dataset.read(sample, 64, 64) == phantom().read(sample, 64, 64)).all()


def test_it_keeps_the_contract(made: Path, tmp_path: Path) -> None:
    testing.check_dataset(TBX11K, TBX11K.settings(), Source(made, tmp_path, Silent()))


def test_the_layout_is_the_official_one(made: Path) -> None:
    files = {str(path.relative_to(made)) for path in made.rglob("*") if path.suffix != ".png"}
    splits = ("train", "val", "trainval")
    assert {f"lists/TBX11K_{split}.txt" for split in splits} <= files
    assert {f"annotations/json/TBX11K_{split}.json" for split in splits} <= files
    coco = json.loads((made / "annotations/json/TBX11K_trainval.json").read_text())
    names = ["ActiveTuberculosis", "ObsoletePulmonaryTuberculosis", "PulmonaryTuberculosis"]
    assert [category["name"] for category in coco["categories"]] == names
    with Image.open(next((made / "imgs" / "tb").iterdir())) as image:
        assert image.mode == "RGB"


def test_a_copy_says_how_much_of_the_release_it_is(made: Path) -> None:
    here = loaded(made).missing
    assert {split: release for split, (_, release) in here.items()} == {"train": 6600, "val": 1800}
    assert sum(count for count, _ in here.values()) == 70


def test_the_xml_files_are_never_read(root: Path) -> None:
    (root / "annotations" / "xml").mkdir()
    name = loaded(root).samples[-1].name
    xml = root / "annotations" / "xml" / f"{Path(name).stem}.xml"
    xml.write_text("<annotation><object><bndbox><xmin>9999</xmin></bndbox></object></annotation>")
    assert loaded(root).fingerprint == loaded(root).fingerprint
    assert all(box.x1 <= 64 for sample in loaded(root).samples for box in sample.boxes)


def first(root: Path, group: str, split: str = "train") -> str:
    lines = (root / "lists" / f"TBX11K_{split}.txt").read_text().split()
    return next(line for line in lines if line.startswith(group))


def missing_image(root: Path) -> str:
    name = first(root, "tb")
    (root / "imgs" / name).unlink()
    return f"imgs/{name}: cannot be read: No such file or directory"


def truncated(root: Path) -> str:
    name = first(root, "sick")
    path = root / "imgs" / name
    path.write_bytes(path.read_bytes()[:-100])
    return f"imgs/{name}: is damaged"


def transparent(root: Path) -> str:
    name = first(root, "health")
    Image.new("RGBA", (64, 64)).save(root / "imgs" / name)
    return f"imgs/{name}: is a RGBA image; the release's are 8-bit RGB or L"


def deep(root: Path) -> str:
    name = first(root, "health")
    Image.fromarray(np.zeros((64, 64), dtype=np.uint16)).save(root / "imgs" / name)
    return f"imgs/{name}: is a I;16 image"


def box_outside(root: Path) -> str:
    edit(root, "train", lambda coco: coco["annotations"][0].update(bbox=[50, 10, 20, 20]))
    coco = json.loads((root / "annotations/json/TBX11K_train.json").read_text())
    image = next(i for i in coco["images"] if i["id"] == coco["annotations"][0]["image_id"])
    return (
        f"{image['file_name']}: its box 50.0, 10.0, 20.0, 20.0 (x, y, width, height) "
        "has no area or leaves the image"
    )


def no_area(root: Path) -> str:
    edit(root, "train", lambda coco: coco["annotations"][0].update(bbox=[5, 10, 0, 20]))
    return "its box 5.0, 10.0, 0.0, 20.0 (x, y, width, height) has no area or leaves the image"


def no_entry(root: Path) -> str:
    name = first(root, "health")

    def remove(coco: dict) -> None:
        coco["images"] = [image for image in coco["images"] if image["file_name"] != name]

    edit(root, "train", remove)
    return f"imgs/{name}: has no entry in annotations/json"


def not_listed(root: Path) -> str:
    path = root / "lists" / "TBX11K_val.txt"
    name = first(root, "health", "val")
    path.write_text(path.read_text().replace(f"{name}\n", ""))
    return f"annotations/json/TBX11K_val.json: names {name}, which lists/TBX11K_val.txt does not"


def wrong_size(root: Path) -> str:
    name = first(root, "tb", "val")
    Image.new("L", (32, 64)).save(root / "imgs" / name)
    return f"{name}: is 32x64, it was annotated at 64x64"


def unknown_category(root: Path) -> str:
    edit(root, "val", lambda coco: coco["annotations"][0].update(category_id=7))
    return "its box has the unknown category 7"


FAULTS = [missing_image, truncated, transparent, deep, box_outside, no_area, no_entry, not_listed, wrong_size]
FAULTS += [unknown_category]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_one_line_that_names_the_file(root: Path, fault: Callable[[Path], str]) -> None:
    words = fault(root)
    with pytest.raises(WsbenchError) as error:
        loaded(root)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert "--skip-bad" in str(error.value)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_can_be_left_out_and_is_recorded(root: Path, fault: Callable[[Path], str]) -> None:
    words = fault(root)
    data = loaded(root, skip_bad=True)
    assert any(words in line for line in data.describe()["skipped"])
    assert len(data.samples) in (69, 70)  # 70 where the JSON names one image too many


def of_split(root: Path, group: str) -> list[str]:
    """The images of a group in val."""
    lines = (root / "lists" / "TBX11K_val.txt").read_text().split()
    return [line for line in lines if line.startswith(group)]


def merged_ids(root: Path) -> tuple[str, list[str]]:
    """Two files of annotations, whose ids both start at 1, joined."""
    ill, well = first(root, "tb", "val"), first(root, "health", "val")

    def change(coco: dict) -> None:
        number = {image["file_name"]: image for image in coco["images"]}
        number[well]["id"] = number[ill]["id"]

    edit(root, "val", change)
    return "id of several images", [well, ill]


def two_entries(root: Path) -> tuple[str, list[str]]:
    name = first(root, "tb", "val")

    def change(coco: dict) -> None:
        entry = next(image for image in coco["images"] if image["file_name"] == name)
        coco["images"].append({**entry, "id": 10_000})

    edit(root, "val", change)
    return "image of several entries", [name]


def double_boxes(root: Path) -> tuple[str, list[str]]:
    edit(root, "val", lambda coco: coco["annotations"].extend(coco["annotations"][:]))
    return "duplicate box", of_split(root, "tb")


def nearly_double(root: Path) -> tuple[str, list[str]]:
    name = first(root, "tb", "val")

    def change(coco: dict) -> None:
        number = next(image["id"] for image in coco["images"] if image["file_name"] == name)
        box = next(box for box in coco["annotations"] if box["image_id"] == number)
        x, y, width, height = box["bbox"]
        coco["annotations"].append({**box, "category_id": 2, "bbox": [x, y, width * 0.96, height]})

    edit(root, "val", change)
    return "duplicate box", [name]


def box_on_healthy(root: Path) -> tuple[str, list[str]]:
    name = first(root, "health", "val")

    def change(coco: dict) -> None:
        number = next(image["id"] for image in coco["images"] if image["file_name"] == name)
        coco["annotations"].append({**coco["annotations"][0], "image_id": number})

    edit(root, "val", change)
    return "box against label", [name]


def in_both_lists(root: Path) -> tuple[str, list[str]]:
    name = first(root, "tb", "val")
    with (root / "lists" / "TBX11K_train.txt").open("a") as file:
        file.write(f"{name}\n")
    entry = json.loads((root / "annotations/json/TBX11K_val.json").read_text())["images"]
    wanted = next(image for image in entry if image["file_name"] == name)
    edit(root, "train", lambda coco: coco["images"].append({**wanted, "id": 10_000}))
    return "in two lists", [name]


CONTRADICTIONS = [merged_ids, two_entries, double_boxes, nearly_double, box_on_healthy, in_both_lists]


@pytest.mark.parametrize("fault", CONTRADICTIONS, ids=lambda fault: fault.__name__)
def test_what_cannot_be_true_is_found_and_refused(root: Path, fault: Callable, command: Callable) -> None:
    """A perfect detector would have an ap25 below 1; nobody would know why."""
    kind, names = fault(root)
    problems = audit(loaded(root, refuse=False), near_identical=False).problems
    found = [problem for problem in problems if problem.wrong]
    assert {finding.kind for finding in found} <= {
        kind,
        "box against label",
    }  # boxes of an id are on both images
    assert {name for finding in found if finding.kind == kind for name in finding.images} == set(names)
    with pytest.raises(WsbenchError, match="--skip-bad"):
        loaded(root)
    data = loaded(root, skip_bad=True)
    assert {sample.name for sample in loaded(root, refuse=False).samples} == {s.name for s in data.samples}
    assert not {sample.name for sample in data.samples} & set(names)
    assert len(data.samples) == 70 - len(names)
    assert all(any(name in line for line in data.describe()["skipped"]) for name in names)
    code, out, _err = command("data", "check", "tbx11k", "--root", str(root), "-q", "--no-near")
    assert code == 1
    assert f"{kind}: " in out
    assert names[0] in out


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("annotations/json/TBX11K_val.json", "{", "is not a COCO annotation file: Invalid JSON"),
        (
            "annotations/json/TBX11K_val.json",
            "[]",
            "is not a COCO annotation file: Input should be an object",
        ),
        (
            "annotations/json/TBX11K_val.json",
            '{"images": []}',
            "annotation file: annotations: Field required",
        ),
        (
            "annotations/json/TBX11K_train.json",
            '{"images": [], "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, "x", 3]}]}',
            "annotation file: annotations.0.bbox.2: Input should be a valid number",
        ),
        (
            "annotations/json/TBX11K_train.json",
            '{"images": [], "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 3]}]}',
            "a box is on image 1, which is not in it",
        ),
        ("annotations/json/TBX11K_val.json", None, "TBX11K_val.json cannot be read: No such file"),
        ("lists/TBX11K_train.txt", None, "cannot be read"),
        ("lists/TBX11K_train.txt", "tb/../../secret.png", "'tb/../../secret.png' is not tb/NAME or"),
        ("lists/TBX11K_train.txt", "tb/a\0b.png", "is not tb/NAME or"),
        ("lists/TBX11K_train.txt", "tb/a\x1b[2Jb.png", "is not tb/NAME or"),
        ("lists/TBX11K_train.txt", "/etc/passwd", "'/etc/passwd' is not tb/NAME or"),
    ],
)
def test_a_damaged_list_or_json_is_named(root: Path, file: str, text: str | None, words: str) -> None:
    path = root / file
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(WsbenchError) as error:
        loaded(root)
    assert words in str(error.value)
    assert Path(file).name in str(error.value)


def test_the_real_subset(real_tbx11k: Path) -> None:
    """Counts taken from the lists and the JSON by hand."""
    data = loaded(real_tbx11k)
    assert len(data.samples) == 210
    tb = [sample for sample in data.samples if sample.labels]
    assert len(tb) == 90
    assert sum(len(sample.boxes) for sample in tb) == 128
    (unboxed,) = [sample for sample in tb if not sample.boxes]
    assert unboxed.name == "tb/tb1199.png"
    assert data.missing == {"train": (136, 6600), "val": (74, 1800)}
    assert len(data.roles.members["test"]) == 74
    assert data.describe()["subset"] == {"train": [136, 6600], "val": [74, 1800]}
