"""How images of external predictions are named: by ids, by short names, and each once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import refused
from external_examples import finished_run, results_of, scaled_results, scored, small_phantom
from wsbench.contract import plugins, records
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.data.image_names import ImageNames
from wsbench.errors import WsbenchError
from wsbench.runs import export, rescoring
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Path]:
    """A finished run, and the plugin file of its method."""
    return finished_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return small_phantom()


def second_image(**values: object) -> Callable[[dict], None]:
    return lambda content: content["images"][1].update(values)


def first_image_again(**values: object) -> Callable[[dict], None]:
    return lambda content: content["images"].append({**content["images"][0], **values})


def boxes_of_one_image_again(content: dict) -> None:
    first = content["annotations"][0]["image_id"]
    content["annotations"] += [box for box in content["annotations"] if box["image_id"] == first]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            first_image_again(id=999),
            r"boxes\.json: image (\S+\.png) is listed twice, as id 1 and as id 999; ",
        ),
        (first_image_again(), r"boxes\.json: image \S+\.png is listed twice; list it once"),
        (second_image(id=1), r"boxes\.json: id 1 names two images, \S+\.png and \S+\.png; give every image"),
        (second_image(id="1"), "id 1 names two images"),
        (
            boxes_of_one_image_again,
            r"every box of image \S+\.png is listed twice, as where the lists of several",
        ),
    ],
)
def test_an_image_that_is_there_twice_is_named(
    fault: Callable[[dict], None], words: str, run: tuple[Record, Path], loaded: Loaded, tmp_path: Path
) -> None:
    path = tmp_path / "boxes.json"
    export.coco(run[0], loaded, path)
    content = json.loads(path.read_text())
    fault(content)
    path.write_text(json.dumps(content))
    with pytest.raises(WsbenchError, match=words) as error:
        scored(path, loaded)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("elsewhere", "words"),
    [
        ([(1, 1)], "id 1 names two images"),
        ([(7, 0)], "is listed twice, as id 7 and as id 1"),
        ([(7, 1), (7, 2)], r"names\.json: id 7 names two images"),
        ([(7, 1), (8, 1)], r"names\.json: image \S+ is listed twice, as id 7 and as id 8"),
    ],
)
def test_ids_of_the_file_and_of_the_file_that_names_images_must_agree(
    elsewhere: list[tuple[int, int]], words: str, run: tuple[Record, Path], loaded: Loaded, tmp_path: Path
) -> None:
    """``elsewhere`` has ids, and which image of the predictions' list each names; there, ids count from 1."""
    export.coco(run[0], loaded, tmp_path / "boxes.json")
    images = json.loads((tmp_path / "boxes.json").read_text())["images"]
    (tmp_path / "names.json").write_text(json.dumps({"images": images}))
    same = scored(tmp_path / "boxes.json", loaded, images=tmp_path / "names.json")
    assert same.value("ap25") == run[0].value("ap25")
    names = [{"id": number, "file_name": images[place]["file_name"]} for number, place in elsewhere]
    (tmp_path / "names.json").write_text(json.dumps({"images": names}))
    with pytest.raises(WsbenchError, match=words):
        scored(tmp_path / "boxes.json", loaded, images=tmp_path / "names.json")


def test_a_list_of_results_has_every_image_under_one_id_and_once(loaded: Loaded, tmp_path: Path) -> None:
    first, second = (sample.name for sample in loaded.samples_of("test")[:2])
    path = tmp_path / "r.json"
    (tmp_path / "names.json").write_text(json.dumps({"images": [{"id": 7, "file_name": first}]}))
    path.write_text(results_of((7, [0, 0, 9, 9], 0.5), (first, [9, 9, 9, 9], 0.5)))
    with pytest.raises(WsbenchError, match=f"image {first} has boxes under two ids, 7 and {first}"):
        scored(path, loaded, images=tmp_path / "names.json")
    (tmp_path / "names.json").write_text(json.dumps({"images": [{"id": second, "file_name": first}]}))
    with pytest.raises(WsbenchError, match=f"id {second} names two images, {second} and {first}"):
        scored(path, loaded, images=tmp_path / "names.json")
    path.write_text(results_of(*[(first, [0, 0, 9, 9], 0.5), (first, [9, 9, 9, 9], 0.5)] * 2))
    with pytest.raises(WsbenchError, match=f"every box of image {first} is listed twice"):
        scored(path, loaded)
    path.write_text(results_of(*[(first, [0, 0, 9, 9], 0.5)] * 2, (first, [0, 0, 9, 9], 0.4)))
    assert len(scored(path, loaded).boxes()) == 6  # the same box twice, of three, in both protocols


@pytest.mark.parametrize("form", [lambda name: Path(name).stem, lambda name: Path(name).name, Path])
def test_a_short_name_that_fits_one_image_is_that_image(
    form: Callable[[str], object], loaded: Loaded, tmp_path: Path
) -> None:
    (tmp_path / "r.json").write_text(scaled_results(loaded, lambda name: str(form(name))))
    assert scored(tmp_path / "r.json", loaded).value("ap25") == 1.0
    # Also where the file, or the one that names ids, lists images by it.
    names = [sample.name for sample in loaded.samples_of("test")]
    images = [{"id": number, "file_name": str(form(name))} for number, name in enumerate(names)]
    (tmp_path / "names.json").write_text(json.dumps({"images": images}))
    (tmp_path / "r.json").write_text(scaled_results(loaded, lambda name: str(names.index(name))))
    record = scored(tmp_path / "r.json", loaded, images=tmp_path / "names.json")
    assert record.value("ap25") == 1.0
    annotations = json.loads((tmp_path / "r.json").read_text())
    (tmp_path / "r.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    assert scored(tmp_path / "r.json", loaded).value("ap25") == 1.0


@pytest.mark.parametrize("form", [str, lambda name: Path(name).stem])
def test_predictions_of_an_image_that_is_left_out_as_bad_are_no_fault(
    form: Callable[[str], str], tmp_path: Path, command: Callable
) -> None:
    command("data", "make", "phantom", "made", "--layout", "tbx11k", "-q", "-D", "images=80", "-D", "size=64")
    words = ("evaluate", "-d", "tbx11k", "--root", "made", "-q", "--no-references", "--predictions", "r.json")
    loaded = load_dataset(plugins.find(), "tbx11k", {}, Silent(), root="made")
    (tmp_path / "r.json").write_text(scaled_results(loaded, form))
    bad = next(sample.name for sample in loaded.samples_of("test") if sample.boxes)
    (tmp_path / "made" / "imgs" / bad).write_bytes(b"")
    assert refused(command(*words)).endswith("fix it, or leave it out with --skip-bad")
    assert command(*words, "--skip-bad")[0] == 0
    (path,) = tmp_path.glob("runs/tbx11k/r/*/record.json")
    record = records.load(path)
    assert [line.partition(":")[0] for line in record.dataset["skipped"]] == [f"imgs/{bad}"]
    assert record.value("ap25") == 1.0
    assert rescoring.rescore(path.parent, plugins.find(), Silent(), root=Path("made")).value("ap25") == 1.0


def test_a_short_name_that_fits_several_images_is_refused() -> None:
    names = ImageNames(["tb/a.png", "sick/a.png", "tb/b.png", "b", "c.png", "d.jpg", "d.png"])
    assert [names.full(word) for word in ("a", "a.png", "d")] == ["a", "a.png", "d"]
    assert [names.full(word) for word in ("b", "b.png", "tb/a", "c", "d.jpg")] == [
        "b", "tb/b.png", "tb/a.png", "c.png", "d.jpg",
    ]  # fmt: skip


def test_an_image_by_its_name_and_by_a_short_one_is_there_twice(loaded: Loaded, tmp_path: Path) -> None:
    name = loaded.samples_of("test")[0].name
    path = tmp_path / "r.json"
    path.write_text(results_of((name, [0, 0, 9, 9], 0.5), (Path(name).stem, [9, 9, 9, 9], 0.5)))
    with pytest.raises(WsbenchError, match=f"image {name} has boxes under two ids"):
        scored(path, loaded)
    images = [{"id": 1, "file_name": name}, {"id": 2, "file_name": Path(name).stem}]
    path.write_text(json.dumps({"images": images, "annotations": []}))
    with pytest.raises(WsbenchError, match=f"image {name} is listed twice"):
        scored(path, loaded)
