"""The rules of the house: who may import whom, what is public, what the README promises."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import wsbench
from wsbench.contract import hookspecs

ROOT = Path(__file__).parents[1]
HARNESS = sorted((ROOT / "harness" / "wsbench").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins" / "wsbench_plugins").rglob("*.py"))
HEAVY = ("torch", "torchvision", "lightning", "captum", "pandas", "numpy", "scipy", "sklearn", "cv2", "PIL")


def imports(path: Path) -> list[tuple[str, list[str]]]:
    """``(module, names)`` of every import of a file, wherever it stands in it."""
    found: list[tuple[str, list[str]]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, []) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(("." * node.level + (node.module or ""), [alias.name for alias in node.names]))
    return found


PUBLIC = {
    "wsbench": {*wsbench.__all__, "__version__"},
    **{f"wsbench.{name}": set(getattr(wsbench, name).__all__) for name in wsbench.NAMESPACES},
}
"""By module, the names that plugins may use."""


def public_uses(path: Path) -> set[tuple[str, str]]:
    """``(module, name)`` of every name of wsbench that a file uses, as ``wsbench.name`` or
    ``wsbench.torch.name``, or imports from there."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {f"wsbench.{name}" for name in wsbench.NAMESPACES}
    uses = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            module = ast.unparse(node.value)
            if module in inner or module == "wsbench":
                uses.add((module, node.attr))
    return uses | {(module, name) for module, names in imports(path) for name in names if module in PUBLIC}


@pytest.mark.parametrize("path", HARNESS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_harness_imports_no_plugin(path: Path) -> None:
    assert not [module for module, _ in imports(path) if module.startswith("wsbench_plugins")]


def test_the_harness_names_no_plugin() -> None:
    """Neither a method, nor a dataset or its kind, nor a tracker, nor a metric: but the two that the protocol
    ranks by, in one place, and objectives of calibration, one of which is named like its paper's metric."""
    from wsbench.contract import plugins, protocol
    from wsbench.scoring.objectives import OBJECTIVES

    found = plugins.find()
    names = {*found.methods, *found.datasets, *found.metrics, *found.kinds, *found.trackers} - set(OBJECTIVES)
    named = {}
    templates = ROOT / "harness" / "wsbench" / "cli" / "templates"  # of users' plugins
    for path in (path for path in HARNESS if not path.is_relative_to(templates)):
        strings = {
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        if strings & names:
            named[path.name] = strings & names
    assert named == {
        "protocol.py": {protocol.RANKED_BY, protocol.RANKED_WITHOUT_BOXES},
        "scoring.py": {"coco"},  # a format of predictions
        "figure_kinds.py": {"froc"},  # a figure: the curve that the metric of this name sums up
    }


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_plugins_import_public_names_only(path: Path) -> None:
    for module, _ in imports(path):
        assert not module.startswith("wsbench.") or module in PUBLIC, f"imports {module}"
    for module, name in public_uses(path):
        assert name in PUBLIC[module], f"{module}.{name} is not public"


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_plugin_imports_no_other_plugin(path: Path) -> None:
    parts = path.relative_to(ROOT / "plugins").parts
    own = ".".join(parts[:3]).removesuffix(".py")
    for module, _ in imports(path):
        assert not module.startswith("wsbench_plugins") or module.startswith(own), f"imports {module}"
        assert not module.startswith(".."), f"imports {module}"
        private = "._" in module.lstrip(".") and not module.startswith(own)
        assert not private, f"imports {module}, which is private to another package"


def test_every_public_name_exists_and_is_the_one_it_says() -> None:
    for module in (wsbench, *(getattr(wsbench, name) for name in wsbench.NAMESPACES)):
        for name in module.__all__:
            value = getattr(module, name)
            assert value is not None
            if hasattr(value, "__module__") and name != "hookimpl":
                assert value.__module__.startswith("wsbench."), name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        wsbench.nothing  # noqa: B018


def test_the_public_api_fits_in_a_head() -> None:
    """At most 35 names at the top, besides modules."""
    modules = {*wsbench.NAMESPACES, "errors", "settings", "testing", "types"}
    assert len(set(wsbench.__all__) - modules) <= 35
    for name in wsbench.__all__:
        assert isinstance(getattr(wsbench, name), ModuleType) == (name in modules), name


@pytest.mark.parametrize(
    ("old", "new"),
    [("train", "torch.train"), ("letterbox", "geometry.letterbox"), ("Run", "RunContext"),
     ("Scored", "metrics.Scored"), ("ORGANS", "images.ORGANS")],
)  # fmt: skip
def test_first_names_still_work_and_say_the_new_ones(old: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"wsbench\.{old} is now wsbench\.{new};"):
        value = getattr(wsbench, old)
    place, _, name = new.rpartition(".")
    assert value is getattr(getattr(wsbench, place) if place else wsbench, name)


def test_the_top_is_small() -> None:
    top = [path for path in (ROOT / "harness" / "wsbench").iterdir() if path.name != "__pycache__"]
    assert len([path for path in top if path.is_dir()]) <= 12
    assert len([path for path in top if path.is_file()]) <= 12


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter's judgement of the source under a folder."""
    paths = os.pathsep.join(str(folder / root) for root in ("harness", "plugins"))
    code = "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports())"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


def test_rooms_import_only_from_rooms_below_them(tmp_path: Path) -> None:
    """The contract of pyproject.toml holds, and an import that goes up breaks it."""
    for name in ("harness", "plugins"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    done = lint_imports(tmp_path)
    assert done.returncode == 0, done.stdout
    module = tmp_path / "harness" / "wsbench" / "scoring" / "priors.py"
    module.write_text(
        module.read_text().replace("\nimport numpy", "\nfrom wsbench.reports import rows\nimport numpy")
    )
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert "wsbench.scoring is not allowed to import wsbench.reports" in done.stdout


@pytest.mark.parametrize("command", [["--help"], ["list"], ["run", "--help"], ["describe", "kd_student"]])
def test_light_commands_import_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys\nfrom wsbench.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('HEAVY', *sorted({set(HEAVY)!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == "HEAVY"


def test_public_docstrings() -> None:
    """Every public function, class and method of both packages says what it is."""
    missing = []
    for path in [*HARNESS, *PLUGINS]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if not ast.get_docstring(tree):
            missing.append(f"{path.name}")
        missing += [f"{path.name}:{name}" for name in undocumented(tree.body, inherits=False)]
    assert missing == []


def undocumented(body: list[ast.stmt], *, inherits: bool) -> list[str]:
    """Names without a docstring; an overridden method inherits its base's."""
    names = []
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        function = isinstance(node, ast.FunctionDef)
        hook = function and node.name.startswith("wsbench_")
        overload = function and any(ast.unparse(mark) == "overload" for mark in node.decorator_list)
        if not ast.get_docstring(node) and not (inherits or hook or overload):
            names.append(node.name)
        if isinstance(node, ast.ClassDef):
            names += undocumented(node.body, inherits=bool(node.bases))
    return names


def test_no_file_is_larger_than_one_idea() -> None:
    for path in [*HARNESS, *PLUGINS]:
        lines = path.read_text(encoding="utf-8").count("\n")
        assert lines <= 320, f"{path.relative_to(ROOT)} has {lines} lines"


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_commands_and_options_in_the_readme_exist() -> None:
    from typer.main import get_command

    from wsbench.cli.commands import app

    root = get_command(app)
    blocks = "\n".join(re.findall(r"^```\w*\n(.*?)^```", readme(), flags=re.DOTALL | re.MULTILINE))
    lines = re.findall(r"^(?:.* && )?(?:\S*/)?wsbench ([a-z].*)$", blocks, flags=re.MULTILINE)
    assert len(lines) >= 5
    for line in lines:
        words = line.split("#")[0].split()
        command = root.commands[words[0]]
        if hasattr(command, "commands"):
            command = command.commands[words[1]]
        known = {
            option for parameter in command.params for option in parameter.opts + parameter.secondary_opts
        }
        for word in words:
            assert not word.startswith("-") or word.partition("=")[0] in known, f"{word} in: wsbench {line}"


def test_the_readmes_method_runs_in_twenty_lines(tmp_path: Path) -> None:
    from wsbench import testing
    from wsbench.contract import plugins

    (code,) = re.findall(r"```python[^\n]*\n(.*?)```", readme(), flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    (tmp_path / "brightest.py").write_text(code)
    found = plugins.find([tmp_path / "brightest.py"])
    assert found.broken == []
    testing.check_method(found.methods["brightest"], tmp_path / "runs")


def test_hooks_in_the_docs_exist() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("wsbench_")}
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        named = set(re.findall(r"\bwsbench_(?!plugins\b)[a-z_]+", text))
        assert named <= hooks, page
    documented = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    assert all(hook in documented for hook in hooks)


def test_ci_runs_the_readmes_test_command() -> None:
    commands = re.findall(r"```bash\n(.*?)```", readme(), flags=re.DOTALL)
    run, tests = (command.strip() for command in commands[:2])
    assert "--method kd_student --dataset phantom" in run
    for file in (".ci/run", ".github/workflows/ci.yml"):
        assert tests in (ROOT / file).read_text(encoding="utf-8"), f"{file} does not call: {tests}"
