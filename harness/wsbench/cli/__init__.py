"""The command line, which parses, calls and prints. Only this room turns a WsbenchError, or an error of the
operating system, into one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from wsbench.cli import terminal
from wsbench.errors import WsbenchError, as_line
from wsbench.utils.signals import LINE, listening
from wsbench.utils.system_errors import refusal_of
from wsbench.utils.workers import end_with_parent


def command() -> None:
    """The ``wsbench`` command of a terminal: `main`, in a process of its own."""
    end_with_parent()
    main(to_the_end=True)


def main(arguments: Sequence[str] | None = None, *, to_the_end: bool = False) -> None:
    """Run a command line. It exits with 0, or with 2 after one line on a user's mistake.

    After Ctrl-C, SIGTERM or SIGHUP it prints one line and exits within `wsbench.utils.signals.GRACE` seconds,
    with 130, 143 or 129.

    Args:
        arguments: the words after ``wsbench``; None takes those of the process.
        to_the_end: whether signals are handled until the process has ended, not only until this function has.
    """
    terminal.show_any_sign()
    words = [terminal.at_home(word) for word in (sys.argv[1:] if arguments is None else arguments)]
    with listening(to_the_end=to_the_end) as ending:
        try:
            code = _run(words)
        except BaseException:
            if ending.signal is None:
                raise
        if ending.signal is not None:  # a library may have caught the exception
            ending.leave()
    sys.exit(code or 0)


def _run(words: Sequence[str]) -> int | None:
    # Imported here, because signals must be handled before slow imports begin.
    from typer import Abort

    from wsbench.cli.commands import UsageError, app

    try:
        code: int | None = app(words or ["--help"], prog_name="wsbench", standalone_mode=False)
        return code
    except WsbenchError as error:
        return _refuse(str(error))
    except UsageError as error:
        return _refuse(error.format_message())
    except OSError as error:
        if not (line := refusal_of(error)):
            raise
        return _refuse(line)
    except (KeyboardInterrupt, Abort):
        print(LINE, file=sys.stderr)
        return 130


def _refuse(message: str) -> int:
    print(as_line(f"error: {message}"), file=sys.stderr)
    return 2
