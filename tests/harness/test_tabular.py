"""Tables as values, and their formats: what CSV holds reads back equal, and LaTeX shows any text."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import METRICS, refused
from records_examples import example, lines_of
from wsbench.contract.records import Record
from wsbench.errors import WsbenchError, printable
from wsbench.reports import leaderboard
from wsbench.reports.board import Board
from wsbench.reports.rows import Row, row_key
from wsbench.reports.tabular.form import Column, Kind, Line, Table, csv_of, read_csv
from wsbench.reports.tabular.formats import Choice, written
from wsbench.reports.tabular.latex import PREAMBLE, as_latex, escaped
from wsbench.reports.tabular.page import MOST
from wsbench.reports.tabular.sections import folded_maps, sections_of

LEADERBOARDS = Path(__file__).parents[2] / "leaderboards"
ODD = "a_b & 100% #1 $x {y} ~ ^ \\ | <script> > \"'`--\n\x1b[31m †‡§¶‖ ±"
"""Every character that LaTeX, HTML, markdown or a terminal takes for more than itself."""

NOISE = np.random.default_rng(0).normal(0, 0.02, 1000)


def certain(name: str, value: float, **changed: object) -> Record:
    """A record whose noise is small enough to be told from others."""
    return example(
        name,
        cond_ap25=value,
        draws=(value + NOISE).tolist(),
        deterministic=True,
        **changed,  # type: ignore[arg-type]
    )


# CSV.


def test_csv_reads_back_equal() -> None:
    columns = (
        Column("row", numeric=False),
        Column("rank", Kind.RANKS),
        Column("winner"),
        Column("iou", Kind.SPREAD),
        Column("iou 95 %", Kind.INTERVAL),
    )
    cells = {"row": (ODD,), "rank": ("1", "3"), "winner": ("yes",)}
    lines = (
        Line({**cells, "iou": ("0.5", "0.1"), "iou 95 %": ("0.4", "0.6")}),
        Line({"row": ("plain, with a comma",), "rank": ("2", "2"), "winner": ("no",), "iou": ("0.5", "")}),
    )
    text = csv_of({"1": Table("uniform", columns, lines), "2": Table("uniform", columns[:1], lines[:1])})
    first, second, third = read_csv(text)
    assert first == {
        "table": "1", "row": ODD, "rank": "**1 to 3**", "winner": "yes",
        "iou": "0.5 ± 0.1", "iou 95 %": "0.4 to 0.6",
    }  # fmt: skip
    assert second == {
        "table": "1", "row": "plain, with a comma", "rank": "2", "winner": "no", "iou": "0.5",
        "iou 95 %": "-",
    }  # fmt: skip
    assert (third["table"], third["row"], third["iou"]) == ("2", ODD, "-")


@pytest.mark.parametrize("dataset", ["phantom", "phantom14"])
def test_committed_tables_hold_what_the_records_say(dataset: str) -> None:
    """By the values of the records alone: means and sample deviations of every metric that a table has."""
    by_row: dict[str, list[Record]] = {}
    for record in leaderboard.read_records(LEADERBOARDS, METRICS)[dataset]:
        by_row.setdefault(row_key(record), []).append(record)
    checked = 0
    for protocol in ("uniform", "paper"):
        text = (LEADERBOARDS / "tables" / dataset / f"{protocol}.csv").read_text(encoding="utf-8")
        lines = {line["row"]: line for line in read_csv(text)}
        for records in by_row.values():
            if protocol not in records[0].protocols:
                continue
            line = lines.pop(Row(tuple(records), METRICS).label(protocol))
            for metric, spec in METRICS.items():
                values = [record.value(metric, protocol) for record in records]
                if metric not in line or None in values:
                    continue
                expected = spec.text(statistics.fmean(values))
                if len(values) > 1:
                    expected += f" ± {spec.text(statistics.stdev(values))}"
                assert line[metric] == expected, (line["row"], metric)
                checked += 1
        assert lines == {}, "no other rows"
    assert checked > 200


def test_pages_and_tables_are_small() -> None:
    for page in LEADERBOARDS.glob("*.md"):
        lines = page.read_text(encoding="utf-8").partition("## Published")[0].splitlines()
        rules = [line for line in lines if line.startswith("| :---")]
        assert all(rule.count("---") <= MOST for rule in rules), page.name
    assert sum(path.stat().st_size for path in LEADERBOARDS.glob("tables/*/*.csv")) < 200_000


# Folding.


def maps(seeds: int = 2, **settings: float) -> list[Record]:
    return [
        example("net", seed, cond_ap25=value, training=f"key{seed}", settings={"map": name})
        for name, value in settings.items()
        for seed in range(seeds)
    ]


def test_rows_of_the_same_trainings_are_folded_under_their_best() -> None:
    alone = [example("other", seed, cond_ap25=0.6, training=f"own{seed}") for seed in (0, 1)]
    unknown = [example("old", cond_ap25=0.1), example("older", cond_ap25=0.2)]
    board = Board.of([*maps(a=0.3, b=0.5, c=0.4), *alone, *unknown], METRICS)
    (group,) = folded_maps(board).items()
    names = [board.rows[index].first.method["settings"].get("map") for index in (group[0], *group[1])]
    assert names == ["b", "c", "a"]


def test_folded_rows_are_left_out_of_pages_but_not_of_tables() -> None:
    records = [*maps(a=0.3, b=0.5), example("other", cond_ap25=0.4)]
    whole = leaderboard.render("phantom", records, METRICS)
    folded = leaderboard.render("phantom", records, METRICS, fold_maps=True)
    assert (whole.count("| net (quick) |"), folded.count("| net (quick) |")) == (2, 1)
    assert "net (quick): 1 more row differs from it by options of the map alone." in folded
    assert len(lines_of(records, "uniform", METRICS)) == 3


# Formats.


def test_chosen_columns_stand_in_their_order() -> None:
    sections = sections_of([certain("a", 0.5), certain("b", 0.1)], METRICS)
    choice = Choice(columns=("row", "95 %", "auc"))
    text = written("phantom", sections, choice, "csv")
    assert text.splitlines()[0] == "table,row,95 % low,95 % high,auc,auc sd"
    assert [line["row"] for line in read_csv(text)] == ["a (quick)", "b (quick)"]
    assert written("phantom", sections, choice, "markdown").splitlines()[0] == "| row | 95 % | auc |"
    with pytest.raises(WsbenchError, match="unknown column of uniform 'acu'; did you mean 'auc'"):
        written("phantom", sections, Choice(columns=("acu",)), "csv")
    with pytest.raises(WsbenchError, match="unknown protocol of these records 'paper'"):
        written("phantom", sections, Choice("paper"), "csv")
    with pytest.raises(WsbenchError, match="unknown format 'latx'; did you mean 'latex'"):
        written("phantom", sections, choice, "latx")


def test_costs_are_columns_of_rows_that_were_measured_on_one_machine() -> None:
    missing = ("threads", "latency_median_ms", "latency_p95_ms", "images_per_second", "training_seconds")
    cost = {"device": "cpu", "hardware": "Abacus", "trained_on": "cpu", **dict.fromkeys(missing)}
    cost["parameters"] = 1000
    measured = replace(certain("a", 0.5), efficiency=cost)
    text = written("phantom", sections_of([measured, certain("b", 0.1)], METRICS),
                   Choice(columns=("row", "parameters")), "csv")  # fmt: skip
    assert text.splitlines()[1:] == ["1,a (quick),1 k", "1,b (quick),"]


def test_latex_has_bold_rows_that_nothing_is_better_than_and_says_so() -> None:
    records = [certain("best_one", 0.51), certain("as_good", 0.505), certain("worse", 0.1)]
    records[1].protocols["uniform"]["draws"]["cond_ap25"] = (0.505 + NOISE[::-1]).tolist()
    text = written("phantom", sections_of(records, METRICS), Choice(), "latex")
    first, second, third = [line for line in text.splitlines() if "(quick)" in line]
    assert first.startswith(
        r"\textbf{best\_one (quick)} &  & $0$ & $\mathbf{1}$--$\mathbf{2}$ & $\mathbf{0.510}$ & $["
    )
    assert second.startswith(r"\textbf{as\_good (quick)}")
    assert third.startswith(r"worse (quick) &  & $0$ & $3$ & $0.100$ & $[")
    assert "no other row is better than by more than noise, in cond\\_ap25" in text
    places = [text.index(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")]
    assert places == sorted(places) and "|" not in text.split(r"\begin{tabular}")[1]


def test_latex_escapes_every_character() -> None:
    shown = escaped(ODD)
    for character in "_&%#${}":
        assert len(re.findall(rf"(?<!\\){re.escape(character)}", undone(shown))) == 0, character
    assert "\n" not in shown and "\x1b" not in shown
    assert r"\textless{}script\textgreater{}" in shown
    assert r"\textbackslash{}x1b" in shown
    assert "-{}-" in shown


def undone(text: str) -> str:
    """LaTeX without its commands and their empty arguments."""
    return re.sub(r"\\[a-z]+\{(\\pm)?\}|-\{\}", "", text)


def test_cells_of_every_kind() -> None:
    columns = (
        Column("t_x", numeric=False),
        Column("n"),
        Column("s", Kind.SPREAD),
        Column("i", Kind.INTERVAL),
    )
    lines = (
        Line({"t_x": ("net_1",), "n": ("-0.5",), "s": ("-0.5", "0.1"), "i": ("-1", "2")}),
        Line({"t_x": ("",), "n": ("2 k",), "s": ("0.5", "")}),
    )
    text = as_latex(Table("x", columns, lines), "A & B.", "")
    assert r"t\_x & n & s & i \\" in text
    assert r"net\_1 & $-0.5$ & $-0.5 \pm 0.1$ & $[-1, 2]$ \\" in text
    assert r" & 2 k & $0.5$ & -- \\" in text
    assert r"\caption{A \& B. }" in text


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(tmp_path: Path) -> None:
    columns = (Column("method", numeric=False), Column(printable(ODD)), Column("s", Kind.SPREAD))
    lines = (Line({"method": (ODD,), printable(ODD): (ODD,), "s": ("0.5", "0.1")}),)
    body = as_latex(Table("x", columns, lines), ODD, ODD)
    document = "\n".join(
        [r"\documentclass{article}", *PREAMBLE, r"\begin{document}", body, r"\end{document}"]
    )
    (tmp_path / "t.tex").write_text(document, encoding="utf-8")
    subprocess.run(["pdflatex", "-halt-on-error", "t.tex"], cwd=tmp_path, check=True, capture_output=True)


def test_the_command_line(command, tmp_path: Path) -> None:
    for record in (certain("a", 0.5), certain("b", 0.1)):
        leaderboard.add(record, tmp_path / "boards")
    words = ["leaderboard", "boards", "--format", "csv", "--columns", "row, auc"]
    code, out, _ = command(*words)
    assert code == 0 and out.splitlines()[1:] == ["1,a (quick),0.900,", "1,b (quick),0.900,"]
    assert command(*words, "--out", "t.csv") == (0, "wrote t.csv\n", "")
    assert Path("t.csv").read_text() == out
    assert "did you mean 'phantom'" in refused(command(*words, "-d", "phantm"))
    leaderboard.add(replace(certain("c", 0.1), dataset={**certain("c", 0.1).dataset, "name": "other"}),
                    tmp_path / "boards")  # fmt: skip
    assert "give --dataset: other, phantom" in refused(command(*words))
    assert "give one of them" in refused(command("leaderboard", "boards", "--check", "--format", "csv"))
    assert "--out names what" in refused(command("leaderboard", "boards", "--out", "x"))
