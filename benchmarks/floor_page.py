"""The numbers of image-blind boxes as data, and the page that sets them beside what papers print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import yaml

from wsbench.files.writing import write_text
from wsbench.reports.board_tables import markdown_table
from wsbench.reports.floors import Floor, beside, best_published, share_above
from wsbench.reports.published import Paper

TEXT = Path(__file__).with_name("floors.md")
HEADER = "# Made by `python benchmarks/floors.py DATA`; do not edit. Read docs/papers_beside_the_floor.md.\n"
DIGITS = 6


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
    values = [rounded(floor).model_dump(mode="json", exclude_none=True) for floor in floors]
    content = [{name: value for name, value in of_one.items() if value != ""} for of_one in values]
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    write_text(path, HEADER + text)


def rounded(floor: Floor) -> Floor:
    """The same number to `DIGITS` digits."""

    def short(value: float | tuple[float, ...] | None) -> float | tuple[float, ...] | None:
        if isinstance(value, tuple):
            return tuple(round(one, DIGITS) for one in value)
        return None if value is None else round(value, DIGITS)

    names = ("value", "interval", "in_training", "other_cuts")
    return floor.model_copy(update={name: short(getattr(floor, name)) for name in names})


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


def headed(floors: Sequence[Floor]) -> list[Floor]:
    """The numbers, each with the table that prints it, and those of the first table with its words."""
    named = [
        floor.model_copy(update={"printed_in": printed_in(floor.paper, floor.images)}) for floor in floors
    ]
    for line in LINES:
        floor = chosen(named, line)
        named[named.index(floor)] = floor.model_copy(update={"title": line.title, "name": line.name})
    return named


def render(floors: Sequence[Floor], known: Mapping[str, Paper]) -> str:
    """The page: the text of `TEXT`, with a table of all rules and one of each."""
    rows = []
    for line in LINES:
        floor = chosen(floors, line)
        best, ratio = "none", "-"
        if (published := beside(floor, known)) is not None:
            best, ratio = f"{published[0]:.3f} ({published[1]})", f"{floor.value / published[0]:.2f}"
            ratio = f"**{ratio}**" if floor.value > published[0] else ratio
        rows.append(
            [line.title, line.name, best, f"{floor.value:.3f}", ratio, f"{floor.boxes}; {floor.chosen_on}"]
        )
    above, lines = share_above(floors, known)
    header = ["paper", "measure", "best published", "image-blind", "ratio", "image-blind boxes; chosen on"]
    return Template(TEXT.read_text(encoding="utf-8")).substitute(
        {name: section(floors, name, known.get(name)) for name in {line.paper for line in LINES}},
        first=markdown_table(header, rows, (0, 1, 5)).removesuffix("\n"),
        above=above,
        lines=lines,
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
        printed = [best_published(paper, measure, printed_in(name, words))[0] for measure, words in columns]
        rows.append(
            ["*best published*", "", *(f"{number:.3f}" for number in printed), *("" for _ in trained)]
        )
    for kind in dict.fromkeys((floor.boxes, floor.chosen_on) for floor in inside):
        here = {(f.measure, f.images): f for f in inside if (f.boxes, f.chosen_on) == kind}
        training = {measure: floor.in_training for (measure, _), floor in here.items()}
        rows.append(
            [*kind, *(_cell(here[column]) for column in columns), *(f"{training[m]:.3f}" for m in trained)]
        )
    return f"Scored: {' and '.join(images)}.\n\n{markdown_table(header, rows, (0, 1)).removesuffix(chr(10))}"


def said(floors: Sequence[Floor], known: Mapping[str, Paper]) -> dict[str, str]:
    """The numbers in the words of the page."""
    (kd,) = [printed for printed in known["kd_gradcam"].tables if "miou" in printed.columns]
    (eva_x,) = known["eva_x"].tables
    (regions,) = [printed for printed in known["tbva_gan"].tables if "region_iou" in printed.columns]
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


def printed_in(name: str, images: str) -> str:
    """How the name of the table ends in which a paper prints its measure of some images."""
    return next(line.table for line in LINES if line.paper == name and images.startswith(line.images))


def _cell(floor: Floor) -> str:
    low, high = floor.interval
    return f"{floor.value:.3f} ({low:.3f} to {high:.3f})"
