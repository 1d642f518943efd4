"""Formats of boxes against numbers worked by hand, their inverses, and what is refused with which words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wsbench
from conftest import refused
from external_examples import scored, small_phantom
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError, as_line
from wsbench.predictions import external
from wsbench.predictions.box_formats import FRAMES, ORDERS, BoxFormat
from wsbench.predictions.box_reading import FileBoxes, pixels_of

NAMES = [
    f"{frame}:{order}"
    for frame in (
        "pixels", "0-1", "0-100", "0-1000", "0-1024", "bins-1000",
        "resized", "resized-448x336", "letterbox-640x480", "letterbox-1x1", "padded-1024x1024",
    )
    for order in ORDERS
]  # fmt: skip


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return small_phantom()


@pytest.mark.parametrize(
    ("name", "numbers", "corners"),
    [
        ("pixels:xyxy", [200, 100, 600, 400], [200, 100, 600, 400]),
        ("pixels:xywh", [200, 100, 400, 300], [200, 100, 600, 400]),
        ("pixels:cxcywh", [400, 250, 400, 300], [200, 100, 600, 400]),
        ("0-1:xyxy", [0.1, 0.2, 0.3, 0.4], [200, 200, 600, 400]),
        ("0-1:cxcywh", [0.2, 0.3, 0.2, 0.2], [200, 200, 600, 400]),
        ("0-100:xyxy", [10, 20, 30, 40], [200, 200, 600, 400]),
        ("0-1000:xyxy", [100, 200, 300, 400], [200, 200, 600, 400]),
        ("0-1000:yxyx", [200, 100, 400, 300], [200, 200, 600, 400]),
        ("0-1024:yxyx", [256, 128, 512, 768], [250, 250, 1500, 500]),
        ("bins-1000:xyxy", [0, 0, 999, 499], [1, 0.5, 1999, 499.5]),
        ("resized-500x250:xyxy", [10, 20, 30, 40], [40, 80, 120, 160]),
        ("resized-1000x1000:xywh", [10, 20, 30, 40], [20, 20, 80, 60]),
        ("letterbox-640x640:xyxy", [64, 192, 320, 448], [200, 100, 1000, 900]),
        ("letterbox-1x1:xyxy", [0.1, 0.3, 0.5, 0.7], [200, 100, 1000, 900]),
        ("letterbox-1000x400:xyxy", [200, 100, 300, 300], [250, 250, 500, 750]),
        ("padded-640x640:xyxy", [64, 32, 320, 160], [200, 100, 1000, 500]),
        ("padded-1000x400:xyxy", [100, 100, 300, 300], [250, 250, 750, 750]),
    ],
)
def test_boxes_by_hand(name: str, numbers: list[float], corners: list[float]) -> None:
    """On an image of 2000 x 1000 pixels."""
    pixels = BoxFormat.named(name).to_pixels(np.array([numbers]), np.array([(2000, 1000)]))
    assert np.abs(pixels[0] - corners).max() < 1e-9


def test_an_answers_own_size_is_the_size_of_its_frame() -> None:
    form, sizes = BoxFormat.named("resized:xyxy"), np.array([(2000, 1000)] * 2)
    pixels = form.to_pixels(np.array([[10, 20, 30, 40]] * 2), sizes, np.array([(500, 250), (1000, 1000)]))
    assert pixels.tolist() == [[40, 80, 120, 160], [20, 20, 60, 40]]


@given(
    name=st.sampled_from(NAMES),
    share=st.tuples(*[st.floats(0, 1)] * 4),
    size=st.tuples(*[st.integers(1, 5000)] * 2),
    stated=st.tuples(*[st.integers(1, 5000)] * 2),
)
def test_there_and_back_is_the_identity(
    name: str, share: tuple[float, ...], size: tuple[int, int], stated: tuple[int, int]
) -> None:
    form, sizes, own = BoxFormat.named(name), np.array([size]), np.array([stated])
    numbers = np.array([share]) * np.tile(form.canvases(sizes, own), 2)
    pixels = form.to_pixels(numbers, sizes, own)
    again = form.from_pixels(pixels, sizes, own)
    scale = max(form.canvases(sizes, own).max(), *size, *stated)
    assert np.abs(again - numbers).max() < 1e-12 * scale
    assert np.abs(form.to_pixels(again, sizes, own) - pixels).max() < 1e-12 * scale * max(size)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "qwen",
            "unknown box format 'qwen'; write FRAME:ORDER, such as 0-1000:xyxy, where FRAME is pixels, 0-N",
        ),
        ("0-1000", "unknown box format '0-1000'; write FRAME:ORDER"),
        ("resized-4x:xyxy", "unknown box format"),
        ("0-1000:xyhw", r"unknown order of the numbers in '0-1000:xyhw' 'xyhw'; did you mean 'xy"),
        ("0-0:xyxy", "a frame has 1 to 100000 units"),
        ("letterbox-640x999999:xyxy", "a frame has 1 to 100000 units"),
    ],
)
def test_what_is_no_format_is_named(name: str, words: str) -> None:
    with pytest.raises(WsbenchError, match=words) as error:
        BoxFormat.named(name)
    assert as_line(str(error.value)) == str(error.value)


@pytest.mark.parametrize(
    ("name", "boxes", "words"),
    [
        # Shares of the image, called something else.
        (
            "pixels:xyxy",
            [[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 1, 1]],
            "f: all numbers lie within 0 and 1, which is not pixels:xyxy; all boxes fit 0-1:xyxy",
        ),
        ("0-1000:xyxy", [[0.1, 0.2, 0.3, 0.4]], "all numbers lie within 0 and 1, which is not 0-1000:xyxy"),
        # Steps of a grid end at its end.
        (
            "0-1000:xyxy",
            [[1, 2, 3, 4], [100, 200, 1001, 400]],
            "f: the box [100, 200, 1001, 400] of b1 has numbers outside of 0 to 1000, which is not "
            "0-1000:xyxy; all boxes fit pixels:xyxy",
        ),
        ("bins-1000:xyxy", [[1, 2, 1000, 4]], "has numbers outside of 0 to 999, which is not bins-1000:xyxy"),
        ("bins-1000:xyxy", [[1, 2.5, 10, 4]], "is not of whole bins"),
        # Corners in another order.
        (
            "pixels:xyxy",
            [[100, 200, 50, 60]],
            "f: the box [100, 200, 50, 60] of b0 has no area, which is not pixels:xyxy; all boxes fit "
            "pixels:xywh",
        ),
        ("0-1:xyxy", [[0.5, 0.5, 0.1, 0.1]], "all boxes fit 0-1:xywh"),
        # Beyond the image.
        (
            "pixels:xywh",
            [[1500, 100, 1900, 900]],
            "the box [1500, 100, 1900, 900] of b0 leaves its frame, which is not pixels:xywh; all boxes fit "
            "pixels:xyxy",
        ),
        (
            "0-1:xyxy",
            [[10, 20, 300, 400]],
            "leaves its frame, which is not 0-1:xyxy; all boxes fit pixels:xyxy or 0-1000:xyxy",
        ),
        ("resized-500x250:xyxy", [[10, 20, 510, 40]], "leaves its frame"),
        ("pixels:xyxy", [[10, 20, 3000, 40]], "say with --boxes which format the boxes have, or repair this"),
        ("pixels:xyxy", [[-30, 20, 300, 40]], "the box [-30, 20, 300, 40] of b0 leaves its frame"),
    ],
)  # fmt: skip
def test_boxes_that_the_format_does_not_fit(name: str, boxes: list[list[float]], words: str) -> None:
    """On images of 2000 x 1000 pixels."""
    with pytest.raises(WsbenchError) as error:
        pixels_of(Path("f"), file_boxes(boxes), BoxFormat.named(name))
    assert words in str(error.value)
    assert as_line(str(error.value)) == str(error.value)


def file_boxes(boxes: list[list[float]]) -> FileBoxes:
    names = [f"b{number}" for number in range(len(boxes))]
    return FileBoxes(
        names, np.array(boxes, dtype=float).reshape(-1, 4), np.array([(2000, 1000)] * len(boxes))
    )


@pytest.mark.parametrize(
    ("name", "box", "corners"),
    [
        ("pixels:xyxy", [-15, 20, 300, 1009], [0, 20, 300, 1000]),
        ("0-1:cxcywh", [0.1, 0.2, 0.21, 0.2], [0, 100, 410, 300]),
        ("0-1000:xywh", [900, 100, 101, 50], [1800, 100, 2000, 150]),
        ("letterbox-640x640:xyxy", [64, 0, 320, 448], [200, 0, 1000, 900]),
    ],
)
def test_a_box_is_cut_where_rounding_or_padding_takes_it_out_of_its_image(
    name: str, box: list[float], corners: list[float]
) -> None:
    pixels = pixels_of(Path("f"), file_boxes([box]), BoxFormat.named(name))
    assert np.abs(pixels[0] - corners).max() < 1e-9
    assert pixels_of(Path("f"), file_boxes([]), BoxFormat.named(name)).shape == (0, 4)


# Through `wsbench evaluate`.


def results_in(form: BoxFormat, loaded: Loaded) -> str:
    """The truth of the test role as COCO results whose bbox has another format."""
    results = []
    for sample in loaded.samples_of("test"):
        for box in sample.boxes:
            corners, size = (
                np.array([[box.x0, box.y0, box.x1, box.y1]]),
                np.array([(sample.width, sample.height)]),
            )
            numbers = form.from_pixels(corners, size)[0].tolist()
            results.append({"image_id": sample.name, "category_id": "tb", "bbox": numbers, "score": 0.9})
    return json.dumps(results)


@pytest.mark.parametrize(
    "name", ["pixels:xyxy", "0-1:cxcywh", "0-1024:yxyx", "resized-448x336:xywh", "letterbox-640x480:xyxy"]
)
def test_the_truth_is_found_in_every_format(name: str, loaded: Loaded, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(results_in(BoxFormat.named(name), loaded))
    read = external.read_predictions(path, "other", loaded, boxes=name)
    truth = [[(b.x0, b.y0, b.x1, b.y1) for b in sample.boxes] for sample in loaded.samples_of("test")]
    found = [[(b.x0, b.y0, b.x1, b.y1) for b in boxes] for boxes in read.parts["test"].boxes or ()]
    assert [len(boxes) for boxes in found] == [len(boxes) for boxes in truth]
    for boxes, of_truth in zip(found, truth, strict=True):
        assert np.allclose(boxes, of_truth, rtol=0, atol=1e-9)
    assert read.doubt == ""


def test_the_format_is_in_the_record_and_its_key(loaded: Loaded, tmp_path: Path, command: Callable) -> None:
    path = tmp_path / "r.json"
    path.write_text(results_in(BoxFormat.named("0-1000:xyxy"), loaded))
    record = scored(path, loaded, boxes="0-1000:xyxy")
    assert record.value("ap25") == 1.0
    assert record.method["facts"]["boxes"] == "0-1000:xyxy"
    path.write_text(results_in(BoxFormat.named("pixels:xywh"), loaded))
    by_default, stated = (
        external.read_predictions(path, "program", loaded, boxes=b) for b in (None, "pixels:xywh")
    )
    assert by_default.parts["test"].boxes == stated.parts["test"].boxes
    assert "boxes" not in by_default.describe()["facts"]
    assert by_default.content != stated.content


def test_the_commands_words(loaded: Loaded, tmp_path: Path, command: Callable) -> None:
    words = ("evaluate", "-d", "phantom", "-D", "images=80", "-q", "--no-references", "--predictions")
    (tmp_path / "r.json").write_text(results_in(BoxFormat.named("0-1:cxcywh"), loaded))
    assert command(*words, "r.json", "--boxes", "0-1:cxcywh")[0] == 0
    line = refused(command(*words, "r.json", "--boxes", "0-1000:cxcywh"))
    assert line.startswith(
        "r.json: all numbers lie within 0 and 1, which is not 0-1000:cxcywh; all boxes fit 0-1:"
    )
    line = refused(command(*words, "r.json", "--boxes", "resized:xyxy"))
    assert line == "r.json: COCO results say no size; write resized-WIDTHxHEIGHT:xyxy"
    assert refused(command(*words, "r.json", "--boxes", "pascal")).startswith("unknown box format 'pascal'")
    np.savez(tmp_path / "maps.npz", names=np.array(["a"]))
    line = refused(command(*words, "maps.npz", "--boxes", "0-1:xyxy"))
    assert line == "maps.npz: holds heatmaps, and --boxes 0-1:xyxy is of boxes; leave it out"
    content = [{**item, "corners": [1, 2, 3, 4]} for item in json.loads((tmp_path / "r.json").read_text())]
    (tmp_path / "r.json").write_text(json.dumps(content))
    line = refused(command(*words, "r.json", "--boxes", "0-1:cxcywh"))
    assert line == "r.json: has 'corners', which are in pixels; leave out --boxes"


def test_boxes_of_a_smaller_frame_are_doubted(loaded: Loaded, tmp_path: Path) -> None:
    """Numbers from 0 to 100, called 0 to 1000: each box is possible, but all lie in one quarter."""
    (tmp_path / "r.json").write_text(results_in(BoxFormat.named("0-100:xyxy"), loaded))
    with pytest.warns(
        UserWarning, match=r"half of its image's width and height: are the boxes 0-1000:xyxy\?"
    ):
        wsbench.evaluate(
            tmp_path / "r.json", "phantom", name="p", boxes="0-1000:xyxy", data_options={"images": 80}
        )


def test_every_frame_and_order_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "vision-language.md").read_text(encoding="utf-8")
    for word in (*FRAMES, *ORDERS):
        assert f"`{word}`" in page, word
