"""Image files: what is sound, what is not, and what is remembered."""

from __future__ import annotations

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


@pytest.mark.parametrize(("content", "why"), [(b"", "it is empty"), (b"words", "it is no image")])
def test_why_a_file_is_no_image_is_the_same_in_every_run(picture: Path, content: bytes, why: str) -> None:
    picture.write_bytes(content)
    assert inspect_file(picture).broken == f"is damaged: {why}"


def test_a_flipped_byte_is_damaged(picture: Path) -> None:
    data = bytearray(picture.read_bytes())
    data[len(data) // 2] ^= 0xFF
    picture.write_bytes(data)
    assert "damaged" in inspect_file(picture).broken


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
