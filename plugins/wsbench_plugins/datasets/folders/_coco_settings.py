"""The keys of an entry of datasets.yaml that says ``kind: coco``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

import wsbench

from ._words import BySplit, ClassMap, Levels, Places


class CocoSettings(wsbench.Settings):
    """Where images and annotations lie, and what they mean."""

    annotations: Places = Field(
        description="the COCO JSON file, or one for every split: {train: train.json, test: test.json}",
    )
    images: Places = Field(
        ".", description="the folder of the images that file_name begins in, or one for every split"
    )
    lists: BySplit | None = Field(
        None,
        description="for a single JSON file: a text file of image names for every split, a name a line",
    )
    classes: ClassMap = Field(
        {},
        description="by the name of a category, the class that it is; null passes its boxes over. "
        "Empty: every category is a class",
    )
    unboxed: Literal["normal", "unknown"] = Field(
        "normal",
        description="what an image without a box is: normal (it shows no class) or unknown (it is left out)",
    )
    patient: str | None = Field(
        None, description="the key of an image's entry that names its patient; null: patients are unknown"
    )
    grey_levels: Levels | None = Field(
        None, description="of images of 16 bits: the values that are black and white, such as [0, 4095]"
    )

    @model_validator(mode="after")
    def _one_way_to_split(self) -> CocoSettings:
        if self.lists is not None and not isinstance(self.annotations, str):
            raise ValueError("lists: go with a single JSON file; annotations names one for every split")
        return self
