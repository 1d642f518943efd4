"""Mutations of files, each a function of a random generator: of bytes, lines, JSON values and arrays."""

from __future__ import annotations

import io
import json
import lzma
import random
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Mutation = Callable[[bytes, random.Random], bytes]

ODD_TEXT = (
    "", "\0", "a\0b", "a\nb", "\x1b[2J", "../../x", "/etc/passwd", "a|b", "<script>", "\u202e", "\ud800",
    "é" * 300, "x" * 5000, "nan", "-1", "1e999", "0" * 5000, "tb", "uniform", " ", "null", "2026-99-99",
)  # fmt: skip
ODD_NUMBERS = (
    0,
    -1,
    1,
    7.5,
    0.5,
    1e308,
    -1e308,
    5e-324,
    10**30,
    -(10**30),
    2**63,
    2**31,
    float("nan"),
    float("inf"),
)
ODD_VALUES = (None, True, False, [], {}, [[]], [None], {"": None}, [[[[1]]]], {"a": {"b": {}}})
ODD_BYTES = (
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"[" * 3000,
    b"{",
    b'"',
    b",",
    b":",
    b"&a [*a]",
    b"1" * 5000,
)


def within_xz(mutation: Mutation) -> Mutation:
    """A mutation of what an xz file holds."""
    return lambda content, random_: lzma.compress(mutation(lzma.decompress(content), random_))


def mutate_bytes(content: bytes, random_: random.Random) -> bytes:
    """One to four bits flipped, or a part cut, doubled, emptied, moved or filled with odd bytes."""
    start = random_.randrange(len(content) + 1)
    stop = min(len(content), start + random_.choice((1, 2, 8, 64, 1000)))
    head, part, tail = content[:start], content[start:stop], content[stop:]
    return random_.choice(
        (
            lambda: flipped(content, random_),
            lambda: flipped(content, random_),
            lambda: head,
            lambda: head + tail,
            lambda: head + part + part + tail,
            lambda: head + random_.choice(ODD_BYTES) + tail,
            lambda: head + random_.choice(ODD_BYTES) + part + tail,
            lambda: head + bytes(len(part)) + tail,
            lambda: tail + head,
            lambda: random_.randbytes(random_.choice((0, 1, 100))),
        )
    )()


def flipped(content: bytes, random_: random.Random) -> bytes:
    """One to four bits flipped."""
    result = bytearray(content)
    for _ in range(random_.randint(1, 4) if content else 0):
        result[random_.randrange(len(result))] ^= 1 << random_.randrange(8)
    return bytes(result)


def mutate_lines(content: bytes, random_: random.Random) -> bytes:
    """A line dropped, doubled, moved or changed; or one of its words, as a table's cells are."""
    lines = content.decode("utf-8", "surrogateescape").splitlines() or [""]
    place = random_.randrange(len(lines))
    action = random_.randrange(5)
    if action == 0:
        del lines[place]
    elif action == 1:
        lines.insert(random_.randrange(len(lines)), lines[place])
    elif action == 2:
        lines[place] = str(odd(random_))
    else:
        mark = next(
            (mark for mark in ("," if "," in lines[place] else "/", " ") if mark in lines[place]), "/"
        )
        cells = lines[place].split(mark)
        cells[random_.randrange(len(cells))] = str(odd(random_))
        lines[place] = mark.join(cells)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def mutate_json(content: bytes, random_: random.Random) -> bytes:
    """One to three values of a JSON text replaced, dropped, doubled or renamed."""
    value = json.loads(content)
    for _ in range(random_.choice((1, 1, 1, 2, 3))):
        _change(value, random_)
    return json.dumps(value).encode()


def mutate_yaml(content: bytes, random_: random.Random) -> bytes:
    """As `mutate_json`, of YAML."""
    import yaml

    value = yaml.safe_load(content)
    _change(value, random_)
    return yaml.dump(value, sort_keys=False, allow_unicode=True).encode("utf-8", "surrogatepass")


def mutate_json_lines(content: bytes, random_: random.Random) -> bytes:
    """As `mutate_json`, of one line of several."""
    lines = content.splitlines()
    place = random_.randrange(len(lines))
    lines[place] = mutate_json(lines[place], random_)
    return b"\n".join(lines)


def mutate_arrays(content: bytes, random_: random.Random) -> bytes:
    """One or two arrays of an npz archive with another kind, shape or value; dropped, renamed or damaged."""
    with np.load(io.BytesIO(content)) as file:
        arrays: dict[str, Any] = {name: file[name] for name in file.files}
    for _ in range(random_.choice((1, 1, 2))):
        name = random_.choice(sorted(arrays))
        values = arrays.pop(name)
        new_name = random_.choice(
            (name, name, name, name, f"{name}s", random_.choice(("", "a/b", "../x", "record")))
        )
        if random_.random() < 0.9 or not arrays:
            arrays[new_name] = _changed_array(values, random_)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", random_.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))) as archive:
        for name, values in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(values), allow_pickle=True)
            stored = member.getvalue()
            archive.writestr(f"{name}.npy", flipped(stored, random_) if random_.random() < 0.1 else stored)
    return buffer.getvalue()


def odd(random_: random.Random) -> Any:
    """A value that is seldom meant."""
    return random_.choice(random_.choice((ODD_TEXT, ODD_NUMBERS, ODD_VALUES)))


def _change(value: Any, random_: random.Random) -> None:
    """Change one place of a JSON value, where it has one; deep places are as likely as shallow ones."""
    parents = list(_parents(value))
    if not parents:
        return
    parent = random_.choice(parents)
    keys: Sequence[Any] = list(parent) if isinstance(parent, dict) else range(len(parent))
    key = random_.choice(keys)
    action = random_.randrange(8)
    if action == 0:
        del parent[key]
    elif action == 1 and isinstance(parent, dict):
        parent[str(random_.choice((f"{key}s", *ODD_TEXT)))] = parent.pop(key)
    elif action == 1:
        parent.append(parent[key])
    elif action == 2:
        other = random_.choice(parents)
        parent[key] = json.loads(json.dumps(other))
    elif action == 3 and isinstance(parent[key], int | float):
        parent[key] = parent[key] * random_.choice((-1, 1e3, 1e-3, 10**20)) + random_.choice((0, 1))
    else:
        parent[key] = json.loads(json.dumps(odd(random_)))


def _parents(value: Any) -> list[Any]:
    """All lists and mappings that hold something; of long lists, the first and the last items."""
    found = [value] if isinstance(value, dict | list) and value else []
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    for item in inner if len(inner) < 100 else [*inner[:3], *inner[-3:]]:
        found += _parents(item)
    return found


def _changed_array(values: np.ndarray, random_: random.Random) -> Any:
    changes: tuple[Callable[[], Any], ...] = (
        lambda: values[:-1] if values.ndim else values.reshape(1),
        lambda: np.concatenate([values, values]) if values.ndim else values,
        lambda: values.reshape(-1),
        lambda: values[None],
        lambda: values[..., :0] if values.ndim else values,
        lambda: values[..., :1] if values.ndim else values,
        lambda: values.T,
        lambda: values.astype(random_.choice(("U8", "S8", "O", "c8", "f2", "f8", "?", "U1"))),
        lambda: _numbers(values) * random_.choice((0, -1, 255, 1e300, float("nan"))),
        lambda: _numbers(values) + random_.choice((1, -1, 1000, float("inf"))),
        lambda: _one_changed(values, random_),
        lambda: _one_changed(values, random_),
        lambda: np.array(odd(random_), dtype=object) if random_.random() < 0.3 else np.zeros(3),
        lambda: np.zeros(values.shape, dtype=[("a", "f4"), ("b", "i4")]),
        lambda: np.asfortranarray(values),
        lambda: values.astype(values.dtype.newbyteorder()),
    )
    try:
        with np.errstate(all="ignore"):
            return random_.choice(changes)()
    except (ValueError, TypeError, UnicodeError, OverflowError):  # such a change does not exist
        return values[:0] if values.ndim else np.zeros(0)


def _numbers(values: np.ndarray) -> np.ndarray:
    return values if values.dtype.kind in "fiu" else np.arange(values.size, dtype=float).reshape(values.shape)


def _one_changed(values: np.ndarray, random_: random.Random) -> np.ndarray:
    result = values.copy()
    if result.size:
        place = random_.randrange(result.size)
        new = odd(random_) if result.dtype.kind in "US" else random_.choice(ODD_NUMBERS)
        result.reshape(-1)[place] = str(new) if result.dtype.kind in "US" else new
    return result
