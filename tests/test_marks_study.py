"""Masks and points of people against truth masks: several readers, what metrics exist, the page, mistakes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import METRICS
from wsbench import testing
from wsbench.contract.specs import MetricSpec
from wsbench.data.catalog import Entry
from wsbench.data.dataset import Loaded, load
from wsbench.errors import WsbenchError
from wsbench.geometry.masks import Mask
from wsbench.reports import marks as reports
from wsbench.runs.marks_study import study
from wsbench.scoring.bootstrap import ratio
from wsbench.scoring.marks_alone import of_marks_alone
from wsbench.types import Point, Reading
from wsbench.utils.progress import Silent

PLUGIN = '''
from dataclasses import replace

from wsbench import geometry, hookimpl
from wsbench.testing import TOY, Toy
from wsbench.types import Point, Reading


class Marked(Toy):
    """Masks are the boxes of the toy. One reader draws their left halves, another nothing at all."""

    def __init__(self):
        super().__init__()
        self.samples = tuple(replace(one, masks=masks(one, 1.0)) for one in self.samples)
        self.readings = tuple(
            Reading(reader, one.name, masks=masks(one, share), points=points(one, share))
            for one in self.samples
            for reader, share in (("R1", 0.5), ("R2", 0.0))
        )


def masks(sample, share):
    pixels = {}
    for box in sample.boxes:
        mask = pixels.setdefault(box.label, geometry.Mask.of_pixels(box.label, blank(sample)).pixels().copy())
        x1 = int(box.x0) + int(share * (int(box.x1) - int(box.x0)))
        mask[int(box.y0) : int(box.y1), int(box.x0) : x1] = True
    return tuple(geometry.Mask.of_pixels(label, mask) for label, mask in pixels.items() if mask.any())


def blank(sample):
    import numpy as np

    return np.zeros((sample.height, sample.width), dtype=bool)


def points(sample, share):
    return tuple(Point(box.label, box.x0 + 1, box.y0 + 1) for box in sample.boxes if share)


@hookimpl
def wsbench_datasets():
    return [replace(TOY, name="marked", load=lambda settings, source: Marked())]
'''


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    (tmp_path / "marked.py").write_text(PLUGIN)
    monkeypatch.setenv("COLUMNS", "200")
    return ("data", "readers", "marked", "--plugin", "marked.py", "-q")


def test_every_reading_counts_alike(words, command) -> None:
    """One reader draws the halves of all masks and hits each, the other misses all."""
    code, out, err = command(*words, "--json", "r.json")
    assert code == 0, err
    numbers = json.loads(Path("r.json").read_text())
    values = {name: one["value"] for name, one in numbers["radiologist"].items()}
    assert values["mask_iou"] == pytest.approx(0.25, abs=0.02)
    assert values["chexlocalize_miou"] == pytest.approx(0.5, abs=0.04)
    assert values["mask_blank"] == values["chexlocalize_hit_rate"] == 0.5
    assert numbers["counts"]["readers"] == 2
    assert numbers["counts"]["readings"] == 2 * numbers["counts"]["images"] == 30
    assert "under 2 names" in out


def test_all_images_count_where_they_are_asked_for(words, command) -> None:
    assert command(*words, "--json", "test.json")[0] == 0
    assert command(*words, "--images", "all", "--json", "all.json")[0] == 0
    test, everything = (json.loads(Path(name).read_text())["counts"] for name in ("test.json", "all.json"))
    assert (test["images"], everything["images"]) == (15, 60)
    assert sum(everything["findings"].values()) > sum(test["findings"].values())


def test_the_page_shows_them_and_moves_no_method(words, command) -> None:
    scored = ("run", "-m", "two_lungs", "-d", "marked", "--plugin", "marked.py", "-q", "--no-references")
    assert command(*scored, "--submit")[0] == 0
    page = Path("leaderboards/marked.md")
    assert command("leaderboard", "--plugin", "marked.py")[0] == 0
    before = page.read_text()
    code, out, _ = command(*words, "--submit")
    assert code == 0 and "leaderboards/readers/masks/marked.json is written" in out.replace("\n", " ")
    assert command("leaderboard", "--check", "--no-replay", "--plugin", "marked.py")[0] == 1
    assert command("leaderboard", "--plugin", "marked.py")[0] == 0
    after = page.read_text()
    start = after.index("## Readers against the truth masks")
    assert after[:start].rstrip() == before.rstrip()
    section = after[start:]
    assert "**This is no method.**" in section and "| rank" not in section
    assert "| measure of masks and points | radiologist (no method) | 95 % |" in section
    assert "| chexlocalize_hit_rate | 0.500 |" in section
    assert "chexlocalize_miou_lower" in section.split("| class |")[1]
    assert command("leaderboard", "--check", "--no-replay", "--plugin", "marked.py")[0] == 0


def test_a_file_that_is_none_is_named(words, command) -> None:
    from conftest import refused

    assert command(*words, "--submit", "--leaderboards", "boards")[0] == 0
    path = Path("boards/readers/masks/marked.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"rank": 1}))
    line = refused(command("leaderboard", "boards", "--plugin", "marked.py"))
    assert "marked.json is not a study of readers: rank: Extra inputs" in line


# Which metrics exist.


def drawn_area(scored, resamples):
    areas = np.zeros((len(scored.names), len(scored.classes)))
    for place, mask in (scored.predicted_masks or {}).items():
        areas[place] = mask.pixels().mean()
    return ratio(resamples.sum(areas), resamples.sum(np.ones_like(areas)))


def score(scored, resamples):
    return ratio(resamples.sum(scored.scores), resamples.sum(np.ones_like(scored.scores)))


def positives(scored, resamples):
    return ratio(
        resamples.sum(scored.predicted_positive.astype(float)), resamples.sum(np.ones_like(scored.scores))
    )


def test_a_plugins_metric_is_judged_by_what_it_does() -> None:
    metrics = {
        "area": MetricSpec("area", "area of drawings", drawn_area, needs="masks"),
        "score": MetricSpec("score", "mean score", score, needs="masks"),
        "positives": MetricSpec("positives", "share of positives", positives, needs="masks"),
        "boxes": MetricSpec("boxes", "declared as boxes", drawn_area),
    }
    assert set(of_marks_alone(metrics, masks=True, points=True)) == {"area"}
    assert of_marks_alone(metrics, masks=False, points=True) == {}
    assert set(of_marks_alone(METRICS, masks=True, points=True)) == {
        "mask_iou",
        "mask_dice",
        "mask_blank",
        *(f"chexlocalize_{name}{end}" for name in ("miou", "hit_rate") for end in ("", "_lower", "_upper")),
    }


# Readings that cannot be.

TESTED = testing.toy().roles.members["test"][0]
SIZE = next((one.width, one.height) for one in testing.toy().samples if one.name == TESTED)


def toy(*readings: Reading, masks: bool = True) -> Loaded:
    def make(settings: object, source: object) -> testing.Toy:
        data = testing.Toy()
        whole = Mask.of_pixels("spot", np.ones(SIZE[::-1], dtype=bool))
        data.samples = tuple(
            replace(one, labels=("spot",), masks=(whole,)) if masks and one.name == TESTED else one
            for one in data.samples
        )
        data.readings = readings
        return data

    return load(replace(testing.TOY, load=make), testing.ToySettings(), Entry(), Silent())


def mask_of(width: int, height: int, label: str = "spot") -> Mask:
    return Mask.of_pixels(label, np.ones((height, width), dtype=bool))


@pytest.mark.parametrize(
    ("readings", "reason"),
    [
        ([Reading("R1", TESTED, masks=()), Reading("R1", TESTED, masks=())], "R1 has two readings of 0"),
        (
            [Reading("R1", TESTED, masks=()), Reading("R2", TESTED)],
            "some readings have masks and others None",
        ),
        ([Reading("R1", TESTED, points=(Point("blot", 1, 1),))], "by R1 has the class 'blot', which is none"),
        ([Reading("R1", TESTED, points=(Point("spot", -1, 1),))], "has a point of spot at -1, 1, outside"),
        ([Reading("R1", TESTED, masks=(mask_of(3, 4),))], "has a mask of spot of 3x4 pixels; the image has"),
        ([Reading("R1", TESTED, masks=(mask_of(*SIZE), mask_of(*SIZE)))], "has two masks of a class"),
    ],
)
def test_readings_that_cannot_be_are_named(readings: list[Reading], reason: str) -> None:
    with pytest.raises(WsbenchError, match=reason):
        study(toy(*readings), METRICS)


def test_a_dataset_without_truth_masks_says_so() -> None:
    with pytest.raises(WsbenchError, match=r"no image that was read has a truth mask; --images all takes"):
        study(toy(Reading("R1", TESTED, masks=()), masks=False), METRICS)


def test_people_count_nothing_twice() -> None:
    """A reading of an image that was left out, and a whole image that is drawn whole."""
    whole = mask_of(*SIZE)
    data = toy(Reading("R1", TESTED, masks=(whole,)), Reading("R1", "gone", masks=()))
    result = reports.checked(study(data, METRICS))
    assert result.radiologist["mask_iou"].value == 1.0
    assert (result.counts.images, result.counts.masks, result.counts.points) == (1, 1, None)
