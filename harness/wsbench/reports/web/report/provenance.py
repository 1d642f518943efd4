"""Where the numbers come from: versions, machines, keys and hashes, and the commands that make them again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsbench import __version__
from wsbench.contract import records
from wsbench.contract.records import Record
from wsbench.files import checksums
from wsbench.reports.web.document import Section, rendered
from wsbench.reports.web.report.commands import command_of
from wsbench.reports.web.report.subject import Subject
from wsbench.runs.evaluation_log import times_of

HASH_CHARACTERS = 12
"""Characters of a sha256 that are shown."""

FOLDER_PARTS = 4
"""Of a run's path: the folder of all runs, dataset, method, and seed with the key. Those before name the
machine's folders, and its user maybe."""

HEADER = ("row", "seed", "run", "scored (UTC)", "training", "sha256 of record.json", "wsbench", "source",
          "Python", "platform", "device", "threads", "seconds", "peak MB")  # fmt: skip


@dataclass(frozen=True)
class Versions:
    """The versions of a package in the runs of a report."""

    package: str
    versions: str


def section(subject: Subject) -> Section:
    """The provenance of every run of a subject, and the commands that make them again."""
    lines = []
    for index, row in enumerate(subject.rows):
        lines += [_line(subject.number_of(index), record) for record in row.records]
    known = [place for place in range(len(HEADER)) if any(line[place] != "-" for line in lines)]
    body = rendered(
        "report/provenance.html",
        header=[HEADER[place] for place in known],
        lines=[[line[place] for place in known] for line in lines],
        versions=_versions(subject.records),
        commands=[
            (subject.number_of(index), command_of(row, subject.plugins))
            for index, row in enumerate(subject.rows)
        ],
        fingerprint=subject.first.key["fingerprint"],
    )
    return Section(subject.anchor("provenance"), "Provenance", body, group=subject.group)


def again(command: str) -> Section:
    """The command that makes the report again.

    Args:
        command: what to type.
    """
    body = rendered("report/again.html", command=command, wsbench=__version__)
    return Section("again", "This report again", body)


def shown_folder(folder: Path) -> Path:
    """A run's folder without the folders above that of all runs."""
    return Path(*[part for part in folder.parts if part != folder.anchor][-FOLDER_PARTS:])


def without_folders(message: str) -> str:
    """A message without the folders of this machine: of every absolute path, its last part alone."""
    return _PATH.sub(lambda path: re.split(r"[/\\]", path[0])[-1], message)


_PATH = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?(?:[/\\][^\s/\\:;,'\"]+)+")


def _line(number: str, record: Record) -> list[str]:
    made = record.provenance
    git = made.get("git") or {}
    source = f"{git['commit'][:HASH_CHARACTERS]}{', changed' if git.get('changed') else ''}" if git else "-"
    folder, times = record.folder, times_of(record)
    in_run = folder is not None and (folder / records.FILE).exists()
    return [
        number,
        str(record.seed),
        str(shown_folder(folder)) if folder is not None and in_run else "-",
        times[-1][:16].replace("T", " ") if times else "-",
        record.training or "-",
        checksums.of_file(folder / records.FILE)[:HASH_CHARACTERS] if folder is not None and in_run else "-",
        str(made.get("versions", {}).get("wsbench", "-")),
        source,
        str(made.get("python", "-")),
        str(made.get("platform", "-")),
        _device(record),
        str(made.get("threads") or "-"),
        f"{sum(_numbers(record.stages, 'seconds')):.0f}",
        f"{max(_numbers(record.stages, 'peak_megabytes'), default=0):.0f}",
    ]


def _device(record: Record) -> str:
    hardware = (record.efficiency or {}).get("hardware", "")
    return f"{record.provenance.get('device', '-')}{f' ({hardware})' if hardware else ''}"


def _numbers(stages: Mapping[str, Any], name: str) -> list[float]:
    values = [stage.get(name) for stage in stages.values() if isinstance(stage, Mapping)]
    return [float(value) for value in values if isinstance(value, int | float)]


def _versions(of_records: Iterable[Record]) -> list[Versions]:
    """The versions of every package, where runs differ all of them."""
    by_package: dict[str, dict[str, None]] = {}
    for record in of_records:
        for package, version in record.provenance.get("versions", {}).items():
            by_package.setdefault(package, {})[str(version)] = None
    return [Versions(package, ", ".join(versions)) for package, versions in by_package.items()]
