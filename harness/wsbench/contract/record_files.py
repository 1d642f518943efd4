"""Where the records of a leaderboard lie: JSON compressed by xz, or plain JSON as earlier versions wrote it.

A record's text is mostly the digits of its bootstrap draws. Compressed it takes a sixth of the space, and
``xzcat FILE`` prints it.
"""

from __future__ import annotations

import lzma
from pathlib import Path

from wsbench.errors import WsbenchError
from wsbench.files import documents, limits
from wsbench.files.writing import atomic, write_text

COMPRESSED = ".json.xz"
PLAIN = ".json"

DICTIONARY_BYTES = 2**26
"""Memory that an xz file may ask for to be read: 8 MiB by xz's default, 64 MiB by its highest preset."""


def stem_of(path: Path) -> str:
    """The name of a record's file without its ending."""
    return path.name.removesuffix(COMPRESSED).removesuffix(PLAIN)


def predictions_beside(path: Path) -> Path:
    """The file of the predictions that belong to a leaderboard's record."""
    return path.with_name(f"{stem_of(path)}.npz")


def in_leaderboards(folder: Path, dataset: str | None = None) -> list[Path]:
    """The records under a leaderboards folder, in the order of their paths without endings.

    Where a record lies there both compressed and plain, the plain file is an earlier version's and left out.

    Args:
        folder: the folder of all leaderboards.
        dataset: the only dataset to look for; None for all of them.
    """
    paths: dict[Path, Path] = {}
    for ending in (PLAIN, COMPRESSED):
        for path in (folder / "records").glob(f"{dataset or '*'}/*{ending}"):
            paths[path.with_name(stem_of(path))] = path
    return [paths[stem] for stem in sorted(paths)]


def read_bytes(path: Path) -> bytes:
    """The text of a record's file in UTF-8, decompressed where its name ends in `COMPRESSED`.

    Raises:
        WsbenchError: the file cannot be read, is damaged, or expands to more than `limits` allow.
    """
    content = documents.read_bytes(path)
    return _decompressed(path, content) if path.name.endswith(COMPRESSED) else content


def _decompressed(path: Path, content: bytes) -> bytes:
    most = max(limits.most_bytes(), limits.EXPANSION * len(content))
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=DICTIONARY_BYTES + 2**20)
    try:
        text = decompressor.decompress(content, max_length=most + 1)
    except (lzma.LZMAError, EOFError) as error:
        raise WsbenchError(f"{path}: not a record of wsbench: {error}") from None
    limits.refuse_larger(path, len(text), "expands to", archive_size=len(content))
    if not decompressor.eof or decompressor.unused_data:
        raise WsbenchError(f"{path}: not a record of wsbench: the file is cut off, or more follows its end")
    return text


def write(path: Path, text: str) -> None:
    """Write a record's text atomically, compressed where the name says so.

    A plain file of the same record is removed afterwards, so that a kill loses neither.
    """
    if not path.name.endswith(COMPRESSED):
        write_text(path, text)
        return
    with atomic(path) as file:
        # xz's own checksum lets damage be told from a record that is merely odd.
        file.write(lzma.compress(text.encode(errors="backslashreplace"), check=lzma.CHECK_CRC64))
    path.with_name(f"{stem_of(path)}{PLAIN}").unlink(missing_ok=True)
