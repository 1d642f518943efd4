"""Finds plugins: entry points, files and the modules of a package; a broken one never hides the others."""

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
from wsbench.errors import WsbenchError, choose, printable, suggestion, words_of
from wsbench.files.user_files import expanded
from wsbench.utils.hashing import seed_from

GROUP = "wsbench"
VARIABLE = "WSBENCH_PLUGINS"

Spec = TypeVar("Spec", DatasetSpec, DatasetKindSpec, MethodSpec, MetricSpec, CommandSpec)


@dataclass(frozen=True)
class Broken:
    """A plugin, or one thing in it, that could not be used: where it is and why."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"plugin {self.place}: {self.reason}"


@dataclass
class Plugins:
    """Everything that was found.

    Attributes:
        datasets, kinds, methods, metrics, commands: specs by name.
        places: where each spec comes from, by ``(kind, name)``.
        broken: what could not be used.
        refused: why an entry of datasets.yaml is no dataset, by its name; "" stands for the whole file.
    """

    datasets: dict[str, DatasetSpec] = field(default_factory=dict)
    kinds: dict[str, DatasetKindSpec] = field(default_factory=dict)
    methods: dict[str, MethodSpec] = field(default_factory=dict)
    metrics: dict[str, MetricSpec] = field(default_factory=dict)
    commands: dict[str, CommandSpec] = field(default_factory=dict)
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    manager: pluggy.PluginManager = field(default_factory=lambda: pluggy.PluginManager("wsbench"))

    def dataset(self, name: str) -> DatasetSpec:
        """The dataset of that name, or an error that names the nearest, or what is wrong with its entry."""
        if name in self.refused:
            raise WsbenchError(self.refused[name])
        if name not in self.datasets and "" in self.refused:
            raise WsbenchError(self.refused[""])
        return self._choose(name, self.datasets, "dataset")

    def method(self, name: str) -> MethodSpec:
        """The method of that name, or an error that names the nearest."""
        return self._choose(name, self.methods, "method")

    def _choose(self, name: str, table: Mapping[str, Spec], kind: str) -> Spec:
        try:
            return choose(name, table, kind)
        except WsbenchError as error:
            hint = f"; {len(self.broken)} plugin problem(s), see `wsbench list`" if self.broken else ""
            raise WsbenchError(f"{error}{hint}") from None

    def without_trackers(self) -> Plugins:
        """The same specs, and nobody who is told of a run."""
        return replace(self, manager=pluggy.PluginManager("wsbench"))

    def tell(self, event: str, **values: Any) -> None:
        """Call a run event on every plugin; one that raises is noted and does not stop the run."""
        everyone = self.manager.get_plugins()
        for name, plugin in self.manager.list_name_plugin():
            hook = self.manager.subset_hook_caller(event, everyone - {plugin})
            try:
                with contained(name, event):
                    hook(**values)
            except Exception as error:
                self.broken.append(Broken(name, f"{event} raised {_words(error)}"))
                print(f"warning: {printable(str(self.broken[-1]))}", file=sys.stderr)


def find(files: Iterable[str | Path] = ()) -> Plugins:
    """All plugins: the installed ones, those named by ``WSBENCH_PLUGINS``, and ``files``.

    Args:
        files: paths of Python files.

    Raises:
        WsbenchError: one that was named, by a file or the variable, cannot be used as it is. An installed one
            is noted in `Plugins.broken`, and takes nothing else down.
    """
    plugins = Plugins()
    plugins.manager.add_hookspecs(hookspecs)
    for place, load in _installed():
        _load(plugins, place, load)
    named = list(_named(files))
    asked = {place for place, _ in named}
    for place, load in named:
        asked |= _load(plugins, place, load)
    _collect(plugins, "wsbench_datasets", "dataset", plugins.datasets, DatasetSpec)
    _collect(plugins, "wsbench_dataset_kinds", "kind of dataset", plugins.kinds, DatasetKindSpec)
    _collect(plugins, "wsbench_methods", "method", plugins.methods, MethodSpec)
    _collect(plugins, "wsbench_metrics", "metric", plugins.metrics, MetricSpec)
    _collect(plugins, "wsbench_commands", "command", plugins.commands, CommandSpec)
    faults = [broken for broken in plugins.broken if broken.place in asked]
    if faults:
        others = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise WsbenchError(f"{faults[0]}{others}; fix it, or leave it out of --plugin and {VARIABLE}")
    return plugins


def _load(plugins: Plugins, place: str, load: Callable[[], ModuleType]) -> set[str]:
    """Register a module and those inside it; gives their places."""
    try:
        with contained(f"plugin {place}", "the import"):
            module = load()
    except Exception as error:
        reason = _words(error) if isinstance(error, WsbenchError) else f"raised {_words(error)} when imported"
        plugins.broken.append(Broken(place, reason))
        return {place}
    parts = list(_modules(module, plugins))
    for part in parts:
        _register(plugins, part)
    broken_places = {
        broken.place for broken in plugins.broken if broken.place.startswith(f"{module.__name__}.")
    }
    return broken_places | {_place(part) for part in parts}


def _installed() -> Iterator[tuple[str, Callable[[], ModuleType]]]:
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        yield f"{entry.name} ({entry.value})", entry.load


def _named(files: Iterable[str | Path]) -> Iterator[tuple[str, Callable[[], ModuleType]]]:
    named = [word for word in os.environ.get(VARIABLE, "").split(os.pathsep) if word]
    for word in [*named, *map(str, files)]:
        if word.endswith(".py"):
            yield word, partial(_load_file, Path(word))
        else:
            yield word, partial(importlib.import_module, word)


def _load_file(path: Path) -> ModuleType:
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
    """The module itself and, for a package, every module below it whose name has no leading underscore."""
    yield module
    for info in pkgutil.iter_modules(getattr(module, "__path__", ()), module.__name__ + "."):
        if info.name.rpartition(".")[2].startswith("_"):
            continue
        try:
            with contained(f"plugin {info.name}", "the import"):
                inner = importlib.import_module(info.name)
        except Exception as error:
            plugins.broken.append(Broken(info.name, f"raised {_words(error)} when imported"))
            continue
        yield from _modules(inner, plugins)


def _register(plugins: Plugins, module: ModuleType) -> None:
    place, manager = _place(module), plugins.manager
    hooks = [name for name in vars(hookspecs) if name.startswith("wsbench_")]
    for name in hooks:
        if hasattr(module, name) and not hasattr(getattr(module, name), "wsbench_impl"):
            plugins.broken.append(Broken(place, f"{name} lacks the @wsbench.hookimpl mark"))
            return
    try:
        manager.register(module, place)
    except Exception as error:  # a second registration, or parameters that the hook does not have
        plugins.broken.append(Broken(place, _words(error)))
        return
    for caller in manager.get_hookcallers(module) or ():
        if not caller.has_spec():
            plugins.broken.append(
                Broken(place, f"there is no hook {caller.name}; {suggestion(caller.name, hooks)}")
            )
            manager.unregister(module)
            return


def _collect(plugins: Plugins, hook: str, kind: str, table: dict[str, Spec], spec_type: type[Spec]) -> None:
    for implementation in getattr(plugins.manager.hook, hook).get_hookimpls():
        place = implementation.plugin_name
        try:
            with contained(f"plugin {place}", hook):
                specs = list(implementation.function())
        except Exception as error:
            plugins.broken.append(Broken(place, f"{hook} raised {_words(error)}"))
            continue
        for spec in specs:
            if not isinstance(spec, spec_type):
                plugins.broken.append(Broken(place, f"{hook} returned {spec!r}, no {spec_type.__name__}"))
            elif spec.name in table:
                first = plugins.places[kind, spec.name]
                plugins.broken.append(
                    Broken(place, f"{kind} '{spec.name}' is already provided by {first}; rename one of them")
                )
            else:
                table[spec.name] = spec
                plugins.places[kind, spec.name] = place


def _place(module: Any) -> str:
    name = getattr(module, "__name__", str(module))
    return str(getattr(module, "__file__", name)) if name.startswith("wsbench_file_") else name


def _words(error: Exception) -> str:
    if isinstance(error, pluggy.PluginValidationError):  # the lines above name what a user has just typed
        return words_of(str(error).splitlines()[-1])
    text = words_of(error)
    return f"{type(error).__name__}: {text}" if not isinstance(error, WsbenchError) else text
