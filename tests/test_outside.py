"""Predictions scored again, exported, and of outside programs: by one code path, with every mistake named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import wsbench
from conftest import METRICS, refused
from wsbench.cli import main
from wsbench.contract import plugins, records
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.data.image_names import ImageNames
from wsbench.errors import WsbenchError
from wsbench.predictions import external
from wsbench.reports import leaderboard
from wsbench.runs import export, rescoring
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent

SMALL = {"images": 80}
GUESS = """
import numpy as np
import wsbench

class Settings(wsbench.Settings):
    pass

class Guess(wsbench.Method):
    # One blob somewhere in the upper half, and a score, both drawn from the pixels.
    def predict(self, images):
        pixels = images.pixels(24, 24)[:]
        seeds = [wsbench.seed_from(image.tobytes().hex()) for image in pixels]
        draws = np.array([np.random.default_rng(seed).random(3) for seed in seeds])
        y, x = np.mgrid[:24, :24] / 24
        distance = (y - draws[:, 0, None, None] / 2) ** 2 + (x - draws[:, 1, None, None]) ** 2
        maps = np.exp(-distance / 0.03)[:, None]
        return wsbench.Prediction(draws[:, 2:], maps, box_grid=(40, 36))

@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("guess", "", Settings, Guess)]
"""
HEATMAP_METRICS = (
    "pointing_game",
    "max_box_acc_v2",
    "pxap",
    "pxap_chance",
    "evax_hit25",
    "evax_hit50",
    "evax_miou",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Path]:
    """A finished run, and the plugin file of its method."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "guess.py").write_text(GUESS)
    record = wsbench.run(
        "guess", "phantom", data_options=SMALL, runs=folder / "runs", plugin_files=[folder / "guess.py"]
    )
    return record, folder / "guess.py"


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load_dataset(plugins.find(), "phantom", SMALL, Silent())


def values(record: Record, protocol: str = "uniform") -> dict[str, float | None]:
    return {name: record.value(name, protocol) for name in record.protocols[protocol]["metrics"]}


def scored(path: Path, loaded: Loaded, **options: object) -> Record:
    read = external.read(path, "program", loaded, **options)
    return rescoring.evaluate(read, loaded, plugins.find(), path.parent / "outside")


def test_exported_boxes_score_to_the_very_numbers(
    run: tuple[Record, Path], loaded: Loaded, tmp_path: Path
) -> None:
    record, _ = run
    export.coco(record, loaded, tmp_path / "boxes.json")
    again = scored(tmp_path / "boxes.json", loaded)
    expected = {name: None if name in HEATMAP_METRICS else value for name, value in values(record).items()}
    assert values(again) == expected
    assert again.value("ap25") is not None
    assert (
        again.protocols["uniform"]["calibration"]["operating_points"]
        == (record.protocols["uniform"]["calibration"]["operating_points"])
    )
    assert again.method["preset"] == "external"


def test_exported_heatmaps_score_to_the_very_numbers(
    run: tuple[Record, Path], loaded: Loaded, tmp_path: Path
) -> None:
    record, _ = run
    export.arrays(record, loaded, tmp_path / "maps.npz")
    again = scored(tmp_path / "maps.npz", loaded)
    ours, theirs = (dict(one.protocols["uniform"]) for one in (record, again))
    assert ours.pop("floors") and not theirs.pop("floors")  # no image-blind method ran beside the file
    assert ours == theirs


def test_a_run_is_scored_again_without_its_model(run: tuple[Record, Path], tmp_path: Path) -> None:
    record, plugin = run
    assert record.folder is not None
    again = rescoring.rescore(record.folder, plugins.find([plugin]), Silent())
    assert values(again) == values(record)
    other = rescoring.rescore(record.folder, plugins.find([plugin]), Silent(), calibrate_for="msli")
    chosen, before = (r.protocols["uniform"]["calibration"] for r in (other, record))
    assert chosen["objective"] == "msli"
    assert chosen["boxes"]["tb"]["value"] == max(value for *_, value in chosen["boxes"]["tb"]["curve"])
    assert chosen["boxes"] != before["boxes"]
    assert other.key != record.key
    back = rescoring.rescore(
        record.folder, plugins.find([plugin]), Silent(), calibrate_for="cond_loc_f1@0.25"
    )
    assert values(back) == values(record)


def test_a_run_whose_data_have_changed_is_not_scored(run: tuple[Record, Path], tmp_path: Path) -> None:
    record, plugin = run
    path, data = record.folder / "record.json", record.dataset
    other = {**data, "settings": {**data["settings"], "seed": 5}}
    records.write(replace(record, dataset=other), path)
    try:
        with pytest.raises(WsbenchError, match=r"was made on data .*, here is"):
            rescoring.rescore(record.folder, plugins.find([plugin]), Silent())
    finally:
        records.write(record, path)


def test_a_plain_list_of_results_is_enough(loaded: Loaded, tmp_path: Path) -> None:
    """Boxes on two test images: the others have none, and the image's score is its best box's."""
    first, second = [sample for sample in loaded.samples_of("test") if sample.boxes][:2]
    box = first.boxes[0]
    corners = [box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0]
    results = [
        {"image_id": first.name, "category_id": "tb", "bbox": corners, "score": 0.75},
        {"image_id": first.name, "category_id": "tb", "bbox": [0, 0, 9, 9], "score": 0.5},
        {"image_id": second.name, "category_id": "tb", "bbox": [0, 0, 9, 9], "score": 0.25},
    ]
    (tmp_path / "r.json").write_text(json.dumps(results))
    record = scored(tmp_path / "r.json", loaded, uses_boxes=True)
    scores = record.scores().set_index("image")["score tb"]
    assert (scores[first.name], scores[second.name]) == (0.75, 0.25)
    assert (scores > 0).sum() == 2
    assert record.protocols["uniform"]["calibration"]["operating_points"] == {"tb": 0.5}
    truths = len([box for sample in loaded.samples_of("test") for box in sample.boxes])
    assert record.value("iou_accuracy_all@0.5") == pytest.approx(1 / truths)
    assert record.method["box_supervision"] == "fit"


def test_numeric_ids_are_named_by_a_coco_file(loaded: Loaded, tmp_path: Path) -> None:
    names = [{"id": 7, "file_name": loaded.samples_of("test")[0].name}]
    (tmp_path / "val.json").write_text(
        json.dumps(
            {"images": names, "categories": [{"id": 1, "name": "ActiveTuberculosis"}], "annotations": []}
        )
    )
    results = [{"image_id": 7, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.9}]
    (tmp_path / "r.json").write_text(json.dumps(results))
    with pytest.raises(WsbenchError, match=r"image_id 7 has no name; give --images"):
        scored(tmp_path / "r.json", loaded)
    with pytest.raises(WsbenchError, match=r"category 1 is no class of phantom \(tb\); .*--category 1=CLASS"):
        scored(tmp_path / "r.json", loaded, images=tmp_path / "val.json")
    record = scored(tmp_path / "r.json", loaded, images=tmp_path / "val.json", categories={"1": "tb"})
    assert len(record.boxes().query("protocol == 'uniform'")) == 1
    names[0]["file_name"] = loaded.samples_of("test")[1].name
    (tmp_path / "val.json").write_text(json.dumps({"images": names}))
    again = scored(tmp_path / "r.json", loaded, images=tmp_path / "val.json", categories={"1": "tb"})
    assert again.boxes().image[0] == names[0]["file_name"] != record.boxes().image[0]


def first_image(**values: object) -> Callable[[dict], None]:
    return lambda content: content["images"][0].update(values)


def first_box(**values: object) -> Callable[[dict], None]:
    return lambda content: content["annotations"][0].update(values)


def last_image_missing(content: dict) -> None:
    gone = content["images"].pop()["id"]
    content["annotations"] = [box for box in content["annotations"] if box["image_id"] != gone]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (first_image(width=224), "is 224x512 there and 512x512 in phantom: its boxes are in another frame"),
        (
            first_box(bbox=[500, 500, 100, 100]),
            r"the box .* leaves its 512x512 pixels; boxes are x, y, width, height in pixels of the orig",
        ),
        (first_box(bbox=[5, 5, 0, 10]), "has no area"),
        (last_image_missing, "1 images of role test have no entry"),
        (first_image(file_name="tb/p00"), "is not in phantom; did you mean"),
        (
            lambda content: content["categories"][0].update(name="nodule"),
            r"category 1 is no class of phantom \(tb\)",
        ),
        (first_box(score=float("nan")), r"annotations\.0\.score: Input should be a finite number"),
        (first_box(bbox=[0, 0, 1e300, 1e300]), r"annotations\.0\.bbox\.2: Input should be less than"),
        (first_image(width=10**30), r"images\.0\.width: "),
        (lambda content: content["annotations"][0].pop("score"), r"annotations\.0\.score: Field required"),
        (first_image(scores={"nodule": 0.5}), "must be of tb; found nodule"),
        (first_image(scores={"tb": 1.5}), r"the scores of \S+ must lie in \[0, 1\], found 1.5; pass a detec"),
    ],
)
def test_faults_of_coco_files(
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
    ("fault", "words"),
    [
        ({"bbox": [1, 2, float("nan"), 4]}, "item 1: bbox.2: Input should be a finite number"),
        ({"score": None}, "item 1: score: Input should be a valid number"),
        ({"bbox": []}, "item 1: bbox.0: Field required"),
        ({"bbox": ...}, "item 1: bbox: Field required; masks are not read"),
        ({"image_id": 1.5}, "item 1: image_id: Input should be a whole number or text"),
    ],
)
def test_a_bad_item_of_a_list_of_results_is_named(
    fault: dict, words: str, loaded: Loaded, tmp_path: Path
) -> None:
    """A list is no COCO file with images: the complaint is of the form that the user wrote."""
    names = [sample.name for sample in loaded.samples_of("test")[:3]]
    results = json.loads(results_of(*((name, [0, 0, 9, 9], 0.5) for name in names)))
    results[1] = {key: value for key, value in {**results[1], **fault}.items() if value is not ...}
    path = tmp_path / "r.json"
    path.write_text(json.dumps(results))
    with pytest.raises(WsbenchError, match=r"r\.json: not COCO results: ") as error:
        scored(path, loaded)
    assert words in str(error.value)


@pytest.mark.parametrize("text", ["", "7", "null", "[" * 10**6, '{"annotations": ', "[{}, "])
def test_what_is_no_list_of_results_is_refused(text: str, loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(WsbenchError, match=r"r\.json: not COCO results: "):
        scored(tmp_path / "r.json", loaded)


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


def results_of(*boxes: tuple[object, list[float], float]) -> str:
    """A list of results of class tb: image, box and score of each."""
    return json.dumps(
        [{"image_id": image, "category_id": "tb", "bbox": box, "score": score} for image, box, score in boxes]
    )


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


def test_a_box_is_cut_to_its_image_and_dropped_where_nothing_is_left(loaded: Loaded, tmp_path: Path) -> None:
    """The phantom's images have 512 x 512 pixels: boxes may leave them by 5.12 of them."""
    name = loaded.samples_of("test")[0].name
    path = tmp_path / "r.json"
    inside, beyond = [500, 10, 17, 20], [[-4, 10, 4, 20], [512, 10, 5, 20], [10, -5, 9, 4], [10, 512, 9, 5]]
    path.write_text(results_of((name, inside, 0.5), *((name, box, 0.75) for box in beyond)))
    record = scored(path, loaded)
    (box,) = record.boxes().query("protocol == 'uniform'").itertuples()
    assert (box.x0, box.y0, box.x1, box.y1, box.score) == (500, 10, 512, 30, 0.5)
    scores = record.scores().set_index("image")["score tb"]
    assert scores[name] == 0.5  # not that of a box that is not there
    path.write_text(results_of((name, [-5.2, 10, 5, 20], 0.5)))
    with pytest.raises(WsbenchError, match=r"leaves its 512x512 pixels"):
        scored(path, loaded)


def scaled_results(loaded: Loaded, form: Callable[[str], object], by: float = 1.0) -> str:
    """The truth of the test role as results, its images called so, its boxes scaled."""
    boxes = [
        (form(s.name), [b.x0 * by, b.y0 * by, (b.x1 - b.x0) * by, (b.y1 - b.y0) * by], 0.9)
        for s in loaded.samples_of("test")
        for b in s.boxes
    ]
    return results_of(*boxes)


@pytest.mark.parametrize(
    ("by", "doubt"),
    [(1.0, ""), (1 / 512, "no box reaches beyond 1 pixel"), (0.5, "beyond half of its image")],
)
def test_boxes_of_another_frame_are_doubted(by: float, doubt: str, loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(scaled_results(loaded, str, by))
    read = external.read(tmp_path / "r.json", "other", loaded)
    assert doubt in read.doubt if doubt else read.doubt == ""


def test_few_boxes_in_one_corner_are_not_doubted(loaded: Loaded, tmp_path: Path) -> None:
    names = [sample.name for sample in loaded.samples_of("test")[:9]]
    path = tmp_path / "r.json"
    path.write_text(results_of(*[(name, [10, 10, 100, 100], 0.5) for name in names]))
    assert external.read(path, "other", loaded).doubt == ""
    path.write_text("[]")
    assert external.read(path, "other", loaded).doubt == ""


def test_the_doubt_is_a_warning_and_no_error(tmp_path: Path, command: Callable) -> None:
    words = ("-d", "phantom", "-D", "images=80", "-D", "size=64", "-q")
    loaded = load_dataset(plugins.find(), "phantom", {"images": 80, "size": 64}, Silent())
    (tmp_path / "r.json").write_text(scaled_results(loaded, str, 1 / 64))
    code, _out, err = command("evaluate", *words, "--predictions", "r.json", "--no-references")
    assert code == 0
    assert err.startswith("warning: r.json: no box reaches beyond 1 pixel: are these pixels of the original")


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


@pytest.mark.parametrize("score", [3.5, -0.1, 100])
def test_scores_beyond_0_and_1_say_what_to_do(
    score: float, run: tuple[Record, Path], loaded: Loaded, tmp_path: Path
) -> None:
    """Also of boxes, where images have scores of their own."""
    path, words = tmp_path / "boxes.json", rf"must lie in \[0, 1\], found {score:g}; pass a detector's logits"
    name = loaded.samples_of("test")[0].name
    path.write_text(results_of((name, [0, 0, 9, 9], score)))
    with pytest.raises(WsbenchError, match=rf"the score of the box \[0.0, 0.0, 9.0, 9.0\] of {name} {words}"):
        scored(path, loaded)
    export.coco(run[0], loaded, path)
    content = json.loads(path.read_text())
    first_box(score=score)(content)
    path.write_text(json.dumps(content))
    with pytest.raises(WsbenchError, match=f"the score of the box .*{words} through a sigmoid, divide perc"):
        scored(path, loaded)


OF_CLASSES = ("classes", "scores", "heatmaps")


def without(name: str) -> Callable[[dict], None]:
    return lambda arrays: arrays.pop(name)


def changed(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict], None]:
    return lambda arrays: arrays.update({name: change(arrays[name])})


def first_twice(values: np.ndarray) -> np.ndarray:
    values[1] = values[0]
    return values


def first_is_nan(values: np.ndarray) -> np.ndarray:
    values[0] = np.nan
    return values


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ([without("scores")], "has no array 'scores'"),
        ([changed("heatmaps", first_is_nan)], r"heatmaps of .* must lie in \[0, 1\], found nan"),
        (
            [changed("classes", lambda names: np.array(["tbx"]))],
            "unknown class of phantom 'tbx'; did you mean 'tb'",
        ),
        ([changed("names", lambda names: np.char.add(names, "x"))], r"image '\S+x' is not in phantom; did"),
        ([changed("map_names", lambda names: np.char.add(names, "x"))], r"image '\S+x' is not in phantom; d"),
        (
            [changed("names", lambda names: np.array([name.rpartition("/")[2] for name in names]))],
            r"image '(\S+)' is not in phantom; did you mean '\w+/\1'\?",
        ),
        (
            [changed("names", lambda names: names[:-1]), changed("scores", lambda scores: scores[:-1])],
            "role test have no score",
        ),
        ([changed("scores", lambda scores: scores[1:])], "scores has shape"),
        (
            [changed("heatmaps", lambda maps: maps[:, 0])],
            r"heatmaps: must have 4 axes; its shape is \(28, 24, 24\)",
        ),
        (
            [without("regions"), changed("heatmaps", lambda maps: maps[:, :, :12])],
            "is 24x12, its image 512x512: their aspects differ; add the array 'regions'",
        ),
        (
            [changed("box_grid", lambda grid: grid[:1])],
            r"box_grid: \[40\] must be a number of rows and of columns",
        ),
        ([changed("box_grid", lambda grid: -grid)], r"box_grid: \[-40, -36\] must be"),
        ([changed("names", first_twice)], r"image \S+ is listed twice; list it once"),
        ([changed("map_names", first_twice)], r"heatmap of \S+ is listed twice"),
        (
            [
                changed(name, lambda values: values.repeat(2, axis=int(values.ndim > 1)))
                for name in OF_CLASSES
            ],
            "class tb is listed twice",
        ),
        (
            [changed("scores", lambda scores: scores * 8 - 4)],
            r"the scores of \S+ must lie in \[0, 1\], found -?\d.*; pass a detector's logits",
        ),
        ([changed("names", lambda names: names.astype(object))], "not an npz file of plain arrays"),
        ([changed("names", lambda names: np.arange(len(names)))], "names: must hold text, not int64"),
        ([changed("scores", lambda scores: scores.astype(str))], "scores: must hold numbers, not <U"),
        ([changed("scores", lambda scores: scores + 0j)], "scores: must hold numbers, not complex128"),
        ([changed("heatmaps", lambda maps: maps * 255)], r"maps\.npz: the heatmaps of \S+ .*; divide grey l"),
        (
            [changed("heatmaps", lambda maps: maps[..., :0])],
            r"heatmaps has shape \(\d+, 1, 24, 0\): 1 to 4096",
        ),
        (
            [changed("regions", lambda regions: regions / 512)],
            "covers 1x1 of 512x512 pixels from 0, 0; regions",
        ),
        ([changed("regions", lambda regions: regions * 0)], "covers 0x0 of 512x512 pixels"),
        ([changed("regions", lambda regions: regions * 1e6)], r"covers 5\.12e\+08x5\.12e\+08 of 512x512"),
        ([changed("regions", lambda regions: regions + 512)], "pixels from 512, 512; regions are"),
        ([changed("regions", lambda regions: regions * np.nan)], "covers nanxnan of"),
        ([lambda arrays: arrays.update(region=arrays.pop("regions"))], "region: .*; did you mean 'regions'"),
    ],
)
def test_faults_of_npz_files(
    faults: list, words: str, run: tuple[Record, Path], loaded: Loaded, tmp_path: Path
) -> None:
    path = tmp_path / "maps.npz"
    export.arrays(run[0], loaded, path)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    for fault in faults:
        fault(arrays)
    np.savez(path, **arrays)
    with pytest.raises(WsbenchError, match=words) as error:
        scored(path, loaded)
    assert "\n" not in str(error.value)


def write_results(loaded: Loaded, folder: Path, count: int) -> list[str]:
    """Files of a box on every test image, each somewhere else; their names."""
    names = [f"{number}.json" for number in range(count)]
    for number, name in enumerate(names):
        boxes = [(sample.name, [60 + 30 * number, 60, 160, 200], 0.5) for sample in loaded.samples_of("test")]
        (folder / name).write_text(results_of(*boxes))
    return names


def test_files_of_several_seeds_are_one_row(command, loaded: Loaded, tmp_path: Path) -> None:
    words = [word for name in write_results(loaded, tmp_path, 3) for word in ("--predictions", name)]
    common = ["-d", "phantom", "-D", "images=80", "--no-references", "-q", "--name", "program", "--submit"]
    code, out, _ = command("evaluate", *words, "--seeds", "0,1,7", *common)
    assert code == 0
    assert re.search(r"^1\* +program \(external\) .*\n +± over 3 seeds", out, re.MULTILINE)
    assert out.count("record: runs/phantom/program/external-seed") == 3
    found = {r.seed: r for r in map(records.load, tmp_path.glob("runs/phantom/program/*/record.json"))}
    assert sorted(found) == [0, 1, 7]
    assert len({record.value("miou") for record in found.values()}) == 3
    (committed,) = leaderboard.read_records(tmp_path / "leaderboards", METRICS).values()
    assert [(record.seed, record.planned_seeds) for record in committed] == [
        (s, (0, 1, 7)) for s in (0, 1, 7)
    ]
    page = leaderboard.render("phantom", committed, METRICS)
    assert "| program (external) | 0, 1, 7 |" in page
    assert "missing 7" in leaderboard.render("phantom", committed[:2], METRICS)


def test_a_file_has_seed_0_unless_another_is_said(command, loaded: Loaded, tmp_path: Path) -> None:
    (name,) = write_results(loaded, tmp_path, 1)
    common = ["-d", "phantom", "-D", "images=80", "--no-references", "-q", "--predictions", name]
    assert command("evaluate", *common)[0] == 0
    assert command("evaluate", *common, "--seed", "5")[0] == 0
    found = [records.load(path) for path in tmp_path.glob("runs/phantom/0/*/record.json")]
    assert sorted(record.seed for record in found) == [0, 5]
    rows = [(record.method["name"], record.method["settings"], record.key) for record in found]
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--seeds", "0,1,2"], "--seeds 0,1,2: 3 seeds for 2 files of predictions; give every file its seed"),
        ([], "--seeds 0: 1 seed for 2 files of predictions; give every file its seed"),
        (["--seeds", "1,1"], "--seeds 1,1: names a seed twice; give every file a seed of its own"),
        (["--seeds", "1,x"], "--seeds 1,x: must be whole numbers separated by commas, such as 0,1,42"),
        (["--seeds", "0,1"], "2 files of predictions need the name of their program; give --name"),
    ],
)
def test_seeds_that_do_not_fit_their_files(
    command, words: list[str], line: str, loaded: Loaded, tmp_path: Path
) -> None:
    files = [word for name in write_results(loaded, tmp_path, 2) for word in ("--predictions", name)]
    assert refused(command("evaluate", *files, "-d", "phantom", "-D", "images=80", *words)) == line


def test_one_file_is_not_two_seeds(command, loaded: Loaded, tmp_path: Path) -> None:
    (name,) = write_results(loaded, tmp_path, 1)
    (tmp_path / "copy.json").write_bytes((tmp_path / name).read_bytes())
    words = ["--predictions", name, "--predictions", "copy.json", "--seeds", "0,1", "--name", "program"]
    line = refused(command("evaluate", *words, "-d", "phantom", "-D", "images=80"))
    assert line == "0.json and copy.json hold the same predictions: they are of one seed; name one of them"


def test_a_finished_run_has_its_seed(command, run: tuple[Record, Path]) -> None:
    words = ["evaluate", str(run[0].folder), "--plugin", str(run[1]), "-q", "--seed", "3"]
    assert refused(command(*words)).startswith("--seeds 3: needs --predictions; ")


def test_what_is_neither_is_named(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"nothing")
    with pytest.raises(WsbenchError, match=r"x\.npz: not an npz file of plain arrays"):
        scored(tmp_path / "x.npz", loaded)
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(WsbenchError, match=r"x\.json: not COCO results"):
        scored(tmp_path / "x.json", loaded)
    with pytest.raises(WsbenchError, match=r"none\.json cannot be read"):
        scored(tmp_path / "none.json", loaded)
    (tmp_path / "good.json").write_text("[]")
    with pytest.raises(WsbenchError, match=r"names\.json cannot be read"):
        scored(tmp_path / "good.json", loaded, images=tmp_path / "names.json")


def test_a_method_of_boxes_exports_no_heatmaps(loaded: Loaded, tmp_path: Path) -> None:
    record = wsbench.run("two_lungs", "phantom", data_options=SMALL, runs=tmp_path)
    with pytest.raises(WsbenchError, match="has boxes and no heatmaps; export it as coco"):
        export.arrays(record, loaded, tmp_path / "x.npz")
    with pytest.raises(WsbenchError, match=r"has no boxes of protocol own \(it has uniform, paper\)"):
        export.coco(record, loaded, tmp_path / "x.json", "own")


def test_moving_the_test_boxes_changes_no_threshold(run: tuple[Record, Path], tmp_path: Path) -> None:
    """Rules and operating points come from select and calibrate; only scores see the boxes of test."""
    from dataclasses import replace

    from wsbench.runs.scoring_inputs import draws_of, predicted_of, truths_of
    from wsbench.scoring import measuring
    from wsbench.scoring.protocols import make_protocols, table_of

    record, _ = run
    loaded = load_dataset(plugins.find(), "phantom", SMALL, Silent())
    test = set(loaded.roles.members["test"])
    boxes = [sample.boxes for sample in loaded.samples if sample.name in test and sample.boxes]
    turned = iter(boxes[1:] + boxes[:1])
    moved = replace(
        loaded,
        samples=tuple(
            replace(sample, boxes=next(turned)) if sample.name in test and sample.boxes else sample
            for sample in loaded.samples
        ),
    )
    results = {}
    for name, data in (("as they are", loaded), ("moved", moved)):
        truth, draws = truths_of(data), draws_of(loaded)
        uniform = make_protocols(predicted_of(record.folder / "predict", data), truth, draws)["uniform"]
        values = measuring.measure(table_of(uniform, truth), plugins.find().metrics, draws.test)
        thresholds = (uniform.operating_points, uniform.boxes.xyxy.tolist(), uniform.choices)
        results[name] = (thresholds, values["miou"]["value"])
    (before, miou), (after, other_miou) = results.values()
    assert before == after
    assert miou != other_miou


def overlap(a: list[float], b: list[float]) -> float:
    """IoU of two COCO boxes, by hand."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def agrees_with_a_hand_count(root: Path, tmp_path: Path) -> None:
    """Two boxes over the upper lungs of every val image, as a COCO file; counted from the official JSON."""
    official = json.loads((root / "annotations" / "json" / "TBX11K_val.json").read_text())
    fractions = [(0.17, 0.13, 0.28, 0.34), (0.55, 0.13, 0.28, 0.34)]
    placed = {
        image["id"]: [[x * image["width"], y * image["height"], w * image["width"], h * image["height"]]
                      for x, y, w, h in fractions]
        for image in official["images"]
    }  # fmt: skip
    results = [
        {"image_id": image, "category_id": 1, "bbox": box, "score": 0.5}
        for image, inside in placed.items()
        for box in inside
    ]
    (tmp_path / "lungs.json").write_text(json.dumps(results))
    words = ["evaluate", "-d", "tbx11k", "--root", str(root), "-q", "--predictions", "lungs.json"]
    with pytest.raises(SystemExit) as end:
        main(
            [*words, "--images", str(root / "annotations" / "json" / "TBX11K_val.json"), "--category", "1=tb"]
        )
    assert not end.value.code
    (path,) = tmp_path.glob("runs/tbx11k/lungs/*/record.json")
    record = records.load(path)

    truth: dict[int, list[list[float]]] = {}
    for box in official["annotations"]:
        truth.setdefault(box["image_id"], []).append(box["bbox"])
    means, best = [], []
    for image, boxes in truth.items():
        ious = [[overlap(box, guess) for guess in placed[image]] for box in boxes]
        largest = sorted((iou for row in ious for iou in row), reverse=True)[: len(boxes)]
        means.append(sum(largest) / len(boxes))
        best += [max(row) for row in ious]
    assert record.value("miou") == pytest.approx(sum(means) / len(means), abs=1e-6)
    for iou in (0.1, 0.25, 0.5):
        share = sum(one > iou for one in best) / len(best)
        assert record.value(f"iou_accuracy_all@{iou:g}") == pytest.approx(share, abs=1e-6)
    assert record.value("boxes_per_image") == 2.0
    (own,) = tmp_path.glob("runs/tbx11k/two_lungs/*/record.json")
    assert records.load(own).value("miou") == pytest.approx(record.value("miou"), abs=1e-6)


def test_two_lungs_agree_with_a_hand_count_on_a_written_folder(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(
            [
                "data",
                "make",
                "phantom",
                "TBX11K",
                "--layout",
                "tbx11k",
                "-q",
                "-D",
                "images=80",
                "-D",
                "size=64",
            ]
        )
    agrees_with_a_hand_count(tmp_path / "TBX11K", tmp_path)


def test_two_lungs_agree_with_a_hand_count_on_real_radiographs(real_tbx11k: Path, tmp_path: Path) -> None:
    agrees_with_a_hand_count(real_tbx11k, tmp_path)


def test_names_in_bytes_are_text(run: tuple[Record, Path], loaded: Loaded, tmp_path: Path) -> None:
    path = tmp_path / "maps.npz"
    export.arrays(run[0], loaded, path)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    expected = external.read(path, "program", loaded).parts["test"]
    arrays["names"], arrays["map_names"] = (np.char.encode(arrays[name]) for name in ("names", "map_names"))
    np.savez(path, **arrays)
    assert np.array_equal(external.read(path, "program", loaded).parts["test"].heatmaps, expected.heatmaps)
