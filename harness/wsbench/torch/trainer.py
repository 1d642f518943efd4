"""The training loop that methods share: Lightning, set up to stop, save and resume."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import lightning.pytorch as lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

from wsbench.contract.base import RunContext
from wsbench.files.checksums import is_intact_archive
from wsbench.settings import TrainingSettings
from wsbench.torch import together
from wsbench.torch.callbacks import (
    AtomicCheckpoints,
    EpochSeed,
    History,
    MovableCheckpoint,
    Patience,
    ShowProgress,
)
from wsbench.utils.allocator import keep_freed_memory
from wsbench.utils.devices import torch_device as torch_device  # noqa: PLC0414 - `wsbench.torch` has it from here
from wsbench.utils.ranks import Ranks

LAST, BEST, PAPER = "last", "best", "paper"


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
    """Train with Lightning: stop early on ``monitor``, save every epoch, and resume a killed run.

    These files are left in ``run.folder``: ``last.ckpt`` (all that is needed to resume), ``best.ckpt``
    (weights of the best epoch), ``history.csv`` (the metrics of every epoch) and, with a ``paper_monitor``,
    ``paper.ckpt``.

    Args:
        module: the Lightning module. It logs ``fit_loss`` and ``monitor`` once in every epoch, and draws
            from torch's global generator, which is seeded at the start of every epoch.
        fit: loader of the fit role, made by `keyed_loader`.
        select: loader of the select role, made by `keyed_loader`.
        run: folder, seed, device, progress and trackers.
        settings: epochs, patience and precision.
        monitor: name of the metric on the select role that chooses the best epoch. With None there is no
            best epoch and no early stop, and `last_weights` returns the weights of the last epoch.
        mode: whether the lowest or the highest value is best.
        paper_monitor: name of the metric that logs `RunContext.paper_score`; protocol ``paper`` uses the
            epoch of its highest value.

    Under glibc, the process keeps memory that it has freed from then on (`wsbench.utils.allocator`), which
    takes less time; ``WSBENCH_KEEP_MEMORY=0`` turns that off.

    Under ``wsbench run --devices`` or ``torchrun`` several processes call it in step. Each has a part of
    every batch, and the first one alone writes files and returns.
    """
    keep_freed_memory()
    ranks, device = Ranks.here(), torch_device(run.device)
    if ranks.rank == 0:
        together.told_by_the_first(str(run.folder), ranks)  # the others wait in `runs.following`
    names = [name for name, used in ((LAST, True), (BEST, monitor), (PAPER, paper_monitor)) if used]
    resume = _resumable(run, names) if ranks.rank == 0 else None
    resume = together.told_by_the_first(resume, ranks)
    fit = together.shared_loader(fit, ranks)
    options = together.trainer_options(module, ranks, device)
    with warnings.catch_warnings(), _quiet_lightning(), _memory_as_it_comes():
        warnings.simplefilter("ignore")  # Lightning's advice on workers, loggers and folders
        trainer = lightning.Trainer(
            accelerator=device.type if device.type != "cuda" else "gpu",
            precision=_lightning_precision(settings, device),
            max_epochs=settings.epochs,
            callbacks=[
                *_callbacks(run, settings, monitor, mode, paper_monitor),
                *together.callbacks(fit, ranks),
            ],
            **{**options, "plugins": [AtomicCheckpoints(), *options.get("plugins", [])]},
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
                # Lightning turns Ctrl-C into SystemExit, which would end a program that calls this function.
                raise KeyboardInterrupt from None
            raise
    if ranks.rank > 0:
        raise together.TrainedTogether


def _resumable(run: RunContext, names: Sequence[str]) -> str | None:
    """The checkpoint to resume from; None to start from the beginning.

    Torch does not check the checksums in its files, so damaged weights would be trained further, or chosen as
    the best, without an error. `LAST` is written last: where it exists, so do the others of its epoch.
    """
    paths = [run.folder / f"{name}.ckpt" for name in names]
    if not paths[0].exists():
        return None
    for path in paths:
        if not is_intact_archive(path):
            problem = "is damaged" if path.exists() else "is missing"
            run.progress.say(f"{run.folder}: {path.name} {problem}; the training starts from the beginning")
            paths[0].unlink()
            return None
    return str(paths[0])


def best_weights(run: RunContext) -> Mapping[str, torch.Tensor]:
    """The weights of the best epoch of a training by `train`.

    Args:
        run: the run that was trained.

    Returns:
        The module's state dict, on the CPU.
    """
    weights: Mapping[str, torch.Tensor] = _checkpoint(run, BEST)["state_dict"]
    return weights


def last_weights(run: RunContext) -> Mapping[str, torch.Tensor]:
    """The weights of the last epoch of a training by `train`.

    Args:
        run: the run that was trained.

    Returns:
        The module's state dict, on the CPU.
    """
    weights: Mapping[str, torch.Tensor] = _checkpoint(run, LAST)["state_dict"]
    return weights


def paper_weights(run: RunContext) -> Mapping[str, torch.Tensor] | None:
    """The weights of the epoch with the highest ``paper_monitor`` of a training by `train`.

    Args:
        run: the run that was trained.

    Returns:
        The module's state dict, on the CPU; None if that epoch is also the best one (`best_weights`).
    """
    checkpoint = _checkpoint(run, PAPER)
    return None if checkpoint["epoch"] == _checkpoint(run, BEST)["epoch"] else checkpoint["state_dict"]


def _checkpoint(run: RunContext, name: str) -> Mapping[str, Any]:
    checkpoint: Mapping[str, Any] = torch.load(
        run.folder / f"{name}.ckpt", map_location="cpu", weights_only=True
    )
    return checkpoint


def network_weights(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of a module's attribute ``network``, under the network's own names.

    Args:
        state: state dict of a Lightning module with the attribute ``network``, as `best_weights` returns it.

    Returns:
        The same tensors, whose names have lost the prefix ``network.``.
    """
    return {name.removeprefix("network."): value for name, value in state.items()}


def autocast(settings: TrainingSettings, device: torch.device) -> torch.autocast:
    """A context that computes in the precision of `train`.

    Args:
        settings: the precision: ``32``, ``bf16`` or ``auto``.
        device: the device; ``auto`` means bf16 where it has bf16 arithmetic.
    """
    reduced = _lightning_precision(settings, device) == "bf16-mixed"
    return torch.autocast(device.type, torch.bfloat16, enabled=reduced)


def computes_in_bf16(device: torch.device) -> bool:
    """Whether the hardware has bf16 arithmetic. Elsewhere it is emulated, which is slow."""
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
    options: Mapping[str, Any] = {
        "dirpath": run.folder,
        "enable_version_counter": False,
        "save_on_train_epoch_end": True,
    }
    callbacks: list[Callback] = [EpochSeed(run), History(run), ShowProgress(run, settings.epochs)]
    if monitor is not None:
        callbacks += [
            Patience(monitor, patience=settings.patience, mode=mode, check_on_train_epoch_end=True),
            MovableCheckpoint(filename=BEST, monitor=monitor, mode=mode, save_weights_only=True, **options),
        ]
    if paper_monitor is not None:
        callbacks.append(
            MovableCheckpoint(
                filename=PAPER, monitor=paper_monitor, mode="max", save_weights_only=True, **options
            )
        )
    return [*callbacks, MovableCheckpoint(filename=LAST, **options)]


@contextmanager
def _memory_as_it_comes() -> Iterator[None]:
    """A block in which deterministic algorithms do not also fill the memory of new tensors, which takes up to
    5 % of a step. Only an operation that reads what it has not written would notice."""
    settings: Any = torch.utils.deterministic  # torch does not annotate what it holds
    before = settings.fill_uninitialized_memory
    settings.fill_uninitialized_memory = False
    try:
        yield
    finally:
        settings.fill_uninitialized_memory = before


class _quiet_lightning:
    """Keeps Lightning's notices (devices, tips) off the terminal."""

    def __enter__(self) -> None:
        self._loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
        self._levels = [logger.level for logger in self._loggers]
        for logger in self._loggers:
            logger.setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        for logger, level in zip(self._loggers, self._levels, strict=True):
            logger.setLevel(level)
