"""The command line: parses, calls, prints. The one place that turns a WsbenchError into a line."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence

import typer

from wsbench.cli import board, comparing, data, listing, power, running, sanity, scoring
from wsbench.errors import WsbenchError, as_line

# Typer carries its own copy of click; its base of all usage errors is only reachable from here.
UsageError = typer.BadParameter.__bases__[0]

_LINES = {
    errno.ENOSPC: "no space is left on the disk ({error}); free some and type the same command again",
    errno.ENAMETOOLONG: "{error.filename}: is too long for the name of a file; type another one",
}
"""What a user can mend of the errors of the operating system."""

app = typer.Typer(
    name="wsbench",
    help="Honest benchmarks for weakly supervised localisation on chest X-rays.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(running.run)
app.command("evaluate")(scoring.evaluate)
app.command("export")(scoring.export)
app.command("picture")(scoring.picture)
app.command("roc")(scoring.roc)
app.command("compare")(comparing.compare)
app.command("strata")(comparing.strata)
app.command("sanity")(sanity.sanity)
app.command("list")(listing.list_)
app.command("describe")(listing.describe)
app.add_typer(data.app, name="data")
app.command("leaderboard")(board.leaderboard)
app.command("power")(power.power)


def main(arguments: Sequence[str] | None = None) -> None:
    """The ``wsbench`` command; exits with 0, or with 2 after one line for a user's mistake."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(words or ["--help"], prog_name="wsbench", standalone_mode=False)
    except WsbenchError as error:
        code = _refuse(str(error))
    except UsageError as error:
        code = _refuse(error.format_message())
    except OSError as error:
        if error.errno not in _LINES:
            raise
        code = _refuse(_LINES[error.errno].format(error=error))
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    if code == 130:
        print("stopped; type the same command again to go on", file=sys.stderr)
    sys.exit(code or 0)


def _refuse(message: str) -> int:
    print(as_line(f"error: {message}"), file=sys.stderr)
    return 2
