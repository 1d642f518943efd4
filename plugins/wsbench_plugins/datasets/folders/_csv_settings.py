"""The keys of an entry of datasets.yaml that says ``kind: csv``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

import wsbench

from ._words import BySplit, ClassMap, Levels, Places, Word

SIZES = ("x", "y", "width", "height")
CORNERS = ("x0", "y0", "x1", "y1")


class Columns(wsbench.Settings):
    """The headings of the columns, by what stands in them."""

    image: Word = Field(description="the image's file, with or without its suffix")
    label: Word | None = Field(None, description="the class of the row: of its box, where it has one")
    x: Word | None = Field(None, description="of a box: its left edge, in pixels")
    y: Word | None = Field(None, description="its upper edge")
    width: Word | None = Field(None, description="its width")
    height: Word | None = Field(None, description="its height")
    x0: Word | None = Field(None, description="in place of x, y, width and height: the left edge, in pixels")
    y0: Word | None = Field(None, description="the upper edge")
    x1: Word | None = Field(None, description="the right edge")
    y1: Word | None = Field(None, description="the lower edge")
    labels: Word | None = Field(None, description="all classes of the image in one cell, between separators")
    flags: tuple[Word, ...] = Field(
        (),
        description="a column for each class, with its heading as name: 1 where it is present, 0 or nothing",
    )
    patient: Word | None = Field(None, description="the patient")
    split: Word | None = Field(None, description="the split")
    image_width: Word | None = Field(None, description="width of the image that was annotated, in pixels")
    image_height: Word | None = Field(None, description="its height")

    @model_validator(mode="after")
    def _whole_boxes(self) -> Columns:
        for names, others in ((SIZES, CORNERS), (CORNERS, SIZES)):
            named = [name for name in names if getattr(self, name) is not None]
            if named and len(named) < 4:
                raise ValueError(f"a box needs the columns {', '.join(names)}, or {', '.join(others)}")
        if self.x is not None and self.x0 is not None:
            raise ValueError("name x, y, width and height of a box, or x0, y0, x1 and y1, not both")
        if (self.image_width is None) != (self.image_height is None):
            raise ValueError("image_width and image_height go together")
        if self.labels is not None and self.flags:
            raise ValueError("labels: name a column of all classes or flags, not both")
        return self

    @property
    def box(self) -> tuple[str, ...]:
        """The headings of a box's four columns; empty where there are none."""
        names = SIZES if self.x is not None else CORNERS
        return tuple(heading for name in names if (heading := getattr(self, name)) is not None)

    @property
    def headings(self) -> tuple[str, ...]:
        """Of all columns that are read."""
        single = (getattr(self, name) for name in type(self).model_fields if name != "flags")
        return (*(heading for heading in single if heading is not None), *self.flags)


class CsvSettings(wsbench.Settings):
    """Where images and tables lie, what their columns are, and what their words mean."""

    table: Places = Field(description="the CSV file, or one for every split: {train: train.csv}")
    columns: Columns = Field(description="the headings of the columns, by what stands in them")
    boxes: Places | None = Field(
        None, description="a second table, of boxes alone, where the first says what images show"
    )
    box_columns: Columns | None = Field(None, description="the headings of its columns")
    images: Places = Field(".", description="the folder of the images, or one for every split")
    lists: BySplit | None = Field(
        None, description="for a single table: a text file of image names for every split, a name a line"
    )
    classes: ClassMap = Field(
        {},
        description="by the word in the table, the class that it is; null passes it over. "
        "Empty: every word is a class",
    )
    only_class: str | None = Field(None, description="the class of all rows, where no column names it")
    normal: tuple[Word, ...] = Field(
        ("No finding", "No Finding", "no finding", "Normal", "normal"),
        description="words in place of a class that say that the image shows nothing",
    )
    unboxed: Literal["label", "normal", "unknown"] = Field(
        "label",
        description="what a row without a box is: label (the class that it names is present, and nobody "
        "knows where; without a class, the image is normal), normal (the image shows nothing, whatever class "
        "the row names) or unknown (the image is left out)",
    )
    uncertain: Literal["unknown", "present", "absent"] = Field(
        "unknown", description="what a flag of -1 says; unknown leaves the image out"
    )
    separator: str = Field("|", min_length=1, description="between the classes in a cell of labels")
    delimiter: str = Field(",", min_length=1, max_length=1, description="between the cells of a row")
    grey_levels: Levels | None = Field(
        None, description="of images of 16 bits: the values that are black and white, such as [0, 4095]"
    )

    @model_validator(mode="after")
    def _whole(self) -> CsvSettings:
        columns = self.columns
        ways = [not isinstance(self.table, str), self.lists is not None, columns.split is not None]
        if sum(ways) > 1:
            raise ValueError("several tables, lists and a column of splits each say the split; choose one")
        if self.only_class is not None and columns.label is not None:
            raise ValueError("only_class: the column label names the class; choose one")
        named = columns.label or self.only_class or columns.labels or columns.flags
        if not named:
            raise ValueError("columns: name label, labels or flags, or the only_class of all rows")
        return self

    @model_validator(mode="after")
    def _class_of_boxes(self) -> CsvSettings:
        boxed = self.columns if self.box_columns is None else self.box_columns
        if boxed.box and not (boxed.label or self.only_class):
            raise ValueError("columns: a box needs the column label, or only_class")
        if self.only_class is not None and self.classes:
            raise ValueError("only_class: is the class itself; classes maps words of a table")
        if self.only_class is not None and not boxed.box:
            raise ValueError("only_class: needs the columns of a box, which say where it is present")
        return self

    @model_validator(mode="after")
    def _whole_table_of_boxes(self) -> CsvSettings:
        if (self.boxes is None) != (self.box_columns is None):
            raise ValueError("boxes and box_columns go together")
        if self.box_columns is not None and (self.columns.box or not self.box_columns.box):
            raise ValueError("boxes: name the columns of a box in box_columns, and not in columns")
        return self
