"""TBX11K in its official folder: ``imgs/``, ``lists/`` and ``annotations/json``.

Boxes are read from the COCO files only, which are in the 512 x 512 frame of the released images. The XML
files beside them are in pixels of the clinical originals and are never read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

import wsbench

from ._release import CATEGORIES, GROUPS, KINDS, SPLITS, json_name
from ._tasks import TASKS, Task

if TYPE_CHECKING:
    import numpy as np

MODES = ("RGB", "L")

CITATION = (
    "Liu, Wu, Zhang, Liu, Wu, Cheng: Revisiting computer-aided tuberculosis diagnosis, "
    "IEEE Transactions on Pattern Analysis and Machine Intelligence"
)


class TBX11KSettings(wsbench.Settings):
    """What is asked of the images."""

    task: Literal["tb", "active_latent", "healthy_active", "others_active"] = Field(
        "tb",
        description="tb: tuberculosis of any kind is one class. active_latent: active and latent "
        "tuberculosis are two classes. healthy_active, others_active: active tuberculosis against healthy "
        "images, or against all others, as in mednet",
    )
    both: Literal["keep", "drop"] = Field(
        "keep",
        description="whether images with active and latent boxes are kept; mednet drops them",
    )


class CocoImage(BaseModel):
    """An image entry of a COCO file. Its other fields are not read."""

    id: int
    file_name: str
    width: int
    height: int


class CocoBox(BaseModel):
    """An annotation of a COCO file: x, y, width, height in pixels."""

    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]


class CocoCategory(BaseModel):
    """A category of a COCO file."""

    id: int
    name: str


class CocoFile(BaseModel):
    """The parts of a COCO file that are read."""

    categories: list[CocoCategory] = []
    images: list[CocoImage]
    annotations: list[CocoBox]


@dataclass(frozen=True)
class AnnotatedImage:
    """An image entry with its boxes."""

    size: CocoImage
    boxes: tuple[CocoBox, ...]

    @property
    def kinds(self) -> set[str]:
        """The kinds of its boxes, which must have known categories."""
        return {KINDS[box.category_id] for box in self.boxes}


class TBX11K(wsbench.Dataset):
    """The images of train and val, with the classes of a task: ``tb``, unless the settings say otherwise.

    A sample has the attribute ``group`` (tb, sick, health). With boxes it also has ``activity`` (active,
    obsolete or ``active+obsolete``).
    """

    def __init__(self, root: Path, source: wsbench.Source, settings: TBX11KSettings) -> None:
        task = TASKS[settings.task]
        self.classes, self.official_classes = task.classes, task.official_classes
        problems: list[wsbench.Problem] = []
        lists = ((name, split) for split in SPLITS for name in _list(root, split))
        listed, in_both = wsbench.one_value_each(lists)
        for name in in_both:
            problems.append(wsbench.Problem(name, "is in train's and val's list", "in two lists", (name,)))
        annotated: dict[str, dict[str, AnnotatedImage]] = {}
        ids: dict[str, dict[int | str, str]] = {}
        for split in SPLITS:
            annotated[split], more = _annotated(root, split)
            problems += more
            ids[json_name(split)] = {entry.size.id: name for name, entry in annotated[split].items()}
        self.official_images = ids
        present = _image_files(root)
        self._files = files = {name: present.get(name, root / "imgs" / name) for name in listed}
        memory = source.cache / f"files-{wsbench.seed_from(str(root.resolve())):x}.json"
        facts = wsbench.images.inspect_files(files.values(), memory, source.progress)
        samples = []
        unused = {}
        for name, split in listed.items():
            image = annotated[split].pop(name, None)
            problem = _wrong_file(facts[files[name]]) or _wrong_entry(image)
            if problem:
                problems.append(wsbench.Problem(f"imgs/{name}", problem, images=(name,)))
                continue
            assert image is not None
            if task.uses(_group(name), image.kinds, keeps_both=settings.both == "keep"):
                samples.append(_sample(name, split, image, facts[files[name]], task))
            else:
                unused[name] = split
        for split, unlisted in annotated.items():
            problems += [
                wsbench.Problem(json_name(split), f"names {name}, which lists/TBX11K_{split}.txt does not")
                for name in sorted(unlisted)
                if name not in in_both
            ]
        self.samples, self.unused = tuple(samples), unused
        self.problems = tuple(problems)

    def read(self, sample: wsbench.Sample, height: int, width: int) -> np.ndarray:
        return wsbench.images.read_radiograph(self._files[sample.name], height, width)


def load(settings: TBX11KSettings, source: wsbench.Source) -> TBX11K:
    """Load the official folder.

    Raises:
        WsbenchError: the folder is not TBX11K's, or one of its lists or JSON files is damaged.
    """
    assert source.root is not None
    for subfolder in ("imgs", "lists", "annotations/json"):
        if not (source.root / subfolder).is_dir():
            raise wsbench.WsbenchError(
                f"tbx11k: {source.root} has no folder {subfolder}; give --root the folder that holds imgs/, "
                "lists/ and annotations/"
            )
    return TBX11K(source.root, source, settings)


def _image_files(root: Path) -> dict[str, Path]:
    """The image files of the folder, by the names that the lists give them."""
    return {
        f"{group}/{name}": path
        for group in GROUPS
        for name, path in wsbench.images.image_files(root / "imgs" / group, (".png",)).items()
    }


def _list(root: Path, split: str) -> Iterator[str]:
    path = root / "lists" / f"TBX11K_{split}.txt"
    for name in wsbench.images.read_text(path).split():
        group, _, file = name.partition("/")
        plain = name.isprintable() and "/" not in file and not file.startswith(".")
        if group not in GROUPS or not file or not plain:
            raise wsbench.WsbenchError(
                f"tbx11k: {path}: '{name}' is not {' or '.join(f'{group}/NAME' for group in GROUPS)}"
            )
        yield name


def _annotated(root: Path, split: str) -> tuple[dict[str, AnnotatedImage], list[wsbench.Problem]]:
    """The images of a COCO file with their boxes, by file name, and problems with its names and ids."""
    path = root / json_name(split)
    coco = wsbench.images.read_json(path, CocoFile, "a COCO annotation file")
    boxes: dict[int, list[CocoBox]] = {image.id: [] for image in coco.images}
    for box in coco.annotations:
        boxes.setdefault(box.image_id, []).append(box)
    images = {image.file_name: AnnotatedImage(image, tuple(boxes[image.id])) for image in coco.images}
    return images, [*_misnamed(coco, json_name(split)), *_mistaken(coco, json_name(split))]


def _misnamed(coco: CocoFile, file: str) -> Iterator[wsbench.Problem]:
    """Categories that differ from those of the release."""
    for category in coco.categories:
        if category.name != (official := CATEGORIES.get(category.id, category.name)):
            problem = f"its category {category.id} is called '{category.name}', the release's '{official}'"
            yield wsbench.Problem(file, problem)


def _mistaken(coco: CocoFile, file: str) -> Iterator[wsbench.Problem]:
    """Ids of several images, and images with several ids or different entries. The image of their boxes is
    then unknown, and boxes may be missing."""
    names_of, several_of = wsbench.one_value_each((image.id, image.file_name) for image in coco.images)
    for number in sorted({box.image_id for box in coco.annotations} - set(names_of)):
        yield wsbench.Problem(file, f"a box is on image {number}, which is not in it", "box of no image")
    for number, several in several_of.items():
        problem = f"id {number} names {len(several)} images, {' and '.join(several)}"
        yield wsbench.Problem(file, problem, "id of several images", tuple(several))
    _, entries = wsbench.one_value_each((image.file_name, image) for image in coco.images)
    for name, images in entries.items():
        ids = " and ".join(f"{image.id} ({image.width}x{image.height})" for image in images)
        problem = f"{name} has several entries, of ids {ids}"
        yield wsbench.Problem(file, problem, "image of several entries", (name,))


def _wrong_file(facts: wsbench.images.FileFacts) -> str:
    """The problem with an image file; empty if there is none."""
    if facts.broken:
        return facts.broken
    if facts.mode not in MODES:
        return f"is a {facts.mode} image; the release's are 8-bit {' or '.join(MODES)}"
    return ""


def _wrong_entry(image: AnnotatedImage | None) -> str:
    """The problem with an image's annotation; empty if there is none."""
    if image is None:
        return "has no entry in annotations/json"
    unknown = [box.category_id for box in image.boxes if box.category_id not in KINDS]
    return f"its box has the unknown category {unknown[0]}" if unknown else ""


def _group(name: str) -> str:
    return name.partition("/")[0]


def _sample(
    name: str, split: str, image: AnnotatedImage, facts: wsbench.images.FileFacts, task: Task
) -> wsbench.Sample:
    group = _group(name)
    boxes = task.boxes(
        [
            wsbench.Box("", *wsbench.geometry.xywh_to_xyxy(box.bbox), KINDS[box.category_id])
            for box in image.boxes
        ]
    )
    activity = "+".join(sorted(image.kinds))
    return wsbench.Sample(
        name=name,
        width=facts.width,
        height=facts.height,
        split=split,
        labels=task.labels(group, boxes),
        boxes=boxes,
        content=facts.content,
        stratum=group,
        attributes={"group": group, **({"activity": activity} if activity else {})},
        annotated_size=(image.size.width, image.size.height),
    )


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as an official TBX11K folder; see `_write.write`."""
    from . import _write

    _write.write(dataset, folder, progress)


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    return [
        wsbench.DatasetSpec(
            name="tbx11k",
            summary="TBX11K: tuberculosis against healthy and otherwise sick, boxes on tuberculosis",
            settings=TBX11KSettings,
            load=load,
            citation=CITATION,
            write=write,
        )
    ]
