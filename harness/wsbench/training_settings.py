"""Settings that every trained method shares; free of torch, so that methods can be listed without it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wsbench.settings import Settings

HISTORY = "history.csv"
"""What every epoch logged and how long it took, in a run's folder."""

Precision = Literal["32", "bf16", "auto"]


class TrainingSettings(Settings):
    """How `train` trains. Derive from it and override defaults with published values."""

    epochs: int = Field(100, ge=1, description="most epochs to train")
    patience: int = Field(10, ge=1, description="epochs without a lower select loss before training stops")
    batch_size: int = Field(64, ge=1, description="images a step")
    learning_rate: float = Field(1e-3, gt=0, description="of the optimiser")
    weight_decay: float = Field(0.0, ge=0, description="of the optimiser")
    precision: Precision = Field(
        "32", description="32, bf16 (autocast), or auto: bf16 where the hardware computes in it"
    )
    channels_last: bool = Field(False, description="memory format of images and weights; speed only")
    loader_workers: int = Field(0, ge=0, description="processes that prepare batches; 0 is fastest on a CPU")
