"""Checks of the contract that every plugin keeps, for built-in plugins and for yours.

A check raises AssertionError where a plugin breaks the contract. Call the checks from your own tests::

    def test_my_method(tmp_path):
        wsbench.testing.check_method(my_spec, tmp_path)

``wsbench check-plugin`` makes the same checks and shows each of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wsbench.contract.base import Source
from wsbench.contract.plugins import Plugins
from wsbench.contract.specs import CommandSpec, DatasetSpec, MethodSpec, MetricSpec
from wsbench.settings import Settings
from wsbench.studies.plugin_checks.base import verify_all
from wsbench.studies.plugin_checks.commands import command_checks
from wsbench.studies.plugin_checks.datasets import dataset_checks
from wsbench.studies.plugin_checks.methods import method_checks
from wsbench.studies.plugin_checks.metrics import metric_checks
from wsbench.studies.plugin_checks.toy import TOY as TOY  # noqa: PLC0414 - public here
from wsbench.studies.plugin_checks.toy import Toy as Toy  # noqa: PLC0414 - public here
from wsbench.studies.plugin_checks.toy import ToySettings as ToySettings  # noqa: PLC0414 - public here
from wsbench.studies.plugin_checks.toy import toy as toy  # noqa: PLC0414 - public here


def check_method(
    spec: MethodSpec,
    folder: Path,
    *,
    plugins: Plugins | None = None,
    options: Mapping[str, Any] | None = None,
    **renamed: Any,
) -> None:
    """Check that a method learns and predicts as the contract says, on a toy dataset of one class.

    Checked is that presets are valid, that predictions are well formed and boxes lie inside their images,
    that a second training from the same seed gives the same, whatever the global random generators say, that
    predictions do not depend on the other images of a batch, that predicting does not change files of the
    training, and that networks and facts are what the base class says.

    Args:
        spec: the method.
        folder: an empty folder to work in.
        plugins: plugins that hold the methods which this one requires; by default the method alone.
        options: settings that make the method small.
        renamed: ``found`` is the old name of ``plugins``.

    Raises:
        AssertionError: the method breaks the contract.
        WsbenchError: a prediction does not have the form that `Prediction` describes.
    """
    if "found" in renamed:
        warnings.warn("check_method(found=) is now plugins=", DeprecationWarning, stacklevel=2)
        plugins = renamed.pop("found")
    if renamed:
        raise TypeError(f"check_method has no argument {', '.join(renamed)}")
    verify_all(method_checks(spec, folder, plugins, options))


def check_dataset(spec: DatasetSpec, settings: Settings, source: Source) -> None:
    """Check that a dataset's classes and samples are well formed and the same each time it is loaded, and
    that its pixels can be read repeatedly in any order.

    Args:
        spec: the dataset.
        settings: its settings.
        source: the place that it is loaded from.

    Raises:
        AssertionError: the dataset breaks the contract.
    """
    verify_all(dataset_checks(spec, settings, source))


def check_metric(spec: MetricSpec) -> None:
    """Check a metric on a small table.

    Checked is that its values are numbers or NaN, of shape ``(B,)`` or ``(B, C)`` for B draws and C classes,
    that a second call gives the same, that it does not depend on the order of images, that its value for a
    draw is the value for a table of the drawn images, that the value of a class does not depend on other
    classes, that it keeps its bounds, and that it takes the table of a method without heatmaps.

    Args:
        spec: the metric.

    Raises:
        AssertionError: the metric breaks the contract.
    """
    verify_all(metric_checks(spec))


def check_command(spec: CommandSpec) -> None:
    """Check that Typer can make a command of a function, and that its help says what it does. The command
    is not run.

    Args:
        spec: the command.

    Raises:
        AssertionError: the command breaks the contract.
    """
    verify_all(command_checks(spec))
