"""Whatever text comes in: a value, or one printable line."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, TypeAdapter

from wsbench.contract.record_form import RecordForm
from wsbench.data.catalog import Entry
from wsbench.errors import MAX_LINE_CHARACTERS, WsbenchError, as_line
from wsbench.files import documents
from wsbench.reports.published import Paper
from wsbench.runs.evaluation_log import Evaluation

ANY_TEXT = st.text(st.characters(), max_size=300)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(ANY_TEXT | ANY_TEXT.map(lambda text: text * 50))
def test_any_message_is_a_printable_line(message: str) -> None:
    line = as_line(message)
    assert len(line) <= MAX_LINE_CHARACTERS
    assert line.isprintable()


@given(ANY_TEXT | st.text("[]{}&*:,-!<> \n\t'\"#|01a", max_size=60))
def test_any_yaml_is_a_value_or_a_refusal(text: str) -> None:
    with contextlib.suppress(WsbenchError):
        documents.yaml_value(text, "x.yaml")
    with contextlib.suppress(WsbenchError):
        documents.yaml_value(text.encode("utf-8", "surrogatepass"), "x.yaml")


@given(st.binary(max_size=100) | st.text('[]{}:,"0123eE.-+tfn\\u', max_size=60).map(str.encode))
def test_any_bytes_are_json_or_a_refusal(content: bytes) -> None:
    with contextlib.suppress(WsbenchError):
        TypeAdapter(JsonValue).validate_python(documents.json_value(Path("x.json"), content, "JSON"))


@given(ANY_JSON)
def test_any_value_is_of_a_model_or_refused(value: object) -> None:
    for model in (RecordForm, Entry, Paper, Evaluation):
        with contextlib.suppress(WsbenchError):
            documents.checked(model, value, "x")
