"""Every command and snippet of README and docs is run with small data, or says why it is not."""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from snippets import ROOT, RUN, SHOWN, Snippet, execute, pages, run_all, small, snippets, snippets_of, words
from wsbench.contract.plugins import find
from wsbench.runs.plan import make_plan
from wsbench.settings import parse_options
from wsbench.utils.words import split_values

PAGES = [page.relative_to(ROOT).as_posix() for page in pages()]
RUNNABLE = [
    page
    for page in PAGES
    if any(block.language in RUN and not block.reason for block in snippets(ROOT / page))
]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which somebody has run kd_student on the phantom, with the image-blind rows, in a clone
    that has leaderboards: made once for all processes of pytest, because every page goes on from there."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "finished"
    with FileLock(shared / "finished.lock"), pytest.MonkeyPatch.context() as patched:
        if not (folder / "done").exists():
            folder.mkdir(exist_ok=True)
            copy_leaderboard(folder / "leaderboards")
            patched.chdir(folder)
            patched.setenv("WSBENCH_CACHE", str(folder / "cache"))
            with small(patched):
                execute("wsbench run -q -m kd_student -d phantom", "tests/test_snippets.py")
            (folder / "done").touch()
    return folder


def copy_leaderboard(folder: Path) -> None:
    """The phantom's page and the records of two of its methods."""
    records = folder / "records" / "phantom"
    records.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "leaderboards" / "phantom.md", folder)
    for name in ("saliency_cnn", "tbva_gan"):
        for file in (ROOT / "leaderboards" / "records" / "phantom").glob(f"{name}-*"):
            shutil.copy(file, records)


@pytest.mark.parametrize("page", RUNNABLE)
def test_the_snippets_of_a_page_work(page: str, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(finished, ".", dirs_exist_ok=True)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("WSBENCH_PLUGINS", "")
    monkeypatch.setenv("WSBENCH_CACHE", str(Path("cache").absolute()))
    monkeypatch.syspath_prepend(".")  # Python finds modules beside a script, and in a notebook's folder
    with small(monkeypatch):
        run_all(snippets(ROOT / page))


@pytest.mark.parametrize("page", PAGES)
def test_every_snippet_is_run_or_says_why_not(page: str) -> None:
    assert wrong(snippets(ROOT / page)) == []


def wrong(blocks: list[Snippet]) -> list[str]:
    """Blocks that nobody runs and that do not say why, and commands that do not exist in those that do."""
    lines = []
    for block in blocks:
        if block.language not in RUN | SHOWN:
            lines.append(f"{block.page}:{block.line}: a block in the language '{block.language}' is not run")
        elif block.reason and len(block.reason.split()) < 2:
            lines.append(f"{block.page}:{block.line}: '{block.reason}' is no reason")
        elif block.language == "bash" and block.reason:
            lines += [
                f"{block.page}:{block.line}: {fault}" for line in block.commands for fault in faults(line)
            ]
    return lines


def faults(command: str) -> list[str]:
    """What does not exist of a command that is not run: its name, an option, a method, a setting."""
    from typer.main import get_command

    from wsbench.cli.commands import app

    *_, line = command.split("&& ")
    program, *rest = words(line)
    if Path(program).name != "wsbench" or rest in (["--version"], ["--install-completion"]):
        return []
    node: Any = get_command(app)
    while rest and not rest[0].startswith("-") and (command_of := _subcommand(node, rest[0])):
        node = command_of
        rest.pop(0)
    if hasattr(node, "commands"):
        return [f"wsbench {' '.join(rest)}: there is no such command"]
    known = {word for parameter in node.params for word in (*parameter.opts, *parameter.secondary_opts)}
    unknown = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known | {"-"}]
    return [f"{word} is no option of: {line}" for word in unknown] or settings_faults(
        rest, several=node.name == "sweep"
    )


def _subcommand(node: Any, name: str) -> Any:
    """The command of this name, those of plugins included; None without one."""
    return node.get_command(None, name) if hasattr(node, "get_command") else None


def settings_faults(rest: list[str], *, several: bool = False) -> list[str]:
    """Methods, presets and settings that do not exist, by making the plan of ``wsbench run``; those of
    ``sweep`` are several, with commas between."""
    values: dict[str, list[str]] = {}
    for name, value in itertools.pairwise(rest):
        values.setdefault(name, []).append(value)
    method, dataset = (
        values.get(short, values.get(long)) for short, long in (("-m", "--method"), ("-d", "--dataset"))
    )
    found = find()
    if not method or not dataset or "--plugin" in rest or dataset[0] not in found.datasets:
        return []
    preset, lists = values.get("--preset", [None])[0], [values.get("-o", [])]
    if several:
        settings = [word.partition("=") for word in lists[0]]
        written = [[f"{name}={value}" for value in split_values(words)] for name, _, words in settings]
        lists = [list(combination) for combination in itertools.product(*written)]
    data = found.datasets[dataset[0]]
    for name, chosen in itertools.product(method[0].split(",") if several else method, lists):
        spec, options = found.methods[name], parse_options(chosen)
        make_plan(spec, preset, options, dataset=data, seed=0, device="cpu", runs=Path("runs"))
    return []


def test_a_snippet_that_nobody_runs_is_found() -> None:
    bash = "```bash\nwsbench run -m two_lungs -d phantom\n```\n"
    assert [block.reason for block in snippets_of(bash, "page.md")] == [""]
    assert wrong(snippets_of(bash, "page.md")) == []
    marked = f"<!-- not run: needs a GPU -->\n\n{bash}"
    assert [block.reason for block in snippets_of(marked, "page.md")] == ["needs a GPU"]
    assert wrong(snippets_of(marked, "page.md")) == []
    assert [block.reason for block in snippets_of(f"{marked}\nAnd:\n\n{bash}", "page.md")] == [
        "needs a GPU",
        "",
    ]
    assert "is not run" in wrong(snippets_of("```\nwsbench list\n```\n", "page.md"))[0]
    assert "is not run" in wrong(snippets_of("```sh\nwsbench list\n```\n", "page.md"))[0]
    assert "is no reason" in wrong(snippets_of(f"<!-- not run: no -->\n{bash}", "page.md"))[0]


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("wsbench ran", "no such command"),
        ("wsbench data makes", "no such command"),
        ("wsbench run -m two_lungs -d phantom --seedz 1", "--seedz is no option"),
        ("wsbench sweep -m two_lungs -d phantom --sedes 1,2", "--sedes is no option"),
    ],
)
def test_commands_that_do_not_exist_are_found_where_nobody_runs_them(command: str, fault: str) -> None:
    assert fault in faults(command)[0]
    assert faults("python3 -m venv .venv && .venv/bin/wsbench run --method cam --dataset nih") == []


def test_settings_that_do_not_exist_are_found_where_nobody_runs_them() -> None:
    with pytest.raises(Exception, match="epocks"):
        faults("wsbench run -m cam -d nih -o epocks=3")


def test_a_snippet_that_fails_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    with small(monkeypatch):
        with pytest.raises(AssertionError, match=r"page\.md:1: wsbench describe nothing"):
            run_all(snippets_of("```bash\nwsbench describe nothing\n```\n", "page.md"))
        with pytest.raises(ZeroDivisionError):
            run_all(snippets_of("```python\n1 / 0\n```\n", "page.md"))
    assert find().datasets["phantom"].settings().images == 2400
    assert find().methods["kd_student"].presets["quick"]["crop"] == 128


def test_small_data_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    with small(monkeypatch):
        assert find().datasets["phantom"].settings().images == 60
        assert find().methods["kd_student"].presets["quick"]["crop"] == 32
