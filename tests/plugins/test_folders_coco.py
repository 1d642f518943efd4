"""Folders with COCO files: every box where another reading has it, and every fault named with its file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

import wsbench
from conftest import refused
from own_folders import COCO, coco, coco_folder, edited, entry, film, noise, write_json
from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.base import Source
from wsbench.data.contradictions import contradictions
from wsbench.data.kinds import with_own_datasets
from wsbench.errors import WsbenchError
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A sound folder and its entry, in the working directory."""
    entry(COCO, tmp_path)
    return coco_folder(tmp_path / "films")


def load(root: Path, **settings) -> wsbench.Dataset:
    spec = plugins.find().kinds["coco"]
    values = {"images": "images", "annotations": {"train": "train.json", "test": "test.json"}, **settings}
    return spec.load(spec.settings(**values), Source(root, root.parent / "cache", Silent()))


def independent(root: Path, files: list[str]) -> dict[str, list[tuple[str, tuple[float, ...]]]]:
    """Class and corners of the boxes by image, read in the plainest way."""
    boxes: dict[str, list[tuple[str, tuple[float, ...]]]] = {}
    for file in files:
        value = json.loads((root / file).read_text(encoding="utf-8-sig"))
        for image in value["images"]:
            boxes[image["file_name"]] = []
            for box in value["annotations"]:
                if box["image_id"] == image["id"]:
                    (name,) = [c["name"] for c in value["categories"] if c["id"] == box["category_id"]]
                    x, y, w, h = box["bbox"]
                    boxes[image["file_name"]].append((name, (x, y, x + w, y + h)))
    return boxes


def test_every_box_is_where_another_reading_has_it(root: Path) -> None:
    data = load(root)
    expected = independent(root, ["train.json", "test.json"])
    assert {sample.name for sample in data.samples} == set(expected)
    moved = 0
    for sample in data.samples:
        assert [box.label for box in sample.boxes] == [name for name, _ in expected[sample.name]]
        assert set(sample.labels) == {box.label for box in sample.boxes}
        assert (sample.width, sample.height) == (60, 50)
        for box, (_, corners) in zip(sample.boxes, expected[sample.name], strict=True):
            pairs = zip((box.x0, box.y0, box.x1, box.y1), corners, strict=True)
            moved += any(abs(ours - theirs) > 0.5 for ours, theirs in pairs)
    assert moved == 0
    assert sum(len(sample.boxes) for sample in data.samples) == 15 + 5 + 6 + 2
    assert data.classes == ("Effusion", "Nodule")
    assert data.problems == ()


def test_it_keeps_the_contract_of_datasets(root: Path, tmp_path: Path) -> None:
    spec = with_own_datasets(plugins.find()).datasets["films"]
    testing.check_dataset(spec, spec.settings(), Source(root, tmp_path / "cache", Silent()))


def test_eight_lines_are_scored(root: Path, command) -> None:
    assert len(COCO.splitlines()) <= 8
    code, out, _ = command("data", "check", "films", "--quiet")
    assert code == 0 and out.endswith("nothing is wrong\n")
    results = [
        {"image_id": image["file_name"], "category_id": name, "bbox": [10, 10, 20, 20], "score": 0.5}
        for file in ("train.json", "test.json")
        for image in json.loads((root / file).read_text())["images"]
        for name in ("Effusion", "Nodule")
    ]
    write_json(Path("boxes.json"), results)
    code, out, err = command(
        "evaluate", "-d", "films", "--predictions", "boxes.json", "--name", "mine", "-q", "--no-references"
    )
    assert code == 0, err
    assert "mine" in out


def test_names_as_people_have_them(root: Path) -> None:
    """A space, a suffix in capitals, a folder with a backslash, a short name, JPEG and TIFF."""
    names = ["a film.png", "b.png", r"deep\c.png", "d.jpg", "e.tif", "f.png", "g.PNG"]
    files = ["a film.png", "b.PNG", "deep/c.png", "d.jpg", "e.tif", "deeper/still/f.png", "g.png"]
    for number, file in enumerate(files):
        film(root / "images" / file, 500 + number)
    film(root / "images" / "deeper" / "g.png", 600)  # a whole path is nearer than a file's name
    write_json(root / "more.json", coco(names))
    data = load(root, annotations={"more": "more.json"})
    assert [sample.name for sample in data.samples] == names
    for number, sample in enumerate(data.samples):
        same = abs(data.read(sample, 50, 60).astype(int) - noise(500 + number)).mean()
        assert same < (30 if sample.name == "d.jpg" else 0.01)


def test_letters_with_marks_are_found_in_either_form(root: Path) -> None:
    """macOS writes the names of files with two characters where tables have one."""
    film(root / "images" / "Thora\u0308x.png", 80)
    write_json(root / "more.json", coco(["Thor\u00e4x.png"]))
    (sample,) = load(root, annotations={"more": "more.json"}).samples
    assert sample.name == "Thor\u00e4x.png"


@pytest.mark.parametrize(("out", "kept"), [(0.375, True), (0.625, False)])
def test_a_box_that_sticks_out_by_rounding_is_cut(root: Path, out: float, kept: bool) -> None:
    box = [-out, 10, 30 + 2 * out, 40 + out]
    edited(root / "train.json", lambda value: value["annotations"][0].update(bbox=box))
    data = load(root)
    sample = next(sample for sample in data.samples if sample.name == "train01.png")
    corners = [(box.x0, box.y0, box.x1, box.y1) for box in sample.boxes]
    assert corners == [(0, 10, 30 + out, 50) if kept else (-out, 10, 30 + out, 50 + out)]
    assert bool(contradictions(data.samples, data.classes)) != kept


def test_a_byte_order_mark_and_windows_line_ends(root: Path) -> None:
    before = load(root).samples
    for file in ("train.json", "test.json"):
        text = json.dumps(json.loads((root / file).read_text()), indent=1).replace("\n", "\r\n")
        (root / file).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load(root).samples == before
    names = sorted(sample.name for sample in before if sample.split == "test")
    lists = {"fit": names[:8], "other": names[8:]}
    for split, inside in lists.items():
        (root / f"{split}.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*inside, "", ""]).encode())
    data = load(root, annotations="test.json", lists={"fit": "fit.txt", "other": "other.txt"})
    assert {sample.name: sample.split for sample in data.samples} == {
        name: split for split, inside in lists.items() for name in inside
    }


def test_lists_may_leave_suffixes_out_and_name_each_image_once(root: Path) -> None:
    (root / "a.txt").write_text("test00\ntest01\n")
    (root / "b.txt").write_text("test02.png\ntest01\nnobody\n")
    data = load(root, annotations="test.json", lists={"a": "a.txt", "b": "b.txt"})
    assert {sample.name: sample.split for sample in data.samples if sample.name != "test01.png"} == {
        "test00.png": "a",
        "test02.png": "b",
    }
    words = {(problem.file, problem.what): problem.images for problem in data.problems}
    assert words["a.txt", "test01.png is in the lists of a and b"] == ("test01.png",)
    assert words["b.txt, line 3", "names nobody, which test.json does not"] == ()


def test_a_folder_for_every_split_keeps_equal_names_apart(tmp_path: Path) -> None:
    root = tmp_path / "films"
    for number, split in enumerate(("train", "val")):
        film(root / split / "1.png", number)
        write_json(root / f"{split}.json", coco(["1.png"]))
    splits = {"train": "train.json", "val": "val.json"}
    data = load(root, annotations=splits, images={"train": "train", "val": "val"})
    assert [(sample.name, sample.split) for sample in data.samples] == [
        ("train/1.png", "train"),
        ("val/1.png", "val"),
    ]
    assert (data.read(data.samples[1], 50, 60) == noise(1)).all()
    with pytest.raises(WsbenchError, match="images: has no folder for the split 'val'"):
        load(root, annotations=splits, images={"train": "train"})


def test_categories_become_classes_by_a_map(root: Path) -> None:
    data = load(root, classes={"Nodule": "lesion", "Effusion": None})
    assert data.classes == ("lesion",)
    boxes = [box for sample in data.samples for box in sample.boxes]
    assert {(box.label, box.kind) for box in boxes} == {("lesion", "Nodule")}
    with pytest.raises(WsbenchError, match=r"unknown category in classes.*'Nodul'; did you mean 'Nodule'"):
        load(root, classes={"Nodul": "lesion", "Effusion": None})
    with pytest.raises(WsbenchError, match=r"has the category 'Effusion', .*'Effusion: null' to pass"):
        load(root, classes={"Nodule": "lesion"})


def test_an_image_without_a_box_is_normal_or_left_out(root: Path) -> None:
    assert len(load(root).samples) == 42
    data = load(root, unboxed="unknown")
    assert len(data.samples) == 21 and all(sample.labels for sample in data.samples)
    (first, _, unnamed) = data.problems
    assert (first.what, first.remedy) == ("15 images without a box are left out (unboxed: unknown)", "none")
    assert unnamed.remedy == "none"


def test_patients_share_a_role(root: Path, command) -> None:
    for file in ("train.json", "test.json"):
        edited(root / file, lambda value: [i.update(who=i["id"] // 2) for i in value["images"]])
    entry(COCO + "  patient: who\n  stratified: false\n", Path.cwd())
    code, out, _ = command("data", "check", "films", "--quiet")
    assert code == 1
    assert "patient in several splits" in out  # both files count from the same number
    edited(root / "test.json", lambda value: [i.update(who=f"t{i['id'] // 2}") for i in value["images"]])
    assert command("data", "check", "films", "--quiet")[0] == 0
    edited(root / "test.json", lambda value: value["images"][3].pop("who"))
    line = refused(command("data", "check", "films", "--quiet"))
    assert "patient: who: the entry of test03.png has no such key" in line


def with_image(value, place: int, **changes) -> None:
    value["images"][place].update(changes)


FAULTS = {
    "box of no image": (
        lambda v: v["annotations"][0].update(image_id=7),
        "train.json: a box is on image 7, which is not in it",
    ),
    "id of several images": (
        lambda v: with_image(v, 1, id=100),
        "train.json: id 100 names 2 images, train00.png and train01.png",
    ),
    "image of several entries": (
        lambda v: with_image(v, 1, file_name="train00.png"),
        "train.json: train00.png has several entries, in train.json (train)",
    ),
    "missing image": (
        lambda v: with_image(v, 1, file_name="gone.png"),
        "train.json: names gone.png, of which there is no file",
    ),
    "bad annotation": (
        lambda v: v["annotations"][0].update(category_id=9),
        "train.json: train01.png has a box of the unknown category 9",
    ),
    "bad box": (
        lambda v: v["annotations"][0].update(bbox=[50, 10, 25, 20]),
        "train01.png: its box 50.0, 10.0, 25.0, 20.0 (x, y, width, height) has no area or leaves the image",
    ),
    "duplicate box": (
        lambda v: v["annotations"].append(dict(v["annotations"][0])),
        "train01.png: its boxes of Nodule",
    ),
    "resized copy": (
        lambda v: with_image(v, 1, width=120, height=100),
        "train01.png: is 60x50, it was annotated at 120x100",
    ),
    "bad name": (
        lambda v: with_image(v, 1, file_name="../images/train01.png"),
        "its name leads out of the dataset's folder",
    ),
    "name that cannot be shown": (
        lambda v: with_image(v, 1, file_name="images/\u202etrain01.png"),
        "names images/\u202etrain01.png, of which there is no file",
    ),
    "crowd": (lambda v: v["annotations"][0].update(iscrowd=1), "train01.png has an annotation of a crowd"),
    "no bbox": (lambda v: v["annotations"][0].pop("bbox"), "train01.png has an annotation without bbox"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_left_out(root: Path, command, fault: str) -> None:
    edit, words = FAULTS[fault]
    edited(root / "train.json", edit)
    with pytest.raises(WsbenchError) as error:
        load_dataset(with_own_datasets(plugins.find()), "films", {}, Silent())
    line = str(error.value)
    assert words[:90] in line and "--skip-bad" in line
    code, out, _ = command("data", "check", "films", "--quiet", "--no-near")
    assert code == 1
    assert words.partition(": ")[2][:40] in " ".join(out.split())
    loaded = load_dataset(with_own_datasets(plugins.find()), "films", {}, Silent(), skip_bad=True)
    skipped = loaded.describe()["skipped"]
    assert any(words.partition(": ")[2][:40] in line for line in skipped)
    kept = {"box of no image": 42, "id of several images": 40, "image of several entries": 40}
    assert sum(loaded.describe()["images"].values()) == kept.get(fault, 41)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "is not a COCO annotation file: Input should be an object"),
        ('{"images": [], "categories": [', "is not a COCO annotation file: Invalid JSON"),
        ('{"images": [{"id": 1}], "categories": []}', "images.0.file_name: Field required"),
        ("\xff", "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_coco_file(root: Path, command, text: str, words: str) -> None:
    (root / "train.json").write_text(text, encoding="latin-1")
    line = refused(command("data", "check", "films", "--quiet"))
    assert "train.json" in line and words in line


def test_a_file_that_is_not_there(root: Path, command) -> None:
    (root / "train.json").unlink()
    assert "train.json cannot be read" in refused(command("data", "check", "films", "--quiet"))


def test_damaged_and_duplicate_images_are_found(root: Path, command) -> None:
    (root / "images" / "train02.png").write_bytes((root / "images" / "train02.png").read_bytes()[:60])
    shutil.copy(root / "images" / "train05.png", root / "images" / "test06.png")
    (root / "images" / "sub").mkdir()
    film(root / "images" / "sub" / "train03.tif", 99)
    code, out, _ = command("data", "check", "films", "--quiet")
    assert code == 1
    words = " ".join(out.split())
    assert "images/train02.png: is damaged" in words
    assert "identical across splits" in words
    assert "1 image files are named in no annotation: train03.tif" in words


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_an_image_that_programs_show_turned_is_doubted(root: Path, suffix: str) -> None:
    """Nobody knows in which frame its boxes are."""
    exif = Image.Exif()
    exif[0x0112] = 3
    for name, words in (("turned", {"exif": exif}), ("upright", {})):
        Image.fromarray(noise(7)).save(root / "images" / f"{name}.{suffix}", **words)
    write_json(root / "more.json", coco([f"turned.{suffix}", f"upright.{suffix}"]))
    data = load(root, annotations={"more": "more.json"})
    assert [sample.name for sample in data.samples] == [f"upright.{suffix}"]
    problem = next(problem for problem in data.problems if problem.remedy == "skip")
    assert problem.images == (f"turned.{suffix}",) and "Exif orientation" in problem.what


def test_real_files_are_read_as_their_own_reader_does(real_tbx11k: Path, tmp_path: Path) -> None:
    """Real TBX11K as any COCO folder: every box where its own plugin has it."""
    files = {split: f"annotations/json/TBX11K_{split}.json" for split in ("train", "val")}
    kind, own = plugins.find().kinds["coco"], plugins.find().datasets["tbx11k"]
    source = Source(real_tbx11k, tmp_path / "cache", Silent())
    data = kind.load(kind.settings(images="imgs", annotations=files), source)
    theirs = {sample.name: sample for sample in own.load(own.settings(), source).samples}
    assert {sample.name for sample in data.samples} == set(theirs)
    moved = 0
    for sample in data.samples:
        expected = theirs[sample.name]
        assert (sample.content, sample.split) == (expected.content, expected.split)
        for ours, other in zip(sample.boxes, expected.boxes, strict=True):
            moved += max(abs(getattr(ours, n) - getattr(other, n)) for n in ("x0", "y0", "x1", "y1")) > 0.5
    assert moved == 0 and sum(len(sample.boxes) for sample in data.samples) > 100


def test_a_short_name_of_several_files_and_two_names_of_one_file_are_doubted(root: Path) -> None:
    film(root / "images" / "x" / "n.png", 70)
    film(root / "images" / "y" / "n.png", 71)
    film(root / "images" / "m.png", 72)
    write_json(root / "more.json", coco(["n.png", "m.png", "m"]))
    data = load(root, annotations={"more": "more.json"})
    words = {problem.kind: problem for problem in data.problems}
    assert words["name of several files"].what == "n.png may be images/x/n.png and images/y/n.png"
    assert words["file of several names"].images == ("m.png", "m")


def test_images_of_16_bits_need_to_be_told_black_and_white(root: Path) -> None:
    deep = noise(3).astype("uint16") * 16
    Image.fromarray(deep).save(root / "images" / "train00.png")
    data = load(root)
    (problem,) = data.problems
    assert problem.images == ("train00.png",) and "such as grey_levels: [0, 4095]" in problem.what
    contents = set()
    for levels in ((0, 4080), (4080, 0), (0, 2040)):
        data = load(root, grey_levels=levels)
        sample = next(sample for sample in data.samples if sample.name == "train00.png")
        expected = ((deep.astype(float) - levels[0]) / (levels[1] - levels[0])).clip(0, 1) * 255
        assert abs(data.read(sample, 50, 60) - expected).max() <= 0.5
        contents.add(sample.content)
    assert len(contents) == 3  # so that no cache of other levels is taken for these
    with pytest.raises(Exception, match="black and white must be different"):
        load(root, grey_levels=(5, 5))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("imges: films", "imges: no key of kind coco; did you mean 'images'?"),
        ("images: ../films", "images: must be a path inside the dataset's folder"),
        ("unboxed: healthy", "unboxed: Input should be 'normal' or 'unknown'"),
        ("lists: {a: a.txt}", "lists: go with a single JSON file"),
        ("classes: {no: x}", "classes: YAML reads it as false; write it in quotes"),
    ],
)
def test_wrong_keys_are_one_line(root: Path, command, line: str, words: str) -> None:
    lines = [old for old in COCO.splitlines() if not old.strip().startswith(line.partition(":")[0])]
    entry("\n".join([*lines, f"  {line}\n"]), Path.cwd())
    reason = refused(command("data", "check", "films", "--quiet"))
    assert "datasets.yaml: films: " in reason and words in reason
