"""``wsbench view``."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from wsbench.cli import options

PORT = 8765
"""The port where nothing else is said."""


def view(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Folders of finished runs, also with * and ?.")
    ],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes any free one.")
    ] = PORT,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
    root: options.Root = None,
    cache: options.Cache = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Serve the report of runs on this machine, with all test images, until Ctrl-C.

    Images and heatmaps are read when they are looked at. Only this machine can connect.
    """
    from wsbench.reports.web.report.api import records_of
    from wsbench.reports.web.viewer.pages import answers_of
    from wsbench.reports.web.viewer.server import Server
    from wsbench.utils.progress import choose_progress

    records = records_of(runs)
    plugins, progress = options.find_plugins(plugin), choose_progress(quiet=quiet)
    with Server(port) as server:  # a port in use is said before long work
        server.answers = answers_of(records, plugins, root, progress)
        print(f"view: {server.address}", flush=True)
        progress.say("stop with Ctrl-C")
        if browser and _has_display():
            _open(server.address)
        server.serve_forever()


def _has_display() -> bool:
    """Whether a browser has a screen. Without one, a browser for the terminal would take it over."""
    return sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )


def _open(address: str) -> None:
    import webbrowser

    webbrowser.open(address)
