"""What happens to runs: files damaged after every stage, commands killed and typed at the same time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import wsbench
from wsbench.contract.records import Record
from wsbench.files.writing import read_json, write_json
from wsbench.reports import leaderboard
from wsbench.utils.progress import Silent

ROOT = Path(__file__).parents[1]
CAMPAIGN = ROOT / "benchmarks" / "faults.py"
PLUGIN = ROOT / "benchmarks" / "fault_plugin.py"
LOCK_HELD_UNTIL_TOLD = """
import select, sys
from pathlib import Path
from wsbench.runs.stages import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    select.select([sys.stdin], [], [], 60)
"""
"""It lets go after a minute, too, so that a test that never tells it does not hang."""


def may_mount() -> bool:
    """Whether this machine lets anybody mount file systems in a namespace of their own."""
    if shutil.which("unshare") is None:
        return False
    done = subprocess.run(["unshare", "--map-root-user", "--mount", "true"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the campaign forks")
@pytest.mark.parametrize(
    "words",
    [
        ("corrupt", "--count", "6"),
        ("kill", "--count", "1"),
        ("share", "--count", "1"),
        pytest.param(
            ("disks", "--count", "2"),
            marks=pytest.mark.skipif(not may_mount(), reason="no file system may be mounted here"),
        ),
    ],
)
def test_a_share_of_the_campaign_loses_nothing(words: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(CAMPAIGN), *words, "--seed", "5", "--page", str(tmp_path / "page.md")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["0 lost"]), done.stdout + done.stderr
    assert (tmp_path / "page.md").read_text().startswith("| ")


class Heard(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def made(heard: Heard | None = None, **options: int) -> Record:
    """The record of a run; it is in ``runs`` already unless options differ."""
    given = {"epochs": 1, **options}
    return wsbench.run("tiny", "toy", options=given, plugin_files=[PLUGIN], progress=heard or Heard())


@pytest.fixture(scope="module")
def finished_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("faults") / "runs"
    wsbench.run("tiny", "toy", options={"epochs": 1}, plugin_files=[PLUGIN], runs=runs)
    return runs


@pytest.fixture(autouse=True)
def own_runs(finished_runs: Path, own_environment: None) -> None:
    """Every test damages a copy of one finished run."""
    shutil.copytree(finished_runs, "runs")


def surplus(predict: Path) -> str:
    """A shard that a careless copy leaves: its images would be tested twice."""
    (predict / "test-0001.npz").write_bytes((predict / "test-0000.npz").read_bytes())
    return "test-0001.npz"


def missing(predict: Path) -> str:
    """Without it, operating points would be 0.5."""
    (predict / "select-0000.npz").unlink()
    return "select-0000.npz"


def of_another_role(predict: Path) -> str:
    (predict / "calibrate-0000.npz").write_bytes((predict / "test-0000.npz").read_bytes())
    return "calibrate-0000.npz"


@pytest.mark.parametrize("known", [True, False], ids=["with hashes", "from before there were hashes"])
@pytest.mark.parametrize("damage", [surplus, missing, of_another_role])
def test_shards_that_are_not_a_roles_are_noticed(
    damage: Callable[[Path], str], known: bool, command: Callable
) -> None:
    before = made()
    predict = before.folder / "predict"
    if not known:
        mark = read_json(predict / "stage.json")
        write_json(predict / "stage.json", {name: mark[name] for name in ("key", "done", "facts")})
    name = damage(predict)
    code, _, err = command("evaluate", str(before.folder), "--plugin", str(PLUGIN), "-q")
    assert code == 2 and name in err
    heard = Heard()
    after = made(heard)
    assert [line for line in heard.lines if name in line and "made anew" in line]
    assert after.protocols == before.protocols


def test_a_training_that_cannot_be_made_anew_is_named(command: Callable) -> None:
    """Other numbers would stand in pictures and sanity checks, and no word of it."""
    record = made()
    weights = record.folder / "fit" / "best.ckpt"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    for words in (["picture"], ["sanity", "--check", "parameters"]):
        code, _, err = command(*words, str(record.folder), "--plugin", str(PLUGIN), "-q")
        assert code == 2
        assert "best.ckpt is not what was left there; rerun the command that made it" in err


def test_damaged_predictions_are_not_submitted(tmp_path: Path) -> None:
    record = made()
    path = record.folder / "replay.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(wsbench.WsbenchError, match=r"replay\.npz is not what was left there"):
        leaderboard.add(record, tmp_path / "boards")
    assert not list(tmp_path.glob("boards/**/*.json*"))


def test_an_unfinished_prediction_keeps_sound_shards_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsbench.predictions.store.SHARD", 4)
    shutil.rmtree(*Path("runs/toy/tiny").glob("*/predict"))
    before = made()
    predict = before.folder / "predict"
    mark = read_json(predict / "stage.json")
    write_json(predict / "stage.json", {"key": mark["key"], "done": False})
    kept, flipped, doubled = (predict / f"test-{number:04d}.npz" for number in (0, 1, 2))
    written = kept.stat().st_mtime_ns
    data = bytearray(flipped.read_bytes())
    data[len(data) // 2] ^= 1
    flipped.write_bytes(data)
    doubled.write_bytes(kept.read_bytes())
    (predict / "test-0099.npz").write_bytes(kept.read_bytes())
    assert made().protocols == before.protocols
    assert kept.stat().st_mtime_ns == written
    assert not (predict / "test-0099.npz").exists()


def test_image_blind_rows_of_another_command_are_waited_for() -> None:
    """Two commands meet in the folders of the methods that are run beside every other."""
    (blind,) = Path("runs/toy/two_lungs").iterdir()
    words = [sys.executable, "-c", LOCK_HELD_UNTIL_TOLD, str(blind)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline() == "held\n"
        release = other.stdin.close

        class Releasing(Heard):
            def say(self, line: str) -> None:
                super().say(line)
                if "waiting for process" in line:
                    release()

        heard = Releasing()
        made(heard)
    assert any(f"waiting for process {other.pid}" in line for line in heard.lines)


def test_the_cache_is_chosen_on_the_command_line(command: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """And where it cannot be written, a run ends with the same numbers, and one line says why it is slow."""
    monkeypatch.setenv("WSBENCH_CACHE", "elsewhere")
    before = made()
    Path("file").write_text("no folder")
    for cache in ("here", "file"):
        shutil.rmtree(before.folder)
        words = ("run", "-m", "tiny", "-d", "toy", "--plugin", str(PLUGIN), "-o", "epochs=1")
        code, _, err = command(*words, "--no-references", "--cache", cache)
        assert code == 0
        slow = [line for line in err.splitlines() if "cannot be written" in line and "--cache" in line]
        assert len(slow) == (cache == "file")
        assert made().protocols == before.protocols
    assert list(Path("here").glob("toy/*/32x32.npy")) and not Path("elsewhere").exists()
