"""Which folds a command makes: a number of folds, those of a split file, or a group left out at a time."""

from __future__ import annotations

from dataclasses import replace

from wsbench.data.dataset import Loaded
from wsbench.data.folds import Fold, all_folds
from wsbench.data.left_out import fold_without, folds_by, warnings_of
from wsbench.errors import WsbenchError


def leaving_out(loaded: Loaded, words: str) -> Loaded:
    """Return the same data with the roles of a group that is left out, and say what is odd about it.

    Args:
        loaded: the dataset, with its own roles.
        words: a collection, such as ``shenzhen``, or an attribute with its value, such as ``sex:F``.

    Raises:
        WsbenchError: there is no such group, or a split file assigns the roles.
    """
    if loaded.split is not None:
        raise WsbenchError(
            f"leave_out={words}: goes with the dataset's own roles; leave out split={loaded.split.name}"
        )
    fold = fold_without(loaded.samples, words)
    for line in warnings_of(loaded.samples, loaded.dataset.classes, fold):
        loaded.progress.say(f"{loaded.spec.name}: {line}")
    return replace(loaded, fold=fold)


def folds_of(loaded: Loaded, words: int | str | None) -> tuple[Fold, ...] | None:
    """Return the folds of a cross-validation; None where there is none to make.

    Args:
        loaded: the dataset.
        words: the number of folds, or the attribute of samples whose values are left out in turn; None for
            the split file's folds, if it has any.

    Raises:
        WsbenchError: the split file has another number of folds, or none; one group is left out already; or
            no image has the attribute.
    """
    count = _number(words)
    if loaded.split is not None:
        return _of_split(loaded, words)
    if words is None:
        return None
    if loaded.fold is not None:
        raise WsbenchError(f"--folds {words}: {loaded.fold.words}; leave out one of --folds and leave_out")
    if count is not None:
        return tuple(all_folds(count))
    folds = folds_by(loaded.samples, str(words))
    for fold in folds:
        _ = loaded.of_fold(fold).roles  # refused before the first of them is trained
    return folds


def _of_split(loaded: Loaded, words: int | str | None) -> tuple[Fold, ...] | None:
    assert loaded.split is not None
    count = len(loaded.split.folds) if loaded.split.has_folds else None
    if words is not None and (count is None or _number(words) != count):
        has = f"{count} folds" if count else "roles and no folds"
        raise WsbenchError(f"{loaded.split.name}: has {has}; leave out --folds {words}")
    return None if count is None else tuple(all_folds(count))


def _number(words: int | str | None) -> int | None:
    """The number of folds that is meant; None where an attribute is."""
    if isinstance(words, str):
        return int(words) if words.lstrip("-").isdecimal() else None
    return words
