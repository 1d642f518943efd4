"""What was compared on what data, by which protocol, and the answer in a sentence or two."""

from __future__ import annotations

from dataclasses import dataclass

from wsbench.contract.specs import BoxSupervision
from wsbench.reports.labels import changed_of
from wsbench.reports.rows import Row
from wsbench.reports.web.document import Section, rendered
from wsbench.reports.web.report.subject import Subject
from wsbench.runs.evaluation_log import seen_here
from wsbench.scoring.compared import difference, verdict
from wsbench.scoring.objectives import OBJECTIVE

SUPERVISION = {
    BoxSupervision.NONE.value: "none",
    BoxSupervision.PAPER.value: "under protocol paper",
    BoxSupervision.FIT.value: "in training",
}
"""What a method uses annotated boxes for, by `BoxSupervision`."""


@dataclass(frozen=True)
class MethodLine:
    """A row of the table of methods.

    Attributes:
        place: its number in the ranked table.
        name, changed: its method, and its changed settings.
        summary: what the method is.
        boxes: what it uses annotated boxes for.
        citation: its publication.
        seeds: its seeds.
    """

    place: str
    name: str
    changed: str
    summary: str
    boxes: str
    citation: str
    seeds: str


def section(subject: Subject) -> Section:
    """The data, the protocol and the methods of a subject, and which of them is best."""
    methods = [_method(subject, index, row) for index, row in enumerate(subject.rows)]
    body = rendered(
        "report/opening.html",
        answers=answers(subject),
        facts=facts(subject),
        methods=methods,
        with_settings=any(method.changed for method in methods),
        left_out=subject.first.dataset.get("skipped", ()),
    )
    return Section(subject.anchor("compared"), "What was compared", body, group=subject.group)


def answers(subject: Subject) -> list[str]:
    """Which rows may be the best, and whether the best one is better than the best image-blind one."""
    board = subject.board
    winners = [row.label("uniform") for index, row in enumerate(board.rows) if _wins(subject, index)]
    sentences = []
    if winners and len(board.rows) > 1:
        listed = ", ".join(winners[:5]) + (f" and {len(winners) - 5} more" if len(winners) > 5 else "")
        sentences.append(f"No row is better by more than noise than: {listed}.")
    blind = subject.best_blind
    if blind is not None:
        ahead = next((index for index, row in enumerate(board.rows) if not row.is_blind), None)
        sentences += [] if ahead is None else _against(subject, ahead, blind)
    return sentences


def _wins(subject: Subject, index: int) -> bool:
    standing = subject.board.standings.get(index)
    return standing is not None and standing.winner


def _against(subject: Subject, index: int, blind: int) -> list[str]:
    """The verdict on the best row that looks at the image and the best image-blind one; none without their
    draws."""
    board, main = subject.board, subject.board.ranked_by
    estimates = [board.rows[row].estimate(main) for row in (index, blind)]
    first, second = estimates
    if first is None or second is None:
        return []
    labels = (board.rows[index].label("uniform"), board.rows[blind].label("uniform"))
    single = any(len(row.values) == 1 and not row.deterministic for row in (first, second))
    compared = difference(main, first, second, board.prior(main))
    return [f"Against the best image-blind row: {verdict(compared, labels, None, single=single)}"]


def facts(subject: Subject) -> list[tuple[str, str]]:
    """What the tables depend on, as terms and their values."""
    data, key = subject.first.dataset, subject.first.key
    spec = subject.plugins.datasets.get(data["name"])
    options = ", ".join(f"{name}={value}" for name, value in sorted(data["settings"].items()))
    folds = f"{data['folds']}-fold cross-validation" if data.get("folds") else ""
    seen = seen_here(subject.records)
    terms = {
        "Dataset": data["name"] + (f": {spec.summary}" if spec else ""),
        "Settings of the data": options,
        "Images": _counts(data["images"]),
        "Annotated boxes": _counts(data["boxes"]),
        "Classes": ", ".join(data["classes"]),
        "Roles": folds,
        "A subset": _subset(subject),
        "Ranked by": f"{subject.board.ranked_by}: {subject.board.metrics[subject.board.ranked_by].summary}",
        "Box rules chosen for": str(key.get("calibrated_for", OBJECTIVE)),
        "Protocol": f"version {key['protocol']}",
        "Fingerprint of the data": str(key["fingerprint"]),
        "Evaluations of this test split here": str(seen) if seen else "",
    }
    return [(term, value) for term, value in terms.items() if value]


def _counts(by_role: dict[str, int]) -> str:
    return ", ".join(f"{count} {role}" for role, count in by_role.items())


def _subset(subject: Subject) -> str:
    subset = subject.first.dataset.get("subset") or {}
    parts = [f"{split} has {present} of {release} images" for split, (present, release) in subset.items()]
    return f"{'; '.join(parts)}. Not comparable with the release" if parts else ""


def _method(subject: Subject, index: int, row: Row) -> MethodLine:
    record = row.first
    spec = subject.plugins.methods.get(record.method["name"])
    use = record.method.get("box_use", "")
    supervision = SUPERVISION.get(record.method["box_supervision"], record.method["box_supervision"])
    return MethodLine(
        place=subject.number_of(index),
        name=row.name("uniform"),
        changed=changed_of(record),
        summary=spec.summary if spec and not record.is_external else "",
        boxes=f"{supervision}: {use}" if use and supervision != "none" else supervision,
        citation=record.method.get("citation", ""),
        seeds=row.seeds,
    )
