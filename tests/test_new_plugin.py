"""`wsbench new`: what it writes passes `check-plugin` and its own tests, and names are checked."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import refused
from test_rules import PUBLIC, imports, public_uses
from wsbench.cli.new_plugin import KINDS
from wsbench.contract.plugins import find
from wsbench.settings import fill


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_new_plugin_passes_the_contract_at_once(kind: str, command) -> None:
    code, out, err = command("new", kind, "lung_marker")
    assert (code, err) == (0, "")
    assert out.splitlines()[:3] == ["wrote lung_marker.py", "next:", "  wsbench check-plugin lung_marker"]
    code, out, err = command("check-plugin", "lung_marker")
    assert (code, err) == (0, "")
    assert f"{kind} lung_marker (lung_marker.py)" in out
    assert [path.name for path in Path().iterdir() if path.name != "__pycache__"] == ["lung_marker.py"]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_new_plugin_uses_public_names_and_is_documented(kind: str, command) -> None:
    command("new", kind, "lung_marker")
    path = Path("lung_marker.py")
    for module, _ in imports(path):
        assert not module.startswith("wsbench.") or module in PUBLIC
    for module, name in public_uses(path):
        assert name in PUBLIC[module], f"{module}.{name}"
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        is_public = isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
        if is_public and not node.name.startswith(("wsbench_", "block", "loader")):
            assert ast.get_docstring(node), node.name
    text = path.read_text()
    assert "REPLACE" in text and "my_plugin" not in text and "MyPlugin" not in text


def test_a_new_method_trains_and_is_scored(command) -> None:
    """As `wsbench new` says under "next"."""
    _, out, _ = command("new", "method", "lung_marker")
    line = out.splitlines()[-1].split()
    assert line == ["wsbench", "--plugin", "lung_marker.py", "run", "-m", "lung_marker", "-d", "phantom"]
    words = [*line[3:], "--plugin", "lung_marker.py", "-D", "images=80", "--no-references"]
    code, out, err = command(*words, "-o", "epochs=1", "-o", "size=32")
    assert code == 0
    assert "lung_marker" in out
    plan = err.splitlines().index("plan: 1 run on phantom, 0 finished, 1 to do")
    assert err.splitlines()[plan + 1] == "  lung_marker seed 0: fit, predict, score, measure"
    assert re.search(
        r"^training lung_marker: epoch 1/1 loss 0\.\d{3}, \d+ images in \d+ s$", err, re.MULTILINE
    )


def test_words_of_the_template_can_be_names(command) -> None:
    """A class that is called as one that the template imports would hide it."""
    for name in ("field", "sequence", "torch_", "np", "any"):
        code, _, err = command("new", "method", name)
        assert code == 0 or refused((code, "", err)), name
    for name in ("field", "sequence"):
        spec = find([f"{name}.py"]).methods[name]
        method = spec.build(fill(spec.settings, {}, name), ("tb",))
        assert (type(method).__name__, method.settings.size) == (f"{name.capitalize()}Method", 128)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["metod", "mine"], "unknown kind of plugin 'metod'; did you mean 'method'?"),
        (["method", "kd_student"], "there is a plugin 'kd_student' already; choose another name"),
        (["metric", "phantom"], "there is a plugin 'phantom' already; choose another name"),
        (["command", "run"], "`wsbench run` is wsbench's own command; choose another name"),
        (["method", "../mine"], "'../mine' cannot name a plugin; write letters, digits and underscores"),
        (["method", "my-method"], "'my-method' cannot name a plugin"),
        (["method", "class"], "'class' cannot name a plugin"),
        (["method", "_hidden"], "'_hidden' cannot name a plugin"),
        (["method", "m\x1b[2J"], r"'m\x1b[2J' cannot name a plugin"),
        (["method", "m" * 200], "a name has at most 60 characters"),
        (["method", "numpy"], "'numpy' is the name of a Python module"),
        (["method", "there"], "there.py exists; choose another name, or another folder with --out"),
        (["method", "there_too", "--package"], "there_too exists; choose another name"),
        (["method", "mine", "--out", "there.py"], "there.py"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(words: list[str], line: str, command) -> None:
    Path("there.py").write_text("mine")
    Path("there_too").mkdir()
    assert line in refused(command("new", *words))
    assert sorted(path.name for path in Path().iterdir()) == ["there.py", "there_too"]
    assert Path("there.py").read_text() == "mine"


def test_it_writes_into_another_folder(command) -> None:
    code, out, _ = command("new", "metric", "mine", "--out", "a/b")
    assert code == 0
    assert out.splitlines()[2] == "  wsbench check-plugin a/b/mine.py"
    assert command("check-plugin", "a/b/mine.py")[0] == 0


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project, and beside it in ``site`` its installed package."""
    folder = tmp_path_factory.mktemp("project")
    python("-m", "wsbench", "new", "method", "lung_marker", "--package", folder=folder)
    pip = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", "site")
    python(*pip, "./lung_marker", folder=folder)
    return folder


def python(*words: str, folder: Path, path: str = "") -> str:
    """The output of a Python command in another process, with a folder of modules beside the usual ones."""
    paths = [word for word in (path, os.environ.get("PYTHONPATH", "")) if word]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_project_has_all_that_it_needs(project: Path) -> None:
    root = project / "lung_marker"
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    files = {name for name in files if not name.startswith(("build/", "src/lung_marker.egg-info/"))}
    assert files == {
        ".github/workflows/ci.yml", ".gitignore", "README.md", "pyproject.toml",
        "src/lung_marker/__init__.py", "tests/test_lung_marker.py",
    }  # fmt: skip
    for name in files:
        text = (root / name).read_text()
        assert not any(word in text for word in ("my_plugin", "MyPlugin", "my_kind", "my_command")), name
    workflow = yaml.safe_load((root / ".github/workflows/ci.yml").read_text())
    steps = [step.get("run") for step in workflow["jobs"]["test"]["steps"]]
    assert {"pytest", "wsbench check-plugin lung_marker"} <= set(steps)


def test_an_installed_project_is_found_by_its_entry_point_and_passes(project: Path) -> None:
    site = str(project / "site")
    assert "lung_marker" in python("-m", "wsbench", "list", folder=project, path=site)
    words = ("check-plugin", "lung_marker", "-o", "epochs=1", "-o", "size=32")
    out = python("-m", "wsbench", *words, folder=project / "site", path=site)
    assert out.startswith("method lung_marker (lung_marker)\n")
    assert "FAIL" not in out


def test_a_project_passes_its_own_tests(project: Path) -> None:
    out = python("-m", "pytest", "-q", "-p", "no:cacheprovider", folder=project / "lung_marker")
    assert "1 passed" in out


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"method"}))
def test_a_project_of_every_kind_passes_its_own_tests(kind: str, command, tmp_path: Path) -> None:
    """In this process: a start of Python costs more than the tests."""
    assert command("new", kind, f"lung_{kind}", "--package")[0] == 0
    sys.path.insert(0, f"lung_{kind}/src")
    names: dict[str, object] = {}
    try:
        exec(Path(f"lung_{kind}/tests/test_lung_{kind}.py").read_text(), names)
        test = names["test_contract"]
        test(tmp_path) if kind == "dataset" else test()
    finally:
        sys.path.remove(f"lung_{kind}/src")
        del sys.modules[f"lung_{kind}"]
