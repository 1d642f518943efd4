"""`run --threads`: what numerical libraries use, and what records say of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from wsbench.cli import main
from wsbench.contract.provenance import software_and_machine
from wsbench.utils.threads import VARIABLES, use_threads


@pytest.fixture
def three_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process whose user asked for three."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "3")
    before = torch.get_num_threads()
    with threadpool_limits(3):
        torch.set_num_threads(3)
        yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_libraries_that_are_loaded_and_those_that_will_be_use_the_number() -> None:
    assert torch.get_num_threads() == 3
    use_threads(1)
    assert torch.get_num_threads() == 1
    assert {library["num_threads"] for library in threadpool_info()} == {1}
    assert {os.environ[name] for name in VARIABLES} == {"1"}
    assert software_and_machine("cpu")["threads"] == 1


@pytest.mark.usefixtures("three_threads")
def test_who_asks_for_another_number_than_a_run_was_trained_with_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = "run -m plain_cnn -d phantom -D images=160 -D size=64 -o epochs=1 --seeds 0,1 --no-references"
    said = []
    for count in ("1", "2", "1"):
        with pytest.raises(SystemExit) as ended:
            main([*words.split(), "--no-report", "--quiet", "--threads", count])
        assert ended.value.code == 0
        said.append("trained with --threads" in (printed := capsys.readouterr().out))
        if count == "2":
            assert "plain_cnn (seeds 0, 1) was trained with --threads 1 before" in printed
    assert said == [False, True, False]
