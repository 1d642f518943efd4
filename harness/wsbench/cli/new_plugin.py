"""``wsbench new``: a plugin that works, to change into your own."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsbench.cli import options
from wsbench.errors import WsbenchError, choose, printable

if TYPE_CHECKING:
    from wsbench.contract.plugins import Plugins

KINDS: Mapping[str, str] = {
    "method": "wsbench run -m my_plugin -d phantom",
    "dataset": "wsbench data check my_plugin",
    "metric": "wsbench describe my_plugin",
    "command": "wsbench my_plugin --help",
}
"""The kinds of plugin, each with a command that uses one."""

NAME, CLASS, KIND, COMMAND = "my_plugin", "MyPlugin", "my_kind", "my_command"
"""The words of the templates that are replaced."""

MAX_NAME_CHARACTERS = 60

PACKAGE_FILES: Mapping[str, str] = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "ci.yml": ".github/workflows/ci.yml",
}
"""Templates of a project, with the places of the files in it."""


def new(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="method, dataset, metric or command.",
            autocompletion=lambda incomplete: [kind for kind in KINDS if kind.startswith(incomplete)],
        ),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the plugin, as Python names things.")],
    package: Annotated[
        bool,
        typer.Option("--package", help="Make a project that others can install, with tests and CI."),
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path(),
    plugin: options.PluginFiles = None,
) -> None:
    """Write a plugin that works, to change into your own.

    It is a Python file, or with --package a folder. `wsbench check-plugin NAME` checks it.
    """
    from wsbench.files.writing import write_text
    from wsbench.utils.system_errors import try_folder

    choose(kind, KINDS, "kind of plugin")
    _require_name(kind, name, options.find_plugins(plugin))
    try_folder(out)
    target = out / (name if package else f"{name}.py")
    if target.exists():
        raise WsbenchError(f"{target} exists; choose another name, or another folder with --out")
    texts = _package(kind, name) if package else {f"{name}.py": _plugin_text(kind, name)}
    folder = target if package else out
    for place, text in texts.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        write_text(folder / place, text)
    print(printable(f"wrote {target}"))
    for place in texts if package else ():
        print(printable(f"  {place}"))
    print("next:")
    for line in _next_lines(kind, name, target, package=package):
        print(printable(f"  {line}"))


def _next_lines(kind: str, name: str, target: Path, *, package: bool) -> list[str]:
    used = KINDS[kind].replace(NAME, name)
    if package:
        return [f"pip install -e '{target}[test]'", f"wsbench check-plugin {name}", used]
    by_file = used.replace("wsbench ", f"wsbench --plugin {target} ", 1)
    checked = name if target.parent == Path() else target
    return [f"wsbench check-plugin {checked}", by_file]


def _require_name(kind: str, name: str, plugins: Plugins) -> None:
    """Raise WsbenchError if a plugin cannot have a name."""
    shown = printable(name[:MAX_NAME_CHARACTERS])
    if len(name) > MAX_NAME_CHARACTERS:
        raise WsbenchError(f"'{shown}...': a name has at most {MAX_NAME_CHARACTERS} characters")
    if not re.fullmatch(r"[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?", name) or keyword.iskeyword(name):
        raise WsbenchError(
            f"'{shown}' cannot name a plugin; write letters, digits and underscores, such as my_{kind}"
        )
    for table in (plugins.methods, plugins.datasets, plugins.kinds, plugins.metrics, plugins.commands):
        if name in table:
            raise WsbenchError(f"there is a plugin '{name}' already; choose another name")
    if kind == "command" and name in options.built_in_commands():
        raise WsbenchError(f"`wsbench {name}` is wsbench's own command; choose another name")
    if _is_module(name):
        raise WsbenchError(
            f"'{name}' is the name of a Python module, which the plugin would hide; choose another"
        )


def _is_module(name: str) -> bool:
    """Whether Python knows a module of this name, other than a file in the working directory."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return True
    return spec is not None and spec.origin != str(Path(f"{name}.py").resolve())


def _plugin_text(kind: str, name: str) -> str:
    text = _template(f"{kind}.py")
    class_name = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    if re.search(rf"\b{class_name}(Settings)?\b", text):  # the template uses it for something else
        class_name = f"{class_name}{kind.capitalize()}"
    return text.replace(CLASS, class_name).replace(NAME, name)


def _package(kind: str, name: str) -> dict[str, str]:
    """The files of a project, by their places in it."""
    words = {COMMAND: KINDS[kind].replace(NAME, name), KIND: kind, NAME: name}
    texts = {}
    for template, place in PACKAGE_FILES.items():
        text = _template(f"package/{template}")
        for word, instead in words.items():
            text = text.replace(word, instead)
        texts[place] = text
    # The plugin is the package's own file: then a change in any file of the package has its methods trained
    # again, as it should.
    texts[f"src/{name}/__init__.py"] = _plugin_text(kind, name)
    texts[f"tests/test_{name}.py"] = _template(f"package/test_{kind}.py").replace(NAME, name)
    return texts


def _template(path: str) -> str:
    return files("wsbench.cli").joinpath("templates", *path.split("/")).read_text(encoding="utf-8")
