"""The callbacks that `train` gives to Lightning: seeds, patience, history, progress and checkpoints."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from wsbench.contract.base import RunContext
from wsbench.files.writing import atomic
from wsbench.settings import HISTORY as HISTORY  # noqa: PLC0414 - `wsbench.torch` has it from here
from wsbench.utils.hashing import seed_from

_PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")


class EpochSeed(Callback):
    """Seeds torch at the start of every epoch, so that an epoch does not depend on earlier ones."""

    def __init__(self, run: RunContext) -> None:
        self._seed = run.seed_for("epoch")

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        # Processes that train together see different images, so what they draw must differ, too.
        rank = [trainer.global_rank] if trainer.global_rank else []
        torch.manual_seed(seed_from(self._seed, trainer.current_epoch, *rank))


class Patience(EarlyStopping):
    """Early stopping that stays stopped when a run is resumed after its last epoch."""

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        if self.wait_count >= self.patience:
            trainer.should_stop = True


class History(Callback):
    """Keeps the metrics of each epoch in the checkpoint, writes them as CSV and notifies the trackers."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._rows: list[dict[str, float]] = []
        self._started = 0.0

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self._rows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._rows = list(state["rows"])
        self._write()  # the file may have been damaged since, and there may be no epoch left to write it

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        metrics = {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        seconds = time.monotonic() - self._started
        self._rows.append({"epoch": trainer.current_epoch, "seconds": round(seconds, 3), **metrics})
        self._write()
        self._run.epoch_ended(trainer.current_epoch, metrics)

    def _write(self) -> None:
        import pandas as pd

        with atomic(self._run.folder / HISTORY) as file:
            pd.DataFrame(self._rows).to_csv(file, index=False)


class ShowProgress(Callback):
    """Shows epoch, loss, images a second and the time that is left of all epochs."""

    def __init__(self, run: RunContext, epochs: int) -> None:
        self._run = run
        self._epochs = epochs
        self._stack = ExitStack()

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        images = self._images_after(trainer, int(trainer.num_training_batches))
        task = self._run.progress.task(
            f"training {self._run.method}",
            self._epochs * images,
            unit="images",
            before=trainer.current_epoch * images,  # of a resumed training
        )
        self._advance = self._stack.enter_context(task)

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        loss = float(outputs["loss"])
        images = self._images_after(trainer, batch_idx + 1) - self._images_after(trainer, batch_idx)
        self._advance(images, f"epoch {trainer.current_epoch + 1}/{self._epochs} loss {loss:.3f}")

    def on_train_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._stack.close()

    def on_exception(self, trainer: lightning.Trainer, module: lightning.LightningModule, *_: Any) -> None:
        self._stack.close()

    @staticmethod
    def _images_after(trainer: lightning.Trainer, batches: int) -> int:
        """The number of images in the first batches of an epoch. All batches are taken to be equal."""
        loader: Any = trainer.train_dataloader
        images: int = len(loader.dataset)
        return images * batches // int(trainer.num_training_batches)


class MovableCheckpoint(ModelCheckpoint):
    """A checkpoint that keeps its best epoch when the run's folder is moved.

    Lightning's own forgets the best epoch then, with a warning, and the next epoch replaces it.
    """

    @property
    def state_key(self) -> str:
        """The key of Lightning's own class, which checkpoints of earlier versions use."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load a state, and move its paths into the present folder."""

        def moved(path: str) -> str:
            return str(Path(self.dirpath or "") / Path(path).name) if path else path

        paths = {name: moved(state[name]) for name in _PATHS if name in state}
        best = {moved(path): score for path, score in state.get("best_k_models", {}).items()}
        super().load_state_dict({**state, **paths, "best_k_models": best, "dirpath": self.dirpath})


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes checkpoints atomically. Lightning's own writer stages them in the system's temporary folder, and
    a move from there is not atomic."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        with atomic(Path(path)) as file:
            torch.save(checkpoint, file)
