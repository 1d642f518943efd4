"""Terminals of any encoding and any width: all signs can be shown, and no number is cut."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import pytest

from wsbench.cli import layout, tables, terminal

CODE = "from wsbench.cli import main; main()"
RUN = ["run", "-m", "two_lungs", "-d", "phantom", "-D", "images=80", "-D", "size=64", "-q", "--no-references"]


def in_own_process(words: list[str], **environment: str) -> subprocess.CompletedProcess[bytes]:
    variables = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-c", CODE, *words], capture_output=True, check=False, env=variables
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_table_is_shown_in_an_encoding_that_lacks_its_signs(encoding: str, command) -> None:
    expected = command(*RUN)[1]
    assert "two_lungs †" in expected
    done = in_own_process(RUN, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode(encoding)
    assert "two_lungs +" in shown and "+ never looks at the image   # uses annotated boxes" in shown
    assert [len(line) for line in shown.splitlines()] == [len(line) for line in expected.splitlines()]


def test_an_error_is_shown_in_ascii_too() -> None:
    done = in_own_process(["run", "-m", "größe", "-d", "phantom"], PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: unknown method 'gr??e'")


def test_every_sign_has_something_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    terminal.show_any_sign()
    print("‡ ± \N{EN DASH} 漢 \udce4", end="", flush=True)
    assert stream.buffer.getvalue() == rb"# ~ - ? \xe4"


HEADER = ["rank", "method", "cond. ap25", "boxes an image", "auc"]
ROWS = [
    ["1 to 20", "two_lungs †", "0.613", "12.345", "0.710"],
    ["", "  95 %", ".57\N{EN DASH}.66", "", "-.52\N{EN DASH}-.88"],
]
NUMBERS = [cell for row in ROWS for cell in row[2:] if cell]


@pytest.mark.parametrize("width", range(24, 81, 2))
def test_a_number_is_whole_or_absent(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    tables.show("title", HEADER, ROWS, text=2, width=width)
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line.rstrip()) <= width for line in lines[:-1])
    shown = [word for line in lines for word in re.findall(r"(?<!\S)-?\d?\.\d\S*|12\S+", line)]
    dropped = lines[-1].partition(" for: ")[2].split(", ") if "no room" in lines[-1] else []
    there = [place for place in (2, 3, 4) if HEADER[place] not in dropped]
    assert shown == [row[place] for row in ROWS for place in there if row[place]]
    assert there == [2, 3, 4][: len(there)]
    assert (len(there) == 3) == (width >= 44)


def test_a_terminal_with_room_shows_headings_in_one_line() -> None:
    assert layout.widths(HEADER, ROWS, 2, 1, 80) == [7, 11, 10, 14, 9]
    assert layout.widths(HEADER, ROWS, 2, 1, 44) == [7, 11, 7, 6, 9]
    assert layout.widths(HEADER, ROWS, 2, 1, 43) == [7, 11, 10, 12]
    assert layout.widths(HEADER, ROWS, 2, 1, 10) == [4, 5]
    assert layout.widths(HEADER, [], 2, 1, 80) == [4, 6, 10, 14, 3]


def test_only_a_zero_alone_is_left_out() -> None:
    assert list(map(tables.short, (0.25, -0.25, 10.25, -20.5, 0, 1))) == [
        ".25", "-.25", "10.25", "-20.50", ".00", "1.00",
    ]  # fmt: skip
