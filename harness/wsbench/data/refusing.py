"""Refuses to run on data with problems, in one line."""

from __future__ import annotations

from collections.abc import Sequence

from wsbench.contract.problems import Problem
from wsbench.contract.specs import DatasetSpec
from wsbench.errors import WsbenchError


def refuse_problems(spec: DatasetSpec, problems: Sequence[Problem], *, skip_bad: bool) -> None:
    """Raise WsbenchError for the first problem that prevents a run.

    With ``skip_bad``, only problems count that leaving out images does not remedy.
    """
    refused = [problem for problem in problems if problem.remedy == "fix"] or ([] if skip_bad else problems)
    if not refused:
        return
    first, more = refused[0], len(problems) - 1
    others = f" (and {more} more{see(spec)})" if more else ""
    remedy = "--skip-bad is no remedy" if first.remedy == "fix" else "or leave it out with --skip-bad"
    raise WsbenchError(f"{spec.name}: {first.file}: {first.what}{others}; fix it, {remedy}")


def see(spec: DatasetSpec) -> str:
    """Words that name the command that shows all problems of a dataset."""
    return f", see `wsbench data check {spec.name}`"


def counted(problems: Sequence[Problem]) -> str:
    """The number of problems, in words."""
    return f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
