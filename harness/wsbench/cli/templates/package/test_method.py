"""The contract that every method keeps. Write tests of your own formulas beside it."""

from pathlib import Path

from wsbench import testing

import my_plugin as plugin


def test_contract(tmp_path: Path) -> None:
    """On a toy dataset, and small, so that it is quick."""
    (spec,) = plugin.wsbench_methods()
    testing.check_method(spec, tmp_path, options={"size": 32, "epochs": 1})
