"""What is shown of long work: a line for each stage in a terminal, lines elsewhere, rates and times left."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from wsbench.utils import meter, progress
from wsbench.utils.meter import Meter, final_line, log_line, terminal_line
from wsbench.utils.progress import Advance, Lines, Silent
from wsbench.utils.quantities import duration, file_size


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time in seconds."""
    now = [0.0]
    monkeypatch.setattr(meter, "monotonic", lambda: now[0])

    def set_to(seconds: float) -> None:
        now[0] = seconds

    return set_to


def training(clock: Callable[[float], None]) -> Meter:
    """After 60 seconds: 2 of 10 epochs of 300 images were done before, and 600 images since."""
    task = Meter("training kd_student", 3000, "images", before=600, started=0.0)
    clock(60)
    task.advance(600, "epoch 4/10 loss 0.412")
    return task


def test_rate_and_time_left_count_only_what_was_done_here(clock) -> None:
    """600 images in 60 s are 10 a second, and 1800 are left: 180 s. With the 600 images from before, it would
    be 20 a second and 90 s."""
    task = training(clock)
    assert (task.count(), task.rate(), task.left()) == ("1200/3000 images", "10 images/s", "3 min left")
    assert task.share == pytest.approx(0.4)


def test_a_line_of_a_log(clock) -> None:
    assert log_line(training(clock)) == (
        "training kd_student: epoch 4/10 loss 0.412, 1200/3000 images, 10 images/s, 3 min left"
    )


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (
            110,
            "training kd_student  epoch 4/10 loss 0.412  ========------------  1200/3000 images  "
            "10 images/s  3 min left",
        ),
        (80, "training kd_student  epoch 4/10 loss 0.412  ====-------  10 images/s  3 min left"),
        (70, "training kd_student  epoch 4/10 loss 0.412  10 images/s  3 min left"),
        (56, "training kd_student  epoch 4/10 loss 0.412  3 min left"),
        (40, "training kd_student  3 min left"),
        (24, "training...  3 min left"),
    ],
)
def test_a_line_of_a_terminal_fits_its_width(width: int, line: str, clock) -> None:
    shown = terminal_line(training(clock), width, full="=", empty="-")
    assert shown == line
    assert len(shown) <= width


@pytest.mark.parametrize("width", range(20, 130))
@pytest.mark.parametrize("total", [0, 3000])
@pytest.mark.parametrize("steps", [0, 7])
def test_no_line_is_longer_than_the_terminal(width: int, total: int, steps: int, clock) -> None:
    task = Meter("predicting with a_method_of_a_long_name, as its paper", total, "images", started=0.0)
    clock(5000)
    if steps:
        task.advance(steps, "epoch 10/100 loss 0.412")
    assert len(terminal_line(task, width)) <= width
    assert len(final_line(task, width)) <= width


def test_a_task_without_steps_shows_how_long_it_takes(clock) -> None:
    task = Meter("scoring kd_student", 0, started=0.0)
    clock(7)
    assert terminal_line(task, 80) == "scoring kd_student  7 s"
    assert final_line(task, 80) == "scoring kd_student: done in 7 s"


def test_slow_steps_are_timed_each(clock) -> None:
    task = Meter("cells", 10, started=0.0)
    clock(240)
    task.advance(2)
    assert (task.rate(), task.left()) == ("120 s each", "16 min left")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (99.4, "99 s"), (100, "2 min"), (3569, "59 min"), (3570, "1 h"), (4830, "1 h 20 min"),
     (86_369, "23 h 59 min"), (86_371, "1 d"), (270_000, "3 d 3 h")],
)  # fmt: skip
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (1_236_000, "1.24 MB"), (36_000_000_000, "36.0 GB"),
     (999_600, "1.00 MB"), (123_456_789, "123 MB")],
)  # fmt: skip
def test_sizes(count: int, words: str) -> None:
    assert file_size(count) == words


def test_lines_come_every_ten_seconds_and_at_the_end(clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Lines().task("reading", 100, unit="images") as advance:
        for second in range(1, 26):
            clock(second)
            advance(4)
    assert capsys.readouterr().err.splitlines() == [
        "reading: 40/100 images, 4.0 images/s, 15 s left",
        "reading: 80/100 images, 4.0 images/s, 5 s left",
        "reading: 100 images in 25 s",
    ]


def test_a_moment_without_steps_is_not_shown(clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Lines().task("measuring", 0):
        clock(0.5)
    assert capsys.readouterr().err == ""


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(progress.choose_progress(quiet=True), Silent)
    with Silent().task("reading", 3, unit="images", before=1) as advance:
        advance(2, "note")
    assert capsys.readouterr() == ("", "")


SCRIPT = """
from wsbench.utils.progress import choose_progress
shown = choose_progress(quiet=False)
with shown.task("training m\\x1b[2Jine", 40, unit="images") as advance:
    for step in range(4):
        advance(10, f"epoch {step + 1}/4 loss [red]0.5")
shown.say("that is [bold]all")
"""


def test_a_terminal_keeps_one_line_for_each_task() -> None:
    """In a terminal of 80 columns: what is a line at the end, and that no text of a plugin is obeyed."""
    main, other = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], stderr=other, env=env, check=True)
    os.close(other)
    assert done.returncode == 0
    text = os.read(main, 100_000).decode()
    os.close(main)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    lines = [line for line in re.split(r"[\r\n]+", plain) if line.strip()]
    assert lines[-2].strip() == r"training m\x1b[2Jine: epoch 4/4 loss [red]0.5, 40 images in 0 s"
    assert lines[-1].strip() == "that is [bold]all"
    assert "\x1b[2J" not in text


class Heard(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, int, str, int]] = []
        self.steps: list[tuple[int, str]] = []

    @contextmanager
    def task(self, description: str, total: int, *, unit: str = "", before: int = 0) -> Iterator[Advance]:
        self.tasks.append((description, total, unit, before))
        yield lambda steps=1, note="": self.steps.append((steps, note))


def test_a_resumed_training_counts_its_earlier_epochs_as_done_before() -> None:
    """Two of five epochs of ten images in three batches: 20 of 50 images were seen."""
    from wsbench.torch.callbacks import ShowProgress

    heard = Heard()
    shown = ShowProgress(SimpleNamespace(method="mine", progress=heard), epochs=5)
    loader = SimpleNamespace(dataset=range(10))
    trainer = SimpleNamespace(current_epoch=2, num_training_batches=3, train_dataloader=loader)
    shown.on_train_start(trainer, None)
    for batch in range(3):
        shown.on_train_batch_end(trainer, None, {"loss": 0.25}, None, batch)
    shown.on_train_end(trainer, None)
    assert heard.tasks == [("training mine", 50, "images", 20)]
    assert sum(steps for steps, _ in heard.steps) == 10
    assert {note for _, note in heard.steps} == {"epoch 3/5 loss 0.250"}
