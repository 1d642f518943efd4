"""JSON is written so that people and machines can read it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from wsbench.files import exists, read_json, write_json

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


def test_words_that_cannot_be_a_path_do_not_exist(tmp_path: Path) -> None:
    assert exists(tmp_path)
    assert not exists(tmp_path / ("x" * 5000))
    assert not exists(tmp_path / "a\0b")
