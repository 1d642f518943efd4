"""Records: written whole, read in every version, with tables in full precision."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from records_examples import example
from wsbench.contract import records
from wsbench.contract.provenance import software_and_machine
from wsbench.errors import WsbenchError
from wsbench.files import checksums
from wsbench.types import ScoredBox

DATA = Path(__file__).parents[1] / "data" / "records"
EFFICIENCY = {"device": "cpu", "hardware": "Abacus", "trained_on": "cpu", "parameters": 7}


def test_a_record_comes_back(tmp_path: Path) -> None:
    records.write(example(), tmp_path / "record.json")
    assert records.load(tmp_path / "record.json") == example()
    assert records.load(tmp_path / "record.json").folder == tmp_path


def test_a_record_without_efficiency_loads_and_one_with_it_keeps_it(tmp_path: Path) -> None:
    assert records.load(DATA / "schema-2.json").efficiency is None
    measured = replace(example(), efficiency=EFFICIENCY)
    records.write(measured, tmp_path / "record.json")
    assert records.load(tmp_path / "record.json").efficiency == EFFICIENCY


def test_values_by_metric_and_protocol() -> None:
    record = example(cond_ap25=0.25)
    assert record.value("cond_ap25") == 0.25
    assert record.value("macro_precision") is None
    assert record.value("cond_ap25", "paper") is None
    frame = record.metrics()
    assert frame.loc["cond_ap25", "tb"] == 0.25
    assert frame.loc["cond_ap25", "macro"] == 0.25


def test_every_schema_version_still_loads() -> None:
    files = sorted(DATA.glob("schema-*.json"))
    assert [file.stem for file in files] == [f"schema-{number + 1}" for number in range(records.SCHEMA)]
    for file in files:
        assert records.load(file).value("ap25") is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not a record of wsbench"),
        ("[]", "not a record of wsbench"),
        ("{}", "not a record of wsbench"),
        ('{"schema": 99}', "has schema 99; this wsbench reads up to 4; upgrade it"),
        ('{"schema": 1, "extra": 2}', "not a record of schema 1"),
    ],
)
def test_what_is_no_record_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(WsbenchError, match=r"x\.json") as error:
        records.load(path)
    assert words in str(error.value)


def changed(where: str, value: object) -> dict:
    """The values of a record's file, with another one at a place such as ``protocols.uniform.units``."""
    content = json.loads(json.dumps(replace(example(draws=[0.5, 0.6]), folder=None).__dict__, default=str))
    del content["folder"]
    *parents, last = where.split(".")
    target = content
    for name in parents:
        target = target[name]
    target[last] = value
    return content


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        ("seed", "0", "seed: Input should be a valid integer"),
        ("seed", True, "seed: Input should be a valid integer"),
        ("protocols", {}, "protocols: "),
        ("protocols.uniform.metrics", [], "protocols.uniform.metrics: "),
        ("protocols.uniform.metrics.auc.value", "x", "protocols.uniform.metrics.auc.value: "),
        ("protocols.uniform.metrics.cond_ap25.value", 7.5, "cond_ap25 must lie in [0, 1]"),
        ("protocols.uniform.draws.cond_ap25", [0.5, 2.0], "cond_ap25 must lie in [0, 1]"),
        ("protocols.uniform.draws.auc", [0.5], "draws.auc: "),
        ("protocols.uniform.draws.auc", [0.5] * 3, "every metric must have equally many"),
        ("protocols.uniform.metrics.auc.interval", [0.5], "metrics.auc.interval: "),
        ("method.name", "../net", "method.name: "),
        ("method.name", "a\nb", "method.name: "),
        ("method.preset", "a\u001b[2J", "method.preset: has characters that do not print"),
        ("dataset.name", "../../x", "dataset.name: "),
        ("dataset.images", {"fit": 3}, "dataset: images must say how many are of role test"),
        ("dataset.classes", ["tb", "tb"], "a class is listed twice"),
        ("dataset.folds", 5, "key.folds must be 5"),
        ("efficiency", {"parameters": 7}, "efficiency.device: Field required"),
        ("efficiency", {**EFFICIENCY, "flops": -1}, "efficiency.flops: "),
        ("sanity", {"maps": 3}, "sanity.images: Field required"),
        ("evaluations", {"count": 3}, "evaluations.log: Field required"),
        ("planned_seeds", 5, "planned_seeds: "),
        ("sed", 5, "sed: Extra inputs are not permitted; did you mean 'seed'?"),
    ],
)
def test_what_no_table_could_read_is_refused_with_file_key_and_reason(
    tmp_path: Path, where: str, value: object, words: str
) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(changed("seed", 0)))
    records.load(path)
    path.write_text(json.dumps(changed(where, value)))
    with pytest.raises(WsbenchError, match=r"x\.json: not a record of schema 4: ") as error:
        records.load(path)
    assert words in str(error.value)


@pytest.mark.parametrize(
    "content",
    [b"[" * 10**6, b'{"schema": ' + b"1" * 5000 + b"}", b'{"schema": NaN}', b'"\\ud800"', b"\xff\xfe{}", b""],
    ids=["deep", "digits", "nan", "surrogate", "utf16", "empty"],
)
def test_no_json_text_ends_in_a_traceback(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(WsbenchError, match=r"x\.json: not a record of wsbench"):
        records.load(tmp_path / "x.json")


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "submitted.json"
    records.write(example(), path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert records.load(path) == example()


def test_a_record_with_nan_is_not_written(tmp_path: Path) -> None:
    broken = replace(example(), stages={"fit": {"seconds": float("nan")}})
    with pytest.raises(ValueError, match="Out of range float"):
        records.write(broken, tmp_path / "record.json")
    assert list(tmp_path.iterdir()) == []


def test_tables_keep_every_digit(tmp_path: Path) -> None:
    third = 1 / 3
    records.write_scores(tmp_path / "scores.csv", ["a,b"], ["tb"], [[1]], [[third]])
    boxes = {"uniform": [[ScoredBox("tb", third, 0, 1, 2, 0.1 + 0.2)]], "paper": [[]]}
    records.write_boxes(tmp_path / "boxes.csv", ["a,b"], boxes)
    record = replace(example(), folder=tmp_path)
    scores, found = record.scores(), record.boxes()
    assert scores.loc[0].to_dict() == {"image": "a,b", "label tb": 1, "score tb": third}
    assert found.loc[0, "x0"] == third
    assert found.loc[0, "score"] == 0.1 + 0.2
    assert found.protocol.tolist() == ["uniform"]


def test_names_that_look_like_numbers_stay_names(tmp_path: Path) -> None:
    names = ["007", "NA"]
    records.write_scores(tmp_path / records.SCORES, names, ["tb"], [[1], [0]], [[0.5], [0.25]])
    boxes = {"uniform": [[ScoredBox("1", 0, 0, 5, 5, 0.5)], [ScoredBox("1", 1, 1, 5, 5, 0.5)]]}
    records.write_boxes(tmp_path / records.BOXES, names, boxes)
    record = replace(example(), folder=tmp_path)
    assert record.scores()["image"].tolist() == names
    assert record.boxes()["image"].tolist() == names
    assert record.boxes()["class"].tolist() == ["1", "1"]


def test_a_changed_record_or_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    records.write(example(cond_ap25=0.25), path)
    records.write_scores(tmp_path / records.SCORES, ["a"], ["tb"], [[1]], [[0.5]])
    checksums.note(tmp_path, [records.SCORES])
    record = records.load(path)
    (tmp_path / records.SCORES).write_text("image,label tb,score tb\na,1,0.6\n")
    with pytest.raises(WsbenchError, match=r"scores\.csv is not what was left there"):
        record.scores()
    path.write_text(path.read_text().replace("0.25", "0.26"))
    with pytest.raises(WsbenchError, match=r"record\.json is not what was left there"):
        records.load(path)


def test_a_record_of_a_leaderboard_has_no_tables() -> None:
    with pytest.raises(WsbenchError, match="not read from a run's folder"):
        example().scores()


def test_provenance_names_versions_and_not_the_machine() -> None:
    values = software_and_machine("cpu")
    assert values["versions"]["numpy"]
    assert values["device"] == "cpu"
    text = json.dumps(values)
    assert str(Path.home()) not in text
    assert str(Path(__file__).parents[2]) not in text
