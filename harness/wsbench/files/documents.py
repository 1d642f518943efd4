"""Reads JSON and YAML files of users, with a limited size, and checks each against a model."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import from_json

from wsbench.errors import WsbenchError, nearest, suggestion
from wsbench.files import limits
from wsbench.files.user_files import read_text

if TYPE_CHECKING:
    from yaml.nodes import Node

FilePath = TypeVar("FilePath", str, Path)
Model = TypeVar("Model", bound=BaseModel)


def printable_line(text: str) -> str:
    """Return a text that has no line breaks or control characters; raise ValueError for any other."""
    if not text.isprintable():
        raise ValueError("has characters that do not print")
    return text


Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(printable_line)]
"""A name that tables print."""

FolderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=100)]
"""A name of a folder or file within a folder of wsbench. It cannot lead to another folder."""


def possible_path(path: FilePath) -> FilePath:
    """Return a path that a file system can have; raise ValueError for any other."""
    lengths = [len(name.encode()) for name in Path(path).parts]
    if not str(path).isprintable() or max(lengths, default=0) > 255 or sum(lengths) > 3000:
        raise ValueError("is no path that a file system can have")
    return path


class Document(BaseModel):
    """Base class of models of files that are written for wsbench. An unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


def read_bytes(path: Path) -> bytes:
    """Read the bytes of a file, without a byte-order mark.

    Raises:
        WsbenchError: the file cannot be read, or is larger than `limits` allow.
    """
    try:
        limits.refuse_larger(path, path.stat().st_size, "holds")
        return path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except FileNotFoundError as error:
        raise WsbenchError(f"{path} cannot be read: {error.strerror}{_meant(path)}") from None
    except (OSError, ValueError) as error:  # a name with a NUL character is a ValueError
        reason = error.strerror if isinstance(error, OSError) else error
        raise WsbenchError(f"{path} cannot be read: {reason}") from None


def _meant(path: Path) -> str:
    """Words that name the file beside a missing one whose name is nearest, if there is one."""
    try:
        others = sorted(other.name for other in path.parent.iterdir())
    except OSError:
        return ""
    close = nearest(path.name, others, likeness=0.8)  # suffixes alone make many names half alike
    return f"; did you mean '{path.with_name(close)}'?" if close else ""


def read_json(path: Path, model: type[Model], noun: str) -> Model:
    """Read a JSON file and check it against a pydantic model.

    Args:
        path: the file, in UTF-8, with or without a byte-order mark.
        model: the model of its content.
        noun: the file in words, such as ``a COCO annotation file``, for the message.

    Raises:
        WsbenchError: the file cannot be read, is too large, is not UTF-8, or does not fit the model. The
            message names the first wrong key and the reason.
    """
    try:
        return model.model_validate_json(read_text(path))
    except ValidationError as error:
        raise WsbenchError(f"{path} is not {noun}: {reason_of(error, model)}") from None


def json_value(path: Path, content: bytes, noun: str) -> Any:
    """Parse a JSON text in UTF-8, at most 200 levels deep and without NaN.

    Args:
        path: the file of the text, for the message.
        content: the text.
        noun: the file in words, for the message.

    Raises:
        WsbenchError: the text is not valid.
    """
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise WsbenchError(f"{path}: not {noun}: {error}") from None


def yaml_value(content: bytes | str, where: str) -> Any:
    """Parse a YAML text of plain data.

    Args:
        content: the text; bytes are UTF-8.
        where: the place of the text, for the message.

    Raises:
        WsbenchError: the text is not valid, or has more values than `limits` allow when every alias is
            replaced by what it stands for.
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
    # Besides YAMLError, dates such as 2026-99-99 and numbers of 5,000 digits raise ValueError, and unhashable
    # keys and unknown tags raise TypeError and others.
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise WsbenchError(f"{where}: not valid YAML: {' '.join(str(error).split())}") from None


def _values(node: Node, counted: dict[int, float]) -> float:
    """Count the values that a YAML node stands for, with every alias replaced; infinity for a node that
    contains itself."""
    if id(node) not in counted:
        counted[id(node)] = float("inf")  # this is what a node finds that is counted within itself
        children: Iterable[Any] = node.value if isinstance(node.value, list) else ()
        pairs = [child if isinstance(child, tuple) else (child,) for child in children]
        counted[id(node)] = 1 + sum(_values(inner, counted) for pair in pairs for inner in pair)
    return counted[id(node)]


def checked(model: type[Model], value: Any, where: str) -> Model:
    """Make an instance of a model from a value.

    Args:
        model: the model.
        value: the value of a JSON or YAML text.
        where: the place of the value, for the message.

    Raises:
        WsbenchError: the value does not fit; the message names the first wrong key and the reason.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise WsbenchError(f"{where}: {reason_of(error, model)}") from None


class Fault(NamedTuple):
    """The first thing that a validation found wrong.

    Attributes:
        keys: the keys and indices that lead to the wrong value; empty for the document itself.
        reason: what is wrong with the value, in words.
        kind: pydantic's name of the error, such as ``missing``.
    """

    keys: tuple[str, ...]
    reason: str
    kind: str

    @property
    def key(self) -> str:
        """The keys joined by dots."""
        return ".".join(self.keys)


def first_fault(error: ValidationError) -> Fault:
    """Return the first fault of a pydantic error."""
    # The input may be a whole document, so pydantic is told to leave it out.
    details = error.errors(include_url=False, include_input=False)[0]
    keys = tuple(map(str, details["loc"]))
    return Fault(keys, details["msg"].removeprefix("Value error, "), details["type"])


def reason_of(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """Describe the first fault of a pydantic error as ``key: reason``.

    Args:
        error: the error.
        model: the model that was validated, whose keys are suggested for an unknown key at the top.
    """
    fault = first_fault(error)
    reason, owner = fault.reason, None
    if fault.kind == "extra_forbidden":
        owner = _model_at(model, fault.keys[:-1])
    if owner is not None:
        reason += f"; {suggestion(fault.keys[-1], owner.model_fields)}"
    return f"{fault.key}: {reason}" if fault.keys else reason


def _model_at(model: type[BaseModel] | None, keys: Iterable[str]) -> type[BaseModel] | None:
    """The model of the value that some keys lead to inside a value of a model; None where there is none."""
    for key in keys:
        if key.isdigit():  # the place in a list, whose model is known
            continue
        field = model.model_fields.get(key) if model is not None else None
        kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return model
