"""The rules of the house: who may import whom, what is public, what the README promises."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

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


def uses_of(path: Path, name: str) -> set[str]:
    """The attributes of module ``name`` that a file uses."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    }


@pytest.mark.parametrize("path", HARNESS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_harness_imports_no_plugin(path: Path) -> None:
    assert not [module for module, _ in imports(path) if module.startswith("wsbench_plugins")]


def test_the_harness_names_no_plugin() -> None:
    """Neither a method, nor a dataset, nor a metric: but the two that the protocol ranks by, in one place,
    and objectives of calibration, one of which is named as the metric of its paper."""
    from wsbench.contract import plugins, protocol
    from wsbench.scoring.objectives import OBJECTIVES

    found = plugins.find()
    names = {*found.methods, *found.datasets, *found.metrics} - set(OBJECTIVES)
    named = {}
    for path in HARNESS:
        strings = {
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        if strings & names:
            named[path.name] = strings & names
    assert named == {"protocol.py": {protocol.RANKED_BY, protocol.RANKED_WITHOUT_BOXES}}


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_plugins_import_public_names_only(path: Path) -> None:
    for module, names in imports(path):
        assert not module.startswith("wsbench."), f"imports {module}"
        if module == "wsbench":
            assert set(names) <= set(wsbench.__all__)
    assert uses_of(path, "wsbench") <= set(wsbench.__all__)


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_plugin_imports_no_other_plugin(path: Path) -> None:
    parts = path.relative_to(ROOT / "plugins").parts
    own = ".".join(parts[:3]).removesuffix(".py")
    for module, _ in imports(path):
        assert not module.startswith("wsbench_plugins") or module.startswith(own), f"imports {module}"
        assert not module.startswith(".."), f"imports {module}"


def test_every_public_name_exists_and_is_the_one_it_says() -> None:
    for name in wsbench.__all__:
        value = getattr(wsbench, name)
        assert value is not None
        if hasattr(value, "__module__") and name != "hookimpl":
            assert value.__module__.startswith("wsbench."), name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        wsbench.nothing  # noqa: B018


def test_type_checkers_see_the_same_public_names() -> None:
    (block,) = [
        node
        for node in ast.parse(Path(wsbench.__file__).read_text(encoding="utf-8")).body
        if isinstance(node, ast.If)
    ]
    seen = {
        (alias.name, node.module.removeprefix("wsbench."))
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == set(wsbench._HOME.items())


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
        hook = isinstance(node, ast.FunctionDef) and node.name.startswith("wsbench_")
        if not ast.get_docstring(node) and not inherits and not hook:
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

    (code,) = re.findall(r"```python\n(.*?)```", readme(), flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    (tmp_path / "brightest.py").write_text(code)
    found = plugins.find([tmp_path / "brightest.py"])
    assert found.broken == []
    testing.check_method(found.methods["brightest"], tmp_path / "runs")


def test_hooks_in_the_docs_exist() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("wsbench_")}
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
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
