"""The phantom in the official layouts of other datasets, made and read by the commands that users type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from wsbench.contract import plugins
from wsbench.contract.base import Dataset, Source
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent

FOUND = plugins.find()
IMAGES, SIZE = 48, 64

Command = Callable[..., tuple[int, str, str]]
Corners = tuple[float, float, float, float]


def loaded(name: str, root: Path, settings: dict[str, object] | None = None, **options: object) -> Loaded:
    """A dataset as a run loads it."""
    return load_dataset(FOUND, name, settings or {}, Silent(), root=root, **options)


def phantom(cache: Path, images: int = IMAGES, size: int = SIZE) -> Dataset:
    """The dataset that `make` writes."""
    spec = FOUND.datasets["phantom"]
    return spec.load(spec.settings(images=images, size=size), Source(None, cache, Silent()))


def make(command: Command, layout: str) -> Path:
    """Write the phantom in a layout to the folder ``made`` of the working directory."""
    options = ("-D", f"images={IMAGES}", "-D", f"size={SIZE}", "-q")
    code, _, err = command("data", "make", "phantom", "made", "--layout", layout, *options)
    assert code == 0, err
    return Path("made")


def check_and_run(
    command: Command, dataset: str, root: Path, *data_options: str, method: str = "prior_boxes"
) -> str:
    """`data check`, which finds nothing wrong, and a run of an image-blind method; what `data check`
    printed."""
    code, out, err = command("data", "check", dataset, "--root", str(root), "-q", *data_options)
    assert code == 0, err
    assert "nothing is wrong" in out
    words = ("-m", method, "-d", dataset, "--root", str(root), "-q", "--no-references")
    code, _, err = command("run", *words, *data_options)
    assert code == 0, err
    return out


def names_without_bad(dataset: str, root: Path, words: str) -> set[str]:
    """Check that a fault in a folder is refused in these words; the names of the images that are left when
    bad ones are skipped."""
    with pytest.raises(WsbenchError) as error:
        loaded(dataset, root)
    assert words in str(error.value)
    return {sample.name for sample in loaded(dataset, root, skip_bad=True).samples}


def corners(dataset: Dataset | Loaded) -> dict[str, list[Corners]]:
    """The boxes of every image that has some, sorted, by the image's name."""
    return {
        sample.name: sorted((box.x0, box.y0, box.x1, box.y1) for box in sample.boxes)
        for sample in dataset.samples
        if sample.boxes
    }


def moved(ours: Sequence[Corners], theirs: Sequence[Corners]) -> int:
    """How many boxes are more than half a pixel away from where another reading has them."""
    assert len(ours) == len(theirs)
    distances = [
        np.abs(np.subtract(one, other)).max() for one, other in zip(sorted(ours), sorted(theirs), strict=True)
    ]
    return sum(distance > 0.5 for distance in distances)


def all_boxes(boxes: dict[str, list[Corners]]) -> list[Corners]:
    """The boxes of all images together."""
    return [box for of_image in boxes.values() for box in of_image]


def windows_text(path: Path, encoding: str = "utf-8-sig") -> None:
    """Save a text file as programs on Windows do: with a byte-order mark and CR LF."""
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode(encoding))


def append(path: Path, lines: Iterable[str]) -> None:
    """Add lines to a text file."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
