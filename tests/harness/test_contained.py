"""Plugins that misbehave: what they change is put back and named, and what they give is refused in a line."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import box, found, refused, table
from wsbench import testing
from wsbench.contract import containment, plugins
from wsbench.contract.base import Method
from wsbench.contract.containment import contain, place_of
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.predictions import store
from wsbench.runs.plan import make_plan
from wsbench.scoring import metric_values
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.table import Heatmaps
from wsbench.testing import ToySettings
from wsbench.utils.sealed import Sealed

PLUGIN = """
import os, random, sys, warnings
from pathlib import Path
import numpy as np
import torch
import wsbench

class Settings(wsbench.Settings): pass

class Bad(wsbench.Method):
    def predict(self, images):
        scores, maps = np.full((len(images), 1), 0.5), np.zeros((len(images), 1, 4, 4))
        {code}
        return wsbench.Prediction(scores, maps)

@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("bad", "", Settings, Bad)]

def compute(scored, resamples):
    {metric}

@wsbench.hookimpl
def wsbench_metrics():
    return [wsbench.MetricSpec("zz_bad", "", compute, needs="labels")]

@wsbench.hookimpl
def wsbench_run_finished(record):
    {tracker}
"""
FINE = "return np.full(len(resamples), 0.5)"
WORDS = ["-m", "bad", "-d", "phantom", "-D", "images=80", "-D", "size=64", "--plugin", "bad.py", "-q"]


@pytest.fixture
def write(tmp_path: Path):
    """Writes a plugin: a line of code of its method, of its metric and of its tracker."""
    containment._warned.clear()

    def write_(code: str = "pass", metric: str = FINE, tracker: str = "pass") -> Path:
        path = tmp_path / "bad.py"
        path.write_text(PLUGIN.format(code=code, metric=metric, tracker=tracker))
        return path

    return write_


@pytest.fixture(scope="module")
def toy() -> Loaded:
    return testing.toy()


@pytest.fixture
def predict(write, toy: Loaded, tmp_path: Path):
    """Has a method, whose ``predict`` does what a line of code does, predict the toy's test images."""

    def predict_(code: str) -> None:
        spec = plugins.find([write(code)]).method("bad")
        plan = make_plan(spec, None, {}, dataset=testing.TOY, seed=0, device="cpu", runs=tmp_path)
        images = toy.views.images(toy.roles.members["test"])
        list(store.predict(plan.build(toy), images, tmp_path, "test", by=plan.who))

    return predict_


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("scores = scores[:3]", "the method's scores have shape (3, 1), not ("),
        ("scores = scores[:, 0]", "the method's scores have shape ("),
        ("scores = scores.astype(str)", "the method's scores are of dtype <U32, not real numbers"),
        ("scores = scores + 0j", "the method's scores are of dtype complex128, not real numbers"),
        ("scores = [[0.5], [0.5, 1]]", "the method's scores, a list, are no array"),
        ("scores = torch.zeros(len(images), 1, requires_grad=True)", "the method's scores, a Tensor, are no"),
        ("scores[1] = np.nan", "must lie in [0, 1], found nan"),
        ("maps[1] += 7", "must lie in [0, 1], found 7.0"),
        ("maps = maps[0]", "the method's heatmaps have shape (1, 4, 4), not (N, C, h, w)"),
        ("maps = None", "the method gave neither heatmaps nor boxes"),
        ("return None", "predict gave a NoneType, not a wsbench.Prediction"),
        ("sys.exit(0)", "predict called sys.exit(0)"),
    ],
)
def test_what_a_method_gives_is_refused_in_a_line(predict, tmp_path: Path, code: str, line: str) -> None:
    with pytest.raises(WsbenchError) as refusal:
        predict(code)
    assert str(refusal.value).startswith(f"bad (plugin {tmp_path / 'bad.py'}): ")
    assert line in str(refusal.value)


def test_a_method_that_exits_ends_the_command_as_an_error(write, command) -> None:
    write("sys.exit(0)")
    assert "predict called sys.exit(0)" in refused(command("run", *WORDS, "--no-references"))


@pytest.mark.parametrize(
    ("metric", "line"),
    [
        ("return np.zeros(3)", "gave values of shape (3,), not ("),
        ("return 'x'", "gave a str that is no array of numbers"),
        ("return np.full(len(resamples), np.inf)", "gave an infinite value"),
        ("sys.exit()", ": compute called sys.exit(None)"),
    ],
)
def test_what_a_metric_gives_is_refused_in_a_line(write, tmp_path: Path, metric: str, line: str) -> None:
    spec = plugins.find([write(metric=metric)]).metrics["zz_bad"]
    scored = table([[], [box(0, 0, 5, 5)]], [[], []])
    with pytest.raises(WsbenchError) as refusal:
        metric_values.values(spec, scored, Resamples.once(2))
    assert str(refusal.value).startswith(f"metric zz_bad (plugin {tmp_path / 'bad.py'})")
    assert line in str(refusal.value)


@pytest.mark.parametrize(
    "write_to",
    [
        "scored.scores[:] = 0",
        "scored.truth.score += 1",
        "scored.pairs.iou.sort()",
        "scored.predicted_positive[:] = True",
        "scored.boxes_of_positive[:] = True",
        "scored.calibrate.labels[:] = True",
        "scored.heatmaps.maps[:] = 0",
        "resamples.counts[:] = 0",
    ],
)
def test_a_metric_cannot_change_what_the_next_computes_from(write, write_to: str) -> None:
    """Its author sees where it tried to."""
    spec = plugins.find([write(metric=write_to)]).metrics["zz_bad"]
    scored = table([[], [box(0, 0, 5, 5)]], [[], [found(0, 0, 5, 5)]])
    scored = replace(scored, calibrate=scored, heatmaps=Heatmaps(np.ones((2, 1, 4, 4)), [(0, 0, 9, 9)] * 2))
    with pytest.raises(ValueError, match="read-only"):
        metric_values.values(spec, scored, Resamples.once(2))


CHANGES: dict[str, tuple[str, Callable[[], object]]] = {
    "os.chdir('/')": ("the working directory", Path.cwd),
    "os.environ['HOME'] = 'elsewhere'": ("the environment", lambda: dict(os.environ)),
    "os.environ['NEW'] = 'variable'": ("the environment", lambda: dict(os.environ)),
    "del os.environ['WSBENCH_CACHE']": ("the environment", lambda: dict(os.environ)),
    "np.seterr(all='raise')": ("numpy's error state", np.geterr),
    "torch.set_default_dtype(torch.float64)": ("torch's default dtype", torch.get_default_dtype),
    "torch.set_num_threads(torch.get_num_threads() + 1)": ("torch's threads", torch.get_num_threads),
    "torch.set_grad_enabled(False)": ("torch's gradients", torch.is_grad_enabled),
    "warnings.simplefilter('ignore')": ("", lambda: list(warnings.filters)),
    "random.seed(1)": ("", random.getstate),
    "np.random.seed(1)": ("", lambda: list(np.random.get_state()[1])),
    "torch.manual_seed(1)": ("", lambda: torch.get_rng_state().tolist()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_method_changes_around_itself_is_put_back(
    predict, tmp_path: Path, capsys, change: str
) -> None:
    what, read = CHANGES[change]
    before = read()
    predict(change)
    assert read() == before
    line = f"warning: bad (plugin {tmp_path / 'bad.py'}): predict changed {what}; wsbench restored it\n"
    assert capsys.readouterr().err == (line if what else "")


def test_a_metric_and_a_tracker_change_nothing_either(write, command) -> None:
    write(metric=f"os.chdir('/'); {FINE}", tracker="os.chdir('/'); record.protocols.clear(); sys.exit(0)")
    before = Path.cwd()
    code, out, err = command("run", *WORDS, "--no-references")
    assert (code, Path.cwd()) == (0, before)
    assert "protocol uniform" in out
    assert "compute changed the working directory" in err
    assert "wsbench_run_finished changed the working directory" in err
    assert "wsbench_run_finished called sys.exit(0)" in err


def test_the_first_import_of_torch_hides_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containment, "_surroundings", lambda: [])
    real = containment.sys.modules.pop("torch")
    with containment.contained("late", "fit"):
        containment.sys.modules["torch"] = real
        torch.set_default_dtype(torch.float64)
    assert torch.get_default_dtype() == torch.float32


class Nested(Method):
    """A method that calls itself and another one, and draws numbers between."""

    def __init__(self, other: Method | None = None) -> None:
        self.other = other

    def fit(self) -> list[float]:
        random.seed(3)
        first = self.predict()
        second = self.predict()
        if self.other is not None:
            self.other.predict()
        return [first, second, random.random()]

    def predict(self) -> float:
        return random.random()


def test_calls_inside_a_call_draw_the_numbers_they_would_draw_alone() -> None:
    random.seed(3)
    expected = [random.random() for _ in range(3)]
    assert contain(Nested(), "a").fit() == expected
    assert contain(Nested(contain(Nested(), "b")), "a").fit() == expected


def test_the_place_of_a_plugin() -> None:
    assert place_of(ToySettings) == "wsbench.studies.plugin_checks.toy"
    assert place_of(Sealed(len)) == "wsbench.utils.sealed"
