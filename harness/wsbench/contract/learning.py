"""What tells whether a method has learnt: numbers with limits, and the rule that a table applies to them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from wsbench.errors import WsbenchError
from wsbench.utils.names import require_name


@dataclass(frozen=True)
class Sign:
    """A number that tells whether a method has learnt. `Method.learning` returns several.

    A sign without limits is recorded and decides nothing.

    Attributes:
        name: its name in records, such as ``select_auc``.
        value: the number. A value that is not finite lies outside of any limit.
        at_least: the lower limit of a method that has learnt; None without one.
        at_most: the upper limit; None without one.
        reason: what a value outside of the limits means, in a few words.

    Raises:
        WsbenchError: the name is not valid, or the limits are no numbers or exclude each other.
    """

    name: str
    value: float
    at_least: float | None = None
    at_most: float | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        require_name(self.name, "a sign of learning")
        limits = [limit for limit in (self.at_least, self.at_most) if limit is not None]
        if not all(map(math.isfinite, limits)) or limits != sorted(limits):
            raise WsbenchError(f"sign {self.name}: at_least and at_most must be numbers, in this order")

    @property
    def has_limits(self) -> bool:
        """Whether it decides if a method has learnt."""
        return self.at_least is not None or self.at_most is not None

    @property
    def holds(self) -> bool:
        """Whether the value lies within the limits."""
        if not self.has_limits:
            return True
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.at_most is None else self.at_most
        return math.isfinite(self.value) and low <= self.value <= high

    @property
    def words(self) -> str:
        """The value, its limits, and what it means to lie outside of them."""
        limits = [
            f"at {which} {limit:.3g}"
            for which, limit in (("least", self.at_least), ("most", self.at_most))
            if limit is not None
        ]
        value = f"{self.value:.3g}" if math.isfinite(self.value) else "no number"
        shown = f"{self.name} {value}" + (f" ({', '.join(limits)})" if limits else "")
        return f"{shown}: {self.reason}" if self.reason and not self.holds else shown


def as_values(signs: Iterable[Sign]) -> list[dict[str, Any]]:
    """Signs as JSON values for a record. A value that is not finite becomes None."""
    values = [asdict(sign) for sign in signs]
    return [{**sign, "value": sign["value"] if math.isfinite(sign["value"]) else None} for sign in values]


def averaged(records: Iterable[Sequence[Mapping[str, Any]]]) -> list[Sign]:
    """The signs of several seeds or folds as one each, whose value is the mean.

    A single epoch's value is noisy, and whether a method learns is asked of the method, not of one of its
    networks. Where a value is not finite, neither is the mean. Limits are those of the first.

    Args:
        records: the signs of each seed or fold, as `as_values` returns them.
    """
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for signs in records:
        for sign in signs:
            groups[sign["name"]].append(sign)
    return [
        Sign(name, _mean([sign["value"] for sign in group]), *_limits(group[0]))
        for name, group in groups.items()
    ]


def _limits(sign: Mapping[str, Any]) -> tuple[float | None, float | None, str]:
    return sign.get("at_least"), sign.get("at_most"), sign.get("reason", "")


def _mean(values: Sequence[float | None]) -> float:
    return sum(math.nan if value is None else value for value in values) / len(values)
