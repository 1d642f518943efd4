"""The numbers of image-blind boxes as data, and the page that sets them beside what papers print."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from wsbench.errors import WsbenchError
from wsbench.files.writing import write_text
from wsbench.reports import published
from wsbench.reports.board_tables import markdown_table
from wsbench.reports.published import Paper

TEXT = Path(__file__).with_name("floors.md")
HEADER = "# Made by `python benchmarks/floors.py DATA`; do not edit. Read docs/papers_beside_the_floor.md.\n"
DIGITS = 6


class Floor(BaseModel):
    """One number that image-blind boxes reach.

    Attributes:
        paper: the file of ``leaderboards/published`` whose rule it is, or ``rsna``.
        measure: the metric of wsbench that is that rule.
        images: what was scored, in words.
        boxes: the fixed boxes or the mask, in words.
        chosen_on: the annotations that they were chosen on, in words.
        value: of the measure.
        interval: 95 %, over the scored images.
        in_training: the value on training images, by which kinds of boxes can be compared.
        other_cuts: mean and sample standard deviation over other ways of cutting patients into halves.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    paper: str
    measure: str
    images: str
    boxes: str
    chosen_on: str
    value: float
    interval: tuple[float, float]
    in_training: float | None = None
    other_cuts: tuple[float, float] | None = None


@dataclass(frozen=True)
class Line:
    """A line of the first table.

    Attributes:
        paper: as `Floor` has it.
        title: what the paper calls its method.
        name: what the paper calls the measure.
        measure: as `Floor` has it.
        boxes: whose number is shown; None for those that are best on the training images.
        images: how the words of the scored images begin.
        table: how the name of the paper's table ends, where several print the measure.
    """

    paper: str
    title: str
    name: str
    measure: str
    boxes: str | None = None
    images: str = ""
    table: str = ""


EIGHT = "8 fixed boxes a class"
MEAN = "the mean box of the class"

LINES = (
    Line("kd_gradcam", "KD-Grad-CAM", "mIOU", "miou", "2 boxes placed by hand over the upper lungs"),
    Line("kd_gradcam", "KD-Grad-CAM", "mIOU", "miou", "2 mean boxes, left and right of the middle"),
    Line("kd_gradcam", "KD-Grad-CAM", "mIOU", "miou", "8 fixed boxes"),
    Line("eva_x", "EVA-X", '"AP25", a hit rate', "evax_hit25", MEAN),
    Line("eva_x", "EVA-X", '"AP50", a hit rate', "evax_hit50", MEAN),
    Line("eva_x", "EVA-X", "mIoU", "evax_miou", MEAN),
    Line("clarity", "CLARiTY", "IoU accuracy at 0.1", "iou_accuracy@0.1", EIGHT),
    Line("clarity", "CLARiTY", "IoU accuracy at 0.3", "iou_accuracy@0.3", EIGHT),
    Line("clarity", "CLARiTY", "IoU accuracy at 0.5", "iou_accuracy@0.5", EIGHT),
    Line("clarity", "CLARiTY", "IoU accuracy at 0.5", "iou_accuracy@0.5", "1 fixed box a class"),
    Line("clarity", "CLARiTY", "MSLI", "msli", EIGHT),
    Line("tbva_gan", "TBVA-GAN", "IoU", "region_iou"),
    Line("tbva_gan", "TBVA-GAN", "Dice", "region_dice"),
    Line("symformer", "TBX11K, trained on boxes", "AP50, images with TB", "ap50", None, "the", "Only TB"),
    Line("symformer", "TBX11K, trained on boxes", "AP50, all images", "ap50", None, "all", "ALL"),
    Line("rsna", "RSNA challenge", "its score", "rsna", "1 fixed box"),
)


def write_numbers(floors: Sequence[Floor], path: Path) -> None:
    """Write numbers as YAML, to `DIGITS` digits."""
    content = [rounded(floor).model_dump(mode="json", exclude_none=True) for floor in floors]
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    write_text(path, HEADER + text)


def read_numbers(path: Path) -> list[Floor]:
    """The numbers of a file that `write_numbers` wrote.

    Raises:
        WsbenchError: it is missing or of another form.
    """
    try:
        return TypeAdapter(list[Floor]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        reason = " ".join(str(error).split())
        raise WsbenchError(f"{path}: {reason}; make it with python benchmarks/floors.py DATA") from None


def rounded(floor: Floor) -> Floor:
    """The same number to `DIGITS` digits."""

    def short(value: float | tuple[float, ...] | None) -> float | tuple[float, ...] | None:
        if isinstance(value, tuple):
            return tuple(round(one, DIGITS) for one in value)
        return None if value is None else round(value, DIGITS)

    names = ("value", "interval", "in_training", "other_cuts")
    return floor.model_copy(update={name: short(getattr(floor, name)) for name in names})


def papers(leaderboards: Path) -> dict[str, Paper]:
    """What papers print, by the name of their file."""
    names = [path.stem for path in sorted((leaderboards / published.FOLDER).glob("*.yaml"))]
    return dict(zip(names, published.read_papers(leaderboards), strict=True))


def best_published(paper: Paper, measure: str, table: str = "") -> tuple[float, str]:
    """The highest number that a paper prints of a measure, and whose it is."""
    return max(
        (number, method)
        for printed in paper.tables
        if measure in printed.columns and printed.table.endswith(table)
        for method, numbers in printed.rows.items()
        if (number := numbers[printed.columns.index(measure)]) is not None
    )


def chosen(floors: Sequence[Floor], line: Line) -> Floor:
    """The number that a line of the first table shows: the first of its boxes, or the best in training."""
    fitting = [
        floor
        for floor in floors
        if (floor.paper, floor.measure) == (line.paper, line.measure)
        and floor.images.startswith(line.images)
        and line.boxes in (None, floor.boxes)
    ]
    return fitting[0] if line.boxes else max(fitting, key=lambda floor: floor.in_training or 0.0)


def render(floors: Sequence[Floor], known: Mapping[str, Paper]) -> str:
    """The page: the text of `TEXT`, with a table of all rules and one of each."""
    rows, ratios = [], []
    for line in LINES:
        floor = chosen(floors, line)
        best, ratio = "none", "-"
        if line.paper in known:
            number, method = best_published(known[line.paper], line.measure, line.table)
            ratios.append(floor.value / number)
            best, ratio = f"{number:.3f} ({method})", f"{ratios[-1]:.2f}"
        ratio = f"**{ratio}**" if best != "none" and ratios[-1] > 1 else ratio
        rows.append(
            [line.title, line.name, best, f"{floor.value:.3f}", ratio, f"{floor.boxes}; {floor.chosen_on}"]
        )
    header = ["paper", "measure", "best published", "image-blind", "ratio", "image-blind boxes; chosen on"]
    return Template(TEXT.read_text(encoding="utf-8")).substitute(
        {name: section(floors, name, known.get(name)) for name in {line.paper for line in LINES}},
        first=table(header, rows, words=(0, 1, 5)),
        above=sum(ratio > 1 for ratio in ratios),
        lines=len(ratios),
        **said(floors, known),
    )


def section(floors: Sequence[Floor], name: str, paper: Paper | None) -> str:
    """Every number of one paper's rule: a row for each kind of boxes, a column for each measure."""
    inside = [floor for floor in floors if floor.paper == name]
    columns = list(dict.fromkeys((floor.measure, floor.images) for floor in inside))
    images = list(dict.fromkeys(words for _, words in columns))
    trained = list(dict.fromkeys(f.measure for f in inside if f.in_training is not None))
    header = ["image-blind boxes", "chosen on"]
    header += [measure if len(images) == 1 else f"{measure}, {words}" for measure, words in columns]
    header += [f"{measure} on training images" for measure in trained]
    rows = []
    if paper:
        printed = [best_published(paper, measure, _printed_in(name, words))[0] for measure, words in columns]
        rows.append(
            ["*best published*", "", *(f"{number:.3f}" for number in printed), *("" for _ in trained)]
        )
    for kind in dict.fromkeys((floor.boxes, floor.chosen_on) for floor in inside):
        here = {(f.measure, f.images): f for f in inside if (f.boxes, f.chosen_on) == kind}
        training = {measure: floor.in_training for (measure, _), floor in here.items()}
        rows.append(
            [*kind, *(_cell(here[column]) for column in columns), *(f"{training[m]:.3f}" for m in trained)]
        )
    return f"Scored: {' and '.join(images)}.\n\n{table(header, rows, words=(0, 1))}"


def said(floors: Sequence[Floor], known: Mapping[str, Paper]) -> dict[str, str]:
    """The numbers in the words of the page."""
    (kd,) = [printed for printed in known["kd_gradcam"].tables if "miou" in printed.columns]
    (eva_x,), (regions,) = known["eva_x"].tables, known["tbva_gan"].tables
    whole = chosen(floors, Line("eva_x", "", "", "evax_miou", "the whole image"))
    region = chosen(floors, Line("tbva_gan", "", "", "region_iou"))
    spread = [
        f"`{floor.measure}` {floor.other_cuts[0]:.3f} ± {floor.other_cuts[1]:.3f}"
        for floor in floors
        if floor.other_cuts
    ]
    return {
        "student": f"{best_published(known['kd_gradcam'], 'miou')[0]:.3f}",
        "student_mean": f"{kd.rows['student, mean'][0]:.3f}",
        "teacher_mean": f"{kd.rows['teacher, mean'][0]:.3f}",
        "below_whole": str(sum(row[2] < whole.value for row in eva_x.rows.values())),
        "networks": str(len(eva_x.rows)),
        "below_region": str(sum(row[0] < region.value for row in regions.rows.values())),
        "regions": str(len(regions.rows)),
        "other_cuts": ", ".join(spread),
    }


def table(header: Sequence[str], rows: Sequence[Sequence[str]], words: Collection[int]) -> str:
    """A GitHub table whose columns of words, by their positions, are aligned to the left."""
    first, _, *others = markdown_table(header, rows).splitlines()
    rule = " | ".join(":---" if position in words else "---:" for position in range(len(header)))
    return "\n".join([first, f"| {rule} |", *others])


def _printed_in(name: str, images: str) -> str:
    """How the name of the table ends in which a paper prints its measure of some images."""
    return next(line.table for line in LINES if line.paper == name and images.startswith(line.images))


def _cell(floor: Floor) -> str:
    low, high = floor.interval
    return f"{floor.value:.3f} ({low:.3f} to {high:.3f})"
