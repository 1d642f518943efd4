"""Small folders as people have them, for tests of datasets without Python."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 60, 50


def noise(seed: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """``(height, width)`` uint8."""
    return np.random.default_rng(seed).integers(0, 255, (height, width), dtype=np.uint8)


def film(path: Path, seed: int) -> Path:
    """An image file of its own noise, in the format that its suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(seed)).save(path, format={".jpg": "JPEG", ".tif": "TIFF"}.get(path.suffix, "PNG"))
    return path


def boxes_of(number: int) -> list[tuple[str, float, float, float, float]]:
    """Class, x, y, width and height of the boxes of an image: every other image has one, some have two."""
    first = ("Nodule", 3.25 + number % 30, 10.5, 25.0, 20.75)
    second = ("Effusion", 30.0, 5.0 + number % 30 / 2, 20.0, 15.5)
    return [] if number % 2 == 0 else [first, second] if number % 3 == 0 else [first]


def coco(
    names: Sequence[str], categories: Sequence[str] = ("Effusion", "Nodule"), **of_images: Sequence[Any]
) -> dict[str, Any]:
    """A COCO file of images with the boxes of `boxes_of`.

    Args:
        names: of the files.
        categories: their ids begin at 1.
        of_images: further keys of the images' entries.
    """
    number = {name: place for place, name in enumerate(categories, start=1)}
    boxes = [(image, box) for image in range(len(names)) for box in boxes_of(image)]
    return {
        "images": [
            {"id": 100 + row, "file_name": name, "width": WIDTH, "height": HEIGHT}
            | {key: values[row] for key, values in of_images.items()}
            for row, name in enumerate(names)
        ],
        "annotations": [
            {"id": place, "image_id": 100 + image, "category_id": number[label], "bbox": box, "iscrowd": 0}
            for place, (image, (label, *box)) in enumerate(boxes)
        ],
        "categories": [{"id": place, "name": name} for name, place in number.items()],
    }


def write_json(path: Path, value: Any) -> None:
    """As a tool for annotations writes it."""
    path.write_text(json.dumps(value), encoding="utf-8")


def edited(path: Path, edit: Any) -> None:
    """Have a JSON file hold what ``edit`` makes of its value."""
    value = json.loads(path.read_text())
    edit(value)
    write_json(path, value)


def coco_folder(root: Path, counts: Mapping[str, int] | None = None) -> Path:
    """A folder of PNG files in ``images`` and of one COCO file for every split."""
    seed = 0
    for split, count in (counts or {"train": 30, "test": 12}).items():
        names = [f"{split}{number:02d}.png" for number in range(count)]
        for name in names:
            film(root / "images" / name, seed)
            seed += 1
        write_json(root / f"{split}.json", coco(names))
    return root


def entry(text: str, folder: Path) -> None:
    """Write a folder's datasets.yaml."""
    (folder / "datasets.yaml").write_text(text, encoding="utf-8")


COCO = """\
films:
  kind: coco
  root: films
  images: images
  annotations: {train: train.json, test: test.json}
"""
"""The entry of `coco_folder`."""
