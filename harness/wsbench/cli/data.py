"""``wsbench data check``, ``make`` and ``organs``; ``new`` is in `new_data`, ``readers`` in `readers`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsbench.cli import new_data, options, readers, tables
from wsbench.errors import choose

if TYPE_CHECKING:
    from wsbench.data.dataset import Loaded
    from wsbench.types import Sample

app = typer.Typer(help="Check a dataset, or make one.", rich_markup_mode=None)
app.command("new")(new_data.new)
app.command("readers")(readers.readers)


@app.callback()
def _data() -> None:
    pass


@app.command()
def check(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset.")],
    root: options.Root = None,
    cache: options.Cache = None,
    data_option: options.DataOption = None,
    near: Annotated[bool, typer.Option(help="Also look for near-duplicate images.")] = True,
    json: Annotated[Path | None, typer.Option(help="Also write all findings to this file.")] = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Check the files of a dataset.

    It prints the number of images in each role and lists all problems. The exit code is 1 if there is a
    problem.
    """
    from wsbench.data.audit import audit
    from wsbench.files.writing import write_json
    from wsbench.utils.progress import choose_progress
    from wsbench.utils.system_errors import try_file

    if json is not None:
        try_file(json)
    progress = choose_progress(quiet=quiet)
    loaded = options.loaded(options.find_plugins(plugin), dataset, data_option, root, progress, refuse=False)
    result = audit(loaded, near_identical=near)
    if json is not None:
        write_json(json, result.as_json())
    if result.roles:
        _counts(loaded)
    tables.problems(result.problems)
    if fingerprint := result.dataset["fingerprint"]:
        print(f"fingerprint: {fingerprint}")
    if any(problem.wrong for problem in result.problems):
        raise typer.Exit(1)
    print("nothing is wrong")


def _counts(loaded: Loaded) -> None:
    from wsbench.types import ROLES

    by_role: dict[str, list[Sample]] = {role: loaded.samples_of(role) for role in ROLES}
    names = {sample.name for members in by_role.values() for sample in members}
    by_role["none"] = [sample for sample in loaded.samples if sample.name not in names]
    strata = sorted({sample.stratum for sample in loaded.samples})
    rows = [
        [
            stratum or "images",
            *(str(sum(sample.stratum == stratum for sample in of_role)) for of_role in by_role.values()),
        ]
        for stratum in strata
    ]
    boxes = [*(loaded.boxes_of(role) for role in ROLES), sum(len(sample.boxes) for sample in by_role["none"])]
    rows.append(["boxes", *map(str, boxes)])
    if loaded.has_masks:
        without_role = sum(len(sample.masks) for sample in by_role["none"])
        rows.append(["masks", *(str(loaded.masks_of(role)) for role in ROLES), str(without_role)])
    tables.show(f"{loaded.spec.name}: images by role", ["", *by_role], rows, text=1)


@app.command()
def make(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset, such as phantom.")],
    folder: Annotated[Path, typer.Argument(help="The folder to write; it must be new or empty.")],
    layout: Annotated[str, typer.Option(help="The official layout to write: tbx11k, nih, nlm ...")],
    root: options.Root = None,
    cache: options.Cache = None,
    data_option: options.DataOption = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Write a dataset in the layout of another one."""
    from wsbench.runs.stages import make_at_once, require_room
    from wsbench.utils.progress import choose_progress
    from wsbench.utils.system_errors import try_folder

    plugins = options.find_plugins(plugin)
    writers = {
        spec.layout or name: spec.write for name, spec in plugins.datasets.items() if spec.write is not None
    }
    write = choose(layout, writers, "layout")
    require_room(folder)
    try_folder(folder)
    progress = choose_progress(quiet=quiet)
    loaded = options.loaded(plugins, dataset, data_option, root, progress)
    made_of = {"layout": layout, "data": loaded.fingerprint, **loaded.describe()["settings"]}
    fresh = make_at_once(folder, made_of, lambda unfinished: write(loaded.dataset, unfinished, progress))
    print(f"{len(loaded.samples)} images in {folder}{'' if fresh else ', made before'}")


@app.command()
def organs(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset.")],
    weights: Annotated[
        Path | None, typer.Option(help="A local file with PSPNet's weights, if they cannot be downloaded.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the masks. By default, it lies beside the image cache.")
    ] = None,
    root: options.Root = None,
    cache: options.Cache = None,
    data_option: options.DataOption = None,
    device: options.Device = "auto",
    skip_bad: options.SkipBad = False,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Segment the organs of every image.

    The masks are made by TorchXRayVision's PSPNet, for methods that use anatomy. It needs `pip install
    'wsbench[anatomy]'`. If you interrupt it, run it again, and it resumes.
    """
    from wsbench.data.segmentation import find_organs
    from wsbench.utils.devices import check_device
    from wsbench.utils.progress import choose_progress
    from wsbench.utils.system_errors import try_folder

    check_device(device, used=True)
    if out is not None:
        try_folder(out)
    progress = choose_progress(quiet=quiet)
    loaded = options.loaded(
        options.find_plugins(plugin), dataset, data_option, root, progress, skip_bad=skip_bad
    )
    folder = out or loaded.organs_folder
    new_masks = find_organs(loaded, folder, weights=weights, device=device)
    present = len(loaded.samples) - new_masks
    print(f"{new_masks} images segmented, {present} were segmented before; the masks are in {folder}")
    if out is not None:
        print(f"to use the masks, write `organs: {out}` under `{dataset}:` in datasets.yaml")
