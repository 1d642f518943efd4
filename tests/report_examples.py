"""Finished runs of a small phantom for tests of reports, made once a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import wsbench
from external_examples import GUESS, SMALL
from records_examples import example
from wsbench.contract.records import Record

ATTACK = "<script>alert(1)</script>\"'|\n\x1b[31m"
"""A name that would do something in a page, a table or a terminal."""


@dataclass(frozen=True)
class Finished:
    """Finished runs.

    Attributes:
        folder: the folder that holds ``runs``.
        plugin: the plugin file of the method ``guess``.
        runs: the folders of two seeds of ``guess`` and of the image-blind methods.
    """

    folder: Path
    plugin: Path
    runs: tuple[Path, ...]


@pytest.fixture(scope="session")
def finished_runs(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Two seeds of a method that guesses, and two image-blind methods."""
    folder = tmp_path_factory.mktemp("report")
    plugin = folder / "guess.py"
    plugin.write_text(GUESS)
    records = wsbench.run(
        "guess",
        "phantom",
        data_options=SMALL,
        seeds=[0, 1],
        runs=folder / "runs",
        references=True,
        plugin_files=[plugin],
    )
    return Finished(folder, plugin, tuple(record.folder for record in records if record.folder))


def drawn(name: str, mean: float, seeds: Sequence[int] = (0,), **method: object) -> list[Record]:
    """Records of a method whose draws scatter about its mean, the same way for all methods."""
    noise = np.random.default_rng(3).normal(0, 0.02, 200)
    return [
        example(
            name,
            seed,
            cond_ap25=round(mean + 0.002 * seed, 5),
            draws=np.round(np.clip(mean + noise + 0.002 * seed, 0, 1), 5).tolist(),
            training=f"{name}{seed}",
            **method,
        )
        for seed in seeds
    ]
