"""Finds the output of a model that stands for a class of a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import wsbench


def outputs_of(
    classes: Sequence[str], outputs: Sequence[str], labels: Mapping[str, str | int], model: str
) -> tuple[int, ...]:
    """Find the output of every class.

    Args:
        classes: the classes of the dataset.
        outputs: the names of the model's outputs. The name of an output that means nothing is empty.
        labels: the outputs that the user chose, by class. They are names or indices.
        model: the name of the model, for messages.

    Returns:
        The index of the output of each class, in the order of the classes.

    Raises:
        WsbenchError: a class has no output or several; the message names all such classes.
    """
    for name in labels:
        if name not in classes:
            raise wsbench.WsbenchError(
                f"labels: '{name}' is no class of this dataset; write '{{CLASS: OUTPUT}}'; "
                f"{wsbench.errors.suggestion(name, classes)}"
            )
    places_of = {name: _places(name, outputs, labels.get(name), model) for name in classes}
    without = [name for name, places in places_of.items() if not places]
    several = [name for name, places in places_of.items() if len(places) > 1]
    for words, names in (("no output is", without), ("several outputs are", several)):
        if names:
            raise wsbench.WsbenchError(
                f"{model}: {words} {', '.join(names)}; give -o labels='{{{names[0]}: OUTPUT}}' by name or "
                "place from 0"
            )
    return tuple(places[0] for places in places_of.values())


def _places(name: str, outputs: Sequence[str], chosen: str | int | None, model: str) -> list[int]:
    """The outputs that a class may be."""
    if chosen is None:
        same = wsbench.names.same_names(name, outputs)
        return [place for place, output in enumerate(outputs) if output in same]
    if str(chosen) in outputs:
        return [list(outputs).index(str(chosen))]
    if str(chosen).isdecimal():
        if int(chosen) < len(outputs):
            return [int(chosen)]
        raise wsbench.WsbenchError(f"labels: {model} has {len(outputs)} outputs; {chosen} is none of them")
    known = dict.fromkeys(filter(None, outputs))
    raise wsbench.WsbenchError(
        f"labels: {model} has no output '{chosen}'; {wsbench.errors.suggestion(str(chosen), known)}"
    )
