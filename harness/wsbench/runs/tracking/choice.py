"""The words that choose trackers: ``NAME`` or ``NAME:SETTING=VALUE,SETTING=VALUE``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from wsbench.contract.plugins import Plugins
from wsbench.contract.trackers import TrackerSpec
from wsbench.errors import WsbenchError
from wsbench.settings import Settings, fill, parse_options
from wsbench.utils.hashing import key_of
from wsbench.utils.words import named_options


@dataclass(frozen=True)
class ChosenTracker:
    """A tracker that a user chose.

    Attributes:
        spec: the tracker.
        settings: its settings.
        origin: the file or module of its plugin.
    """

    spec: TrackerSpec
    settings: Settings
    origin: str

    @property
    def key(self) -> str:
        """A hash of the settings. What a tracker was told under other settings, it was told elsewhere."""
        return key_of(self.settings.model_dump(mode="json"))


def parse_trackers(words: Iterable[str], plugins: Plugins) -> list[ChosenTracker]:
    """Read the names of trackers and their settings, as in ``mlflow:uri=sqlite:///x.db,tensorboard``.

    Raises:
        WsbenchError: as `choose_trackers`, or a setting stands before any tracker.
    """
    named = named_options(words, "--track '{word}': name trackers, as in csv or mlflow:experiment=lungs")
    for name, _ in named:
        if [other for other, _ in named].count(name) > 1:
            raise WsbenchError(f"tracker '{name}' is named twice; name it once")
    return choose_trackers({name: parse_options(options) for name, options in named}, plugins)


def choose_trackers(named: Mapping[str, Mapping[str, Any]], plugins: Plugins) -> list[ChosenTracker]:
    """Choose trackers, and check that they could be opened.

    Args:
        named: settings by the names of trackers.
        plugins: all plugins.

    Raises:
        WsbenchError: a tracker or a setting is unknown, a value is not valid, or a package is missing.
    """
    chosen = []
    for name, values in named.items():
        spec = plugins.tracker(name)
        settings = fill(spec.settings, values, name)
        _require_packages(spec)
        chosen.append(ChosenTracker(spec, settings, plugins.origins["tracker", name]))
    return chosen


def _require_packages(spec: TrackerSpec) -> None:
    missing = [package for package in spec.packages if find_spec(package) is None]
    if missing:
        way_out = f"; install it: {spec.install}" if spec.install else "; install it"
        raise WsbenchError(f"tracker '{spec.name}' needs the package {', '.join(missing)}{way_out}")
