"""Tuning: what may be searched."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import wsbench
from tuning_examples import SPEC, tuning
from wsbench.studies.tuning import form
from wsbench.studies.tuning.space import Choices, Span, nested, space_of


def test_words_say_ranges_and_choices() -> None:
    words = ["a", "b=0:5", "c=1e-5:1e-2:log", "d=1:9:2", "e=x,y", "f=1,2.5,true", "g={low: 1e-5, high: 1}"]
    assert form.parse_words(words) == {
        "a": None,
        "b": form.RangeForm(low=0, high=5),
        "c": form.RangeForm(low=1e-5, high=1e-2, log=True),
        "d": form.RangeForm(low=1, high=9, step=2),
        "e": form.ChoicesForm(values=("x", "y")),
        "f": form.ChoicesForm(values=(1, 2.5, True)),
        "g": form.RangeForm(low=1e-5, high=1),
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a=5"], "one value is no search"),
        (["a="], "write NAME, NAME=LOW:HIGH"),
        (["=1:2"], "write NAME, NAME=LOW:HIGH"),
        (["a", "a=1:2"], "given twice"),
        (["a=2:1"], "low must lie below high"),
        (["a=0:1:log"], "low must be above 0 on a logarithmic scale"),
        (["a=0:1:lag"], "step"),
        (["a=0:x"], "high"),
        (["a={low: 0, high: 1, lg: true}"], "did you mean 'log'"),
        (["a=[1]"], "at least 2 items"),
        (["a=[[1], [2]]"], "values.0"),
    ],
)
def test_what_is_wrong_with_a_word_is_said(words: list[str], message: str) -> None:
    with pytest.raises(wsbench.WsbenchError, match=message):
        form.parse_words(words)


def test_bounds_come_from_the_settings_model() -> None:
    space = space_of(dict.fromkeys(["gain", "rate", "steps", "invert", "cells", "inner.depth"]), SPEC)
    assert space == {
        "gain": Span(0, 4, whole=False),
        "rate": Span(math.nextafter(0, 1), math.nextafter(1, 0), whole=False),
        "steps": Span(2, 8, whole=True),
        "invert": Choices((False, True)),
        "cells": Choices((4, 8, 16)),
        "inner.depth": Span(1, 9, whole=True),
    }
    assert nested({"a": 1, "inner.depth": 2, "inner.width": 3}) == {"a": 1, "inner": {"depth": 2, "width": 3}}


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ((), "no setting is searched.*bounds of its own for cells, fails, gain, invert, rate, steps"),
        (("gian=0:1",), "dial has no option 'gian'; did you mean 'gain'"),
        (("inner.dept=1:2",), "inner of dial has no option 'dept'; did you mean 'depth'"),
        (("gain.x=1:2",), "gain of dial has no settings inside it"),
        (("weight",), "dial gives it no bounds"),
        (("invert=0:1",), "is no number"),
        (("steps=2.5:4",), "is a whole number"),
        (("margin=0:1",), "changes only dial's own boxes"),
        (("gain=0:5",), "option gain=5.0 is not valid"),
        (("cells=4,5",), "option cells=5 is not valid"),
    ],
)
def test_what_cannot_be_searched_is_said_before_a_trial(
    search: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(wsbench.WsbenchError, match=message):
        tuning(tmp_path, *search).check()


def test_a_setting_is_fixed_or_searched(tmp_path: Path) -> None:
    with pytest.raises(wsbench.WsbenchError, match="'gain' is both fixed and searched"):
        tuning(tmp_path, "gain=0:4", options={"gain": 1}).check()
