"""Images that annotations describe, as a dataset: their files found, inspected and read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import wsbench

from ._described import Described
from ._image_files import ImageFiles

if TYPE_CHECKING:
    import numpy as np

EIGHT_BITS = ("L", "LA", "P", "RGB", "RGBA")
"""Pillow's names of 8-bit formats."""

SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I")
"""Pillow's names of grey formats of more bits, which have no grey level that is surely white."""

ROUNDED = 0.5
"""Pixels by which a box may stick out of its image."""

NAMED = 3
"""Files that a note about many names."""

Levels = tuple[float, float] | None


class FolderDataset(wsbench.Dataset):
    """The images of a folder.

    Args:
        classes: in the order of every score column.
        described: what annotations say of the images, each name once.
        problems: what is wrong with the annotations.
        folders: by split, the folder that its images' names begin in.
        levels: of images of 16 bits, the values that are black and white.
        source: where it is loaded from.
    """

    def __init__(
        self,
        classes: Sequence[str],
        described: Sequence[Described],
        problems: Sequence[wsbench.Problem],
        folders: Mapping[str, Path],
        levels: Levels,
        source: wsbench.Source,
    ) -> None:
        assert source.root is not None
        self.classes = tuple(classes)
        self._levels, self._root = levels, source.root
        self._paths: dict[str, Path] = {}
        trees = {folder: ImageFiles(folder) for folder in dict.fromkeys(folders.values())}
        found = {image.name: trees[folders[image.split]].of(image.file) for image in described}
        absent = list(_absent(described, found))
        shared = list(_shared(described, found, source.root))
        paths = {image.name: found[image.name][0] for image in described if len(found[image.name]) == 1}
        memory = source.cache / f"files-{wsbench.seed_from(str(source.root.resolve())):x}.json"
        facts = wsbench.images.inspect_files(sorted(set(paths.values())), memory, source.progress)
        bad: list[wsbench.Problem] = []
        samples = []
        for image in described:
            if (path := paths.get(image.name)) is None:
                continue
            if what := self._wrong(facts[path]):
                bad.append(wsbench.Problem(self._relative(path), what, images=(image.name,)))
                continue
            self._paths[image.name] = path
            samples.append(self._sample(image, facts[path]))
        self.samples = tuple(samples)
        unnamed = _unnamed(trees.values(), {path for several in found.values() for path in several})
        self.problems = (*problems, *absent, *shared, *bad, *unnamed)
        self.boxes_complete = not _some_are_unboxed(samples)

    def read(self, sample: wsbench.Sample, height: int, width: int) -> np.ndarray:
        return wsbench.images.read_radiograph(
            self._paths[sample.name], height, width, grey_levels=self._levels
        )

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()

    def _wrong(self, facts: wsbench.images.FileFacts) -> str:
        """What is wrong with an image file, or nothing."""
        if facts.broken:
            return facts.broken
        if facts.orientation != 1:
            return "is turned when programs show it (its Exif orientation); save it as it is shown"
        if facts.mode in SIXTEEN_BITS and self._levels is None:
            return (
                "is an image of 16 bits; say which values are black and white, such as grey_levels: [0, 4095]"
            )
        if facts.mode in (*EIGHT_BITS, *SIXTEEN_BITS, wsbench.images.DICOM):
            return ""
        return f"is a {facts.mode} image; {', '.join(EIGHT_BITS)}, 16 bits and DICOM can be read"

    def _sample(self, image: Described, facts: wsbench.images.FileFacts) -> wsbench.Sample:
        # What is kept of an image's pixels is known by its content, so other levels are another content.
        levelled = facts.mode in SIXTEEN_BITS and self._levels is not None
        return wsbench.Sample(
            name=image.name,
            width=facts.width,
            height=facts.height,
            split=image.split,
            labels=image.labels,
            boxes=tuple(_cut(box, facts.width, facts.height) for box in image.boxes),
            content=f"{facts.content} {self._levels}" if levelled else facts.content,
            patient=image.patient,
            attributes={"pixel_spacing": facts.spacing} if facts.spacing else {},
            annotated_size=image.annotated_size,
        )


def _cut(box: wsbench.Box, width: int, height: int) -> wsbench.Box:
    """A box without what little of it is outside its image: programs round. One that is further outside stays
    as it is, and is a problem."""
    corners = (box.x0, box.y0, box.x1, box.y1)
    inside = (max(box.x0, 0.0), max(box.y0, 0.0), min(box.x1, float(width)), min(box.y1, float(height)))
    moved = max(abs(new - old) for new, old in zip(inside, corners, strict=True))
    return wsbench.Box(box.label, *inside, box.kind) if moved <= ROUNDED else box


def _absent(described: Sequence[Described], found: Mapping[str, Sequence[Path]]) -> Iterator[wsbench.Problem]:
    for image in described:
        if not found[image.name]:
            what = f"names {image.file}, of which there is no file"
            yield wsbench.Problem(image.where, what, "missing image", (image.name,))


def _shared(
    described: Sequence[Described], found: Mapping[str, Sequence[Path]], root: Path
) -> Iterator[wsbench.Problem]:
    """Names that fit several files, and files that several names mean."""
    names_of: dict[Path, list[str]] = defaultdict(list)
    for image in described:
        for path in found[image.name]:
            names_of[path].append(image.name)
        if len(found[image.name]) > 1:
            files = " and ".join(path.relative_to(root).as_posix() for path in found[image.name][:2])
            what = f"{image.name} may be {files}"
            yield wsbench.Problem(image.where, what, "name of several files", (image.name,))
    for path, names in names_of.items():
        if len(names) > 1:
            what = f"is the file of {' and '.join(names)}"
            yield wsbench.Problem(
                path.relative_to(root).as_posix(), what, "file of several names", tuple(names)
            )


def _unnamed(trees: Iterable[ImageFiles], named: set[Path]) -> Iterator[wsbench.Problem]:
    """Image files that no annotation names: harmless, and often a sign of a file that was forgotten."""
    rest = sorted({path for tree in trees for path in tree.paths()} - named)
    if rest:
        names = ", ".join(path.name for path in rest[:NAMED]) + (" ..." if len(rest) > NAMED else "")
        what = f"{len(rest)} image files are named in no annotation: {names}"
        yield wsbench.Problem("images", what, "file without an entry", remedy="none")


def _some_are_unboxed(samples: Sequence[wsbench.Sample]) -> bool:
    """Whether there are boxes, and a class that is present without one: not every finding has been boxed."""
    boxed = any(sample.boxes for sample in samples)
    bare = any(set(sample.labels) - {box.label for box in sample.boxes} for sample in samples)
    return boxed and bare
