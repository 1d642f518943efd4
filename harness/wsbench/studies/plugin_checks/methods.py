"""The contract of methods, checked by two trainings on a toy dataset."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wsbench.contract.base import Method
from wsbench.contract.plugins import Plugins
from wsbench.contract.specs import BoxSupervision, MethodSpec
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.files import checksums
from wsbench.files.writing import read_json
from wsbench.predictions import store
from wsbench.runs.job import Job
from wsbench.runs.plan import make_plan
from wsbench.runs.runner import fitted
from wsbench.runs.stages import MARK
from wsbench.studies.plugin_checks.base import Check, ContractError, global_random_numbers, require
from wsbench.studies.plugin_checks.toy import TOY, TOY_OF_TWO, toy, toy_of_two
from wsbench.types import Prediction, ScoredBox

if TYPE_CHECKING:
    from wsbench.data.views import ImageView

TOLERANCE_PIXELS = 1e-3
"""How far a box may reach beyond its image, for the rounding of fractions to pixels."""


def method_checks(
    spec: MethodSpec, folder: Path, plugins: Plugins | None = None, options: Mapping[str, Any] | None = None
) -> list[Check]:
    """The checks of a method, in the order in which they are made.

    Args:
        spec: the method.
        folder: an empty folder to work in.
        plugins: plugins that hold the methods which this one requires; None for the method alone.
        options: settings that make the method small.
    """
    trial = _Trial(spec, folder, plugins or Plugins(methods={spec.name: spec}), dict(options or {}))
    return [
        Check("its presets are valid settings", trial.check_presets),
        Check("it learns from image labels, and restores what it wrote", trial.check_training),
        Check("its predictions have the right shapes, types and ranges", trial.check_form),
        Check("its boxes lie inside their images", trial.check_boxes),
        Check("a second training from the same seed predicts the same", trial.check_determinism),
        Check("numbers of global random generators change nothing", trial.check_global_random_numbers),
        Check("a prediction does not depend on the other images of a batch", trial.check_batches),
        Check("predicting changes no file of the training", trial.check_files),
        Check("its networks are torch modules, and its facts JSON values", trial.check_facts),
    ]


def class_check(
    spec: MethodSpec, folder: Path, plugins: Plugins, options: Mapping[str, Any] | None = None
) -> Check:
    """The check of a method on a dataset with two classes. It costs a further training.

    A method may refuse such a dataset by a WsbenchError.

    Args:
        spec: the method.
        folder: an empty folder to work in.
        plugins: plugins that hold the methods which this one requires.
        options: settings that make the method small.
    """

    def check() -> None:
        loaded = toy_of_two()
        plan = make_plan(
            spec, None, dict(options or {}), dataset=TOY_OF_TWO, seed=0, device="cpu", runs=folder
        )
        images = loaded.views.images(loaded.roles.members["test"])
        try:
            method = fitted(Job(plan, loaded, plugins))
        except WsbenchError:
            return
        store.check(method.predict(images), images)

    return Check("it scores each class of a dataset with two, or refuses that in words", check)


class _Trial:
    """A method on the toy dataset. It is trained when a check needs that first."""

    def __init__(self, spec: MethodSpec, folder: Path, plugins: Plugins, options: Mapping[str, Any]) -> None:
        self._spec = spec
        self._folder = folder
        self._plugins = plugins
        self._options = options

    def check_presets(self) -> None:
        for preset in self._spec.presets:
            make_plan(self._spec, preset, {}, dataset=TOY, seed=0, device="cpu", runs=self._folder)

    def check_training(self) -> None:
        _ = self._first

    def check_form(self) -> None:
        store.check(self._predicted, self._images)

    def check_boxes(self) -> None:
        _require_inside("predict", self._predicted.boxes, self._images)
        boxed = self._loaded.views.boxed(self._loaded.roles.members["calibrate"])
        sees_boxes = self._spec.box_supervision is not BoxSupervision.NONE
        of_paper = self._first.paper_boxes(
            self._images, _stored(self._predicted), boxed if sees_boxes else None
        )
        require(
            of_paper is None or len(of_paper) == len(self._images),
            f"paper_boxes gave boxes of {len(of_paper or ())} images for {len(self._images)} images",
        )
        _require_inside("paper_boxes", of_paper, self._images)

    def check_determinism(self) -> None:
        """With the same numbers of global generators. That training is made only if the one with other
        numbers differs."""
        if self._difference_with_other_numbers:
            third = self._trained("third", seed=0)
            _require_same(self._predicted, third, "training again from the same seed")

    def check_global_random_numbers(self) -> None:
        difference = self._difference_with_other_numbers
        require(
            not difference,
            f"{difference}; the method draws from random, numpy.random or torch without seeding them: seed "
            "generators of your own with run.seed_for(...)",
        )

    def check_batches(self) -> None:
        in_batches = [self._first.predict(batch) for batch in self._images.chunks(4)]
        _require_same(self._predicted, store.joined(in_batches), "predicting in smaller batches")

    def check_files(self) -> None:
        for fit in sorted(self._folder.glob(f"*/{TOY.name}/{self._spec.name}/*/fit")):
            changed = checksums.difference(fit, read_json(fit / MARK)["files"])
            require(changed is None, f"predicting changes what fit left: {changed}")

    def check_facts(self) -> None:
        facts = self._first.facts()
        try:
            json.dumps(facts)
        except (TypeError, ValueError) as error:
            raise ContractError(f"facts() has a value that JSON has not: {error}") from None
        networks = self._first.networks()
        if not networks:
            return
        from torch import nn

        for name, network in networks.items():
            is_module = isinstance(network, nn.Module)
            require(is_module, f"networks()['{name}'] is a {type(network).__name__}, not a torch module")

    @cached_property
    def _loaded(self) -> Loaded:
        return toy()

    @cached_property
    def _images(self) -> ImageView:
        return self._loaded.views.images(self._loaded.roles.members["test"])

    @cached_property
    def _first(self) -> Method:
        with global_random_numbers(0):
            return self._fitted("first")

    @cached_property
    def _predicted(self) -> Prediction:
        with global_random_numbers(0):
            return self._first.predict(self._images)

    @cached_property
    def _difference_with_other_numbers(self) -> str:
        """How a second training with other numbers of global generators differs; empty if it does not."""
        again = self._trained("again", seed=1)
        return _difference(self._predicted, again, "training again from the same seed")

    def _fitted(self, attempt: str) -> Method:
        runs = self._folder / attempt
        plan = make_plan(self._spec, None, self._options, dataset=TOY, seed=0, device="cpu", runs=runs)
        return fitted(Job(plan, self._loaded, self._plugins))

    def _trained(self, attempt: str, seed: int) -> Prediction:
        with global_random_numbers(seed):
            return self._fitted(attempt).predict(self._images)


def _stored(prediction: Prediction) -> Prediction:
    """The prediction as `Method.paper_boxes` gets it."""
    if prediction.heatmaps is None:
        return prediction
    return replace(prediction, heatmaps=np.asarray(prediction.heatmaps, dtype=np.float16))


def _require_inside(call: str, boxes: Sequence[Sequence[ScoredBox]] | None, images: ImageView) -> None:
    sizes: Iterable[Sequence[float]] = images.sizes
    for name, (width, height), of_image in zip(images.names, sizes, boxes or (), strict=False):
        for box in of_image:
            is_within = (
                min(box.x0, box.y0) >= -TOLERANCE_PIXELS
                and box.x1 <= width + TOLERANCE_PIXELS
                and box.y1 <= height + TOLERANCE_PIXELS
            )
            corners = ", ".join(f"{corner:g}" for corner in (box.x0, box.y0, box.x1, box.y1))
            require(
                is_within,
                f"{call} gave a box ({corners}) outside of image {name}, which has {width:g} x {height:g} "
                "pixels; boxes are in pixels of the original image",
            )


def _require_same(first: Prediction, second: Prediction, why: str) -> None:
    difference = _difference(first, second, why)
    require(not difference, difference)


def _difference(first: Prediction, second: Prediction, why: str) -> str:
    """How two predictions differ, in words; empty if they do not."""
    if not np.allclose(first.scores, second.scores, atol=1e-5):
        return f"scores differ after {why}"
    if not _same_maps(first, second):
        return f"heatmaps differ after {why}"
    if (first.boxes is None) != (second.boxes is None):
        return f"boxes are given or not, and that differs after {why}"
    if first.boxes is not None and list(map(tuple, first.boxes)) != list(map(tuple, second.boxes or ())):
        return f"boxes differ after {why}"
    return ""


def _same_maps(first: Prediction, second: Prediction) -> bool:
    if first.heatmaps is None or second.heatmaps is None:
        return first.heatmaps is second.heatmaps
    return np.allclose(first.heatmaps, second.heatmaps, atol=2e-3)
