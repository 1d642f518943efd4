"""The generated pages of the reference: commands with their options, and the built-in plugins.

Both come from the program itself, so they say what it does; blocks of cog call them (see `fill`).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from records import write

ROOT = Path(__file__).parents[2]


def commands_text() -> str:
    """Every built-in command: what it does, how it is called, its arguments and options."""
    from typer.main import get_command

    from wsbench.cli.commands import app

    parts = []
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined] # private click
        parts.append(_command(f"wsbench {name}", command))
        for inner_name, inner in getattr(command, "commands", {}).items():
            parts.append(_command(f"wsbench {name} {inner_name}", inner, level=3))
    return "\n" + "\n".join(parts) + "\n"


def _command(name: str, command: Any, level: int = 2) -> str:
    """One command as markdown: a heading, its help, and a table of what it takes."""
    paragraphs = [" ".join(part.split()) for part in (command.help or "").split("\n\n")]
    text = f"{'#' * level} `{name}`\n\n" + "\n\n".join(map(_safe, paragraphs)) + "\n"
    if getattr(command, "commands", None):
        return text
    rows = [_parameter(parameter) for parameter in command.params if not getattr(parameter, "hidden", False)]
    return f"{text}\n{_table(('argument or option', 'what it is'), rows)}"


def _parameter(parameter: Any) -> tuple[str, str]:
    """The two cells of an argument or an option. Only what all versions of Typer agree on is read."""
    spellings = sorted([*parameter.opts, *parameter.secondary_opts], key=lambda word: word.startswith("--"))
    placeholder = parameter.metavar or parameter.name.upper().replace("_", "-")
    if not spellings[0].startswith("-"):
        label = f"`{placeholder}`"
    else:
        value = "" if isinstance(parameter.default, bool) or _is_switch(parameter) else f" `{placeholder}`"
        label = ", ".join(f"`{word}`" for word in spellings) + value
    notes = [_safe(parameter.help or "")]
    if parameter.required:
        notes.append("**Required.**")
    elif isinstance(parameter.default, str | int | float) and not isinstance(parameter.default, bool):
        notes.append(f"Default: `{parameter.default}`.")
    return label, " ".join(note for note in notes if note)


def _is_switch(parameter: Any) -> bool:
    return bool(getattr(parameter, "is_flag", False))


def builtins_text(kind: str) -> str:
    """A table of the built-in plugins of one kind: ``datasets``, ``methods`` or ``metrics``."""
    from wsbench.contract.plugins import find

    specs: Mapping[str, Any] = getattr(find(), kind)
    if kind != "metrics":
        rows = [(f"`{name}`", _safe(spec.summary)) for name, spec in sorted(specs.items())]
        return "\n" + _table(("name", "what it is"), rows) + "\n"
    rows = []
    for family, members in groupby(sorted(specs), key=lambda name: name.partition("@")[0]):
        numbers = sorted((name.partition("@")[2] for name in members), key=lambda number: float(number or 0))
        spec = specs["@".join(filter(None, (family, numbers[0])))]
        label = f"`{family}@T`" if numbers[0] else f"`{family}`"
        levels = f"; T: {', '.join(numbers)}" if numbers[0] else ""
        rows.append((label, _direction(spec), spec.needs, _safe(spec.summary) + levels))
    return "\n" + _table(("name", "better", "computed from", "definition"), rows) + "\n"


def datasets_text() -> str:
    """A table of the built-in datasets that are read from files: where they are, and what their folders
    hold."""
    from wsbench.data import catalog

    rows = []
    for name, spec in _read_datasets().items():
        entry = catalog.read_entries(ROOT)[name]
        linked = f"[`{name}`]({entry.homepage})" if entry.homepage else f"`{name}`"
        rows.append((linked, _safe(spec.summary), _safe(entry.holds)))
    return "\n" + _table(("dataset", "what it is", "what the folder holds"), rows) + "\n"


def dataset_names_text() -> str:
    """The names of the built-in datasets that are read from files, in lines of prose."""
    names = ", ".join(f"`{name}`" for name in _read_datasets())
    return "\n" + textwrap.fill(f"{names}.", 120, break_on_hyphens=False) + "\n\n"


def _read_datasets() -> Mapping[str, Any]:
    """The built-in datasets that are not computed, by name."""
    from wsbench.contract.plugins import find

    return {name: spec for name, spec in sorted(find().datasets.items()) if not spec.computed}


def _direction(spec: Any) -> str:
    return {True: "higher", False: "lower", None: "neither"}[spec.higher_is_better]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, [":---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _safe(text: str) -> str:
    """Text of a table's cell: bars would end it, and signs of markdown outside of code would change it."""
    parts = re.split(r"(`[^`]*`)", text.replace("|", "\\|"))
    return "".join(part if part.startswith("`") else re.sub(r"([*_<])", r"\\\1", part) for part in parts)


def commands() -> None:
    """Write `commands_text` into a document."""
    write(commands_text())


def datasets() -> None:
    """Write `datasets_text` into a document."""
    write(datasets_text())


def dataset_names() -> None:
    """Write `dataset_names_text` into a document."""
    write(dataset_names_text())


def plugins(kind: str) -> None:
    """Write `builtins_text` into a document."""
    write(builtins_text(kind))
