"""Figures of finished runs: what is drawn is what records say, and what is missing is said."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import wsbench
from external_examples import SMALL
from plot_examples import finished_runs, without_dataset
from records_examples import example
from wsbench.contract import plugins
from wsbench.reports.plots import FIGURES, RunData
from wsbench.reports.plots.box_curves import FALSE_BOXES
from wsbench.reports.plots.points import MOST_SERIES, Absent
from wsbench.reports.plots.run_data import series_of

NEEDS_TRUTH = {"precision_recall", "froc", "by_size", "places"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[RunData]:
    return finished_runs(tmp_path_factory.mktemp("runs"))


def value(run: RunData, metric: str) -> float:
    return run.record.protocols["uniform"]["metrics"][metric]["value"]


def test_what_is_drawn_sums_up_to_the_records(runs: list[RunData]) -> None:
    for chosen in ([runs[0]], runs):
        (panel,) = FIGURES["precision_recall"].points(chosen)
        (line,) = panel.lines
        assert line.y.mean() == line.value == pytest.approx(np.mean([value(run, "ap25") for run in chosen]))
        (panel,) = FIGURES["roc"].points(chosen)
        (line,) = panel.lines
        expected = np.mean([value(run, "auc") for run in chosen])
        assert np.trapezoid(line.y, line.x) == pytest.approx(expected)
        assert line.value == pytest.approx(expected)
        (panel,) = FIGURES["froc"].points(chosen)
        (line,) = panel.lines
        for number in (0.125, 0.25, 0.5, 1, 2, 4, 8):
            expected = np.mean([value(run, f"froc@{number:g}") for run in chosen])
            assert line.y[number == FALSE_BOXES] == pytest.approx(expected)


def test_seeds_are_one_line_with_a_band(runs: list[RunData]) -> None:
    (series,) = series_of(runs)
    assert len(series.runs) == 2
    for name in ("precision_recall", "froc", "roc"):
        ((line,),) = [panel.lines for panel in FIGURES[name].points(runs)]
        assert len(line.seeds) == 2
        assert line.y == pytest.approx(np.mean(line.seeds, axis=0))
        assert line.band is not None
        assert (line.band.low <= line.band.high).all()
    (panel,) = FIGURES["roc"].points(runs)
    assert len(panel.lines[0].marks) == 2


def test_folds_are_averaged_as_in_records(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("folds")
    record = wsbench.run("two_lungs", "phantom", data_options=SMALL, runs=folder, folds=2)
    run = RunData(record, plugins.find())
    (panel,) = FIGURES["roc"].points([run])
    (line,) = panel.lines
    assert len(line.seeds) == 2
    assert line.value == pytest.approx(value(run, "auc"))
    assert np.trapezoid(line.y, line.x) == pytest.approx(line.value)
    assert line.band is None
    assert "sums up 2 runs" in FIGURES["froc"].absence([run])


def test_a_transfer_is_compared_with_the_truth_of_the_other_dataset(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("transfer")
    results = wsbench.run(
        "two_lungs",
        "phantom",
        data_options=SMALL,
        runs=folder,
        test_on=["phantom:images=70,tone=1.5"],
    )
    own, there = [RunData(record, plugins.find()) for record in results]
    for run in (own, there):
        (panel,) = FIGURES["precision_recall"].points([run])
        assert panel.lines[0].value == pytest.approx(value(run, "ap25"))
        assert panel.lines[0].band is not None
    assert own.images.loaded.spec.name == "phantom"
    with pytest.raises(wsbench.WsbenchError, match="was tested on another dataset"):
        _ = there.images.loaded
    changed = replace(there.record, dataset={**there.record.dataset, "fingerprint": "other"})
    reason = FIGURES["froc"].absence([RunData(changed, plugins.find())])
    assert "was tested on data other, here is " in reason


def test_operating_points_and_thresholds_are_those_of_the_record(runs: list[RunData]) -> None:
    run = runs[0]
    (panel,) = FIGURES["roc"].points([run])
    ((false, true),) = panel.lines[0].marks
    metrics = run.record.protocols["uniform"]["metrics"]
    assert true == pytest.approx(metrics["sensitivity"]["value"])
    assert false == pytest.approx(1 - metrics["specificity"]["value"])
    boxes = run.record.protocols["uniform"]["calibration"]["boxes"]["tb"]
    (panel,) = FIGURES["thresholds"].points([run])
    (line,) = panel.lines
    assert line.marks == ((boxes["threshold"], boxes["value"]),)
    assert line.y.max() == line.value == boxes["value"]
    assert len(line.x) == 99


def test_bins_of_scores_hold_all_images(runs: list[RunData]) -> None:
    (panel,) = FIGURES["calibration"].points(runs)
    (method,) = panel.methods
    assert method.count.sum() == 2 * len(runs[0].labels)
    filled = method.count > 0
    positives = sum(run.labels.sum() for run in runs)
    assert np.sum(method.count[filled] * method.frequency[filled]) == pytest.approx(positives)
    assert (method.low[filled] <= method.frequency[filled]).all()


def test_lesions_of_all_sizes_and_places_are_those_that_the_strata_hit(runs: list[RunData]) -> None:
    hits = runs[0].record.protocols["uniform"]["strata"]["lesions"]
    ((method,),) = [FIGURES["places"].points([runs[0]])]
    assert method.lesions.sum() == hits["count"]
    assert method.hits.sum() == pytest.approx(hits["count"] * hits["hit"])
    (panel,) = FIGURES["by_size"].points([runs[0]])
    of_sizes = {group.name: group.values[0] for group in panel.groups}
    assert list(of_sizes) == ["small", "middle", "large"]
    for result in runs[0].record.protocols["uniform"]["strata"]["groups"]:
        if result["factor"] == "lesion size":
            size = {"smallest third": "small", "middle third": "middle", "largest third": "large"}
            assert of_sizes[size[result["level"]]].value == pytest.approx(result["hit"])


def test_without_the_dataset_curves_of_scores_remain(runs: list[RunData]) -> None:
    run = without_dataset(runs[0])
    for name, kind in FIGURES.items():
        if name in NEEDS_TRUTH:
            assert kind.draw([run]) is None
            assert kind.absence([run]).startswith("unknown dataset 'phantom'")
    (panel,) = FIGURES["roc"].points([run])
    assert panel.lines[0].band is None
    assert panel.lines[0].value == pytest.approx(roc_auc_score(run.labels[:, 0], run.scores[:, 0]))
    (panel,) = FIGURES["calibration"].points([run])
    assert np.isnan(panel.methods[0].low).all()


def test_a_run_that_lacks_files_is_left_out_and_named(runs: list[RunData]) -> None:
    folderless = RunData(replace(runs[0].record, folder=None), plugins.find())
    for name in ("precision_recall", "roc", "calibration", "losses"):
        assert FIGURES[name].draw([folderless]) is None
    assert "not read from a run's folder" in FIGURES["roc"].absence([folderless])
    other = replace(folderless.record, method={**folderless.record.method, "settings": {"x": 1}})
    (panel,) = FIGURES["roc"].points([RunData(other, folderless.plugins), runs[0]])
    assert len(panel.lines) == 1
    for kind in FIGURES.values():
        assert kind.draw([]) is None
        assert kind.absence([])


def test_every_figure_has_one_form_and_no_name_can_break_it(runs: list[RunData]) -> None:
    """A name holds HTML, a formula that is none, quotes, a line break and an escape sequence."""
    hostile = "<script>alert(1)</script> $x_ \" ' & | \n \x1b[31m"
    method = {**runs[0].record.method, "name": hostile}
    renamed = [replace(run, record=replace(run.record, method=method)) for run in runs]
    for name, kind in FIGURES.items():
        figure = kind.draw(renamed)
        if figure is None:
            assert name == "losses"
            continue
        text = kind.svg(figure)
        assert text == kind.svg(kind.draw(renamed)) == figure._repr_html_()
        assert "<script" not in text
        assert "\x1b" not in text
        if name != "places":  # its titles are short
            assert "&lt;script&gt;alert(1)&lt;/script&gt; $x_" in text
        assert len(text) < 60_000
        assert "<image" not in text
        assert "currentColor" in text
        ids = re.findall(r' id="([^"]*)"', text)
        assert len(ids) == len(set(ids))


def test_classes_with_any_name_are_filters(tmp_path_factory: pytest.TempPathFactory) -> None:
    name = 'a&b="<c>'
    record = example()
    metrics = {metric: {"value": 0.5, "per_class": {name: 0.5, "tb": 0.4}} for metric in ("cond_ap25", "auc")}
    record = replace(
        record,
        dataset={**record.dataset, "classes": [name, "tb"]},
        protocols={"uniform": {**record.protocols["uniform"], "metrics": metrics}},
    )
    kind = FIGURES["by_class"]
    text = kind.svg(kind.draw([RunData(record, plugins.find())]))
    assert 'data-filter="class=a%26b%3D%22%3Cc%3E"' in text
    assert 'data-filter="class=tb"' in text
    assert "<c>" not in text


def test_more_methods_than_colours_are_counted() -> None:
    records = [example(f"net{number}", settings={"n": number}) for number in range(MOST_SERIES + 3)]
    kind = FIGURES["by_class"]
    figure = kind.draw([RunData(record, plugins.find()) for record in records])
    text = kind.svg(figure)
    assert "net7" in text
    assert "net8" not in text
    assert "3 more methods are not shown" in text


def test_two_figures_of_a_page_share_no_id(runs: list[RunData]) -> None:
    ids: list[str] = []
    for kind in FIGURES.values():
        if (figure := kind.draw(runs)) is not None:
            ids += re.findall(r' id="([^"]*)"', kind.svg(figure))
    assert len(ids) == len(set(ids)) > 0


def test_intervals_by_class_are_those_of_the_record(runs: list[RunData]) -> None:
    panels = FIGURES["by_class"].points([runs[0]])
    assert [panel.title for panel in panels] == ["cond_ap25", "auc"]
    for panel in panels:
        described = runs[0].record.protocols["uniform"]["metrics"][panel.title]
        (shown,) = panel.groups[0].values
        assert shown.value == described["value"]
        assert [shown.low, shown.high] == list(described["interval"])
    panels = FIGURES["by_class"].points(runs)
    for panel in panels:
        of_seeds = [value(run, panel.title) for run in runs]
        (shown,) = panel.groups[0].values
        assert (shown.low, shown.high) == (min(of_seeds), max(of_seeds))


def test_costs_are_those_of_the_table(runs: list[RunData]) -> None:
    costs = FIGURES["cost"].points(runs)
    assert not isinstance(costs, Absent)
    (latency,) = [cost for cost in costs.costs if cost.heading == "median ms"]
    assert latency.values == tuple(run.record.efficiency["latency_median_ms"] for run in runs)
    without = replace(example(), efficiency=None)
    assert FIGURES["cost"].absence([RunData(without, plugins.find())]) == "no run has measured what it costs"
    assert json.dumps(costs.machines)
