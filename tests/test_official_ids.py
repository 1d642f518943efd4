"""COCO results whose ids are those of the dataset's own annotation files need no further option."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from conftest import refused
from external_examples import scored
from own_folders import COCO, coco_folder, edited, entry, film
from wsbench.contract import plugins
from wsbench.data.dataset import Loaded
from wsbench.data.kinds import with_own_datasets
from wsbench.errors import WsbenchError
from wsbench.predictions import external
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent

VAL = "annotations/json/TBX11K_val.json"

Result = dict[str, Any]


class Said(Silent):
    """Remembers what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small phantom as an official TBX11K folder."""
    from wsbench.contract.base import Source

    found = plugins.find()
    settings = found.datasets["phantom"].settings(images=70, size=64)
    phantom = found.datasets["phantom"].load(settings, Source(None, Path(), Silent()))
    folder = tmp_path_factory.mktemp("made") / "TBX11K"
    found.datasets["tbx11k"].write(phantom, folder, Silent())
    return folder


@pytest.fixture(scope="module")
def loaded(made: Path) -> Loaded:
    return load_dataset(plugins.find(), "tbx11k", {}, Silent(), root=made)


def official(root: Path, file: str = VAL) -> dict[str, Any]:
    """An official JSON, read without wsbench."""
    return json.loads((root / file).read_text())


def truth_as_results(coco: dict[str, Any]) -> list[Result]:
    """The truth as results, with the ids of its file."""
    keys = ("image_id", "category_id", "bbox")
    return [{**{key: box[key] for key in keys}, "score": 0.9} for box in coco["annotations"]]


def by_names(results: Sequence[Result], coco: dict[str, Any]) -> list[Result]:
    """The same results, with names in place of ids."""
    name_of = {image["id"]: image["file_name"] for image in coco["images"]}
    return [{**result, "image_id": name_of[result["image_id"]], "category_id": "tb"} for result in results]


def read(
    path: Path, results: Sequence[Result], loaded: Loaded, **options: Any
) -> external.ExternalPredictions:
    path.write_text(json.dumps(list(results)))
    return external.read_predictions(path, "program", loaded, **options)


def boxes_by_image(
    read_predictions: external.ExternalPredictions, loaded: Loaded
) -> dict[str, list[tuple[str, float, float, float, float]]]:
    """The boxes of every test image, sorted."""
    boxes = read_predictions.parts["test"].boxes
    assert boxes is not None
    return {
        name: sorted((box.label, box.x0, box.y0, box.x1, box.y1) for box in of_image)
        for name, of_image in zip(loaded.roles.members["test"], boxes, strict=True)
        if of_image
    }


def truth_by_image(coco: dict[str, Any]) -> dict[str, list[tuple[str, float, float, float, float]]]:
    name_of = {image["id"]: image["file_name"] for image in coco["images"]}
    boxes: dict[str, list[tuple[str, float, float, float, float]]] = {}
    for box in coco["annotations"]:
        x, y, width, height = box["bbox"]
        boxes.setdefault(name_of[box["image_id"]], []).append(("tb", x, y, x + width, y + height))
    return {name: sorted(of_image) for name, of_image in boxes.items()}


def test_official_ids_of_a_made_folder_are_those_of_its_val_file(
    made: Path, loaded: Loaded, tmp_path: Path
) -> None:
    coco = official(made)
    results = truth_as_results(coco)
    assert {result["category_id"] for result in results} >= {1, 2}
    numeric = boxes_by_image(read(tmp_path / "r.json", results, loaded), loaded)
    assert numeric.keys() == truth_by_image(coco).keys()
    for name, boxes in truth_by_image(coco).items():
        assert [box[0] for box in numeric[name]] == ["tb"] * len(boxes)
        for found, true in zip(numeric[name], boxes, strict=True):
            assert found[1:] == pytest.approx(true[1:])
    assert boxes_by_image(read(tmp_path / "n.json", by_names(results, coco), loaded), loaded) == numeric


def test_numbers_that_a_program_wrote_as_text_are_the_same_ids(
    made: Path, loaded: Loaded, tmp_path: Path
) -> None:
    results = truth_as_results(official(made))
    as_text = [
        {**result, "image_id": str(result["image_id"]), "category_id": str(result["category_id"])}
        for result in results
    ]
    numeric = boxes_by_image(read(tmp_path / "r.json", results, loaded), loaded)
    assert boxes_by_image(read(tmp_path / "t.json", as_text, loaded), loaded) == numeric


def test_official_names_of_categories_are_classes(made: Path, loaded: Loaded, tmp_path: Path) -> None:
    coco = official(made)
    name_of = {category["id"]: category["name"] for category in coco["categories"]}
    results = truth_as_results(coco)
    named = [{**result, "category_id": name_of[result["category_id"]]} for result in results]
    numeric = boxes_by_image(read(tmp_path / "r.json", results, loaded), loaded)
    assert boxes_by_image(read(tmp_path / "c.json", named, loaded), loaded) == numeric
    # A file that lists the official categories says no more than the official file itself.
    (tmp_path / "f.json").write_text(
        json.dumps({"categories": coco["categories"], "annotations": truth_as_results(coco)})
    )
    whole = external.read_predictions(tmp_path / "f.json", "program", loaded)
    assert boxes_by_image(whole, loaded) == numeric


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_id": "tb/p0001.png"}, "image_ids are numbers, such as {number}, and names, such as 'tb/"),
        ({"category_id": "tb"}, "category_ids are numbers, such as {category}, and names, such as 'tb'"),
        ({"image_id": 4711}, "image_id 4711 is no id of annotations/json/TBX11K_val.json; give --images"),
        ({"image_id": -1}, "image_id -1 is no id of annotations/json/TBX11K_val.json; give --images"),
        ({"category_id": 0}, "category 0 is no class of tbx11k (tb); say which with --category 0=CLASS"),
    ],
)
def test_ids_that_cannot_be_trusted_are_refused(
    change: Result, words: str, made: Path, loaded: Loaded, tmp_path: Path
) -> None:
    first, *others = truth_as_results(official(made))
    with pytest.raises(WsbenchError) as error:
        read(tmp_path / "r.json", [*others, {**first, **change}], loaded)
    message = str(error.value)
    assert words.format(number=others[0]["image_id"], category=others[0]["category_id"]) in message
    assert "\n" not in message


def test_ids_of_another_file_are_given_by_name(made: Path, loaded: Loaded, tmp_path: Path) -> None:
    """Files of train and val both count from 1, and that of both has other numbers: the file that lists the
    test images counts, unless the user names another."""
    both = "annotations/json/TBX11K_trainval.json"
    results = truth_as_results(official(made, both))
    with pytest.raises(WsbenchError, match=r"is no id of annotations/json/TBX11K_val\.json; give --images"):
        read(tmp_path / "r.json", results, loaded)
    numeric = boxes_by_image(read(tmp_path / "r.json", results, loaded, images=made / both), loaded)
    assert {name: len(of_image) for name, of_image in numeric.items()} == {
        name: len(of_image) for name, of_image in truth_by_image(official(made)).items()
    }


def test_what_official_ids_mean_is_part_of_the_predictions(
    made: Path, loaded: Loaded, tmp_path: Path
) -> None:
    """Other ids in the official file are other predictions, though the file and the data are the same. Names
    do not depend on them."""
    from dataclasses import replace

    coco = official(made)
    results = truth_as_results(coco)
    name_of = {image["id"]: image["file_name"] for image in coco["images"]}
    turned = dict(zip(name_of, reversed(name_of.values()), strict=True))
    dataset = load_dataset(plugins.find(), "tbx11k", {}, Silent(), root=made).dataset
    dataset.official_images = {VAL: turned}
    other = replace(loaded, dataset=dataset)
    assert other.fingerprint == loaded.fingerprint
    ours, theirs = (read(tmp_path / "r.json", results, data) for data in (loaded, other))
    assert ours.content != theirs.content
    assert boxes_by_image(ours, loaded) != boxes_by_image(theirs, other)
    named = by_names(results, coco)
    ours, theirs = (read(tmp_path / "n.json", named, data) for data in (loaded, other))
    assert ours.content == theirs.content


def test_the_real_folder_needs_no_option(real_tbx11k: Path, tmp_path: Path, command: Callable) -> None:
    """A perfect detector's results by the ids of the real files reach 1, by names as well."""
    coco = official(real_tbx11k)
    assert len({box["category_id"] for box in coco["annotations"]}) == 2
    numeric = truth_as_results(coco)
    values = {}
    for name, results in (("numeric", numeric), ("named", by_names(numeric, coco))):
        (tmp_path / f"{name}.json").write_text(json.dumps(results))
        words = ("evaluate", "-d", "tbx11k", "--root", str(real_tbx11k), "--predictions", f"{name}.json")
        code, _out, err = command(*words, "--no-references", "-q")
        assert code == 0, err
        (path,) = tmp_path.glob(f"runs/tbx11k/{name}/*/record.json")
        record = json.loads(path.read_text())
        metrics = record["protocols"]["paper"]["metrics"]
        values[name] = {metric: metrics[metric]["value"] for metric in ("ap25", "ap50", "auc")}
    assert values["numeric"] == values["named"]
    assert values["numeric"]["ap50"] == pytest.approx(1.0)
    mixed = [*numeric[1:], *by_names(numeric[:1], coco)]
    (tmp_path / "mixed.json").write_text(json.dumps(mixed))
    line = refused(command(*words[:-1], "mixed.json", "--no-references", "-q"))
    assert line.startswith("mixed.json: image_ids are numbers, such as 2, and names, such as 'tb/")


# Folders without Python.


def films(**options: Any) -> Loaded:
    found = with_own_datasets(plugins.find())
    return load_dataset(found, "films", options, Silent())


def a_box(image: Any, category: Any = 2) -> Result:
    return {"image_id": image, "category_id": category, "bbox": [3, 10, 25, 20], "score": 0.5}


def test_a_coco_folder_offers_the_ids_of_its_files(tmp_path: Path) -> None:
    """Both files count from 100: the one that lists the test images counts. Category 1 is Effusion."""
    coco_folder(tmp_path / "films")
    entry(COCO, tmp_path)
    loaded = films()
    boxes = boxes_by_image(read(tmp_path / "r.json", [a_box(101), a_box(102, 1)], loaded), loaded)
    assert {name: box[0] for name, (box,) in boxes.items()} == {
        "test01.png": "Nodule",
        "test02.png": "Effusion",
    }
    record = scored(tmp_path / "r.json", loaded)
    assert set(record.boxes()["image"]) == {"test01.png", "test02.png"}


def test_an_id_of_two_images_is_refused(tmp_path: Path) -> None:
    """Where images of both files are tested, both files count."""
    coco_folder(tmp_path / "films")
    roles = "{fit: 0.5, select: 0.1, calibrate: 0.1, test: 0.3}"
    entry(COCO + f"  roles:\n    train: {roles}\n    test: {roles}\n", tmp_path)
    loaded = films()
    with pytest.raises(WsbenchError, match=r"image_id 101 is train01\.png in train\.json and test01\.png in"):
        read(tmp_path / "r.json", [a_box(101)], loaded)
    assert "train29.png" in {sample.name for sample in loaded.samples}
    read(tmp_path / "r.json", [a_box(129)], loaded)  # only train.json has so many


def test_text_that_is_an_id_and_a_short_name_is_refused(tmp_path: Path) -> None:
    coco_folder(tmp_path / "films")

    def renamed(coco: dict[str, Any]) -> None:
        coco["images"][1]["file_name"] = "102.png"  # whose id is 101

    film(tmp_path / "films" / "images" / "102.png", 7)
    edited(tmp_path / "films" / "test.json", renamed)
    entry(COCO, tmp_path)
    loaded = films()
    with pytest.raises(
        WsbenchError, match=r"'102' is the official id of test02\.png and a short name of 102\.png"
    ):
        read(tmp_path / "r.json", [a_box("102")], loaded)
    for image, name in ((102, "test02.png"), ("102.png", "102.png"), ("101", "102.png")):
        assert list(boxes_by_image(read(tmp_path / "r.json", [a_box(image)], loaded), loaded)) == [name]


def test_categories_and_images_that_are_not_used_are_passed_over(tmp_path: Path) -> None:
    """``classes`` may pass over boxes of a category, and ``unboxed: unknown`` images."""
    coco_folder(tmp_path / "films")
    entry(COCO + "  classes: {Effusion: null, Nodule: nodule}\n  unboxed: unknown\n", tmp_path)
    found, said = with_own_datasets(plugins.find()), Said()
    loaded = load_dataset(found, "films", {}, said)
    assert "test02.png" not in {sample.name for sample in loaded.samples}
    results = [a_box(101), a_box(103, 1), a_box(103, 1), a_box(102)]
    boxes = boxes_by_image(read(tmp_path / "r.json", results, loaded), loaded)
    assert {name: [box[0] for box in of_image] for name, of_image in boxes.items()} == {
        "test01.png": ["nodule"]
    }
    assert said.lines[-1].endswith("r.json: boxes that films does not use: 2 of category 1")


def test_ids_that_two_files_give_to_different_categories_are_not_offered(tmp_path: Path) -> None:
    coco_folder(tmp_path / "films")

    def swapped(coco: dict[str, Any]) -> None:
        for category in coco["categories"]:
            category["id"] = 3 - category["id"]
        for box in coco["annotations"]:
            box["category_id"] = 3 - box["category_id"]

    edited(tmp_path / "films" / "train.json", swapped)
    entry(COCO, tmp_path)
    loaded = films()
    with pytest.raises(WsbenchError, match="category 2 is no class of films"):
        read(tmp_path / "r.json", [a_box(101)], loaded)
    read(tmp_path / "r.json", [a_box(101, "Nodule")], loaded)
