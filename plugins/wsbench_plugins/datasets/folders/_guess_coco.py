"""Whether a folder has COCO files whose images lie in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import wsbench

from ._coco import File
from ._guess import base_of, files, grey_levels, images_key, reason_of_roles, roles_of, split_of
from ._image_files import ImageFiles
from ._words import ONE_SPLIT

PATIENT_KEYS = ("patient_id", "patient", "PatientID", "patientId", "subject_id", "subject")
ENOUGH = 0.5
"""Share of the images of a COCO file that must lie in the folder."""


def guess(folder: Path) -> wsbench.images.FolderGuess | None:
    """The entry of a folder with COCO files; None where it has none."""
    images = ImageFiles(folder)
    reasons: list[str] = []
    found = []
    for path, coco in _coco_files(folder):
        base, share = base_of(images, folder, [image.file_name for image in coco.images])
        if share >= ENOUGH:
            found.append((path, coco, base))
    if not found:
        return None
    found.sort(key=lambda item: -len(item[1].images))
    named: dict[str, tuple[Path, File, str]] = {}
    for item in found:
        if split := split_of(item[0]):
            named.setdefault(split, item)
    chosen: dict[str, tuple[Path, File, str]] = {
        split: named[split] for split in ("train", "val", "test") if split in named
    }
    if len(chosen) < 2:
        chosen = {ONE_SPLIT: found[0]}
    used = {path for path, _, _ in chosen.values()}
    reasons += [
        f"{path.relative_to(folder).as_posix()}: a COCO file that is left out"
        for path, _, _ in found
        if path not in used
    ]
    levels = grey_levels(images, reasons)
    guessed = _guess(folder, chosen, reasons)
    return replace(guessed, keys={**guessed.keys, **levels})


def _coco_files(folder: Path) -> Iterator[tuple[Path, File]]:
    for path in files(folder, ".json"):
        try:
            coco = File.model_validate_json(wsbench.images.read_text(path))
        except (ValidationError, wsbench.WsbenchError):
            continue
        if coco.images and coco.categories:
            yield path, coco


def _guess(
    folder: Path, chosen: dict[str, tuple[Path, File, str]], reasons: list[str]
) -> wsbench.images.FolderGuess:
    annotations = {split: path.relative_to(folder).as_posix() for split, (path, _, _) in chosen.items()}
    one = set(annotations) == {ONE_SPLIT}
    keys: dict[str, Any] = {
        "images": images_key({split: base for split, (_, _, base) in chosen.items()}),
        "annotations": annotations[ONE_SPLIT] if one else annotations,
    }
    cocos = [coco for _, coco, _ in chosen.values()]
    said = [f"annotations: {file} is a COCO file" for file in annotations.values()]
    said.append(f"images: names in them begin in {keys['images']}")
    keys |= _classes(cocos, said) | _patient(cocos, said)
    if roles := roles_of(chosen):
        keys["roles"] = roles
    said += [
        reason_of_roles(roles),
        "unboxed: images without a box are taken for normal (write unboxed: unknown)",
    ]
    return wsbench.images.FolderGuess(keys, sum(len(coco.images) for coco in cocos), [*said, *reasons])


def _classes(cocos: list[File], said: list[str]) -> dict[str, Any]:
    """Categories without a box are passed over: no measure exists of a class that no image shows."""
    names = list(dict.fromkeys(category.name for coco in cocos for category in coco.categories))
    boxed = {
        category.name
        for coco in cocos
        for category in coco.categories
        if any(box.category_id == category.id for box in coco.annotations)
    }
    if not boxed or len(boxed) == len(names):
        said.append(f"classes: all categories, {', '.join(names)}")
        return {}
    bare = [name for name in names if name not in boxed]
    said.append(f"classes: {', '.join(bare)} has no box, so it is no class")
    return {"classes": {name: name if name in boxed else None for name in names}}


def _patient(cocos: list[File], said: list[str]) -> dict[str, str]:
    images = [image for coco in cocos for image in coco.images]
    for key in PATIENT_KEYS:
        if all(image.value(key) not in (None, "") for image in images):
            said.append(f"patient: every image's entry has the key {key}")
            return {"patient": key}
    said.append("patient: no entry names one, so images of a patient may be in several roles")
    return {}
