"""What the operating system refuses is one line; where files go is tried before long work."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from conftest import refused
from wsbench.errors import WsbenchError, as_line
from wsbench.files.writing import write_text
from wsbench.utils.system_errors import REASONS, refusal_of, try_file, try_folder

SMALL = ["phantom", "-D", "images=80", "-D", "size=64", "-q"]
RUN = ["run", "-m", "two_lungs", "--no-references", "-d", *SMALL]
NOWHERE = "/proc/nothing" if Path("/proc/self").exists() else "/dev/null/nothing"


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOLCK])
def test_a_refusal_is_one_line_with_exit_code_2(number: int, command, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number), "runs/a")

    monkeypatch.setattr("os.fsync", refuse)
    why, advice = REASONS[number]
    assert refused(command(*RUN)) == f"{why}: runs/a; {advice}"


@pytest.mark.parametrize("number", REASONS)
def test_a_line_is_short_and_printable(number: int) -> None:
    line = as_line(refusal_of(OSError(number, os.strerror(number), f"/{'deep/' * 100}file\x1bname")))
    why, advice = REASONS[number]
    assert line.startswith(f"{why}: /deep/") and line.endswith(rf"file\x1bname; {advice}")
    assert len(line) <= 200 and line.isprintable()
    assert refusal_of(OSError(number, os.strerror(number))) == f"{why}; {advice}"


def test_what_is_no_refusal_keeps_its_traceback(command, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("cannot identify image file")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="cannot identify"):
        command(*RUN)
    assert refusal_of(OSError(errno.EPIPE, "Broken pipe")) == ""
    assert refusal_of(OSError(errno.EXDEV, "Other device", "a", None, "b")).startswith("Other device: b;")


def test_the_refused_file_is_the_one_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "out.json").mkdir()
    with pytest.raises(IsADirectoryError) as error:
        write_text(tmp_path / "out.json", "")
    assert (
        refusal_of(error.value)
        == f"there is a folder where a file is needed: {tmp_path / 'out.json'}; name a file"
    )
    with pytest.raises(OSError, match=r"'/proc/out\.json'"):
        write_text(Path("/proc/out.json"), "")


def test_trying_leaves_nothing_behind(tmp_path: Path) -> None:
    try_folder(tmp_path / "deep" / "runs")
    try_file(tmp_path / "deep" / "out.json")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "runs"):
        with pytest.raises(WsbenchError, match=r"^there is a file where a folder is needed: .*/file; name"):
            try_folder(path)
    with pytest.raises(WsbenchError, match=r"^there is a folder where a file is needed"):
        try_file(tmp_path)


@pytest.mark.parametrize("place", ["file", NOWHERE])
@pytest.mark.parametrize(
    "words",
    [
        [*RUN, "--runs", "PLACE"],
        [*RUN, "--submit", "--leaderboards", "PLACE"],
        ["data", "check", *SMALL, "--json", "PLACE/x.json"],
        ["data", "make", *SMALL, "PLACE/made", "--layout", "tbx11k"],
        ["data", "organs", *SMALL, "--out", "PLACE"],
        ["export", "run", "--out", "PLACE/x.json"],
        ["picture", "run", "--out", "PLACE"],
        ["roc", "run", "--out", "PLACE/roc.png"],
        ["sanity", "run", "--picture", "PLACE/x.png"],
        ["evaluate", "-d", *SMALL, "--predictions", "x.json", "--runs", "PLACE"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_where_output_goes_is_tried_before_any_data_is_read(
    words: list[str], place: str, command, monkeypatch, all_imported
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("data or records were read first")

    Path("file").touch()
    for reader in (
        "runs.plan.load_dataset",
        "contract.records.load",
        "predictions.external.read_predictions",
    ):
        monkeypatch.setattr(f"wsbench.{reader}", never)
    line = refused(command(*(word.replace("PLACE", place) for word in words)))
    assert place in line
    assert line.startswith(("there is a file where a folder is needed: ", "there is no such file or folder"))
    assert not Path("runs").exists()
