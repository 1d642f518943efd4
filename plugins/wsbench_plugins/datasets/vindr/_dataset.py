"""The images of VinDr-CXR with their truth and what single readers saw on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import wsbench

from ._names import ANNOTATIONS, DISEASES, LABELS, TEST, TRAIN
from ._tables import Said, Tables, add_boxes, add_labels, contradictions, first_of

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = (".dicom", ".dcm", ".png", ".jpg", ".jpeg")
"""In lower case; files have them in any case."""

EIGHT_BITS = ("L", "LA", "P", "RGB", "RGBA")
"""Pillow's names of the 8-bit formats."""

ROUNDED = 0.5
"""Pixels by which a box may stick out of its image. Such a box is cut at the edge."""

NAMED = 3
"""Missing files that a note names."""


class VinDr(wsbench.Dataset):
    """The images of some splits whose file is there.

    Listed images without a file are a note, and no problem: parts of the release are common, and a run says
    that it is a subset. Patients are not known: the release has no number of them.

    Args:
        root: the folder of the release.
        splits: ``train``, and ``test`` where its table is there.
        classes: the names of the classes.
        agree, iou: how readings become one truth; see `_truth.agreed`.
        source: the cache, and where to show progress.

    Raises:
        WsbenchError: a table is missing or cannot be read, or no image is there.
    """

    boxes_complete = False  # Readers may agree on a finding and not on its place; diseases have no boxes.

    def __init__(
        self,
        root: Path,
        splits: Sequence[str],
        classes: Sequence[str],
        agree: int,
        iou: float,
        source: wsbench.Source,
    ) -> None:
        self.classes = tuple(classes)
        self._agree, self._iou, self._root = agree, iou, root
        tables = {split: _read_tables(root, split, classes) for split in splits}
        problems = [problem for table in tables.values() for problem in table.problems]
        files = {split: _image_files(root / split) for split in splits}
        if not any(files.values()):
            raise wsbench.WsbenchError(
                f"vindr: {root} has no image in {' or '.join(f'{split}/' for split in splits)}; give --root "
                "the folder that holds them and the CSV files"
            )
        memory = source.cache / f"files-{wsbench.seed_from(str(root.resolve())):x}.json"
        paths = sorted(
            {path for of_split in files.values() for several in of_split.values() for path in several}
        )
        facts = wsbench.images.inspect_files(paths, memory, source.progress)
        self._files: dict[str, Path] = {}
        self.samples: tuple[wsbench.Sample, ...] = ()
        self.readings: tuple[wsbench.types.Reading, ...] = ()
        for split in splits:
            problems += self._add_split(split, tables[split], files[split], facts)
        present = {name for of_split in files.values() for name in of_split}
        # Problems of images without a file are dropped: the tables of a subset list all images.
        self.problems = tuple(p for p in problems if not p.images or set(p.images) & present)

    def read(self, sample: wsbench.Sample, height: int, width: int) -> np.ndarray:
        return wsbench.images.read_radiograph(self._files[sample.name], height, width)

    def _add_split(
        self,
        split: str,
        tables: Tables,
        files: Mapping[str, Sequence[Path]],
        facts: Mapping[Path, wsbench.images.FileFacts],
    ) -> list[wsbench.Problem]:
        """Add the samples and readings of a split; return the problems of its images."""
        samples, readings = [*self.samples], [*self.readings]
        problems = _absent(split, sorted(set(tables.images) - set(files)))
        for name, several in files.items():
            path = several[0]
            relative = path.relative_to(self._root).as_posix()
            if fault := _fault(name, several, facts[path], tables, self._files):
                problems.append(wsbench.Problem(relative, fault, images=(name,)))
                continue
            size = (facts[path].width, facts[path].height)
            said = {reader: _cut(said, *size) for reader, said in tables.images[name].items()}
            if outside := _outside(said, *size):
                problems.append(wsbench.Problem(relative, outside, "bad box", (name,)))
                continue
            self._files[name] = path
            samples.append(self._sample(name, split, said, facts[path]))
            readings += _readings(name, said, self.classes)
        self.samples, self.readings = tuple(samples), tuple(readings)
        return problems

    def _sample(
        self, name: str, split: str, said: Mapping[str, Said], facts: wsbench.images.FileFacts
    ) -> wsbench.Sample:
        from ._truth import agreed

        if split == TEST:  # the readers have agreed already
            (one,) = said.values()
            labels = tuple(label for label in self.classes if label in one.labels)
            boxes = tuple(one.boxes)
        else:
            labels, boxes = agreed(said, self.classes, agree=self._agree, iou=self._iou)
        return wsbench.Sample(
            name=name,
            width=facts.width,
            height=facts.height,
            split=split,
            labels=labels,
            boxes=boxes,
            content=facts.content,
            attributes={"pixel_spacing": facts.spacing} if facts.spacing else {},
        )


def _read_tables(root: Path, split: str, classes: Sequence[str]) -> Tables:
    path = first_of(root, ANNOTATIONS[split])
    if path is None:
        hint = "; a copy of the challenge has none: use -d vinbigdata" if split == TEST else ""
        raise wsbench.WsbenchError(f"vindr: {root} has no {' or '.join(ANNOTATIONS[split])}{hint}")
    tables, diseases = Tables(by_reader=split == TRAIN), set(classes) & set(DISEASES)
    findings = [name for name in classes if name not in diseases]
    add_boxes(tables, path, findings)
    labels = first_of(root, LABELS[split])
    if labels is not None:
        add_labels(tables, labels, classes)
    elif diseases:
        raise wsbench.WsbenchError(f"vindr: diseases=true needs {LABELS[split][0]}, which {root} lacks")
    tables.problems += contradictions(tables, findings)
    return tables


def _image_files(folder: Path) -> dict[str, list[Path]]:
    """The image files of a folder by the image's id: the file's name without its suffix."""
    files: dict[str, list[Path]] = defaultdict(list)
    for path in wsbench.images.image_files(folder, SUFFIXES).values():
        files[path.stem].append(path)
    return files


def _fault(
    name: str,
    files: Sequence[Path],
    facts: wsbench.images.FileFacts,
    tables: Tables,
    earlier: Mapping[str, Path],
) -> str:
    """The problem with an image; empty if there is none."""
    if len(files) > 1:
        return f"is there as {' and '.join(path.name for path in files)}; keep one"
    if name in earlier:
        return f"is in {TRAIN} and in {TEST}"
    if facts.broken:
        return facts.broken
    if facts.mode not in (*EIGHT_BITS, wsbench.images.DICOM):
        return f"is a {facts.mode} image; {', '.join(EIGHT_BITS)} and DICOM can be read"
    return "" if name in tables.images else "is named in no row of the tables"


def _cut(said: Said, width: int, height: int) -> Said:
    """The same with boxes cut at the edges of the image that they exceed by a rounding error."""
    return replace(said, boxes=[_cut_box(box, width, height) for box in said.boxes])


def _cut_box(box: wsbench.Box, width: int, height: int) -> wsbench.Box:
    within = (max(box.x0, 0.0), max(box.y0, 0.0), min(box.x1, float(width)), min(box.y1, float(height)))
    moved = max(abs(new - old) for new, old in zip(within, (box.x0, box.y0, box.x1, box.y1), strict=True))
    return wsbench.Box(box.label, *within) if moved <= ROUNDED else box


def _outside(said: Mapping[str, Said], width: int, height: int) -> str:
    """The problem with a box of any reader that leaves the image; empty if there is none. In the mean of
    several boxes it would no longer be seen."""
    for box in (box for one in said.values() for box in one.boxes):
        if min(box.x0, box.y0) < 0 or box.x1 > width or box.y1 > height:
            corners = f"{box.x0:g}, {box.y0:g}, {box.x1:g}, {box.y1:g}"
            return f"is {width}x{height} and has a box {corners}; boxes are in pixels of the original film"
    return ""


def _readings(
    image: str, said: Mapping[str, Said], classes: Sequence[str]
) -> Iterator[wsbench.types.Reading]:
    """What each reader saw. What readers agreed on, without a name, is no reading."""
    for reader, one in said.items():
        if reader:
            labels = tuple(name for name in classes if name in one.labels)
            yield wsbench.types.Reading(reader, image, labels, tuple(one.boxes))


def _absent(split: str, names: Sequence[str]) -> list[wsbench.Problem]:
    if not names:
        return []
    shown = ", ".join(names[:NAMED]) + (" ..." if len(names) > NAMED else "")
    what = f"lacks {len(names)} images that the tables name: {shown}"
    return [wsbench.Problem(f"{split}/", what, "missing image", remedy="none")]
