"""``wsbench hessian``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsbench.cli import options, tables

if TYPE_CHECKING:
    from wsbench.studies.curvature.measuring import Curvature, Question

PICTURE = "density.png"


def hessian(
    run: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of finished runs on the same data.")
    ],
    loss: Annotated[
        str, typer.Option(help="own: the method's training loss. cross_entropy: that of the labels alone.")
    ] = "own",
    role: Annotated[str, typer.Option(help="Role of the images: fit, select, calibrate or test.")] = "fit",
    images: Annotated[
        int, typer.Option(min=1, help="Number of images. They are drawn at random, the same for every run.")
    ] = 256,
    part: Annotated[
        list[str] | None,
        typer.Option(help="eigenvalues, trace or density. Repeatable. By default, all are measured."),
    ] = None,
    eigenvalues: Annotated[int, typer.Option(min=1, help="Number of eigenvalues.")] = 10,
    order: Annotated[
        str, typer.Option(help="Which eigenvalues: the largest by value, or by magnitude.")
    ] = "value",
    tolerance: Annotated[
        float,
        typer.Option(
            min=0, help="Largest residual of an eigenvalue, as a share of it. 0 is machine precision."
        ),
    ] = 1e-3,
    probes: Annotated[
        int, typer.Option(min=2, help="Random vectors of the trace (Hutch++). Takes three products each.")
    ] = 30,
    steps: Annotated[
        int, typer.Option(min=2, help="Lanczos steps of the density. Takes a product each.")
    ] = 80,
    density_runs: Annotated[
        int, typer.Option(min=1, help="Lanczos runs that the density is the mean of.")
    ] = 2,
    precision: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    batch: Annotated[
        int, typer.Option(min=1, help="Images that are differentiated together. Bounds memory.")
    ] = 32,
    out: Annotated[
        Path | None, typer.Option(help="Write summary, eigenvalues and density as CSV, and a picture, here.")
    ] = None,
    root: options.Root = None,
    cache: options.Cache = None,
    device: options.Device = "auto",
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Measure the curvature of the loss at a run's trained weights.

    The largest eigenvalues of the Hessian with their residuals, its trace with a standard error, and the
    density of its eigenvalues are measured in eval mode, on images without augmentation. Several runs stand
    beside each other. What was measured is kept in the run's folder, so a command that was stopped goes on.
    It needs `pip install 'wsbench[hessian]'`.
    """
    from wsbench.studies.curvature import measuring, parts
    from wsbench.utils.progress import choose_progress
    from wsbench.utils.system_errors import try_folder

    for folder in [*run, *([] if out is None else [out])]:
        try_folder(folder)
    effort = parts.Effort(
        parts.LargestEigenvalues(eigenvalues, order, tolerance),
        parts.EstimatedTrace(probes),
        [parts.DensityRun(number, steps) for number in range(density_runs)],
    )
    question = measuring.Question(loss, role, images, precision, batch)
    plugins, progress = options.find_plugins(plugin), choose_progress(quiet=quiet)
    curvatures = measuring.measure(
        run, question, effort.parts(part or ()), plugins, progress, root=root, device=device
    )
    _show(curvatures, question)
    if out is not None:
        _write(curvatures, out)


def _show(curvatures: Sequence[Curvature], question: Question) -> None:
    from wsbench.studies.curvature.tables import label, lines

    header = ["", *(heading for each in curvatures for heading in (label(each), "±"))]
    title = f"Hessian of the {'training loss' if question.loss == 'own' else 'cross entropy'}"
    tables.show(title, header, lines(curvatures), text=1)
    print()
    print(
        f"{question.images} images of role {question.role}, eval mode, no augmentation, {question.precision}"
    )
    print("±: of an eigenvalue the norm of H v - value v, of the trace its standard error")


def _write(curvatures: Sequence[Curvature], folder: Path) -> None:
    from wsbench.studies.curvature import pictures
    from wsbench.studies.curvature.tables import write

    files = write(curvatures, folder)
    if pictures.draw(curvatures, folder / PICTURE):
        files.append(folder / PICTURE)
    print(f"{', '.join(path.name for path in files)} in {folder}")
