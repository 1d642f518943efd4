"""``wsbench tbva-picture``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import wsbench

if TYPE_CHECKING:
    from collections.abc import Sequence


def picture(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run of a translation.")],
    out: Annotated[Path, typer.Option(help="The picture to write (PNG).")] = Path("tbva.png"),
    images: Annotated[
        int, typer.Option(min=1, help="Number of images: the first test images with a box.")
    ] = 4,
    root: Annotated[Path | None, typer.Option(help="Folder of the dataset.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not show progress.")] = False,
) -> None:
    """Draw Figures 3 to 5: Grad-CAM and its red area, changemap, histograms, threshold, and mask."""
    import numpy as np

    from . import Translating, _picture, _prediction
    from ._mask import levels, rule_of

    if out.is_dir() or not out.resolve().parent.is_dir():
        raise wsbench.WsbenchError(f"{out}: name a file in an existing folder")
    progress = wsbench.finished.progress(quiet=quiet)
    (finished,) = wsbench.finished.open_runs([run], root=root, progress=progress)
    method = finished.method()
    if not isinstance(method, Translating):
        name = finished.record.method["name"]
        raise wsbench.WsbenchError(f"{run}: a run of {name}, which has no changemaps; name one of tbva_gan")
    names = boxed(finished)[:images]
    changed, attention = method.maps(finished.loaded.views.images(names))
    masks = _prediction.masks_of(changed, attention, method.settings)
    pictures = np.array([levels(changemap) for (changemap,) in changed])
    maps = [pictures, attention[:, 0], masks[:, 0]]
    _picture.draw(finished, names, maps, rule_of(method.settings), out)
    print(f"{len(names)} images in {out}")


def boxed(run: wsbench.finished.FinishedRun) -> Sequence[str]:
    """The names of the test images with a box.

    Raises:
        WsbenchError: there are none.
    """
    with_boxes = {sample.name for sample in run.loaded.samples if sample.boxes}
    names = [name for name in run.loaded.roles.members["test"] if name in with_boxes]
    if not names:
        raise wsbench.WsbenchError(f"{run.record.folder}: no test image has a box")
    return names
