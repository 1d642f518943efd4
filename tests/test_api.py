"""The public API beyond plugins: several seeds, arrays of other programs, records in a notebook."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import wsbench
from records_examples import example
from wsbench.contract.plugins import find
from wsbench.runs.plan import load_dataset
from wsbench.runs.results import Results
from wsbench.utils.hashing import SAME_SOURCE, source_hash, trained_source
from wsbench.utils.progress import Silent

DATA = {"images": 80, "size": 64, "val": 0.4}


def arrays() -> dict[str, np.ndarray]:
    """Scores and maps of all images of the small phantom, as a program would give them."""
    loaded = load_dataset(find(), "phantom", DATA, Silent())
    names = [sample.name for sample in loaded.samples]
    generator = np.random.default_rng(0)
    return {
        "names": np.array(names),
        "classes": np.array(["tb"]),
        "scores": generator.random((len(names), 1)),
        "heatmaps": generator.random((len(names), 1, 8, 8), dtype=np.float32),
    }


def test_several_seeds_and_reference_rows() -> None:
    """Records of the method first, one a seed; rows for which the seed plays no part once."""
    made = wsbench.run("random_map", "phantom", data_options=DATA, seeds=[0, 3], references=True)
    names = [(record.method["name"], record.seed) for record in made]
    assert names[:2] == [("random_map", 0), ("random_map", 3)]
    assert sorted(names[2:]) == [(n, 0) for n in ("centre_box", "prior_boxes", "two_lungs", "whole_image")]
    assert isinstance(made[:2], Results)
    alone = wsbench.run("random_map", "phantom", data_options=DATA, seed=3)
    assert isinstance(alone, wsbench.Record)
    assert alone == made[1]
    assert len(wsbench.run("two_lungs", "phantom", data_options=DATA, seeds=[0, 1])) == 1
    with pytest.raises(wsbench.WsbenchError, match=r"wsbench\.run: seeds=\[\] is not valid"):
        wsbench.run("two_lungs", "phantom", data_options=DATA, seeds=[])


def test_arrays_score_as_the_file_that_holds_them(tmp_path: Path) -> None:
    values = arrays()
    of_arrays = wsbench.evaluate(values, "phantom", name="guess", data_options=DATA)
    np.savez(tmp_path / "guess.npz", **values)
    of_file = wsbench.evaluate(
        tmp_path / "guess.npz", "phantom", name="guess", data_options=DATA, runs="other"
    )
    assert of_arrays.protocols == of_file.protocols
    assert of_arrays.value("auc") is not None
    assert wsbench.load_record(of_arrays.folder) == of_arrays


def test_a_list_of_coco_results_is_scored() -> None:
    names = [name.item() for name in arrays()["names"]]
    results = [
        {
            "image_id": name,
            "category_id": "tb",
            "bbox": np.array([8, 8, 40 + number % 5, 40]),
            "score": np.float32(0.5),
        }
        for number, name in enumerate(names)
    ]
    record = wsbench.evaluate(results, "phantom", name="boxes", data_options=DATA, uses_boxes=True)
    assert record.method["box_supervision"] == "fit"
    assert record.value("cond_ap25") is not None


def test_arrays_that_do_not_fit_are_refused() -> None:
    values = arrays()
    with pytest.raises(wsbench.WsbenchError, match=r"^predictions: the scores of \S+ must lie in"):
        wsbench.evaluate({**values, "scores": values["scores"] * 9}, "phantom", name="x", data_options=DATA)
    with pytest.raises(wsbench.WsbenchError, match="unknown objective of calibration"):
        wsbench.evaluate(values, "phantom", name="x", data_options=DATA, calibrate_for="msly")
    with pytest.raises(wsbench.WsbenchError, match=r"wsbench\.evaluate: data_options='size=64' is not valid"):
        wsbench.evaluate(values, "phantom", name="x", data_options="size=64")
    for wrong in ({"seed": 1.5}, {"seed": True}, {"name": 3}, {"uses_boxes": "some"}):
        with pytest.raises(
            wsbench.WsbenchError, match=rf"wsbench\.evaluate: {next(iter(wrong))}=.* is not valid"
        ):
            wsbench.evaluate(values, "phantom", data_options=DATA, **{"name": "x", **wrong})
    with pytest.raises(wsbench.WsbenchError, match=r"^predictions: set is no number, text or list"):
        wsbench.evaluate([{"image_id": {1}}], "phantom", name="x", data_options=DATA)


def test_a_record_prints_as_a_summary() -> None:
    record = example("net", cond_ap25=0.5, auc=None, draws=[0.4, 0.6])
    record.protocols["uniform"]["metrics"]["cond_ap25"]["interval"] = [0.4, 0.6]
    assert repr(record) == (
        "net (quick), seed 0, on phantom (2 test images)\n  uniform: cond_ap25 0.500 (0.400 to 0.600)"
    )
    assert repr(Results((record, record))) == f"{record!r}\n{record!r}"
    assert "auc -" in repr(replace(record, dataset={**record.dataset, "boxes": {"test": 0}}))


def test_a_record_is_a_table_in_a_notebook() -> None:
    record = example("<script>", cond_ap25=0.5, draws=[0.4, 0.6])
    shown = Results((record, example("net", cond_ap25=0.25, draws=[0.1, 0.2])))._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt; (quick), seed 0" in shown
    assert shown.count("<tr>") == 3
    assert "<th>cond_ap25</th>" in shown and "<td>0.250</td>" in shown
    assert record._repr_html_().count("<tr>") == 2


def test_a_dataset_is_loaded_as_a_run_sees_it(tmp_path: Path) -> None:
    loaded = wsbench.load_dataset("phantom", data_options=DATA)
    assert len(loaded.samples) == DATA["images"]
    names = loaded.roles.members["test"]
    assert [sample.name for sample in loaded.samples_of("test")] == list(names)
    assert loaded.views.images(names).pixels(8, 8)[:1].shape == (1, 8, 8)
    with pytest.raises(wsbench.WsbenchError, match=r"unknown dataset 'phantm'; did you mean 'phantom'"):
        wsbench.load_dataset("phantm")
    with pytest.raises(wsbench.WsbenchError, match=r"^wsbench\.load_dataset: root=3 is not valid"):
        wsbench.load_dataset("phantom", root=3)  # type: ignore[arg-type]


def test_pages_are_written_from_python(tmp_path: Path) -> None:
    folder = tmp_path / "boards" / "records" / "phantom"
    folder.mkdir(parents=True)
    source = Path(__file__).parents[1] / "leaderboards" / "records" / "phantom"
    for name in ("two_lungs", "whole_image"):
        path = next(source.glob(f"{name}-*.json.xz"))
        (folder / path.name).write_bytes(path.read_bytes())
    (page,) = wsbench.leaderboard(tmp_path / "boards")
    assert page == tmp_path / "boards" / "phantom.md"
    assert "two_lungs †" in page.read_text()


def test_runs_trained_before_an_edit_that_changes_no_number_stay_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package says so of its own source, through as many edits as there were; a file that says nothing, or
    another hash, has its own."""
    package = tmp_path / "house"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "method.py").write_text("def build(): pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    from house.method import build

    own = source_hash(build)
    assert trained_source(build) == own
    (package / SAME_SOURCE).write_text(json.dumps({"0" * 16: "1" * 16}))
    assert trained_source(build) == own
    (package / SAME_SOURCE).write_text(json.dumps({own: "a" * 16, "a" * 16: "b" * 16}))
    assert trained_source(build) == "b" * 16
    (package / SAME_SOURCE).write_text(json.dumps({own: "a" * 16, "a" * 16: own}))
    assert trained_source(build) == own  # no end of words that name each other
    del sys.modules["house.method"], sys.modules["house"]


@pytest.mark.parametrize(
    ("dataset", "names"),
    [
        ("phantom", "kd_teacher kd_student saliency_cnn cam gradcam_vgg16 tbva_gan"),
        ("phantom", "mdva_gan fixed_point_gan ant_gan plain_cnn low_level two_lungs"),
        ("phantom14", "clarity clarity_teacher plain_cnn low_level two_lungs"),
    ],
)
def test_built_in_methods_that_do_the_same_keep_the_trainings_of_their_records(
    dataset: str, names: str
) -> None:
    """Of the rows of a page, but for those whose code did something else when they were trained."""
    folder = Path(__file__).parents[1] / "leaderboards" / "records" / dataset
    methods = find().methods
    for name in names.split():
        record = wsbench.load_record(next(folder.glob(f"{name}-*.json.xz")))
        assert record.trained_from["source"] == trained_source(methods[name].build), name
