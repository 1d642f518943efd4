"""Boxes of external programs as COCO files and as plain lists of results, with every mistake named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from external_examples import finished_run, results_of, scaled_results, scored, small_phantom
from wsbench.contract import plugins
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.predictions import external
from wsbench.runs import export
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Path]:
    """A finished run, and the plugin file of its method."""
    return finished_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return small_phantom()


def first_image(**values: object) -> Callable[[dict], None]:
    return lambda content: content["images"][0].update(values)


def first_box(**values: object) -> Callable[[dict], None]:
    return lambda content: content["annotations"][0].update(values)


def last_image_missing(content: dict) -> None:
    gone = content["images"].pop()["id"]
    content["annotations"] = [box for box in content["annotations"] if box["image_id"] != gone]


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


@pytest.mark.parametrize(
    ("by", "doubt"),
    [(1.0, ""), (1 / 512, "no box reaches beyond 1 pixel"), (0.5, "beyond half of its image")],
)
def test_boxes_of_another_frame_are_doubted(by: float, doubt: str, loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(scaled_results(loaded, str, by))
    read = external.read_predictions(tmp_path / "r.json", "other", loaded)
    assert doubt in read.doubt if doubt else read.doubt == ""


def test_few_boxes_in_one_corner_are_not_doubted(loaded: Loaded, tmp_path: Path) -> None:
    names = [sample.name for sample in loaded.samples_of("test")[:9]]
    path = tmp_path / "r.json"
    path.write_text(results_of(*[(name, [10, 10, 100, 100], 0.5) for name in names]))
    assert external.read_predictions(path, "other", loaded).doubt == ""
    path.write_text("[]")
    assert external.read_predictions(path, "other", loaded).doubt == ""


def test_the_doubt_is_a_warning_and_no_error(tmp_path: Path, command: Callable) -> None:
    words = ("-d", "phantom", "-D", "images=80", "-D", "size=64", "-q")
    loaded = load_dataset(plugins.find(), "phantom", {"images": 80, "size": 64}, Silent())
    (tmp_path / "r.json").write_text(scaled_results(loaded, str, 1 / 64))
    code, _out, err = command("evaluate", *words, "--predictions", "r.json", "--no-references")
    assert code == 0
    assert err.startswith("warning: r.json: no box reaches beyond 1 pixel: are these pixels of the original")
