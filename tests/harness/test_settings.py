"""Settings from any source: types, bounds, and one line for every mistake."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field

from wsbench.errors import WsbenchError, choose
from wsbench.settings import Settings, fill, parse_options
from wsbench.utils.hashing import seed_from


class Example(Settings):
    alpha: float = Field(0.75, ge=0, le=1, description="a share")
    epochs: int = Field(100, ge=1, description="a count")
    mean: tuple[float, float] = Field((0.1, 0.2), description="a pair")
    flag: bool = Field(False, description="a switch")
    boxes: Literal[1, 2, 4] = Field(2, description="one of some numbers")


def test_text_is_converted_to_the_field_type() -> None:
    values = parse_options(["alpha=0.5", "epochs=3", "flag=true", "mean=[0.3, 0.4]", "boxes=4"])
    expected = Example(alpha=0.5, epochs=3, flag=True, mean=(0.3, 0.4), boxes=4)
    assert fill(Example, values, "example") == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["alpha=2"], "example: option alpha=2 is not valid: Input should be less than or equal to 1"),
        (["epochs=many"], "option epochs=many is not valid: Input should be a valid integer"),
        (["boxes=3"], "option boxes=3 is not valid: Input should be 1, 2 or 4"),
        (["alpa=1"], "example has no option 'alpa'; did you mean 'alpha'?"),
        (["alpha"], "option 'alpha' must be written name=value"),
        (["alpha=1", "alpha=0"], "option 'alpha' is given twice"),
        (
            ["mean=[&a0 [x, x], " + ", ".join(f"&a{n + 1} [{f'*a{n}, ' * 10}]" for n in range(9)) + "]"],
            "option 'mean': its aliases stand for more than 100000 values",
        ),
        (["mean=" + "[" * 5000], "option 'mean': not valid YAML: lists within lists go too deep"),
        (["mean=[2026-99-99]"], "option 'mean': not valid YAML: month must be in 1..12"),
        (["mean=[1"], "option 'mean': not valid YAML"),
    ],
)
def test_mistakes_are_one_line(options: list[str], words: str) -> None:
    with pytest.raises(WsbenchError) as error:
        fill(Example, parse_options(options), "example")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Example().alpha = 0.1


def test_choose_names_the_nearest_or_all() -> None:
    table = {"kd_student": 1, "kd_teacher": 2}
    assert choose("kd_student", table, "method") == 1
    with pytest.raises(WsbenchError, match="unknown method 'kd_studnt'; did you mean 'kd_student'"):
        choose("kd_studnt", table, "method")
    with pytest.raises(WsbenchError, match="unknown method 'zzz'; known: kd_student, kd_teacher"):
        choose("zzz", table, "method")


def test_seeds_are_the_same_on_every_machine() -> None:
    assert seed_from(0, "phantom", "kd_teacher") == 4673414796651350704
    assert seed_from("a", "b") != seed_from("ab")
    assert seed_from(1) != seed_from("1")
    assert 0 <= seed_from("x") < 2**63
