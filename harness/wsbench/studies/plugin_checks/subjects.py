"""The plugins that a word names, and all checks of each: of a file, of an installed plugin, of one name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from wsbench.contract import hookspecs
from wsbench.contract.base import Source
from wsbench.contract.plugins import GROUP, Plugins, find, load_file
from wsbench.data import catalog
from wsbench.data.cache import cache_folder
from wsbench.data.dataset import load
from wsbench.data.kinds import with_own_datasets
from wsbench.errors import WsbenchError, suggestion
from wsbench.files.user_files import expanded
from wsbench.settings import fill
from wsbench.studies.plugin_checks.base import Check, require
from wsbench.studies.plugin_checks.commands import command_checks
from wsbench.studies.plugin_checks.datasets import dataset_checks
from wsbench.studies.plugin_checks.kinds import kind_checks, settings_check, summary_check
from wsbench.studies.plugin_checks.methods import class_check, method_checks
from wsbench.studies.plugin_checks.metrics import metric_checks
from wsbench.utils.progress import Silent

HEAVY = ("torch", "torchvision", "lightning", "captum", "timm", "pandas", "scipy", "sklearn", "skimage",
         "matplotlib", "cv2")  # fmt: skip
"""Libraries that take long to import. A plugin imports them in the functions that use them."""

SUFFIX = ".py"


@dataclass(frozen=True)
class Trial:
    """What plugins are checked with.

    Attributes:
        folder: an empty folder to work in.
        options: settings of methods, by name.
        data_options: settings of datasets, by name.
        root: the folder of a dataset that is read from files.
    """

    folder: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    data_options: Mapping[str, Any] = field(default_factory=dict)
    root: Path | None = None


@dataclass(frozen=True)
class Subject:
    """A plugin that is checked.

    Attributes:
        kind: what it is, such as ``method``.
        name: its name.
        origin: its file or module.
        checks: called with a `Trial`, returns its checks.
    """

    kind: str
    name: str
    origin: str
    checks: Callable[[Trial], Sequence[Check]]


def file_of(word: str, files: Iterable[Path] = ()) -> Path | None:
    """The file that a word names: its path, or the name of a plugin's file in the working directory where
    no plugin that was found has this name. None if it names a plugin that was found.

    Args:
        word: what the user typed.
        files: further files with plugins.

    Raises:
        WsbenchError: no such file, or neither a plugin nor a file of this name; the message suggests the
            nearest one.
    """
    path = expanded(word)
    if word.endswith(SUFFIX) or path.is_file():
        if not path.is_file():
            others = sorted(file.name for file in path.parent.glob(f"*{SUFFIX}"))
            hint = suggestion(path.name, others) if others else "name a Python file"
            raise WsbenchError(f"no such file {word}; {hint}")
        return path
    names = _names(with_own_datasets(find(files)))
    if word in names:
        return None
    beside = Path(f"{word}{SUFFIX}")
    if "/" not in word and beside.is_file():
        return beside
    if path.is_dir():
        raise WsbenchError(f"{word} is a folder; install its package and name its plugin, or name its file")
    here = {file.stem for file in Path().glob(f"*{SUFFIX}")}
    raise WsbenchError(f"unknown plugin '{word}'; {suggestion(word, names | here)}")


def subjects_of_file(path: Path, files: Iterable[Path] = ()) -> list[Subject]:
    """Everything that a file adds. A file that cannot be imported adds nothing but the check that says so.

    Args:
        path: the file.
        files: further files with plugins, on which it may build.
    """
    origin = str(path.resolve())
    before = find(files)
    registered = {name for name, _ in before.manager.list_name_plugin()}
    light = {name for name in HEAVY if name not in sys.modules}
    plugins, fault = before, ""
    try:
        plugins = with_own_datasets(before if origin in registered else find([*files, path]))
    except WsbenchError as error:
        fault = str(error)
    imported = [name for name in HEAVY if name in light and name in sys.modules]

    def check_import() -> None:
        if fault:
            load_file(path)  # raises what the plugin raised, which says more
        require(not fault, fault)

    def check_weight() -> None:
        require(
            not imported,
            f"importing {path.name} imports {', '.join(imported)}, which takes long; import them in the "
            "functions that use them",
        )

    def check_content() -> None:
        modules = [module for name, module in plugins.manager.list_name_plugin() if name == origin]
        hooks = [name for name in vars(hookspecs) if name.startswith("wsbench_")]
        require(
            any(hasattr(module, name) for module in modules for name in hooks),
            f"{path.name} adds nothing; mark a function such as wsbench_methods with @wsbench.hookimpl",
        )

    checks = [
        Check("it can be imported, and wsbench knows its hooks", check_import),
        Check("its import loads no heavy library", check_weight),
        Check("it adds a plugin, or is told of runs", check_content),
    ]
    added = _subjects(plugins, lambda kind, name: plugins.origins.get((kind, name)) == origin)
    here = [replace(subject, origin=str(path)) for subject in added]
    return [Subject("file", path.name, str(path), lambda trial: checks), *here]


def subjects_named(word: str, files: Iterable[Path] = ()) -> list[Subject]:
    """The plugins of a name: those of all kinds, and everything that an installed plugin of this name adds.

    Args:
        word: the name of a plugin, or of an entry point.
        files: further files with plugins.
    """
    plugins = with_own_datasets(find(files))
    modules = [entry.value.partition(":")[0] for entry in entry_points(group=GROUP) if entry.name == word]

    def chosen(kind: str, name: str) -> bool:
        origin = plugins.origins.get((kind, name), "")
        return name == word or any(f"{origin}.".startswith(f"{module}.") for module in modules)

    return _subjects(plugins, chosen)


def _names(plugins: Plugins) -> set[str]:
    tables = (plugins.methods, plugins.datasets, plugins.kinds, plugins.metrics, plugins.commands)
    installed = {entry.name for entry in entry_points(group=GROUP)}
    return {name for table in tables for name in table} | installed


def _subjects(plugins: Plugins, chosen: Callable[[str, str], bool]) -> list[Subject]:
    tables: Mapping[str, tuple[Mapping[str, Any], Callable[[Plugins, Any, Trial], list[Check]]]] = {
        "method": (plugins.methods, _of_method),
        "dataset": (plugins.datasets, _of_dataset),
        "kind of dataset": (plugins.kinds, _of_kind),
        "metric": (plugins.metrics, _of_metric),
        "command": (plugins.commands, _of_command),
    }
    subjects = []
    for kind, (table, checks_of) in tables.items():
        for name, spec in table.items():
            if chosen(kind, name):
                origin = plugins.origins.get((kind, name), "datasets.yaml")
                subjects.append(Subject(kind, name, origin, _bound(checks_of, plugins, spec)))
    return subjects


def _bound(
    checks_of: Callable[[Plugins, Any, Trial], list[Check]], plugins: Plugins, spec: Any
) -> Callable[[Trial], list[Check]]:
    return lambda trial: [summary_check(spec.summary), *checks_of(plugins, spec, trial)]


def _of_method(plugins: Plugins, spec: Any, trial: Trial) -> list[Check]:
    folder = trial.folder / f"method-{spec.name}"
    quiet = plugins.without_trackers()
    checks = method_checks(spec, folder, quiet, trial.options)
    of_classes = class_check(spec, folder / "two", quiet, trial.options)
    return [settings_check(spec.settings, spec.name), *checks, of_classes]


def _of_dataset(plugins: Plugins, spec: Any, trial: Trial) -> list[Check]:
    entry = catalog.read_entries().get(spec.name, catalog.Entry())
    settings = fill(spec.settings, trial.data_options, spec.name)
    root = None if spec.computed else catalog.root_of(spec.name, entry, trial.root)
    source = Source(root, cache_folder() / spec.name, Silent())

    def check_roles() -> None:
        _ = load(spec, settings, entry, Silent(), root=root).roles

    roles = Check("each of the four roles gets images", check_roles)
    return [settings_check(spec.settings, spec.name), *dataset_checks(spec, settings, source), roles]


def _of_kind(plugins: Plugins, spec: Any, trial: Trial) -> list[Check]:
    folder = trial.folder / f"kind-{spec.name}"
    folder.mkdir(parents=True, exist_ok=True)
    return [settings_check(spec.settings, spec.name, defaults=False), *kind_checks(spec, folder)]


def _of_metric(plugins: Plugins, spec: Any, trial: Trial) -> list[Check]:
    return metric_checks(spec)


def _of_command(plugins: Plugins, spec: Any, trial: Trial) -> list[Check]:
    return command_checks(spec)
