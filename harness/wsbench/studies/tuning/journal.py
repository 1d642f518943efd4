"""A study of Optuna in a file that several processes share, and that survives the kill of any of them."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from filelock import FileLock, Timeout

from wsbench.errors import WsbenchError
from wsbench.files.locks import held_for_a_moment
from wsbench.studies.tuning.form import PrunerForm, SamplerForm, Scalar
from wsbench.studies.tuning.space import Choices, Dimension, Space
from wsbench.utils.hashing import seed_from

if TYPE_CHECKING:
    import optuna

JOURNAL = "journal.jsonl"
"""Every step of the study, one a line, as Optuna's JournalStorage writes it."""

POLL_SECONDS = 1.0
"""Seconds between two looks at the trials of other processes."""

STUDY = "wsbench"
"""The name of the only study in a journal."""


@dataclass(frozen=True)
class Search:
    """How a study searches.

    Attributes:
        space: the values of every setting.
        sampler, pruner: the algorithms.
        seed_of: names that the random numbers of the study depend on.
    """

    space: Space
    sampler: SamplerForm
    pruner: PrunerForm
    seed_of: tuple[str | int, ...]


@dataclass(frozen=True)
class Claim:
    """A trial that this process carries out.

    Attributes:
        trial: Optuna's.
        values: the values of the searched settings.
    """

    trial: optuna.Trial
    values: Mapping[str, Scalar]


class Journal:
    """A study in a folder.

    A trial belongs to the process that holds its lock. A lock dies with its process, so a trial that runs and
    whose lock is free was left by a process that has ended. It goes on under the same number.

    Args:
        folder: of the study.
        search: how it searches.
    """

    def __init__(self, folder: Path, search: Search) -> None:
        import optuna
        from optuna.storages.journal import JournalFileBackend

        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._search = folder, search
        lock = _JournalLock(folder / JOURNAL)
        backend = JournalFileBackend(str(folder / JOURNAL), lock)  # type: ignore[arg-type]  # its base is private
        with self._alone():
            self._storage = optuna.storages.JournalStorage(backend)
            self.study = optuna.create_study(
                storage=self._storage,
                study_name=STUDY,
                direction="maximize",
                pruner=_pruner(search.pruner),
                load_if_exists=True,
            )

    def trials(self) -> list[optuna.trial.FrozenTrial]:
        """All trials, in the order of their numbers."""
        return self.study.get_trials(deepcopy=False)

    @contextmanager
    def claim(self, count: int, say: Callable[[str], None]) -> Iterator[Claim | None]:
        """A trial that has been left unfinished, or a new one; None when ``count`` trials have ended.

        Args:
            count: how many trials the study is to have.
            say: called with a line when a trial goes on, or when other processes are waited for.
        """
        waited = False
        while True:
            with self._alone():
                lock, claim = self._next(count, say)
                others = [trial.number for trial in self.trials() if not trial.state.is_finished()]
            if claim is not None or not others:
                break
            if not waited:
                say(f"waiting for other processes, which carry out trial {', '.join(map(str, others))}")
                waited = True
            time.sleep(POLL_SECONDS)
        try:
            yield claim
        finally:
            if lock is not None:
                lock.release()

    def seed(self, number: int, name: str) -> int:
        """The seed by which a trial's value of a setting is drawn. It depends on names and the trial's number
        alone, so that a study gives the same after a kill, and two processes never draw the same."""
        return seed_from("tune", *self._search.seed_of, number, name) % 2**32

    def _alone(self) -> AbstractContextManager[None]:
        return held_for_a_moment(self._folder / "study.lock")

    def _next(self, count: int, say: Callable[[str], None]) -> tuple[FileLock | None, Claim | None]:
        trials = self.trials()
        for frozen in trials:
            if not frozen.state.is_finished() and (lock := self._lock_of(frozen.number)):
                say(f"trial {frozen.number} goes on")
                return lock, self._resumed(frozen.number)
        if len(trials) >= count:
            return None, None
        trial = self.study.ask()
        return self._lock_of(trial.number), self._with_values(trial)

    def _lock_of(self, number: int) -> FileLock | None:
        """The lock of a trial; None while another process holds it."""
        folder = self._folder / "running"
        folder.mkdir(exist_ok=True)
        lock = FileLock(folder / f"{number}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            return None
        return lock

    def _resumed(self, number: int) -> Claim:
        import optuna

        study_id = self._storage.get_study_id_from_name(STUDY)
        trial_id = self._storage.get_trial_id_from_study_id_trial_number(study_id, number)
        return self._with_values(optuna.Trial(self.study, trial_id))

    def _with_values(self, trial: optuna.Trial) -> Claim:
        """A trial with all its values. Those that it has already stay."""
        values = {}
        for name, dimension in self._search.space.items():
            self.study.sampler = _sampler(self._search.sampler, self.seed(trial.number, name))
            values[name] = _suggest(trial, name, dimension)
        return Claim(trial, values)


def _suggest(trial: optuna.Trial, name: str, dimension: Dimension) -> Scalar:
    if isinstance(dimension, Choices):
        return cast(Scalar, trial.suggest_categorical(name, dimension.values))
    if dimension.whole:
        low, high = (int(end) for end in dimension.extremes)
        return trial.suggest_int(name, low, high, step=int(dimension.step or 1), log=dimension.log)
    return trial.suggest_float(name, dimension.low, dimension.high, step=dimension.step, log=dimension.log)


def _sampler(form: SamplerForm, seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    if form.name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    # Settings are drawn one by one, as in Optuna 4, which CLARiTY used (section 3.15). Each has its own seed,
    # so a process that is killed between two of them changes neither. Trials of other processes count as bad
    # ones while they run (constant_liar), so that two processes seldom try the same.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the last argument was experimental in Optuna 4
        return optuna.samplers.TPESampler(
            n_startup_trials=form.startup_trials,
            n_ei_candidates=form.candidates,
            multivariate=False,
            seed=seed,
            constant_liar=True,
        )


def _pruner(form: PrunerForm) -> optuna.pruners.BasePruner:
    import optuna

    makers: Mapping[str, Callable[[], optuna.pruners.BasePruner]] = {
        "none": optuna.pruners.NopPruner,
        "median": lambda: optuna.pruners.MedianPruner(form.startup_trials, form.warmup_epochs),
        "halving": optuna.pruners.SuccessiveHalvingPruner,
        "hyperband": optuna.pruners.HyperbandPruner,
    }
    return makers[form.name]()


class _JournalLock:
    """A lock of the journal that ends with its process.

    Optuna's own lock is waited for 30 seconds after a kill. It also leaves the half line of a process that
    was killed while it wrote, and nobody can read the lines behind that one.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._lock = FileLock(journal.with_suffix(".lock"))

    def acquire(self) -> bool:
        self._lock.acquire()
        _cut_unfinished_line(self._journal)
        return True

    def release(self) -> None:
        self._lock.release()


def _cut_unfinished_line(path: Path) -> None:
    """Remove what stands after the last line break."""
    with path.open("rb+") as file:
        content = file.read()
        if content and not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """A block in which Optuna prints no lines of its own, and the error that says that it is not installed.

    Raises:
        WsbenchError: Optuna is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise WsbenchError("tuning needs Optuna; install it by `pip install 'wsbench[tune]'`") from None
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
