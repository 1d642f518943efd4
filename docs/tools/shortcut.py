"""Tables, sentences and the curve of docs/shortcut.md, from the rows of the study (`shortcut_rows`).

Blocks of cog call `table`, `differences`, `tokens`, `conclusions` and `sizes`. ``python
docs/tools/shortcut.py`` draws the curve.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from records import as_markdown, write
from shortcut_rows import COMPARED, CORRELATIONS, METHODS, TESTS, Row, Study

from wsbench.reports import power
from wsbench.scoring import compared
from wsbench.scoring.significance import LEVEL

CURVE = Path(__file__).parents[1] / "shortcut.png"


@cache
def study() -> Study:
    """The study as its files are."""
    return Study()


def table_of(rows: Study, metric: str, test: str, digits: int = 2) -> str:
    """Means and standard deviations over seeds by method and correlation in training, as markdown."""
    lines = []
    for method in METHODS:
        cells = [_cell(rows.row(method, c, test), metric, digits) for c in CORRELATIONS]
        lines.append([method, *cells])
    return as_markdown([f"{metric}, token {test}", *(f"{c:g}" for c in CORRELATIONS)], lines)


def differences_of(rows: Study, metric: str, test: str) -> str:
    """The differences that the claim is about, as markdown."""
    lines = [
        [
            f"{first} less {second}",
            f"{correlation:g}",
            f"{difference.difference:+.3f}",
            "{:+.3f} to {:+.3f}".format(*difference.interval),
            compared.p_words(p),
        ]
        for correlation, first, second, difference, p in rows.compared(metric, test)
    ]
    return as_markdown([f"{metric}, token {test}", "correlation", "difference", "95 %", "p (Holm)"], lines)


def tokens_of(rows: Study, test: str) -> str:
    """How much of a map's sum lies on the token, in multiples of what a constant map has there."""
    lines = []
    for method in METHODS:
        cells = []
        for correlation in CORRELATIONS:
            row = rows.row(method, correlation, test)
            if row is None or not len(values := row.values("nuisance_energy")):
                cells.append("-")
                continue
            blank = row.values("nuisance_energy_blank").mean()
            cells.append(f"{values.mean():.3f} ({values.mean() / blank:.1f})")
        lines.append([method, *cells])
    return as_markdown([f"share on the token, {test}", *(f"{c:g}" for c in CORRELATIONS)], lines)


def conclusions_of(rows: Study, metric: str = "auc", test: str = "reversed") -> str:
    """What the differences show and what they leave open, in sentences."""
    sentences = [sentence for pair in COMPARED for sentence in _verdicts(rows, metric, test, pair)]
    sentences += [sentence for c in CORRELATIONS[1:] for sentence in _detectable(rows, metric, test, c)]
    return "\n" + "".join(f"- {sentence}\n" for sentence in sentences) + "\n"


def _verdicts(rows: Study, metric: str, test: str, pair: tuple[str, str]) -> list[str]:
    """A sentence for every correlation at which two methods differ, or one that says that none is shown."""
    first, second = pair
    of_pair = [
        (c, difference, p) for c, *names, difference, p in rows.compared(metric, test) if (*names,) == pair
    ]
    sentences = []
    for correlation, difference, p in of_pair:
        if p < LEVEL:
            low, high = difference.interval
            sentences.append(
                f"**{first} and {second}, correlation {correlation:g}: a difference is shown**, "
                f"{difference.difference:+.3f} {metric} for the {first} (95 %: {low:+.3f} to {high:+.3f}; "
                f"p after correction {compared.p_words(p)})."
            )
    if of_pair and not sentences:
        low = min(difference.interval[0] for _, difference, _ in of_pair)
        high = max(difference.interval[1] for _, difference, _ in of_pair)
        sentences.append(
            f"**{first} and {second}: no difference is shown** at any correlation. That does not mean that "
            f"there is none: the intervals reach from {low:+.3f} to {high:+.3f} {metric}."
        )
    return sentences


def _detectable(rows: Study, metric: str, test: str, correlation: float) -> list[str]:
    """The true difference of student and teacher that this number of seeds finds."""
    student, teacher = (rows.row(name, correlation, test) for name in COMPARED[0])
    if student is None or teacher is None or min(len(student), len(teacher)) < 2:
        return []
    images: int = student.tests()[0]["images"]
    prior = rows.prior(metric, test)
    comparison = power.comparison_of(student.estimate(metric), teacher.estimate(metric), prior, images)
    seeds = min(len(student), len(teacher))
    smallest = power.smallest_difference(comparison, seeds, images)
    return [
        f"At correlation {correlation:g}, {seeds} seeds find a true difference of {smallest:.2f} {metric} "
        "between student and teacher with a probability of 80 %, before any correction. Smaller ones are "
        "likely missed."
    ]


def smoothing_of(rows: Study) -> str:
    """How much label smoothing the soft targets of the teacher at correlation 0 amount to, in a sentence."""
    teachers = rows.documents.get(("teacher", 0.0), ())
    if not teachers:
        return "\nThe teacher at correlation 0 is not trained yet.\n\n"
    settings = next(
        (seed["method"]["settings"] for seed in rows.documents.get(("student", 0.0), ())),
        {"alpha": 0.75, "temperature": 2.0},
    )
    soft, hard = (1 - settings["alpha"]) * settings["temperature"], settings["alpha"]
    wrong = float(np.mean([seed["softened"] for seed in teachers]))
    share, seeds = soft / (soft + hard), _count(len(teachers), "seed")
    sentences = (
        f"At temperature 2, the teacher at correlation 0 gives the wrong class {wrong:.2f} on the mean test "
        f"image ({seeds}). The gradient of equation 1 weighs the soft part with (1 - alpha) T = {soft:g} "
        f"against alpha = {hard:g}, which is {share:.2f} of both. The label that is taught so gives the "
        f"wrong class {share * wrong:.2f}. That is a label smoothing of {2 * share * wrong:.2f}, because "
        "smoothing gives each of two classes half of its share."
    )
    return f"\n{sentences}\n\n"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def sizes_of(rows: Study) -> str:
    """How many seeds and images there are, in a sentence."""
    low, high = rows.seeds()
    seeds = f"{low}" if low == high else f"{low} to {high}"
    documents = [seed for seeds in rows.documents.values() for seed in seeds]
    missing = len(METHODS) * len(CORRELATIONS) - len(rows.documents)
    words = f"{_count(len(documents), 'training')}, {seeds} {'seed' if high == 1 else 'seeds'} of each row"
    if missing:
        words += f"; {missing} of {len(METHODS) * len(CORRELATIONS)} rows are not there yet"
    if documents:
        first = documents[0]["tests"][0]
        words += f". Each is tested on {first['images']} images with {first['boxes']} boxes"
    return f"\n{words}.\n\n"


def _cell(row: Row | None, metric: str, digits: int) -> str:
    values = row.values(metric) if row is not None else np.array([])
    if not len(values):
        return "-"
    spread = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{spread}"


def draw(rows: Study, path: Path = CURVE) -> None:
    """Draw AUC and the share of the map's sum on the token over the correlation in training."""
    import matplotlib.pyplot as plt

    panels = [("auc", test) for test in TESTS] + [("nuisance_energy", "reversed")]
    figure, axes = plt.subplots(1, len(panels), figsize=(13, 3.6), layout="constrained")
    for axis, (metric, test) in zip(axes, panels, strict=True):
        prior = rows.prior(metric, test)
        for number, method in enumerate(METHODS):
            present = [(c, row) for c in CORRELATIONS if (row := rows.row(method, c, test)) is not None]
            present = [(c, row) for c, row in present if len(row.values(metric))]
            if not present:
                continue
            # Side by side, so that no interval hides another.
            places = [c + 0.012 * (number - 2.5) for c, _ in present]
            means = [row.values(metric).mean() for _, row in present]
            ends = np.array([row.interval(metric, prior) for _, row in present]).T
            reach = np.abs(ends - np.array(means))
            axis.errorbar(places, means, reach, marker="o", markersize=3, linewidth=1, label=method)
        axis.set_title(f"{'map on the token' if metric != 'auc' else 'AUC'}, token {test}", fontsize=9)
        axis.set_xlabel("correlation of token and label in training", fontsize=8)
        axis.set_xticks(CORRELATIONS)
        if metric == "auc":
            axis.set_ylim(0, 1.02)
            axis.axhline(0.5, color="grey", linewidth=0.6)
    axes[0].legend(fontsize=7, loc="lower left")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def table(metric: str, test: str, digits: int = 2) -> None:
    """Write `table_of` into a document."""
    write(table_of(study(), metric, test, digits))


def differences(metric: str, test: str) -> None:
    """Write `differences_of` into a document."""
    write(differences_of(study(), metric, test))


def tokens(test: str) -> None:
    """Write `tokens_of` into a document."""
    write(tokens_of(study(), test))


def conclusions(metric: str = "auc", test: str = "reversed") -> None:
    """Write `conclusions_of` into a document."""
    write(conclusions_of(study(), metric, test))


def smoothing() -> None:
    """Write `smoothing_of` into a document."""
    write(smoothing_of(study()))


def sizes() -> None:
    """Write `sizes_of` into a document."""
    write(sizes_of(study()))


if __name__ == "__main__":
    draw(study())
