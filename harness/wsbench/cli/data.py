"""``wsbench data check``, ``wsbench data make`` and ``wsbench data organs``; ``new`` is in `new_data`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsbench.cli import new_data, options, tables
from wsbench.errors import choose

if TYPE_CHECKING:
    from wsbench.data.dataset import Loaded
    from wsbench.types import Sample

app = typer.Typer(help="Check a dataset's files, or make a dataset.", rich_markup_mode=None)
app.command("new")(new_data.new)


@app.callback()
def _data() -> None:
    pass


@app.command()
def check(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset.")],
    root: options.Root = None,
    cache: options.Cache = None,
    data_option: options.DataOption = None,
    near: Annotated[bool, typer.Option(help="Also look for near-identical images.")] = True,
    json: Annotated[Path | None, typer.Option(help="Also write everything found to this file.")] = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Say what is there, how it is dealt into roles, and what is wrong with which image (then exit 1)."""
    from wsbench.data.audit import audit
    from wsbench.files.writing import write_json
    from wsbench.utils.progress import choose_progress
    from wsbench.utils.system_errors import try_file

    if json is not None:
        try_file(json)
    progress = choose_progress(quiet=quiet)
    loaded = options.loaded(options.found(plugin), dataset, data_option, root, progress, refuse=False)
    result = audit(loaded, near=near)
    if json is not None:
        write_json(json, result.as_json())
    if result.roles:
        _counts(loaded)
    tables.findings(result.findings)
    if fingerprint := result.dataset["fingerprint"]:
        print(f"fingerprint: {fingerprint}")
    if any(finding.wrong for finding in result.findings):
        raise typer.Exit(1)
    print("nothing is wrong")


def _counts(loaded: Loaded) -> None:
    from wsbench.types import ROLES

    dealt: dict[str, list[Sample]] = {role: loaded.samples_of(role) for role in ROLES}
    names = {sample.name for members in dealt.values() for sample in members}
    dealt["none"] = [sample for sample in loaded.samples if sample.name not in names]
    strata = sorted({sample.stratum for sample in loaded.samples})
    rows = [
        [
            stratum or "images",
            *(str(sum(s.stratum == stratum for s in of_role)) for of_role in dealt.values()),
        ]
        for stratum in strata
    ]
    boxes = [*(loaded.boxes_of(role) for role in ROLES), sum(len(s.boxes) for s in dealt["none"])]
    rows.append(["boxes", *map(str, boxes)])
    tables.show(f"{loaded.spec.name}: images by role", ["", *dealt], rows, text=1)


@app.command()
def make(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset, such as phantom.")],
    folder: Annotated[Path, typer.Argument(help="An empty or new folder.")],
    layout: Annotated[str, typer.Option(help="The official layout: tbx11k, nih, nlm ...")],
    root: options.Root = None,
    cache: options.Cache = None,
    data_option: options.DataOption = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Write a dataset as another one's official folder."""
    from wsbench.runs.stages import make_at_once, require_room
    from wsbench.utils.progress import choose_progress
    from wsbench.utils.system_errors import try_folder

    plugins = options.found(plugin)
    writers = {
        spec.layout or name: spec.write for name, spec in plugins.datasets.items() if spec.write is not None
    }
    write = choose(layout, writers, "layout")
    require_room(folder)
    try_folder(folder)
    progress = choose_progress(quiet=quiet)
    loaded = options.loaded(plugins, dataset, data_option, root, progress)
    made_of = {"layout": layout, "data": loaded.fingerprint, **loaded.describe()["settings"]}
    fresh = make_at_once(folder, made_of, lambda part: write(loaded.dataset, part, progress))
    print(f"{len(loaded.samples)} images in {folder}{'' if fresh else ', made before'}")


@app.command()
def organs(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset.")],
    weights: Annotated[
        Path | None, typer.Option(help="The file of PSPNet's weights, where it cannot be fetched.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A folder for the masks; by default beside the image cache.")
    ] = None,
    root: options.Root = None,
    cache: options.Cache = None,
    data_option: options.DataOption = None,
    device: options.Device = "auto",
    skip_bad: options.SkipBad = False,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Find the organs of every image with TorchXRayVision's PSPNet, for methods that use anatomy.

    Needs `pip install 'wsbench[anatomy]'`. Killed and typed again, it goes on where it was.
    """
    from wsbench.data.segmentation import find_organs
    from wsbench.utils.devices import check_device
    from wsbench.utils.progress import choose_progress
    from wsbench.utils.system_errors import try_folder

    check_device(device, used=True)
    if out is not None:
        try_folder(out)
    progress = choose_progress(quiet=quiet)
    loaded = options.loaded(options.found(plugin), dataset, data_option, root, progress, skip_bad=skip_bad)
    folder = out or loaded.found_organs
    found = find_organs(loaded, folder, weights=weights, device=device)
    print(f"masks of {found} images found, of {len(loaded.samples) - found} there before, in {folder}")
    if out is not None:
        print(f"write `organs: {out}` under `{dataset}:` in datasets.yaml to have them used")
