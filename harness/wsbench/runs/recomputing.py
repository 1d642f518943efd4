"""Computes the numbers of a leaderboard's records again from the predictions beside them."""

from __future__ import annotations

import functools
import json
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wsbench.contract import plugins, record_files, records
from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.data.kinds import with_own_datasets
from wsbench.errors import WsbenchError
from wsbench.runs import by_collection, replay, seals
from wsbench.runs.record_samples import Sampling
from wsbench.runs.rescoring import dataset_as_described
from wsbench.runs.value_differences import unlike
from wsbench.utils.progress import Progress, Silent
from wsbench.utils.workers import in_order

CHUNK = 4
"""Records that a process computes before it is given more."""


@dataclass(frozen=True)
class Replayed:
    """What came of the records of a leaderboard.

    Attributes:
        differences: by the file of a record, what does not follow from its predictions.
        missing: by dataset that cannot be loaded here, why; its records were not computed again.
        equal: how many records say what their predictions say.
        records: how many there are.
        chosen: how many were to be computed again: all of them, without a sample.
    """

    differences: Mapping[Path, Sequence[str]]
    missing: Mapping[str, str]
    equal: int
    records: int
    chosen: int


def replay_all(
    folder: Path,
    plugin_files: Sequence[Path],
    progress: Progress,
    *,
    update: bool = False,
    sampling: Sampling | None = None,
) -> Replayed:
    """Compute every record's numbers again, in as many processes as there are cores.

    Args:
        folder: of all leaderboards.
        plugin_files: Python files to find further plugins in.
        progress: where long work is shown.
        update: write the records with what was computed, instead of saying how they differ.
        sampling: which records are computed again; None for all of them. Of every other one it is only
            looked whether it is the record that was submitted with its predictions.

    Raises:
        WsbenchError: a file is no record, or the sampling names a commit that git does not know.
    """
    paths = record_files.in_leaderboards(folder)
    kinds: dict[Path, tuple[str, str]] = {}
    data: dict[Path, tuple[str, str]] = {}
    for path in paths:
        record = records.load(path)
        kinds[path] = record.dataset["name"], record.method["name"]
        data[path] = record.dataset["name"], record.key["fingerprint"]
    chosen = set(paths) if sampling is None else sampling.choose(kinds, folder, plugins.find(plugin_files))
    differences = {
        path: lines for path in paths if path not in chosen and (lines := _differences_of_seal(path))
    }
    by_data: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in paths:
        if path in chosen:
            by_data[data[path]].append(path)
    chunks = [
        of_data[start : start + CHUNK]
        for of_data in by_data.values()
        for start in range(0, len(of_data), CHUNK)
    ]
    files = tuple(str(file.absolute()) for file in plugin_files)
    replay_chunk = functools.partial(_replay, plugin_files=files, update=update, call=uuid.uuid4().hex)
    # A process may outlive a change of the working directory, in which relative paths lead elsewhere.
    work = in_order(replay_chunk, [[path.absolute() for path in chunk] for chunk in chunks], processes=True)
    missing: dict[str, str] = {}
    equal = 0
    with progress.task("computing records again", len(chosen)) as advance:
        for chunk, result in zip(chunks, work, strict=True):
            if isinstance(result, str):
                missing[chunk[0].parent.name] = result
            else:
                differences |= {path: lines for path, lines in zip(chunk, result, strict=True) if lines}
                equal += sum(not lines for lines in result)
            advance(len(chunk))
    return Replayed(differences, missing, equal, len(paths), len(chosen))


def _differences_of_seal(path: Path) -> list[str]:
    """Whether a record is the one that was submitted with its predictions: nothing, if it is."""
    try:
        return list(seals.differences_of_seal(path))
    except WsbenchError as error:
        return [str(error)]


def _replay(
    paths: Sequence[Path], plugin_files: tuple[str, ...], update: bool, call: str
) -> list[list[str]] | str:
    """The differences of each record, none where it was updated; why, where their dataset cannot be
    loaded."""
    first = records.load(paths[0])
    try:
        described = json.dumps(first.dataset, sort_keys=True)
        known, loaded = _dataset(described, str(first.folder), plugin_files, call)
    except WsbenchError as error:
        return str(error)
    result = []
    for path in paths:
        try:
            if update:
                record = _recomputed(path, loaded, known)
                predictions = record_files.predictions_beside(path)
                target = path.with_name(record_files.stem_of(path) + record_files.COMPRESSED)
                records.write(record, target)
                seals.seal(predictions, predictions, target)
            result.append([] if update else _differences(path, loaded, known))
        except WsbenchError as error:
            result.append([str(error)])
    return result


@functools.lru_cache(maxsize=1)  # records of one dataset follow each other, and loading it takes seconds
def _dataset(described: str, place: str, plugin_files: tuple[str, ...], call: str) -> tuple[Plugins, Loaded]:
    """The plugins and the dataset that a record describes, in JSON. A process outlives a call of
    `replay_all`, before whose successor files may change, so each call has a name of its own."""
    known = with_own_datasets(plugins.find([Path(file) for file in plugin_files]))
    return known, dataset_as_described(json.loads(described), known, Silent(), None, Path(place))


def _recomputed(path: Path, loaded: Loaded, known: Plugins) -> Record:
    before = records.load(path)
    record = replay.recomputed(path, before, loaded, known.metrics)
    collections = by_collection.recomputed(path, before, loaded, known.metrics)
    if collections is None:
        return record
    uniform = {**record.protocols["uniform"], by_collection.KEY: collections}
    return replace(record, protocols={**record.protocols, "uniform": uniform})


def _differences(path: Path, loaded: Loaded, known: Plugins) -> list[str]:
    record = records.load(path)
    return [
        *replay.differences(path, record, loaded, known.metrics),
        *differences_by_collection(path, record, loaded, known),
        *_removed_marks(record, known),
    ]


def differences_by_collection(path: Path, record: Record, loaded: Loaded, known: Plugins) -> list[str]:
    """What a record says of collections that does not follow from the predictions beside it.

    Args:
        path: the record's file; its predictions lie beside it under the same name.
        record: the record, as it was read from there.
        loaded: its dataset.
        known: the plugins whose metrics are computed.
    """
    again = by_collection.recomputed(path, record, loaded, known.metrics)
    if again is None:
        return []
    return list(unlike(record.protocols["uniform"][by_collection.KEY], again, "uniform: collections"))


def _removed_marks(record: Record, known: Plugins) -> Iterator[str]:
    """What a record says of its method that the method does not say of itself: tables mark rows that see
    boxes, or that never look at the image. External programs declare it themselves."""
    spec = known.methods.get(record.method["name"])
    if spec is None or record.is_external:
        return
    declared = {
        "box_supervision": spec.box_supervision.value,
        "reads_image": spec.reads_image,
        "deterministic": spec.deterministic,
    }
    for name, value in declared.items():
        if (said := record.method.get(name, value)) != value:
            yield f"method: {name} is {said}; {spec.name} declares {value}"
