"""`run --threads`: what numerical libraries use, and what records say of it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

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
