"""What classifiers say of their learning, and the seed of a student's teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.base import RunContext
from wsbench.runs.plan import make_plan
from wsbench.utils.progress import Silent

FOUND = plugins.find()


def plan_of(name: str, folder: Path, seed: int = 0, **options: Any) -> Any:
    spec = FOUND.methods[name]
    return make_plan(spec, None, options, dataset=testing.TOY, seed=seed, device="cpu", runs=folder)


@pytest.mark.parametrize("name", ["kd_teacher", "kd_student", "saliency_cnn", "cam"])
@pytest.mark.parametrize(
    ("areas", "best", "rise", "holds"),
    [
        # Eight epochs: a line through the last three, times the two of a quarter.
        ((0.5, 0.6, 0.7, 0.8, 0.9, 0.91, 0.91, 0.91), 0.91, 0.0, [True, True]),
        ((0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.53, 0.56), 0.56, 0.06, [False, False]),
        ((0.5, 0.6, 0.7, 0.8, 0.82, 0.82, 0.85, 0.88), 0.88, 0.06, [True, False]),
    ],
)
def test_classifiers_say_their_auc_on_select_and_how_it_rises(
    name: str, areas: tuple[float, ...], best: float, rise: float, holds: list[bool], tmp_path: Path
) -> None:
    lines = [f"{epoch},{area}" for epoch, area in enumerate(areas)]
    (tmp_path / "history.csv").write_text("\n".join(["epoch,select_auc", *lines]))
    spec = FOUND.methods[name]
    method = spec.build(spec.settings(), ("spot",))
    signs = method.learning(RunContext("toy", name, 0, tmp_path, "cpu", Silent()))
    assert [sign.name for sign in signs] == ["select_auc", "select_auc_rise"]
    assert [sign.value for sign in signs] == pytest.approx([best, rise])
    assert [sign.holds for sign in signs] == holds


def test_trainings_from_before_the_auc_was_logged_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text("epoch,select_loss\n0,0.5\n")
    spec = FOUND.methods["cam"]
    run = RunContext("toy", "cam", 0, tmp_path, "cpu", Silent())
    assert list(spec.build(spec.settings(), ("spot",)).learning(run)) == []


def test_a_teacher_of_another_seed_is_its_own_run_and_three_students_may_share_it(tmp_path: Path) -> None:
    own = plan_of("kd_student", tmp_path, seed=1)
    assert own.upstream(FOUND)["teacher"].seed == 1
    assert "teacher_seed" not in own.settings.model_dump()
    others = [plan_of("kd_student", tmp_path, seed=seed, teacher_seed=100) for seed in (0, 1, 2)]
    teachers = [plan.upstream(FOUND)["teacher"] for plan in others]
    assert [teacher.seed for teacher in teachers] == [100] * 3
    assert len({teacher.folder(testing.toy()) for teacher in teachers}) == 1
    assert [plan.seed for plan in others] == [0, 1, 2]
    assert own.inputs(testing.toy(), FOUND) != others[1].inputs(testing.toy(), FOUND)
    assert others[0].changed() == {"teacher_seed": 100}
