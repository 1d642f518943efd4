"""Names of data releases: whether a network was trained on the release that it is tested on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from wsbench.utils.names import letters_and_digits

UNKNOWN = "unknown"
"""The name that stands for training data that nobody knows."""

Overlap = Literal["none", "unknown", "test"]


def overlap(trained_on: Iterable[str], tested_on: Iterable[str]) -> Overlap:
    """What is known of test images among those that a network was trained on.

    Args:
        trained_on: releases that the network was trained on, or `UNKNOWN`.
        tested_on: releases that the test images are from.

    Returns:
        ``test`` where a release is in both, ``unknown`` where nobody knows, else ``none``. Letters and digits
        count, in either case: ``ChestX-ray14`` is ``chestxray14``.
    """
    before = {letters_and_digits(name) for name in trained_on}
    if before & {letters_and_digits(name) for name in tested_on}:
        return "test"
    return "unknown" if UNKNOWN in before else "none"
