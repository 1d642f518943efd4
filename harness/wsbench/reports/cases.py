"""Chooses test images by outcome: true and false positives and negatives of a class, the worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError, choose
from wsbench.predictions import store
from wsbench.runs.stages import finished

OUTCOMES = {
    "tp": "the finding is there and predicted",
    "fp": "it is predicted and not there",
    "fn": "it is there and not predicted",
    "tn": "it is neither there nor predicted",
}
"""The outcomes by their short names."""


def parse_outcomes(words: str) -> list[str]:
    """Read ``tp,fn``; see `parse_words`."""
    return parse_words(words, OUTCOMES, "--cases", "outcome")


def parse_words(words: str, known: Mapping[str, Any], option: str, what: str) -> list[str]:
    """Read words with commas between.

    Args:
        words: the value of an option.
        known: the words that it can have.
        option: its name, for messages.
        what: what a word names, for messages.

    Raises:
        WsbenchError: a word is unknown or named twice, or none is named.
    """
    names = [word.strip() for word in words.split(",")]
    for name in names:
        choose(name, known, f"{what} of {option}")
    if len(set(names)) < len(names):
        raise WsbenchError(f"{option} {words}: names the same {what} twice; name it once")
    return names


def outcome_of(present: np.ndarray, scores: np.ndarray, operating_point: float) -> np.ndarray:
    """Return ``(N,)`` the outcome of a class on every image.

    Args:
        present: ``(N,)`` bool, the images that have the class.
        scores: ``(N,)`` scores of the class.
        operating_point: the score from which it is predicted.
    """
    predicted = scores >= operating_point
    return np.select(
        [present & predicted, ~present & predicted, present & ~predicted], ["tp", "fp", "fn"], "tn"
    )


def worst_first(outcomes: np.ndarray, scores: np.ndarray, outcome: str) -> np.ndarray:
    """Return the rows of the images with an outcome, those with the worst score first.

    Where the class is present, a low score is worse; where it is not, a high one. Equal scores stay in their
    order.

    Args:
        outcomes: ``(N,)`` as `outcome_of` gives them.
        scores: ``(N,)`` scores of the class.
        outcome: one of `OUTCOMES`.
    """
    rows = np.flatnonzero(outcomes == outcome)
    badness = -scores[rows] if outcome in ("tp", "fn") else scores[rows]
    order: np.ndarray = rows[np.argsort(-badness, kind="stable")]
    return order


def cases(
    record: Record,
    loaded: Loaded,
    classes: Sequence[str],
    outcomes: Sequence[str],
    each: int,
    protocol: str = "uniform",
) -> list[tuple[str, str]]:
    """Choose images as `cases_with_outcomes` does.

    Returns:
        Pairs of image and class.

    Raises:
        WsbenchError: no image has any of the outcomes.
    """
    chosen = cases_with_outcomes(record, loaded, classes, outcomes, each, protocol)
    return [(name, label) for name, label, _ in chosen]


def cases_with_outcomes(
    record: Record,
    loaded: Loaded,
    classes: Sequence[str],
    outcomes: Sequence[str],
    each: int,
    protocol: str = "uniform",
) -> list[tuple[str, str, str]]:
    """Choose the worst test images of every outcome under a run's operating points.

    Args:
        record: the record of a finished run.
        loaded: its dataset.
        classes: the classes.
        outcomes: of `OUTCOMES`.
        each: the most images of each class and outcome.
        protocol: the protocol whose operating points count.

    Returns:
        Triples of image, class and outcome.

    Raises:
        WsbenchError: no image has any of the outcomes.
    """
    assert record.folder is not None
    choose(protocol, record.protocols, "protocol of this run")
    stored = store.of_protocol(finished(record.folder, "predict").folder, protocol)
    names, prediction = store.read_role(stored, "test", loaded.dataset.classes)
    points = record.protocols[protocol]["calibration"]["operating_points"]
    labels = {sample.name: sample.labels for sample in loaded.samples}
    chosen = []
    for label in classes:
        scores = prediction.scores[:, loaded.dataset.classes.index(label)]
        present = np.array([label in labels[name] for name in names])
        found = outcome_of(present, scores, points[label])
        for outcome in outcomes:
            rows = worst_first(found, scores, outcome)[:each]
            chosen += [(names[row], label, outcome) for row in rows]
    if not chosen:
        raise WsbenchError(
            f"{record.folder}: no test image is a case of {', '.join(outcomes)}; name other --cases"
        )
    return chosen
