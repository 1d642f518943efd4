"""Image files: what is sound, what is not, and what is remembered."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsbench.data.images import FileFacts, inspect_file, inspect_files, read_radiograph
from wsbench.errors import WsbenchError
from wsbench.utils.progress import Lines, Silent


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    grey = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) % 251
    Image.fromarray(grey.astype(np.uint8)).convert("RGB").save(path)
    return path


def test_facts_of_a_sound_file(picture: Path) -> None:
    facts = inspect_file(picture)
    assert (facts.width, facts.height, facts.mode, facts.broken) == (64, 48, "RGB", "")
    assert len(facts.content) == 64


@pytest.mark.parametrize("keep", [0, 20, 60, -20])
def test_a_truncated_file_is_damaged(picture: Path, keep: int) -> None:
    picture.write_bytes(picture.read_bytes()[:keep])
    assert inspect_file(picture).broken.startswith("is damaged")


@pytest.mark.parametrize(("content", "why"), [(b"", "it is empty"), (b"words", "it is no image")])
def test_why_a_file_is_no_image_is_the_same_in_every_run(picture: Path, content: bytes, why: str) -> None:
    picture.write_bytes(content)
    assert inspect_file(picture).broken == f"is damaged: {why}"


def test_a_flipped_byte_is_damaged(picture: Path) -> None:
    data = bytearray(picture.read_bytes())
    data[len(data) // 2] ^= 0xFF
    picture.write_bytes(data)
    assert "damaged" in inspect_file(picture).broken


def test_a_truncated_jpeg_is_damaged_though_pillow_verifies_it(picture: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jpg"
    Image.open(picture).save(cut)
    cut.write_bytes(cut.read_bytes()[:-40])
    Image.open(cut).verify()
    assert "truncated" in inspect_file(cut).broken


def test_a_png_that_cannot_be_decoded_is_damaged_though_its_checksums_are_right(tmp_path: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + checksum

    header = (64).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    pixels = b"no zlib stream"
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    (tmp_path / "other.png").write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    Image.open(tmp_path / "other.png").verify()
    assert inspect_file(tmp_path / "other.png").broken.startswith("is damaged")


def test_a_file_that_could_not_be_read_is_tried_again(picture: Path, tmp_path: Path, monkeypatch) -> None:
    memory = tmp_path / "memory" / "facts.json"
    failing = FileFacts("", 0, 0, "", "cannot be read: Input/output error")
    monkeypatch.setattr("wsbench.data.images.inspect_file", lambda path: failing)
    assert inspect_files([picture], memory, Silent())[picture] == failing
    monkeypatch.undo()
    assert inspect_files([picture], memory, Silent())[picture].broken == ""


def test_what_a_lesser_check_said_is_forgotten(picture: Path, tmp_path: Path) -> None:
    memory = tmp_path / "facts.json"
    status = picture.stat()
    stamp = f"{picture}|{status.st_size}|{status.st_mtime_ns}"  # as before files were decoded
    memory.write_text(json.dumps({stamp: asdict(FileFacts("", 1, 1, "L"))}))
    assert inspect_files([picture], memory, Silent())[picture].width == 64


def test_a_picture_of_more_pixels_than_allowed_is_not_decoded(tmp_path: Path, monkeypatch) -> None:
    """A PNG of zeros is a thousand times smaller than its pixels."""
    monkeypatch.setenv("WSBENCH_MAX_MEGABYTES", "1")
    path = tmp_path / "bomb.png"
    Image.new("L", (1000, 500)).save(path)
    assert inspect_file(path).broken == ""
    Image.new("L", (1000, 1000)).save(path)
    assert path.stat().st_size < 2000
    words = (
        "has 1000x1000 pixels, which take 2 MB, and at most 1 MB are read; if that is meant, set WSBENCH_MAX"
    )
    assert inspect_file(path).broken.startswith(words)
    with pytest.raises(WsbenchError, match=words):
        read_radiograph(path, 10, 10)
    monkeypatch.setenv("WSBENCH_MAX_MEGABYTES", "2")
    assert inspect_file(path).broken == ""
    monkeypatch.setenv("WSBENCH_MAX_MEGABYTES", "many")
    with pytest.raises(WsbenchError, match="WSBENCH_MAX_MEGABYTES=many: must be a number of megabytes"):
        inspect_file(path)


def test_a_picture_that_pillow_calls_a_bomb_is_refused_by_our_limit(tmp_path: Path, monkeypatch) -> None:
    """The header alone says 20,000 x 10,000 pixels."""
    path = tmp_path / "bomb.png"
    Image.new("1", (1, 1)).save(path)
    content = path.read_bytes()
    header = b"IHDR" + struct.pack(">II", 20_000, 10_000) + content[24:29]
    path.write_bytes(content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:])
    assert inspect_file(path).broken.startswith(
        "has 20000x10000 pixels, which take 400 MB, and at most 200 MB"
    )
    monkeypatch.setenv("WSBENCH_MAX_MEGABYTES", "400")
    assert "pixels" not in inspect_file(path).broken


def test_a_higher_limit_counts_at_once(tmp_path: Path, monkeypatch) -> None:
    path, memory = tmp_path / "a.png", tmp_path / "memory.json"
    Image.new("L", (1000, 1000)).save(path)
    for megabytes, broken in (("1", True), ("2", False)):
        monkeypatch.setenv("WSBENCH_MAX_MEGABYTES", megabytes)
        assert bool(inspect_files([path], memory, Silent())[path].broken) == broken


def test_a_name_that_no_file_can_have_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "a\0b.png"
    assert inspect_file(path).broken == "cannot be read: embedded null byte"
    assert inspect_files([path], tmp_path / "facts.json", Silent())[path].broken


def test_missing_files_and_other_modes(picture: Path, tmp_path: Path) -> None:
    assert inspect_file(tmp_path / "none.png").broken == "cannot be read: No such file or directory"
    Image.new("RGBA", (4, 4)).save(tmp_path / "rgba.png")
    Image.fromarray(np.zeros((4, 4), dtype=np.uint16)).save(tmp_path / "deep.png")
    assert inspect_file(tmp_path / "rgba.png").mode == "RGBA"
    assert inspect_file(tmp_path / "deep.png").mode == "I;16"


def test_facts_are_remembered_until_the_file_changes(picture: Path, tmp_path: Path, monkeypatch) -> None:
    memory = tmp_path / "memory" / "facts.json"
    first = inspect_files([picture], memory, Silent())
    monkeypatch.setattr("wsbench.data.images.inspect_file", lambda path: pytest.fail("read again"))
    assert inspect_files([picture], memory, Silent()) == first
    monkeypatch.undo()
    Image.new("L", (10, 10)).save(picture)
    assert inspect_files([picture], memory, Silent())[picture].width == 10


def test_a_failure_to_read_is_not_remembered(picture: Path, tmp_path: Path) -> None:
    """A folder with a file's name is read as badly as a file without permission, and as well when mended."""
    memory = tmp_path / "facts.json"
    original = picture.rename(tmp_path / "elsewhere.png")
    picture.mkdir()
    assert "cannot be read" in inspect_files([picture], memory, Silent())[picture].broken
    assert str(picture) not in memory.read_text()
    picture.rmdir()
    original.rename(picture)
    assert inspect_files([picture], memory, Silent())[picture].broken == ""


def test_a_failure_that_an_older_version_remembered_is_forgotten(picture: Path, tmp_path: Path) -> None:
    memory = tmp_path / "facts.json"
    status = picture.stat()
    stamp = f"{picture}|{status.st_size}|{status.st_mtime_ns}"
    failed = {
        "content": "",
        "width": 0,
        "height": 0,
        "mode": "",
        "broken": "cannot be read: Permission denied",
    }
    memory.write_text(json.dumps({stamp: failed}))
    assert inspect_files([picture], memory, Silent())[picture].broken == ""


def test_a_memory_in_which_something_changed_is_forgotten(picture: Path, tmp_path: Path) -> None:
    """Else a run would be of other data, by the hash of a file that nobody has."""
    memory = tmp_path / "facts.json"
    content = inspect_files([picture], memory, Silent())[picture].content
    memory.write_text(memory.read_text().replace(content, content[::-1]))
    assert inspect_files([picture], memory, Silent())[picture].content == content


def test_a_memory_that_cannot_be_written_is_said(picture: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "file").write_text("no folder")
    assert inspect_files([picture], tmp_path / "file" / "facts.json", Lines())[picture].width == 64
    assert "cannot be written" in capsys.readouterr().err


def test_a_damaged_memory_is_only_forgotten(picture: Path, tmp_path: Path) -> None:
    memory = tmp_path / "facts.json"
    memory.write_text("{broken")
    assert inspect_files([picture], memory, Silent())[picture].width == 64


def test_reading_gives_grey_levels(picture: Path) -> None:
    expected = np.asarray(Image.open(picture))[..., 0]
    assert (read_radiograph(picture, 48, 64) == expected).all()


def test_resizing_is_torchvisions(picture: Path) -> None:
    from torchvision.transforms import v2

    expected = v2.Resize((24, 16))(Image.open(picture).convert("L"))
    assert (read_radiograph(picture, 24, 16) == np.asarray(expected)).all()


def test_an_undecodable_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text.png"
    path.write_text("no picture")
    with pytest.raises(WsbenchError, match=r"text\.png: cannot be decoded: .*--skip-bad"):
        read_radiograph(path, 10, 10)
