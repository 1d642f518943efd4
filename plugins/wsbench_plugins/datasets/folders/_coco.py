"""Folders whose boxes are in COCO JSON files: one for every split, or one and lists of names.

The format is that of COCO's object detection annotations (cocodataset.org, Data format): ``bbox`` is x, y,
width, height in pixels from the upper left corner of the image.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

import wsbench

from ._coco_settings import CocoSettings
from ._dataset import FolderDataset
from ._described import Described
from ._lists import splits_of_lists
from ._words import by_split

Id = int | str


class Image(BaseModel):
    """An image's entry; a setting may name one of its other keys."""

    model_config = ConfigDict(extra="allow")

    id: Id
    file_name: str
    width: int | None = None
    height: int | None = None

    def value(self, key: str) -> Any:
        """The value of a key that is no field; None if the entry has no such key."""
        return (self.model_extra or {}).get(key)


class Annotation(BaseModel):
    """A box, or an outline without one."""

    image_id: Id
    category_id: Id
    bbox: tuple[float, float, float, float] | None = None
    iscrowd: int = 0


class Category(BaseModel):
    """A category."""

    id: Id
    name: str


class File(BaseModel):
    """The parts of a COCO file that are read."""

    images: list[Image]
    annotations: list[Annotation] = []
    categories: list[Category]


@dataclass(frozen=True)
class Annotations:
    """A COCO file, its name in messages, and the split of its images by their file name."""

    file: str
    coco: File
    split_of: Mapping[str, str]


def load(settings: CocoSettings, source: wsbench.Source) -> FolderDataset:
    """Load a folder.

    Raises:
        WsbenchError: a JSON file or a list cannot be read, or ``classes`` does not fit the categories.
    """
    assert source.root is not None
    root, problems = source.root, list[wsbench.Problem]()
    files = list(_files(settings, root, problems))
    names = list(
        dict.fromkeys(category.name for coco_file in files for category in coco_file.coco.categories)
    )
    class_of = _class_map(settings, names, files[0].file)
    folders = {split: root / folder for split, folder in _folders(settings, files).items()}
    described: list[Described] = []
    for coco_file in files:
        problems += _misnumbered(coco_file)
        described += _images(coco_file, settings, class_of, problems)
    by_name, in_both = wsbench.one_value_each((image.name, image) for image in described)
    for name, several in in_both.items():
        where = " and ".join(dict.fromkeys(f"{image.where} ({image.split})" for image in several))
        problem = f"{name} has several entries, in {where}"
        problems.append(wsbench.Problem(several[0].where, problem, "image of several entries", (name,)))
    classes = dict.fromkeys(name for name in class_of.values() if name is not None)
    dataset = FolderDataset(
        list(classes), list(by_name.values()), problems, folders, settings.grey_levels, source
    )
    _name_officially(dataset, files, settings, class_of)
    return dataset


def _name_officially(
    dataset: FolderDataset,
    files: Iterable[Annotations],
    settings: CocoSettings,
    class_of: Mapping[str, str | None],
) -> None:
    """Tell a dataset the ids that its files give to images and categories, and which images it leaves out.

    An id that two files give to categories of different classes is left out.
    """
    dataset.official_images = {
        coco_file.file: {image.id: name for image, name, _ in _split_images(coco_file, settings)}
        for coco_file in files
    }
    categories = [category for coco_file in files for category in coco_file.coco.categories]
    by_id, several = wsbench.one_value_each((c.id, class_of[c.name]) for c in categories)
    official: dict[Id, str | None] = {key: name for key, name in by_id.items() if key not in several}
    dataset.official_classes = official | dict(class_of.items())
    if settings.unboxed == "unknown":
        boxed = {(file.file, box.image_id) for file in files for box in file.coco.annotations}
        dataset.unused = {
            name: split
            for file in files
            for image, name, split in _split_images(file, settings)
            if (file.file, image.id) not in boxed
        }


def _split_images(coco_file: Annotations, settings: CocoSettings) -> Iterator[tuple[Image, str, str]]:
    """The images of a file that are in a split, each with its name and its split."""
    for image in coco_file.coco.images:
        if (split := coco_file.split_of.get(image.file_name)) is not None:
            yield image, _name(image.file_name, split, settings), split


def _files(settings: CocoSettings, root: Path, problems: list[wsbench.Problem]) -> Iterator[Annotations]:
    for split, file in by_split(settings.annotations).items():
        coco = wsbench.images.read_json(root / file, File, "a COCO annotation file")
        split_of = {image.file_name: split for image in coco.images}
        if settings.lists is not None:
            split_of = splits_of_lists(settings.lists, root, split_of, file, problems)
        yield Annotations(file, coco, split_of)


def _class_map(settings: CocoSettings, names: list[str], file: str) -> dict[str, str | None]:
    """By the name of a category, its class."""
    if not settings.classes:
        return {name: name for name in names}
    for name in settings.classes:
        wsbench.choose(name, dict.fromkeys(names), f"category in classes, for {file},")
    for name in names:
        if name not in settings.classes:
            raise wsbench.WsbenchError(
                f"{file} has the category '{name}', which classes does not name; write its class, or "
                f"'{name}: null' to pass its boxes over"
            )
    return dict(settings.classes)


def _folders(settings: CocoSettings, files: Iterable[Annotations]) -> dict[str, str]:
    """The folder of images of every split."""
    splits = dict.fromkeys(split for coco_file in files for split in coco_file.split_of.values())
    if isinstance(settings.images, str):
        return dict.fromkeys(splits, settings.images)
    for split in splits:
        if split not in settings.images:
            raise wsbench.WsbenchError(f"images: has no folder for the split '{split}'; write one")
    return {split: settings.images[split] for split in splits}


def _misnumbered(coco_file: Annotations) -> Iterator[wsbench.Problem]:
    """Ids that name several images or categories, and boxes of none: nobody can tell what they mark."""
    names_of, several_of = wsbench.one_value_each(
        (image.id, image.file_name) for image in coco_file.coco.images
    )
    for number, several in several_of.items():
        problem = f"id {number} names {len(several)} images, {' and '.join(several)}"
        yield wsbench.Problem(coco_file.file, problem, "id of several images", tuple(several))
    for number in dict.fromkeys(box.image_id for box in coco_file.coco.annotations):
        if number not in names_of:
            problem = f"a box is on image {number}, which is not in it"
            yield wsbench.Problem(coco_file.file, problem, "box of no image")
    _, several_categories = wsbench.one_value_each((c.id, c.name) for c in coco_file.coco.categories)
    for number, several in several_categories.items():
        problem = f"category {number} is called {' and '.join(several)}"
        yield wsbench.Problem(coco_file.file, problem, "id of several categories", remedy="fix")


def _images(
    coco_file: Annotations,
    settings: CocoSettings,
    class_of: Mapping[str, str | None],
    problems: list[wsbench.Problem],
) -> Iterator[Described]:
    names = {category.id: category.name for category in coco_file.coco.categories}
    boxes_of: dict[Id, list[Annotation]] = defaultdict(list)
    for box in coco_file.coco.annotations:
        boxes_of[box.image_id].append(box)
    left_out = 0
    for image, name, split in _split_images(coco_file, settings):
        annotations = boxes_of[image.id]
        if settings.unboxed == "unknown" and not annotations:
            left_out += 1
            continue
        if fault := _fault(annotations, names):
            problems.append(
                wsbench.Problem(coco_file.file, f"{image.file_name} {fault}", "bad annotation", (name,))
            )
            continue
        boxes = tuple(_boxes(annotations, names, class_of))
        size = None if image.width is None or image.height is None else (image.width, image.height)
        yield Described(
            name=name,
            file=image.file_name,
            split=split,
            labels=tuple(dict.fromkeys(box.label for box in boxes)),
            boxes=boxes,
            where=coco_file.file,
            patient=_patient(image, settings),
            annotated_size=size,
        )
    if left_out:
        note = f"{left_out} images without a box are left out (unboxed: unknown)"
        problems.append(wsbench.Problem(coco_file.file, note, "unknown image", remedy="none"))


def _name(file_name: str, split: str, settings: CocoSettings) -> str:
    """Where every split has its own folder, two may have a file of one name."""
    return file_name if isinstance(settings.images, str) else f"{settings.images[split]}/{file_name}"


def _patient(image: Image, settings: CocoSettings) -> str | None:
    if settings.patient is None:
        return None
    value = image.value(settings.patient)
    if value is None or value == "":
        raise wsbench.WsbenchError(
            f"patient: {settings.patient}: the entry of {image.file_name} has no such key; "
            f"it has {', '.join(sorted(image.model_extra or {})) or 'none besides the standard ones'}"
        )
    return str(value)


def _fault(annotations: Iterable[Annotation], names: Mapping[Id, str]) -> str:
    """What is wrong with the annotations of an image, or nothing."""
    for annotation in annotations:
        if annotation.category_id not in names:
            return f"has a box of the unknown category {annotation.category_id}"
        if annotation.bbox is None:
            return "has an annotation without bbox"
        if annotation.iscrowd:
            return "has an annotation of a crowd, which is no single box"
    return ""


def _boxes(
    annotations: Iterable[Annotation], names: Mapping[Id, str], class_of: Mapping[str, str | None]
) -> Iterator[wsbench.Box]:
    for annotation in annotations:
        category = names[annotation.category_id]
        label = class_of[category]
        if label is not None:
            assert annotation.bbox is not None  # _fault has looked
            kind = category if category != label else ""
            yield wsbench.Box(label, *wsbench.geometry.xywh_to_xyxy(annotation.bbox), kind)
