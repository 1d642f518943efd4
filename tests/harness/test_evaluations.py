"""Test reuse is counted: once for every scoring that really happened, whole under concurrent processes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import METRICS
from records_examples import example
from wsbench.contract import records
from wsbench.errors import WsbenchError
from wsbench.reports import leaderboard
from wsbench.runs import evaluation_log

SMALL = ["-d", "phantom", "-D", "images=80", "--no-references", "-q"]
LINE = "evaluations of this test split here, so far: {}\n"


def note(log: Path, fingerprint: str = "f00d") -> dict:
    return evaluation_log.note(log, fingerprint=fingerprint, method="net", settings={"epochs": 3}, seed=1)


def test_evaluations_are_counted_by_what_was_tested(tmp_path: Path) -> None:
    log = tmp_path / "phantom" / evaluation_log.FILE
    counts = [note(log, fingerprint)["count"] for fingerprint in ("f00d", "beef", "f00d", "f00d", "beef")]
    assert counts == [1, 1, 2, 3, 2]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["fingerprint"] for line in lines] == ["f00d", "beef", "f00d", "f00d", "beef"]
    assert {tuple(line) for line in lines} == {("fingerprint", "method", "settings", "seed", "time", "check")}
    assert note(log)["log"] == note(log)["log"] != note(tmp_path / "other" / evaluation_log.FILE)["log"]


def test_processes_that_score_at_once_lose_no_line(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from wsbench.runs import evaluation_log\n"
        "for seed in range(15):\n"
        "    print(evaluation_log.note(Path(sys.argv[1]), fingerprint='f00d', method=sys.argv[2], "
        "settings={}, seed=seed)['count'])"
    )
    log = tmp_path / evaluation_log.FILE
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(log), name], stdout=subprocess.PIPE, text=True)
        for name in "abc"
    ]
    counts = [int(word) for process in started for word in process.communicate()[0].split()]
    assert sorted(counts) == list(range(1, 46))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert sorted((line["method"], line["seed"]) for line in lines) == [
        (m, s) for m in "abc" for s in range(15)
    ]


def test_a_log_that_was_damaged_is_named(tmp_path: Path) -> None:
    log = tmp_path / evaluation_log.FILE
    note(log)
    log.write_text(log.read_text() + '{"fing\n')
    with pytest.raises(
        WsbenchError, match=r"evaluations\.jsonl: not JSON: .* \(line 2\); fix that line, or move"
    ):
        note(log)


def test_what_is_really_scored_is_counted_and_what_is_skipped_is_not(command, tmp_path: Path) -> None:
    assert LINE.format(1) in command("run", "-m", "random_map", *SMALL)[1]
    assert LINE.format(1) in command("run", "-m", "random_map", *SMALL)[1]  # all of it was done before
    assert LINE.format(3) in command("run", "-m", "random_map", "--seeds", "0,1,2", *SMALL)[1]
    (run,) = tmp_path.glob("runs/phantom/random_map/seed0-*")
    assert LINE.format(4) in command("evaluate", str(run), "-q", "--calibrate-for", "msli")[1]
    assert command("export", str(run), "-q")[0] == 0
    words = ["evaluate", "--predictions", "predictions.json", *SMALL]
    assert LINE.format(5) in command(*words)[1]
    assert LINE.format(5) in command(*words)[1]
    found = [records.load(path) for path in tmp_path.glob("runs/phantom/*/*/record.json")]
    assert sorted(record.evaluations["count"] for record in found) == [2, 3, 4, 5]
    assert len({record.evaluations["log"] for record in found}) == 1
    assert len((tmp_path / "runs" / "phantom" / evaluation_log.FILE).read_text().splitlines()) == 5
    other = ["-d", "phantom", "-D", "images=60", "--no-references", "-q"]
    assert LINE.format(1) in command("run", "-m", "random_map", *other)[1]  # of another test split


def test_every_fold_of_a_cross_validation_is_a_test_split(command, tmp_path: Path) -> None:
    assert LINE.format(1) in command("run", "-m", "two_lungs", "--folds", "2", *SMALL)[1]
    assert len((tmp_path / "runs" / "phantom" / evaluation_log.FILE).read_text().splitlines()) == 2
    (path,) = tmp_path.glob("runs/phantom/two_lungs/seed0-2folds-*/record.json")
    assert records.load(path).evaluations["count"] == 1


def test_a_run_that_was_moved_keeps_its_log_to_itself(tmp_path: Path) -> None:
    run = tmp_path / "phantom" / "net" / "seed0"
    assert evaluation_log.log_of(run, "phantom") == tmp_path / "phantom" / evaluation_log.FILE
    assert evaluation_log.log_of(run, "nih") == run / evaluation_log.FILE


def test_a_record_keeps_its_number_and_old_ones_have_none(tmp_path: Path) -> None:
    counted = replace(example(), evaluations={"log": "a", "count": 7})
    assert counted.key == example().key
    for record in (counted, example()):
        records.write(record, tmp_path / "record.json")
        assert records.load(tmp_path / "record.json") == record
    assert "evaluations" not in json.loads((tmp_path / "record.json").read_text())


def seen(log: str, count: int, **values: object) -> records.Record:
    return replace(example(**values), evaluations={"log": log, "count": count})


def test_a_page_says_how_many_rows_and_evaluations_its_test_split_has_seen() -> None:
    """Of a log the latest record says how many; logs add up, and so do records from before there were any."""
    old = [example("old"), example("older", seed=0), example("older", seed=1)]
    assert "Its test split has seen 2 rows.\n" in leaderboard.render("phantom", old, METRICS)
    assert "has seen 1 row.\n" in leaderboard.render("phantom", old[:1], METRICS)
    found = [seen("a", 7, name="x"), seen("a", 9, name="y"), seen("b", 4, name="y", seed=1)]
    assert "has seen 2 rows and at least 13 evaluations.\n" in leaderboard.render("phantom", found, METRICS)
    assert "has seen 4 rows and at least 16 evaluations.\n" in leaderboard.render(
        "phantom", found + old, METRICS
    )


def test_tables_of_one_test_split_say_what_all_have_seen() -> None:
    """Rules chosen for something else are another table, on the same test images; other data are others."""
    other = seen("a", 7, name="other")
    other.key["calibrated_for"] = "msli"
    page = leaderboard.render("phantom", [example(), other, example(fingerprint="beef")], METRICS)
    assert page.count("has seen 2 rows and at least 8 evaluations.") == 2
    assert page.count("has seen 1 row.") == 1
