"""Calibration metrics: how far class scores, read as probabilities, are from observed frequencies.

They do not measure how well a score separates images, as `auc` does: a constant score that equals the
prevalence has an `ece` and a `prevalence_shift` of 0. Every function returns ``(B, C)`` values of B draws
and C classes. Scores lie in [0, 1].

- Brier 1950, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78.
- Cox 1958, "Two further applications of a model for binary regression", Biometrika 45.
- Guo et al. 2017, "On calibration of modern neural networks", ICML.
- Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning", AAAI.
- Van Calster et al. 2016, "A calibration hierarchy for risk models was defined: from utopia to empirical
  data", Journal of Clinical Epidemiology 74.
- Van Calster et al. 2019, "Calibration: the Achilles heel of predictive analytics", BMC Medicine 17.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import wsbench

if TYPE_CHECKING:
    import numpy as np

BINS = 15
"""Number of bins of `ece`, as in Table 1 of Guo et al. 2017."""

CLIP = 1e-6
"""Scores are clipped to ``[CLIP, 1 - CLIP]`` before their logit is taken, which then lies between -13.8 and
13.8. A float32 score changes in steps of 6e-8 just below 1, so nearer to 1 its logit would be mostly
rounding error."""


def ece(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Expected calibration error: the mean over images of ``|observed frequency - mean score|`` of the bin
    that an image's score lies in (Naeini et al. 2015; Guo et al. 2017, equation 3, with the score of the
    class in place of the confidence in the answer).

    There are 15 bins of equal width, ``((m - 1) / 15, m / 15]``, and 0 belongs to the first. Where positives
    are rare, nearly all scores share the first bin, and the measure is close to the absolute
    `prevalence_shift`; `calibration_slope` looks within bins. The absolute value makes noise count as error:
    scores that are the true probabilities have a positive value on a finite sample. Draws hold the noise
    twice, so an interval lies high, and may lie above the value.
    """
    import numpy as np

    inner_edges = np.arange(1, BINS) / BINS
    images, columns = resamples.sum(np.ones(len(scored.names))), []
    for label in range(len(scored.classes)):
        scores = scored.scores[:, label]
        in_bin = np.searchsorted(inner_edges, scores, side="left")[:, None] == np.arange(BINS)
        excess = resamples.sum(in_bin * (scored.labels[:, label] - scores)[:, None])
        columns.append(wsbench.metrics.ratio(np.abs(excess).sum(axis=1), images))
    return np.stack(columns, axis=1)


def brier(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Mean squared difference of score and label, which is 1 or 0 (Brier 1950; half of what its two-class sum
    gives). A score equal to the prevalence p on every image has p (1 - p), so values of classes of different
    prevalence do not compare."""
    return _mean((scored.scores - scored.labels) ** 2, resamples)


def prevalence_shift(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Mean score less the share of images that have the class, in [-1, 1]: above 0 the scores promise the
    class too often. It exists for a class that all or no images have."""
    return _mean(scored.scores - scored.labels, resamples)


def calibration_slope(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """The slope of a logistic regression, without penalty, of labels on the logit of scores, beside a free
    intercept (Cox 1958; Van Calster et al. 2016, 2019).

    At 1 the scores are spread as they should be; below 1 they are too extreme, above 1 too timid, and below 0
    they run against the labels. Scores are first moved to at least 1e-6 and at most 1 - 1e-6. The slope does
    not exist where all images or none have the class, where all scores are equal, and where some score has no
    positive below it and no negative above it, or the reverse: there the likelihood grows without end. Draws
    in which it does not exist have none, so the interval is that of the others.
    """
    return _recalibration(scored, resamples, fixed_slope=None)[..., 1]


def calibration_intercept(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Calibration in the large: the intercept of a logistic regression of labels on the logit of scores with
    its slope held at 1 (Cox 1958; Van Calster et al. 2016, 2019): what must be added to the log odds of every
    score so that the mean score becomes the observed prevalence.

    At 0 the mean is right; below 0 the scores promise the class too often. Scores are first moved to at least
    1e-6 and at most 1 - 1e-6. It does not exist where all images or none have the class. Unlike the slope, it
    exists where scores are equal or separate the labels.
    """
    return _recalibration(scored, resamples, fixed_slope=1.0)[..., 0]


def logits(scores: np.ndarray) -> np.ndarray:
    """The log odds of scores in [0, 1], first moved to at least `CLIP` and at most ``1 - CLIP``."""
    import numpy as np
    from scipy.special import logit

    odds: np.ndarray = logit(np.clip(np.asarray(scores, dtype=np.float64), CLIP, 1 - CLIP))
    return odds


def _mean(values: np.ndarray, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    import numpy as np

    return wsbench.metrics.ratio(resamples.sum(values), resamples.sum(np.ones((len(values), 1))))


def _recalibration(
    scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples, *, fixed_slope: float | None
) -> np.ndarray:
    """``(B, C, 2)`` intercept and slope of labels on the logit of scores."""
    import numpy as np

    from ._logistic import fit

    columns = [
        fit(logits(scored.scores[:, label]), scored.labels[:, label], resamples, fixed_slope=fixed_slope)
        for label in range(len(scored.classes))
    ]
    return np.stack(columns, axis=1)


@wsbench.hookimpl
def wsbench_metrics() -> list[wsbench.MetricSpec]:
    spec = functools.partial(wsbench.MetricSpec, needs="labels", columns={})
    return [
        spec("ece", "expected calibration error of class scores, 15 bins of equal width", ece, False),
        spec("brier", "mean squared difference of class score and label", brier, False),
        spec(
            "calibration_slope",
            "slope of labels on the logit of class scores; 1 is calibrated, below 1 too extreme (Cox 1958)",
            calibration_slope,
            None,
            bounded=False,
        ),
        spec(
            "calibration_intercept",
            "calibration in the large: the log odds that class scores lack; 0 is calibrated (Cox 1958)",
            calibration_intercept,
            None,
            bounded=False,
        ),
        spec(
            "prevalence_shift",
            "mean class score less the observed prevalence",
            prevalence_shift,
            None,
            bounded=False,
        ),
    ]
