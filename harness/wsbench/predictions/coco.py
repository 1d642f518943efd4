"""Reads COCO files of predictions and fits them to a dataset."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
from pydantic import BaseModel, FailFast, Field, FiniteFloat, RootModel, ValidationError

from wsbench.data.dataset import Loaded
from wsbench.data.image_names import ImageNames
from wsbench.errors import WsbenchError, suggestion
from wsbench.files.documents import first_fault, read_bytes
from wsbench.geometry.box_units import frame_doubt
from wsbench.geometry.coordinates import areas, clip, xywh_to_xyxy
from wsbench.predictions.box_formats import BoxFormat
from wsbench.predictions.box_reading import MARGIN, in_pixels
from wsbench.predictions.coco_ids import OfficialIds, names_by_id
from wsbench.predictions.file_checks import require, scores_in_unit
from wsbench.predictions.store import SCORED_ROLES
from wsbench.types import Prediction, Role, Sample, ScoredBox

Model = TypeVar("Model", bound=BaseModel)

Pixels = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Id = Annotated[int, Field(ge=-(2**63), lt=2**63)] | str

FORMS_OF_ID = ("constrained-int", "str")
"""Pydantic's names of the two forms of an id, in the location of an error."""


class CocoImage(BaseModel):
    """An image entry. ``scores`` is an extension of wsbench: the score of each class."""

    id: Id
    file_name: str
    width: Annotated[int, Field(ge=1, le=10**6)] | None = None
    height: Annotated[int, Field(ge=1, le=10**6)] | None = None
    scores: dict[str, FiniteFloat] | None = None


class CocoCategory(BaseModel):
    """A category entry."""

    id: Id
    name: str


class CocoBox(BaseModel):
    """A result: a box as x, y, width, height in pixels of the original image.

    ``corners`` is an extension of wsbench: x0, y0, x1, y1 without the rounding error of adding widths.
    """

    image_id: Id
    category_id: Id
    bbox: tuple[Pixels, Pixels, Pixels, Pixels]
    score: FiniteFloat
    corners: tuple[Pixels, Pixels, Pixels, Pixels] | None = None


Item = TypeVar("Item")
Listed = Annotated[list[Item], FailFast()]
"""A list whose validation stops at the first bad item. The errors of all items could fill the memory."""


class CocoFile(BaseModel):
    """A COCO file of predictions."""

    images: Listed[CocoImage] = []
    categories: Listed[CocoCategory] = []
    annotations: Listed[CocoBox]


class CocoList(RootModel[list[CocoBox]]):
    """A list of results without anything else."""

    root: Listed[CocoBox]


class CocoNames(BaseModel):
    """The entries of a COCO file of annotations that name its ids."""

    images: Listed[CocoImage]
    categories: Listed[CocoCategory] = []


class CocoResults:
    """The boxes and scores of a file, checked against a dataset."""

    def __init__(
        self,
        path: Path,
        content: bytes,
        loaded: Loaded,
        categories: Mapping[str, str],
        images: Path | None,
        form: BoxFormat | None = None,
    ) -> None:
        self._path = path
        self._loaded = loaded
        self._sample = {sample.name: sample for sample in loaded.samples}
        self._names = ImageNames([*self._sample, *loaded.left_out])
        self._file = _results(path, content)
        names = _parse(CocoNames, images, read_bytes(images)) if images else None
        listings = [(images, names.images)] if images and names else []
        for image in [*self._file.images, *(names.images if names else [])]:
            image.file_name = self._names.full(image.file_name)
        self._name_of = names_by_id([*listings, (path, self._file.images)], self._names)
        official = OfficialIds(path, loaded, self._names)
        of_official = {} if self._name_of else official.images(b.image_id for b in self._file.annotations)
        self._name_of |= of_official
        self._leave_out(loaded.left_out)
        self._class_of = {
            str(category.id): category.name
            for category in [*(names.categories if names else []), *self._file.categories]
        } | dict(categories)
        self._official_class = official.classes(
            () if self._class_of else (box.category_id for box in self._file.annotations)
        )
        self.official_key = official.key(of_official, map(self._category_word, self._file.annotations))
        self._leave_out_categories()
        for image in self._file.images:
            self._check_frame(image)
        if form is not None:
            self._file.annotations = in_pixels(path, self._file.annotations, self._sample_of, form)

    def _leave_out(self, names: frozenset[str]) -> None:
        """Ignore the entries of images that were left out of the dataset as bad."""
        self._file.images = [image for image in self._file.images if image.file_name not in names]
        self._file.annotations = [
            box
            for box in self._file.annotations
            if self._name_of.get(str(box.image_id), self._names.full(str(box.image_id))) not in names
        ]

    def _leave_out_categories(self) -> None:
        """Ignore the boxes of categories that the dataset does not use, and say so."""
        unused = Counter(
            str(box.category_id) for box in self._file.annotations if self._class_name(box) is None
        )
        if unused:
            self._file.annotations = [
                box for box in self._file.annotations if self._class_name(box) is not None
            ]
            words = " and ".join(f"{count} of category {category}" for category, count in unused.items())
            self._loaded.progress.say(
                f"{self._path}: boxes that {self._loaded.spec.name} does not use: {words}"
            )

    def parts(self) -> dict[Role, Prediction]:
        """Return predictions of test, and of select and calibrate where the file lists their images."""
        boxes = self._boxes()
        listed = {image.file_name: image for image in self._file.images}
        members = self._loaded.roles.members
        if listed:
            require(self._path, [name for name in members["test"] if name not in listed], "test", "entry")
        roles = [r for r in SCORED_ROLES if r == "test" or (listed and set(members[r]) <= set(listed))]
        return {role: self._part(members[role], boxes, listed) for role in roles}

    def frame_doubt(self) -> str:
        """Say why the boxes seem not to be in pixels of the original images; empty where nothing is
        suspicious."""
        samples = [self._sample_of(box.image_id) for box in self._file.annotations]
        corners = np.array([xywh_to_xyxy(box.bbox) for box in self._file.annotations])
        return frame_doubt(corners, np.array([(sample.width, sample.height) for sample in samples]))

    def _part(
        self, names: Sequence[str], boxes: Mapping[str, list[ScoredBox]], listed: Mapping[str, CocoImage]
    ) -> Prediction:
        boxes_of_images = [boxes.get(name, []) for name in names]
        scores = [
            self._scores(listed.get(name), boxes_of_image)
            for name, boxes_of_image in zip(names, boxes_of_images, strict=True)
        ]
        shape = (len(names), len(self._loaded.dataset.classes))
        return Prediction(np.array(scores, dtype=np.float64).reshape(shape), boxes=boxes_of_images)

    def _scores(self, image: CocoImage | None, boxes: Sequence[ScoredBox]) -> list[float]:
        """Return the class scores of an image: those of the file, or the best score of its boxes of each
        class.

        Raises:
            WsbenchError: the scores are not those of the dataset's classes, or not in [0, 1].
        """
        classes = self._loaded.dataset.classes
        if image is None or image.scores is None:
            return [max((box.score for box in boxes if box.label == name), default=0.0) for name in classes]
        for name in [*image.scores, *classes]:
            if name not in classes or name not in image.scores:
                raise WsbenchError(
                    f"{self._path}: the scores of {image.file_name} must be of {', '.join(classes)}; "
                    f"found {', '.join(image.scores)}"
                )
        scores = [image.scores[name] for name in classes]
        scores_in_unit(self._path, scores, f"the scores of {image.file_name}")
        return scores

    def _boxes(self) -> dict[str, list[ScoredBox]]:
        """Return the boxes of each image, cut to it."""
        results: dict[str, list[CocoBox]] = defaultdict(list)
        for box in self._file.annotations:
            results[self._sample_of(box.image_id).name].append(box)
        boxes = {}
        for name, of_image in results.items():
            self._check_once(name, of_image)
            cut = [self._cut(box, self._sample[name]) for box in of_image]
            boxes[name] = [box for box in cut if box is not None]
        return boxes

    def _cut(self, box: CocoBox, sample: Sample) -> ScoredBox | None:
        """Cut a box to its image; None where it lies in the margin around the image.

        Raises:
            WsbenchError: the box reaches beyond the margin, has no area, or its score is not in [0, 1].
        """
        corners = np.array([box.corners or xywh_to_xyxy(box.bbox)])
        width, height = sample.width, sample.height
        slack = np.array([width, height] * 2) * MARGIN
        outside = (corners < -slack).any() or (corners > [width, height] * 2 + slack).any()
        contradictory = np.abs(corners - [xywh_to_xyxy(box.bbox)]).max() > 1e-6
        if outside or contradictory or box.bbox[2] <= 0 or box.bbox[3] <= 0:
            raise WsbenchError(
                f"{self._path}: the box {list(box.bbox)} of {sample.name} has no area, is not its corners"
                f" or leaves its {width}x{height} pixels; boxes are x, y, width, height in pixels of the "
                "original image"
            )
        scores_in_unit(self._path, [box.score], f"the score of the box {list(box.bbox)} of {sample.name}")
        label, within = self._class(box), clip(corners, width, height)
        x0, y0, x1, y1 = within[0].tolist()
        return ScoredBox(label, x0, y0, x1, y1, box.score) if areas(within)[0] > 0 else None

    def _check_once(self, name: str, results: Sequence[CocoBox]) -> None:
        """Raise WsbenchError if an image is listed twice: under two ids, or with every result doubled.

        All results are doubled where the lists of several processes overlap. A single pair of equal results
        is accepted.
        """
        if len(ids := sorted({str(box.image_id) for box in results})) > 1:
            raise WsbenchError(
                f"{self._path}: image {name} has boxes under two ids, {ids[0]} and {ids[1]}; "
                "give it one id, and its boxes once"
            )
        if min(Counter((str(box.category_id), box.bbox, box.score) for box in results).values()) > 1:
            raise WsbenchError(
                f"{self._path}: every box of image {name} is listed twice, as where the lists of several "
                "processes overlap; list each image once"
            )

    def _sample_of(self, image_id: int | str) -> Sample:
        name = self._name_of.get(str(image_id))
        if name is None and isinstance(image_id, int):  # a number is not taken for the name of a file
            raise WsbenchError(
                f"{self._path}: image_id {image_id} has no name; give --images, a COCO file that names it"
            )
        return self._known(name or self._names.full(str(image_id)))

    def _known(self, name: str) -> Sample:
        if name not in self._sample:
            raise WsbenchError(
                f"{self._path}: image '{name}' is not in {self._loaded.spec.name}; "
                f"{suggestion(name, self._sample)}"
            )
        return self._sample[name]

    def _category_word(self, box: CocoBox) -> str:
        """Return the name that the file or the user gives to the category of a box, or else its id."""
        return self._class_of.get(str(box.category_id), str(box.category_id))

    def _class_name(self, box: CocoBox) -> str | None:
        """Return the class of a box; None where the dataset does not use its category."""
        word = self._category_word(box)
        return self._official_class.get(word, word)

    def _class(self, box: CocoBox) -> str:
        classes = self._loaded.dataset.classes
        name = self._class_name(box)
        if name not in classes:
            category = box.category_id
            raise WsbenchError(
                f"{self._path}: category {category} is no class of {self._loaded.spec.name} "
                f"({', '.join(classes)}); say which with --category {category}=CLASS"
            )
        return name

    def _check_frame(self, image: CocoImage) -> None:
        sample = self._known(image.file_name)
        width, height = image.width or sample.width, image.height or sample.height
        if (width, height) != (sample.width, sample.height):
            raise WsbenchError(
                f"{self._path}: {image.file_name} is {width}x{height} there and "
                f"{sample.width}x{sample.height} in {self._loaded.spec.name}: its boxes are in another frame"
            )


def _results(path: Path, content: bytes) -> CocoFile:
    """Parse a COCO file or a plain list of results. The first character tells which of them it is."""
    if content.lstrip()[:1] != b"[":
        return _parse(CocoFile, path, content)
    return CocoFile.model_construct(annotations=_parse(CocoList, path, content).root)


def _parse(model: type[Model], path: Path, content: bytes) -> Model:
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        fault = first_fault(error)
        keys, reason = list(fault.keys), fault.reason
        if keys and keys[-1] in FORMS_OF_ID:
            keys, reason = keys[:-1], "Input should be a whole number or text"
        if fault.kind == "missing" and keys[-1] == "bbox":
            reason += "; masks are not read"
        if keys and model is CocoList:
            keys[0] = f"item {keys[0]}: {keys.pop(1)}" if len(keys) > 1 else f"item {keys[0]}"
        location = f"{'.'.join(keys)}: " if keys else ""
        raise WsbenchError(f"{path}: not COCO results: {location}{reason}") from None
