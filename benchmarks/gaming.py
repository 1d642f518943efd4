"""What submissions gain that try to win without looking: ``python benchmarks/gaming.py RUN``.

Makes them from the predictions of a finished run on a dataset with boxes, scores each as an external
program's file, and writes docs/gaming.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from string import Template

from gaming_results import MEASURES, VERSION_1, Result, material_of, result_of
from gaming_submissions import submissions

from wsbench.contract import plugins, records
from wsbench.errors import WsbenchError
from wsbench.files.writing import write_text
from wsbench.reports.board_tables import markdown_table
from wsbench.runs import rescoring
from wsbench.utils.progress import Silent

TEXT = Path(__file__).with_name("gaming.md")
PAGE = Path(__file__).parents[1] / "docs" / "gaming.md"

KINDS = {
    "honest": "",
    "blind": "the same boxes on every image",
    "leaning": "the same boxes, shown by class score",
    "seeing": "hedged: the run's boxes and fixed ones",
    "cheating": "made from the tested annotations",
}


def compute(run: Path) -> tuple[str, list[Result]]:
    """The run in words, and what it and all submissions score.

    Raises:
        WsbenchError: no finished run lies there, or its dataset is not the one at hand.
    """
    found = plugins.find()
    record = records.load(run / records.FILE)
    loaded = rescoring.dataset_of(record, found, Silent(), None)
    plan = rescoring.plan_of(record, found)
    material, own = material_of(run / "predict", loaded, found, plan.spec, plan.build(loaded))
    results = [own]
    for submission in submissions(material):
        with tempfile.TemporaryDirectory() as folder:
            results.append(result_of(submission, loaded, found, Path(folder)))
    return f"{record.method['name']}, seed {record.seed}, on {loaded.spec.name}", results


def render(run: str, results: Sequence[Result]) -> str:
    """The page."""
    by_name = {result.name: result for result in results}
    blind = [result for result in results if result.kind == "blind"]
    best = {name: _best(blind, name) for name in MEASURES}
    unequal = [result.name for result in blind if result.floor != result.values["cond_ap25"]]
    above = [result.name for result in blind if (result.values["cond_gain"] or 0.0) > 1e-12]
    if unequal or above:
        raise WsbenchError(f"not equal to their floor: {unequal}; above it: {above}; the page would be wrong")
    words = {
        "run": run,
        "blind_count": str(len(blind)),
        "count": str(len(results) - 1),
        "table": _table(results),
        "lines": "".join(f"- **{r.name}** ({KINDS[r.kind]}): {r.does}\n" for r in results if r.kind in KINDS)
        .replace(" ()", ""),
        "unbeaten": _unbeaten(results, blind),
    }  # fmt: skip
    for label, name in (("miou", "miou"), ("v1", VERSION_1), ("cond", "cond_ap25"), ("map", "map_gain")):
        words[f"best_{label}"] = _shown(best[name])
    for label, name in (("two", "two fixed boxes"), ("run", "the run")):
        for short, measure in (("miou", "miou"), ("v1", VERSION_1), ("cond", "cond_ap25"),
                               ("gain", "cond_gain"), ("map", "map_gain")):  # fmt: skip
            words[f"{label}_{short}"] = _shown(by_name[name].values[measure])
    hedged = [result for result in results if result.kind == "seeing"]
    top = max(hedged, key=lambda result: result.values["cond_ap25"] or 0.0)
    words |= {"hedge_cond": _shown(top.values["cond_ap25"]), "hedge_near": _shown(top.values["near_fixed"])}
    words["hedge_gain"] = _shown(top.values["cond_gain"])
    return Template(TEXT.read_text(encoding="utf-8")).substitute(words)


def _table(results: Sequence[Result]) -> str:
    header = ["submission", "kind", *(f"`{name}`" if name != VERSION_1 else name for name in MEASURES)]
    run = results[0]
    lines = []
    for result in results:
        cells = []
        for name in MEASURES:
            value, own = result.values[name], run.values[name]
            gains = result is not run and name != "near_fixed" and None not in (value, own) and value > own
            cells.append(f"**{_shown(value)}**" if gains else _shown(value))
        lines.append([result.name, result.kind, *cells])
    return markdown_table(header, lines)


def _unbeaten(results: Sequence[Result], blind: Sequence[Result]) -> str:
    """The measures on which no blind submission is above the run, in words."""
    own = results[0].values
    names = [
        name for name in MEASURES if name != "near_fixed" and _best(blind, name) <= (own[name] or 0.0) + 1e-9
    ]
    return " and ".join(f"`{name}`" for name in names) or "none"


def _best(results: Sequence[Result], name: str) -> float:
    return max(value for result in results if (value := result.values[name]) is not None)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 3) + 0.0:.3f}"


def main(words: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of a finished run, with its predictions")
    options = parser.parse_args(words)
    try:
        text = render(*compute(options.run))
    except WsbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    write_text(PAGE, text)
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
