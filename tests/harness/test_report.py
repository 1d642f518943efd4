"""The report of runs: what its sections say, that text stays text, that the same runs make the same file."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import METRICS, refused
from records_examples import example
from report_examples import ATTACK, Finished, drawn
from wsbench.cli import reporting
from wsbench.contract.plugins import Plugins, find
from wsbench.contract.records import Record
from wsbench.errors import WsbenchError
from wsbench.reports import page_words
from wsbench.reports.board import Board
from wsbench.reports.differences import pairs_of
from wsbench.reports.rows import ranked
from wsbench.reports.web.report import api, breakdown, checks, matrix, ranking
from wsbench.reports.web.report.bars import Scale
from wsbench.reports.web.report.build import Options, page_of
from wsbench.reports.web.report.commands import command_of
from wsbench.reports.web.report.provenance import without_folders
from wsbench.reports.web.report.subject import SHOWN_ROWS, subjects_of
from wsbench.runs.evaluation_log import times_of
from wsbench.utils.progress import Silent

PLUGINS = find()
WITHOUT_CASES = Options(images=0)


def page(*records: object) -> str:
    return page_of([*records], PLUGINS, WITHOUT_CASES, "wsbench report")


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_differences_agree_with_the_ranks() -> None:
    means = {"a": 0.8, "b": 0.79, "c": 0.5, "d": 0.2}
    records = [record for name, mean in means.items() for record in drawn(name, mean, range(3))]
    records += drawn("outside", 0.9, preset="external")
    board = Board.of(records, METRICS)
    pairs = pairs_of(board, board.ranked_by)
    apart = {index for index, row in enumerate(board.rows) if row.apart}
    assert len(apart) == 1
    for index, standing in board.standings.items():
        family = {row for row in range(len(board.rows)) if row not in apart or row == index}
        shown = [
            (first, pair.difference.difference)
            for (first, second), pair in pairs.items()
            if pair.is_shown and index in (first, second) and {first, second} <= family
        ]
        ahead = sum((difference < 0) == (first == index) for first, difference in shown)
        assert standing.best == 1 + ahead
        assert standing.worst == len(family) - (len(shown) - ahead)


def test_some_pairs_have_the_corrections_of_all() -> None:
    records = [record for name, mean in (("a", 0.8), ("b", 0.7), ("c", 0.6)) for record in drawn(name, mean)]
    board = Board.of(records, METRICS)
    every = pairs_of(board, board.ranked_by)
    assert pairs_of(board, board.ranked_by, [0, 2]) == {(0, 2): every[0, 2]}


def test_two_rows_that_count_in_no_rank_are_not_compared() -> None:
    records = [*drawn("a", 0.8), *drawn("b", 0.7, preset="external"), *drawn("c", 0.6, preset="external")]
    board = Board.of(records, METRICS)
    assert set(pairs_of(board, board.ranked_by)) == {(0, 1), (0, 2)}


def test_a_scale_has_round_ends() -> None:
    scale = Scale.of([0.23, 0.61], floor=0.7)
    assert (scale.low, round(scale.high, 9), scale.ticks) == (0.2, 0.8, [0.2, 0.4, 0.6, 0.8])
    assert Scale.of([-0.4, 0.1]).ticks == [-0.4, -0.2, 0.0, 0.2]
    assert Scale.of([0.5, 0.5]).ticks[0] <= 0.5 <= Scale.of([0.5]).ticks[-1]
    assert Scale.of([float("nan")]).ticks[0] == 0.0


def test_the_ranked_table() -> None:
    blind = drawn("blind", 0.4, reads_image=False, deterministic=True)
    records = [*drawn("good", 0.8, range(3), changed={"epochs": 9}), *blind, *drawn("bad", 0.2)]
    (subject,) = subjects_of(records, PLUGINS)
    table = ranking.ranked(subject, "uniform")
    assert [line.name for line in table.lines] == ["good (quick)", "blind (quick) †", "bad (quick)"]
    first, floor, _ = table.lines
    assert (first.changed, first.seeds, first.winner, floor.blind) == ("epochs=9", "0, 1, 2", True, True)
    assert first.cells[0].text == "0.802 ± 0.002"
    row = subject.rows[0]
    low, high = subject.board.interval(0, "cond_ap25") or (0, 0)
    assert first.cells[0].interval == f"{low:.3f} to {high:.3f}"
    assert row.average("cond_ap25", "uniform") == pytest.approx(0.802)
    assert 'class="bar-floor"' in table.lines[2].bar  # the line of the best image-blind row
    html = str(ranking.section(subject).body)
    assert html.count('class="floor"') == 1
    assert "† never looks at the image." in html


def test_the_matrix_says_in_words_what_it_shows() -> None:
    records = [*drawn("good", 0.8, range(3)), *drawn("bad", 0.2, range(3)), *drawn("same", 0.801, range(3))]
    section = matrix.section(subjects_of(records, PLUGINS)[0])
    assert section is not None
    cells = re.findall(r'class="(better|worse|not-shown|same)"', section.body)
    assert cells == ["same", "not-shown", "better", "not-shown", "same", "better", "worse", "worse", "same"]
    assert "+0.600 better" in text_of(section.body)
    assert "-0.600 worse" in text_of(section.body)


def test_a_single_row_has_no_matrix() -> None:
    assert matrix.section(subjects_of(drawn("a", 0.5), PLUGINS)[0]) is None


def with_strata(name: str, hits: tuple[float, float], holm: float) -> object:
    (record,) = drawn(name, 0.5)
    groups = [
        {"of": "lesions", "factor": "lesion size", "level": level, "count": 20, "hit": hit, "rest": 0.5,
         "interval": [-0.2, 0.2], "p": holm, "holm": holm}
        for level, hit in zip(("smallest third", "largest third"), hits, strict=True)
    ]  # fmt: skip
    strata = {"lesions": {"count": 40, "hit": 0.5}, "images": {"count": 9, "hit": 0.5}, "groups": groups,
              "worst": None, "left_out": []}  # fmt: skip
    uniform = {**record.protocols["uniform"], "strata": strata}
    return replace(record, protocols={"uniform": uniform})


def test_strata_stand_beside_each_other() -> None:
    (subject,) = subjects_of([with_strata("a", (0.1, 0.9), 0.01), with_strata("b", (0.4, 0.6), 0.8)], PLUGINS)
    section = breakdown.by_stratum(replace(subject, cases="cases"))
    assert section is not None
    words = text_of(section.body)
    assert "smallest third 20 lesions 10% worse 40%" in words
    assert "largest third 20 lesions 90% better 60%" in words
    assert '<a href="#cases" data-filter="size=smallest+third">' in section.body
    assert "data-filter" not in str(breakdown.by_stratum(subject).body)


def checked(record: Record, spearman: float | None) -> Record:
    """A record whose maps were compared with those of a random network."""
    values = {name: {"value": spearman} for name in ("spearman", "ssim", "hog")}
    check = {"check": "parameters", "what": "all parameters", "undefined": 1, **values}
    return replace(record, sanity={"images": 4, "maps": 5, "checks": {"parameters": [check]}})


def test_sanity_checks_are_means_over_seeds() -> None:
    first, second, alone = *drawn("a", 0.5, range(2)), *drawn("b", 0.4)
    records = [checked(first, 0.1), checked(second, 0.4), checked(alone, None)]
    section = checks.section(subjects_of(records, PLUGINS)[0])
    assert section is not None
    words = text_of(section.body)
    assert "a (quick) all parameters 0, 1 0.250 0.250 0.250 2 of 10" in words
    assert "b (quick) all parameters 0 - - - 1 of 5" in words
    assert "Faithfulness" not in words
    assert checks.section(subjects_of(drawn("a", 0.5), PLUGINS)[0]) is None


def test_faithfulness_is_a_mean_over_seeds() -> None:
    def measured(record: Record, value: float) -> Record:
        of_map = {"map": {"value": value}, "blank": {"value": 0.5}}
        faithful = {"size": 64, "measures": {"deletion": of_map}}
        return replace(record, sanity={"images": 4, "maps": 5, "checks": {}, "faithfulness": faithful})

    maps = tuple(page_words.FAITHFULNESS_MAPS)
    records = [measured(*both) for both in zip(drawn("a", 0.5, range(2)), (0.2, 0.4), strict=True)]
    for record in records:
        values = record.sanity["faithfulness"]["measures"]["deletion"]
        values |= {which: values.get(which, {"value": None}) for which in maps}
    section = checks.section(subjects_of(records, PLUGINS)[0])
    assert section is not None
    words = text_of(section.body)
    assert "0, 1 64 - - - - 0.300" in words  # of the method's map; the other measures are missing
    assert "a (quick) blank 0, 1 64 - - - - 0.500" in words


def test_many_rows_are_cut_to_the_best_and_the_best_image_blind_one() -> None:
    records = [record for place in range(20) for record in drawn(f"n{place:02}", 0.9 - place / 100)]
    records += drawn("blind", 0.1, reads_image=False)
    (subject,) = subjects_of(records, PLUGINS)
    assert [*subject.shown] == [*range(SHOWN_ROWS - 1), 20]
    assert len(ranking.ranked(subject, "uniform").lines) == 21
    assert f"the best {SHOWN_ROWS} are shown" in subject.left_out


def on_images(count: int, records: list[Record]) -> list[Record]:
    """Records on another number of images."""
    return [
        replace(
            record,
            dataset={**record.dataset, "settings": {"images": count}},
            key={**record.key, "fingerprint": f"f{count}"},
        )
        for record in records
    ]


def test_other_data_have_sections_of_their_own() -> None:
    first = on_images(5, drawn("a", 0.5))
    other = on_images(9, drawn("b", 0.4))
    subjects = subjects_of([*first, *other], PLUGINS)
    assert [subject.group for subject in subjects] == ["phantom images=5", "phantom images=9"]
    html = page(*first, *other)
    ids = re.findall(r'<section id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert {"ranking", "ranking-2", "provenance", "provenance-2", "again"} <= set(ids)


def test_a_seed_that_is_named_twice_is_refused() -> None:
    with pytest.raises(WsbenchError, match="is seed 0 of the same row"):
        page(*drawn("a", 0.5), *drawn("a", 0.5))


def test_text_stays_text_wherever_it_is_from() -> None:
    method = {"citation": ATTACK, "box_use": ATTACK, "box_supervision": "paper", "changed": {ATTACK: ATTACK}}
    (record,) = drawn(ATTACK, 0.5, **method)
    dataset = {**record.dataset, "classes": [ATTACK, "b"], "skipped": [ATTACK], "settings": {ATTACK: ATTACK}}
    same = {"value": 0.1}
    check = {"check": "x", "what": ATTACK, "undefined": 0, "spearman": same, "ssim": same, "hog": same}
    sanity = {"images": 1, "maps": 1, "checks": {"x": [check]}}
    made = {"device": ATTACK, "versions": {ATTACK: ATTACK}, "git": {"commit": ATTACK}, "python": ATTACK,
            "platform": ATTACK, "threads": 1}  # fmt: skip
    record = replace(record, dataset=dataset, sanity=sanity, provenance=made, training=ATTACK)
    html = page(record, *drawn("other", 0.4))
    assert html.count("<script>") == 1  # the page's own
    assert "\x1b" not in html
    assert "&lt;script&gt;" in html
    for attribute in re.findall(r'="([^"]*)"', html):
        assert "<" not in attribute
    shown = text_of(html.partition("<main")[2])
    assert "alert(1)" in shown
    assert "\\n\\x1b[31m" in shown


def test_the_same_runs_make_the_same_bytes(finished_runs: Finished, tmp_path: Path) -> None:
    made = [
        api.report(runs, tmp_path / "report.html", images=0, plugin_files=[finished_runs.plugin]).read_bytes()
        for runs in (finished_runs.runs, [*finished_runs.runs, finished_runs.runs[0]])
    ]
    assert made[0] == made[1]
    assert str(finished_runs.folder).encode() not in made[0]  # no folder of this machine


def test_the_page_of_finished_runs(finished_runs: Finished, tmp_path: Path) -> None:
    path = api.report(finished_runs.runs, tmp_path / "r.html", images=0, plugin_files=[finished_runs.plugin])
    html = path.read_text(encoding="utf-8")
    order = ["compared", "ranking", "differences", "cost", "provenance", "again"]
    ids = re.findall(r'<section id="([^"]+)"', html)
    assert [name for name in ids if name in order] == order, ids
    for folder in finished_runs.runs:
        assert f"runs/phantom/{folder.parent.name}/{folder.name}" in html
    assert "Settings of the data" in html


def test_a_command_makes_the_run_again(finished_runs: Finished, command) -> None:
    plugins = find([finished_runs.plugin])
    rows = ranked([api.records_of([run])[0] for run in finished_runs.runs[:2]], plugins.metrics)
    line = command_of(rows[0], plugins)
    assert line == "wsbench run --method guess --preset default --dataset phantom -D images=80 --seeds 0,1"
    words = ["--runs", str(finished_runs.folder / "runs"), "--plugin", str(finished_runs.plugin)]
    before = (finished_runs.runs[0] / "score" / "stage.json").read_bytes()
    code, out, _ = command(*shlex.split(line)[1:], *words, "--no-references", "--quiet", "--no-report")
    assert code == 0
    assert str(finished_runs.runs[0]) in out
    assert (finished_runs.runs[0] / "score" / "stage.json").read_bytes() == before


def test_commands_say_what_differs() -> None:
    (record,) = drawn("net", 0.5, changed={"epochs": 3, "layer": "a b", "on": True})
    key = {**record.key, "calibrated_for": "msli"}
    data = {**record.dataset, "split": {"name": "s.csv"}, "fit": "all"}
    (row,) = ranked([replace(record, key=key, dataset=data)], METRICS)
    assert command_of(row, PLUGINS) == (
        "wsbench run --method net --preset quick -o epochs=3 -o 'layer=a b' -o on=true --dataset phantom "
        "-D split=FILE -D fit=all --calibrate-for msli --seeds 0"
    )
    (row,) = ranked(drawn("program", 0.5, preset="external"), METRICS)
    assert command_of(row, PLUGINS).startswith("wsbench evaluate --predictions FILE --name program ")


def test_a_transfer_is_made_again_where_it_was_trained() -> None:
    (record,) = drawn("net", 0.5)
    trained = {**record.dataset, "name": "shenzhen"}
    there = {**record.dataset, "settings": {"tone": 1.5, "images": 2400}}
    (row,) = ranked([replace(record, dataset=there, transfer={"trained_on": trained})], METRICS)
    assert command_of(row, PLUGINS) == (
        "wsbench run --method net --preset quick --dataset shenzhen --test-on phantom:tone=1.5 --seeds 0"
    )


def test_messages_name_no_folder_of_this_machine() -> None:
    message = "/home/me/runs/a/seed0-12: sums up 2 runs; rerun `wsbench run` in /data or C:\\Users\\me\\x.csv"
    assert without_folders(message) == "seed0-12: sums up 2 runs; rerun `wsbench run` in data or x.csv"
    assert (
        without_folders("runs/DATASET/x is relative, 1/2 a share")
        == "runs/DATASET/x is relative, 1/2 a share"
    )


def test_when_a_run_was_scored(finished_runs: Finished) -> None:
    (record,) = api.records_of([finished_runs.runs[0]])
    assert len(times_of(record)) == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", times_of(record)[0])
    assert times_of(example()) == []


def test_runs_that_cannot_be_shown_are_refused(finished_runs: Finished, command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "begun" / "fit").mkdir(parents=True)
    assert "no such run" in refused(command("report", "nowhere/*"))
    assert "name a finished run's folder" in refused(command("report", "empty"))
    assert "not finished" in refused(command("report", "begun"))
    assert "a file is needed" in refused(command("report", str(finished_runs.runs[0]), "--out", "empty"))


def test_a_run_leaves_a_report(finished_runs: Finished, command, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, runs = finished_runs.runs[0], finished_runs.folder / "runs"
    words = ("run", "-m", "guess", "-d", "phantom", "-D", "images=80", "--runs", str(runs), "--quiet",
             "--plugin", str(finished_runs.plugin), "--no-references")  # fmt: skip
    monkeypatch.setattr(reporting, "MOST_SCORES", 10_000)
    before = {name: (folder / name).read_bytes() for name in ("record.json", "checksums.json")}
    code, out, _ = command(*words)
    assert code == 0
    assert out.splitlines()[-2] == f"report: {folder / 'report.html'}"
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert '<section id="curves"' in html
    assert '<section id="cases"' not in html
    assert before == {name: (folder / name).read_bytes() for name in before}
    (folder / "report.html").unlink()

    monkeypatch.setattr(reporting, "MOST_SCORES", 10)  # fewer than the run's
    command(*words)
    assert '<section id="curves"' not in (folder / "report.html").read_text(encoding="utf-8")
    (folder / "report.html").unlink()

    code, out, _ = command(*words, "--no-report")
    assert code == 0
    assert "report:" not in out
    assert not (folder / "report.html").exists()

    def fails(*_: object) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr(api, "write_of", fails)
    code, out, err = command(*words)
    assert code == 0
    assert "warning: the report was not written: no ink" in err
    assert "record of guess" in out


def test_plugins_that_are_missing_are_no_reason_to_fail(finished_runs: Finished) -> None:
    records = api.records_of([finished_runs.runs[0]])
    without: Plugins = find()
    assert "guess" not in without.methods
    assert "guess" in page_of(records, without, WITHOUT_CASES, "")


def test_data_that_are_not_at_hand_leave_out_cases_and_curves(finished_runs: Finished) -> None:
    """A report can be made where the images are not, and names what it lacks."""
    (record,) = api.records_of([finished_runs.runs[0]])
    gone = replace(record, dataset={**record.dataset, "name": "gone"})
    lines: list[str] = []

    class Told(Silent):
        def say(self, line: str) -> None:
            lines.append(line)

    html = page_of([gone], find([finished_runs.plugin]), Options(images=2, progress=Told()), "")
    assert 'id="cases"' not in html
    assert "Precision and recall of boxes: not drawn, because" in html
    assert 'id="curves"' in html  # the ROC needs class scores alone
    assert [line for line in lines if "the list of cases is left out: unknown dataset 'gone'" in line]
