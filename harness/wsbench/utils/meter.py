"""How far a task is, in words: its note, its steps, their rate and the time that is left."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic

from wsbench.utils.quantities import duration

MIN_BAR_CHARACTERS, MAX_BAR_CHARACTERS = 6, 20
"""The bar takes the room that the words leave."""

GAP = "  "
"""Between two parts of a line in a terminal."""


def _now() -> float:
    return monotonic()


@dataclass
class Meter:
    """Counts the steps of a task.

    Attributes:
        description: the task in words.
        total: the number of its steps; 0 if nobody knows it.
        unit: what a step is, in the plural; empty if it has no name.
        before: steps that were done before the task began here. They count as done, and not in the rate.
        steps: steps that were done since.
        note: what was reported with the last step, such as the loss.
        started: when the task began, in seconds of the monotonic clock.
    """

    description: str
    total: int
    unit: str = ""
    before: int = 0
    steps: int = 0
    note: str = ""
    started: float = field(default_factory=_now)

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Count finished steps."""
        self.steps += steps
        self.note = note or self.note

    @property
    def seconds(self) -> float:
        """How long the task has been running here."""
        return monotonic() - self.started

    @property
    def share(self) -> float:
        """The share of the steps that is done, in [0, 1]."""
        return min(1.0, (self.before + self.steps) / self.total) if self.total else 0.0

    def count(self) -> str:
        """The finished steps: ``120/400 images``."""
        done = f"{self.before + self.steps}" + (f"/{self.total}" if self.total else "")
        return f"{done} {self.unit}".rstrip()

    def rate(self) -> str:
        """The steps of a second, or the seconds of a step; empty if there was none."""
        if not self.steps:
            return ""
        per_second = self.steps / max(self.seconds, 1e-3)
        if per_second < 0.1:
            return f"{1 / per_second:.0f} s each"
        digits = 0 if per_second >= 10 else 1
        return f"{per_second:.{digits}f} {self.unit}/s" if self.unit else f"{per_second:.{digits}f}/s"

    def left(self) -> str:
        """The time that the other steps take at this rate; empty if nothing is known of it."""
        if not self.steps or not self.total:
            return ""
        others = max(0, self.total - self.before - self.steps)
        return f"{duration(self.seconds / self.steps * others)} left"

    def summary(self) -> str:
        """The finished task, after its description: the note, and how many steps in what time."""
        if not self.total:
            return f"done in {duration(self.seconds)}"
        steps = f"{self.steps} {self.unit}".rstrip()
        return ", ".join(filter(None, [self.note, f"{steps} in {duration(self.seconds)}"]))


def log_line(meter: Meter) -> str:
    """The state of a task as a line of a log."""
    parts = [meter.note, meter.count(), meter.rate(), meter.left()]
    return f"{meter.description}: {', '.join(filter(None, parts))}"


def terminal_line(meter: Meter, width: int, *, full: str = "\N{BOX DRAWINGS HEAVY HORIZONTAL}",
                  empty: str = "\N{BOX DRAWINGS LIGHT HORIZONTAL}") -> str:  # fmt: skip
    """The state of a task as the line of a terminal.

    It has the description, the note, a bar, the steps, their rate and the time that is left. Where there is
    no room for all, the steps go first, then the bar, the rate and the note. The description is shortened
    last.

    Args:
        meter: the task.
        width: the width of the terminal, in characters.
        full: the sign of the done part of the bar.
        empty: the sign of the other part.
    """
    elapsed = "" if meter.left() else duration(meter.seconds)
    left = meter.left() or elapsed
    for note, bar, count, rate in (
        (meter.note, True, meter.count(), meter.rate()),
        (meter.note, True, "", meter.rate()),
        (meter.note, False, "", meter.rate()),
        (meter.note, False, "", ""),
        ("", False, "", ""),
    ):
        before, after = [meter.description, note], [count if meter.total else "", rate, left]
        words = GAP.join(filter(None, [*before, *after]))
        room = width - len(words) - len(GAP)
        if bar and meter.total and room >= MIN_BAR_CHARACTERS:
            line = _bar(meter.share, min(room, MAX_BAR_CHARACTERS), full, empty)
            return GAP.join(filter(None, [*before, line, *after]))
        if len(words) <= width and not (bar and meter.total):
            return words
    return shortened(meter.description, width - len(left) - len(GAP)) + GAP + left


def final_line(meter: Meter, width: int) -> str:
    """A finished task as the line of a terminal."""
    summary = meter.summary()
    return f"{shortened(meter.description, max(1, width - len(summary) - 2))}: {summary}"[:width]


def shortened(text: str, length: int) -> str:
    """A text with at most this many characters, of which the last three are dots if any is left out."""
    return text if len(text) <= length else f"{text[: max(0, length - 3)].rstrip()}..."


def _bar(share: float, length: int, full: str, empty: str) -> str:
    done = int(share * length)
    return full * done + empty * (length - done)
