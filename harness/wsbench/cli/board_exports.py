"""``wsbench leaderboard --html`` and ``--format``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wsbench.errors import WsbenchError, choose

if TYPE_CHECKING:
    from wsbench.contract.plugins import Plugins
    from wsbench.contract.specs import MetricSpec
    from wsbench.reports.tabular.formats import Choice

SITE = Path("board")
"""The folder of the site by default."""


def refuse_contradictions(*, check: bool, html: bool, form: str | None, out: Path | None) -> None:
    """Raise WsbenchError for options that do not go together."""
    if sum((check, html, form is not None)) > 1:
        raise WsbenchError("--check, --html and --format each do something else; give one of them")
    if out is not None and not html and form is None:
        raise WsbenchError("--out names what --html or --format writes; give one of them, too")


def choice_of(protocol: str, columns: str | None, *, fold_maps: bool) -> Choice:
    """What the options choose of a table."""
    from wsbench.reports.tabular.formats import Choice

    names = tuple(name.strip() for name in columns.split(",")) if columns else ()
    return Choice(protocol, names, fold_maps)


def export(
    folder: Path, plugins: Plugins, choice: Choice, form: str | None, dataset: str | None, out: Path | None
) -> None:
    """Write the site, or a table where a format is given."""
    if form is None:
        write_site(folder, plugins, out, fold_maps=choice.fold_maps)
    else:
        write_table(folder, plugins.metrics, dataset, choice, form, out)


def write_table(
    folder: Path,
    metrics: Mapping[str, MetricSpec],
    dataset: str | None,
    choice: Choice,
    form: str,
    out: Path | None,
) -> None:
    """Write the chosen part of a dataset's tables to a file or to the terminal."""
    from wsbench.files.writing import write_text
    from wsbench.reports.leaderboard import read_records
    from wsbench.reports.tabular.formats import written
    from wsbench.reports.tabular.sections import sections_of

    by_dataset = read_records(folder, metrics)
    if dataset is None and len(by_dataset) == 1:
        dataset = next(iter(by_dataset))
    if dataset is None:
        known = ", ".join(sorted(by_dataset)) or "none has records"
        raise WsbenchError(f"--format writes one dataset's table; give --dataset: {known}")
    found = choose(dataset, by_dataset, "dataset with records")
    text = written(dataset, sections_of(found, metrics), choice, form)
    if out is None:
        print(text, end="")
    else:
        write_text(out, text)
        print(f"wrote {out}")


def write_site(folder: Path, plugins: Plugins, out: Path | None, *, fold_maps: bool) -> None:
    """Write the leaderboards as a static site."""
    from wsbench.reports.web.site import addresses, build

    target = SITE if out is None else out
    pages = build.write(folder, target, plugins, fold_maps=fold_maps)
    print(f"wrote {len(pages)} pages; open {target / addresses.INDEX}")
