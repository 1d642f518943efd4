"""Two rows against each other: how far they differ, how sure that is, and what the noise is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wsbench.scoring.significance import LEVEL, Estimate, Moderated, Prior, noise_of, p_value, share_trainings

FURTHEST = 1e6
"""Standard errors: no interval of a difference reaches so far."""

LEAST_SHOWN = 0.001
"""Of p; below, the normal law says little."""


@dataclass(frozen=True)
class Difference:
    """One quantity of two rows.

    Attributes:
        what: its name.
        first, second: means over seeds.
        interval: 95 %, of ``first - second``: the values that a test at 5 % does not tell from it.
        p: two-sided, that of the ranks of a leaderboard (`wsbench.scoring.significance.p_of`).
        paired: whether both rows' seeds share their trainings, and were compared seed by seed.
        count: the lesions that it was taken over; 0 where that says nothing.
    """

    what: str
    first: float
    second: float
    interval: tuple[float, float]
    p: float
    paired: bool
    count: int = 0

    @property
    def difference(self) -> float:
        """``first - second``."""
        return self.first - self.second


@dataclass(frozen=True)
class Noise:
    """The variance of a difference of two rows' means, in parts that add up to it.

    Attributes:
        seeds: of both means over seeds, moderated.
        images: when test images are drawn again and thresholds stay as they were chosen.
        thresholds: when thresholds are chosen on other draws of select and calibrate and test images stay.
        interaction: what is left of the variance when both are drawn again. It may come out below 0 by the
            noise of a thousand draws.
    """

    seeds: float
    images: float
    thresholds: float
    interaction: float

    @property
    def total(self) -> float:
        """Of all parts."""
        return self.seeds + self.images + self.thresholds + self.interaction


@dataclass(frozen=True)
class Discordant:
    """McNemar's exact test of two networks on the same images.

    Attributes:
        who: which networks.
        first, second: images that only the one, or only the other, hits.
        p: two-sided, of a fair coin between these images (`scipy.stats.binomtest`).
    """

    who: str
    first: int
    second: int
    p: float


def difference(what: str, first: Estimate, second: Estimate, prior: Prior, count: int = 0) -> Difference:
    """Compare one quantity of two rows."""
    noise = noise_of(first, second, prior)
    middle = first.mean - second.mean
    reach = _reach(*noise)
    return Difference(
        what,
        first.mean,
        second.mean,
        (middle - reach, middle + reach),
        p_value(middle, *noise),
        share_trainings(first, second),
        count,
    )


def noise(
    first: Estimate, second: Estimate, prior: Prior, *, images: np.ndarray, thresholds: np.ndarray
) -> Noise:
    """What the variance of a difference is made of.

    Test images are drawn apart from select's and calibrate's, so that without chance in the draws
    themselves the variance under both is that under each and an interaction, as in an analysis of variance
    of two random factors; seeds are apart from both.

    Args:
        first, second: whose ``draws`` redraw test images and thresholds together.
        prior: of the variances over seeds.
        images, thresholds: ``(B,)`` differences of both rows' means when only the one is drawn again.
    """
    together, of_first, of_second = noise_of(first, second, prior)
    seeds = of_first.variance / of_first.seeds
    if of_second is not None:
        seeds += of_second.variance / of_second.seeds
    of_images, of_thresholds = (float(np.nanvar(drawn, ddof=1)) for drawn in (images, thresholds))
    return Noise(seeds, of_images, of_thresholds, together - of_images - of_thresholds)


def mcnemar(who: str, first: np.ndarray, second: np.ndarray) -> Discordant:
    """Compare ``(K,)`` bool hits of the same images."""
    from scipy.stats import binomtest

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    both = only_first + only_second
    return Discordant(who, only_first, only_second, binomtest(only_first, both).pvalue if both else 1.0)


def verdict(main: Difference, labels: tuple[str, str], parts: Noise | None, *, single: bool = False) -> str:
    """One sentence that says which row is better by how much and how sure that is, and one of what the noise
    is made of.

    Args:
        main: the difference of the ranking measure.
        labels: of both rows.
        parts: of its variance; None where they are not known.
        single: whether a row that is trained has one seed.
    """
    low, high = main.interval
    p = p_words(main.p) if main.p < LEAST_SHOWN else f"= {p_words(main.p)}"
    ahead, behind = labels if main.difference >= 0 else labels[::-1]
    if main.difference < 0:
        low, high = -high, -low
    if main.p < LEVEL:
        words = (
            f"{ahead} is better than {behind} by {abs(main.difference):.3f} {main.what} "
            f"(95 %: {low:.3f} to {high:.3f}; p {p})."
        )
    else:
        words = (
            f"No difference is shown: {ahead} has {abs(main.difference):.3f} {main.what} more than {behind} "
            f"(95 %: {low:.3f} to {high:.3f}; p {p})."
        )
    if parts is None or parts.total <= 0:
        return words
    shares = {"seeds": parts.seeds, "test images": parts.images, "thresholds": parts.thresholds}
    most = max(shares, key=lambda name: shares[name])
    cure = {
        "seeds": "more seeds would make it surer",
        "test images": "more test images would make it surer",
        "thresholds": "more images to choose thresholds on would make it surer",
    }
    alone = " (that of a single seed is taken from other rows)" if most == "seeds" and single else ""
    return f"{words} Of its variance {shares[most] / parts.total:.0%} is {most}{alone}: {cure[most]}."


def p_words(p: float) -> str:
    """As tables show it."""
    return f"< {LEAST_SHOWN}" if p < LEAST_SHOWN else f"{p:.3f}"


def _reach(variance: float, first: Moderated, second: Moderated | None) -> float:
    """Half the length of the 95 % interval: the difference at which p is `LEVEL`."""
    from scipy.optimize import brentq

    of_seeds = first.variance / first.seeds + (second.variance / second.seeds if second else 0.0)
    error = float(np.sqrt(variance + of_seeds))
    if error == 0:
        return 0.0
    return float(brentq(lambda reach: p_value(reach, variance, first, second) - LEVEL, 0.0, FURTHEST * error))
