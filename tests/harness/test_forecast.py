"""The plan that is shown before long work: stages that are left, and times worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsbench import testing
from wsbench.contract.plugins import Plugins
from wsbench.contract.specs import MethodSpec, Requirement
from wsbench.runs.forecast import Forecast, forecasts, lines
from wsbench.runs.job import Job
from wsbench.runs.plan import make_plan
from wsbench.runs.runner import predict_inputs
from wsbench.runs.stage_marks import Mark
from wsbench.runs.stages import stage_key
from wsbench.settings import HISTORY, TrainingSettings


class Ten(TrainingSettings):
    """Ten epochs."""

    epochs: int = 10


TEACHER = MethodSpec("teacher", "", Ten, testing.Toy)
PUPIL = MethodSpec(
    "pupil", "", Ten, testing.Toy, requires=lambda settings: {"teacher": Requirement("teacher", {})}
)
PLUGINS = Plugins(methods={"teacher": TEACHER, "pupil": PUPIL})
LOADED = testing.toy()


def job(spec: MethodSpec, runs: Path, seed: int = 0, **options: object) -> Job:
    """A run on the toy dataset."""
    plan = make_plan(spec, None, options, dataset=testing.TOY, seed=seed, device="cpu", runs=runs)
    return Job(plan, LOADED, PLUGINS)


def fit_key(of: Job) -> str:
    return stage_key(of.training().inputs())


def finish(of: Job, stage: str, seconds: float, **cost: float) -> None:
    """Leave the mark of a finished stage."""
    keys = {"fit": fit_key(of), "predict": stage_key(predict_inputs(of, fit_key(of)))}
    (of.folder / stage).mkdir(parents=True, exist_ok=True)
    Mark(keys.get(stage, "key"), {"cost": {"seconds": seconds, **cost}}, {}).write(of.folder / stage)


def begin_fit(of: Job, *seconds: float) -> None:
    """Leave an unfinished training with epochs of these times."""
    fit = of.folder / "fit"
    fit.mkdir(parents=True)
    Mark(fit_key(of)).write(fit)
    rows = [f"{epoch},{time}" for epoch, time in enumerate(seconds)]
    (fit / HISTORY).write_text("\n".join(["epoch,seconds", *rows, ""]))


def test_nothing_is_known_of_a_first_run(tmp_path: Path) -> None:
    every = forecasts([job(TEACHER, tmp_path)])
    assert every == [
        Forecast(
            "teacher seed 0",
            ("fit", "predict", "score", "measure"),
            None,
            True,
            dict.fromkeys(("fit", "predict", "score", "measure")),
        )
    ]
    assert list(lines(every, "toy")) == [
        "plan: 1 run on toy, 0 finished, 1 to do",
        "  teacher seed 0: fit, predict, score, measure",
        "no time is known yet; the first epoch will tell",
    ]


def test_an_unfinished_training_tells_its_epochs(tmp_path: Path) -> None:
    """Of at most 10 epochs, 6 are done, the last five of which took 2, 2, 2, 2 and 7 s: 3 s in the mean, so
    the other 4 take 12 s. The first epoch, which took 100 s, does not count."""
    run = job(TEACHER, tmp_path)
    begin_fit(run, 100, 2, 2, 2, 2, 7)
    (forecast,) = forecasts([run])
    assert forecast.epochs == (6, 10)
    assert forecast.seconds["fit"] == pytest.approx(12)
    shown = list(lines([forecast], "toy"))
    assert shown[1] == "  teacher seed 0: fit (6 of at most 10 epochs done), predict, score, measure"
    assert shown[2] == "more than 12 s in all; no time is known yet of some stages"


def test_another_seed_tells_how_long_everything_takes(tmp_path: Path) -> None:
    """Seed 0 stopped after 8 epochs: 40 s. Of seed 1, 3 epochs of 6 s are done, so 5 are left: 30 s."""
    other, run = job(TEACHER, tmp_path), job(TEACHER, tmp_path, seed=1)
    finish(other, "fit", 40, epochs=8, epoch_seconds=39)
    finish(other, "predict", 9)
    finish(other, "score", 20)
    finish(other, "measure", 1)
    begin_fit(run, 6, 6, 6)
    done, left = forecasts([other, run])
    assert done.to_do == ()
    assert left.seconds == {"fit": pytest.approx(30), "predict": 9, "score": 20, "measure": 1}
    assert list(lines([done, left], "toy")) == [
        "plan: 2 runs on toy, 1 finished, 1 to do",
        "  teacher seed 1: fit (3 of at most 10 epochs done), predict, score, measure; about 60 s",
        "about 60 s in all, by the times measured here before",
    ]
    (alone,) = forecasts([run])
    assert alone.seconds == left.seconds, "seed 0 lies in the same folder"


def test_other_settings_tell_nothing(tmp_path: Path) -> None:
    finish(job(TEACHER, tmp_path, epochs=3), "fit", 40)
    (forecast,) = forecasts([job(TEACHER, tmp_path)])
    assert not forecast.is_known


def test_what_a_run_builds_on_is_part_of_the_plan(tmp_path: Path) -> None:
    """Unless it is one of the runs, or trained already."""
    teacher, pupil = job(TEACHER, tmp_path), job(PUPIL, tmp_path)
    labels = [(forecast.label, forecast.to_do[0]) for forecast in forecasts([pupil])]
    assert labels == [("teacher seed 0", "fit"), ("pupil seed 0", "fit")]
    assert [forecast.label for forecast in forecasts([pupil, teacher])] == ["pupil seed 0", "teacher seed 0"]
    finish(teacher, "fit", 40)
    assert [forecast.label for forecast in forecasts([pupil])] == ["pupil seed 0"]


def test_a_stage_of_other_inputs_is_not_done(tmp_path: Path) -> None:
    run = job(TEACHER, tmp_path)
    finish(run, "fit", 40)
    finish(run, "predict", 9)
    assert forecasts([run])[0].to_do == ("score", "measure")
    Mark("other", {"cost": {"seconds": 9}}, {}).write(run.folder / "predict")
    finish(run, "score", 2)
    assert forecasts([run])[0].to_do == ("predict", "score", "measure")


def test_short_work_and_finished_work_are_not_announced(tmp_path: Path) -> None:
    blind = MethodSpec("blind", "", testing.ToySettings, testing.Toy, reads_image=False)
    run = Job(job(TEACHER, tmp_path).plan, LOADED, PLUGINS)
    every = forecasts([job(blind, tmp_path)])
    assert every[0].to_do and list(lines(every, "toy")) == []
    for stage in ("fit", "predict", "score", "measure"):
        finish(run, stage, 1)
    assert list(lines(forecasts([run]), "toy")) == []


def test_a_damaged_history_is_no_history(tmp_path: Path) -> None:
    run = job(TEACHER, tmp_path)
    begin_fit(run, 6)
    (run.folder / "fit" / HISTORY).write_text("epoch,seconds\n0,soon\n")
    assert forecasts([run])[0].epochs is None


def test_many_runs_are_summed_up(tmp_path: Path) -> None:
    shown = list(lines(forecasts([job(TEACHER, tmp_path, seed=seed) for seed in range(20)]), "toy"))
    assert shown[0] == "plan: 20 runs on toy, 0 finished, 20 to do"
    assert shown[13] == "  ... and 8 more"
    assert len(shown) == 15
