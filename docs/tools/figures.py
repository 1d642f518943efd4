"""Makes the pictures of README and docs from the phantoms alone: ``python docs/tools/figures.py [RUNS]``.

RUNS is the folder of finished runs of kd_student and kd_teacher on the phantom (preset quick, seed 0);
without it, only the contact sheets are made.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle
from PIL import Image, ImageDraw

from wsbench.contract import plugins
from wsbench.contract.records import load
from wsbench.data.dataset import Loaded
from wsbench.predictions import store
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent

DOCS = Path(__file__).parents[1]
LOADED = load_dataset(plugins.find(), "phantom", {}, Silent())


def contact_sheet(loaded: Loaded, columns: int = 8, rows: int = 3, side: int = 200) -> None:
    """The first images of seed 0, whatever they are, with their labels where there are many classes."""
    by_index = sorted(loaded.samples, key=lambda sample: sample.name.rpartition("/")[2])
    sheet = Image.new("L", (columns * side, rows * side))
    for place, sample in enumerate(by_index[: columns * rows]):
        film = Image.fromarray(loaded.dataset.read(sample, 512, 512))
        tile = film.resize((side, side), Image.Resampling.LANCZOS)
        if len(loaded.dataset.classes) > 1 and sample.labels:
            pen, words = ImageDraw.Draw(tile), "\n".join(sample.labels)
            corner = (4, side - 14 * len(sample.labels))
            pen.rectangle(pen.textbbox(corner, words), fill=0)
            pen.text(corner, words, fill=255)
        sheet.paste(tile, (place % columns * side, place // columns * side))
    sheet.save(DOCS / f"{loaded.spec.name}.jpg", quality=85)


def result(runs: Path, count: int = 3) -> None:
    """The first test images with tuberculosis, in the columns of the KD-Grad-CAM paper's Fig. 5."""
    folders = [next(runs.glob(f"phantom/{name}/seed0-*")) for name in ("kd_teacher", "kd_student")]
    predicted = [store.read_role(folder / "predict", "test", ("tb",)) for folder in folders]
    found = [load(folder / "record.json").boxes().query("protocol == 'uniform'") for folder in folders]
    names = predicted[0][0]
    boxed = LOADED.views.boxed(names)
    chosen = [row for row, sample in enumerate(boxed.samples) if sample.labels][:count]
    figure, axes = plt.subplots(count, 5, figsize=(10, 2.2 * count), layout="constrained")
    for line, row in zip(axes, chosen, strict=True):
        sample = next(sample for sample in LOADED.samples if sample.name == names[row])
        film = LOADED.dataset.read(sample, 512, 512)
        for axis in line:
            axis.imshow(film, cmap="gray", extent=(0, 512, 512, 0))
            axis.set_axis_off()
            outline(axis, [(b.x0, b.y0, b.x1, b.y1) for b in boxed.boxes[row]], "lime")
        for axis, (_, prediction) in zip(line[1:3], predicted, strict=True):
            heatmap = prediction.heatmaps[row, 0].astype(float)
            axis.imshow(heatmap, cmap="jet", alpha=0.4, extent=(0, 512, 512, 0))
        for axis, boxes, colour in zip(line[3:], found, ("red", "deepskyblue"), strict=True):
            here = boxes[boxes.image == names[row]]
            outline(axis, here[["x0", "y0", "x1", "y1"]].to_numpy(), colour)
    titles = ["truth", "teacher: map", "student: map", "teacher: boxes", "student: boxes"]
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=9)
    figure.savefig(DOCS / "result.jpg", dpi=110, pil_kwargs={"quality": 85})


def outline(axis: plt.Axes, boxes: np.ndarray | list, colour: str) -> None:
    """Draw boxes given as corners."""
    for x0, y0, x1, y1 in boxes:
        axis.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=colour, linewidth=1.2))


if __name__ == "__main__":
    contact_sheet(LOADED)
    contact_sheet(load_dataset(plugins.find(), "phantom14", {}, Silent()))
    if len(sys.argv) > 1:
        result(Path(sys.argv[1]))
