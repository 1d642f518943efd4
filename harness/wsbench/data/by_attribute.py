"""Images grouped by an attribute, such as the collection that they are from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from wsbench.types import Sample

COLLECTION = "collection"
"""The attribute that names an image's collection (a hospital, a release), in datasets that join several."""

UNKNOWN = "unknown"
"""The collection of images without the attribute, in datasets where other images have it."""

MAX_CLASSES = 3
"""Classes that a line about a collection names."""


def collections_of(samples: Iterable[Sample]) -> tuple[str, ...]:
    """Return the collection of every sample, `UNKNOWN` where a sample names none.

    The result is empty where no two collections are named, so that there is nothing to compare.
    """
    named = [sample.attributes.get(COLLECTION, "") for sample in samples]
    if len(set(named) - {""}) < 2:
        return ()
    return tuple(name or UNKNOWN for name in named)


def one_sided(samples: Sequence[Sample], classes: Sequence[str]) -> Iterator[str]:
    """Say of every collection whether all of its images have a class, or none of them.

    Args:
        samples: the images of the dataset.
        classes: the classes of the dataset. One that all images have, or none, is no matter of collections
            and is left out.

    Yields:
        A line for each collection that lacks one of the two labels of a class.
    """
    names = collections_of(samples)
    counts = Counter(names)
    having = Counter((name, label) for name, s in zip(names, samples, strict=False) for label in s.labels)
    total = Counter(label for sample in samples for label in sample.labels)
    divided = [label for label in classes if 0 < total[label] < len(samples)]
    for name, count in sorted(counts.items()):
        positive = {label: having[name, label] for label in divided}
        if words := one_label_words(count, positive):
            yield f"collection {name}: {words}"


def one_label_words(images: int, positive: Mapping[str, int]) -> str:
    """Say which classes all images of a group have, or none of them; empty where every class divides them.

    Args:
        images: the number of images of the group.
        positive: by class, how many of them have it.
    """
    every = [label for label, count in positive.items() if count == images]
    none = [label for label, count in positive.items() if count == 0]
    of_all = f"all {images} images have {_some(every)}" if images > 1 else f"its one image has {_some(every)}"
    of_none = f"none of {images} images has {_some(none)}"
    return "; ".join(words for words, labels in ((of_all, every), (of_none, none)) if labels)


def _some(labels: Sequence[str]) -> str:
    more = len(labels) - MAX_CLASSES
    return ", ".join(labels[:MAX_CLASSES]) + (f" and {more} more" if more > 0 else "")
