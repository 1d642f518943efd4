"""``wsbench sanity``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wsbench.cli import options, tables
from wsbench.cli.faithfulness import show_faithfulness

if TYPE_CHECKING:
    from wsbench.contract.records import Record

HEADER = ("random", "Spearman", "SSIM", "HOG", "undefined")


def sanity(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    check: Annotated[
        list[str] | None,
        typer.Option(
            help="cascade, parameters or labels. Repeatable. By default, the first two are made; labels "
            "trains the method a second time."
        ),
    ] = None,
    faithfulness: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Instead, remove pixels by the maps: road, insertion, deletion, separated by commas. Takes "
            "seconds of CPU time an image.",
        ),
    ] = None,
    size: Annotated[
        int, typer.Option(help="Side in pixels that images are reduced to for --faithfulness.")
    ] = 128,
    images: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of test images. The first by name that have a class are taken. By default 50.",
        ),
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the first maps into this PNG file.")] = None,
    root: options.Root = None,
    cache: options.Cache = None,
    device: options.Device = "auto",
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Check whether a run's maps depend on what it learnt.

    Parameters are randomised, or the method is trained on random labels. Maps that stay similar do not
    depend on what was learnt (Adebayo et al. 2018). With --faithfulness, pixels are removed by the maps, and
    the fall of class scores is compared with that by blank, random and image-blind maps.
    """
    from wsbench.studies.sanity import checks, pictures
    from wsbench.utils.progress import choose_progress
    from wsbench.utils.system_errors import try_file, try_folder

    try_folder(run)
    if picture is not None:
        try_file(picture)
    plugins, progress = options.find_plugins(plugin), choose_progress(quiet=quiet)
    if faithfulness is not None:
        show_faithfulness(run, faithfulness, size, plugins, progress, root=root, images=images, device=device)
        if not check and picture is None:
            return
    done = checks.run_checks(
        run,
        plugins,
        progress,
        root=root,
        checks=check or checks.DEFAULT,
        images=images or checks.IMAGES,
        device=device,
    )
    _show(done.record, checks.rows_of(done.record))
    if picture is not None:
        print(f"{pictures.draw(done, picture)} examples in {picture}")


def _show(record: Record, rows: list[Mapping[str, Any]]) -> None:
    from wsbench.studies.sanity.similarity import MEASURES

    cells = []
    for row in rows:
        measured = [row[name] for name in MEASURES]
        undefined = f"{row['undefined']} of {record.sanity['maps']}"
        cells.append([row["what"], *(_value(measurement) for measurement in measured), undefined])
        cells.append(["  95 %", *(_interval(measurement) for measurement in measured), ""])
    tables.show(f"{record.method['name']}: similarity to the trained method's maps", HEADER, cells, text=1)
    print()
    print(f"{record.sanity['images']} test images, {record.sanity['maps']} maps of classes that they have")
    print("undefined: one of the two maps is constant; these are left out of the means")
    print("another image: the trained method's maps of other images; chest films are alike")
    print("1 is an equal map: values that stay high do not depend on what was learnt")


def _value(measurement: Mapping[str, Any]) -> str:
    return "-" if measurement["value"] is None else f"{measurement['value']:.3f}"


def _interval(measurement: Mapping[str, Any]) -> str:
    return "" if measurement["interval"] is None else "{:.2f} to {:.2f}".format(*measurement["interval"])
