"""Compares two rows: how far they differ, how certain the difference is, and what its noise is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wsbench.scoring.significance import LEVEL, Estimate, Moderated, Prior, noise_of, p_value, share_trainings

MAX_STANDARD_ERRORS = 1e6
"""An upper bound of half an interval's length, in standard errors, for the search of its ends."""

SMALLEST_P_SHOWN = 0.001
"""Smaller values of p are shown as ``< 0.001``, because the normal law says little about them."""


@dataclass(frozen=True)
class Difference:
    """The difference of two rows in one quantity.

    Attributes:
        name: the name of the quantity.
        first, second: the means of the rows over seeds.
        interval: the 95 % interval of ``first - second``: the values that a test at 5 % does not reject.
        p: the two-sided p of a leaderboard's ranks (`wsbench.scoring.significance.p_of`).
        paired: whether the seeds of both rows share their trainings, and were compared seed by seed.
        count: the number of lesions behind the quantity; 0 where it is not about lesions.
    """

    name: str
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
    """The variance of the difference of two rows' means, as four parts that add up to it.

    Attributes:
        seeds: the variance of both means over seeds, moderated.
        images: the variance when test images are drawn again and thresholds stay.
        thresholds: the variance when thresholds are chosen on other draws of select and calibrate, and test
            images stay.
        interaction: the rest of the variance when both are drawn again. The noise of the draws may make it
            negative.
    """

    seeds: float
    images: float
    thresholds: float
    interaction: float

    @property
    def total(self) -> float:
        """The sum of all parts."""
        return self.seeds + self.images + self.thresholds + self.interaction


@dataclass(frozen=True)
class Discordant:
    """McNemar's exact test of two networks on the same images.

    Attributes:
        who: the networks, in words.
        first, second: the number of images that only the first, or only the second, network hits.
        p: the two-sided p of the hypothesis that both numbers have the same expectation
            (`scipy.stats.binomtest`).
    """

    who: str
    first: int
    second: int
    p: float


def difference(name: str, first: Estimate, second: Estimate, prior: Prior, count: int = 0) -> Difference:
    """Compare two rows in one quantity.

    Args:
        name: the name of the quantity.
        first, second: the estimates of both rows.
        prior: the prior of the variances over seeds.
        count: the number of lesions behind the quantity; 0 where it is not about lesions.
    """
    noise = noise_of(first, second, prior)
    middle = first.mean - second.mean
    reach = _reach(*noise)
    return Difference(
        name,
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
    """Split the variance of the difference of two rows into its parts.

    Test images are drawn independently of the images of select and calibrate. The variance when both are
    drawn is therefore the sum of the variance under each alone and an interaction, as in an analysis of
    variance with two random factors. Seeds are independent of both.

    Args:
        first, second: the estimates of both rows; their ``draws`` redraw test images and thresholds together.
        prior: the prior of the variances over seeds.
        images: ``(B,)`` differences of both rows' means when only test images are drawn again.
        thresholds: ``(B,)`` differences when only thresholds are chosen again.
    """
    together, of_first, of_second = noise_of(first, second, prior)
    seeds = of_first.variance / of_first.seeds
    if of_second is not None:
        seeds += of_second.variance / of_second.seeds
    of_images, of_thresholds = (float(np.nanvar(drawn, ddof=1)) for drawn in (images, thresholds))
    return Noise(seeds, of_images, of_thresholds, together - of_images - of_thresholds)


def mcnemar(who: str, first: np.ndarray, second: np.ndarray) -> Discordant:
    """Compare the hits of two networks by McNemar's exact test.

    Args:
        who: the networks, in words.
        first, second: ``(K,)`` bool, whether each of K images is hit.
    """
    from scipy.stats import binomtest

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    both = only_first + only_second
    return Discordant(who, only_first, only_second, binomtest(only_first, both).pvalue if both else 1.0)


def verdict(main: Difference, labels: tuple[str, str], parts: Noise | None, *, single: bool = False) -> str:
    """Say in a sentence which row is better, by how much and how certainly, and in another what the noise is
    made of.

    Args:
        main: the difference in the measure that ranks.
        labels: the labels of both rows.
        parts: the parts of the variance; None where they are not known.
        single: whether a trained row has a single seed.
    """
    low, high = main.interval
    p = p_words(main.p) if main.p < SMALLEST_P_SHOWN else f"= {p_words(main.p)}"
    ahead, behind = labels if main.difference >= 0 else labels[::-1]
    if main.difference < 0:
        low, high = -high, -low
    if main.p < LEVEL:
        words = (
            f"{ahead} is better than {behind} by {abs(main.difference):.3f} {main.name} "
            f"(95 %: {low:.3f} to {high:.3f}; p {p})."
        )
    else:
        words = (
            f"No difference is shown: {ahead} has {abs(main.difference):.3f} {main.name} more than {behind} "
            f"(95 %: {low:.3f} to {high:.3f}; p {p})."
        )
    if parts is None or parts.total <= 0:
        return words
    shares = {"seeds": parts.seeds, "test images": parts.images, "thresholds": parts.thresholds}
    most = max(shares, key=lambda name: shares[name])
    cure = {
        "seeds": "more seeds would make it more certain",
        "test images": "more test images would make it more certain",
        "thresholds": "more images to choose thresholds on would make it more certain",
    }
    alone = " (that of a single seed is taken from other rows)" if most == "seeds" and single else ""
    return f"{words} Of its variance {shares[most] / parts.total:.0%} is {most}{alone}: {cure[most]}."


def p_words(p: float) -> str:
    """Format p as tables show it."""
    return f"< {SMALLEST_P_SHOWN}" if p < SMALLEST_P_SHOWN else f"{p:.3f}"


def _reach(variance: float, first: Moderated, second: Moderated | None) -> float:
    """Compute half the length of the 95 % interval: the difference at which p equals `LEVEL`."""
    from scipy.optimize import brentq

    of_seeds = first.variance / first.seeds + (second.variance / second.seeds if second else 0.0)
    error = float(np.sqrt(variance + of_seeds))
    if error == 0:
        return 0.0
    furthest = MAX_STANDARD_ERRORS * error
    return float(brentq(lambda reach: p_value(reach, variance, first, second) - LEVEL, 0.0, furthest))
