"""Which cells run at the same time, and what a failure costs: on an engine that only pretends."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from wsbench.studies.sweeps.driver import Work, carry_out
from wsbench.studies.sweeps.engines.base import Command, Ended, Engine
from wsbench.studies.sweeps.engines.local import LocalEngine
from wsbench.utils.progress import Silent


class Pretended(Engine):
    """Ends commands in a random order. Each must find that no other one makes one of its trainings."""

    def __init__(self, work: Sequence[Work], room: int, seed: int, failing: Iterable[str] = ()) -> None:
        self.at_once = room
        self._needs = {item.command.name: item.trainings for item in work}
        self._random, self._failing = random.Random(seed), set(failing)
        self._running: list[str] = []
        self._made: set[Path] = set()
        self.order: list[str] = []
        self.most = 0

    def start(self, commands: Sequence[Command]) -> None:
        for command in commands:
            for other in self._running:
                shared = self._needs[other] & self._needs[command.name]
                assert shared <= self._made, "two cells make the same training"
            self._running.append(command.name)
            self.order.append(command.name)
        self.most = max(self.most, len(self._running))
        assert len(self._running) <= self.at_once

    def ended(self) -> Iterable[Ended]:
        name = self._running.pop(self._random.randrange(len(self._running)))
        if name in self._failing:
            return [Ended(name, "it was told to fail")]
        self._made |= self._needs[name]
        return [Ended(name)]

    def close(self) -> None:
        assert not self._running


def _work(name: str, *trainings: str) -> Work:
    command = Command(name, ("run",), Path(f"{name}.log"), Path())
    return Work(f"cell {name}", command, frozenset(map(Path, trainings)))


STUDENTS = [_work(f"student{number}", "teacher", f"student{number}") for number in range(4)]
OTHERS = [_work(f"other{number}", f"other{number}") for number in range(3)]


@pytest.mark.parametrize("seed", range(20))
def test_a_shared_training_is_made_by_one_cell_while_others_go_on(seed: int) -> None:
    work = [*STUDENTS, *OTHERS]
    engine = Pretended(work, room=3, seed=seed)
    assert carry_out(work, engine, Silent()) == []
    assert sorted(engine.order) == sorted(item.command.name for item in work)
    assert engine.order[:3] == [
        "student0",
        "other0",
        "other1",
    ]  # no second student before the teacher is made


def test_once_the_training_is_made_the_rest_run_together() -> None:
    engine = Pretended(STUDENTS, room=4, seed=0)
    carry_out(STUDENTS, engine, Silent())
    assert engine.most == 3


def test_a_failing_cell_loses_only_itself_and_is_named() -> None:
    """The next cell makes the training that the failed one has not made."""
    engine = Pretended(STUDENTS, room=4, seed=0, failing=["student0"])
    (failure,) = carry_out(STUDENTS, engine, Silent())
    assert (failure.label, failure.problem) == ("cell student0", "it was told to fail")
    assert failure.log == Path("student0.log")
    assert engine.order[:2] == ["student0", "student1"]
    assert len(engine.order) == 4


def test_an_engine_that_orders_gets_everything_at_the_beginning() -> None:
    class Array(Pretended):
        orders = True

        def start(self, commands: Sequence[Command]) -> None:
            self._running += [command.name for command in commands]
            self.order.append(" ".join(self._running))

    engine = Array(STUDENTS, room=1, seed=0)
    carry_out(STUDENTS, engine, Silent())
    assert engine.order == ["student0 student1 student2 student3"]


class _Pretending:
    """A process that ends when the test says so."""

    code: int | None = None

    def poll(self) -> int | None:
        return self.code


def test_each_cell_sees_the_gpu_that_fewest_others_see(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str] = {}
    processes: dict[str, _Pretending] = {}

    def start(command: Command, variables: dict[str, str]) -> _Pretending:
        seen[command.name] = variables["CUDA_VISIBLE_DEVICES"]
        processes[command.name] = _Pretending()
        return processes[command.name]

    monkeypatch.setattr(Command, "start", start)
    engine = LocalEngine(4, ["2", "5"])
    engine.start([_work(name).command for name in "abcd"])
    assert seen == {"a": "2", "b": "5", "c": "2", "d": "5"}
    processes["b"].code = processes["c"].code = 0
    assert sorted(end.name for end in engine.ended()) == ["b", "c"]
    engine.start([_work("e").command, _work("f").command])
    assert sorted([seen["e"], seen["f"]]) == ["2", "5"]


def test_a_killed_command_and_a_failed_one_say_why(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("reading images\nerror: no images in films; name another folder\n\n")
    command = Command("cell", ("run",), log, tmp_path)
    assert Ended.of(command, 0).problem == ""
    assert Ended.of(command, 2).problem == "no images in films; name another folder"
    assert Ended.of(command, -9).problem == "killed by signal SIGKILL"
    log.unlink()
    assert Ended.of(command, 1).problem == "ended with exit code 1"
