"""Finds plugins in entry points, files and the modules of packages. A broken plugin does not hide the
others."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pluggy

from wsbench.contract import hookspecs
from wsbench.contract.containment import contained
from wsbench.contract.kinds import DatasetKindSpec
from wsbench.contract.specs import CommandSpec, DatasetSpec, MethodSpec, MetricSpec
from wsbench.contract.trackers import TrackerSpec
from wsbench.errors import WsbenchError, choose, printable, suggestion, words_of
from wsbench.files.user_files import expanded
from wsbench.utils.hashing import seed_from

GROUP = "wsbench"
VARIABLE = "WSBENCH_PLUGINS"

Spec = TypeVar("Spec", DatasetSpec, DatasetKindSpec, MethodSpec, MetricSpec, CommandSpec, TrackerSpec)


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin, or one of its specs, that cannot be used.

    Attributes:
        origin: the file or module.
        reason: why it cannot be used.
    """

    origin: str
    reason: str

    def __str__(self) -> str:
        return f"plugin {self.origin}: {self.reason}"


@dataclass
class Plugins:
    """The specs of all plugins.

    Attributes:
        datasets, kinds, methods, metrics, commands, trackers: specs by name.
        origins: the file or module that each spec comes from, by ``(kind, name)``.
        broken: plugins and specs that cannot be used.
        refused: why an entry of datasets.yaml is no dataset, by its name; "" stands for the whole file.
        manager: calls the hooks of the plugins.
    """

    datasets: dict[str, DatasetSpec] = field(default_factory=dict)
    kinds: dict[str, DatasetKindSpec] = field(default_factory=dict)
    methods: dict[str, MethodSpec] = field(default_factory=dict)
    metrics: dict[str, MetricSpec] = field(default_factory=dict)
    commands: dict[str, CommandSpec] = field(default_factory=dict)
    trackers: dict[str, TrackerSpec] = field(default_factory=dict)
    origins: dict[tuple[str, str], str] = field(default_factory=dict)
    broken: list[BrokenPlugin] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    manager: pluggy.PluginManager = field(default_factory=lambda: pluggy.PluginManager("wsbench"))

    def dataset(self, name: str) -> DatasetSpec:
        """The dataset of a name.

        Raises:
            WsbenchError: there is none, and the message suggests the nearest name; or its entry in
                datasets.yaml is wrong.
        """
        if name in self.refused:
            raise WsbenchError(self.refused[name])
        if name not in self.datasets and "" in self.refused:
            raise WsbenchError(self.refused[""])
        return self._choose(name, self.datasets, "dataset")

    def method(self, name: str) -> MethodSpec:
        """The method of a name.

        Raises:
            WsbenchError: there is none; the message suggests the nearest name.
        """
        return self._choose(name, self.methods, "method")

    def tracker(self, name: str) -> TrackerSpec:
        """The tracker of a name.

        Raises:
            WsbenchError: there is none; the message suggests the nearest name.
        """
        return self._choose(name, self.trackers, "tracker")

    def _choose(self, name: str, table: Mapping[str, Spec], kind: str) -> Spec:
        try:
            return choose(name, table, kind)
        except WsbenchError as error:
            hint = f"; {len(self.broken)} plugin problem(s), see `wsbench list`" if self.broken else ""
            raise WsbenchError(f"{error}{hint}") from None

    def without_trackers(self) -> Plugins:
        """The same specs, without plugins that are notified of runs."""
        return replace(self, manager=pluggy.PluginManager("wsbench"))

    def notify(self, event: str, **values: Any) -> None:
        """Notify every plugin of an event of a run. A plugin that raises is reported and does not stop the
        run.

        Args:
            event: name of the hook.
            values: its arguments.
        """
        everyone = self.manager.get_plugins()
        for name, plugin in self.manager.list_name_plugin():
            hook = self.manager.subset_hook_caller(event, everyone - {plugin})
            try:
                with contained(name, event):
                    hook(**values)
            except Exception as error:
                self.broken.append(BrokenPlugin(name, f"{event} raised {_words(error)}"))
                print(f"warning: {printable(str(self.broken[-1]))}", file=sys.stderr)


def find(files: Iterable[str | Path] = ()) -> Plugins:
    """Find all plugins: installed ones, those that ``WSBENCH_PLUGINS`` names, and files.

    Args:
        files: paths of further Python files.

    Raises:
        WsbenchError: a plugin that a file or the variable names cannot be used. An installed plugin that
            cannot be used is noted in `Plugins.broken` instead.
    """
    plugins = Plugins()
    plugins.manager.add_hookspecs(hookspecs)
    for origin, load in _installed():
        _load(plugins, origin, load)
    named = list(_named(files))
    required = {origin for origin, _ in named}
    for origin, load in named:
        required |= _load(plugins, origin, load)
    _collect(plugins, "wsbench_datasets", "dataset", plugins.datasets, DatasetSpec)
    _collect(plugins, "wsbench_dataset_kinds", "kind of dataset", plugins.kinds, DatasetKindSpec)
    _collect(plugins, "wsbench_methods", "method", plugins.methods, MethodSpec)
    _collect(plugins, "wsbench_metrics", "metric", plugins.metrics, MetricSpec)
    _collect(plugins, "wsbench_commands", "command", plugins.commands, CommandSpec)
    _collect(plugins, "wsbench_trackers", "tracker", plugins.trackers, TrackerSpec)
    faults = [broken for broken in plugins.broken if broken.origin in required]
    if faults:
        others = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise WsbenchError(f"{faults[0]}{others}; fix it, or leave it out of --plugin and {VARIABLE}")
    return plugins


def _load(plugins: Plugins, origin: str, load: Callable[[], ModuleType]) -> set[str]:
    """Register a module and the modules inside it, and return their origins."""
    try:
        with contained(f"plugin {origin}", "the import"):
            module = load()
    except Exception as error:
        reason = _words(error) if isinstance(error, WsbenchError) else f"raised {_words(error)} when imported"
        plugins.broken.append(BrokenPlugin(origin, reason))
        return {origin}
    modules = list(_modules(module, plugins))
    for inner in modules:
        _register(plugins, inner)
    broken_places = {
        broken.origin for broken in plugins.broken if broken.origin.startswith(f"{module.__name__}.")
    }
    return broken_places | {_origin(inner) for inner in modules}


def _installed() -> Iterator[tuple[str, Callable[[], ModuleType]]]:
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        yield f"{entry.name} ({entry.value})", entry.load


def _named(files: Iterable[str | Path]) -> Iterator[tuple[str, Callable[[], ModuleType]]]:
    named = [word for word in os.environ.get(VARIABLE, "").split(os.pathsep) if word]
    for word in [*named, *map(str, files)]:
        if word.endswith(".py"):
            yield word, partial(load_file, Path(word))
        else:
            yield word, partial(importlib.import_module, word)


def load_file(path: Path) -> ModuleType:
    """Import a Python file as a module of its own name.

    Raises:
        WsbenchError: there is no such file. Whatever the file raises is raised, too.
    """
    path = expanded(path).resolve()
    if not path.is_file():
        raise WsbenchError("no such file")
    name = f"wsbench_file_{path.stem}_{seed_from(str(path)):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _modules(module: ModuleType, plugins: Plugins) -> Iterator[ModuleType]:
    """A module and, for a package, all modules below it whose names do not begin with an underscore."""
    yield module
    for info in pkgutil.iter_modules(getattr(module, "__path__", ()), module.__name__ + "."):
        if info.name.rpartition(".")[2].startswith("_"):
            continue
        try:
            with contained(f"plugin {info.name}", "the import"):
                inner = importlib.import_module(info.name)
        except Exception as error:
            plugins.broken.append(BrokenPlugin(info.name, f"raised {_words(error)} when imported"))
            continue
        yield from _modules(inner, plugins)


def _register(plugins: Plugins, module: ModuleType) -> None:
    origin, manager = _origin(module), plugins.manager
    hooks = [name for name in vars(hookspecs) if name.startswith("wsbench_")]
    for name in hooks:
        if hasattr(module, name) and not hasattr(getattr(module, name), "wsbench_impl"):
            plugins.broken.append(BrokenPlugin(origin, f"{name} lacks the @wsbench.hookimpl mark"))
            return
    try:
        manager.register(module, origin)
    except Exception as error:  # it is registered already, or has parameters that the hook lacks
        plugins.broken.append(BrokenPlugin(origin, _words(error)))
        return
    for caller in manager.get_hookcallers(module) or ():
        if not caller.has_spec():
            plugins.broken.append(
                BrokenPlugin(origin, f"there is no hook {caller.name}; {suggestion(caller.name, hooks)}")
            )
            manager.unregister(module)
            return


def _collect(plugins: Plugins, hook: str, kind: str, table: dict[str, Spec], spec_type: type[Spec]) -> None:
    for implementation in getattr(plugins.manager.hook, hook).get_hookimpls():
        origin = implementation.plugin_name
        try:
            with contained(f"plugin {origin}", hook):
                specs = list(implementation.function())
        except Exception as error:
            plugins.broken.append(BrokenPlugin(origin, f"{hook} raised {_words(error)}"))
            continue
        for spec in specs:
            if not isinstance(spec, spec_type):
                reason = f"{hook} returned {spec!r}, which is no {spec_type.__name__}"
                plugins.broken.append(BrokenPlugin(origin, reason))
            elif spec.name in table:
                first = plugins.origins[kind, spec.name]
                reason = f"{kind} '{spec.name}' is already provided by {first}; rename one of them"
                plugins.broken.append(BrokenPlugin(origin, reason))
            else:
                table[spec.name] = spec
                plugins.origins[kind, spec.name] = origin


def _origin(module: Any) -> str:
    name = getattr(module, "__name__", str(module))
    return str(getattr(module, "__file__", name)) if name.startswith("wsbench_file_") else name


def _words(error: Exception) -> str:
    if isinstance(error, pluggy.PluginValidationError):  # the other lines repeat the module
        return words_of(str(error).splitlines()[-1])
    text = words_of(error)
    return f"{type(error).__name__}: {text}" if not isinstance(error, WsbenchError) else text
