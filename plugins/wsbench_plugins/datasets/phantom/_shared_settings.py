"""The settings that both phantoms share: the style of the scanner, and truth masks."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

import wsbench

Markers = Literal["drawn", "none", "plate", "tokenless"]


class SharedSettings(wsbench.Settings):
    """Settings of both phantoms. By default they change nothing, and a record does not have them."""

    UNSEEN: ClassVar[frozenset[str]] = frozenset({"masks", "nuisances"})
    """Settings that change no pixel, so that an image's content does not have them."""

    masks: bool = Field(False, description="also give the pixels of every boxed lesion as truth masks")
    tone: float = Field(
        1.0,
        ge=0.25,
        le=4,
        description="gamma of the scanner's grey levels; above 1 is darker, 1 changes none",
    )
    noise: float = Field(
        0.0,
        ge=0,
        le=1,
        description="standard deviation of the scanner's grain, in an image of 512 pixels a side, as a share "
        "of white",
    )
    exposure: float = Field(
        0.0, ge=-3, le=3, description="stops above the planned exposure; below 0 is brighter and noisier"
    )
    markers: Markers = Field(
        "drawn",
        description="drawn: as chance has it; none: not even the token; tokenless: all but the token; plate: "
        "besides those drawn, the scanner's name on every image",
    )
    token_scale: float = Field(
        1.0,
        ge=1,
        le=4,
        description="size of the token, times the usual: a shortcut that is seen at low resolution",
    )
    tested_marker_correlation: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="marker_correlation of the split that is tested; none: that of all images",
    )
    nuisances: bool = Field(
        False, description="also mark the boxes of the token as nuisances, for metrics of maps"
    )

    @model_serializer(mode="wrap")
    def _without_defaults(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Records and fingerprints from before there were these settings stay what they are.
        values: dict[str, Any] = serialise(self)
        fields = SharedSettings.model_fields
        return {
            name: value
            for name, value in values.items()
            if name not in fields or value != fields[name].default
        }
