"""Several processes train one network: what they say to each other, and which rows of a batch each has.

A batch is made as for one process, and then divided, so that every step sees the images that it would see
with one process. Gradients, batch statistics and logged losses are those of the whole batch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import lightning.pytorch as lightning
import torch
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins.layer_sync import TorchSyncBatchNorm
from lightning.pytorch.strategies import DDPStrategy
from torch import distributed
from torch.utils.data import DataLoader, Sampler

from wsbench.torch.batch_norm import SynchronisedBatchNorm
from wsbench.utils.ranks import Ranks

PATIENCE = timedelta(days=30)
"""How long a process waits for the others: the first may predict and score for hours between trainings."""


class TrainedTogether(BaseException):
    """Ends `Method.fit` in every process but the first, which goes on alone when the training has ended.

    It is no Exception, so that a method does not catch it by mistake.
    """


def join(ranks: Ranks) -> None:
    """Wait until all processes are there."""
    _share_threads(ranks)
    if ranks.size > 1 and torch.cuda.is_available():
        torch.cuda.set_device(ranks.local_rank)  # so that "cuda" is the GPU of this process
    if ranks.size > 1 and not distributed.is_initialized():
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
            rank=ranks.rank,
            world_size=ranks.size,
            timeout=PATIENCE,
        )


def leave(ranks: Ranks) -> None:
    """Close the connection to the other processes."""
    if ranks.size > 1 and distributed.is_initialized():
        distributed.destroy_process_group()


def told_by_the_first(message: Any, ranks: Ranks) -> Any:
    """What the first process says. It says ``message``; what the others pass plays no part."""
    if ranks.size == 1:
        return message
    messages = [message]
    distributed.broadcast_object_list(messages, src=0, device=torch.device("cpu"))
    return messages[0]


def trainer_options(module: lightning.LightningModule, ranks: Ranks, device: torch.device) -> dict[str, Any]:
    """Arguments of Lightning's trainer."""
    if ranks.size == 1:
        return {"devices": [device.index or 0] if device.type == "cuda" else 1}
    layers = TorchSyncBatchNorm() if device.type == "cuda" else SynchronisedBatchNorm()
    return {
        "devices": ranks.local_size,
        "num_nodes": ranks.nodes,
        # GANs step one of two networks at a time. The other's parameters have no gradient then.
        "strategy": DDPStrategy(find_unused_parameters=not module.automatic_optimization, timeout=PATIENCE),
        "plugins": [TorchElasticEnvironment(), layers],
    }


class Shares(Sampler[list[Any]]):
    """The rows of every batch that one process has.

    Process r of n has rows r, r + n, r + 2n ... of a batch. Of a batch with fewer rows than processes, every
    process has all.

    Args:
        batches: the batches of all processes, in the same order in every process.
        ranks: the place of this process.
    """

    def __init__(self, batches: Any, ranks: Ranks) -> None:
        self.sampler = batches.sampler  # Lightning looks for it here, to set the epoch
        self._batches = batches
        self._ranks = ranks
        self._sizes: list[int] = []

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[Any]]:
        self._sizes = []
        for batch in self._batches:
            self._sizes.append(len(batch))
            yield list(self._share(batch))

    def size(self, batch: int) -> int:
        """The number of rows of a batch of all processes, by its number in the epoch that has begun."""
        return self._sizes[batch]

    def weight(self, batch: int) -> float:
        """The factor of this process's mean loss, with which the mean over processes is that of the batch."""
        size = self.size(batch)
        return len(self._share(range(size))) * self._ranks.size / size if size >= self._ranks.size else 1.0

    def _share(self, rows: Sequence[Any]) -> Sequence[Any]:
        return rows if len(rows) < self._ranks.size else rows[self._ranks.rank :: self._ranks.size]


def shared_loader(loader: DataLoader[Any], ranks: Ranks) -> DataLoader[Any]:
    """A loader of this process's rows of every batch."""
    if ranks.size == 1:
        return loader
    return DataLoader(
        loader.dataset,
        batch_sampler=Shares(loader.batch_sampler, ranks),
        num_workers=loader.num_workers,
        worker_init_fn=loader.worker_init_fn,
        pin_memory=loader.pin_memory,
        generator=torch.Generator(),
    )


class WholeBatch(Callback):
    """Makes gradients and logged losses those of the whole batch.

    DDP takes the mean of the processes' gradients. Where a batch does not divide evenly, each is weighted by
    its number of rows first. The same holds of what is logged in training: Lightning's own ``sync_dist``
    rounds the mean number of rows to a whole one.
    """

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self._batch = 0

    def on_fit_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        log = module.log

        def log_of_all(name: str, value: Any, *arguments: Any, **options: Any) -> None:
            if trainer.training:
                value = self._mean(torch.as_tensor(value, device=module.device))
                options["batch_size"] = self._shares.size(self._batch)
            log(name, value, *arguments, **options)

        module.log = log_of_all  # type: ignore[method-assign]

    def on_fit_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        del module.log

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._batch = batch_idx

    def on_before_backward(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, loss: torch.Tensor
    ) -> None:
        weight = self._shares.weight(self._batch)
        if weight != 1:
            loss.register_hook(lambda gradient: gradient * weight)  # type: ignore[no-untyped-call]  # torch

    def _mean(self, value: torch.Tensor) -> torch.Tensor:
        """The mean over the rows of a batch, of the means over those of each process."""
        total = value.detach().float() * self._shares.weight(self._batch) / distributed.get_world_size()
        distributed.all_reduce(total)
        return total


def callbacks(fit: DataLoader[Any], ranks: Ranks) -> list[Callback]:
    """What Lightning calls in addition, where the batches of ``fit`` are divided."""
    return [WholeBatch(fit.batch_sampler)] if isinstance(fit.batch_sampler, Shares) else []


def _share_threads(ranks: Ranks) -> None:
    """Give every process its part of the machine's cores, unless the user has said how many threads there
    are: more threads than cores would wait for each other."""
    if ranks.size > 1 and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, torch.get_num_threads() // ranks.local_size))
