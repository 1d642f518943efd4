"""Finding plugins: by entry point, file and variable; every fault named, none contagious."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import refused
from wsbench.contract import plugins
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


@dataclass
class FakeEntry:
    """An entry point as `importlib.metadata` gives it."""

    name: str
    value: str

    def load(self) -> object:
        file = self.value.endswith(".py")
        return plugins.load_file(Path(self.value)) if file else importlib.import_module(self.value)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch):
    """Has files found as if they were installed, besides what is."""

    def install_(*paths: Path) -> None:
        real = list(plugins.entry_points(group="wsbench"))
        entries = [FakeEntry(f"lab {path.stem}", str(path)) for path in paths]
        monkeypatch.setattr(plugins, "entry_points", lambda group: [*real, *entries])

    return install_


def test_the_built_ins_are_found_by_entry_point() -> None:
    found = plugins.find()
    assert found.broken == []
    assert {"tbx11k", "phantom"} <= set(found.datasets)
    assert {"kd_teacher", "kd_student", "whole_image", "two_lungs", "centre_box"} <= set(found.methods)
    assert {"miou", "ap25", "auc"} <= set(found.metrics)
    assert found.origins["method", "kd_student"] == "wsbench_plugins.methods.kd_gradcam"


def test_a_file_by_path_and_by_variable(write, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = write(GOOD.format(name="one"), "a.py"), write(GOOD.format(name="two"), "b.py")
    monkeypatch.setenv("WSBENCH_PLUGINS", os.pathsep.join([str(second), "json"]))
    found = plugins.find([first])
    assert {"one", "two", "kd_student"} <= set(found.methods)
    assert found.origins["method", "one"] == str(first)
    assert found.broken == []


FAULTS = [
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
        "wsbench_methods returned 'x', which is no MethodSpec",
    ),
    ("import sys; sys.exit(0)", "the import called sys.exit(0)"),
]


@pytest.mark.parametrize(("text", "reason"), FAULTS)
def test_a_fault_of_an_installed_plugin_is_named_and_takes_nothing_down(
    write, install, text: str, reason: str
) -> None:
    bad, good = write(text, "bad.py"), write(GOOD.format(name="good"), "good.py")
    install(bad, good)
    found = plugins.find()
    (broken,) = found.broken
    assert str(bad) in broken.origin
    assert reason in broken.reason
    assert {"good", "kd_student"} <= set(found.methods)
    assert "x" not in found.methods
    with pytest.raises(WsbenchError, match=r"1 plugin problem\(s\), see `wsbench list`"):
        found.method("mine")


@pytest.mark.parametrize("by_variable", [True, False])
@pytest.mark.parametrize(("text", "reason"), FAULTS)
def test_a_fault_of_a_plugin_that_was_asked_for_is_an_error(
    write, monkeypatch: pytest.MonkeyPatch, text: str, reason: str, by_variable: bool
) -> None:
    bad = write(text, "bad.py")
    if by_variable:
        monkeypatch.setenv("WSBENCH_PLUGINS", str(bad))
    with pytest.raises(WsbenchError) as refusal:
        plugins.find([] if by_variable else [bad])
    message = str(refusal.value)
    assert message.startswith(f"plugin {bad}: ")
    assert reason in message
    assert message.endswith("; fix it, or leave it out of --plugin and WSBENCH_PLUGINS")


@pytest.mark.parametrize("name", ["none.py", "no_such_module"])
def test_a_plugin_that_does_not_exist_is_an_error(command, monkeypatch, name: str) -> None:
    line = refused(command("run", "-m", "two_lungs", "-d", "phantom", "--plugin", "none.py"))
    assert line.startswith("plugin none.py: no such file; fix it, or leave it out")
    monkeypatch.setenv("WSBENCH_PLUGINS", name)
    assert refused(command("list")).startswith(f"plugin {name}: ")


def test_a_broken_module_of_a_package_leaves_the_others(tmp_path: Path, monkeypatch) -> None:
    package = tmp_path / "lab_plugins"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "fine.py").write_text(GOOD.format(name="fine"))
    (package / "wrong.py").write_text("1 / 0")
    (package / "_private.py").write_text("raise RuntimeError('must not be imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with monkeypatch.context() as installed:
        installed.setattr(plugins, "entry_points", lambda group: [FakeEntry("lab", "lab_plugins")])
        found = plugins.find()
    assert "fine" in found.methods
    assert [broken.origin for broken in found.broken] == ["lab_plugins.wrong"]
    monkeypatch.setenv("WSBENCH_PLUGINS", "lab_plugins")
    with pytest.raises(WsbenchError, match=r"plugin lab_plugins.wrong: raised ZeroDivisionError"):
        plugins.find()


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(WsbenchError, match="unknown method 'kd_studnt'; did you mean 'kd_student'"):
        plugins.find().method("kd_studnt")
    with pytest.raises(WsbenchError, match="unknown dataset 'tbx11'; did you mean 'tbx11k'"):
        plugins.find().dataset("tbx11")


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
    found.notify("wsbench_epoch_ended", run=None, epoch=3, metrics={"loss": 0.5})
    (module,) = [plugin for name, plugin in found.manager.list_name_plugin() if name == str(tracker)]
    assert module.heard == [(3, {"loss": 0.5})]
    assert "failing.py: wsbench_epoch_ended raised OSError: full" in capsys.readouterr().err
