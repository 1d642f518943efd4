"""``--devices`` and ``--nodes``: the processes that train one network together."""

from __future__ import annotations

import os
import socket
import subprocess  # nosec B404 # this command alone is started
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from wsbench.errors import WsbenchError, as_line
from wsbench.utils.ranks import Ranks
from wsbench.utils.signals import left_to_this_process
from wsbench.utils.workers import PARENT

if TYPE_CHECKING:
    from wsbench.runs.job import Job

NODE_NAMES = ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What tells a machine its place among several."""


WAIT = 2.0
"""Seconds after a lost connection in which the process that has ended is found."""


@contextmanager
def trained_together(jobs: Sequence[Job], devices: int, nodes: int) -> Iterator[bool]:
    """Let several processes carry out a command, of which the first one does all but training alone.

    Args:
        jobs: what the command executes.
        devices: how many processes train on this machine; the command is started again for the others.
        nodes: how many machines there are. The command is typed on each.

    Yields:
        Whether this process does the command's work. In the others, all training is over by then.

    Raises:
        WsbenchError: the processes were started by torchrun and are not as many as ``devices`` and ``nodes``
            say, or a machine does not know its place.
    """
    with _started(devices, nodes) as ranks:
        if ranks.size == 1:
            yield True
            return
        from wsbench.runs import following
        from wsbench.torch import together

        together.join(ranks)
        if ranks.rank > 0:
            following.follow(jobs, ranks)
            yield False
        else:
            yield True
            following.dismiss(ranks)
        together.leave(ranks)


@contextmanager
def _started(devices: int, nodes: int) -> Iterator[Ranks]:
    """The place of this process. If it is the one that was typed, it starts the others, which end with it."""
    ranks = Ranks.here()
    if ranks.size > 1:
        if devices * nodes not in (1, ranks.size):
            raise WsbenchError(
                f"--devices {devices} --nodes {nodes}: torchrun has started {ranks.size} processes; "
                "leave the options out"
            )
        yield ranks
    elif devices * nodes == 1:
        yield ranks
    else:
        place = _place(devices, nodes)
        with tempfile.TemporaryDirectory() as folder, _first_of(place, Path(folder)):
            yield Ranks.here()


@contextmanager
def _first_of(place: Mapping[str, str], logs: Path) -> Iterator[None]:
    """Run a block as the first process of this machine, beside the others."""
    numbers = range(1, int(place["LOCAL_WORLD_SIZE"]))
    children = [
        _Child.start({**place, **_numbers(place, number)}, logs / f"{number}.log") for number in numbers
    ]
    own = {**place, **_numbers(place, 0)}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    watch = _Watch(children)
    try:
        yield
        watch.stop()
        for child in children:
            child.process.wait()
    except RuntimeError as error:  # torch's, of a connection that is gone
        if line := _ended(children, patience=WAIT):
            raise WsbenchError(line) from error
        raise
    finally:
        watch.stop()
        for child in children:
            child.process.kill()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _place(devices: int, nodes: int) -> Mapping[str, str]:
    """The environment variables that all processes of this machine share."""
    if nodes == 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        known = {"NODE_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    elif missing := [name for name in NODE_NAMES if not os.environ.get(name)]:
        raise WsbenchError(
            f"--nodes {nodes}: set {', '.join(missing)} on every machine (0 to {nodes - 1}, and address and "
            "port of machine 0), or start the command by torchrun"
        )
    else:
        known = {name: os.environ[name] for name in NODE_NAMES}
    return {**known, "WORLD_SIZE": str(devices * nodes), "LOCAL_WORLD_SIZE": str(devices)}


def _numbers(place: Mapping[str, str], number: int) -> Mapping[str, str]:
    try:
        first = int(place["NODE_RANK"]) * int(place["LOCAL_WORLD_SIZE"])
    except ValueError:
        raise WsbenchError(f"NODE_RANK={place['NODE_RANK']} must be a number, from 0") from None
    return {"RANK": str(first + number), "LOCAL_RANK": str(number)}


class _Child:
    """A further process of this command, and the file of what it prints."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    @classmethod
    def start(cls, variables: Mapping[str, str], log: Path) -> _Child:
        environment = {**os.environ, **variables, PARENT: str(os.getpid())}
        with log.open("wb") as file, left_to_this_process():
            return cls(_popen(environment, file), log)

    def last_line(self) -> str:
        """The last line that it has printed."""
        lines = self._log.read_text("utf-8", errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "it printed nothing")


def _popen(environment: Mapping[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # nosec B603
        [sys.executable, "-m", "wsbench", *sys.argv[1:]],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
    )


class _Watch:
    """Ends this process when another one has ended too early: it would wait for it for ever."""

    def __init__(self, children: Sequence[_Child]) -> None:
        self._over = threading.Event()
        threading.Thread(target=self._look, args=(children,), daemon=True).start()

    def stop(self) -> None:
        """All training is over, and the processes may end."""
        self._over.set()

    def _look(self, children: Sequence[_Child]) -> None:
        while not self._over.wait(2 * WAIT):  # a training notices sooner, and ends in better order
            if (line := _ended(children)) and not self._over.is_set():
                print(as_line(f"error: {line}"), file=sys.stderr, flush=True)
                os._exit(2)


def _ended(children: Sequence[_Child], *, patience: float = 0.0) -> str:
    """Which other process has ended, and what it said last; empty where all are at work."""
    until = time.monotonic() + patience
    while True:
        for number, child in enumerate(children, start=2):
            if child.process.poll() is not None:
                said = child.last_line().removeprefix("error: ")
                return f"process {number} of {len(children) + 1} has ended: {said}"
        if time.monotonic() >= until:
            return ""
        time.sleep(0.1)
