"""Files that changed since they were left: noticed by hash, made anew or named."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from wsbench.errors import WsbenchError
from wsbench.files import checksums
from wsbench.files.writing import read_json, write_json
from wsbench.runs.stages import Checks, Stage, finished, stage


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "flip": flip,
    "empty": lambda path: path.write_bytes(b""),
    "truncate": lambda path: path.write_bytes(path.read_bytes()[:5]),
    "delete": lambda path: path.unlink(),
}


class Counted:
    """A stage's work that counts its calls and leaves two files in its folder and one beside it."""

    def __init__(self, run: Path) -> None:
        self.run, self.calls, self.said = run, 0, []

    def __call__(self, folder: Path) -> dict[str, int]:
        self.calls += 1
        (folder / "deep").mkdir(exist_ok=True)
        (folder / "weights").write_text("0123456789")
        (folder / "deep" / "map").write_text("abcdef")
        (self.run / "scores.csv").write_text("image,score\n")
        return {"answer": 42}

    def made(self) -> Stage:
        return stage(
            self.run, "fit", {"seed": 0}, self, Checks(left_in_run=["scores.csv"], say=self.said.append)
        )


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", ["fit/weights", "fit/deep/map", "fit/stage.json", "scores.csv"])
def test_a_damaged_file_has_its_stage_made_anew(tmp_path: Path, file: str, damage: str) -> None:
    work = Counted(tmp_path)
    work.made()
    DAMAGES[damage](tmp_path / file)
    again = work.made()
    assert (work.calls, again.fresh, again.facts["answer"]) == (2, True, 42)
    (line,) = work.said
    assert Path(file).name in line and "made anew" in line
    assert (tmp_path / "fit" / "weights").read_text() == "0123456789"
    assert not work.made().fresh


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", ["weights", "deep/map", "stage.json"])
def test_where_it_cannot_be_made_anew_the_file_is_named(tmp_path: Path, file: str, damage: str) -> None:
    Counted(tmp_path).made()
    assert finished(tmp_path, "fit").facts["answer"] == 42
    DAMAGES[damage](tmp_path / "fit" / file)
    with pytest.raises(WsbenchError, match=Path(file).name):
        finished(tmp_path, "fit")


def test_no_value_of_a_mark_can_change_unnoticed(tmp_path: Path) -> None:
    Counted(tmp_path).made()
    mark = tmp_path / "fit" / "stage.json"
    mark.write_text(mark.read_text().replace("42", "43"))
    with pytest.raises(WsbenchError, match=r"stage\.json is not what was left there"):
        finished(tmp_path, "fit")


def test_a_stage_from_before_there_were_hashes_counts_as_finished_and_gets_them(tmp_path: Path) -> None:
    work = Counted(tmp_path)
    done = work.made()
    mark = tmp_path / "fit" / "stage.json"
    write_json(mark, {"key": done.key, "done": True, "facts": dict(done.facts)})
    (tmp_path / checksums.FILE).unlink()
    assert (work.made().facts, work.calls, work.said) == (done.facts, 1, [])
    assert set(read_json(mark)["files"]) == {"weights", "deep/map"}
    flip(tmp_path / "fit" / "weights")
    assert work.made().fresh


def test_files_of_the_user_and_of_the_system_change_nothing(tmp_path: Path) -> None:
    work = Counted(tmp_path)
    work.made()
    (tmp_path / "fit" / "notes.txt").write_text("mine")
    (tmp_path / "fit" / ".DS_Store").write_text("Finder's")
    assert not work.made().fresh


def test_a_file_is_read_once_in_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * 1000)
    first = checksums.of_file(path)
    monkeypatch.setattr(checksums.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
    assert checksums.of_file(path) == first


def test_a_noted_file_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    """A kill between the note and the file leaves the old file, which was noted, too."""
    path = tmp_path / "record.json"
    checksums.write_noted(path, "old")
    old = path.read_bytes()
    checksums.write_noted(path, "new")
    assert checksums.problem_of(path) is None
    path.write_bytes(old)
    assert checksums.problem_of(path) is None
    path.write_text("else")
    with pytest.raises(WsbenchError, match=r"record\.json is not what was left there; rerun the command"):
        checksums.require(path)


def saved(save: Callable[[io.BytesIO], None]) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


ARCHIVES = {
    "npz": saved(lambda file: np.savez_compressed(file, a=np.arange(1000))),
    "checkpoint": saved(lambda file: torch.save({"a": torch.arange(1000)}, file)),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archives_know_when_a_bit_of_their_contents_has_changed(tmp_path: Path, kind: str) -> None:
    """Torch reads a checkpoint with a changed weight in silence."""
    path = tmp_path / "archive"
    path.write_bytes(ARCHIVES[kind])
    assert checksums.is_intact_archive(path)
    flip(path)
    assert not checksums.is_intact_archive(path)
    path.write_bytes(ARCHIVES[kind][:-10])
    assert not checksums.is_intact_archive(path)
    assert not checksums.is_intact_archive(tmp_path / "none")
