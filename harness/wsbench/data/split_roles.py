"""Assigns roles by a split that a user brings: its names are checked against the dataset's images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from wsbench.data.folds import Fold, fold_of, shares_of_rest
from wsbench.data.image_names import ImageNames
from wsbench.data.split_files import MARK, VALIDATION, Sections, SplitFile
from wsbench.data.splits import Roles, assign_roles
from wsbench.errors import WsbenchError, suggestion
from wsbench.types import ROLES, Role, Sample


def fitted(split: SplitFile, samples: Sequence[Sample], left_out: Collection[str] = ()) -> SplitFile:
    """Return the split with the full names of images.

    A file may write a name with further folders before it (``CXR_png/0001.png``), without its folders, or
    without its suffix, as long as it fits one image alone.

    Args:
        split: as it was read.
        samples: the images of the dataset.
        left_out: the names of images that were left out for a problem. The file may name them.

    Raises:
        WsbenchError: a name fits no image, or several; or an image has two roles.
    """
    lookup = ImageNames([*(sample.name for sample in samples), *left_out])
    folds = {}
    for fold, sections in split.folds.items():
        where = f"{split.name}: {fold}: " if fold else f"{split.name}: "
        full = {
            section: tuple(_full(lookup, word, samples, where) for word in names)
            for section, names in sections.items()
        }
        _refuse_both(full, where)
        folds[fold] = {section: tuple(sorted(set(names))) for section, names in full.items()}
    if split.says_tested:
        _refuse_both({fold: sections["test"] for fold, sections in folds.items()}, f"{split.name}: ")
    return replace(split, folds=folds)


def _full(lookup: ImageNames, word: str, samples: Sequence[Sample], where: str) -> str:
    parts = word.replace("\\", "/").split("/")
    for first in range(len(parts)):
        if (name := lookup.full("/".join(parts[first:]))) in lookup:
            return name
    close = suggestion(parts[-1], [sample.name for sample in samples])
    raise WsbenchError(f"{where}'{word}' is the name of no image, or of several; {close}")


def _refuse_both(names_of: Mapping[str, Sequence[str]], where: str) -> None:
    seen: dict[str, str] = {}
    for section, names in names_of.items():
        for name in names:
            if seen.setdefault(name, section) != section:
                raise WsbenchError(
                    f"{where}{name} is in {seen[name]} and in {section}; leave it in one of them"
                )


def warnings_of(split: SplitFile, samples: Sequence[Sample]) -> Iterator[str]:
    """Say what a user should know of a split: patients and copies of images in two roles, and images that the
    file does not name. They change nothing: the split is the user's."""
    if split.says_tested:
        by_fold = {"": {name: fold for fold, sections in split.folds.items() for name in sections["test"]}}
        noun, consequence = "folds", "where one is tested, the others have no role"
    else:
        by_fold = {
            fold: {name: section for section, names in sections.items() for name in names}
            for fold, sections in split.folds.items()
            if split.fold in ("", fold)
        }
        noun, consequence = "roles", "scores may be too high"
    for fold, part_of in by_fold.items():
        if leaks := list(_leaks(part_of, samples, noun)):
            yield f"{split.name}: {f'{fold}: ' if fold else ''}{'; '.join(leaks)}; {consequence}"
            break
    named = {name for part_of in by_fold.values() for name in part_of}
    if unnamed := sum(sample.name not in named for sample in samples):
        yield f"{split.name}: does not name {unnamed} of {len(samples)} images; they have no role"


def _leaks(part_of: Mapping[str, str], samples: Sequence[Sample], parts: str) -> Iterator[str]:
    for noun, attribute in (("patients", "patient"), ("images with copies", "content")):
        names_of: dict[str, list[str]] = defaultdict(list)
        for sample in samples:
            value = getattr(sample, attribute)
            if value and sample.name in part_of:
                names_of[value].append(sample.name)
        shared = [names for names in names_of.values() if len({part_of[name] for name in names}) > 1]
        if shared:
            first = min(shared)
            where = " and ".join(sorted({part_of[name] for name in first}))
            yield f"{noun} in two {parts}: {len(shared)}, such as that of {first[0]} in {where}"


def roles_of(
    split: SplitFile,
    samples: Sequence[Sample],
    shares: Mapping[str, Mapping[Role, float]],
    fold: Fold | None,
    *,
    stratified: bool,
) -> Roles:
    """Assign roles by a split.

    Section ``validation`` is cut into two halves, select and calibrate, as folds are: patients and copies
    stay together and labels are spread evenly. A file with ``calibrate`` has ``validation`` for select alone.

    Args:
        split: with full names.
        samples: the images of the dataset.
        shares: the dataset's own shares, for folds that say only what they test.
        fold: the fold that is tested; None outside of a cross-validation.
        stratified: whether labels are spread evenly.

    Raises:
        WsbenchError: the split has folds and none was named, or a role would be empty.
    """
    if fold is None and split.has_folds:
        first = next(iter(split.folds))
        raise WsbenchError(f"{split.name}: has {len(split.folds)} folds; name one: {split.name}{MARK}{first}")
    names = list(split.folds)
    sections = split.folds[split.fold if fold is None else names[fold.number - 1]]
    if list(sections) == ["test"]:
        return _by_tested(split, sections, samples, shares, stratified=stratified)
    by_name = {sample.name: sample for sample in samples}
    members = {role: [name for name in sections.get(role, ()) if name in by_name] for role in ROLES}
    held_out = [by_name[name] for name in sections.get(VALIDATION, ()) if name in by_name]
    if held_out and members["calibrate"]:
        members["select"] += [sample.name for sample in held_out]
    elif held_out:
        halves = fold_of(held_out, 2, stratified=stratified)
        for sample in held_out:
            members["select" if halves[sample.name] == 1 else "calibrate"].append(sample.name)
    if empty := [role for role in ROLES if not members[role]]:
        raise WsbenchError(
            f"{split.name}: has no image for role {', '.join(empty)}; name some, or write {VALIDATION}, "
            "which is cut into select and calibrate"
        )
    return Roles({role: tuple(sorted(of_role)) for role, of_role in members.items()}, {})


def _by_tested(
    split: SplitFile,
    sections: Sections,
    samples: Sequence[Sample],
    shares: Mapping[str, Mapping[Role, float]],
    *,
    stratified: bool,
) -> Roles:
    """One fold is tested, and the others are divided by the shares of the splits that are trained on."""
    tested = set(sections["test"])
    named = {name for of_fold in split.folds.values() for names in of_fold.values() for name in names}
    divided = [
        replace(sample, split="test" if sample.name in tested else "rest")
        for sample in samples
        if sample.name in named
    ]
    of_split = {"test": {"test": 1.0}, "rest": shares_of_rest(shares)}
    return assign_roles(divided, of_split, stratified=stratified)  # type: ignore[arg-type]  # role is Literal
