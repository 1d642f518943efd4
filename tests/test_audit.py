"""``wsbench data check`` finds every fault that is planted, and none in sound data."""

from __future__ import annotations

import io
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from wsbench import testing
from wsbench.cli import main
from wsbench.contract import plugins
from wsbench.data import audit
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent

PHANTOM = ("-D", "images=120", "-D", "size=192")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound TBX11K folder of 120 phantoms."""
    folder = tmp_path_factory.mktemp("sound") / "TBX11K"
    with pytest.raises(SystemExit) as end:
        main(["data", "make", "phantom", str(folder), "--layout", "tbx11k", "-q", *PHANTOM])
    assert not end.value.code
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A copy to plant faults in."""
    return Path(shutil.copytree(sound, tmp_path / "TBX11K"))


def checked(folder: Path) -> list[audit.AuditProblem]:
    loaded = load_dataset(plugins.find(), "tbx11k", {}, Silent(), root=folder, refuse=False)
    return [finding for finding in audit.audit(loaded).problems if finding.kind != "subset"]


def images(folder: Path, group: str, split: str) -> list[Path]:
    names = (folder / "lists" / f"TBX11K_{split}.txt").read_text().split()
    return [folder / "imgs" / name for name in names if name.startswith(group)]


def edit_json(folder: Path, split: str, change: Callable[[dict], object]) -> None:
    path = folder / "annotations" / "json" / f"TBX11K_{split}.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_sound_data_have_nothing(sound: Path) -> None:
    assert checked(sound) == []


def recompressed(path: Path) -> Image.Image:
    buffer = io.BytesIO()
    Image.open(path).save(buffer, "JPEG", quality=60)
    return Image.open(buffer).convert("RGB")


def plant_all(folder: Path) -> dict[str, list[str]]:
    """Every fault once; what each is found as, with the images it is found on."""
    train, val = images(folder, "health", "train"), images(folder, "health", "val")
    sick, tb = images(folder, "sick", "train"), images(folder, "tb", "train")

    train[0].write_bytes(train[0].read_bytes()[:500])
    Image.open(train[1]).convert("RGBA").save(train[1])
    Image.fromarray(np.asarray(Image.open(train[2]).convert("L")).astype(np.uint16) * 200).save(train[2])
    train[3].unlink()
    shutil.copy(train[4], train[5])  # inside a split
    shutil.copy(train[6], val[0])  # across splits
    recompressed(train[7]).save(val[1])
    ImageEnhance.Brightness(Image.open(sick[0])).enhance(0.8).save(sick[1])

    def of(path: Path) -> str:
        return str(path.relative_to(folder / "imgs"))

    def change(content: dict) -> None:
        by_name = {image["file_name"]: image for image in content["images"]}
        boxes = {
            name: [box for box in content["annotations"] if box["image_id"] == image["id"]]
            for name, image in by_name.items()
        }
        boxes[of(tb[0])][0]["bbox"] = [170, 170, 50, 50]
        boxes[of(tb[1])][0]["bbox"][2] = 0
        content["annotations"] = [box for box in content["annotations"] if box not in boxes[of(tb[2])]]
        boxes[of(tb[3])][0]["category_id"] = 9
        content["images"] = [image for image in content["images"] if image["file_name"] != of(sick[2])]
        content["images"].append({"id": 999, "file_name": "health/ghost.png", "width": 192, "height": 192})
        by_name[of(sick[3])]["width"] = 64
        content["categories"][0]["name"] = "ActiveTB"

    edit_json(folder, "train", change)
    bad = [*train[:4], tb[3], sick[2]]
    return {
        "bad image": sorted(
            [f"imgs/{of(path)}" for path in bad] + ["annotations/json/TBX11K_train.json"] * 2
        ),
        "bad box": sorted([of(tb[0]), of(tb[1])]),
        "resized copy": [of(sick[3])],
        "no box": [of(tb[2])],
        "identical": sorted([of(train[4]), of(train[5])]),
        "identical across splits": sorted([of(train[6]), of(val[0])]),
        "near-identical across splits": sorted([of(train[7]), of(val[1])]),
        "near-identical": sorted([of(sick[0]), of(sick[1])]),
        "no role": [of(train[6])],
    }


def test_every_planted_fault_is_found_and_nothing_else(folder: Path) -> None:
    planted = plant_all(folder)
    found: dict[str, list[str]] = {}
    for finding in checked(folder):
        found.setdefault(finding.kind, []).extend(finding.images)
    assert {kind: sorted(names) for kind, names in found.items()} == planted


def test_each_says_what_it_is(folder: Path) -> None:
    plant_all(folder)
    words = Counter(finding.description for finding in checked(folder))
    for part in (
        "is damaged",
        "is a RGBA image; the release's are 8-bit RGB or L",
        "is a I;16 image",
        "cannot be read: No such file",
        "its box 170.0, 170.0, 50.0, 50.0 (x, y, width, height) has no area or leaves the image",
        "has no entry in annotations/json",
        "names health/ghost.png, which lists/TBX11K_train.txt does not",
        "is 192x192, it was annotated at 64x192",
        "its box has the unknown category 9",
        "its category 1 is called 'ActiveTB', the release's 'ActiveTuberculosis'",
        "images with tb have no box of it",
        "in splits train and val",
        "inside split train",
        "the same image or patient is in split 'val'",
    ):
        assert any(part in word for word in words), part


def test_an_odd_size_is_told(folder: Path) -> None:
    loaded = load_dataset(plugins.find(), "tbx11k", {}, Silent(), root=folder)
    first, *others = loaded.samples
    odd = replace(loaded, samples=(replace(first, width=191), *others))
    (finding,) = audit.audit(odd, near_identical=False).problems[-1:]
    assert (finding.kind, finding.images, finding.wrong) == ("odd size", (first.name,), False)
    assert finding.description == "191x192, a size that 1 of 120 images have"


def test_a_patient_in_two_splits_is_a_leak_and_near_twins_of_one_patient_are_none() -> None:
    loaded = testing.toy()
    first, second = (next(s for s in loaded.samples if s.split == split) for split in ("train", "test"))
    samples = tuple(
        replace(sample, patient="p1") if sample in (first, second) else sample for sample in loaded.samples
    )
    findings = audit.audit(replace(loaded, samples=samples), near_identical=False).problems
    (leak,) = [finding for finding in findings if finding.kind == "patient in several splits"]
    assert set(leak.images) == {first.name, second.name}
    assert leak.description == "patient p1: test, train"


def test_near_pairs_by_chunks_are_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (30, 32, 32), dtype=np.uint8)
    images[17] = np.clip(images[3].astype(int) + 5, 0, 255)
    images[29] = images[0]
    monkeypatch.setattr(audit, "BATCH_IMAGES", 7)
    seen: list[int] = []
    assert audit.near_pairs(images, seen.append) == [(0, 29), (3, 17)]
    assert sum(seen) == 30


def test_black_images_are_no_twins() -> None:
    assert audit.near_pairs(np.zeros((3, 32, 32), dtype=np.uint8)) == []


def test_the_command_exits_1_and_writes_json(folder: Path, tmp_path: Path, capsys) -> None:
    plant_all(folder)
    with pytest.raises(SystemExit) as end:
        main(["data", "check", "tbx11k", "--root", str(folder), "-q", "--json", str(tmp_path / "a.json")])
    assert end.value.code == 1
    out = capsys.readouterr().out
    assert "bad image: 8" in out
    assert "... and 4 more; --json FILE has them all" in out
    content = json.loads((tmp_path / "a.json").read_text())
    kinds = Counter(finding["kind"] for finding in content["findings"])
    assert kinds["bad image"] == 8
    assert content["images"]["val"] == [33, 1800]


def screening(folder: Path, pixels: Callable[[int], np.ndarray], count: int = 30) -> Path:
    """A Montgomery folder of these images, half of them with tuberculosis."""
    (folder / "MontgomerySet" / "CXR_png").mkdir(parents=True)
    for number in range(count):
        path = folder / "MontgomerySet" / "CXR_png" / f"MCUCXR_{number:04d}_{number % 2}.png"
        Image.fromarray(pixels(number)).save(path)
    return folder


def test_findings_are_listed_where_no_image_is_left(tmp_path: Path, command: Callable) -> None:
    root = screening(tmp_path / "data", lambda number: np.full((40, 40), number, dtype=np.uint16))
    code, out, _err = command("data", "check", "montgomery", "--root", str(root), "-q")
    assert code == 1
    assert "bad image: 30\n  MCUCXR_0000_0.png: is a I;16 image" in out
    assert "no roles: 1\n  no image is left\n" in out
    assert "fingerprint" not in out
    assert "nothing is wrong" not in out


def test_findings_are_listed_where_too_few_are_left(tmp_path: Path, command: Callable) -> None:
    def pixels(number: int) -> np.ndarray:
        return np.full((40, 40), number, dtype=np.uint8 if number < 2 else np.uint16)

    root = screening(tmp_path / "data", pixels)
    code, out, _err = command("data", "check", "montgomery", "--root", str(root), "-q")
    assert code == 1
    assert "bad image: 28" in out
    assert "no image is left for role" in out


def test_an_image_that_cannot_be_decoded_is_a_finding_and_can_be_left_out(
    tmp_path: Path, command: Callable
) -> None:
    """Pillow verifies a truncated JPEG and cannot decode it."""
    folder = tmp_path / "data" / "Belarus"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for number in range(60):
        pixels = generator.integers(0, 256, (40, 40), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"case {number:03d}.jpg")
    cut = folder / "case 003.jpg"
    cut.write_bytes(cut.read_bytes()[:-30])
    words = ("belarus", "--root", str(folder.parent), "-q")
    code, out, _err = command("data", "check", *words)
    assert code == 1
    assert "bad image: 1\n  belarus/case 003.jpg: is damaged: image file is truncated" in out
    code, _out, err = command("run", "-m", "whole_image", "-d", *words, "--no-references")
    assert (code, "--skip-bad" in err) == (2, True)
    code, out, _err = command("run", "-m", "whole_image", "-d", *words, "--no-references", "--skip-bad")
    assert code == 0
    (record,) = Path("runs").rglob("record.json")
    (line,) = json.loads(record.read_text())["dataset"]["skipped"]
    assert line.startswith("belarus/case 003.jpg: is damaged")


def test_what_cannot_be_compared_is_a_finding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that vanishes between inspection and reading takes no finding away."""
    loaded = load_dataset(plugins.find(), "tbx11k", {}, Silent(), root=folder, refuse=False)
    first = loaded.samples[0]
    (folder / "imgs" / first.name).unlink()
    monkeypatch.setenv("WSBENCH_CACHE", str(folder / "cache"))
    findings = audit.audit(loaded).problems
    (finding,) = [finding for finding in findings if finding.kind == "not compared"]
    assert finding.wrong
    assert Path(first.name).name in finding.description
