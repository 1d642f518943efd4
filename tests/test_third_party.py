"""A stranger's file with a plugin of every kind: what tables, pages and help say of it; no file is edited."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import METRICS, refused
from records_examples import example
from wsbench.contract.plugins import find
from wsbench.contract.specs import MetricSpec
from wsbench.errors import WsbenchError
from wsbench.reports.board import Board
from wsbench.reports.rows import ranked

FILE = """
import numpy as np
import wsbench


class Spots(wsbench.Dataset):
    classes = ("spot",)

    def __init__(self):
        self.samples = tuple(
            wsbench.Sample(
                name=f"{split}/{n}", split=split, width=40, height=40, labels=("spot",) * (n % 2),
                boxes=(wsbench.Box("spot", 4, 4, 20 + n % 3, 20),) * (n % 2), content=f"{split}{n}",
            )
            for split in ("train", "test") for n in range(40)
        )

    def read(self, sample, height, width):
        return np.full((height, width), 200 if sample.labels else 50, np.uint8)


class Grey(wsbench.Method):
    def predict(self, images):
        maps = images.pixels(8, 8)[:].astype(np.float32)[:, None] / 255
        maps[:, :, 4:] = 0
        return wsbench.Prediction(maps.max(axis=(2, 3)), maps)


def area(scored, resamples):
    boxes = scored.predicted.xyxy
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    sums = scored.per_image(scored.predicted, areas)
    return wsbench.metrics.ratio(resamples.sum(sums), resamples.sum(np.ones_like(sums)))


def spots(number: int = 1) -> None:
    \"\"\"Count spots.\"\"\"
    if number > 3:
        raise wsbench.WsbenchError("--number: there are three spots; say less")
    print("spot " * number)


@wsbench.hookimpl
def wsbench_datasets():
    return [wsbench.DatasetSpec("spots", "grey squares", wsbench.Settings,
                                lambda settings, source: Spots(), computed=True)]


@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("grey", "the grey value", wsbench.Settings, Grey)]


@wsbench.hookimpl
def wsbench_metrics():
    return [wsbench.MetricSpec("box_area", "mean area of boxes on an image", area, False,
                               bounded=False, heading="box area", digits=1)]


@wsbench.hookimpl
def wsbench_commands():
    return [wsbench.CommandSpec("spots", "counts spots", spots)]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The stranger's file; what ``wsbench --plugin`` sets is taken back after the test."""
    monkeypatch.setenv("WSBENCH_PLUGINS", "")
    (tmp_path / "stranger.py").write_text(FILE)
    return "stranger.py"


def test_a_file_adds_a_plugin_of_every_kind(file: str, command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    code, listed, _ = command("list", "--plugin", file)
    assert code == 0
    for name in ("spots   grey squares", "grey            the grey value", "box_area", "spots  counts spots"):
        assert " ".join(name.split()) in " ".join(listed.split())

    code, shown, err = command("run", "-m", "grey", "-d", "spots", "--plugin", file, "--submit", "-q")
    assert code == 0, err
    assert shown.splitlines()[1].endswith("box area")  # behind the built-in columns
    row, interval = (line.split()[-1] for line in shown.splitlines()[2:4])
    assert re.fullmatch(r"\d+\.\d", row)  # one digit behind the point, and none of its interval
    assert re.fullmatch(r"\d+\N{EN DASH}\d+", interval)

    assert command("leaderboard", "--plugin", file)[0] == 0
    assert ",box_area," in Path("leaderboards/tables/spots/uniform.csv").read_text()
    assert command("leaderboard", "--check", "--no-replay", "--plugin", file)[0] == 0


def test_a_command_of_a_plugin(file: str, command) -> None:
    code, out, _ = command("--plugin", file, "--help")
    assert code == 0
    assert re.search(r"spots +Counts spots\.", out)
    assert command("--plugin", file, "spots", "--number", "2") == (0, "spot spot \n", "")
    assert "Count spots." in command("--plugin", file, "spots", "--help")[1]
    assert refused(command("--plugin", file, "spots", "--number", "4")) == (
        "--number: there are three spots; say less"
    )
    assert "No such command 'spotz'" in refused(command("--plugin", file, "spotz"))


def test_a_plugin_replaces_no_built_in_command(tmp_path: Path, command, monkeypatch) -> None:
    monkeypatch.setenv("WSBENCH_PLUGINS", "")
    (tmp_path / "run.py").write_text(
        "import wsbench\ndef other() -> None: print('mine')\n"
        "@wsbench.hookimpl\ndef wsbench_commands(): return [wsbench.CommandSpec('list', 'mine', other)]\n"
    )
    code, out, err = command("--plugin", "run.py", "list")
    assert code == 0
    assert out.startswith("datasets") and "mine" not in out
    assert err.endswith("command 'list' is wsbench's own; rename it\n")


def test_plugins_are_looked_for_once_for_help(file: str, command, monkeypatch: pytest.MonkeyPatch) -> None:
    from wsbench.contract import plugins

    searches = []
    real = plugins.find
    monkeypatch.setattr(plugins, "find", lambda files: searches.append(files) or real(files))
    assert "spots" in command("--plugin", file, "--help")[1]
    assert len(searches) == 1


def test_a_module_named_for_all_commands(tmp_path: Path, command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSBENCH_PLUGINS", "")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "strangers_module.py").write_text(FILE)
    assert command("--plugin", "strangers_module", "spots")[:2] == (0, "spot \n")


def test_rows_are_compared_in_every_kept_metric_and_ranked_by_those_that_may() -> None:
    from dataclasses import replace

    from wsbench.contract.protocol import RANKED_BY, RANKED_WITHOUT_BOXES
    from wsbench.reports.rows import Row, compared_metrics

    assert all(METRICS[name].may_rank for name in (RANKED_BY, RANKED_WITHOUT_BOXES))
    mine = replace(METRICS["sensitivity"], name="mine", columns={}, kept_in_draws=True)
    row = Row((example(),), {**METRICS, "mine": mine})
    assert compared_metrics(row) == ["cond_ap25", "cond_gain", "ap25", "map_gain", "auc", "mine"]


def test_less_is_better_ranks_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Order, ranks and the Ladder follow the measure's direction."""
    from dataclasses import replace

    from wsbench.reports.submission import refusal

    metrics = {**METRICS, "cond_ap25": replace(METRICS["cond_ap25"], higher_is_better=False)}
    draws = [value / 1000 for value in range(-20, 21)]
    low, high = (
        example(name, cond_ap25=value, draws=[value + draw for draw in draws], deterministic=True)
        for name, value in (("low", 0.2), ("high", 0.6))
    )
    assert [row.first.method["name"] for row in ranked([low, high], METRICS)] == ["high", "low"]
    assert [row.first.method["name"] for row in ranked([low, high], metrics)] == ["low", "high"]
    board = Board.of([low, high], metrics)
    assert [board.standings[place].words for place in (0, 1)] == ["1", "2"]
    assert (board.standings[0].winner, board.standings[1].winner) == (True, False)
    assert refusal([low], [high], metrics) is None
    assert "is not below the 0.200" in (refusal([high], [low], metrics) or "")
    assert refusal([high], [low], METRICS) is None


def test_columns_of_unknown_tables_are_refused() -> None:
    with pytest.raises(
        WsbenchError, match="unknown table of metric mine 'terminall'; did you mean 'terminal'"
    ):
        MetricSpec("mine", "", lambda scored, draws: draws, columns={"terminall": 1})


def test_every_built_in_column_has_its_own_place() -> None:
    """Two metrics at one place of a table would stand in the order of their names."""
    places = [(table, place) for spec in find().metrics.values() for table, place in spec.columns.items()]
    assert len(places) == len(set(places))
