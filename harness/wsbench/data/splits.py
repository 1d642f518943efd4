"""Assigns the four roles of the protocol by names, labels and content hashes. The order of samples does not
matter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wsbench.errors import WsbenchError
from wsbench.types import ROLES, Role, Sample
from wsbench.utils.hashing import seed_from


@dataclass(frozen=True)
class Roles:
    """The roles of samples.

    Attributes:
        members: for each role, the sorted names of its samples.
        left_out: for each name without a role, the reason.
    """

    members: Mapping[Role, tuple[str, ...]]
    left_out: Mapping[str, str]


def assign_roles(
    samples: Iterable[Sample], shares: Mapping[str, Mapping[Role, float]], *, stratified: bool = True
) -> Roles:
    """Assign a role to every sample.

    Samples that share a patient or an image file form a group and get the same role. Within an official
    split (and stratum, if ``stratified``), groups are ordered by a hash of their first name and cut by the
    shares of the split. A group that reaches into several official splits would leak, so that only its
    samples in the split with the largest test share get a role.

    Args:
        samples: the samples, in any order.
        shares: for each official split, the share of each role; the shares of a split sum to 1.
        stratified: whether the shares hold within each stratum (labels and `Sample.stratum`).

    Raises:
        WsbenchError: an official split has no shares, or a role would be empty.
    """
    members: dict[Role, list[str]] = {role: [] for role in ROLES}
    left_out: dict[str, str] = {}
    strata: dict[tuple[str, str, tuple[str, ...]], list[list[Sample]]] = defaultdict(list)
    for group in groups(sorted(samples, key=lambda sample: sample.name)):
        remaining = _without_leak(group, shares, left_out)
        first = remaining[0]
        stratum = stratum_of(first) if stratified else ("", ())
        strata[first.split, *stratum].append(remaining)
    for (split, _, _), groups_of_stratum in sorted(strata.items()):
        for role, group in _cut(groups_of_stratum, _shares_of(split, shares)):
            members[role].extend(sample.name for sample in group)
    empty = [role for role in ROLES if not members[role]]
    if empty:
        raise WsbenchError(f"no image is left for role {', '.join(empty)}; the dataset is too small")
    return Roles({role: tuple(sorted(names)) for role, names in members.items()}, left_out)


def stratum_of(sample: Sample) -> tuple[str, tuple[str, ...]]:
    """Return the stratum of a sample: its `Sample.stratum` and its labels."""
    return sample.stratum, tuple(sorted(sample.labels))


def groups(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Group samples that are connected by equal patients or equal contents.

    Args:
        samples: the samples; every group keeps their order.
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # The graph has a node for every sample, patient and content; edges connect samples with their two others.
    node_of: dict[tuple[str, str], int] = {}
    edges = []
    for row, sample in enumerate(samples):
        for kind, value in (("content", sample.content or None), ("patient", sample.patient)):
            if value is not None:
                node = node_of.setdefault((kind, value), len(samples) + len(node_of))
                edges.append((row, node))
    nodes = len(samples) + len(node_of)
    ends = np.array(edges, dtype=np.intp).reshape(-1, 2).T
    graph = coo_array((np.ones(len(edges), dtype=np.int8), (ends[0], ends[1])), shape=(nodes, nodes))
    _, component = connected_components(graph, directed=False)
    members: dict[int, list[Sample]] = defaultdict(list)
    for sample, number in zip(samples, component[: len(samples)].tolist(), strict=True):
        members[number].append(sample)
    return list(members.values())


def _without_leak(
    group: list[Sample], shares: Mapping[str, Mapping[Role, float]], left_out: dict[str, str]
) -> list[Sample]:
    """Return the samples of a group that get a role: all, or, if the group spans several splits, those in the
    split with the largest test share."""
    if len({sample.split for sample in group}) == 1:
        return group

    def tested_share(split: str) -> tuple[float, str]:
        return _shares_of(split, shares).get("test", 0.0), split

    tested = max((sample.split for sample in group), key=tested_share)
    for sample in group:
        if sample.split != tested:
            left_out[sample.name] = f"the same image or patient is in split '{tested}'"
    return [sample for sample in group if sample.split == tested]


def _shares_of(split: str, shares: Mapping[str, Mapping[Role, float]]) -> Mapping[Role, float]:
    if split not in shares:
        raise WsbenchError(f"official split '{split}' has no roles; write them in datasets.yaml")
    return shares[split]


def _cut(groups: list[list[Sample]], shares: Mapping[Role, float]) -> Iterable[tuple[Role, list[Sample]]]:
    """Cut ordered groups into roles, such that each role gets its share of the samples as nearly as
    possible."""
    ordered = sorted(groups, key=lambda group: (seed_from("role", group[0].name), group[0].name))
    total = sum(map(len, ordered))
    roles = [role for role in ROLES if shares.get(role, 0.0) > 0]
    before, done = 0.0, 0
    bounds = []
    for role in roles:
        before += shares[role]
        bounds.append(round(before * total))
    position = 0
    for group in ordered:
        while position < len(roles) - 1 and done >= bounds[position]:
            position += 1
        yield roles[position], group
        done += len(group)
