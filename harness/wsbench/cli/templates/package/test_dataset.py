"""The contract that every dataset keeps. Write tests of your own tables and labels beside it."""

from pathlib import Path

import wsbench
from wsbench import testing

import my_plugin as plugin


def test_contract(tmp_path: Path) -> None:
    """Of a dataset of files, give Source a small folder in the same layout instead of None."""
    (spec,) = plugin.wsbench_datasets()
    source = wsbench.Source(None, tmp_path, wsbench.finished.progress(quiet=True))
    testing.check_dataset(spec, spec.settings(), source)
