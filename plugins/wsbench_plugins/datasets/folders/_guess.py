"""What all guesses of a folder share: words for splits, their roles, and where images lie."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ._image_files import ImageFiles
from ._words import ONE_SPLIT

SPLIT_WORDS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
"""By the name of a split, the words in names of files that say it."""

DEPTH = 3
"""Folders below the first in which annotations are looked for."""

MOST_FILES = 50
"""Files of annotations that are looked into."""

LOOKED_UP = 200
"""Names of images whose files are looked for."""

LEVELS_OF = 20
"""Images in which the largest value is looked for."""

ALL = {"fit": 0.6, "select": 0.1, "calibrate": 0.1, "test": 0.2}
TRAINED = {"fit": 0.8, "select": 0.1, "calibrate": 0.1}


def files(folder: Path, suffix: str) -> Iterator[Path]:
    """The files of annotations in a folder and those a few folders below, nearest first."""
    candidates = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() == suffix and path.is_file() and not _is_hidden(path.relative_to(folder))
    ]
    near = [path for path in candidates if len(path.relative_to(folder).parts) <= DEPTH + 1]
    yield from sorted(near, key=lambda path: (len(path.parts), path))[:MOST_FILES]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def split_of(path: Path) -> str:
    """The split that a file's name says, or else its folder's; empty where neither does."""
    for text in (path.stem, path.parent.name):
        words = re.split(r"[^a-z]+", text.lower())
        for split, known in SPLIT_WORDS.items():
            if set(known) & set(words):
                return split
    return ""


def roles_of(splits: Iterable[str]) -> dict[str, dict[str, float]]:
    """The roles of each split, by the words of their names; empty where they are the default ones."""
    meant = {
        split: next((s for s, words in SPLIT_WORDS.items() if split.lower() in words), "") for split in splits
    }
    there = set(meant.values())
    if set(meant) == {"train", "test"}:
        return {}
    if "train" not in there or there == {"train"}:
        return {split: dict(ALL) for split in meant}
    if "val" in there and "test" in there:
        roles = {"train": {"fit": 1.0}, "val": {"select": 0.5, "calibrate": 0.5}}
    else:
        roles = {"train": dict(TRAINED)}
    return {split: roles.get(meaning, {"test": 1.0}) for split, meaning in meant.items()}


def reason_of_roles(roles: Mapping[str, Mapping[str, float]]) -> str:
    """In words, what was guessed of roles."""
    if not roles:
        return "roles: train is trained on, test is tested, as by default"
    if ONE_SPLIT in roles:
        return "roles: no split was found, so a fifth of the images is tested"
    return f"roles: from the names of the splits, {', '.join(roles)}"


def base_of(images: ImageFiles, folder: Path, names: Sequence[str]) -> tuple[str, float]:
    """The folder in which names of images begin, and the share of some names that have a file.

    Args:
        images: of the whole folder.
        folder: the dataset's.
        names: as annotations write them.
    """
    some = names[:: max(1, len(names) // LOOKED_UP)]
    bases: Counter[str] = Counter()
    for name in some:
        paths = images.of(name)
        depth = len(PurePosixPath(name.replace("\\", "/")).parts)
        if paths and ".." not in name:
            relative = PurePosixPath(paths[0].relative_to(folder).as_posix())
            bases[str(relative.parents[min(depth, len(relative.parents)) - 1])] += 1
    if not bases:
        return "", 0.0
    return bases.most_common(1)[0][0], sum(bases.values()) / len(some)


def grey_levels(images: ImageFiles, said: list[str]) -> dict[str, list[int]]:
    """The key that images of 16 bits need, from the largest value of a few; nothing for others."""
    from PIL import Image

    largest = 0
    for path in images.paths()[:: max(1, len(images) // LEVELS_OF)]:
        try:
            with Image.open(path) as image:
                if image.mode.startswith("I"):
                    largest = max(largest, int(image.getextrema()[1]))  # type: ignore[arg-type]
        # Pillow raises whatever its decoders raise; `data check` names the file.
        except Exception:  # nosec B112
            continue
    if not largest:
        return {}
    white = 2 ** max(8, largest.bit_length()) - 1
    said.append(f"grey_levels: images have 16 bits, and the largest value of a few is {largest}")
    return {"grey_levels": [0, white]}


def images_key(bases: Mapping[str, str]) -> Any:
    """The value of ``images`` for the folder of every split."""
    different = dict.fromkeys(bases.values())
    return next(iter(different)) if len(different) == 1 else dict(bases)
