"""A group left out of training: its roles, the table of all groups in turn, and what is refused."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest
from sklearn.metrics import roc_auc_score

import wsbench
from collection_examples import COUNTS, written
from conftest import refused
from wsbench.contract import records
from wsbench.data.folds import Fold
from wsbench.data.left_out import assign_roles_without, fold_without, folds_by
from wsbench.errors import WsbenchError
from wsbench.types import ROLES, Sample

SHARES = {split: {"fit": 0.5, "select": 0.2, "calibrate": 0.1, "test": 0.2} for split in ("a", "b", "c")}


def sample(split: str, number: int, **more: object) -> Sample:
    values = {"labels": ("tb",) if number % 2 else (), "content": f"{split} {number}", **more}
    return Sample(f"{split}{number:02d}", 1, 1, split, attributes={"collection": split}, **values)  # type: ignore[arg-type]


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    return written(tmp_path)


def load(plugin: Path, **options: object):
    return wsbench.load_dataset("three", plugin_files=[plugin], data_options=options)


@pytest.mark.parametrize("group", COUNTS)
def test_the_group_is_tested_and_all_others_keep_their_roles(plugin: Path, group: str) -> None:
    own, left = load(plugin), load(plugin, leave_out=group)
    of_group = sorted(s.name for s in own.samples if s.attributes["collection"] == group)
    assert left.roles.members["test"] == tuple(of_group)
    for role in ("fit", "select", "calibrate"):
        kept = [name for name in own.roles.members[role] if name not in of_group]
        assert kept and left.roles.members[role] == tuple(kept)
    assert left.fingerprint != own.fingerprint
    described = left.describe()["fold"]
    assert described == {
        "number": sorted(COUNTS).index(group) + 1,
        "of": 3,
        "attribute": "collection",
        "value": group,
    }
    assert own.describe()["fold"] is None


def test_what_is_trained_on_is_none_of_the_group(plugin: Path) -> None:
    record = wsbench.run("brightness", "three", plugin_files=[plugin], data_options={"leave_out": "north"})
    fitted, selected = json.loads((record.folder / "fit" / "names").read_text())
    assert fitted and selected and not [name for name in fitted + selected if name.startswith("north")]
    frame = record.scores()
    assert len(frame) == COUNTS["north"][0] and frame["image"].str.startswith("north").all()
    assert record.folder.name.startswith("seed0-without-north-")
    assert "collections" not in record.protocols["uniform"]


def test_images_of_the_groups_patients_and_copies_of_its_images_are_not_trained_on() -> None:
    samples = [sample(split, number) for split in "ab" for number in range(20)]
    samples += [sample("c", 0, patient="p"), sample("c", 1, content="a 3")]
    shared = {"b05"}
    samples = [
        Sample(s.name, 1, 1, s.split, s.labels, content=s.content, patient="p", attributes=s.attributes)
        if s.name in shared
        else s
        for s in samples
    ]
    roles = assign_roles_without(samples, SHARES, Fold(3, 3, "collection", "c"), stratified=True)
    assert roles.members["test"] == ("c00", "c01")
    given = {name for role in ROLES for name in roles.members[role]}
    assert not given & {"b05", "a03"}
    assert {"b05", "a03"} <= set(roles.left_out)
    assert "collection 'c'" in roles.left_out["b05"]


def test_every_group_in_turn_gives_one_table(plugin: Path, command) -> None:
    words = ("run", "-m", "brightness", "-d", "three", "--plugin", str(plugin), "--no-references")
    code, out, err = command(*words, "--folds", "collection")
    assert code == 0
    assert "brightness: collection south left out" in err
    record = records.load(next(Path("runs").glob("three/brightness/seed0-by-collection-*")) / records.FILE)
    frame = record.scores()
    collection = frame["image"].str.partition("-")[0]
    assert len(frame) == sum(count for count, _ in COUNTS.values())
    areas = {
        name: roc_auc_score(rows["label tb"], rows["score tb"])
        for name, rows in frame.groupby(collection)
        if name != "east"
    }
    auc = record.protocols["uniform"]["metrics"]["auc"]
    assert auc["folds"] == [None, pytest.approx(areas["north"]), pytest.approx(areas["south"])]
    assert auc["value"] == pytest.approx(statistics.fmean(areas.values()))
    assert auc["fold_intervals"][0] is None
    assert record.dataset["left_out_by"] == {
        "attribute": "collection",
        "values": ["east", "north", "south"],
        "images": [30, 40, 60],
        "positive": [{"tb": 30}, {"tb": 20}, {"tb": 36}],
    }
    table = out[out.index("brightness, each collection left out of training in turn") :]
    lines = {line.split()[0]: line.split() for line in table.splitlines() if line.strip()}
    assert lines["east"][1:5] == ["30", "30", lines["east"][3], "-"]
    assert lines["north"][4] == f"{auc['folds'][1]:.3f}"
    low, high = auc["fold_intervals"][1]
    assert lines["north"][-1] == f"{low:.2f}\N{EN DASH}{high:.2f}".replace("0.", ".")
    assert lines["mean"][2] == f"{auc['value']:.3f}"
    assert lines["sd"][2] == f"{statistics.stdev(auc['folds'][1:]):.3f}"
    assert lines["pooled"][3] == f"{record.protocols['uniform']['pooled']['auc']:.3f}"
    assert "east: all 30 images have tb, so there is no AUC when it is left out" in out
    alone = wsbench.run("brightness", "three", plugin_files=[plugin], data_options={"leave_out": "south"})
    assert alone.value("auc") == auc["folds"][2]
    assert len(list(Path("runs").glob("three/brightness/seed0-without-south-*"))) == 1


def test_within_and_across_of_all_groups_together(plugin: Path) -> None:
    """Every pair within a collection has its two scores from one training."""
    record = wsbench.run("brightness", "three", plugin_files=[plugin], folds="collection")
    result = record.protocols["uniform"]["collections"]
    frame = record.scores()
    won = pairs = 0.0
    for _, rows in frame.groupby(frame["image"].str.partition("-")[0]):
        positive, negative = (rows.loc[rows["label tb"] == label, "score tb"] for label in (1, 0))
        if len(positive) and len(negative):
            won += roc_auc_score(rows["label tb"], rows["score tb"]) * len(positive) * len(negative)
            pairs += len(positive) * len(negative)
    assert result["within"]["value"] == pytest.approx(won / pairs)
    assert "interval" not in result["within"]


def test_any_attribute_can_be_left_out_and_images_without_it_are_trained_on(plugin: Path, command) -> None:
    left = load(plugin, leave_out="sex:F")
    assert {s.attributes.get("sex") for s in left.samples_of("test")} == {"F"}
    assert any(s.attributes["collection"] == "east" for s in left.samples_of("fit"))
    words = ("data", "check", "three", "--plugin", str(plugin), "-D", "leave_out=sex:F", "--no-near")
    assert "30 of 130 images have no sex: trained on, and never tested" in command(*words)[2]


def test_a_group_of_one_label_is_said_when_it_is_left_out(plugin: Path, command) -> None:
    words = ("run", "-m", "brightness", "-d", "three", "--plugin", str(plugin), "--no-references")
    code, out, err = command(*words, "-D", "leave_out=east")
    assert code == 0
    assert "three: collection east left out: all 30 images have tb, so these have no AUC there" in err
    assert "collection east is tested, and left out of training" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-D", "leave_out=nort"], "leave_out=nort: no image has collection 'nort'; did you mean 'north'?"),
        (["-D", "leave_out=sex:X"], "no image has sex 'X'; known: F, M"),
        (["--folds", "colection"], "no image has the attribute 'colection' to leave out by; did you mean"),
        (
            ["--folds", "age"],
            "age has 60 values, and at most 20 are left out in turn; name another",
        ),
        (["-D", "leave_out=east", "--folds", "3"], "collection east left out; leave out one of --folds and"),
        (["--folds", "1"], "1 folds: cross-validation needs at least 2"),
        (["--folds", "-3"], "cross-validation needs at least 2"),
        (["-D", "leave_out=east", "--submit"], "collection east is left out of training; its scores compare"),
        (["--folds", "collection", "--submit"], "is left out of training; its scores compare only"),
        (["--folds", "collection", "--test-on", "phantom"], "leave out --folds"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_trained(
    plugin: Path, command, words: list[str], message: str
) -> None:
    line = refused(command("run", "-m", "brightness", "-d", "three", "--plugin", str(plugin), "-q", *words))
    assert message in line
    assert len(line) < 200
    assert not list(Path("runs").glob("three/*/*/fit"))


def test_a_split_file_and_a_group_do_not_go_together(plugin: Path, command) -> None:
    names = [s.name for s in load(plugin).samples]
    Path("own.json").write_text(
        json.dumps({"train": names[::2], "validation": names[1::4], "test": names[3::4]})
    )
    words = (
        "data",
        "check",
        "three",
        "--plugin",
        str(plugin),
        "-D",
        "split=own.json",
        "-D",
        "leave_out=east",
    )
    assert "goes with the dataset's own roles; leave out split=own.json" in refused(command(*words))


def test_what_is_left_must_have_two_labels() -> None:
    samples = [sample("a", number) for number in range(20)]
    samples += [sample("b", number, labels=("tb",)) for number in range(20)]
    with pytest.raises(WsbenchError, match=r"collection a left out: every image that is left .* has tb;"):
        assign_roles_without(samples, SHARES, fold_without(samples, "a"), stratified=True)
    assert fold_without(samples, "b") == folds_by(samples, "collection")[1]
    with pytest.raises(WsbenchError, match="every collection is a, and without it no image is left"):
        folds_by(samples[:20], "collection")


def test_a_run_without_a_group_is_scored_again_as_itself(plugin: Path, command) -> None:
    record = wsbench.run("brightness", "three", plugin_files=[plugin], data_options={"leave_out": "south"})
    assert command("evaluate", str(record.folder), "--plugin", str(plugin), "-q")[0] == 0
    assert records.load(record.folder / records.FILE).protocols == record.protocols


def test_folds_of_names_say_nothing_new(plugin: Path) -> None:
    """Their records have the keys that they have always had."""
    assert Fold(2, 5).describe() == {"number": 2, "of": 5}
    assert (str(Fold(2, 5)), str(Fold(1, 2, "site", "St. Mary's / 2"))) == (
        "fold2of5",
        "without-St.-Mary-s-2",
    )
    record = wsbench.run("brightness", "three", plugin_files=[plugin], folds=2)
    assert "left_out_by" not in record.dataset
    assert "fold_intervals" not in record.protocols["uniform"]["metrics"]["auc"]
    assert set(record.protocols["uniform"]["collections"]["groups"]) == set(COUNTS)
