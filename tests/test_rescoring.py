"""Runs scored again, from their folders and from what was exported of them: the numbers are the very same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import wsbench
from external_examples import SMALL, finished_run, scored, small_phantom
from wsbench.contract import plugins, records
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.runs import export, rescoring
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent

HEATMAP_METRICS = (
    "pointing_game",
    "max_box_acc_v2",
    "pxap",
    "pxap_chance",
    "proportional_energy",
    "proportional_energy_blank",
    "proportional_energy_prior",
    "evax_hit25",
    "evax_hit50",
    "evax_miou",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Path]:
    """A finished run, and the plugin file of its method."""
    return finished_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return small_phantom()


def values(record: Record, protocol: str = "uniform") -> dict[str, float | None]:
    return {name: record.value(name, protocol) for name in record.protocols[protocol]["metrics"]}


def test_exported_boxes_score_to_the_very_numbers(
    run: tuple[Record, Path], loaded: Loaded, tmp_path: Path
) -> None:
    record, _ = run
    export.coco(record, loaded, tmp_path / "boxes.json")
    again = scored(tmp_path / "boxes.json", loaded)
    expected = {name: None if name in HEATMAP_METRICS else value for name, value in values(record).items()}
    assert values(again) == expected
    assert again.value("ap25") is not None
    assert (
        again.protocols["uniform"]["calibration"]["operating_points"]
        == (record.protocols["uniform"]["calibration"]["operating_points"])
    )
    assert again.method["preset"] == "external"


def test_exported_heatmaps_score_to_the_very_numbers(
    run: tuple[Record, Path], loaded: Loaded, tmp_path: Path
) -> None:
    record, _ = run
    export.arrays(record, loaded, tmp_path / "maps.npz")
    again = scored(tmp_path / "maps.npz", loaded)
    ours, theirs = (dict(one.protocols["uniform"]) for one in (record, again))
    assert ours.pop("floors") and not theirs.pop("floors")  # no image-blind method ran beside the file
    assert ours == theirs


def test_a_run_is_scored_again_without_its_model(run: tuple[Record, Path], tmp_path: Path) -> None:
    record, plugin = run
    assert record.folder is not None
    again = rescoring.rescore(record.folder, plugins.find([plugin]), Silent())
    assert values(again) == values(record)
    other = rescoring.rescore(record.folder, plugins.find([plugin]), Silent(), calibrate_for="msli")
    chosen, before = (r.protocols["uniform"]["calibration"] for r in (other, record))
    assert chosen["objective"] == "msli"
    assert chosen["boxes"]["tb"]["value"] == max(value for *_, value in chosen["boxes"]["tb"]["curve"])
    assert chosen["boxes"] != before["boxes"]
    assert other.key != record.key
    back = rescoring.rescore(
        record.folder, plugins.find([plugin]), Silent(), calibrate_for="cond_loc_f1@0.25"
    )
    assert values(back) == values(record)


def test_a_run_whose_data_have_changed_is_not_scored(run: tuple[Record, Path], tmp_path: Path) -> None:
    record, plugin = run
    path, data = record.folder / "record.json", record.dataset
    other = {**data, "settings": {**data["settings"], "seed": 5}}
    records.write(replace(record, dataset=other), path)
    try:
        with pytest.raises(WsbenchError, match=r"was made on data .*, here is"):
            rescoring.rescore(record.folder, plugins.find([plugin]), Silent())
    finally:
        records.write(record, path)


def test_a_method_of_boxes_exports_no_heatmaps(loaded: Loaded, tmp_path: Path) -> None:
    record = wsbench.run("two_lungs", "phantom", data_options=SMALL, runs=tmp_path)
    with pytest.raises(WsbenchError, match="has boxes and no heatmaps; export it as coco"):
        export.arrays(record, loaded, tmp_path / "x.npz")
    with pytest.raises(WsbenchError, match="unknown protocol of this run 'own'"):
        export.coco(record, loaded, tmp_path / "x.json", "own")


def test_moving_the_test_boxes_changes_no_threshold(run: tuple[Record, Path], tmp_path: Path) -> None:
    """Rules and operating points come from select and calibrate; only scores see the boxes of test."""
    from dataclasses import replace

    from wsbench.runs.scoring_inputs import draws_of, predicted_of, truths_of
    from wsbench.scoring import measuring
    from wsbench.scoring.protocols import make_protocols, table_of

    record, _ = run
    loaded = load_dataset(plugins.find(), "phantom", SMALL, Silent())
    test = set(loaded.roles.members["test"])
    boxes = [sample.boxes for sample in loaded.samples if sample.name in test and sample.boxes]
    turned = iter(boxes[1:] + boxes[:1])
    moved = replace(
        loaded,
        samples=tuple(
            replace(sample, boxes=next(turned)) if sample.name in test and sample.boxes else sample
            for sample in loaded.samples
        ),
    )
    results = {}
    for name, data in (("as they are", loaded), ("moved", moved)):
        truth, draws = truths_of(data), draws_of(loaded)
        uniform = make_protocols(predicted_of(record.folder / "predict", data), truth, draws)["uniform"]
        values = measuring.metric_results(table_of(uniform, truth), plugins.find().metrics, draws.test)
        thresholds = (uniform.operating_points, uniform.boxes.xyxy.tolist(), uniform.choices)
        results[name] = (thresholds, values["miou"]["value"])
    (before, miou), (after, other_miou) = results.values()
    assert before == after
    assert miou != other_miou
