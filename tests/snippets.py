"""The commands and snippets of README and docs: found, read, and run with small data and small networks."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wsbench.cli import main
from wsbench.contract.plugins import find
from wsbench.contract.specs import MethodSpec
from wsbench_plugins.datasets.phantom import _render

ROOT = Path(__file__).parents[1]
RENDER = _render.render
FENCE = re.compile(
    r"^```(?P<language>\w*)(?P<options>[^\n]*)\n(?P<body>.*?)^```\s*$", re.DOTALL | re.MULTILINE
)
MARK = re.compile(r"<!-- not run: (.+?) -->\s*\Z", re.DOTALL)
RUN = {"bash", "python"}
"""The languages of blocks that are run."""
SHOWN = {"text", "yaml", "json", "markdown"}
"""The languages of blocks that only show something; one with a title is written to a file of that name."""

SMALL_DATA = {"images": 60, "size": 64}
"""Settings of computed datasets."""
_ONE_EPOCH = {"epochs": 1, "resize": 32, "crop": 32, "batch_size": 16}
SMALL_NETWORKS = {
    "cam": _ONE_EPOCH,
    "kd_teacher": _ONE_EPOCH,
    "kd_student": _ONE_EPOCH,
    "saliency_cnn": {"image_size": 64, "read_size": 64, "epochs": 1},
}
"""Settings of methods that train networks; other methods that do are not run by any page."""


@dataclass(frozen=True)
class Snippet:
    """A block of code of a page.

    Attributes:
        page: from the repository's root.
        line: where it starts.
        language: empty where the page names none.
        title: the file that it is meant to be saved as; empty where there is none.
        body: what stands in it.
        reason: why it is not run; empty where it is.
    """

    page: str
    line: int
    language: str
    title: str
    body: str
    reason: str

    @property
    def commands(self) -> list[str]:
        """The lines of a shell's block, those that go on joined, comments taken out."""
        lines = self.body.replace("\\\n", " ").splitlines()
        return [line for line in lines if shlex.split(line, comments=True)]


def pages() -> list[Path]:
    """Everything that readers see: README, CONTRIBUTING and all pages of docs."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def snippets(page: Path) -> list[Snippet]:
    """The blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return snippets_of(text, page.relative_to(ROOT).as_posix())


def snippets_of(text: str, page: str) -> list[Snippet]:
    """The blocks of a text."""
    blocks = []
    for match in FENCE.finditer(text):
        mark = MARK.search(text[: match.start()])
        title = re.search(r'title="([^"]+)"', match["options"])
        blocks.append(
            Snippet(
                page=page,
                line=text.count("\n", 0, match.start()) + 1,
                language=match["language"],
                title=title[1] if title else "",
                body=match["body"],
                reason=mark[1] if mark else "",
            )
        )
    return blocks


def words(command: str) -> list[str]:
    """A command as the shell reads it: without its comment, with patterns of file names filled in."""
    parts = shlex.split(command, comments=True)
    return [name for part in parts for name in _matching(part) or [part]]


def _matching(pattern: str) -> list[str]:
    return sorted(map(str, Path().glob(pattern))) if "*" in pattern else []


def run_all(blocks: list[Snippet]) -> list[str]:
    """Run blocks one after the other in the working directory; what each printed."""
    names: dict[str, Any] = {"__name__": "__main__"}
    return [run(block, names) for block in blocks if not block.reason]


def run(block: Snippet, names: dict[str, Any]) -> str:
    """Run one block, or save it as the file that its title names."""
    if block.title:
        path = Path(block.title)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.body, encoding="utf-8")
        return ""
    if block.language not in RUN:
        return ""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        if block.language == "python":
            exec(compile(block.body, f"{block.page}:{block.line}", "exec"), names)
        else:
            for command in block.commands:
                execute(command, f"{block.page}:{block.line}")
    return printed.getvalue()


def execute(command: str, where: str) -> None:
    """Run one line of a shell: wsbench in this process, and other programs as they are."""
    program, *rest = words(command)
    if program != "wsbench":
        by_name = {"python": [sys.executable], "pytest": [sys.executable, "-m", "pytest", "-q"]}
        done = subprocess.run(
            [*by_name.get(program, [program]), *rest], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{where}: {command}\n{done.stdout}{done.stderr}"
        print(done.stdout)
        return
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), pytest.raises(SystemExit) as end:
        main(rest)
    assert not end.value.code, f"{where}: {command}\n{errors.getvalue()}"


@contextlib.contextmanager
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Computed datasets have few and small images, and networks learn little, whatever a snippet asks for.

    What workers would do is done in this process: they would stay in the folder where they were started, and
    to start them for every page takes ten seconds."""
    settings = [spec.settings for spec in find().datasets.values() if spec.computed]
    before = [{name: model.model_fields[name].default for name in SMALL_DATA} for model in settings]
    check = MethodSpec.__post_init__

    def with_small_presets(spec: MethodSpec) -> None:
        smaller = SMALL_NETWORKS.get(spec.name, {})
        presets = {name: {**values, **smaller} for name, values in spec.presets.items()}
        object.__setattr__(spec, "presets", presets)
        check(spec)

    with monkeypatch.context() as patched:
        patched.setattr(MethodSpec, "__post_init__", with_small_presets)
        patched.setenv("LOKY_MAX_CPU_COUNT", "1")
        patched.setattr(_render, "render", _rendered_once)
        try:
            for model in settings:
                _set_defaults(model, SMALL_DATA)
            yield
        finally:
            for model, values in zip(settings, before, strict=True):
                _set_defaults(model, values)


@functools.cache
def _kept(case: Hashable, size: int) -> np.ndarray:
    return RENDER(case, size)


def _rendered_once(case: Hashable, size: int) -> np.ndarray:
    """A phantom's image. The pages make data of the same few cases again and again."""
    return _kept(case, size).copy()


def _set_defaults(model: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        model.model_fields[name].default = value
    model.model_rebuild(force=True)
