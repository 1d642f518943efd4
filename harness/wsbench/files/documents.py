"""JSON and YAML files from outside: of a limited size, and each checked against one model."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import from_json

from wsbench.errors import WsbenchError, suggestion
from wsbench.files import limits

if TYPE_CHECKING:
    from yaml.nodes import Node

FilePath = TypeVar("FilePath", str, Path)
Model = TypeVar("Model", bound=BaseModel)


def printable_line(text: str) -> str:
    """A text without line breaks and control characters; any other is a ValueError."""
    if not text.isprintable():
        raise ValueError("has characters that do not print")
    return text


Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(printable_line)]
"""What tables print as the name of something."""

FolderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=100)]
"""What names a folder or a file of ours, so that it can lead nowhere else."""


def possible_path(path: FilePath) -> FilePath:
    """A path that a file system can have; any other is a ValueError."""
    parts = [len(part.encode()) for part in Path(path).parts]
    if not str(path).isprintable() or max(parts, default=0) > 255 or sum(parts) > 3000:
        raise ValueError("is no path that a file system can have")
    return path


class Document(BaseModel):
    """Base of the models of files that are written for wsbench: an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


def read_bytes(path: Path) -> bytes:
    """What a file holds, without a byte-order mark.

    Raises:
        WsbenchError: it cannot be read, or is larger than `limits` allow.
    """
    try:
        limits.refuse_larger(path, path.stat().st_size, "holds")
        return path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except (OSError, ValueError) as error:  # a name with a NUL character is a ValueError
        reason = error.strerror if isinstance(error, OSError) else error
        raise WsbenchError(f"{path} cannot be read: {reason}") from None


def json_value(path: Path, content: bytes, what: str) -> Any:
    """The value of a JSON text in UTF-8, at most 200 levels deep, without NaN.

    Args:
        path: of its file, for the message.
        content: the text.
        what: its file is to be, for the message.

    Raises:
        WsbenchError: it is no such text.
    """
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise WsbenchError(f"{path}: not {what}: {error}") from None


def yaml_value(content: bytes | str, where: str) -> Any:
    """The value of a YAML text: plain data alone.

    Args:
        content: the text; bytes are UTF-8.
        where: it stands, for the message.

    Raises:
        WsbenchError: it is no YAML, or holds more than `limits` allow with every alias written out.
    """
    import yaml

    if len(content) > limits.YAML_BYTES:
        raise WsbenchError(f"{where}: holds more than the {limits.YAML_BYTES} characters that YAML may have")
    try:
        loader = yaml.SafeLoader(content)
        node = loader.get_single_node()
        if node is None:
            return None
        if _values(node, {}) > limits.YAML_VALUES:
            raise WsbenchError(f"{where}: its aliases stand for more than {limits.YAML_VALUES} values")
        return loader.construct_document(node)
    except RecursionError:
        raise WsbenchError(f"{where}: not valid YAML: lists within lists go too deep") from None
    # Dates such as 2026-99-99 and numbers of 5,000 digits are ValueErrors of Python; unhashable keys and odd
    # tags are TypeErrors and others.
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise WsbenchError(f"{where}: not valid YAML: {' '.join(str(error).split())}") from None


def _values(node: Node, counted: dict[int, float]) -> float:
    """How many values a YAML node stands for, aliases written out; infinity for one within itself."""
    if id(node) not in counted:
        counted[id(node)] = float("inf")  # until it is known: whoever asks before is inside of it
        children: Iterable[Any] = node.value if isinstance(node.value, list) else ()
        pairs = [child if isinstance(child, tuple) else (child,) for child in children]
        counted[id(node)] = 1 + sum(_values(inner, counted) for pair in pairs for inner in pair)
    return counted[id(node)]


def checked(model: type[Model], value: Any, where: str) -> Model:
    """A value as an instance of its model.

    Args:
        model: what it must be.
        value: of JSON or YAML.
        where: it stands, for the message.

    Raises:
        WsbenchError: it is not; the message names the first key that is wrong, and why.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise WsbenchError(f"{where}: {reason_of(error, model)}") from None


def reason_of(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """The first complaint of a validation, as ``key: reason``.

    Args:
        error: of pydantic.
        model: whose keys are suggested for an unknown one at the top.
    """
    first = error.errors(include_url=False, include_input=False)[0]
    place, reason = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
    owner = first["type"] == "extra_forbidden" and _model_at(model, first["loc"][:-1])
    if owner:
        reason += f"; {suggestion(str(first['loc'][-1]), owner.model_fields)}"
    return f"{place}: {reason}" if place else reason


def _model_at(model: type[BaseModel] | None, place: Iterable[int | str]) -> type[BaseModel] | None:
    """The model of the value at a place inside a value of a model; None where there is none."""
    for key in place:
        field = model.model_fields.get(str(key)) if model is not None else None
        kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return model
