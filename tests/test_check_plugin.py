"""`wsbench check-plugin` on plugins with a planted fault each: it shows the checks and names the fault."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import refused

METHOD = """
import random
import numpy as np
import wsbench
from pydantic import Field

class Settings(wsbench.Settings):
    cells: int = Field(8, description="cells of the map")

class Mine(wsbench.Method):
    def fit(self, fit, select, run):
        (run.folder / "learnt").write_text("1")

    def restore(self, run):
        self.folder = run.folder

    def predict(self, images):
        maps = images.pixels(self.settings.cells, self.settings.cells)[:][:, None] / 255
        maps = maps.repeat(len(self.classes), axis=1)
        return wsbench.Prediction(maps.max(axis=(2, 3)), maps)

@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("mine", "brightness", Settings, Mine)]
"""

DATASET = """
import numpy as np
import wsbench

class Mine(wsbench.Dataset):
    classes = ("spot",)

    def __init__(self):
        self.samples = tuple(
            wsbench.Sample(
                name=f"{n:02d}", split="test" if n % 2 else "train", width=40, height=40,
                labels=("spot",) * (n // 4 % 2), boxes=(wsbench.Box("spot", 4, 4, 30, 30),) * (n // 4 % 2),
                content=str(n),
            )
            for n in range(80)
        )

    def read(self, sample, height, width):
        return np.full((height, width), int(sample.name), np.uint8)

@wsbench.hookimpl
def wsbench_datasets():
    load = lambda settings, source: Mine()
    return [wsbench.DatasetSpec("mine", "spots", wsbench.Settings, load, computed=True)]
"""

METRIC = """
import random
import numpy as np
import wsbench

def mine(scored, resamples):
    boxes = scored.per_image(scored.predicted) > 0
    return wsbench.metrics.ratio(resamples.sum(boxes), resamples.sum(boxes | True))

@wsbench.hookimpl
def wsbench_metrics():
    return [wsbench.MetricSpec("mine", "images with a box", mine)]
"""

COMMAND = """
import wsbench

def mine(times: int = 1) -> None:
    \"\"\"Say it.\"\"\"
    print("mine " * times)

@wsbench.hookimpl
def wsbench_commands():
    return [wsbench.CommandSpec("mine", "says it", mine)]
"""


def checked(command, text: str, *words: str) -> tuple[int, str, str]:
    Path("mine.py").write_text(text)
    return command("check-plugin", "mine", *words)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        (METHOD, "it scores each class of a dataset with two, or refuses that in words"),
        (DATASET, "each of the four roles gets images"),
        (METRIC, "it takes the boxes of a method without heatmaps"),
        (COMMAND, "`--help` shows its options and ends well"),
    ],
)
def test_a_sound_plugin_passes_every_check(text: str, last: str, command) -> None:
    code, out, err = checked(command, text)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "file mine.py (mine.py)"
    assert lines[-1] == f"  ok    {last}"
    assert all(len(line) <= 80 for line in lines)
    assert "FAIL" not in out


METHOD_FAULTS = {
    "outside": (
        "return wsbench.Prediction(maps.max(axis=(2, 3)), maps)",
        "box = wsbench.ScoredBox('spot', 10, 10, 60, 30, 0.5)\n"
        "        return wsbench.Prediction(maps.max(axis=(2, 3)), boxes=[[box]] * len(images))",
        "its boxes lie inside their images",
        "method mine: predict gave a box (10, 10, 60, 30) outside of image 000, which has 48 x 40 pixels",
    ),
    "outside of paper": (
        "    def fit(",
        "    def paper_boxes(self, images, prediction, boxed):\n"
        "        return [[wsbench.ScoredBox('spot', -5, 1, 9, 9, 0.5)]] * len(images)\n\n    def fit(",
        "its boxes lie inside their images",
        "method mine: paper_boxes gave a box (-5, 1, 9, 9) outside of image 000",
    ),
    "not deterministic": (
        "maps.max(axis=(2, 3))",
        "maps.max(axis=(2, 3)) * np.random.default_rng().random()",
        "a second training from the same seed predicts the same",
        "method mine: scores differ after training again from the same seed",
    ),
    "draws from random": (
        "maps.max(axis=(2, 3))",
        "maps.max(axis=(2, 3)) * random.random()",
        "numbers of global random generators change nothing",
        "the method draws from random, numpy.random or torch without seeding them",
    ),
    "shape": (
        "maps.max(axis=(2, 3)), maps)",
        "maps.max(axis=(1, 2, 3)), maps)",
        "its predictions have the right shapes, types and ranges",
        "the method's scores have shape (15,), not (15, 1)",
    ),
    "range": (
        "/ 255",
        "/ 1",
        "its predictions have the right shapes, types and ranges",
        "must lie in [0, 1]",
    ),
    "batch": (
        "maps.max(axis=(2, 3))",
        "maps.max(axis=(2, 3)) / len(images)",
        "a prediction does not depend on the other images of a batch",
        "scores differ after predicting in smaller batches",
    ),
    "untidy": (
        "def predict(self, images):",
        "def predict(self, images):\n        (self.folder / 'learnt').write_text('2')",
        "predicting changes no file of the training",
        "predicting changes what fit left: learnt is not what was left there",
    ),
    "sees boxes": (
        "def fit(self, fit, select, run):",
        "def fit(self, fit, select, run):\n        run.boxed.boxes",
        "it learns from image labels, and restores what it wrote",
        "'NoneType' object has no attribute 'boxes' (mine.py, line 12, in fit); add --traceback to see where",
    ),
    "facts": (
        "def restore(self, run):",
        "def facts(self):\n        return {'weights': np.ones(2)}\n\n    def restore(self, run):",
        "its networks are torch modules, and its facts JSON values",
        "facts() has a value that JSON has not",
    ),
    "one class": (
        "len(self.classes)",
        "1",
        "it scores each class of a dataset with two, or refuses that in words",
        "the method's scores have shape (15, 1), not (15, 2)",
    ),
    "no help": (
        'Field(8, description="cells of the map")',
        "Field(8)",
        "its settings have valid defaults and a line of help",
        "setting 'cells' has no help; write Field(..., description=...)",
    ),
    "preset": (
        "Settings, Mine)",
        "Settings, Mine, presets={'paper': {'cell': 3}})",
        "its presets are valid settings",
        "mine has no option 'cell'; did you mean 'cells'?",
    ),
    "import": (
        "import random",
        "import random\nrandom.nothing",
        "it can be imported, and wsbench knows its hooks",
        "AttributeError: module 'random' has no attribute 'nothing' (mine.py, line 3, in <module>)",
    ),
    "exit": (
        "import random",
        "import random, sys\nsys.exit(3)",
        "it can be imported, and wsbench knows its hooks",
        "file mine.py: it called sys.exit(3), which would end the benchmark; raise an error instead",
    ),
    "exit while it learns": (
        "def fit(self, fit, select, run):",
        "def fit(self, fit, select, run):\n        raise SystemExit(4)",
        "it learns from image labels, and restores what it wrote",
        "fit called sys.exit(4), which would end the benchmark; return or raise an error instead",
    ),
    "hook": (
        "def wsbench_methods",
        "def wsbench_method",
        "it can be imported, and wsbench knows its hooks",
        "there is no hook wsbench_method; did you mean 'wsbench_methods'?",
    ),
    "nothing": (
        "@wsbench.hookimpl\ndef wsbench_methods",
        "def methods",
        "it adds a plugin, or is told of runs",
        "mine.py adds nothing; mark a function such as wsbench_methods with @wsbench.hookimpl",
    ),
}


@pytest.mark.parametrize("fault", METHOD_FAULTS)
def test_a_fault_of_a_method_is_named(fault: str, command) -> None:
    before, after, promise, reason = METHOD_FAULTS[fault]
    assert before in METHOD
    code, out, err = checked(command, METHOD.replace(before, after, 1))
    assert code == 1
    assert f"  FAIL  {promise}" in out.splitlines()
    assert out.count("FAIL") == 1
    (line,) = [line for line in err.splitlines() if line.startswith("failed: ")]
    assert reason in line
    assert "Traceback" not in err


def test_random_numbers_that_change_nothing_pass(command) -> None:
    """A method may draw from global generators where it has seeded them itself."""
    text = METHOD.replace(
        "maps.max(axis=(2, 3))", "maps.max(axis=(2, 3)) * np.random.RandomState(3).rand()"
    ).replace(
        "def predict(self, images):", "def predict(self, images):\n        random.seed(3); random.random()"
    )
    assert checked(command, text)[0] == 0


def test_a_method_that_reads_global_numbers_while_it_learns(command) -> None:
    text = METHOD.replace('write_text("1")', "write_text(str(np.random.rand()))").replace(
        "self.folder = run.folder", "self.weight = float((run.folder / 'learnt').read_text())"
    )
    text = text.replace("maps.max(axis=(2, 3))", "maps.max(axis=(2, 3)) * self.weight")
    code, out, err = checked(command, text)
    assert code == 1
    assert "  ok    a second training from the same seed predicts the same" in out
    assert "run.seed_for(...)" in err


DATASET_FAULTS = {
    "outside": (
        'Box("spot", 4, 4, 30, 30)',
        'Box("spot", 4, 4, 30, 90)',
        "its samples are well formed, and boxes lie inside their images",
    ),
    "twins": ('name=f"{n:02d}"', 'name=f"{n // 2:02d}"', "its samples are well formed, and boxes lie"),
    "classes": ('classes = ("spot",)', 'classes = ("spot", "spot")', "its classes are different lines"),
    "other samples": (
        "content=str(n)",
        "content=str(np.random.rand())",
        "loading again gives the same samples",
    ),
    "shape": (
        "np.full((height, width)",
        "np.full((width, height)",
        "its images are uint8 arrays of the size",
    ),
    "random pixels": (
        "return np.full",
        "return np.random.randint(0, 9, (height, width), np.uint8) + np.full",
        "an image has the same pixels however often",
    ),
    "no test": ('"test" if n % 2 else "train"', '"train"', "each of the four roles gets images"),
    "import": ("import numpy as np", "import numpy as np\nfrom wsbench import nothing", "it can be imported"),
}


@pytest.mark.parametrize("fault", DATASET_FAULTS)
def test_a_fault_of_a_dataset_is_named(fault: str, command) -> None:
    before, after, promise = DATASET_FAULTS[fault]
    assert before in DATASET
    code, out, err = checked(command, DATASET.replace(before, after, 1))
    assert code == 1
    (line,) = [line for line in out.splitlines() if "FAIL" in line]
    assert promise in line
    assert err.startswith("failed: ")


METRIC_FAULTS = {
    "exit": ("return ", "raise SystemExit(1)\n    return ", "its values are numbers or NaN, of shape"),
    "number": ("return wsbench", "return 0.5\n    wsbench", "its values are numbers or NaN, of shape"),
    "random": ("return ", "return np.random.rand() * ", "it gives the same value twice"),
    "infinite": ("return ", "return np.inf + ", "its values are numbers or NaN, of shape"),
    "order": (
        "boxes = scored.per_image(scored.predicted) > 0",
        "boxes = (scored.per_image(scored.predicted) > 0) & (np.arange(len(scored.names)) < 2)[:, None]",
        "it does not depend on the order of images",
    ),
    "draws": (
        "resamples.sum(boxes), ",
        "np.tile(boxes.sum(axis=0), (len(resamples), 1)), ",
        "the value of a draw is that of the drawn images",
    ),
    "classes": (
        "> 0",
        "> 0\n    boxes = boxes.any(axis=1, keepdims=True) & scored.predicted_positive[:, [1, 0]]",
        "the value of a class does not depend on other classes",
    ),
    "bounds": ("return ", "return 9 * ", "its values lie in [0, 1]"),
    "maps": (
        "boxes = ",
        "scored.heatmaps.maps\n    boxes = ",
        "it takes the boxes of a method without heatmaps",
    ),
}


@pytest.mark.parametrize("fault", METRIC_FAULTS)
def test_a_fault_of_a_metric_is_named(fault: str, command) -> None:
    before, after, promise = METRIC_FAULTS[fault]
    assert before in METRIC
    code, out, _ = checked(command, METRIC.replace(before, after, 1))
    assert code == 1
    (line,) = [line for line in out.splitlines() if "FAIL" in line]
    assert promise in line


@pytest.mark.parametrize(
    ("before", "after", "promise", "reason"),
    [
        ('"""Say it."""', "", "its docstring says what it does", "mine has no docstring"),
        (
            "times: int",
            "times: int | str",
            "its parameters are arguments and options",
            "Typer cannot make a command",
        ),
        ('"says it"', '" "', "its summary is a line of text", "its summary is empty"),
    ],
)
def test_a_fault_of_a_command_is_named(before: str, after: str, promise: str, reason: str, command) -> None:
    assert before in COMMAND
    code, out, err = checked(command, COMMAND.replace(before, after, 1))
    assert code == 1
    assert f"  FAIL  {promise}" in out
    assert reason in err


def test_a_traceback_is_shown_when_it_is_asked_for(command) -> None:
    text = METHOD.replace("maps = ", "maps = {}['nothing']\n        maps = ")
    code, _, err = checked(command, text, "--traceback")
    assert code == 1
    assert "Traceback" in err and "maps = {}['nothing']" in err
    assert err.splitlines()[-1] == ("failed: method mine: KeyError: 'nothing' (mine.py, line 18, in predict)")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["mien"], "unknown plugin 'mien'; did you mean 'mine'?"),
        (["mien.py"], "no such file mien.py; did you mean 'mine.py'?"),
        (["kd_studnt"], "unknown plugin 'kd_studnt'; did you mean 'kd_student'?"),
        (["folder"], "folder is a folder; install its package and name its plugin, or name its file"),
        (["tbx11k"], "tbx11k: no folder is known; give --root FOLDER"),
        (["mine", "-o", "cells"], "option 'cells' must be written name=value"),
    ],
)
def test_a_mistake_of_the_user_is_one_line(words: list[str], line: str, command) -> None:
    Path("mine.py").write_text(METHOD)
    Path("folder").mkdir()
    assert line in refused(command("check-plugin", *words))


def test_installed_plugins_are_checked_by_name(command) -> None:
    code, out, _ = command("check-plugin", "two_lungs")
    assert code == 0
    assert out.startswith("method two_lungs (wsbench_plugins.methods.")


def test_options_make_a_method_small(command) -> None:
    code, out, _ = checked(command, METHOD, "-o", "cells=0")
    assert code == 1, "a map without cells"
    assert "FAIL  it learns from image labels" in out or "FAIL  its predictions" in out


def test_heavy_imports_are_named() -> None:
    """In a process of its own: here torch is imported already."""
    Path("mine.py").write_text("import torch\n" + METHOD)
    done = subprocess.run(
        [sys.executable, "-m", "wsbench", "check-plugin", "mine"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "FAIL  its import loads no heavy library" in done.stdout
    assert "importing mine.py imports torch" in done.stderr
