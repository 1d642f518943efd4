"""The site of the committed leaderboards, made once for all tests of a process."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from wsbench.contract.plugins import find
from wsbench.reports.web.site import build

LEADERBOARDS = Path(__file__).parents[1] / "leaderboards"


@pytest.fixture(scope="session")
def committed_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder, with maps folded."""
    return _built(tmp_path_factory.getbasetemp() / "board")


@functools.cache
def _built(folder: Path) -> Path:
    build.write(LEADERBOARDS, folder, find(), fold_maps=True)
    return folder
