"""The site of leaderboards: safe addresses, links that lead somewhere, the records' numbers, names."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from conftest import METRICS, refused
from records_examples import example
from site_examples import LEADERBOARDS
from wsbench.contract.plugins import find
from wsbench.contract.records import Record
from wsbench.errors import WsbenchError
from wsbench.files.writing import write_text
from wsbench.reports import floors, leaderboard
from wsbench.reports.tabular.sections import sections_of
from wsbench.reports.web.site import addresses, build
from wsbench.reports.web.site.board_file import BoardFile
from wsbench.reports.web.site.words import as_html
from wsbench.scoring.ranking import rank

ROOT = Path(__file__).parents[2]
ATTACK = "<script>alert(1)</script> \"'`|&[x](javascript:alert(1))\n\x1b[31m{{ 7*7 }}"


def ci(name: str) -> ModuleType:
    """A module of .ci, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


problems_of = ci("links").problems_of


def board_of(folder: Path) -> BoardFile:
    return BoardFile.model_validate_json((folder / addresses.BOARD).read_text(encoding="utf-8"))


# The committed leaderboards.


def test_every_link_leads_somewhere_and_nothing_is_loaded(committed_site: Path) -> None:
    assert problems_of(committed_site) == []
    rows = [
        row for tables in board_of(committed_site).datasets.values() for table in tables for row in table.rows
    ]
    assert len(list((committed_site / "rows").iterdir())) == len({row.page for row in rows}) == len(rows) > 30
    assert all((committed_site / row.page).is_file() for row in rows)


def test_ranks_follow_from_the_file_for_programs(committed_site: Path) -> None:
    """Rows that count in nobody else's rank are left out, as on the page."""
    checked = 0
    for tables in board_of(committed_site).datasets.values():
        for table in tables:
            rows = [row for row in table.rows if row.rank is not None and not row.apart]
            estimates = [row.estimate.estimate() for row in rows if row.estimate is not None]
            ranking = rank(estimates, higher_is_better=table.higher_is_better)
            for place, row in enumerate(rows):
                found = [int(ranking.best[place]), int(ranking.worst[place]), bool(ranking.winner[place])]
                assert [row.rank.first, row.rank.last, row.rank.winner] == found
                checked += 1
    assert checked > 30


def test_the_file_for_programs_has_the_numbers_of_the_tables(committed_site: Path) -> None:
    from wsbench.reports.tabular.form import read_csv

    for dataset, (table,) in board_of(committed_site).datasets.items():
        text = (LEADERBOARDS / "tables" / dataset / "uniform.csv").read_text(encoding="utf-8")
        for row, line in zip(table.rows, read_csv(text), strict=True):
            assert row.label == line["row"]
            for name, measure in row.protocols["uniform"].items():
                if name in line and measure.mean is not None:
                    words = line[name].split(" ± ")
                    assert words[0] == METRICS[name].text(measure.mean)
                    assert (measure.sd is None) == (len(words) == 1)


def test_the_schema_describes_every_key(committed_site: Path) -> None:
    schema = json.loads((committed_site / addresses.SCHEMA).read_text())
    board = json.loads((committed_site / addresses.BOARD).read_text())
    assert set(board) == set(schema["properties"])
    row = board["datasets"]["phantom"][0]["rows"][0]
    assert set(row) == set(schema["$defs"]["BoardRow"]["properties"])


def test_a_page_of_a_row_says_how_to_make_it_again(committed_site: Path) -> None:
    rows = board_of(committed_site).datasets["phantom"][0].rows
    (row,) = [row for row in rows if row.changed.startswith("cam=hirescam cells")]
    text = (committed_site / row.page).read_text(encoding="utf-8")
    assert (
        "wsbench run --method cam --preset quick -o cam=hirescam -o layer=network.layer3 -o cells=centred "
        "--dataset phantom --seeds 0,1,2,3,4" in text
    )
    for word in ("By class", "Thresholds", "Provenance", "Cost", "needs no second training", "seed 4"):
        assert word in text, word


def test_papers_stand_beside_the_floor(committed_site: Path) -> None:
    numbers, papers = floors.read(LEADERBOARDS), floors.papers_by_name(LEADERBOARDS)
    above, lines = floors.share_above(numbers, papers)
    page = (ROOT / "docs" / "papers_beside_the_floor.md").read_text(encoding="utf-8")
    text = (committed_site / "papers.html").read_text(encoding="utf-8")
    assert f"{above} of {lines} lines" in page and f"In {above} of {lines} lines" in text
    assert all(f"{floor.value:.3f}" in text for floor in numbers)
    assert text.count("<table id=") == 1 + len(
        {(floor.paper, floor.measure, floor.images) for floor in numbers}
    )


def test_the_same_records_make_the_same_site(tmp_path: Path) -> None:
    for seed in (1, 0):
        leaderboard.add(hostile(seed), tmp_path / "boards")
    first = build.site(tmp_path / "boards", find())
    assert first == build.site(tmp_path / "boards", find())
    assert len(first) == 5


def test_a_floor_of_a_measure_that_no_table_prints_is_named() -> None:
    numbers, papers = floors.read(LEADERBOARDS), floors.papers_by_name(LEADERBOARDS)
    wrong = next(floor for floor in numbers if floor.paper in papers).model_copy(
        update={"measure": "nothing"}
    )
    with pytest.raises(WsbenchError, match=r"floors\.yaml: nothing stands in no table of \w+"):
        floors.beside(wrong, papers)


# Names.


def hostile(seed: int = 0) -> Record:
    """A record whose words are all the attack."""
    record = example("net", seed, preset="<b>&quick", settings={"x": ATTACK}, changed={"x": ATTACK})
    label = "<i>Mass</i>|&\"'"
    for protocol in record.protocols.values():
        for metric in protocol["metrics"].values():
            metric["per_class"] = {label: metric["value"]}
        protocol["calibration"] = {"operating_points": {label: 0.5}, "objective": "<u>o"}
    method = {**record.method, "citation": ATTACK, "facts": {ATTACK: ATTACK}, "box_use": ATTACK}
    return replace(record, method=method, dataset={**record.dataset, "classes": [label]})


def test_any_text_shows_as_text(tmp_path: Path) -> None:
    boards, target = tmp_path / "boards", tmp_path / "site"
    for seed in (0, 1):
        leaderboard.add(hostile(seed), boards)
    table = {
        "table": "<b>1",
        "dataset": "phantom",
        "split": "s|<i>",
        "differs": "d",
        "columns": ["auc"],
        "rows": {"<script>alert(3)</script>|x": [0.5]},
    }
    paper = {"citation": "<script>alert(2)</script> [x](javascript:a)", "tables": [table]}
    write_text(boards / "published" / "odd.yaml", json.dumps(paper))
    build.write(boards, target, find())
    assert problems_of(target) == []
    for path in target.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert text.count("<script") == 1, "the page's own"
        assert "<b>&" not in text and "<i>" not in text and "<u>" not in text, path
        assert "\x1b" not in text and 'href="javascript' not in text.lower()
        assert "{{ 7*7 }}" in text or "49" not in text
    (row,) = (target / "rows").iterdir()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in row.read_text(encoding="utf-8")


def test_addresses_are_safe_different_and_stable() -> None:
    odd = ["a/b", "A B", "a b", "../../x", "ü 方法", "x" * 300, "con", 'q"<>|?*:', "", ".hidden", "a\nb"]
    records = [example("net", settings={"x": word}, changed={"x": word}) for word in odd]
    found = addresses.of_rows("phantom", sections_of(records, METRICS))
    names = list(found.values())
    assert len({name.lower() for name in names}) == len(odd)
    assert all(re.fullmatch(r"rows/[a-z0-9_-]{1,90}\.html", name) for name in names)
    alone = addresses.of_rows("phantom", sections_of(records[:1], METRICS))
    assert set(alone.values()) < set(names), "other rows change no address"
    newer = example("net", settings={"x": odd[0]}, changed={"x": odd[0]})
    newer.key["metrics"]["cond_ap25"] = 2
    both = addresses.of_rows("phantom", sections_of([records[0], newer], METRICS))
    assert len(set(both.values())) == 2
    assert addresses.of_dataset("nih") == "datasets/nih.html"
    assert addresses.of_dataset("Nih") != addresses.of_dataset("NIH") != "datasets/nih.html"
    assert addresses.link("rows/a.html#b", "datasets/x.html") == "../rows/a.html#b"


def test_markdown_of_pages_becomes_html_without_tags_of_its_own() -> None:
    words = "## A\n\n`code` **b** <script>x</script> [w](../docs/x.md) [h](https://example.org)\n"
    html = as_html(f"{words}\n| a |\n| :--- |\n| p\\|q |\n")
    assert "<h3>A</h3>" in html and "<code>code</code>" in html and "<strong>b</strong>" in html
    assert "<script>" not in html and "../docs" not in html and 'href="https://example.org"' in html
    assert '<div class="scroll"><table>' in html and "<td" in html and "p|q" in html


# The folder.


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, command) -> None:
    boards, target = tmp_path / "boards", tmp_path / "site"
    leaderboard.add(example(), boards)
    target.mkdir()
    (target / "thesis.txt").write_text("mine")
    with pytest.raises(WsbenchError, match="holds other files; name a new folder with --out"):
        build.write(boards, target, find())
    assert "holds other files" in refused(command("leaderboard", "boards", "--html", "--out", "site"))
    assert [path.name for path in target.iterdir()] == ["thesis.txt"]
    code, out, _ = command("leaderboard", "boards", "--html")
    assert code == 0 and out == "wrote 5 pages; open board/index.html\n"


def test_pages_of_rows_that_are_gone_are_removed(tmp_path: Path) -> None:
    boards, target = tmp_path / "boards", tmp_path / "site"
    path = leaderboard.add(example("gone", cond_ap25=0.1), boards)
    leaderboard.add(example("stays"), boards)
    build.write(boards, target, find())
    assert len(list((target / "rows").iterdir())) == 2
    path.unlink()
    build.write(boards, target, find())
    assert [row.name[:5] for row in (target / "rows").iterdir()] == ["stays"]
    assert problems_of(target) == []


def test_the_checker_of_links_finds_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="x"><p id="x"><a href="b.html">b</a><a href="#y">y</a><a href="/etc">e</a><a href="../o">o</a>'
        '<a href="https://example.org">fine</a><img src="p.png"><script src="https://x.org/s.js"></script>'
        '<style>a { background: url(https://x.org/i.png) }</style><p onclick="f()">'
    )
    problems = "\n".join(problems_of(tmp_path))
    for words in (
        "links b.html, and there is no such file",
        "links #y, and there is no such place",
        "links /etc, which is no relative address",
        "links ../o, which lies outside",
        "loads p.png",
        "loads https://x.org/s.js",
        "its style loads url(https://x.org/i.png",
        "the id x stands twice",
        "loads onclick",
    ):
        assert words in problems, words
    assert len(problems.splitlines()) == 9


def test_rows_without_boxes_have_pages(tmp_path: Path) -> None:
    record = example("net", cond_ap25=None)
    record.protocols["uniform"]["draws"] = {"auc": [0.8, 0.9, 0.95]}
    bare = replace(record, dataset={**record.dataset, "boxes": dict.fromkeys(record.dataset["boxes"], 0)})
    leaderboard.add(bare, tmp_path / "boards")
    files = build.site(tmp_path / "boards", find())
    assert "Its rank in auc is 1 of 1" in next(
        text for name, text in files.items() if name.startswith("rows/")
    )


def test_the_workflow_checks_what_it_publishes() -> None:
    text = (ROOT / ".github" / "workflows" / "pages.yml").read_text(encoding="utf-8")
    steps = re.findall(r"- run: (.*)", text)
    commands = (
        "wsbench leaderboard --html --fold-maps --out build/site/board",
        ".ci/links.py build/site/board",
    )
    site_made, checked = (
        next(place for place, step in enumerate(steps) if words in step) for words in commands
    )
    assert checked == site_made + 1
    assert "needs: build" in text
