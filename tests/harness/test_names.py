"""Names are text, whatever is in them: in tables, terminals, files and records."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import refused
from wsbench.cli import tables
from wsbench.contract import plugins
from wsbench.contract.specs import DatasetSpec, MethodSpec, MetricSpec
from wsbench.errors import WsbenchError, printable
from wsbench.reports.board_tables import markdown_table
from wsbench.testing import ToySettings
from wsbench.utils.names import file_stem, markdown, require_name

HOSTILE = [
    "a|b",
    "two\nlines",
    "carriage\rreturn",
    "<script>alert(1)</script>",
    "\x1b[31mred\x1b]0;title\x07",
    "\x9b31m",
    "../../outside",
    "/etc/passwd",
    "..",
    "C:\\windows",
    "n" * 5000,
    "right\u202eto left",
    "half \udce9 a character",
    "line\u2028separator",
    "[bold]markup[/bold]",
    "![picture](http://127.0.0.1/x.png)",
    "nul\0",
    "",
]
HARMLESS = ["kd_student", "ap25", "cond_loc_f1@0.25", "метод", "方法", "विधि", "モデル-2", "v1.2+cu"]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_specs_refuse_what_cannot_be_a_name(name: str) -> None:
    for spec in (
        lambda: MethodSpec(name, "", ToySettings, print),
        lambda: MethodSpec("method", "", ToySettings, print, presets={name: {}}),
        lambda: DatasetSpec(name, "", ToySettings, print),
        lambda: MetricSpec(name, "", print),
    ):
        with pytest.raises(WsbenchError) as refusal:
            spec()
        line = str(refusal.value)
        assert len(line) <= 200
        assert line.isprintable()


@pytest.mark.parametrize("name", HARMLESS)
def test_names_of_any_script_are_names(name: str) -> None:
    require_name(name, "a method")
    assert printable(name) == markdown(name) == file_stem(name) == name


def test_names_that_are_no_text_are_refused() -> None:
    with pytest.raises(WsbenchError, match="a metric has the name 3, which is no text"):
        MetricSpec(3, "", print)


any_text = st.text() | st.sampled_from(HOSTILE)


@given(any_text)
def test_shown_text_is_one_line_that_a_terminal_does_not_obey(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    assert printable(shown) == shown
    shown.encode()


@given(any_text, any_text)
def test_a_file_stem_stays_in_its_folder(first: str, second: str) -> None:
    stem = file_stem(first)
    assert Path(f"folder/{stem}.png").parent == Path("folder")
    assert stem and stem not in (".", "..")
    assert not re.search(r'[\x00-\x1f/\\<>:"|?*]', stem)
    assert len(f"{stem}.png".encode()) < 255
    if first.replace("/", "-") != second.replace("/", "-"):
        assert stem != file_stem(second)


@given(any_text)
def test_a_cell_of_a_markdown_table_stays_a_cell(text: str) -> None:
    page = markdown_table(["method", "value"], [[text, "1"]])
    assert len(page.splitlines()) == 3
    line = page.splitlines()[-1]
    assert len(re.findall(r"(?<!\\)\|", line)) == 3
    assert "<" not in line
    assert "](" not in line


@pytest.mark.parametrize("text", [*HOSTILE, ":smile:", "[link=http://x]y[/link]"], ids=ascii)
def test_a_cell_in_a_terminal_is_the_text(capsys, text: str) -> None:
    cell = text[:40].replace("\n", " ")  # lines of a cell are lines of a table
    tables.show(text[:20], ["name", text[:20]], [[cell, "1"]], width=200)
    out = capsys.readouterr().out
    assert "\x1b" not in out and "\x9b" not in out
    assert len(out.splitlines()) == 3
    assert printable(cell).strip() in out


DATASET = """
import numpy as np
import wsbench

class Settings(wsbench.Settings):
    odd: bool = False

class Data(wsbench.Dataset):
    classes = ("Nodule/Mass|<script>[red]$x", "方法 :smile:")

    def __init__(self, settings):
        self.samples = tuple(self.sample(index, settings.odd) for index in range(90))

    def sample(self, index, odd):
        here = (self.classes[index % 3],) if index % 3 < 2 else ()
        boxes = tuple(wsbench.Box(label, 4, 4, 20, 30) for label in here)
        name = f"a|b/[bold]$x$ <script> {index}.png"
        if odd and index < 3:
            name = ("../../outside.png", "two\\nlines.png", "\\x1b[31mred.png")[index]
        split = "test" if index % 2 else "train"
        about = {"view|<b>": "[red]AP" if index % 4 else "PA|$"}
        return wsbench.Sample(name, 64, 64, split, here, boxes, content=str(index), attributes=about)

    def read(self, sample, height, width):
        return np.random.default_rng(int(sample.content)).integers(0, 255, (height, width), dtype=np.uint8)

@wsbench.hookimpl
def wsbench_datasets():
    return [wsbench.DatasetSpec("odd", "", Settings, lambda settings, source: Data(settings), computed=True)]
"""


@pytest.fixture
def data(tmp_path: Path) -> list[str]:
    path = tmp_path / "odd.py"
    path.write_text(DATASET)
    return ["-d", "odd", "--plugin", str(path)]


def test_a_dataset_of_odd_names_is_run_shown_and_drawn(command, data: list[str], tmp_path: Path) -> None:
    code, out, _ = command("run", "-m", "whole_image", *data, "--no-references", "-q", "--submit")
    assert code == 0 and "\x1b" not in out
    run = next(tmp_path.glob("runs/odd/whole_image/*"))
    record = json.loads((run / "record.json").read_text())
    assert record["dataset"]["classes"] == ["Nodule/Mass|<script>[red]$x", "方法 :smile:"]
    plugin = data[2:]
    assert command("leaderboard", *plugin)[0] == 0
    rows = [line for line in (tmp_path / "leaderboards/odd.md").read_text().splitlines() if line[:1] == "|"]
    assert rows and not any("<script>" in line for line in rows)
    code, out, _ = command("strata", str(run), *plugin)
    assert code == 0 and "[red]$x" in out
    assert command("picture", str(run), "--each", "1", "-q", *plugin)[0] == 0
    assert command("roc", str(run))[0] == 0
    assert len(list(tmp_path.glob("pictures/*.png"))) == 2
    left = {path.name for path in tmp_path.iterdir()} - {"__pycache__"}  # of the plugin
    assert left == {"leaderboards", "odd.py", "pictures", "roc.png", "runs"}


def test_a_report_of_odd_names_shows_them(command, data: list[str], tmp_path: Path, open_page) -> None:
    assert command("run", "-m", "whole_image", *data, "-q")[0] == 0
    code, _, err = command("report", "runs/odd/*/*", "--images", "4", "-q", *data[2:])
    assert (code, err) == (0, "")
    shown = open_page(tmp_path / "report.html")
    assert shown.clean, shown.errors
    assert shown.overflow == 0
    text = shown.page.inner_text("body")
    for name in ("Nodule/Mass|<script>[red]$x", "方法 :smile:", "a|b/[bold]$x$ <script> 1"):
        assert name in text
    assert shown.page.locator("script[src]").count() == 0
    source = shown.page.locator("#classes a[data-filter]").first
    source.click()
    filtered = f"Remove the filter class {source.inner_text()}"
    assert shown.page.get_by_role("button", name=filtered).count() == 1


def test_an_image_whose_name_leads_elsewhere_is_a_problem(command, data: list[str], tmp_path: Path) -> None:
    odd = [*data, "-D", "odd=true", "--no-references", "-q"]
    line = refused(command("run", "-m", "whole_image", *odd))
    assert "../../outside.png: its name leads out of the dataset's folder (and 2 more" in line
    assert command("run", "-m", "whole_image", *odd, "--skip-bad")[0] == 0
    (path,) = tmp_path.glob("runs/odd/whole_image/*/record.json")
    assert sorted(json.loads(path.read_text())["dataset"]["skipped"]) == [
        "../../outside.png: its name leads out of the dataset's folder",
        "\\x1b[31mred.png: its name has a character that cannot be shown; rename it",
        "two\\nlines.png: its name has a character that cannot be shown; rename it",
    ]
    _, out, _ = command("data", "check", "odd", *data[2:], "-D", "odd=true", "-q", "--no-near")
    assert "\\x1b[31mred.png" in out and "\x1b" not in out


@pytest.mark.parametrize("name", ["'a\\x1b[31m'", "'two\\nlines'", "''", "7"])
def test_a_class_that_is_no_line_of_text_is_refused(command, tmp_path: Path, name: str) -> None:
    text = DATASET.replace('"方法 :smile:"', name)
    (tmp_path / "odd.py").write_text(text)
    line = refused(command("data", "check", "odd", "--plugin", "odd.py", "-q"))
    assert line.startswith("odd: the class ")
    assert line.isprintable()


def test_a_spec_with_an_impossible_name_is_a_fault_of_its_plugin(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(DATASET.replace('"odd"', '"../odd"'))
    with pytest.raises(
        WsbenchError,
        match=r"odd.py: wsbench_datasets raised a dataset '../odd': a name consists of letters, ",
    ):
        plugins.find([tmp_path / "odd.py"])


def test_a_program_with_an_impossible_name_is_refused(command, tmp_path: Path) -> None:
    (tmp_path / "boxes.json").write_text("[]")
    words = ["-d", "phantom", "-D", "images=80", "-q", "--predictions", "boxes.json", "--name", "a/../b"]
    assert "--name 'a/../b': a name consists of letters, digits, '-', '_'" in refused(
        command("evaluate", *words)
    )


def test_two_runs_with_a_problem_leave_the_same_record(command, tmp_path: Path) -> None:
    problem = "        self.problems = (wsbench.Problem('lost.png', f'raised {object()}'),)\n"
    beginning = "        self.samples ="
    (tmp_path / "odd.py").write_text(DATASET.replace(beginning, problem + beginning))
    words = ["-m", "whole_image", "-d", "odd", "--plugin", "odd.py", "--no-references", "-q", "--skip-bad"]
    kept = []
    for runs in ("first", "second"):
        assert command("run", *words, "--runs", runs)[0] == 0
        (path,) = tmp_path.glob(f"{runs}/odd/whole_image/*/record.json")
        record = json.loads(path.read_text())
        assert record["dataset"]["skipped"] == ["lost.png: raised <object object>"]
        kept.append({name: record[name] for name in ("key", "method", "dataset", "seed", "protocols")})
    assert kept[0] == kept[1]
