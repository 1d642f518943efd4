"""Split files of users: every form that is read, what is refused, and that their rows stay by themselves."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import wsbench
from conftest import refused
from wsbench.contract import plugins, records
from wsbench.data import split_files
from wsbench.data.split_files import read
from wsbench.data.split_roles import fitted, roles_of, warnings_of
from wsbench.errors import WsbenchError
from wsbench.runs import rescoring
from wsbench.types import Sample
from wsbench.utils.progress import Silent

DATA = {"images": 60, "size": 64}
SHARES = {"train": {"fit": 0.8, "select": 0.1, "calibrate": 0.1}, "test": {"test": 1.0}}


def samples(count: int = 40, **values: object) -> list[Sample]:
    return [
        Sample(f"CXR_png/{i:03d}.png", 10, 10, "train", ("tb",) if i % 2 else (), **values)
        for i in range(count)
    ]


def written(path: str, value: object) -> str:
    Path(path).write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def roles(words: str, of: list[Sample], fold=None) -> dict[str, tuple[str, ...]]:
    split = fitted(read(words), of)
    return dict(roles_of(split, of, SHARES, fold, stratified=True).members)


def names(first: int, end: int) -> list[str]:
    return [f"CXR_png/{i:03d}.png" for i in range(first, end)]


def test_names_by_role_are_read_from_json_and_csv() -> None:
    by_role = {
        "fit": names(0, 20),
        "select": names(20, 25),
        "calibrate": names(25, 30),
        "test": names(30, 40),
    }
    expected = {role: tuple(of_role) for role, of_role in by_role.items()}
    assert roles(written("own.json", by_role), samples()) == expected
    rows = [f"{name},{role}" for role, of_role in by_role.items() for name in of_role]
    windows = "\ufeff" + "\r\n".join(["Image,Role", *reversed(rows)])
    assert roles(written("own.CSV", windows), samples()) == expected


def test_mednets_form_trains_on_train_and_cuts_validation_in_half() -> None:
    """Its entries are lists of a path and a label. Labels are spread evenly over both halves."""
    content = {
        "train": [[name, 0] for name in names(0, 20)],
        "validation": [[name, 1] for name in names(20, 32)],
        "test": [[name, 0] for name in names(32, 40)],
    }
    members = roles(written("fold-0.json", content), samples())
    assert members["fit"] == tuple(names(0, 20)) and members["test"] == tuple(names(32, 40))
    assert sorted(members["select"] + members["calibrate"]) == names(20, 32)
    of_tb = [sum(int(name[8:11]) % 2 for name in members[role]) for role in ("select", "calibrate")]
    assert (len(members["select"]), of_tb) == (6, [3, 3])


def test_validation_is_for_select_where_the_file_calibrates_itself() -> None:
    content = {
        "train": names(0, 20),
        "val": names(20, 25),
        "calibrate": names(25, 30),
        "test": names(30, 40),
    }
    assert roles(written("own.json", content), samples())["select"] == tuple(names(20, 25))


@pytest.mark.parametrize("word", ["tb/CXR_png/007.png", "007.png", "007", "CXR_png\\007.png", "CXR_png/007"])
def test_a_name_may_have_more_folders_or_fewer_or_no_suffix(word: str) -> None:
    content = {"train": [*names(0, 7), word], "validation": names(8, 30), "test": names(30, 40)}
    assert "CXR_png/007.png" in roles(written("own.json", content), samples())["fit"]


def test_the_halves_of_validation_keep_patients_together() -> None:
    of = [*samples(40)]
    for i in range(20, 32):
        of[i] = Sample(f"CXR_png/{i:03d}.png", 10, 10, "train", (), patient=f"p{i // 3}")
    content = {"train": names(0, 20), "validation": names(20, 32), "test": names(32, 40)}
    members = roles(written("own.json", content), of)
    patients = [
        {i // 3 for i in range(20, 32) if names(i, i + 1)[0] in members[r]} for r in ("select", "calibrate")
    ]
    assert not patients[0] & patients[1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"train": ["nobody.png"], "test": []}, "'nobody.png' is the name of no image"),
        ({"train": ["000.png"], "test": ["CXR_png/000.png"]}, "CXR_png/000.png is in fit and in test"),
        ({"train": names(0, 9), "tset": names(9, 20)}, "tset: is no role; did you mean 'test'?"),
        ({"train": names(0, 9), "test": names(9, 20)}, "has no image for role select, calibrate"),
        ({"train": "000.png"}, "train: must be a list of names"),
        ({"train": [3]}, "train: entry 1 is no name"),
        ({"one": ["000.png"]}, "must have at least two folds"),
        ({"a": ["000.png"], "b": ["000.png"]}, "CXR_png/000.png is in a and in b"),
        ([], "must hold names of images by role"),
        ("{", "not a split file"),
    ],
)  # fmt: skip
def test_what_a_file_gets_wrong_is_named(content: object, reason: str) -> None:
    with pytest.raises(WsbenchError) as error:
        roles(written("own.json", content), samples())
    assert reason in str(error.value) and str(error.value).startswith("own.json: ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("image,label\na,b\n", "needs the columns image and role"),
        ("image,role\n000,trian\n", "line 2: trian: is no role; did you mean 'train'?"),
        ("image,fold\n000,1\n001,\n", "at least two folds, each with a name"),
        ("image,role\n", "at least one row"),
        ('image,role\n"000,train\n', "is no CSV file"),
    ],
)
def test_what_a_table_gets_wrong_is_named(text: str, reason: str) -> None:
    with pytest.raises(WsbenchError, match=reason):
        read(written("own.csv", text))


def test_a_name_of_two_images_is_refused() -> None:
    of = [*samples(3), Sample("other/001.png", 10, 10, "train", ())]
    with pytest.raises(WsbenchError, match=r"'001\.png' is the name of no image, or of several"):
        fitted(read(written("own.json", {"train": ["001.png"], "test": ["002.png"]})), of)


def test_a_misspelt_file_fold_or_form_is_one_line() -> None:
    for words, reason in (
        ("nothing.json", "cannot be read"),
        (written("own.txt", "a"), "must be a split file .json or .csv"),
        (
            written("f.json", {"fold-0": names(0, 9), "fold-1": names(9, 20)}) + "::fold-2",
            "has no fold 'fold-2'",
        ),
        (".", "holds no files fold-0.json"),
    ):
        with pytest.raises(WsbenchError, match=reason):
            read(words)


def test_patients_and_copies_in_two_roles_are_said_aloud() -> None:
    of = samples(40)
    of[0] = Sample("CXR_png/000.png", 10, 10, "train", (), patient="p", content="c")
    of[39] = Sample("CXR_png/039.png", 10, 10, "train", (), patient="p", content="c")
    content = {"train": names(0, 20), "validation": names(20, 30), "test": names(31, 40)}
    split = fitted(read(written("own.json", content)), of)
    leak, unnamed = warnings_of(split, of)
    assert leak == (
        "own.json: patients in two roles: 1, such as that of CXR_png/000.png in fit and test; "
        "images with copies in two roles: 1, such as that of CXR_png/000.png in fit and test; "
        "scores may be too high"
    )
    assert unnamed == "own.json: does not name 1 of 40 images; they have no role"
    members = roles_of(split, of, SHARES, None, stratified=True).members
    assert "CXR_png/000.png" in members["fit"] and "CXR_png/039.png" in members["test"]


def ten_folds() -> dict[str, list[str]]:
    return {f"fold-{k}": names(0, 60)[k::10] for k in range(10)}


def test_ten_folds_that_say_what_they_test_are_taken_in_the_order_of_their_numbers() -> None:
    from wsbench.data.folds import Fold

    of, folds = samples(60), ten_folds()
    shuffled = {name: folds[name] for name in sorted(folds, reverse=True)}
    for words in (
        written("folds.json", shuffled),
        written(
            "folds.csv", "\n".join(["image,fold", *(f"{n},{f}" for f, of_f in folds.items() for n in of_f)])
        ),
    ):
        assert list(read(words).folds) == [f"fold-{k}" for k in range(10)]
        for number in (1, 10):
            members = roles(words, of, Fold(number, 10))
            assert members["test"] == tuple(folds[f"fold-{number - 1}"])
            assert sorted(name for role in members.values() for name in role) == names(0, 60)
    assert roles("folds.json::fold-3", of)["test"] == tuple(folds["fold-3"])
    with pytest.raises(WsbenchError, match=r"has 10 folds; name one: folds.json::fold-0"):
        roles("folds.json", of)


def test_a_patient_in_two_folds_trains_on_nothing_where_he_is_tested() -> None:
    from wsbench.data.folds import Fold

    of = samples(60)
    of[0], of[1] = (Sample(f"CXR_png/00{i}.png", 10, 10, "train", (), patient="p") for i in range(2))
    split = fitted(read(written("folds.json", ten_folds())), of)
    (line,) = warnings_of(split, of)
    assert "patients in two folds: 1, such as that of CXR_png/000.png in fold-0 and fold-1" in line
    members = roles_of(split, of, SHARES, Fold(1, 10), stratified=True)
    assert list(members.left_out) == ["CXR_png/001.png"]


def test_a_folder_of_mednets_folds_is_a_split_by_fold() -> None:
    Path("montgomery").mkdir()
    for k in range(11):
        content = {"train": names(0, 20), "validation": names(20, 30), "test": names(30, 30 + k + 1)}
        written(f"montgomery/fold-{k}.json", content)
    written("montgomery/default.json", "{}")
    split = read("montgomery")
    assert (split.name, list(split.folds)[-2:]) == ("montgomery", ["fold-9", "fold-10"])
    assert roles("montgomery::fold-9", samples(60))["test"] == tuple(names(30, 40))


def phantom_split(path: str) -> str:
    """A split of the phantom's images that differs from its own."""
    loaded = wsbench.load_dataset("phantom", data_options=DATA)
    every = [sample.name for sample in loaded.samples]
    return written(path, {"train": every[::3], "validation": every[1::3], "test": every[2::3]})


def test_a_run_keeps_its_split_and_shares_no_fingerprint(command) -> None:
    path = phantom_split("own.json")
    options = {**DATA, "split": path}
    plain = wsbench.run("prior_boxes", "phantom", data_options=DATA)
    own = wsbench.run("prior_boxes", "phantom", data_options=options)
    assert "split" not in plain.dataset
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert own.dataset["split"] == {"name": "own.json", "sha256": digest}
    assert own.dataset["images"]["test"] == 20 and own.key["fingerprint"] != plain.key["fingerprint"]

    # The same roles in a file with other bytes are another file.
    written("again.json", json.dumps(json.loads(Path(path).read_text()), indent=1))
    again = wsbench.load_dataset("phantom", data_options={**DATA, "split": "again.json"})
    mine = wsbench.load_dataset("phantom", data_options=options)
    assert again.roles == mine.roles and again.fingerprint != mine.fingerprint

    # Later commands need the run alone.
    Path(path).unlink()
    assert own.folder is not None
    found = plugins.find()
    assert rescoring.dataset_of(records.load_record(own.folder), found, Silent(), None).roles == mine.roles
    assert rescoring.rescore(own.folder, found, Silent()).protocols == own.protocols
    (own.folder / split_files.KEPT).write_text("{}")
    with pytest.raises(WsbenchError, match=r"split\.json is not what was left there"):
        rescoring.dataset_of(own, found, Silent(), None)


def test_rows_of_a_split_file_enter_no_leaderboard(command) -> None:
    path = phantom_split("own.json")
    words = [
        "run",
        "-m",
        "prior_boxes",
        "-d",
        "phantom",
        "-D",
        "images=60",
        "-D",
        "size=64",
        "-D",
        f"split={path}",
    ]
    assert refused(command(*words, "--submit")) == (
        "phantom has the roles of own.json; its scores compare only with others of that file and enter no "
        "leaderboard"
    )
    assert refused(command(*words, "--folds", "3")) == "own.json: has roles and no folds; leave out --folds 3"


def test_a_run_on_a_split_by_fold_is_a_cross_validation() -> None:
    loaded = wsbench.load_dataset("phantom", data_options=DATA)
    every = [sample.name for sample in loaded.samples]
    written("folds.json", {f"fold-{k}": every[k::3] for k in range(3)})
    record = wsbench.run("two_lungs", "phantom", data_options={**DATA, "split": "folds.json"})
    assert record.dataset["folds"] == 3 and record.dataset["images"] == {"test": 60}
    assert record.dataset["split"]["folds"] == ["fold-0", "fold-1", "fold-2"]
    tested = record.scores()
    assert {str(n): sorted(of["image"]) for n, of in tested.groupby("fold")} == {
        str(k + 1): sorted(every[k::3]) for k in range(3)
    }
    with pytest.raises(WsbenchError, match="has 3 folds; leave out --folds 5"):
        wsbench.run("two_lungs", "phantom", data_options={**DATA, "split": "folds.json"}, folds=5)


def test_a_split_file_is_checked_with_the_data(command) -> None:
    path = phantom_split("own.json")
    code, out, _ = command(
        "data", "check", "phantom", "-D", "images=60", "-D", "size=64", "-D", f"split={path}", "-q"
    )
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    counts = [row for row in rows if len(row) == 6 and row[4].isdigit() and row[0] != "boxes"]
    assert sum(int(line[4]) for line in counts) == 20
