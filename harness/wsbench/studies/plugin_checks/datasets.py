"""The contract of datasets."""

from __future__ import annotations

import pickle  # nosec B403 # it reads only what is pickled here
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from wsbench.contract.base import Dataset, Source
from wsbench.contract.specs import DatasetSpec
from wsbench.data.contradictions import contradictions
from wsbench.errors import WsbenchError
from wsbench.settings import Settings
from wsbench.studies.plugin_checks.base import Check, ContractError, global_random_numbers, require
from wsbench.types import Sample
from wsbench.utils.names import fault_of, require_classes

READ_IMAGES = 5
"""Images whose pixels are read, spread over the dataset."""

SHAPE = (40, 32)
"""Height and width that images are read in."""


def dataset_checks(spec: DatasetSpec, settings: Settings, source: Source) -> list[Check]:
    """The checks of a dataset, in the order in which they are made.

    Args:
        spec: the dataset.
        settings: its settings.
        source: the place that it is loaded from.
    """
    trial = _Trial(spec, settings, source)
    return [
        Check("it loads", trial.check_loading),
        Check("its classes are different lines of text", trial.check_classes),
        Check("its samples are well formed, and boxes lie inside their images", trial.check_samples),
        Check("loading again gives the same samples", trial.check_loading_again),
        Check("its images are uint8 arrays of the size that is asked for", trial.check_form),
        Check("an image has the same pixels however often it is read, in any order", trial.check_pixels),
    ]


class _Trial:
    """A dataset, loaded when a check needs that first."""

    def __init__(self, spec: DatasetSpec, settings: Settings, source: Source) -> None:
        self._spec = spec
        self._settings = settings
        self._source = source

    def check_loading(self) -> None:
        require(
            isinstance(self._first, Dataset),
            f"load gave a {type(self._first).__name__}, which is not derived from wsbench.Dataset",
        )
        require(len(self._first.samples) > 0, "it has no sample")

    def check_classes(self) -> None:
        try:
            require_classes(self._first.classes, self._spec.name)
        except WsbenchError as error:
            raise ContractError(str(error)) from None

    def check_samples(self) -> None:
        wrong = contradictions(self._first.samples, self._first.classes)
        require(not wrong, "".join(f"{problem.file}: {problem.what}" for problem in wrong[:1]))
        for sample in self._first.samples:
            fault = fault_of(sample)
            require(not fault, f"sample {sample.name!r}: {fault}")

    def check_loading_again(self) -> None:
        before, after = _by_name(self._first.samples), _by_name(self._again.samples)
        require(
            [sample.name for sample in before] == [sample.name for sample in after],
            "loading again gives other images; samples must depend on files and settings alone",
        )
        for sample, other in zip(before, after, strict=True):
            require(
                sample == other,
                f"{sample.name}: loading again gives another sample; samples must depend on files and "
                "settings alone",
            )

    def check_form(self) -> None:
        for sample, image in self._images:
            is_array = isinstance(image, np.ndarray)
            require(is_array, f"{sample.name}: read gave a {type(image).__name__}, not a NumPy array")
            require(
                image.shape == SHAPE and image.dtype == np.uint8,
                f"{sample.name}: read gave {image.shape} {image.dtype}, not {SHAPE} uint8",
            )

    def check_pixels(self) -> None:
        again = _pickled(self._first) if self._first.read_holds_lock else self._again
        with global_random_numbers(1):
            for sample, image in reversed(self._images):
                same = (again.read(sample, *SHAPE) == image).all()
                require(same, f"{sample.name}: read again, it differs")

    @cached_property
    def _first(self) -> Dataset:
        with global_random_numbers(0):
            return self._spec.load(self._settings, self._source)

    @cached_property
    def _again(self) -> Dataset:
        with global_random_numbers(1):
            return self._spec.load(self._settings, self._source)

    @cached_property
    def _images(self) -> list[tuple[Sample, np.ndarray]]:
        samples = self._first.samples
        with global_random_numbers(0):
            chosen = samples[:: max(1, len(samples) // READ_IMAGES)]
            return [(sample, self._first.read(sample, *SHAPE)) for sample in chosen]


def _by_name(samples: Sequence[Sample]) -> list[Sample]:
    return sorted(samples, key=lambda sample: sample.name)


def _pickled(dataset: Dataset) -> Dataset:
    """The dataset as it arrives in another process."""
    again: Dataset = pickle.loads(pickle.dumps(dataset))  # nosec B301 # bytes of this process
    return again
