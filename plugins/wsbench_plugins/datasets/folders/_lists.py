"""Lists of image names, one file for every split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import wsbench


def splits_of_lists(
    lists: Mapping[str, str],
    root: Path,
    known: Iterable[str],
    file: str,
    problems: list[wsbench.Problem],
) -> dict[str, str]:
    """The split of every image that a list names. Images in no list are passed over.

    Args:
        lists: a text file for every split, inside ``root``.
        root: the dataset's folder.
        known: the names of all images, as ``file`` writes them.
        file: the annotations.
        problems: to which names are added that several lists have, or that ``file`` has not.
    """
    pairs = []
    names = Names(known)
    for split, list_file in lists.items():
        text = wsbench.images.read_text(root / list_file)
        for number, line in enumerate(text.splitlines(), start=1):
            if not (word := line.strip()):
                continue
            if (name := names.full(word)) is None:
                what = f"names {word}, which {file} does not"
                problems.append(wsbench.Problem(f"{list_file}, line {number}", what, "name of no image"))
            else:
                pairs.append((name, split))
    split_of, in_both = wsbench.one_value_each(pairs)
    for name, splits in in_both.items():
        what = f"{name} is in the lists of {' and '.join(splits)}"
        problems.append(wsbench.Problem(lists[splits[0]], what, "in two lists", (name,)))
    return split_of


class Names:
    """Names of images, also without their suffixes, as lists often have them.

    Args:
        names: in full.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._by_form: dict[str, set[str]] = defaultdict(set)
        for name in names:
            self._by_form[name].add(name)
            self._by_form[name.rpartition(".")[0]].add(name)

    def full(self, word: str) -> str | None:
        """The name that a word is; None where it is none, or may be several."""
        fitting = self._by_form.get(word, set())
        return word if word in fitting else next(iter(fitting)) if len(fitting) == 1 else None
