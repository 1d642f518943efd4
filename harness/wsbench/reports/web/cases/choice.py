"""Which test images a page shows, and in which order."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from wsbench.reports.web.cases.table import CaseTable


def worst_then_spread(table: CaseTable, count: int, listed: int) -> list[int]:
    """Choose images for a page. Equal tables give equal choices.

    The first half of ``count`` are those that all methods together are worst about; floors do not count. The
    others are spread over the classes and the outcomes of the first method: the worst of each in turn.

    Args:
        table: the images.
        count: how many images get a picture.
        listed: how many are chosen in all, at least ``count``.

    Returns:
        Rows of images.
    """
    worst = np.argsort(-table.badness[table.judged].max(axis=2).mean(axis=0), kind="stable").tolist()
    chosen = dict.fromkeys(worst[: -(-count // 2)])
    groups = _groups(table, table.badness[0])
    while len(chosen) < listed and groups:
        for queue in groups:
            while queue and queue[-1] in chosen:
                queue.pop()
            if queue and len(chosen) < listed:
                chosen[queue.pop()] = None
        groups = [queue for queue in groups if queue]
    return list(chosen)


def _groups(table: CaseTable, of_first: np.ndarray) -> list[list[int]]:
    """The rows of the images of every class and outcome, the worst last."""
    groups: dict[tuple[int, str], list[int]] = defaultdict(list)
    for column in range(len(table.truth.classes)):
        for row in np.argsort(of_first[:, column], kind="stable").tolist():
            groups[column, str(table.methods[0].outcomes[row, column])].append(row)
    return [groups[key] for key in sorted(groups)]
