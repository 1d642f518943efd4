"""``wsbench picture``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsbench.cli import options
from wsbench.errors import WsbenchError, choose
from wsbench.utils.names import file_stem

if TYPE_CHECKING:
    from wsbench.contract.records import Record
    from wsbench.data.dataset import Loaded


def picture(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Finished runs.")],
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("pictures"),
    image: Annotated[list[str] | None, typer.Option(help="Name of a test image. Repeatable.")] = None,
    label: Annotated[list[str] | None, typer.Option("--class", help="Name of a class. Repeatable.")] = None,
    each: Annotated[
        int,
        typer.Option(
            min=1, help="Number of images for each class, if none are named. The first with a box are taken."
        ),
    ] = 2,
    cases: Annotated[
        str | None,
        typer.Option(
            metavar="tp,fp,fn,tn",
            help="Draw the worst images of these outcomes of the first run instead, --each of every outcome.",
        ),
    ] = None,
    overlap: Annotated[
        str | None,
        typer.Option(
            metavar="best,median,worst",
            help="Draw instead the test images whose boxes the first run's cover best, in the middle of all, "
            "or worst, --each of every word.",
        ),
    ] = None,
    sheet: Annotated[
        bool, typer.Option("--sheet", help="Draw everything into one picture, sheet.png.")
    ] = False,
    below: Annotated[
        bool, typer.Option("--below", help="Draw runs below each other, not side by side.")
    ] = False,
    percentile: Annotated[
        float,
        typer.Option(
            min=1,
            max=100,
            help="Draw maps up to this percentile of their values above 0, so that single peaks do not "
            "darken the rest; 100: up to the maximum.",
        ),
    ] = 99.0,
    protocol: Annotated[
        str, typer.Option(help="The protocol whose heatmaps and boxes are drawn: uniform or paper.")
    ] = "uniform",
    root: options.Root = None,
    cache: options.Cache = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Draw heatmaps and boxes of runs over test images.

    Inner maps of the methods are drawn, too. Runs on different data are drawn on the images that all have, by
    name, or each on its own images if there are none.
    """
    from wsbench.contract import records
    from wsbench.reports import pictures
    from wsbench.reports.cases import parse_outcomes
    from wsbench.reports.located import parse_places
    from wsbench.runs.rescoring import dataset_of
    from wsbench.utils.progress import choose_progress
    from wsbench.utils.system_errors import try_folder

    try_folder(out)
    outcomes = parse_outcomes(cases) if cases is not None else ()
    words = parse_places(overlap) if overlap is not None else ()
    _refuse_two({"--cases": outcomes, "--overlap": words, "--image": image})
    plugins, progress = options.find_plugins(plugin), choose_progress(quiet=quiet)
    finished = [records.load(run / records.FILE) for run in runs]
    data = _datasets_of(finished, lambda record: dataset_of(record, plugins, progress, root))
    classes = tuple(label or data[0].dataset.classes)
    choice = _Choice(classes, each, tuple(image or ()), tuple(outcomes), tuple(words), protocol)
    for class_name in classes:
        choose(class_name, dict.fromkeys(data[0].dataset.classes), "class")
    columns = [
        pictures.drawings(record, own, plugins, chosen, progress, protocol)
        for record, own, chosen in zip(finished, data, choice.of_runs(finished, data), strict=True)
    ]
    columns = pictures.with_names_of_data(columns, finished)
    lines = list(zip(*columns, strict=False))  # runs on other images: as many lines as all have
    if sheet:
        pictures.draw(lines, out / "sheet.png", below=below, percentile=percentile)
        print(f"{len(lines)} examples in {out / 'sheet.png'}")
        return
    with progress.task("drawing", len(lines)) as advance:
        for line in lines:
            stem = file_stem(f"{line[0].label}-{Path(line[0].sample.name).with_suffix('')}")
            pictures.draw([line], out / f"{stem}.png", below=below, percentile=percentile)
            advance(1)
    print(f"{len(lines)} picture{'' if len(lines) == 1 else 's'} in {out}")


def _refuse_two(given: Mapping[str, Sequence[str] | None]) -> None:
    names = [name for name, values in given.items() if values]
    if len(names) > 1:
        raise WsbenchError(f"{' and '.join(names)}: both say which images are drawn; give one of them")


@dataclass(frozen=True)
class _Choice:
    """Which test images are drawn.

    Attributes:
        classes: names of classes.
        each: number of images of each class, or of each class and outcome.
        images: names of images; empty to choose them.
        outcomes: of `wsbench.reports.cases.OUTCOMES`; empty for the first images with a box.
        places: of `wsbench.reports.located.STARTS`; empty likewise.
        protocol: whose operating points decide on outcomes, and whose boxes on places.
    """

    classes: tuple[str, ...]
    each: int
    images: tuple[str, ...]
    outcomes: tuple[str, ...]
    places: tuple[str, ...]
    protocol: str

    def of_runs(self, finished: Sequence[Record], data: Sequence[Loaded]) -> list[list[tuple[str, str]]]:
        """Pairs of image and class for each run: the same for all if their data share test images."""
        from wsbench.reports.pictures import share_images

        if share_images(data):
            return [self._of(finished[0], data[0], data[1:])] * len(data)
        return [self._of(record, own, ()) for record, own in zip(finished, data, strict=True)]

    def _of(self, record: Record, own: Loaded, others: Sequence[Loaded]) -> list[tuple[str, str]]:
        from wsbench.reports.cases import cases
        from wsbench.reports.located import by_overlap
        from wsbench.reports.pictures import examples

        if self.outcomes:
            return cases(record, own, self.classes, self.outcomes, self.each, self.protocol)
        if self.places:
            return by_overlap(record, own, self.classes, self.places, self.each, self.protocol)
        if self.images:
            return [(name, label) for name in self.images for label in self.classes]
        return examples(own, self.classes, self.each, others)


def _datasets_of(finished: Sequence[Record], load: Callable[[Record], Loaded]) -> list[Loaded]:
    """The dataset of each run; runs on the same data share one."""
    by_data: dict[str, Loaded] = {}
    for record in finished:
        data = str(record.dataset["name"]) + str(record.dataset["fingerprint"])
        if data not in by_data:
            by_data[data] = load(record)
    return [by_data[str(r.dataset["name"]) + str(r.dataset["fingerprint"])] for r in finished]
