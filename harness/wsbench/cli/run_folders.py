"""``wsbench runs``: the folders of runs, and what can be freed of them."""

from __future__ import annotations

import sys
import textwrap
import time
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from wsbench.cli import tables
from wsbench.errors import WsbenchError, printable, suggestion

if TYPE_CHECKING:
    from wsbench.runs.cleaning import Freeable
    from wsbench.runs.inventory import RunFolder

LIST = "list"

NAME_CHARACTERS, STATE_CHARACTERS = 34, 24
"""A line of a run's name and of its state, so that all columns fit into 80 characters."""


class ListedByDefault(TyperGroup):
    """Commands of which `LIST` is called where no other one is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # private click
        """The words, with the name of the default command before them unless they name one."""
        names_another = bool(args) and (args[0] in self.commands or args[0] == "--help")
        completes = ctx.resilient_parsing and not args  # the shell asks for the commands
        if not names_another and not completes:
            args = [LIST, *args]
        result: list[str] = super().parse_args(ctx, args)
        return result


app = typer.Typer(
    cls=ListedByDefault, help="List run folders, and free what can be made again.", rich_markup_mode=None
)

Folder = Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Folder of runs, or of one run.")]


@app.command(LIST)
def list_(
    folder: Folder = Path("runs"),
    check: Annotated[
        bool, typer.Option("--check", help="Compare every file with the hash of what was left there.")
    ] = False,
) -> None:
    """List run folders with state, score, age and size. `wsbench runs FOLDER` is short for it.

    The score is the metric that ranks, under protocol uniform.
    """
    runs = _runs(folder, check=check)
    rows = [
        [
            _name(run.path, folder),
            "\n".join(textwrap.wrap(_state(run), STATE_CHARACTERS)),
            "-" if run.score is None else f"{run.score:.3f}",
            _age(run.changed),
            _size(run.size),
        ]
        for run in runs
    ]
    metrics = sorted({run.metric for run in runs if run.metric})
    score = metrics[0] if len(metrics) == 1 else "score"
    tables.show(f"runs in {folder}", ["run", "state", score, "age", "size"], rows, text=2)
    counts = Counter(run.state for run in runs)
    print(f"{len(runs)} runs: {', '.join(f'{count} {state}' for state, count in sorted(counts.items()))}; "
          f"{_size(sum(run.size for run in runs))}")  # fmt: skip


@app.command("clean")
def clean(
    folder: Folder = Path("runs"),
    predictions: Annotated[
        bool, typer.Option(help="Free heatmaps and scores, which the trained method can predict again.")
    ] = True,
    checkpoints: Annotated[
        bool, typer.Option("--checkpoints", help="Free trained weights, too. To have them again is to train.")
    ] = False,
    caches: Annotated[
        bool, typer.Option("--caches", help="Free the decoded images of all datasets in the cache, too.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be freed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Free it without asking.")] = False,
) -> None:
    """Free what can be made again of finished runs.

    Records, scores and boxes stay, and so do runs that are running, unfinished or damaged. Without a
    terminal that can be asked, it only says what it would free, unless --yes is given.
    """
    from wsbench.runs import cleaning

    runs = _runs(folder, check=False)
    items = [
        item
        for run in runs
        for item in cleaning.freeable(run, predictions=predictions, checkpoints=checkpoints)
    ]
    if caches:
        items += cleaning.decoded_images()
    _show(items, folder)
    others = Counter(run.state for run in runs if run.state != "finished")
    if others:
        print(f"left as they are: {', '.join(f'{count} {state}' for state, count in sorted(others.items()))}")
    total = sum(item.size for item in items)
    if not items:
        print("nothing can be freed")
        return
    if dry_run or not (yes or _asked(total)):
        print(f"nothing was freed; {_size(total)} can be (--yes)")
        return
    done = cleaning.freed(items, lambda line: print(printable(line), file=sys.stderr))
    print(f"freed {_size(done)}; `wsbench run ... --refill` makes it again")


def _runs(folder: Path, *, check: bool) -> list[RunFolder]:
    from wsbench.files.user_files import expanded
    from wsbench.runs.inventory import inspected, run_folders

    folder = expanded(folder)
    if not folder.is_dir():
        names = (
            [path.name for path in folder.parent.glob("*") if path.is_dir()] if folder.parent.is_dir() else []
        )
        near = suggestion(folder.name, [*names, "clean"])
        raise WsbenchError(f"{folder} is not a folder of runs; {near}")
    runs = [inspected(path, check=check) for path in run_folders(folder)]
    if not runs:
        raise WsbenchError(f"{folder} holds no run; name the folder that `wsbench run --runs` wrote to")
    return runs


def _show(items: Sequence[Freeable], folder: Path) -> None:
    rows = []
    for dataset, caches in groupby(items, lambda item: "" if item.stage else item.run.parent.name):
        if dataset:
            of_dataset = list(caches)
            count = sum(len(item.files) for item in of_dataset)
            size = _size(sum(item.size for item in of_dataset))
            rows.append([f"{dataset} (cache)", of_dataset[0].words, str(count), size])
    for item in [item for item in items if item.stage]:
        rows.append([_name(item.run, folder), item.words, str(len(item.files)), _size(item.size)])
    if rows:
        tables.show("can be freed", ["run", "what", "files", "size"], rows, text=2)


def _name(run: Path, folder: Path) -> str:
    """A run by its path under the folder of all runs, in two lines if it is long."""
    name = str(run.relative_to(folder)) if run.is_relative_to(folder) and run != folder else str(run)
    if len(name) <= NAME_CHARACTERS:
        return name
    above, _, last = name.rpartition("/")
    return f"{above}/\n  {last}"


def _asked(total: int) -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return typer.confirm(f"Free {_size(total)}?")


def _state(run: RunFolder) -> str:
    return f"{run.state} {run.detail}".strip() if run.state == "unfinished" else _with_detail(run)


def _with_detail(run: RunFolder) -> str:
    return f"{run.state}: {run.detail}" if run.detail else run.state


def _age(changed: float) -> str:
    from wsbench.utils.quantities import duration

    return duration(max(0.0, time.time() - changed))


def _size(count: float) -> str:
    from wsbench.utils.quantities import file_size

    return file_size(count)
