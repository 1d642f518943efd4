"""Commands that plugins add to the command line.

Typer's own copy of click is private, so its types are `Any` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command_from_info
from typer.models import CommandInfo

from wsbench.cli import options
from wsbench.contract.specs import CommandSpec


class WithPlugins(TyperGroup):
    """The built-in commands and those of plugins. Plugins are searched only if no built-in command is
    named."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override] # private click
        """The names of all commands."""
        return [*super().list_commands(ctx), *sorted(self._added)]

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override] # private click
        """The command with a name; None if there is none. A plugin cannot replace a built-in command."""
        if (builtin := super().get_command(ctx, cmd_name)) is not None:
            return builtin
        spec = self._added.get(cmd_name)
        return None if spec is None else _command_of(spec)

    @cached_property
    def _added(self) -> Mapping[str, CommandSpec]:
        """The commands of plugins by name. They are searched once, so that warnings are printed once."""
        return options.find_plugins(None).commands


def _command_of(spec: CommandSpec) -> Any:
    sentence = f"{spec.summary[:1].upper()}{spec.summary[1:].rstrip('.')}."  # as those of built-in commands
    info = CommandInfo(name=spec.name, callback=spec.run, short_help=sentence)
    return get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode=None)
