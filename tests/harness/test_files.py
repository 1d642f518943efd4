"""Files are written as a whole, leave nothing behind, and JSON so that people and machines can read it."""

from __future__ import annotations

import errno
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsbench.errors import WsbenchError
from wsbench.files.writing import atomic, exists, read_json, write_json, write_text

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), st.text(alphabet='a,[]{}" \n\\é', max_size=6)
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(alphabet="a[]\n,", max_size=4), inner, max_size=3),
    ),
    max_leaves=12,
)


@given(values)
def test_what_is_written_reads_back(tmp_path_factory, value: object) -> None:
    path = tmp_path_factory.mktemp("json") / "value.json"
    write_json(path, value)
    assert read_json(path) == value


def test_a_list_of_numbers_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    write_json(path, {"draws": [1, 2.5, None], "rows": [[1, 2], [3]]})
    assert path.read_text() == ('{\n  "draws": [1, 2.5, null],\n  "rows": [\n    [1, 2],\n    [3]\n  ]\n}\n')


WRITER = """
import os, signal, sys
from pathlib import Path
from wsbench.files.writing import atomic
with atomic(Path(sys.argv[1])) as file:
    file.write(b"half")
    print("writing", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_writer_left_is_removed_and_what_a_live_one_writes_is_not(tmp_path: Path) -> None:
    start = partial(subprocess.Popen, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    writers = [start([sys.executable, "-c", WRITER, str(tmp_path / name)]) for name in ("killed", "alive")]
    for writer in writers:
        assert writer.stdout.readline() == "writing\n"
    killed, alive = writers
    killed.kill()
    killed.communicate()
    assert len(list(tmp_path.glob(".*.part"))) == 2
    write_text(tmp_path / "other", "")
    assert [path.name.split(".")[1] for path in tmp_path.glob(".*.part")] == ["alive"]
    assert alive.communicate("")[0] == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alive", "other"]


def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    write_text(tmp_path / ("n" * 255), "text")
    assert (tmp_path / ("n" * 255)).read_text() == "text"


def test_what_a_living_writer_writes_is_not_taken_for_left_over(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with atomic(path) as file:
        file.write(b"slow")
        write_json(path, "fast")
    assert path.read_bytes() == b"slow"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_line_that_names_the_folder(tmp_path: Path, number: int) -> None:
    """Also where a library has made another exception of it, as torch does."""
    path = tmp_path / "last.ckpt"
    path.write_text("old")
    with pytest.raises(WsbenchError, match=f"no space is left in {re.escape(str(tmp_path))}"):
        write_on_a_full_disk(path, number)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def write_on_a_full_disk(path: Path, number: int) -> None:
    with atomic(path):
        try:
            raise OSError(number, "no space")
        except OSError:
            raise RuntimeError("unexpected pos 704 vs 598")  # noqa: B904


def test_words_that_cannot_be_a_path_do_not_exist(tmp_path: Path) -> None:
    assert exists(tmp_path)
    assert not exists(tmp_path / ("x" * 5000))
    assert not exists(tmp_path / "a\0b")
