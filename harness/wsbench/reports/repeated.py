"""Rows that repeat over a setting, such as the seed of the last layer alone, instead of over base seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from wsbench.contract.records import Record
from wsbench.contract.specs import MethodSpec
from wsbench.errors import WsbenchError, choose
from wsbench.reports.rows import row_key

REPEATED = "repeated"
"""The value of the setting in the label of a row."""


@dataclass(frozen=True)
class RepeatOver:
    """A setting that rows repeat over.

    Attributes:
        setting: its name. The spec of every method that has it says that it repeats (`MethodSpec.repeats`).
        methods: all methods by name.
    """

    setting: str
    methods: Mapping[str, MethodSpec]

    def __post_init__(self) -> None:
        repeating = dict.fromkeys(name for spec in self.methods.values() for name in spec.repeats)
        choose(self.setting, repeating, "setting that rows repeat over")

    def collected(self, records: Sequence[Record]) -> list[Record]:
        """Return records whose seed is the value of the setting, so that those that differ in it alone are
        one row. Records of methods without the setting stay as they are.

        Args:
            records: the records of any rows.

        Raises:
            WsbenchError: the base seeds of a row differ, too.
        """
        result = [self._collected(record) for record in records]
        base_seeds: dict[str, set[int]] = defaultdict(set)
        for before, after in zip(records, result, strict=True):
            base_seeds[row_key(after)].add(before.seed)
            if after is not before and len(base_seeds[row_key(after)]) > 1:
                seeds = ", ".join(map(str, sorted(base_seeds[row_key(after)])))
                raise WsbenchError(
                    f"{before.method['name']}: seeds {seeds}: a row repeats over {self.setting} or "
                    "over seeds; name runs of one seed"
                )
        return result

    def _collected(self, record: Record) -> Record:
        spec = self.methods.get(record.method["name"])
        if spec is None or self.setting not in spec.repeats:
            return record
        default = spec.settings.model_fields[self.setting].default
        settings, changed = dict(record.method["settings"]), dict(record.method["changed"])
        seed = settings.pop(self.setting, default)
        changed[self.setting] = REPEATED
        method = {**record.method, "settings": settings, "changed": changed}
        return replace(record, method=method, seed=seed, planned_seeds=())
