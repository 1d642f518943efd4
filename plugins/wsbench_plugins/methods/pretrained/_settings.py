"""Settings of method `pretrained`; free of torch, so that it can be listed without it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

import wsbench


class InputSettings(wsbench.Settings):
    """What the network is shown. What is left out is as the library says that publishes the model."""

    side: int | None = Field(None, ge=8, description="side of the square input, in pixels")
    resize: int | None = Field(
        None, ge=8, description="side that the image is resized to before `side` is cut"
    )
    fit: Literal["crop", "stretch"] | None = Field(
        None,
        description="crop: the shorter side becomes `resize`, and the centre is cut; stretch: both sides do",
    )
    channels: Literal[1, 3] | None = Field(None, description="channels, all equal")
    low: float | None = Field(None, description="value of black, before the mean is taken off")
    high: float | None = Field(None, description="value of white, likewise")
    mean: tuple[float, ...] | None = Field(None, description="of each channel, taken off")
    deviation: tuple[float, ...] | None = Field(None, description="of each channel, divided by")


class PretrainedSettings(wsbench.settings.MapSettings):
    """A released model, how its outputs are read, and the map that is made of it."""

    weights: str = Field(
        "torchxrayvision:densenet121-res224-all",
        description="the model: torchxrayvision:NAME, torchvision:NAME[.WEIGHTS], timm:NAME[.TAG], "
        "hf:OWNER/NAME, or a state-dict file (.pt, .pth, .safetensors)",
    )
    architecture: str = Field(
        "", description="of a file: torchvision/NAME, timm/NAME or torchxrayvision/NAME"
    )
    outputs: tuple[str, ...] = Field((), description="names of the outputs, where they are not published")
    labels: dict[str, str | int] = Field(
        {}, description="outputs by class, '{CLASS: OUTPUT}', by name or place from 0, where names differ"
    )
    activation: Literal["library", "sigmoid", "softmax"] = Field(
        "library",
        description="logits to scores; library: as published; sigmoid for a file",
    )
    input: InputSettings = Field(
        InputSettings(), description="what the network is shown (docs/how-to/models.md)"
    )
    trained_on: tuple[str, ...] = Field(
        (), description="releases that the model was trained on, where its library does not say"
    )
    sha256: str = Field("", description="first digits of a file's SHA-256; filled in by itself")

    @field_validator("outputs", "trained_on", mode="before")
    @classmethod
    def _one_word_is_a_list(cls, value: Any) -> Any:
        return [word.strip() for word in value.split(",")] if isinstance(value, str) else value

    @model_validator(mode="before")
    @classmethod
    def _knows_the_file(cls, values: Any) -> Any:
        """A run and its row are those of a file's content, whatever its name."""
        path = Path(str(values.get("weights", ""))).expanduser() if isinstance(values, Mapping) else Path()
        if not path.suffix or not path.is_file():
            return values
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        given = str(values.get("sha256") or digest[:12])
        if not digest.startswith(given):
            raise ValueError(f"the file's is {digest[:12]}: its content is another one")
        return {**values, "sha256": given}
