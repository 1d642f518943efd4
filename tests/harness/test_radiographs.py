"""Image files: what is sound, what is not, and what is remembered."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsbench.errors import WsbenchError
from wsbench.progress import Silent
from wsbench.radiographs import inspect_file, inspect_files, read_radiograph


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


def test_a_flipped_byte_is_damaged(picture: Path) -> None:
    data = bytearray(picture.read_bytes())
    data[len(data) // 2] ^= 0xFF
    picture.write_bytes(data)
    assert "damaged" in inspect_file(picture).broken


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
    monkeypatch.setattr("wsbench.radiographs.inspect_file", lambda path: pytest.fail("read again"))
    assert inspect_files([picture], memory, Silent()) == first
    monkeypatch.undo()
    Image.new("L", (10, 10)).save(picture)
    assert inspect_files([picture], memory, Silent())[picture].width == 10


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
