"""The contract that every metric keeps. Write tests with values worked out by hand beside it."""

from wsbench import testing

import my_plugin as plugin


def test_contract() -> None:
    """On small tables."""
    (spec,) = plugin.wsbench_metrics()
    testing.check_metric(spec)
