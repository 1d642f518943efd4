"""The page on own data: its entries are read, and its commands run, on made files."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml

from dicom_files import content, dataset, jpeg
from own_folders import boxes_of, coco_folder, film, write_json
from wsbench.contract import plugins
from wsbench.data import catalog
from wsbench.data.kinds import with_own_datasets

PAGE = (Path(__file__).parents[1] / "docs" / "how-to" / "own-data.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def write_table(path: Path, rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture
def folders(tmp_path: Path) -> None:
    """The folders that the page speaks of: the last is of DICOM files."""
    coco_folder(tmp_path / "films")
    names = [f"{split}{n:02d}.png" for split, count in (("train", 30), ("test", 12)) for n in range(count)]
    boxes = [
        {"image_id": name, "category_id": label, "bbox": [9, 9, 20, 20], "score": 0.5}
        for name in names
        for label in ("Effusion", "Nodule")
    ]
    write_json(tmp_path / "boxes.json", boxes)
    rows: list[list[object]] = [["Image Index", "Finding", "X", "Y", "W", "H", "Set"]]
    for number in range(42):
        film(tmp_path / "clinic" / "images" / f"c{number}.png", 100 + number)
        found = boxes_of(number) or [("No finding", "", "", "", "")]
        rows += [[f"c{number}.png", *box, "test" if number > 29 else "train"] for box in found]
    write_table(tmp_path / "clinic" / "boxes.csv", rows)
    rows = [["patientId", "x", "y", "width", "height", "Target"]]
    (tmp_path / "rsna").mkdir()
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 255, (50, 60)).astype(np.uint8)
        file = jpeg(pixels) if number % 2 else content(dataset(pixels))
        (tmp_path / "rsna" / f"r{number}.dcm").write_bytes(file)
        found = [(*box[1:], 1) for box in boxes_of(number)] or [("", "", "", "", 0)]
        rows += [[f"r{number}", *box] for box in found]
    write_table(tmp_path / "rsna" / "labels.csv", rows)


def test_every_command_of_the_page_runs(folders: None, command, tmp_path: Path) -> None:
    entries = [block for block in blocks("yaml") if not block.startswith(" ")]
    (films,) = [block for block in entries if block.startswith("films:")]
    Path("datasets.yaml").write_text("".join(block for block in entries if block != films))
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    assert len(lines) >= 8
    for line in lines:
        words = shlex.split(line, comments=True)
        assert words[0] == "wsbench"
        code, _, err = command(*words[1:])
        assert code == 0, f"{line}: {err}"
        if words[1:3] == ["data", "new"]:  # it writes the entry that the page shows
            assert (
                yaml.safe_load(Path("datasets.yaml").read_text())["films"] == yaml.safe_load(films)["films"]
            )


def test_every_entry_of_the_page_is_one(folders: None) -> None:
    entries = [block for block in blocks("yaml") if not block.startswith(" ")]
    Path("datasets.yaml").write_text("".join(entries))
    found = with_own_datasets(plugins.find())
    assert found.refused == {}
    assert {"films", "clinic", "rsna_like"} <= found.datasets.keys()
    assert all(len(block.splitlines()) <= 8 for block in entries)


def test_every_key_is_on_the_page() -> None:
    kinds = plugins.find().kinds
    for kind in kinds.values():
        for key in kind.settings.model_fields:
            assert f"`{key}`" in PAGE, key
    columns = kinds["csv"].settings.model_fields["columns"].annotation
    for key in columns.model_fields:
        assert f"`{key}`" in PAGE, key
    for key in catalog.Entry.model_fields:
        assert key in PAGE, key
