"""Reads archives of arrays (npz) from users, within limits and without pickles. Any damage is an error of one
line."""

from __future__ import annotations

import math
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from wsbench.errors import WsbenchError
from wsbench.files import limits
from wsbench.files.documents import reason_of

SUFFIX = ".npy"
KINDS = {"text": "U", "numbers": "fiub", "whole numbers": "iu"}
"""The kinds of values that an array may hold, with NumPy's letters for them. Bytes are read as UTF-8 text."""

SURROGATES = 0xD800 >> 11
"""The upper bits of surrogates, which are halves of characters and no text by themselves."""

Model = TypeVar("Model", bound="Arrays")


class Arrays(BaseModel):
    """Base class of models of archives. Each field is an array of the archive; other arrays are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)


def array(kind: str, *, axes: int) -> AfterValidator:
    """Make a validator of arrays.

    Args:
        kind: one of `KINDS`.
        axes: the number of axes that an array must have.
    """

    def check(values: np.ndarray) -> np.ndarray:
        if values.dtype.kind not in KINDS[kind]:
            raise ValueError(f"must hold {kind}, not {values.dtype}")
        if values.ndim != axes:
            raise ValueError(f"must have {axes} axes; its shape is {values.shape}")
        return values

    return AfterValidator(check)


def read_archive(model: type[Model], path: Path, noun: str) -> Model:
    """Read the arrays of an archive and check them against a model.

    Args:
        model: the model of the archive.
        path: the file.
        noun: the file in words, for the message.

    Raises:
        WsbenchError: the file cannot be read, expands to more than `limits` allow, or does not fit the model.
    """
    arrays = read_arrays(path, noun)
    for name, field in model.model_fields.items():
        if field.is_required() and name not in arrays:
            raise WsbenchError(f"{path}: has no array '{name}' (it has {', '.join(arrays)})")
    try:
        return model.model_validate(arrays)
    except ValidationError as error:
        raise WsbenchError(f"{path}: not {noun}: {reason_of(error, model)}") from None


def read_arrays(path: Path, noun: str) -> dict[str, np.ndarray]:
    """Read all arrays of an archive. Bytes become text.

    Args:
        path: the file.
        noun: the file in words, for the message.

    Returns:
        The arrays by name.

    Raises:
        WsbenchError: the file cannot be read, or expands to more than `limits` allow.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            archive_size = path.stat().st_size
            # The sizes of the headers can be trusted: zipfile reads no more of a member than its header says.
            limits.refuse_larger(
                path, sum(member.file_size for member in members), "expands to", archive_size=archive_size
            )
            names = [member.filename.removesuffix(SUFFIX) for member in members]
            if len(set(names)) < len(names):
                raise ValueError("holds two arrays of one name")
            return {name: _text(_array(archive, member)) for name, member in zip(names, members, strict=True)}
    except WsbenchError:
        raise
    except OSError as error:
        raise WsbenchError(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # a damaged archive raises whatever its decoders raise
        raise WsbenchError(f"{path}: not {noun}: {error or type(error).__name__}") from None


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header: Callable[[IO[Any]], Any] = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = read_header(file)
        # NumPy allocates the memory that the header asks for before it reads, so the header is checked first.
        if dtype.hasobject or file.tell() + dtype.itemsize * math.prod(shape) != member.file_size:
            raise ValueError(f"{member.filename}: holds Python objects, or not what its header says")
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def _text(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8")
    if values.dtype.kind == "U":
        native = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))
        letters = native.reshape(-1).view(np.uint32)  # NumPy does not check the code points of stored text
        if (letters > sys.maxunicode).any() or ((letters >> 11) == SURROGATES).any():
            raise ValueError("holds text that is not Unicode")
    return values
