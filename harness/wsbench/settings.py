"""Settings models: the type, default, bounds and help of every setting. All sources are checked alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
)

from wsbench.errors import WsbenchError, suggestion
from wsbench.files.documents import first_fault, yaml_value


class Settings(BaseModel):
    """Base class of every settings model (a frozen pydantic model).

    The default of a field is the published value. Its description is one line that names the source.

    Attributes:
        LATER: the names of settings that were added when runs of the method existed. At its default such a
            setting is left out of keys and records, so that these runs stay what they were.
    """

    LATER: ClassVar[tuple[str, ...]] = ()

    # Deferred, because listing plugins needs no validators, and building them takes longer than all else.
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, defer_build=True)

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, values_of: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = values_of(self)
        fields = type(self).model_fields
        for name in self.LATER:
            if getattr(self, name) == fields[name].default:
                values.pop(name, None)
        return values

    @field_validator("*", mode="before")
    @classmethod
    def _choice_from_text(cls, value: Any, info: ValidationInfo) -> Any:
        """Convert text to the choice of a `Literal` that it names. Pydantic converts text to numbers, but not
        to the numbers of a `Literal`."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        if not isinstance(value, str) or get_origin(annotation) is not Literal:
            return value
        return next((choice for choice in get_args(annotation) if str(choice) == value), value)


AnySettings = TypeVar("AnySettings", bound=Settings)


def fill(model: type[AnySettings], values: Mapping[str, Any], owner: str) -> AnySettings:
    """Make an instance of a settings model.

    Args:
        model: the settings model.
        values: values by name. Text (from ``-o name=value``) is converted to the type of its field.
        owner: the plugin that the settings belong to, for messages.

    Raises:
        WsbenchError: a name is unknown, or a value has the wrong type or is out of bounds.
    """
    for name in values:
        if name not in model.model_fields:
            raise WsbenchError(f"{owner} has no option '{name}'; {suggestion(name, model.model_fields)}")
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        fault, value = first_fault(error), error.errors()[0]["input"]
        raise WsbenchError(
            f"{owner}: option {fault.key or 'settings'}={value!s} is not valid: {fault.reason}; "
            f"see `wsbench describe {owner}`"
        ) from None


def parse_options(words: list[str]) -> dict[str, Any]:
    """Parse options of the command line.

    Args:
        words: options of the form ``name=value``. Lists and mappings are written as in YAML.

    Returns:
        Values by name. Values that are neither lists nor mappings stay text.

    Raises:
        WsbenchError: a word has no ``=``, a name occurs twice, or a list or mapping is not valid YAML.
    """
    options: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise WsbenchError(f"option '{word}' must be written name=value")
        if name in options:
            raise WsbenchError(f"option '{name}' is given twice; give it once")
        options[name] = _parsed(name, value.strip())
    return options


def _parsed(name: str, value: str) -> Any:
    if not value.startswith(("[", "{")):
        return value
    return yaml_value(value, f"option '{name}'")


HISTORY = "history.csv"
"""The file in a run's folder that holds what every epoch logged and how long it took."""

Precision = Literal["32", "bf16", "auto"]


class TrainingSettings(Settings):
    """Settings of `wsbench.torch.train`. Derive from this class and set the published values as defaults."""

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
    "xgradcam",
    "gradcam_elementwise",
    "eigencam",
    "eigengradcam",
    "segeigencam",
    "attention_rollout",
    "saliency",
    "integrated_gradients",
    "guided_backprop",
]


class MapSettings(Settings):
    """The map that is made of a classifier, and how it is drawn; `wsbench.torch.explain` takes them.

    Training depends on none of them (`MAP_SETTINGS`).
    """

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
"""The names of the settings of maps. A method that has them gives them as `MethodSpec.after_fit`."""
