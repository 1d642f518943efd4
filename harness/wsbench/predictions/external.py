"""Reads the predictions of external programs: COCO results, or heatmaps in an npz file.

The files hold JSON or plain arrays, never pickles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wsbench.contract.base import Method
from wsbench.contract.records import EXTERNAL
from wsbench.contract.specs import BoxSupervision, MethodSpec
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.files.documents import read_bytes
from wsbench.predictions.answer_boxes import PromptPredictions, read_answers
from wsbench.predictions.answers import SUFFIXES
from wsbench.predictions.box_formats import BoxFormat
from wsbench.predictions.box_reading import doubt_words
from wsbench.predictions.coco import CocoResults
from wsbench.predictions.npz import HeatmapArrays
from wsbench.predictions.prompt_maps import PromptMaps
from wsbench.predictions.prompts import PromptMap
from wsbench.settings import Settings
from wsbench.types import Prediction, Role


class NoSettings(Settings):
    """The settings of an external program are unknown."""


class ExternalMethod(Method):
    """Represents a program that was run elsewhere."""

    def predict(self, images: Any) -> Prediction:
        raise WsbenchError(
            "the predictions of an external program are in its file; give that file to `wsbench evaluate`"
        )


@dataclass(frozen=True)
class Prompts:
    """What the user says of the prompts of a file.

    Attributes:
        of_class: a prompt or a list of prompts by class; None takes the classes' names.
        join: how the boxes of a class's prompts are joined: ``fuse`` or ``keep``.
    """

    of_class: Mapping[str, Any] | None = None
    join: str = "fuse"


@dataclass(frozen=True)
class ExternalPredictions:
    """The predictions of an external program.

    Attributes:
        spec: the name of the program, and whether it has seen boxes.
        content: a hash of the file and of the options that it was read with.
        parts: for each role, the predictions of all its images in their order.
        doubt: why the boxes seem not to be in pixels of the original images; empty where nothing is
            suspicious.
        facts: further facts for the record, as JSON values.
        alone: where several prompts were joined, the predictions of each set of prompts alone, by role.
    """

    spec: MethodSpec
    content: str
    parts: Mapping[Role, Prediction]
    doubt: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    alone: Sequence[Mapping[Role, Prediction]] = ()

    @staticmethod
    def spec_of(name: str, box_supervision: str) -> MethodSpec:
        """Make the spec of a program of which only the name and the box supervision are known."""
        supervision = BoxSupervision(box_supervision)
        return MethodSpec(
            name,
            "predictions of an external program",
            NoSettings,
            ExternalMethod,
            presets={EXTERNAL: {}},
            box_supervision=supervision,
            box_use="training, as its submitter says" if supervision is BoxSupervision.FIT else "",
        )

    def describe(self) -> dict[str, Any]:
        """Describe the program for a record, as JSON values."""
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
            "facts": {"predictions": self.content, **self.facts},
        }


def read_predictions(
    path: Path,
    name: str,
    loaded: Loaded,
    *,
    categories: Mapping[str, str] | None = None,
    images: Path | None = None,
    uses_boxes: bool = False,
    boxes: str | None = None,
    prompts: Prompts | None = None,
) -> ExternalPredictions:
    """Read the predictions of an external program and fit them to a dataset.

    Args:
        path: a ``.json``, ``.npz``, ``.jsonl`` or ``.csv`` file. JSON is a list of COCO results (``image_id,
            category_id, bbox, score``), or a COCO file with ``images`` (each with an optional ``scores`` by
            class), ``categories`` and ``annotations``. An npz file has the arrays ``names (N,)``, ``classes
            (C,)``, ``scores (N, C)`` and ``heatmaps (N, C, h, w)``. Where heatmaps cover only a part of their
            image, it has ``regions (N, 4)``. Where only M images have heatmaps, it has their ``map_names
            (M,)``. JSON Lines and CSV hold answers to prompts, as `read_answers` takes them.
        name: the name of the program.
        loaded: the dataset.
        categories: class names by category id, where the file does not name its categories.
        images: a COCO file that names the images of numeric ids.
        uses_boxes: whether the program was trained on boxes.
        boxes: the name of the boxes' format, as `BoxFormat` describes it. By default, it is COCO's. Answers
            need one.
        prompts: the prompts of every class, for answers, or for an npz file whose ``classes`` are prompts.

    Raises:
        WsbenchError: the file has none of these forms, or does not fit the dataset.
    """
    form = None if boxes is None else BoxFormat.named(boxes)
    digest = _digest(path)
    # Files that were read without a format or prompts keep the hash that they had before there were any.
    options: list[Any] = [name, sorted((categories or {}).items()), uses_boxes]
    options += [str(form)] if form else []
    options += [repr(prompts)] if prompts else []
    digest.update(repr(tuple(options)).encode() + (read_bytes(images) if images else b""))
    spec = ExternalPredictions.spec_of(name, "fit" if uses_boxes else "none")
    facts = {"boxes": str(form)} if form else {}
    if path.suffix in SUFFIXES or prompts is not None:
        if categories or images is not None:
            raise WsbenchError(f"{path}: --category and --images are of COCO results; use --prompts")
        program = ExternalPredictions(spec, _content(digest), {}, facts=facts)
        return _of_prompts(program, path, loaded, form, prompts)
    if path.suffix == ".npz":
        _refuse_format(path, form)
        return ExternalPredictions(spec, _content(digest), HeatmapArrays(path, loaded).parts())
    results = CocoResults(path, read_bytes(path), loaded, categories or {}, images, form)
    doubt = results.frame_doubt()
    doubt = doubt_words(form) if form and doubt else doubt
    digest.update(results.official_key)
    return ExternalPredictions(spec, _content(digest), results.parts(), doubt, facts)


def _of_prompts(
    program: ExternalPredictions, path: Path, loaded: Loaded, form: BoxFormat | None, prompts: Prompts | None
) -> ExternalPredictions:
    """Read the predictions of several prompts of a program.

    Args:
        program: the program, without its predictions.
        path: a file of answers, or an npz file whose ``classes`` are prompts.
        loaded: the dataset.
        form: the format of the boxes of answers.
        prompts: the prompts of every class; None takes the classes' names.
    """
    prompts = prompts or Prompts()
    prompt_map = PromptMap.of(prompts.of_class, loaded.dataset.classes, prompts.join)
    read: PromptPredictions
    if path.suffix == ".npz":
        _refuse_format(path, form)
        read = PromptMaps(path, loaded, prompt_map).predictions()
    elif path.suffix not in SUFFIXES:
        raise WsbenchError(f"{path}: --prompts is of answers (.jsonl, .csv) and heatmaps (.npz)")
    elif form is None:
        raise WsbenchError(f"{path}: say in which format its boxes are with --boxes, such as 0-1000:xyxy")
    else:
        read = read_answers(path, loaded, form, prompt_map)
    joined_by = "mean" if path.suffix == ".npz" else prompt_map.join
    facts = {"of_class": {name: list(texts) for name, texts in prompt_map.of_class.items()}, **read.facts}
    return replace(
        program,
        parts=read.parts,
        doubt=read.doubt,
        facts={**program.facts, "prompts": {**facts, "join": joined_by}},
        alone=read.alone if len(read.alone) > 1 else (),
    )


def _refuse_format(path: Path, form: BoxFormat | None) -> None:
    if form is not None:
        raise WsbenchError(f"{path}: holds heatmaps, and --boxes {form} is of boxes; leave it out")


def check_seeds(files: Sequence[Path], seeds: Sequence[int]) -> None:
    """Raise WsbenchError unless every file of a program has its own seed and its own predictions.

    Two files with the same predictions would look like two seeds without any spread.

    Args:
        files: files of predictions of one program.
        seeds: the seed of each file.
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


def _content(digest: hashlib._Hash) -> str:
    """The short hash that names what was read."""
    return digest.hexdigest()[:16]


def _digest(path: Path) -> hashlib._Hash:
    """Compute the hash of a file of any size.

    Raises:
        WsbenchError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256")
    except (OSError, ValueError) as error:  # a name with a NUL character is a ValueError
        reason = error.strerror if isinstance(error, OSError) else error
        raise WsbenchError(f"{path} cannot be read: {reason}") from None


def _listed(seeds: Sequence[int]) -> str:
    return ",".join(map(str, seeds))


def _count(values: Sequence[object], noun: str) -> str:
    return f"{len(values)} {noun}{'' if len(values) == 1 else 's'}"
