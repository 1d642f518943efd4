"""The command line: parses, calls, prints. The one place that turns a WsbenchError into a line."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence

from wsbench.ends import LINE, listening
from wsbench.errors import WsbenchError
from wsbench.names import printable


def main(arguments: Sequence[str] | None = None) -> None:
    """The ``wsbench`` command; exits with 0, or with 2 after one line for a user's mistake.

    Told to stop by Ctrl-C, SIGTERM or SIGHUP it ends within `wsbench.ends.GRACE` seconds after one line, with
    130, 143 or 129.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    with listening() as ending:
        try:
            code = _run(words)
        except BaseException:
            if ending.signal is None:
                raise
        if ending.signal is not None:  # whatever a library made of it
            ending.leave()
    sys.exit(code or 0)


def _run(words: Sequence[str]) -> int | None:
    # Imported here: what is slow comes when signals are listened to.
    from typer import Abort

    from wsbench.cli.commands import UsageError, app

    try:
        return app(words or ["--help"], prog_name="wsbench", standalone_mode=False)
    except WsbenchError as error:
        return _refuse(" ".join(str(error).split()))
    except UsageError as error:
        return _refuse(error.format_message())
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return _refuse(f"no space is left on the disk ({error}); free some and type the same command again")
    except (KeyboardInterrupt, Abort):
        print(LINE, file=sys.stderr)
        return 130


def _refuse(message: str) -> int:
    print(f"error: {printable(message)}", file=sys.stderr)
    return 2
