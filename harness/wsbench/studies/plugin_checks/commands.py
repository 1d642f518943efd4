"""The contract of commands."""

from __future__ import annotations

import contextlib
import inspect
import io
from functools import cached_property
from typing import Any

from wsbench.contract.specs import CommandSpec
from wsbench.studies.plugin_checks.base import Check, ContractError, require


def command_checks(spec: CommandSpec) -> list[Check]:
    """The checks of a command, in the order in which they are made. The command itself is not run.

    Args:
        spec: the command.
    """
    trial = _Trial(spec)
    return [
        Check("its parameters are arguments and options", trial.check_parameters),
        Check("its docstring says what it does", trial.check_docstring),
        Check("`--help` shows its options and ends well", trial.check_help),
    ]


class _Trial:
    """A command as Typer makes it of a function."""

    def __init__(self, spec: CommandSpec) -> None:
        self._spec = spec

    def check_parameters(self) -> None:
        _ = self._command

    def check_docstring(self) -> None:
        text = inspect.getdoc(self._spec.run)
        require(text, f"{self._spec.run.__name__} has no docstring, which is the command's help")

    def check_help(self) -> None:
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            code = self._command.main(["--help"], prog_name=self._spec.name, standalone_mode=False)
        require(not code, f"`--help` ended with exit code {code}")
        text = " ".join(shown.getvalue().split())
        for parameter in self._command.params:
            spelling = max([*parameter.opts, *parameter.secondary_opts], key=len)
            if spelling.startswith("-") and not getattr(parameter, "hidden", False):
                require(spelling in text, f"`--help` does not show {spelling}")

    @cached_property
    def _command(self) -> Any:
        from typer.main import get_command_from_info
        from typer.models import CommandInfo

        info = CommandInfo(name=self._spec.name, callback=self._spec.run)
        try:
            return get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode=None)
        except (RuntimeError, TypeError, NameError, AttributeError, AssertionError) as error:
            raise ContractError(
                f"Typer cannot make a command of {self._spec.run.__name__}: {error}; give every parameter a "
                "type such as str, int, bool or Path"
            ) from None
