"""``wsbench check-plugin``."""

from __future__ import annotations

import sys
import tempfile
import traceback as tracebacks
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsbench.cli import completion, options
from wsbench.errors import WsbenchError, as_line, printable, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsbench.studies.plugin_checks.base import Check
    from wsbench.studies.plugin_checks.subjects import Subject

SEE_TRACEBACK = "add --traceback to see where"


def check_plugin(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME_OR_FILE",
            help="A Python file with plugins, or the name of a plugin that is installed or lies in the "
            "working directory.",
            autocompletion=completion.plugin_names,
        ),
    ],
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            "-o",
            metavar="NAME=VALUE",
            help="A setting of the methods that are checked, such as epochs=1. Repeatable.",
        ),
    ] = None,
    data_option: Annotated[
        list[str] | None,
        typer.Option(
            "--data-option",
            "-D",
            metavar="NAME=VALUE",
            help="A setting of the datasets that are checked. Repeatable.",
        ),
    ] = None,
    root: options.Root = None,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show the traceback of an error that the plugin raised.")
    ] = False,
    plugin: options.PluginFiles = None,
) -> None:
    """Check that a plugin keeps the contract of wsbench.

    Every check is shown. A method is trained on a small toy dataset. The exit code is 1 if a check fails.
    """
    from wsbench.files.user_files import expanded
    from wsbench.settings import parse_options
    from wsbench.studies.plugin_checks import subjects

    files = plugin or []
    path = subjects.file_of(name, files)
    chosen = subjects.subjects_named(name, files) if path is None else subjects.subjects_of_file(path, files)
    with tempfile.TemporaryDirectory(prefix="wsbench-check-") as folder:
        trial = subjects.Trial(
            Path(folder),
            parse_options(option or []),
            parse_options(data_option or []),
            None if root is None else expanded(root),
        )
        passed = [_passes(subject, subject.checks(trial), traceback) for subject in chosen]
    if not all(passed):
        raise typer.Exit(1)


def _passes(subject: Subject, checks: Sequence[Check], show_traceback: bool) -> bool:
    """Make the checks of a plugin up to the first that fails, and print a line for each."""
    print(printable(f"{subject.kind} {subject.name} ({subject.origin})"), flush=True)
    for done, check in enumerate(checks):
        try:
            check.verify()
        except (Exception, SystemExit) as error:
            print(f"  FAIL  {check.promise}", flush=True)
            if left := len(checks) - done - 1:
                print(f"        {left} more {'check was' if left == 1 else 'checks were'} not made")
            if show_traceback:
                tracebacks.print_exception(error)
            reason = _reason(error, subject, show_traceback)
            print(as_line(f"failed: {subject.kind} {subject.name}: {reason}"), file=sys.stderr)
            return False
        print(f"  ok    {check.promise}", flush=True)
    return True


def _reason(error: BaseException, subject: Subject, traceback_shown: bool) -> str:
    """Why a check failed, in words. An error of the plugin is named with the line that raised it."""
    from wsbench.studies.plugin_checks.base import ContractError

    if isinstance(error, ContractError | WsbenchError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r}), which would end the benchmark; raise an error instead"
    frames = tracebacks.extract_tb(error.__traceback__)
    origin = Path(subject.origin).name
    of_plugin = [frame for frame in frames if Path(frame.filename).name == origin]
    last = (of_plugin or frames)[-1]
    where = f"{Path(last.filename).name}, line {last.lineno}, in {last.name}"
    hint = "" if traceback_shown else f"; {SEE_TRACEBACK}"
    return f"{type(error).__name__}: {words_of(error)} ({where}){hint}"
