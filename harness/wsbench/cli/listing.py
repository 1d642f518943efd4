"""``wsbench list`` and ``wsbench describe``."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel

from wsbench.cli import completion, options, tables
from wsbench.contract.kinds import DatasetKindSpec
from wsbench.contract.specs import DatasetSpec, MethodSpec, MetricSpec
from wsbench.contract.trackers import TrackerSpec
from wsbench.errors import WsbenchError, choose

if TYPE_CHECKING:
    from wsbench.contract.plugins import Plugins
    from wsbench.settings import Settings

_Described = MetricSpec | DatasetKindSpec | DatasetSpec | MethodSpec | TrackerSpec
"""What `wsbench describe` knows."""


def list_(plugin: options.PluginFiles = None) -> None:
    """List datasets, methods, metrics, trackers and plugin commands."""
    plugins = options.find_plugins(plugin)
    tables.show("datasets", ["name", "what it is"], _lines(plugins.datasets))
    print()
    tables.show("kinds of datasets, for datasets.yaml", ["name", "what it is"], _lines(plugins.kinds))
    print()
    tables.show("methods", ["name", "what it is"], _lines(plugins.methods))
    print()
    tables.show("metrics", ["name", "what it is"], _families(plugins.metrics))
    print()
    tables.show("trackers", ["name", "what it is"], _lines(plugins.trackers))
    if plugins.commands:
        print()
        tables.show("commands of plugins", ["name", "what it is"], _lines(plugins.commands))


def describe(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="Names of datasets, methods, metrics or trackers.",
            autocompletion=completion.described,
        ),
    ],
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Measure the cost of methods instead: size, FLOPs, latency and memory. "
            "A NAME may then be NAME:OPTION=VALUE,OPTION=VALUE.",
        ),
    ] = False,
    preset: Annotated[
        str | None, typer.Option(help="The preset to measure. By default, it is the first one.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", "-o", metavar="NAME=VALUE", help="A setting of all measured methods. Repeatable."
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", "-d", help="The dataset to measure on. By default, a computed one."),
    ] = None,
    data_option: options.DataOption = None,
    root: options.Root = None,
    cache: options.Cache = None,
    device: options.Device = "auto",
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Show the settings of methods and datasets.

    It prints defaults, presets and bounds of every setting. For a metric, it prints the definition.

    With --measure, it measures the cost of methods on this machine instead. Each method is trained for one
    epoch of about two batches and predicts a few images, in a temporary folder.
    """
    plugins = options.find_plugins(plugin)
    if measure:
        from wsbench.cli import measuring
        from wsbench.runs.dry_run import Conditions, default_dataset
        from wsbench.settings import parse_options

        conditions = Conditions(
            dataset or default_dataset(plugins),
            parse_options(data_option or []),
            root,
            device,
            tuple(plugin or ()),
            quiet,
        )
        measuring.print_costs(plugins, names, preset, parse_options(option or []), conditions)
        return
    if option or preset or dataset or data_option or root:
        raise WsbenchError("--option, --preset, --dataset, --data-option and --root need --measure")
    for number, name in enumerate(names):
        if number:
            print()
        _describe(plugins, name)


def _describe(plugins: Plugins, name: str) -> None:
    tables: tuple[Mapping[str, _Described], ...] = (
        plugins.methods,
        plugins.datasets,
        plugins.metrics,
        plugins.kinds,
        plugins.trackers,
    )
    if name in plugins.refused:
        raise WsbenchError(plugins.refused[name])
    choose(
        name,
        dict.fromkeys(known for table in tables for known in table),
        "dataset, method, metric or tracker",
    )
    # A dataset and a metric may have the same name, such as that of a challenge.
    for number, spec in enumerate(table[name] for table in tables if name in table):
        if number:
            print()
        _describe_spec(spec)


def _describe_spec(spec: _Described) -> None:
    print(f"{spec.name}: {spec.summary}")
    if isinstance(spec, MetricSpec):
        definition = (spec.compute.__doc__ or "").partition("Args:")[0]
        print(textwrap.fill(" ".join(definition.split()), 79))
        return
    if isinstance(spec, DatasetSpec | MethodSpec) and spec.citation:
        print(textwrap.fill(spec.citation, 79))
    presets: Mapping[str, Mapping[str, Any]] = {}
    notes: dict[str, str] = {}
    if isinstance(spec, DatasetSpec):
        _source(spec.name)
    if isinstance(spec, MethodSpec):
        presets = spec.presets
        notes |= dict.fromkeys((*spec.after_fit, *spec.after_predict), "needs no second training")
        notes |= dict.fromkeys(spec.repeats, "rows can repeat over it (--repeat-over)")
        if spec.box_use:
            print(textwrap.fill(f"uses annotated boxes ({spec.box_supervision.value}): {spec.box_use}", 79))
        if not spec.reads_image:
            print("never looks at the image")
    _settings(spec.settings, presets, notes)


def _source(dataset: str) -> None:
    """Print homepage, licence and content of a dataset's folder, where datasets.yaml has them."""
    from wsbench.data import catalog

    entry = catalog.read_entries().get(dataset, catalog.Entry())
    holds = entry.holds.replace("`", "")
    for title, text in (("homepage", entry.homepage), ("licence", entry.licence), ("folder holds", holds)):
        if text:
            print(textwrap.fill(f"{title}: {text}", 79, break_on_hyphens=False))


def _lines(specs: Mapping[str, Any]) -> list[list[str]]:
    return [[name, spec.summary] for name, spec in sorted(specs.items())]


def _families(metrics: Mapping[str, Any]) -> list[list[str]]:
    """One line for each family of metrics whose names differ only after the ``@``."""
    families: dict[str, list[str]] = {}
    for name in sorted(metrics):
        stem, at, value = name.partition("@")
        families.setdefault(stem + at, []).append(value)
    rows = []
    for stem, values in families.items():
        numbers = sorted(filter(None, values), key=float)
        name = f"{stem}..." if numbers else stem
        summary = metrics[f"{stem}{values[0]}"].summary
        rows.append([name, f"{summary}: {', '.join(numbers)}" if numbers else summary])
    return rows


def _settings(
    model: type[Settings], presets: Mapping[str, Mapping[str, Any]], notes: Mapping[str, str]
) -> None:
    for name, field in model.model_fields.items():
        values = {preset: values[name] for preset, values in presets.items() if name in values}
        others = "".join(f"   {preset}: {_short(value)}" for preset, value in values.items())
        print("\n" + textwrap.fill(f"{name} = {_short(field.default)}{others}", 79, break_on_hyphens=False))
        note = f"; {notes[name]}" if name in notes else ""
        help_text = f"{field.description}{note}{_bounds(field.metadata)}"
        print(textwrap.indent(textwrap.fill(help_text, 75), "    "))


def _short(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "its defaults"
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_short(inner)}" for name, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _bounds(metadata: list[Any]) -> str:
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    words = [
        f"{sign} {getattr(rule, name)}"
        for rule in metadata
        for name, sign in signs.items()
        if getattr(rule, name, None) is not None
    ]
    return f" [{', '.join(words)}]" if words else ""
