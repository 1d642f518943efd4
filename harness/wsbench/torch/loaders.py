"""Loaders whose images, augmentation and order depend on (seed, epoch) alone."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sized
from typing import Any, TypeVar, cast

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from wsbench.data.views import WeakView
from wsbench.settings import TrainingSettings
from wsbench.utils.hashing import seed_from
from wsbench.utils.workers import serve

Key = tuple[int, int]
"""Epoch and row: all that an item's randomness may depend on, besides the seed."""

Item = TypeVar("Item")


class WeakImages(Dataset[tuple[Any, torch.Tensor]]):
    """A torch dataset of a view's images and labels, with randomness keyed by (seed, epoch, image).

    An item is ``(input, labels)``, where labels are ``(C,)`` of 0 and 1. Its key is ``(epoch, row)``.

    Args:
        view: the images and their labels.
        height: height at which images are read, in pixels.
        width: width at which images are read, in pixels.
        transform: takes a ``(1, height, width)`` uint8 tensor and returns the input of the network. It may
            draw from torch's global generator, which is seeded for every item. With ``organs`` it takes a
            second tensor: organ masks, ``(5, height, width)`` uint8.
        seed: seed of the augmentation.
        organs: whether the transform takes organ masks, too; height and width must then be equal.
    """

    def __init__(
        self,
        view: WeakView,
        height: int,
        width: int,
        transform: Callable[..., Any],
        seed: int = 0,
        *,
        organs: bool = False,
    ) -> None:
        self._pixels = view.pixels(height, width)
        self._organs = view.organs(height) if organs else None
        self._names = view.names
        self._labels = torch.from_numpy(view.labels)
        self._transform = transform
        self._seed = seed

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, key: Key) -> tuple[Any, torch.Tensor]:
        epoch, row = key
        inputs = [torch.from_numpy(self._pixels[row].copy())[None]]
        if self._organs is not None:
            inputs.append(torch.from_numpy(self._organs[row].copy()))
        with torch.random.fork_rng(devices=[]):
            # torch.manual_seed would also queue a call for every kind of accelerator, image after image
            torch.default_generator.manual_seed(seed_from(self._seed, epoch, self._names[row]))
            return self._transform(*inputs), self._labels[row]


class _KeyedSampler(Sampler[Key]):
    """Yields (epoch, row) in an order that depends on (seed, epoch) alone. Lightning sets the epoch."""

    def __init__(self, length: int, seed: int, shuffle: bool) -> None:
        self._length = length
        self._seed = seed
        self._shuffle = shuffle
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Key]:
        rows = torch.arange(self._length)
        if self._shuffle:
            generator = torch.Generator().manual_seed(seed_from(self._seed, self._epoch))
            rows = torch.randperm(self._length, generator=generator)
        return ((self._epoch, row) for row in rows.tolist())


class _JoinedBatches(Sampler[list[Key]]):
    """Batches of which the last two are one, where the last would hold a single image.

    BatchNorm over a single value (one image whose features are 1 x 1) has no variance, and torch refuses it
    in training. Lightning sets the epoch of ``sampler``.
    """

    def __init__(self, sampler: _KeyedSampler, batch_size: int) -> None:
        self.sampler = sampler
        self._batch_size = batch_size

    def __len__(self) -> int:
        return len(self.sampler) // self._batch_size

    def __iter__(self) -> Iterator[list[Key]]:
        keys = list(self.sampler)
        starts = range(0, len(keys) - 1, self._batch_size)
        batches = [keys[start : start + self._batch_size] for start in starts]
        batches[-1].append(keys[-1])
        return iter(batches)


def keyed_loader(
    images: Dataset[Item], settings: TrainingSettings, *, order_seed: int | None = None
) -> DataLoader[Item]:
    """A loader that yields batches of ``(images, labels)``.

    Where an epoch is shuffled and its last batch would hold one image, that image joins the batch before it,
    which BatchNorm needs. All other batches are as without this rule. One image in all stays alone, and so
    does every image where the batch size is 1.

    Args:
        images: `WeakImages`, or a dataset that takes the same keys.
        settings: batch size and number of worker processes.
        order_seed: seed by which every epoch is shuffled; None keeps the order of the view.

    Returns:
        A loader for `train`.
    """
    count = len(cast("Sized", images))  # torch's class promises no length
    sampler = _KeyedSampler(count, order_seed or 0, shuffle=order_seed is not None)
    return DataLoader(
        images,
        **_batching(sampler, settings.batch_size, training=order_seed is not None),
        num_workers=settings.loader_workers,
        worker_init_fn=functools.partial(_serve, os.getpid()),
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # without one, every epoch would draw from the global generator
    )


def _batching(sampler: _KeyedSampler, batch_size: int, *, training: bool) -> dict[str, Any]:
    """The arguments of a loader that make batches. Batches of the select role stay, since their losses count
    alone."""
    lone = 1 < batch_size < len(sampler) and len(sampler) % batch_size == 1
    if training and lone:
        return {"batch_sampler": _JoinedBatches(sampler, batch_size)}
    return {"batch_size": batch_size, "sampler": sampler}


def _serve(parent: int, worker: int) -> None:
    serve(parent)
