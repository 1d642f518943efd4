"""People as rows: the command, the file, the page whose methods do not move, and what users get wrong."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import METRICS, refused
from wsbench import testing
from wsbench.data.catalog import Entry
from wsbench.data.dataset import Loaded, load
from wsbench.errors import WsbenchError
from wsbench.reports import readers as reports
from wsbench.runs.reader_study import study
from wsbench.types import Box, Reading
from wsbench.utils.progress import Silent

PLUGIN = """
from wsbench import hookimpl
from wsbench.testing import TOY, Toy
from dataclasses import replace
from wsbench.types import Box, Reading

class Read(Toy):
    def __init__(self):
        super().__init__()
        self.readings = tuple(
            Reading(reader, sample.name, sample.labels, moved(sample.boxes, shift))
            for sample in self.samples
            for reader, shift in (("R1", 0), ("R2", 1), ("R3", 2))
        )

def moved(boxes, shift):
    return tuple(Box(box.label, box.x0 - shift, box.y0, box.x1 - shift, box.y1) for box in boxes)

@hookimpl
def wsbench_datasets():
    return [replace(TOY, name="read", load=lambda settings, source: Read())]
"""


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    (tmp_path / "read.py").write_text(PLUGIN)
    monkeypatch.setenv("COLUMNS", "200")
    return ("data", "readers", "read", "--plugin", "read.py", "-q")


def test_the_command_prints_people_and_says_that_they_are_no_method(words, command) -> None:
    code, out, err = command(*words, "--json", "readers.json")
    assert code == 0, err
    assert "radiologist (no method)" in out
    assert "have no rank" in out
    numbers = json.loads(Path("readers.json").read_text())
    assert numbers["images"] == "test"
    assert numbers["counts"]["images"] == 15
    assert (numbers["counts"]["fewest"], numbers["counts"]["most"], numbers["counts"]["readers"]) == (3, 3, 3)
    assert numbers["agreement"]["fleiss_kappa"]["value"] == 1.0
    assert numbers["undecided"] == 0.0
    assert "miou" in out and "cond_ap25" not in out
    for name in ("cond_ap25", "ap25", "auc", "froc"):
        assert name not in numbers["radiologist"]


def test_numbers_are_those_of_moved_boxes(words, command) -> None:
    """A box of 14 pixels width; R1's others are moved by 1 and 2, R2's by 0 and 2, R3's by 0 and 1."""
    assert command(*words, "--json", "readers.json")[0] == 0
    numbers = json.loads(Path("readers.json").read_text())

    def moved(shift: float) -> float:
        return (14 - shift) / (14 + shift)

    pairs = [moved(1), moved(2), moved(1)]
    low, high = numbers["agreement"]["matched_iou"]["interval"]
    assert numbers["agreement"]["matched_iou"]["value"] == pytest.approx(sum(pairs) / 3, abs=1e-9)
    assert low <= sum(pairs) / 3 <= high
    # The mean of the others is at 1.5, 1 and 0.5.
    expected = (moved(1.5) + moved(0) + moved(1.5)) / 3
    assert numbers["radiologist"]["miou_matched"]["value"] == pytest.approx(expected, abs=1e-9)
    own = {name: one["metrics"]["miou_matched"] for name, one in numbers["readers"].items()}
    assert own == pytest.approx({"R1": moved(1.5), "R2": 1.0, "R3": moved(1.5)}, abs=1e-9)


def test_all_images_are_an_option(words, command) -> None:
    assert command(*words, "--images", "all", "--json", "readers.json")[0] == 0
    assert json.loads(Path("readers.json").read_text())["counts"]["images"] == 60
    assert "unknown images 'trial'" in refused(command(*words, "--images", "trial"))


def test_the_page_shows_them_and_moves_no_method(words, command) -> None:
    scored = (
        "run",
        "-m",
        "two_lungs",
        "-d",
        "read",
        "--plugin",
        "read.py",
        "--no-references",
        "-q",
        "--submit",
    )
    assert command(*scored)[0] == 0
    (record,) = Path("leaderboards").glob("records/read/*.json.xz")
    kept = record.read_bytes()
    page = Path("leaderboards/read.md")
    assert command("leaderboard", "--plugin", "read.py")[0] == 0
    before = page.read_text()
    assert command(*words, "--submit")[0] == 0
    code, out, _ = command("leaderboard", "--check", "--no-replay", "--plugin", "read.py")
    assert (code, "does not match its records" in out) == (1, True)
    assert command("leaderboard", "--plugin", "read.py")[0] == 0
    after = page.read_text()
    start = after.index("## Readers")
    assert after[:start].rstrip() == before.rstrip()
    section = after[start:]
    assert "**This is no method.**" in section
    assert re.search(r"^\| measure of boxes alone \| radiologist \(no method\) \| 95 % \|$", section, re.M)
    assert "rank |" not in section
    assert "Read: 15 test images, each by 3 of 3 readers." in section
    assert record.read_bytes() == kept
    assert command("leaderboard", "--check", "--no-replay", "--plugin", "read.py")[0] == 0
    link = re.search(r"\(\.\./docs/protocol\.md#([\w-]+)\)", section)
    headings = (Path(__file__).parents[1] / "docs" / "protocol.md").read_text()
    assert f"## {link[1].replace('-', ' ').capitalize()}\n" in headings


def test_a_page_needs_no_record(words, command) -> None:
    assert command(*words, "--submit", "--leaderboards", "boards")[0] == 0
    assert command("leaderboard", "boards", "--plugin", "read.py")[0] == 0
    assert "## Readers" in Path("boards/read.md").read_text()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda value: {**value, "rank": 1}, "rank: Extra inputs are not permitted"),
        (lambda value: {**value, "images": "some"}, "images: Input should be 'test' or 'all'"),
        (lambda value: {**value, "dataset": {**value["dataset"], "name": "../x"}}, "dataset.name: String"),
        (lambda value: {**value, "dataset": {**value["dataset"], "name": "other"}}, "is of dataset other"),
        (lambda value: {**value, "dataset": {**value["dataset"], "subset": {"a": [1, 2]}}}, "is of a subset"),
        (lambda value: {**value, "agreement": {"a\nb": {"value": 1}}}, "has characters that do not print"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_named(words, command, change, reason: str) -> None:
    assert command(*words, "--submit")[0] == 0
    path = Path("leaderboards/readers/read.json")
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    line = refused(command("leaderboard", "--plugin", "read.py"))
    assert "readers/read.json" in line
    assert reason in line


# Data.


def toy(*readings: Reading) -> Loaded:
    def make(settings: object, source: object) -> testing.Toy:
        data = testing.Toy()
        data.readings = readings
        return data

    return load(replace(testing.TOY, load=make), testing.ToySettings(), Entry(), Silent())


def test_a_dataset_without_readers_says_so(command) -> None:
    line = refused(command("data", "readers", "phantom", "-q", "-D", "images=60", "-D", "size=64"))
    assert line == "phantom: no image has two readers that are known apart"


TESTED = testing.toy().roles.members["test"][0]
TRAINED = testing.toy().roles.members["fit"][0]


def test_one_reader_alone_is_compared_with_nobody() -> None:
    with pytest.raises(WsbenchError, match="no image has two readers"):
        study(toy(Reading("R1", TESTED)), METRICS)
    only_trained = toy(Reading("R1", TRAINED), Reading("R2", TRAINED), Reading("R1", TESTED))
    assert study(only_trained, METRICS)["images"] == "all"
    with pytest.raises(
        WsbenchError, match=r"no test image has two readers .*; --images all takes the others"
    ):
        study(only_trained, METRICS, "test")


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (Reading("R1", TESTED, ("spot",)), "R1 has two readings of 0"),
        (Reading("R3", TESTED, ("blot",)), "by R3 has the class 'blot', which is none"),
        (Reading("R3", TESTED, (), (Box("spot", 0, 0, 9, 9),)), "by R3 has a box of 'spot', which is not"),
    ],
)  # fmt: skip
def test_readings_that_cannot_be_are_named(reading: Reading, reason: str) -> None:
    with pytest.raises(WsbenchError, match=reason):
        study(toy(Reading("R1", TESTED), Reading("R2", TESTED), reading), METRICS)


def test_readers_who_see_nothing_give_a_study_without_values() -> None:
    result = reports.checked(study(toy(Reading("R1", TESTED), Reading("R2", TESTED)), METRICS))
    assert result.undecided is None
    assert {name: measured.value for name, measured in result.agreement.items()} == dict.fromkeys(
        result.agreement
    )
    assert result.radiologist["miou"].cells == ("-", "-")


def test_images_that_are_left_out_are_not_read() -> None:
    result = study(toy(*(Reading(who, name) for who in ("R1", "R2") for name in (TESTED, "gone"))), METRICS)
    assert result["counts"]["images"] == 1


def test_a_subset_enters_no_leaderboard(words, command, tmp_path: Path) -> None:
    sized = ("--layout", "vindr", "-q", "-D", "images=60", "-D", "size=64")
    assert command("data", "make", "phantom", "made", *sized)[0] == 0
    code, out, _ = command("data", "readers", "vindr", "--root", "made", "-q")
    assert code == 0
    assert "images of all roles, each by 3 of 5 readers" in out
    line = refused(command("data", "readers", "vindr", "--root", "made", "-q", "--submit"))
    assert line == "vindr is a subset of its release here; its readers enter no leaderboard"


def test_no_method_sees_a_reading() -> None:
    """Nothing that a method is given leads to the dataset's readings."""
    marker = Reading("R1", TESTED, ("spot",), (Box("spot", 1.5, 2.5, 9.5, 8.5),))
    data = toy(marker, Reading("R2", TESTED))
    seen: list[object] = []
    todo: list[object] = [data.views.weak(data.roles.members["fit"]), data.views.images([TESTED])]
    while todo:
        thing = todo.pop()
        if any(thing is known for known in seen) or isinstance(thing, str | int | float | type(None)):
            continue
        seen.append(thing)
        assert thing is not marker
        todo += [getattr(thing, name) for name in getattr(thing, "__dict__", {})]
        todo += list(thing) if isinstance(thing, list | tuple) else []
    assert len(seen) > 3
