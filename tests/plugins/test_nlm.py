"""Montgomery, Shenzhen and Belarus: names, readings, masks, bad files, the layout written and read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsbench.cli import main
from wsbench.contract import plugins
from wsbench.contract.base import Source
from wsbench.data.by_attribute import one_sided
from wsbench.errors import WsbenchError
from wsbench.utils.progress import Silent
from wsbench_plugins.datasets import nlm
from wsbench_plugins.datasets.nlm import _collections

FOUND = plugins.find()


def image(path: Path, value: int = 100, mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((40, 30), value, dtype=np.uint16 if mode == "I;16" else np.uint8)
    Image.fromarray(pixels).convert("L" if mode == "I;16" else mode).save(path)
    if mode == "I;16":
        Image.fromarray(pixels).save(path)
    return path


def load(name: str, root: Path, cache: Path):
    return FOUND.datasets[name].load(nlm.ScreeningSettings(), Source(root, cache, Silent()))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small folder that holds all three collections."""
    root = tmp_path / "data"
    montgomery, shenzhen = root / "MontgomerySet", root / "ChinaSet_AllFiles"
    for place, name in enumerate(("MCUCXR_0001_0", "MCUCXR_0104_1")):
        image(montgomery / "CXR_png" / f"{name}.png", 10 + place)
        for side in ("leftMask", "rightMask"):
            image(montgomery / "ManualMask" / side / f"{name}.png", 255 if side == "leftMask" else 0)
    readings = montgomery / "ClinicalReadings"
    readings.mkdir()
    (readings / "MCUCXR_0001_0.txt").write_text("Patient's Sex: F\nPatient's Age: 024Y\nnormal\n\n")
    for place, name in enumerate(("CHNCXR_0001_0", "CHNCXR_0662_1")):
        image(shenzhen / "CXR_png" / f"{name}.png", 20 + place, mode="RGB")
    image(root / "Belarus" / "case 7" / "a.jpg", 30)
    return root


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Patient's Sex: M\nPatient's Age: 063Y\nTB-right upper lobe cavity\n",
            {"sex": "M", "age": "63", "report": "TB-right upper lobe cavity"},
        ),
        ("Patient's Sex: F\nPatient's Age: 000Y\nnormal", {"sex": "F", "age": "0", "report": "normal"}),
        ("Male 31yrs\nbilateral PTB\n", {"sex": "M", "age": "31", "report": "bilateral PTB"}),
        ("female, 8 months\nnormal", {"sex": "F", "age": "0", "report": "normal"}),
        ("Female 14month\nnormal", {"sex": "F", "age": "1", "report": "normal"}),
        ("female 20days\nSTB", {"sex": "F", "age": "0", "report": "STB"}),
        ("normal", {"report": "normal"}),
        ("", {}),
    ],
)
def test_readings(text: str, expected: dict[str, str]) -> None:
    assert _collections.parse_reading(text) == expected


def test_a_collection_is_read_with_its_labels_and_readings(root: Path, tmp_path: Path) -> None:
    data = load("montgomery", root, tmp_path)
    by_name = {sample.name: sample for sample in data.samples}
    assert {name: sample.labels for name, sample in by_name.items()} == {
        "MCUCXR_0001_0.png": (),
        "MCUCXR_0104_1.png": ("tb",),
    }
    first = by_name["MCUCXR_0001_0.png"]
    assert (first.width, first.height, first.split, first.boxes) == (30, 40, "montgomery", ())
    assert first.attributes == {"collection": "montgomery", "sex": "F", "age": "24", "report": "normal"}
    assert by_name["MCUCXR_0104_1.png"].attributes == {"collection": "montgomery"}
    assert data.read(first, 20, 15).tolist() == np.full((20, 15), 10).tolist()


def test_the_root_may_be_the_collections_own_folder(root: Path, tmp_path: Path) -> None:
    inside = load("shenzhen", root / "ChinaSet_AllFiles", tmp_path)
    assert [sample.name for sample in inside.samples] == ["CHNCXR_0001_0.png", "CHNCXR_0662_1.png"]
    with pytest.raises(
        WsbenchError, match=r"montgomery: .* has none of its images; give --root .*MontgomerySet/"
    ):
        load("montgomery", root / "ChinaSet_AllFiles", tmp_path)


def test_belarus_is_its_own_folder_and_nothing_beside_it(root: Path, tmp_path: Path) -> None:
    for given in (root, root / "Belarus"):
        assert [sample.name for sample in load("belarus", given, tmp_path).samples] == [
            "belarus/case 7/a.jpg"
        ]
    with pytest.raises(WsbenchError, match=r"belarus: .* has none of its images"):
        load("belarus", root / "MontgomerySet", tmp_path)


def test_lung_masks_are_montgomerys(root: Path, tmp_path: Path) -> None:
    data = load("tb_combined", root, tmp_path)
    by_name = {sample.name: sample for sample in data.samples}
    masks = data.organ_masks(by_name["MCUCXR_0001_0.png"], 8)
    assert masks["left_lung"].all() and not masks["right_lung"].any()
    assert data.organ_masks(by_name["CHNCXR_0001_0.png"], 8) is None


def test_together_they_keep_their_names_and_say_where_they_come_from(root: Path, tmp_path: Path) -> None:
    data = load("tb_combined", root, tmp_path)
    found = {sample.name: (sample.split, sample.labels) for sample in data.samples}
    assert found == {
        "MCUCXR_0001_0.png": ("montgomery", ()),
        "MCUCXR_0104_1.png": ("montgomery", ("tb",)),
        "CHNCXR_0001_0.png": ("shenzhen", ()),
        "CHNCXR_0662_1.png": ("shenzhen", ("tb",)),
        "belarus/case 7/a.jpg": ("belarus", ("tb",)),
    }


def test_a_collection_of_one_label_is_named(root: Path, tmp_path: Path) -> None:
    data = load("tb_combined", root, tmp_path)
    assert list(one_sided(data.samples, data.classes)) == ["collection belarus: its one image has tb"]
    alone = load("belarus", root, tmp_path)
    assert list(one_sided(alone.samples, alone.classes)) == []


def test_bad_files_are_named(root: Path, tmp_path: Path) -> None:
    folder = root / "MontgomerySet" / "CXR_png"
    image(folder / "MCUCXR_0002.png")
    image(folder / "MCUCXR_0003_1.png", 3000, mode="I;16")
    (folder / "MCUCXR_0004_1.png").write_bytes(b"no image")
    data = load("montgomery", root, tmp_path)
    what = {problem.file: problem.what for problem in data.problems}
    assert set(what) == {"MCUCXR_0002.png", "MCUCXR_0003_1.png", "MCUCXR_0004_1.png"}
    assert "does not end in _0.png" in what["MCUCXR_0002.png"]
    assert "I;16" in what["MCUCXR_0003_1.png"]
    assert "is damaged" in what["MCUCXR_0004_1.png"]
    assert len(data.samples) == 2


def test_the_phantom_in_their_layout_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    phantom = ["-D", "images=40", "-D", "size=64"]
    with pytest.raises(SystemExit, match="0"):
        main(["data", "make", "phantom", "made", "--layout", "nlm", "-q", *phantom])
    data = load("tb_combined", tmp_path / "made", tmp_path)
    spec = FOUND.datasets["phantom"]
    original = spec.load(spec.settings(images=40, size=64), Source(None, tmp_path, Silent()))
    ordered = sorted(original.samples, key=lambda sample: sample.name)
    back = sorted(data.samples, key=lambda sample: (sample.name[7:], sample.split))
    assert [sample.labels for sample in back] == [sample.labels for sample in ordered]
    assert 0 < sum(bool(sample.labels) for sample in back) < len(back)
    for ours, theirs in zip(back[:4], ordered[:4], strict=True):
        assert np.array_equal(data.read(ours, 64, 64), original.read(theirs, 64, 64))
    masks, whole = data.organ_masks(back[0], 64), original.organ_masks(ordered[0], 64)
    assert np.array_equal(masks["left_lung"], whole["left_lung"])


def test_a_layout_for_other_classes_is_refused(tmp_path: Path) -> None:
    class Other:
        classes = ("spot",)

    with pytest.raises(WsbenchError, match="layout has no classes spot"):
        nlm.write(Other(), tmp_path / "new", Silent())
