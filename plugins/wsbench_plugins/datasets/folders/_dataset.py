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
        classes: the names of the classes, in the order of the columns of scores.
        described: the images as the annotations describe them. No name occurs twice.
        problems: problems of the annotations.
        folders: for each split, the folder in which the names of its images begin.
        levels: the values that are black and white in images of 16 bits.
        source: the folder of the dataset, the cache, and where to show progress.
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
        trees = {folder: self._image_files(folder) for folder in dict.fromkeys(folders.values())}
        files = {image.name: trees[folders[image.split]].of(image.file) for image in described}
        absent = list(_absent(described, files))
        shared = list(_shared(described, files, source.root))
        paths = {image.name: files[image.name][0] for image in described if len(files[image.name]) == 1}
        memory = source.cache / f"files-{wsbench.seed_from(str(source.root.resolve())):x}.json"
        facts = wsbench.images.inspect_files(sorted(set(paths.values())), memory, source.progress)
        bad: list[wsbench.Problem] = []
        samples = []
        for image in described:
            if (path := paths.get(image.name)) is None:
                continue
            if fault := self._fault(facts[path]):
                bad.append(wsbench.Problem(self._relative(path), fault, images=(image.name,)))
                continue
            self._paths[image.name] = path
            samples.append(self._sample(image, facts[path]))
        self.samples = tuple(samples)
        unnamed = _unnamed(trees.values(), {path for several in files.values() for path in several})
        self.problems = (*problems, *absent, *shared, *bad, *unnamed)
        self.boxes_complete = not _some_are_unboxed(samples)

    def read(self, sample: wsbench.Sample, height: int, width: int) -> np.ndarray:
        return wsbench.images.read_radiograph(
            self._paths[sample.name], height, width, grey_levels=self._levels
        )

    def _image_files(self, folder: Path) -> ImageFiles:
        """The image files in a folder, by the names that annotations have."""
        return ImageFiles(folder)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()

    def _fault(self, facts: wsbench.images.FileFacts) -> str:
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
    """Cut a box at the edges of its image if it sticks out by a rounding error. Other boxes stay as they are:
    one that sticks out further is a problem."""
    corners = (box.x0, box.y0, box.x1, box.y1)
    within = (max(box.x0, 0.0), max(box.y0, 0.0), min(box.x1, float(width)), min(box.y1, float(height)))
    moved = max(abs(new - old) for new, old in zip(within, corners, strict=True))
    return wsbench.Box(box.label, *within, box.kind) if moved <= ROUNDED else box


def _absent(described: Sequence[Described], files: Mapping[str, Sequence[Path]]) -> Iterator[wsbench.Problem]:
    for image in described:
        if not files[image.name]:
            problem = f"names {image.file}, of which there is no file"
            yield wsbench.Problem(image.where, problem, "missing image", (image.name,))


def _shared(
    described: Sequence[Described], files: Mapping[str, Sequence[Path]], root: Path
) -> Iterator[wsbench.Problem]:
    """Names that fit several files, and files that several names mean."""
    names_of: dict[Path, list[str]] = defaultdict(list)
    for image in described:
        for path in files[image.name]:
            names_of[path].append(image.name)
        if len(files[image.name]) > 1:
            fitting = " and ".join(path.relative_to(root).as_posix() for path in files[image.name][:2])
            problem = f"{image.name} may be {fitting}"
            yield wsbench.Problem(image.where, problem, "name of several files", (image.name,))
    for path, names in names_of.items():
        if len(names) > 1:
            problem = f"is the file of {' and '.join(names)}"
            yield wsbench.Problem(
                path.relative_to(root).as_posix(), problem, "file of several names", tuple(names)
            )


def _unnamed(trees: Iterable[ImageFiles], named: set[Path]) -> Iterator[wsbench.Problem]:
    """Image files that no annotation names: harmless, and often a sign of a file that was forgotten."""
    rest = sorted({path for tree in trees for path in tree.paths()} - named)
    if rest:
        names = ", ".join(path.name for path in rest[:NAMED]) + (" ..." if len(rest) > NAMED else "")
        note = f"{len(rest)} image files are named in no annotation: {names}"
        yield wsbench.Problem("images", note, "file without an entry", remedy="none")


def _some_are_unboxed(samples: Sequence[wsbench.Sample]) -> bool:
    """Whether there are boxes, and a class that is present without one: not every finding has been boxed."""
    boxed = any(sample.boxes for sample in samples)
    bare = any(set(sample.labels) - {box.label for box in sample.boxes} for sample in samples)
    return boxed and bare
