"""Damage to every file that a run leaves, after every stage, and what commands make of it."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fault_trials import Outcome, command, warm

PLUGIN = Path(__file__).with_name("fault_plugin.py")
DATA = ("-d", "toy")
WHERE = ("--plugin", str(PLUGIN), "--cache", "cache")
RUN = ("run", "-m", "tiny", *DATA, *WHERE, "--runs", "runs", "--no-references", "--no-report")

VERDICTS = (
    "same numbers",
    "made anew",
    "refused",
    "refused without its name",
    "other numbers",
    "tracebacks",
    "hangs",
)
"""Columns of the table; the last four are faults."""

LOSSES = VERDICTS[3:]


def _flip(data: bytes, chance: random.Random, other: bytes) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def _zero(data: bytes, chance: random.Random, other: bytes) -> bytes:
    start = chance.randrange(len(data))
    stop = min(len(data), start + 64)
    return data[:start] + bytes(stop - start) + data[stop:]


def _truncate(data: bytes, chance: random.Random, other: bytes) -> bytes:
    return data[: chance.randrange(1, len(data))]


def _garbage(data: bytes, chance: random.Random, other: bytes) -> bytes:
    return chance.randbytes(len(data))


DAMAGES: Mapping[str, Callable[[bytes, random.Random, bytes], bytes | None]] = {
    "flip a bit": _flip,
    "zero 64 bytes": _zero,
    "truncate": _truncate,
    "empty": lambda data, chance, other: b"",
    "garbage": _garbage,
    "delete": lambda data, chance, other: None,
    "another file's": lambda data, chance, other: other,
}
"""By name, the new contents of a file, given the old ones and those of another file of its kind."""


@dataclass(frozen=True)
class Scene:
    """A moment at which files are damaged, and the command that is typed then.

    Attributes:
        state: a name of `states`.
        words: the command; ``RUN`` stands for the run's folder.
        makes: patterns of the files that it makes or vouches for, and that are compared.
    """

    state: str
    words: Sequence[str]
    makes: tuple[str, ...] = ("runs/*", "boards/*")


OUT, SANITY = ("out/*",), ("*/tiny/*/sanity.json", "*/tiny/*/record.json")
AFTER = ("RUN", "--plugin", str(PLUGIN), "--cache", "cache", "-q")

SCENES: Mapping[str, Scene] = {
    "run, in the middle of training": Scene("training", RUN),
    "run, after fit": Scene("fit", RUN),
    "run, in the middle of predicting": Scene("predicting", RUN),
    "run, after predict": Scene("predict", RUN),
    "run, finished": Scene("finished", RUN),
    "run --submit": Scene("finished", (*RUN, "--submit", "--leaderboards", "boards")),
    "evaluate RUN": Scene("finished", ("evaluate", *AFTER), ("*/tiny/*",)),
    "export RUN": Scene("finished", ("export", *AFTER, "--out", "out/predictions.json"), OUT),
    "picture RUN": Scene("finished", ("picture", *AFTER, "--out", "out", "--sheet", "--each", "1"), OUT),
    "sanity RUN": Scene("finished", ("sanity", *AFTER, "--check", "parameters", "--images", "4"), SANITY),
    "roc RUN": Scene("finished", ("roc", "RUN", "--out", "out/roc.png"), OUT),
}


def empty_state(folder: Path) -> Path:
    """The folder of commands that nothing was done before, made here, and this process ready to fork them."""
    warm()
    folder.mkdir(parents=True)
    return folder


def states(folder: Path) -> dict[str, Path]:
    """Folders with runs and cache as they are at different moments, made in an empty folder."""
    warm()
    names = ("empty", "training", "finished", "fit", "predicting", "predict")
    made = {name: folder / name for name in names}
    for name in ("empty", "training", "finished"):
        made[name].mkdir(parents=True)
    os.environ["FAULTS_STOP"] = "epoch 2"
    stopped = command(made["training"], RUN)
    del os.environ["FAULTS_STOP"]
    assert stopped.code == 130, stopped.text
    assert list(made["training"].glob("runs/toy/tiny/*/fit/last.ckpt")), stopped.text
    done = command(made["finished"], RUN)
    assert done.code == 0, done.text
    shutil.copytree(made["finished"], made["predict"])
    run = run_in(made["predict"])
    for name in ("score", "measure"):
        shutil.rmtree(run / name)
    for path in run.glob("*.*"):
        path.unlink()
    shutil.copytree(made["predict"], made["fit"])
    shutil.rmtree(run_in(made["fit"]) / "predict")
    shutil.copytree(made["predict"], made["predicting"])
    _unfinish(run_in(made["predicting"]) / "predict")
    return made


def _unfinish(stage: Path) -> None:
    """Leave a stage as a kill before its last file does."""
    from wsbench.files.checksums import sealed
    from wsbench.files.writing import read_json, write_json

    key = read_json(stage / "stage.json")["key"]
    write_json(stage / "stage.json", sealed({"key": key, "done": False}))
    (stage / "test-0000.npz").unlink()


def run_in(folder: Path) -> Path:
    """The folder of the run of ``tiny``."""
    (run,) = folder.glob("runs/toy/tiny/*")
    return run


@dataclass(frozen=True)
class Trial:
    """One file damaged in one way before one command.

    Attributes:
        scene: of `SCENES`.
        file: inside the state's folder.
        damage: of `DAMAGES`.
    """

    scene: str
    file: str
    damage: str


def trials(made: Mapping[str, Path], count: int, seed: int) -> list[Trial]:
    """Different trials, scenes in turn, so that each is tried as often as it has files."""
    chance = random.Random(seed)
    by_scene = []
    for name, scene in SCENES.items():
        of_scene = [
            Trial(name, str(path.relative_to(made[scene.state])), damage)
            for path in sorted(made[scene.state].rglob("*"))
            if path.is_file() and _is_left(path) and path.stat().st_size > 1
            for damage in DAMAGES
        ]
        chance.shuffle(of_scene)
        by_scene.append(of_scene)
    dealt = [trial for turn in range(max(map(len, by_scene))) for of_scene in by_scene
             for trial in of_scene[turn : turn + 1]]  # fmt: skip
    return dealt[:count]


def _is_left(path: Path) -> bool:
    """Whether a file is one that the tool left, and of the run or of what it reads."""
    of_others = {"whole_image", "centre_box", "prior_boxes"}  # that are made as two_lungs is
    return (
        path.suffix != ".lock" and path.name not in (".lock", "printed-0") and not of_others & {*path.parts}
    )


def attempt(trial: Trial, made: Mapping[str, Path], folder: Path, seed: int) -> Outcome:
    """Damage a copy and type the command in it.

    Args:
        trial: what to damage.
        made: by `states`.
        folder: of the copy; what is there is removed.
        seed: of the damage.
    """
    scene = SCENES[trial.scene]
    fresh_copy(made[scene.state], folder)
    path = folder / trial.file
    others = [other for other in sorted(path.parent.glob(f"*{path.suffix}")) if other != path]
    other = others[0].read_bytes() if others else b"\0" * path.stat().st_size
    chance = random.Random(f"{seed} {trial}")
    data = DAMAGES[trial.damage](path.read_bytes(), chance, other)
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    return command(folder, words_of(scene, folder))


def fresh_copy(state: Path, folder: Path) -> None:
    """Copy a state's folder, in place of what is there."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(state, folder)


def words_of(scene: Scene, folder: Path) -> list[str]:
    """The command of a scene."""
    run = str(run_in(folder).relative_to(folder))
    return [run if word == "RUN" else word for word in scene.words]


def campaign(folder: Path, count: int, seed: int, tell: Callable[[str], None]) -> dict[str, Counter[str]]:
    """Damage and type, many times.

    Args:
        folder: an empty one.
        count: of trials.
        seed: decides which, and how.
        tell: called with a line for each trial that is lost.

    Returns:
        By scene, how often each of `VERDICTS` was given.
    """
    made = states(folder / "states")
    expected = {}
    counts: dict[str, Counter[str]] = {name: Counter() for name in SCENES}
    for number, trial in enumerate(trials(made, count, seed)):
        if trial.scene not in expected:
            fresh_copy(made[SCENES[trial.scene].state], folder / "trial")
            undamaged = command(folder / "trial", words_of(SCENES[trial.scene], folder / "trial"))
            assert undamaged.code == 0, undamaged.text
            expected[trial.scene] = undamaged.numbers
        outcome = attempt(trial, made, folder / "trial", seed)
        makes = SCENES[trial.scene].makes
        verdict = outcome.verdict(expected[trial.scene], makes, Path(trial.file).name)
        counts[trial.scene][verdict] += 1
        if verdict in LOSSES:
            tell(f"{number}: {trial.scene}: {trial.damage}: {trial.file}: {verdict}\n{outcome.text[-3000:]}")
    return counts
