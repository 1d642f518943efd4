"""``wsbench kd-choices`` and ``wsbench kd-picture``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import wsbench

if TYPE_CHECKING:
    from ._choices import Reading

PRINTED = 0.2428
"""The student's mIOU in the abstract and in Table 3, seed 42."""
METHODS = ("kd_teacher", "kd_student")

Runs = Annotated[
    list[Path], typer.Argument(metavar="RUN...", help="Finished runs of one method, one of each seed.")
]
Root = Annotated[Path | None, typer.Option(help="Folder of the dataset.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Do not show progress.")]


def choices(
    runs: Runs,
    csv: Annotated[
        Path | None, typer.Option(help="Write the mIOU of every combination of choices into this file.")
    ] = None,
    root: Root = None,
    quiet: Quiet = False,
) -> None:
    """Show what a mIOU is made of: one training under every reading of what the paper leaves open.

    Each line differs from wsbench's reading in one setting. Nothing is trained.
    """
    from . import _choices

    if csv is not None:
        _require_folder(csv)
    progress = wsbench.finished.progress(quiet=quiet)
    finished = opened(runs, root, progress)
    first = finished[0].record.method
    for run in finished[1:]:
        if (run.record.method["name"], run.record.method["settings"]) != (first["name"], first["settings"]):
            raise wsbench.WsbenchError(f"{run.record.folder}: its settings are not those of {runs[0]}")
    compared, means = _choices.table(finished, progress)
    seeds = ", ".join(str(run.record.seed) for run in finished)
    print(f"mIOU of {first['name']} ({first['preset']}), seed {seeds}, protocol paper\n")
    print(table_of(compared))
    print()
    print(spread_of(means))
    if csv is not None:
        lines = [",".join(cells) for cells in _choices.rows_of_csv(means)]
        csv.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{len(lines) - 1} readings in {csv}")


def picture(
    teacher: Annotated[Path, typer.Argument(metavar="TEACHER", help="A finished run of kd_teacher.")],
    student: Annotated[Path, typer.Argument(metavar="STUDENT", help="A finished run of kd_student.")],
    out: Annotated[Path, typer.Option(help="The picture to write (PNG).")] = Path("fig5.png"),
    images: Annotated[
        int, typer.Option(min=1, help="Number of images: the first test images with a box.")
    ] = 4,
    root: Root = None,
    quiet: Quiet = False,
) -> None:
    """Draw Fig. 5: truth, both maps, and both networks' boxes with the image's mIOU."""
    from . import _picture

    _require_folder(out)
    finished = opened([teacher, student], root, wsbench.finished.progress(quiet=quiet))
    for run, name in zip(finished, METHODS, strict=True):
        if run.record.method["name"] != name:
            raise wsbench.WsbenchError(
                f"{run.record.folder}: a run of {run.record.method['name']}, not of {name}"
            )
    print(f"{_picture.draw(finished, images, out)} images in {out}")


def opened(
    runs: Sequence[Path], root: Path | None, progress: wsbench.Progress
) -> list[wsbench.finished.FinishedRun]:
    """Finished runs of KD-Grad-CAM on the same data.

    Raises:
        WsbenchError: as `wsbench.finished.open_runs`, or a run of another method.
    """
    finished = wsbench.finished.open_runs(runs, root=root, progress=progress)
    for run in finished:
        if (name := run.record.method["name"]) not in METHODS:
            raise wsbench.WsbenchError(
                f"{run.record.folder}: a run of {name}; name one of {' or '.join(METHODS)}"
            )
    return finished


def table_of(compared: Sequence[wsbench.finished.ComparedMean]) -> str:
    """A table of readings as text: mIOU, interval, and the paired difference to the first."""
    lines = [["reading", "mIOU", "95 %", "difference", "95 %", "p (Holm)"]]
    for row in compared:
        cells = [row.name, f"{row.mean:.4f}", _ends(row.interval)]
        if row.difference is None or row.holm is None:
            cells += ["", "", ""]
        else:
            p = "< 0.001" if row.holm < 0.001 else f"{row.holm:.3f}"
            cells += [f"{row.difference.difference:+.4f}", _ends(row.difference.interval, "+"), p]
        lines.append(cells)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            [cells[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))]
        ).rstrip()
        for cells in lines
    )


def spread_of(means: dict[Reading, float]) -> str:
    """The lowest and the highest mIOU of all combinations, in words."""
    lowest, highest = (choose(means, key=lambda reading: means[reading]) for choose in (min, max))
    reach = f"{len(means)} combinations of choices: mIOU {means[lowest]:.4f} to {means[highest]:.4f}"
    return (
        f"{reach}\nlowest:  {_words(lowest)}\nhighest: {_words(highest)}\nprinted for the student: {PRINTED}"
    )


def _words(reading: Any) -> str:
    from . import _choices

    return " ".join(f"{name}={getattr(reading, name)}" for name in _choices.VALUES)


def _ends(interval: tuple[float, float], sign: str = "") -> str:
    low, high = (f"{end:{sign}.3f}" for end in interval)
    return f"{low} to {high}"


def _require_folder(path: Path) -> None:
    if path.is_dir() or not path.resolve().parent.is_dir():
        problem = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise wsbench.WsbenchError(f"{path}: {problem}; name a file in an existing folder")
