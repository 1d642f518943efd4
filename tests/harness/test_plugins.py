"""Finding plugins: by entry point, file and variable; every fault named, none contagious."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wsbench import plugins
from wsbench.errors import WsbenchError

GOOD = """
import wsbench

class Settings(wsbench.Settings):
    pass

class Grey(wsbench.Method):
    def predict(self, images):
        raise RuntimeError("never called")

@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("{name}", "nothing", Settings, Grey)]
"""


@pytest.fixture
def write(tmp_path: Path):
    def write_(text: str, name: str = "plugin.py") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write_


def test_the_built_ins_are_found_by_entry_point() -> None:
    found = plugins.find()
    assert found.broken == []
    assert {"tbx11k", "phantom"} <= set(found.datasets)
    assert {"kd_teacher", "kd_student", "whole_image", "two_lungs", "centre_box"} <= set(found.methods)
    assert {"miou", "ap25", "auc"} <= set(found.metrics)
    assert found.places["method", "kd_student"] == "wsbench_plugins.methods.kd_gradcam"


def test_a_file_by_path_and_by_variable(write, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = write(GOOD.format(name="one"), "a.py"), write(GOOD.format(name="two"), "b.py")
    monkeypatch.setenv("WSBENCH_PLUGINS", os.pathsep.join([str(second), "json"]))
    found = plugins.find([first])
    assert {"one", "two", "kd_student"} <= set(found.methods)
    assert found.places["method", "one"] == str(first)
    assert found.broken == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise ValueError('no luck')", "raised ValueError: no luck when imported"),
        ("import no_such_package", "raised ModuleNotFoundError: No module named 'no_such_package'"),
        ("def broken(:", "raised SyntaxError"),
        (
            GOOD.format(name="x").replace("def wsbench_methods", "def wsbench_metods"),
            "there is no hook wsbench_metods; did you mean 'wsbench_methods'?",
        ),
        (
            GOOD.format(name="x").replace("@wsbench.hookimpl\n", ""),
            "wsbench_methods lacks the @wsbench.hookimpl mark",
        ),
        (
            GOOD.format(name="x").replace("wsbench_methods()", "wsbench_methods(folder)"),
            "Argument(s) {'folder'} are declared in the hookimpl but can not be found in the hookspec",
        ),
        (
            GOOD.format(name="kd_student"),
            "method 'kd_student' is already provided by wsbench_plugins.methods.kd_gradcam; rename one",
        ),
        (GOOD.format(name="x").replace("return [", "return 1 / 0, ["), "wsbench_methods raised ZeroDivision"),
        (
            "import wsbench\n@wsbench.hookimpl\ndef wsbench_methods():\n    return ['x']\n",
            "wsbench_methods returned 'x', no MethodSpec",
        ),
    ],
)
def test_a_fault_is_named_and_takes_nothing_down(write, text: str, reason: str) -> None:
    bad, good = write(text, "bad.py"), write(GOOD.format(name="good"), "good.py")
    found = plugins.find([bad, good])
    (broken,) = found.broken
    assert broken.place == str(bad)
    assert reason in broken.reason
    assert {"good", "kd_student"} <= set(found.methods)
    assert "x" not in found.methods


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (broken,) = plugins.find([tmp_path / "none.py"]).broken
    assert str(broken) == f"plugin {tmp_path / 'none.py'}: raised no such file when imported"


def test_one_broken_module_of_a_package_leaves_the_others(write, tmp_path: Path, monkeypatch) -> None:
    package = tmp_path / "lab_plugins"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "fine.py").write_text(GOOD.format(name="fine"))
    (package / "wrong.py").write_text("1 / 0")
    (package / "_private.py").write_text("raise RuntimeError('must not be imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("WSBENCH_PLUGINS", "lab_plugins")
    found = plugins.find()
    assert "fine" in found.methods
    assert [broken.place for broken in found.broken] == ["lab_plugins.wrong"]


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(WsbenchError, match="unknown method 'kd_studnt'; did you mean 'kd_student'"):
        plugins.find().method("kd_studnt")
    with pytest.raises(WsbenchError, match="unknown dataset 'tbx11'; did you mean 'tbx11k'"):
        plugins.find().dataset("tbx11")


def test_an_unknown_name_points_at_broken_plugins(write) -> None:
    found = plugins.find([write("1 / 0")])
    with pytest.raises(WsbenchError, match=r"1 plugin problem\(s\), see `wsbench list`"):
        found.method("mine")


def test_a_tracker_hears_events_and_a_failing_one_stops_nothing(write, capsys) -> None:
    tracker = write(
        "import wsbench\nheard = []\n"
        "@wsbench.hookimpl\ndef wsbench_epoch_ended(epoch, metrics):\n    heard.append((epoch, metrics))\n",
        "tracker.py",
    )
    failing = write(
        "import wsbench\n@wsbench.hookimpl\ndef wsbench_epoch_ended(epoch):\n    raise OSError('full')\n",
        "failing.py",
    )
    found = plugins.find([failing, tracker])
    found.tell("wsbench_epoch_ended", run=None, epoch=3, metrics={"loss": 0.5})
    (module,) = [plugin for name, plugin in found.manager.list_name_plugin() if name == str(tracker)]
    assert module.heard == [(3, {"loss": 0.5})]
    assert "failing.py: wsbench_epoch_ended raised OSError: full" in capsys.readouterr().err
