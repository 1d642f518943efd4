"""The records that `wsbench leaderboard --check --sample N` computes again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import wsbench
from conftest import refused
from wsbench.contract import plugins, record_files
from wsbench.reports import leaderboard
from wsbench.runs import record_samples, seals
from wsbench.runs.record_samples import Sampling

SEEDS = range(3)


def git(*words: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], check=True)


@pytest.fixture(scope="module")
def submitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A leaderboards folder with three records of a method and one of another."""
    home = tmp_path_factory.mktemp("samples")
    for method, seeds in (("random_map", SEEDS), ("two_lungs", (0,))):
        for seed in seeds:
            record = wsbench.run(
                method, "phantom", data_options={"images": 60, "size": 64}, seed=seed, runs=home / "runs"
            )
            leaderboard.add(record, home / "boards", seeds)
    leaderboard.leaderboard(home / "boards")
    return home / "boards"


@pytest.fixture
def boards(submitted: Path, tmp_path: Path) -> Path:
    """A copy of that folder, in a git repository that has all of it."""
    shutil.copytree(submitted, tmp_path / "boards")
    git("init", "-q", ".")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    return tmp_path / "boards"


def record_of(folder: Path, method: str, seed: int = 0) -> Path:
    (path,) = folder.glob(f"records/phantom/{method}-*-seed{seed}.json.xz")
    return path


def forged(path: Path, *, sealed: bool) -> None:
    """Change a number of a record, and the hash of it in its predictions."""
    content = json.loads(record_files.read_bytes(path))
    content["protocols"]["uniform"]["metrics"]["auc"]["value"] += 0.01
    record_files.write(path, json.dumps(content))
    if sealed:
        predictions = seals.predictions_of(path)
        seals.seal(predictions, predictions, path)


def test_every_method_and_dataset_has_one_and_the_number_is_reached(tmp_path: Path) -> None:
    kinds = {tmp_path / f"{number}.json": ("a" if number % 9 else "b", number % 3) for number in range(60)}
    for path in kinds:
        path.write_text(path.name)
    known = plugins.find()
    for count in (1, 40, 100):
        chosen = Sampling(count).choose(kinds, tmp_path, known)
        assert {kinds[path] for path in chosen} == set(kinds.values())
        assert len(chosen) == min(max(count, len(set(kinds.values()))), 60)
        assert chosen == Sampling(count).choose(dict(reversed(kinds.items())), tmp_path, known)


def test_another_source_gives_another_choice_until_all_had_their_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {tmp_path / f"{number}.json": "one" for number in range(20)}
    for path in kinds:
        path.write_text(path.name)
    choices = []
    for source in range(40):
        monkeypatch.setattr(record_samples, "source_of", lambda _, source=source: str(source))
        choices.append(frozenset(Sampling(4).choose(kinds, tmp_path, plugins.find())))
    assert set().union(*choices) == set(kinds)
    assert len(set(choices)) > 30


def test_the_source_is_that_of_wsbench_and_of_every_plugin(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    hashes = []
    for text in ("import wsbench\n", "import wsbench  # other\n"):
        file.write_text(text)
        hashes.append(record_samples.source_of(plugins.find([file])))
    assert len({*hashes, record_samples.source_of(plugins.find())}) == 3


def test_changed_and_new_records_are_always_chosen(boards: Path) -> None:
    paths = record_files.in_leaderboards(boards)
    assert record_samples.changed(paths, boards, "HEAD") == set()
    first, second, third = (record_of(boards, "random_map", seed) for seed in SEEDS)
    forged(first, sealed=False)
    assert record_samples.changed(paths, boards, "HEAD") == {first}
    git("commit", "-aqm", "second")
    seals.seal(seals.predictions_of(second), seals.predictions_of(second), first)
    third.rename(third.with_name("new.json.xz"))
    paths = record_files.in_leaderboards(boards)
    new = third.with_name("new.json.xz")
    assert record_samples.changed(paths, boards, "HEAD") == {second, new}
    assert record_samples.changed(paths, Path(os.path.relpath(boards)), "HEAD~1") == {first, second, new}
    kinds = dict.fromkeys(paths, "one")
    assert Sampling(1, "HEAD~1").choose(kinds, boards, plugins.find()) == {first, second, new}


def test_the_command_says_how_many_it_computed_again(command, boards: Path) -> None:
    code, out, _ = command("leaderboard", str(boards), "--check", "--sample", "1", "-q")
    assert code == 0
    assert out.splitlines() == [
        "every page matches its records",
        "2 records match their predictions",
        "a sample: 2 of 4 records were recomputed",
    ]


def test_a_changed_record_outside_the_sample_is_found(command, boards: Path) -> None:
    """By the hash of it that lies in its predictions, or, with a hash that was forged, too, by git."""
    words = ("leaderboard", str(boards), "--check", "--sample", "1", "-q")
    kinds = {path: path.name.split("-")[0] for path in record_files.in_leaderboards(boards)}
    chosen = Sampling(1).choose(kinds, boards, plugins.find())
    other = next(path for path in kinds if path not in chosen)
    forged(other, sealed=False)
    code, out, _ = command(*words)
    assert code == 1
    assert f"{other}: the record is not the one that was submitted with its predictions" in out
    forged(other, sealed=True)
    code, out, _ = command(*words, "--changed-since", "HEAD")
    assert code == 1
    assert f"{other}: uniform: auc" in out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--sample", "1"], "--sample chooses what --check recomputes; give --check"),
        (["--check", "--no-replay", "--sample", "1"], "give --check, and no --no-replay"),
        (["--check", "--changed-since", "HEAD"], "--changed-since adds records to those of --sample"),
        (["--check", "--sample", "1", "--changed-since", "none"], "--changed-since none: git in "),
        (["--check", "--sample", "1", "--changed-since", "--output=x"], "-since --output=x: git in "),
    ],
)
def test_a_mistake_is_one_line(command, words: list[str], line: str, boards: Path) -> None:
    assert line in refused(command("leaderboard", str(boards), *words))
    assert not Path("x").exists()


def test_where_git_is_not_installed_that_is_said(
    command, boards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    words = ("--check", "--sample", "1", "--changed-since", "HEAD")
    assert "--changed-since HEAD: git: " in refused(command("leaderboard", str(boards), *words))
