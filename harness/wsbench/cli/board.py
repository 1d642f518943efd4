"""``wsbench leaderboard``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wsbench.errors import WsbenchError


def leaderboard(
    folder: Annotated[Path, typer.Argument(help="Folder with records/ and the pages.")] = Path(
        "leaderboards"
    ),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if a page is not what its records say.")
    ] = False,
) -> None:
    """Render every leaderboard page from the records beside it."""
    from wsbench import leaderboard as pages

    if not folder.is_dir():
        raise WsbenchError(f"{folder} is not a folder; name the one that holds records/")
    if not check:
        for page in pages.update(folder):
            print(f"wrote {page}")
        return
    wrong = pages.stale(folder)
    for page in wrong:
        print(f"{page} is not what its records say; run `wsbench leaderboard`")
    if wrong:
        raise typer.Exit(1)
    print("every page is what its records say")
