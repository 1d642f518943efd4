"""Which of several processes this is, where several train one network together."""

from __future__ import annotations

import os
from dataclasses import dataclass

from wsbench.errors import WsbenchError

NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""The environment variables by which ``torchrun``, and ``wsbench run --devices``, tell a process its
place."""


@dataclass(frozen=True)
class Ranks:
    """The place of a process among those that train together.

    Attributes:
        rank: its number, from 0. The process 0 alone writes files and prints.
        size: how many they are.
        local_rank: its number among those on this machine; so on a GPU machine, the number of its GPU.
        local_size: how many are on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @classmethod
    def here(cls) -> Ranks:
        """The place of this process. Without the environment variables it is alone.

        Raises:
            WsbenchError: one of them is missing or is no number.
        """
        size = os.environ.get("WORLD_SIZE", "1")
        if "RANK" not in os.environ or size == "1":
            return cls()
        if missing := [name for name in NAMES if name not in os.environ]:
            raise WsbenchError(f"{', '.join(missing)} not set; start processes by torchrun or by --devices")
        try:
            numbers = [int(os.environ[name]) for name in NAMES[:4]]
        except ValueError:
            raise WsbenchError(f"{', '.join(NAMES[:4])} must be numbers, as torchrun sets them") from None
        return cls(*numbers)

    @property
    def nodes(self) -> int:
        """How many machines there are."""
        return self.size // self.local_size
