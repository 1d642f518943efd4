"""What methods share when they train: keyed loaders, and Lightning set up to stop, save and resume."""

from __future__ import annotations

import functools
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from typing import Any, Literal, TypeVar, cast

import lightning.pytorch as lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader, Dataset, Sampler

from wsbench.contract.base import RunContext
from wsbench.data.views import WeakView
from wsbench.files.checksums import is_intact_archive
from wsbench.settings import TrainingSettings
from wsbench.torch.callbacks import (
    AtomicCheckpoints,
    EpochSeed,
    History,
    MovableCheckpoint,
    Patience,
    ShowProgress,
)
from wsbench.utils.devices import torch_device as torch_device  # noqa: PLC0414 - `wsbench.torch` has it from here
from wsbench.utils.hashing import seed_from
from wsbench.utils.workers import serve

LAST, BEST, PAPER = "last", "best", "paper"

Key = tuple[int, int]
"""Epoch and row: all that an item's randomness may depend on, besides the seed."""

Item = TypeVar("Item")


class WeakImages(Dataset[tuple[Any, torch.Tensor]]):
    """Images and labels of a view as tensors, with randomness keyed by (seed, epoch, image).

    Args:
        view: the images.
        height, width: the size they are read at.
        transform: ``(1, height, width)`` uint8 tensor -> the network's input; draws from torch's
            global generator, which is seeded for every item. With ``organs`` it is given the image's masks,
            too: ``(5, height, width)`` uint8.
        seed: of the augmentation.
        organs: whether the transform is given organ masks, too; height and width must then be equal.
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
    """Yields (epoch, row); the order of an epoch is a function of (seed, epoch). Lightning sets the epoch."""

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


def keyed_loader(
    images: Dataset[Item], settings: TrainingSettings, *, order_seed: int | None = None
) -> DataLoader[Item]:
    """Batches of ``(images, labels)``.

    Args:
        images: `WeakImages`, or a dataset around one that takes the same keys.
        settings: batch size and worker processes.
        order_seed: shuffle every epoch by (seed, epoch); None keeps the order of the view.
    """
    count = len(cast("Sized", images))  # torch's class promises no length
    return DataLoader(
        images,
        batch_size=settings.batch_size,
        sampler=_KeyedSampler(count, order_seed or 0, shuffle=order_seed is not None),
        num_workers=settings.loader_workers,
        worker_init_fn=functools.partial(_serve, os.getpid()),
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # else every new epoch would draw from the global one
    )


def _serve(parent: int, worker: int) -> None:
    serve(parent)


def train(
    module: lightning.LightningModule,
    fit: DataLoader[Any],
    select: DataLoader[Any],
    run: RunContext,
    settings: TrainingSettings,
    *,
    monitor: str | None = "select_loss",
    mode: Literal["min", "max"] = "min",
    paper_monitor: str | None = None,
) -> None:
    """Train with Lightning: stop early on ``monitor``, save every epoch, go on where a killed run was.

    Leaves ``last.ckpt`` (everything needed to go on), ``best.ckpt`` (weights of the best epoch) and
    ``history.csv`` in ``run.folder``, and ``paper.ckpt`` with a ``paper_monitor``.

    Args:
        module: logs ``fit_loss`` and ``monitor`` once an epoch; its randomness comes from torch's
            generator, which is seeded at the start of every epoch.
        fit, select: made by `keyed_loader`.
        run: folder, seed, device, progress and trackers.
        settings: epochs, patience, precision.
        monitor: what the module logs on the select role, by which an epoch is the best. None: there is no
            best epoch and no early stop; `last_weights` has the last one.
        mode: whether the lowest or the highest is best.
        paper_monitor: what it logs of `RunContext.paper_score`, by whose highest value protocol ``paper``
            chooses.
    """
    device = torch_device(run.device)
    names = [name for name, used in ((LAST, True), (BEST, monitor), (PAPER, paper_monitor)) if used]
    resume = _resumable(run, names)
    with warnings.catch_warnings(), _quiet_lightning():
        warnings.simplefilter("ignore")  # Lightning's advice on workers, loggers and folders
        trainer = lightning.Trainer(
            accelerator=device.type if device.type != "cuda" else "gpu",
            devices=[device.index or 0] if device.type == "cuda" else 1,
            precision=_lightning_precision(settings, device),
            max_epochs=settings.epochs,
            callbacks=_callbacks(run, settings, monitor, mode, paper_monitor),
            plugins=[AtomicCheckpoints()],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            deterministic="warn",
            default_root_dir=run.folder,
        )
        try:
            trainer.fit(module, fit, select, ckpt_path=resume, weights_only=True)
        except SystemExit as end:
            if isinstance(end.__context__, KeyboardInterrupt):
                # Lightning's answer to Ctrl-C, which would end a program that calls us
                raise KeyboardInterrupt from None
            raise


def _resumable(run: RunContext, names: Sequence[str]) -> str | None:
    """The checkpoint to go on from; None to start from the beginning.

    Torch does not look at the checksums in its files, so weights in which a bit has changed would be trained
    on, or chosen as the best, in silence. All checkpoints of an epoch are there when `LAST`, the latest, is.
    """
    paths = [run.folder / f"{name}.ckpt" for name in names]
    if not paths[0].exists():
        return None
    for path in paths:
        if not is_intact_archive(path):
            what = "is not what was left there" if path.exists() else "is missing"
            run.progress.say(f"{run.folder}: {path.name} {what}; the training starts from the beginning")
            paths[0].unlink()
            return None
    return str(paths[0])


def best_weights(run: RunContext) -> Mapping[str, torch.Tensor]:
    """The module's state at its best epoch, on the CPU."""
    weights: Mapping[str, torch.Tensor] = _checkpoint(run, BEST)["state_dict"]
    return weights


def last_weights(run: RunContext) -> Mapping[str, torch.Tensor]:
    """The module's state at its last epoch, on the CPU."""
    weights: Mapping[str, torch.Tensor] = _checkpoint(run, LAST)["state_dict"]
    return weights


def paper_weights(run: RunContext) -> Mapping[str, torch.Tensor] | None:
    """The module's state at the epoch of the highest ``paper_monitor``, on the CPU; None if that is the
    best epoch anyway."""
    own = _checkpoint(run, PAPER)
    return None if own["epoch"] == _checkpoint(run, BEST)["epoch"] else own["state_dict"]


def _checkpoint(run: RunContext, name: str) -> Mapping[str, Any]:
    checkpoint: Mapping[str, Any] = torch.load(
        run.folder / f"{name}.ckpt", map_location="cpu", weights_only=True
    )
    return checkpoint


def autocast(settings: TrainingSettings, device: torch.device) -> torch.autocast:
    """A context that computes in the precision that `train` computes in."""
    reduced = _lightning_precision(settings, device) == "bf16-mixed"
    return torch.autocast(device.type, torch.bfloat16, enabled=reduced)


def computes_in_bf16(device: torch.device) -> bool:
    """Whether the hardware has bf16 arithmetic; elsewhere it is emulated, slowly."""
    if device.type == "cuda":
        supported: bool = torch.cuda.is_bf16_supported(including_emulation=False)
        return supported
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def _lightning_precision(
    settings: TrainingSettings, device: torch.device
) -> Literal["bf16-mixed", "32-true"]:
    reduced = settings.precision == "bf16" or (settings.precision == "auto" and computes_in_bf16(device))
    return "bf16-mixed" if reduced else "32-true"


def _callbacks(
    run: RunContext,
    settings: TrainingSettings,
    monitor: str | None,
    mode: Literal["min", "max"],
    paper_monitor: str | None,
) -> list[Callback]:
    place: Mapping[str, Any] = {
        "dirpath": run.folder,
        "enable_version_counter": False,
        "save_on_train_epoch_end": True,
    }
    callbacks: list[Callback] = [EpochSeed(run), History(run), ShowProgress(run, settings.epochs)]
    if monitor is not None:
        callbacks += [
            Patience(monitor, patience=settings.patience, mode=mode, check_on_train_epoch_end=True),
            MovableCheckpoint(filename=BEST, monitor=monitor, mode=mode, save_weights_only=True, **place),
        ]
    if paper_monitor is not None:
        callbacks.append(
            MovableCheckpoint(
                filename=PAPER, monitor=paper_monitor, mode="max", save_weights_only=True, **place
            )
        )
    return [*callbacks, MovableCheckpoint(filename=LAST, **place)]


class _quiet_lightning:
    """Keeps Lightning's notices (devices found, tips) off the terminal while it runs."""

    def __enter__(self) -> None:
        self._loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
        self._levels = [logger.level for logger in self._loggers]
        for logger in self._loggers:
            logger.setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        for logger, level in zip(self._loggers, self._levels, strict=True):
            logger.setLevel(level)
