"""Three hundred mutated inputs, by seed: each is accepted, or refused in one line."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from conftest import benchmark_module
from wsbench.errors import WsbenchError

ROOT = Path(__file__).parents[1]
MUTATIONS = 300
DOORS = ("record", "replay", "results", "list", "heatmaps", "published", "catalogue", "log", "tbx11k",
         "picture", "options", "words")  # fmt: skip
"""All but those of NIH's and NLM's tables, whose images take long to make."""


mutations, doors, fuzz = map(benchmark_module, ("fuzz_mutations", "fuzz_doors", "fuzz"))


@pytest.fixture(scope="module")
def entrances(tmp_path_factory: pytest.TempPathFactory) -> list:
    return doors.Doors(tmp_path_factory.mktemp("fuzz") / "inputs", DOORS).all


def test_every_door_lets_a_sound_input_in(entrances: list) -> None:
    for door in entrances:
        if door.name not in ("options", "words"):  # they choose, and may choose what another method has
            door.enter(random.Random(0))


def test_every_mutation_is_accepted_or_refused_in_one_line(entrances: list) -> None:
    found = list(fuzz.outcomes(entrances, MUTATIONS))
    assert [(one.kind, one.seed, one.words) for one in found if one.result == "traceback"] == []
    assert {one.result for one in found} >= {"accepted", "refused"}
    assert all(len(one.words) <= 200 for one in found)


def test_a_traceback_is_counted(tmp_path: Path) -> None:
    """What the test above finds nothing of, it would find."""
    path = tmp_path / "x.json"
    path.write_text('{"a": [1, 2]}')

    def enter(generator: random.Random) -> object:
        if path.read_text() != '{"a": [1, 2]}':
            raise KeyError("a")
        return None

    found = list(fuzz.outcomes([doors.Door("x", path, (mutations.mutate_json,), enter)], 20))
    assert {one.result for one in found} >= {"traceback"}
    assert path.read_text() == '{"a": [1, 2]}'
    assert "| x | 20 |" in fuzz.table(found)


def test_a_refusal_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("x")

    def enter(generator: random.Random) -> object:
        raise WsbenchError("bad \x1b[2J\n" + "name " * 500)

    one = fuzz.outcome(doors.Door("x", path, (mutations.mutate_bytes,), enter), 0)
    assert one.result == "refused" and one.words.isprintable() and len(one.words) == 200
