"""The words that name other datasets to test on: ``NAME`` or ``NAME:OPTION=VALUE,OPTION=VALUE``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wsbench.contract.plugins import Plugins
from wsbench.data.dataset import Loaded
from wsbench.files.user_files import expanded
from wsbench.runs.plan import load_dataset
from wsbench.runs.target import Target, target_of
from wsbench.settings import parse_options
from wsbench.utils.words import named_options

ROOT = "root"
"""The option that names the folder of a dataset and is none of its settings."""


@dataclass(frozen=True)
class TestOn:
    """A dataset to test on.

    Attributes:
        dataset: its name.
        options: its settings, by name.
        root: its folder; None where it is known from ``WSBENCH_DATA`` or datasets.yaml.
    """

    __test__ = False  # or pytest would take it for a test

    dataset: str
    options: Mapping[str, Any] = field(default_factory=dict)
    root: Path | None = None

    @classmethod
    def of(cls, dataset: str, options: Mapping[str, Any]) -> TestOn:
        """The dataset with its settings, one of which may be its ``root``."""
        settings = {name: value for name, value in options.items() if name != ROOT}
        root = options.get(ROOT)
        return cls(dataset, settings, None if root is None else expanded(root))


def parse_test_on(words: Iterable[str]) -> list[TestOn]:
    """Read datasets and their options.

    A comma stands between datasets and between options, so that ``phantom:tone=1.5,noise=0.1,shenzhen`` is
    two datasets. Commas within brackets belong to a value.

    Raises:
        WsbenchError: a name is empty, or an option stands before any dataset.
    """
    complaint = "--test-on '{word}': name datasets, as in phantom:tone=1.5,noise=0.1 or shenzhen"
    named = named_options(words, complaint)
    return [TestOn.of(name, parse_options(options)) for name, options in named]


def load_targets(
    named: Iterable[TestOn], plugins: Plugins, source: Loaded, *, skip_bad: bool = False
) -> list[Target]:
    """Load the test roles of datasets.

    Args:
        named: the datasets; one that is named twice is tested once.
        plugins: all plugins.
        source: the dataset that is trained on.
        skip_bad: whether to leave out images with a problem.

    Raises:
        WsbenchError: a dataset or option is unknown, a file has a problem, or no class is shared.
    """
    targets: dict[str, Target] = {}
    for other in named:
        loaded = load_dataset(
            plugins, other.dataset, other.options, source.progress, root=other.root, skip_bad=skip_bad
        )
        target = target_of(loaded, source)
        targets.setdefault(target.fingerprint, target)
    return list(targets.values())
