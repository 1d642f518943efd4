"""Files as people have them: byte-order marks, suffixes, hidden files, names that are no text, ``~``."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsbench.contract import plugins
from wsbench.data import catalog
from wsbench.data.cache import cache_folder
from wsbench.errors import WsbenchError
from wsbench.files import user_files, writing
from wsbench.predictions import coco
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent

MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
FOUND = plugins.find()


def image(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (32, 32), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def nih(tmp_path: Path) -> Path:
    """Sixty patients of one image; the last twenty are tested, and every second of these has a box."""
    root = tmp_path / "nih"
    names = [f"{patient:08d}_000.png" for patient in range(60)]
    header = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position"
    entries = [f"{header},OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"]
    boxes = ["Image Index,Finding Label,Bbox [x,y,w,h],,,"]
    for patient, name in enumerate(names):
        image(root / "images" / name, patient)
        entries.append(f"{name},{'Effusion' if patient % 2 else 'No Finding'},0,{patient},50,F,PA,32,32,,")
        if patient % 2 and patient >= 40:
            boxes.append(f"{name},Effusion,2,2,10,10,,,")
    (root / "Data_Entry_2017_v2020.csv").write_text("\n".join(entries) + "\n")
    (root / "BBox_List_2017.csv").write_text("\n".join(boxes) + "\n")
    (root / "train_val_list.txt").write_text("\n".join(names[:40]) + "\n")
    (root / "test_list.txt").write_text("\n".join(names[40:]) + "\n")
    return root


@pytest.fixture
def tbx11k(tmp_path: Path) -> Path:
    phantom, writer = FOUND.datasets["phantom"], FOUND.datasets["tbx11k"]
    data = load_dataset(FOUND, phantom.name, {"images": 60, "size": 64}, Silent())
    writer.write(data.dataset, tmp_path / "TBX11K", Silent())
    return tmp_path / "TBX11K"


def fingerprint(name: str, root: Path, problems: int = 0) -> str:
    data = load_dataset(FOUND, name, {}, Silent(), root=root, skip_bad=bool(problems))
    assert len(data.skipped) == problems
    return data.fingerprint


def marked(*paths: Path) -> None:
    for path in paths:
        path.write_text(MARK + path.read_text(encoding="utf-8"), encoding="utf-8")


def test_byte_order_marks_change_nothing(nih: Path, tbx11k: Path, tmp_path: Path) -> None:
    before = fingerprint("nih", nih), fingerprint("tbx11k", tbx11k)
    marked(*nih.glob("*.*"), *tbx11k.glob("lists/*"), *tbx11k.glob("annotations/json/*"))
    assert (fingerprint("nih", nih), fingerprint("tbx11k", tbx11k)) == before
    path = tmp_path / "own" / "datasets.yaml"
    path.parent.mkdir()
    path.write_text("mine: {licence: own}\n")
    (tmp_path / "a.json").write_text('{"a": 1}')
    marked(path, tmp_path / "a.json")
    assert catalog.read_entries(path.parent)["mine"].licence == "own"
    assert writing.read_json(tmp_path / "a.json") == {"a": 1}
    assert json.loads(coco.read_bytes(tmp_path / "a.json")) == {"a": 1}


def test_text_of_another_encoding_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("images", encoding="utf-16")
    with pytest.raises(WsbenchError, match=r"list\.txt is not UTF-8 text \(byte 0\); save it as UTF-8$"):
        user_files.read_text(path)
    with pytest.raises(WsbenchError, match=r"none\.txt cannot be read: No such file or directory$"):
        user_files.read_text(tmp_path / "none.txt")


@pytest.mark.parametrize("left", ["\n", "\n\n", ",,,,,,,,\n", " , ,\n"])
def test_rows_without_content_are_passed_over(nih: Path, left: str) -> None:
    before = fingerprint("nih", nih)
    for path in nih.glob("*.csv"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join([lines[0], left, *lines[1:], left]))
    assert fingerprint("nih", nih) == before


@pytest.mark.parametrize("name", ["nih", "tbx11k"])
def test_a_suffix_in_upper_case_changes_nothing(name: str, request: pytest.FixtureRequest) -> None:
    root = request.getfixturevalue(name)
    before = fingerprint(name, root)
    for path in [*root.rglob("*.png")][::3]:
        path.rename(path.with_suffix(".PNG"))
    assert fingerprint(name, root) == before


def test_the_same_image_under_both_suffixes_is_a_finding(nih: Path) -> None:
    path = nih / "images" / "00000005_000.png"
    shutil.copy(path, path.with_suffix(".PNG"))
    data = load_dataset(FOUND, "nih", {}, Silent(), root=nih, skip_bad=True)
    assert [problem.file for problem in data.skipped] == ["images/00000005_000.PNG"]
    assert len(data.samples) == 60


def test_what_macos_leaves_beside_images_is_none(nih: Path, tmp_path: Path) -> None:
    before = fingerprint("nih", nih)
    for path in [*nih.glob("images/*.png")][:3]:
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\26\7")
    assert fingerprint("nih", nih) == before
    folder = tmp_path / "Belarus"
    for number in range(40):
        image(folder / f"case {number}" / "a.JPG", number)
    image(folder / "__MACOSX" / "case 1" / "a.JPG")
    image(folder / "case 1" / "._a.JPG")
    names = {sample.name for sample in load_dataset(FOUND, "belarus", {}, Silent(), root=folder).samples}
    assert names == {f"belarus/case {number}/a.JPG" for number in range(40)}


def test_montgomerys_images_and_masks_may_have_suffixes_in_either_case(tmp_path: Path) -> None:
    folder = tmp_path / "MontgomerySet"
    names = [f"MCUCXR_{number:04d}_{number % 2}" for number in range(60)]
    for number, name in enumerate(names):
        image(folder / "CXR_png" / f"{name}{'.PNG' if number % 3 else '.png'}", number)
        for side in ("leftMask", "rightMask"):
            image(folder / "ManualMask" / side / f"{name}{'.PNG' if number % 4 else '.png'}")
    image(folder / "CXR_png" / f"._{names[0]}.png")
    data = load_dataset(FOUND, "montgomery", {}, Silent(), root=tmp_path)
    assert [sample.name for sample in data.samples] == sorted(f"{name}.png" for name in names)
    assert all(data.dataset.organ_masks(sample, 8) for sample in data.samples)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such name")
def test_a_name_that_is_no_utf8_is_a_finding(tmp_path: Path, command) -> None:
    folder = tmp_path / "Belarus"
    for number in range(40):
        image(folder / f"case {number}.png", number)
    (folder / "case 4.png").rename(folder / os.fsdecode("случай 4.png".encode("cp1251")))
    for _ in range(2):  # the second time, facts are remembered
        words = ["belarus", "--root", str(folder), "-q", "--no-near", "--json", "found.json"]
        code, out, err = command("data", "check", *words)
        assert (code, err) == (1, "")
        (line,) = [line for line in out.splitlines() if "its name is not UTF-8; rename it" in line]
        assert line.strip().startswith("belarus/") and "4.png" in line and line.isprintable()
    assert "rename it" in Path("found.json").read_text(encoding="utf-8")
    assert len(load_dataset(FOUND, "belarus", {}, Silent(), root=folder, skip_bad=True).samples) == 39


def test_a_tilde_is_the_home_folder(tbx11k: Path, tmp_path: Path, command, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    _, out, _ = command("data", "check", "tbx11k", "--root=~/TBX11K", "-q", "--no-near", "--json", "~/a.json")
    assert "tbx11k: images by role" in out and (tmp_path / "a.json").is_file()
    monkeypatch.setenv("WSBENCH_DATA", "~")
    assert catalog.root_of("tbx11k", catalog.Entry(folder="TBX11K"), None) == tbx11k
    monkeypatch.delenv("WSBENCH_DATA")
    Path("datasets.yaml").write_text("tbx11k: {root: ~/TBX11K, organs: ~/organs}\n")
    entry = catalog.read_entries()["tbx11k"]
    assert (entry.root, entry.organs) == (tbx11k, tmp_path / "organs")
    monkeypatch.setenv("WSBENCH_CACHE", "~/cache")
    assert cache_folder() == tmp_path / "cache"
    hook = "import wsbench\n@wsbench.hookimpl\ndef wsbench_metrics(): "
    (tmp_path / "mine.py").write_text(f"{hook}return [wsbench.MetricSpec('mine', '', sum)]\n")
    monkeypatch.setenv("WSBENCH_PLUGINS", "~/mine.py")
    assert "mine" in plugins.find().metrics
    assert user_files.expanded("~nobody-of-that-name/x") == Path("~nobody-of-that-name/x")
