"""Which edits of a method change no number: docstrings, types and local names, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

import pytest

CI = Path(__file__).parents[1] / ".ci"

BEFORE = '''
"""A method."""
import numpy as np
from wsbench import hookimpl

SCALE = 2
_limit = 3

def _scaled(values, factor):
    return values * factor + _limit

class Thing:
    scale = 1

    def predict(self, images):
        found = _scaled(images, SCALE)
        kept = [item for item in found if item > _limit]
        total = 0
        def add(value):
            nonlocal total
            total = total + value
        for row in kept:
            add(row)
        try:
            np.sum(a=found, axis=total)
        except ValueError as error:
            raise ValueError(f"not {error}") from None
        return sorted(found, key=lambda item: -item), kept

@hookimpl
def wsbench_methods(plugins):
    return [Thing(), plugins]
'''


@pytest.fixture(scope="module")
def plain() -> Iterator[Callable[[Sequence[Path]], list[str]]]:
    sys.path.insert(0, str(CI))
    try:
        yield import_module("same_source").plain
    finally:
        sys.path.remove(str(CI))


@pytest.fixture
def same(plain, tmp_path: Path) -> Callable[..., bool]:
    """Whether two sources of one file are taken for the same."""

    def equal(before: str, after: str, name: str = "_method.py", more: str = "") -> bool:
        texts = []
        for number, source in enumerate((before, after)):
            folder = tmp_path / str(number)
            folder.mkdir(exist_ok=True)
            (folder / name).write_text(source)
            (folder / "other.py").write_text(more)
            texts.append(plain([folder / name, folder / "other.py"]))
        return bool(texts[0] == texts[1])

    return equal


RENAMED = {
    "a message of an error": ('f"not {error}"', 'f"{error} is no number"'),
    "a docstring": ('"""A method."""', '"""Another text."""'),
    "a local variable": ("found", "maps"),
    "a variable of a comprehension and a lambda": ("item", "score"),
    "a nested function": ("add", "count"),
    "a variable of an outer function": ("total", "sum_of_rows"),
    "an exception": ("error", "reason"),
    "a parameter of a private function": ("factor", "weight"),
    "a private function": ("_scaled", "_times"),
    "a private constant": ("_limit", "_least"),
}


@pytest.mark.parametrize("edit", RENAMED, ids=str)
def test_a_name_that_nothing_else_sees_may_change(edit: str, same) -> None:
    old, new = RENAMED[edit]
    assert old in BEFORE
    assert same(BEFORE, BEFORE.replace(old, new))


CHANGED = {
    "a constant": ("SCALE = 2", "SCALE = 4"),
    "an error that is raised": ("raise ValueError(", "raise TypeError("),
    "a class": ("Thing", "Method"),
    "an attribute": ("scale = 1", "weight = 1"),
    "a keyword of a public function": ("a=found", "b=found"),
    "a parameter of a method": ("images", "pictures"),
    "a parameter of a hook": ("plugins", "registry"),
    "operands": ("values * factor", "factor * values"),
    "a built-in function": ("sorted", "reversed"),
    "another variable": ("return sorted(found", "return sorted(kept"),
    "a variable that hides another": ("for row in kept", "for found in kept"),
    "a variable that hides a global": ("found", "SCALE"),
    "a variable that hides a built-in": ("found", "sorted"),
    "a variable that is one with another": ("kept", "found"),
    "a declaration": ("nonlocal total", "global total"),
}


@pytest.mark.parametrize("edit", CHANGED, ids=str)
def test_anything_else_is_another_source(edit: str, same) -> None:
    old, new = CHANGED[edit]
    assert old in BEFORE
    assert not same(BEFORE, BEFORE.replace(old, new))


def test_swapped_names_are_equal_only_where_all_their_uses_are_swapped(same) -> None:
    before = "def f():\n    a, b = g()\n    return a - b"
    assert same(before, "def f():\n    b, a = g()\n    return b - a")
    assert not same(before, "def f():\n    a, b = g()\n    return b - a")
    assert not same(before, "def f():\n    b, a = g()\n    return a - b")


def test_a_parameter_that_a_call_names_keeps_its_word(same) -> None:
    before = "def _f(size):\n    return size\n"
    after = before.replace("size", "length")
    assert same(before, after)
    for call in ("_f(size=1)", "_f(length=1)", "_f(**{'size': 1})", "_f(**{'length': 1})"):
        assert not same(before + call, after + call)
        assert not same(before, after, more=call)


def test_parameters_of_public_functions_are_free_only_in_private_modules(same) -> None:
    before, after = "def f(size):\n    return size", "def f(length):\n    return length"
    assert same(before, after)
    assert not same(before, after, name="method.py")
    assert not same(before, after, name="__init__.py")
    assert not same("@registered\n" + before, "@registered\n" + after)


def test_constants_of_a_module_are_free_only_where_no_other_file_uses_them(same) -> None:
    before, after = "SIZE = 1\ndef f():\n    return SIZE", "SIDE = 1\ndef f():\n    return SIDE"
    assert same(before, after)
    assert not same(before, after, name="method.py")
    for use in ("from ._method import SIZE", "_method.SIDE"):
        assert not same(before, after, more=use)


def test_descriptions_of_settings_are_for_people(same) -> None:
    before = "class A(Settings):\n    size: int = Field(1, ge=0, description='of it')"
    assert same(before, before.replace("of it", "its size"))
    for old, new in (("Field(1", "Field(2"), ("ge=0", "ge=1"), ("size:", "side:"), ("int", "float")):
        assert not same(before, before.replace(old, new))
    assert not same(before, before.replace("Field(1", "_Field(1"))


def test_a_private_name_that_another_file_uses_keeps_its_word(same) -> None:
    before, after = "def _f():\n    return 1", "def _g():\n    return 1"
    assert same(before, after)
    for use in ("from ._method import _f", "_method._g()", "getattr(_method, '_f')"):
        assert not same(before, after, more=use)


def test_a_query_reads_variables_by_their_words(same) -> None:
    before = "def f(table):\n    limit = 1\n    return table.query('score > @limit')"
    assert not same(before, before.replace("limit = 1", "least = 1"))


def test_names_are_looked_up_where_python_looks_them_up(same) -> None:
    first_iterable = "def f(x):\n    {}\n    return [x for x in x]"
    assert same(first_iterable.format("pass"), "def f(y):\n    pass\n    return [x for x in y]")
    assert not same(
        "def f(x):\n    y = 1\n    return [x for x in y]", "def f(y):\n    x = 1\n    return [x for x in y]"
    )
    inside_class = (
        "def f():\n    n = 1\n    class A:\n        n = 2\n        def g(self):\n            return n\n"
    )
    assert not same(inside_class, inside_class.replace("n = 2", "m = 2"))
    assert same(inside_class, inside_class.replace("n = 1", "m = 1").replace("return n", "return m"))
    of_module = "_n = 1\ndef f():\n    global _n\n    _n = 2\n"
    assert same(of_module, of_module.replace("_n", "_m"))
    assert not same(of_module, of_module.replace("    global _n\n", ""))
