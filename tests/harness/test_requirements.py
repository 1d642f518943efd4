"""Settings that a method and what it builds on must agree in."""

from __future__ import annotations

from pathlib import Path

import pytest

import wsbench
from wsbench import testing
from wsbench.contract.plugins import Plugins
from wsbench.runs.plan import Plan, make_plan


class Sized(wsbench.Settings):
    """A size of images, and the teacher's."""

    size: int = 8
    teacher_size: int = 8


def plan_with(tmp_path: Path, **options: object) -> tuple[Plan, Plugins]:
    def needs(settings: Sized) -> dict[str, wsbench.Requirement]:
        return {"teacher": wsbench.Requirement("teacher", {"size": settings.teacher_size}, agree=("size",))}

    specs = [
        wsbench.MethodSpec("pupil", "", Sized, testing.Toy, requires=needs),
        wsbench.MethodSpec("teacher", "", Sized, testing.Toy),
    ]
    plugins = Plugins(methods={spec.name: spec for spec in specs})
    plan = make_plan(specs[0], None, options, dataset=testing.TOY, seed=0, device="cpu", runs=tmp_path)
    return plan, plugins


def test_equal_settings_pass(tmp_path: Path) -> None:
    plan, plugins = plan_with(tmp_path, size=16, teacher_size=16)
    assert plan.upstream(plugins)["teacher"].settings.size == 16


def test_unequal_settings_are_one_line_that_names_both(tmp_path: Path) -> None:
    plan, plugins = plan_with(tmp_path, size=16)
    with pytest.raises(wsbench.WsbenchError) as error:
        plan.all_upstream(plugins)
    assert str(error.value) == (
        "pupil has size=16, but teacher, its teacher, has size=8; give both the same value"
    )


PLUGIN = """
import numpy as np
import wsbench

class Settings(wsbench.Settings):
    size: int = 8

class Pupil(wsbench.Method):
    def fit(self, fit, select, run):
        open("fitted.txt", "a").close()
    def predict(self, images):
        scores = np.full((len(images), len(self.classes)), 0.5)
        return wsbench.Prediction(scores, np.ones((*scores.shape, 4, 4)))

@wsbench.hookimpl
def wsbench_methods():
    needs = {"teacher": wsbench.Requirement("teacher", {"size": 8}, agree=("size",))}
    return [
        wsbench.MethodSpec("pupil", "", Settings, Pupil, requires=lambda settings: needs),
        wsbench.MethodSpec("teacher", "", Settings, Pupil),
    ]
"""


@pytest.mark.parametrize("words", [(), ("--no-upstream",)])
def test_a_command_refuses_them_before_anything_is_trained(command, tmp_path: Path, words: tuple) -> None:
    (tmp_path / "pupil.py").write_text(PLUGIN)
    typed = ("run", "-m", "pupil", "-d", "phantom", "-o", "size=16", "--plugin", tmp_path / "pupil.py")
    code, _, err = command(*map(str, typed), *words)
    assert code == 2
    assert "pupil has size=16, but teacher, its teacher, has size=8" in err
    assert not list(Path().glob("fitted.txt"))
