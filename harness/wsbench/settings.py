"""Settings models: types, defaults, bounds and one line of help each, filled from any source alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from wsbench.errors import WsbenchError, suggestion
from wsbench.files.documents import yaml_value


class Settings(BaseModel):
    """Base of every settings model. A field's default is the published value, its description one line
    that names the source."""

    # Deferred: listing plugins needs no validator, and building them all costs more than the rest of it.
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, defer_build=True)

    @field_validator("*", mode="before")
    @classmethod
    def _choice_from_text(cls, value: Any, info: ValidationInfo) -> Any:
        """pydantic converts text to numbers, but not to the numbers of a `Literal`."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        if not isinstance(value, str) or get_origin(annotation) is not Literal:
            return value
        return next((choice for choice in get_args(annotation) if str(choice) == value), value)


AnySettings = TypeVar("AnySettings", bound=Settings)


def fill(model: type[AnySettings], values: Mapping[str, Any], owner: str) -> AnySettings:
    """An instance of ``model``; text (from ``-o name=value``) is converted to each field's type.

    Raises:
        WsbenchError: an unknown name or a value out of bounds, in one line.
    """
    for name in values:
        if name not in model.model_fields:
            raise WsbenchError(f"{owner} has no option '{name}'; {suggestion(name, model.model_fields)}")
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        reason = first["msg"].removeprefix("Value error, ")
        raise WsbenchError(
            f"{owner}: option {name}={first['input']!s} is not possible: {reason}; "
            f"see `wsbench describe {owner}`"
        ) from None


def parse_options(words: list[str]) -> dict[str, Any]:
    """``["name=value", ...]`` -> a dictionary; lists and mappings are written as in YAML.

    Raises:
        WsbenchError: a word without ``=``, a name given twice, or a list that does not end.
    """
    options: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise WsbenchError(f"option '{word}' must be written name=value")
        if name in options:
            raise WsbenchError(f"option '{name}' is given twice")
        options[name] = _parsed(name, value.strip())
    return options


def _parsed(name: str, value: str) -> Any:
    if not value.startswith(("[", "{")):
        return value
    return yaml_value(value, f"option '{name}'")


HISTORY = "history.csv"
"""What every epoch logged and how long it took, in a run's folder."""

Precision = Literal["32", "bf16", "auto"]


class TrainingSettings(Settings):
    """How `train` trains. Derive from it and override defaults with published values."""

    epochs: int = Field(100, ge=1, description="most epochs to train")
    patience: int = Field(10, ge=1, description="epochs without a lower select loss before training stops")
    batch_size: int = Field(64, ge=1, description="images a step")
    learning_rate: float = Field(1e-3, gt=0, description="of the optimiser")
    weight_decay: float = Field(0.0, ge=0, description="of the optimiser")
    precision: Precision = Field(
        "32", description="32, bf16 (autocast), or auto: bf16 where the hardware computes in it"
    )
    channels_last: bool = Field(False, description="memory format of images and weights; speed only")
    loader_workers: int = Field(0, ge=0, description="processes that prepare batches; 0 is fastest on a CPU")


MapKind = Literal[
    "gradcam",
    "gradcam++",
    "layercam",
    "hirescam",
    "scorecam",
    "eigencam",
    "attention_rollout",
    "saliency",
    "integrated_gradients",
    "guided_backprop",
]


class MapSettings(Settings):
    """Which map of a classifier is made, and how it is drawn; `wsbench.torch.explain` takes them.

    Training depends on none of these settings (`MAP_SETTINGS`)."""

    cam: MapKind = Field("gradcam", description="kind of map; docs/cam.md cites each")
    layer: str = Field(
        "auto",
        description="module whose output is mapped, by its name in the network; auto: the last one on whose "
        "cells the score depends",
    )
    cells: Literal["stretched", "centred"] = Field(
        "stretched",
        description="where the cells of a CAM lie: stretched over the crop, as CAM libraries draw them, or "
        "centred on what each cell sees (docs/cam.md)",
    )
    steps: int = Field(32, ge=1, description="steps of integrated_gradients, from a black image to the image")
    smoothing: float = Field(
        0.0,
        ge=0,
        description="standard deviation of a Gaussian that smooths the map, in pixels of the input; 0: none",
    )


MAP_SETTINGS = tuple(MapSettings.model_fields)
"""Their names, for `MethodSpec.after_fit`."""
