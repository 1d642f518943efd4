"""The contract that every command keeps. Write tests of what the command prints beside it."""

from wsbench import testing

import my_plugin as plugin


def test_contract() -> None:
    """The command is not run."""
    (spec,) = plugin.wsbench_commands()
    testing.check_command(spec)
