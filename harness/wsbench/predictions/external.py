"""Predictions of programs that are no plugins: COCO results, or heatmaps in an npz file.

Files are data: JSON and plain arrays, never pickles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsbench.contract.base import Method
from wsbench.contract.records import EXTERNAL
from wsbench.contract.specs import BoxSupervision, MethodSpec
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.files.documents import read_bytes
from wsbench.predictions.coco import CocoResults
from wsbench.predictions.npz import HeatmapArrays
from wsbench.settings import Settings
from wsbench.types import Prediction, Role


class NoSettings(Settings):
    """An outside program's settings are its own affair."""


class OutsideMethod(Method):
    """Stands in for a program that has run elsewhere."""

    def predict(self, images: Any) -> Prediction:
        raise WsbenchError("the predictions of an outside program are in its file; it cannot be run again")


@dataclass(frozen=True)
class Outside:
    """What an outside program predicted.

    Attributes:
        spec: its name, and whether it has seen boxes.
        content: hash of the file and of how it was read.
        parts: predictions by role, each of all images of the role in their order.
        doubt: why its boxes seem to be in another frame than pixels of the original images; empty where
            nothing speaks for it.
    """

    spec: MethodSpec
    content: str
    parts: Mapping[Role, Prediction]
    doubt: str = ""

    @staticmethod
    def spec_of(name: str, box_supervision: str) -> MethodSpec:
        """The spec of a program known by name alone."""
        supervision = BoxSupervision(box_supervision)
        return MethodSpec(
            name,
            "predictions of an outside program",
            NoSettings,
            OutsideMethod,
            presets={EXTERNAL: {}},
            box_supervision=supervision,
            box_use="training, as its submitter says" if supervision is BoxSupervision.FIT else "",
        )

    def describe(self) -> dict[str, Any]:
        """What a record says of it."""
        return {
            "name": self.spec.name,
            "preset": EXTERNAL,
            "changed": {},
            "settings": {},
            "citation": "",
            "box_supervision": self.spec.box_supervision.value,
            "box_use": self.spec.box_use,
            "reads_image": True,
            "deterministic": False,
            "facts": {"predictions": self.content},
        }


def read_predictions(
    path: Path,
    name: str,
    loaded: Loaded,
    *,
    categories: Mapping[str, str] | None = None,
    images: Path | None = None,
    uses_boxes: bool = False,
) -> Outside:
    """Read predictions.

    Args:
        path: ``.json``: COCO results, a list of ``image_id, category_id, bbox, score``, or a COCO file with
            ``images`` (each with an optional ``scores`` by class), ``categories`` and ``annotations``.
            ``.npz``: arrays ``names (N,)``, ``classes (C,)``, ``scores (N, C)``, ``heatmaps (N, C, h, w)``
            and, where a map covers only a part of its image, ``regions (N, 4)``. ``map_names (M,)`` says
            whose the heatmaps are where not all images have one.
        name: what the program is called.
        loaded: the dataset.
        categories: classes by category id, where the file does not name them.
        images: a COCO file that names the images of numeric ids.
        uses_boxes: whether the program was trained on boxes.

    Raises:
        WsbenchError: the file is not of either form, or does not fit the dataset.
    """
    digest, doubt = _digest(path), ""
    if path.suffix == ".npz":
        parts = HeatmapArrays(path, loaded).parts()
    else:
        results = CocoResults(path, read_bytes(path), loaded, categories or {}, images)
        parts, doubt = results.parts(), results.frame_doubt()
    how = repr((name, sorted((categories or {}).items()), uses_boxes))
    digest.update(how.encode() + (read_bytes(images) if images else b""))
    spec = Outside.spec_of(name, "fit" if uses_boxes else "none")
    return Outside(spec, digest.hexdigest()[:16], parts, doubt)


def check_seeds(files: Sequence[Path], seeds: Sequence[int]) -> None:
    """Raise WsbenchError unless every file of one program has a seed of its own, and predictions of its own:
    the same ones twice would be a spread of 0 over seeds that never were.

    Args:
        files: of predictions.
        seeds: one of each file.
    """
    if len(seeds) != len(files):
        raise WsbenchError(
            f"--seeds {_listed(seeds)}: {_count(seeds, 'seed')} for {_count(files, 'file')} of predictions; "
            "give every file its seed"
        )
    if len(set(seeds)) < len(seeds):
        raise WsbenchError(f"--seeds {_listed(seeds)}: names a seed twice; give every file a seed of its own")
    first_of: dict[str, Path] = {}
    for file in files:
        content = _digest(file).hexdigest()
        if (first := first_of.setdefault(content, file)) is not file:
            raise WsbenchError(
                f"{first} and {file} hold the same predictions: they are of one seed; name one of them"
            )


def _digest(path: Path) -> hashlib._Hash:
    """The hash of a file of any size.

    Raises:
        WsbenchError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256")
    except (OSError, ValueError) as error:  # a name with a NUL character is a ValueError
        reason = error.strerror if isinstance(error, OSError) else error
        raise WsbenchError(f"{path} cannot be read: {reason}") from None


def _listed(seeds: Sequence[int]) -> str:
    return ",".join(map(str, seeds))


def _count(values: Sequence[object], what: str) -> str:
    return f"{len(values)} {what}{'' if len(values) == 1 else 's'}"
