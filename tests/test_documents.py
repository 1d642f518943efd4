"""Numbers in README and docs: each is the one that stands in the leaderboards."""

from __future__ import annotations

import itertools
import re
import runpy
from pathlib import Path

import pytest

from conftest import METRICS

ROOT = Path(__file__).parents[1]


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_tables_of_documents_are_the_leaderboards() -> None:
    """`python docs/tables.py` changes nothing."""
    tables = runpy.run_path(str(ROOT / "docs" / "tables.py"))
    documents = tables["documents"]()
    assert {"README.md", "tbva_gan.md", "saliency_cnn.md", "cam.md", "clarity.md"} <= {
        d.name for d in documents
    }
    for document in documents:
        text = document.read_text(encoding="utf-8")
        assert tables["filled"](text) == text, document
        edited = text.replace("| 0.", "| 1.")
        assert tables["filled"](edited) != edited, document


def first_table(text: str, start: str = "| method |") -> list[list[str]]:
    """Header, rule and rows of the first table that starts so."""
    lines = text[text.index(start) :].splitlines()
    return [cells(line) for line in itertools.takewhile(lambda line: line.startswith("| "), lines)]


def test_what_translation_did_is_what_its_records_say() -> None:
    """Means over seeds of facts of the select role, in TBVA-GAN's document."""
    from wsbench.reports import leaderboard
    from wsbench.reports.rows import ranked

    text = (ROOT / "docs" / "tbva_gan.md").read_text(encoding="utf-8")
    (fingerprint,) = re.findall("Data `(.*?)`", phantom_page())[:1]
    records = leaderboard.read_records(ROOT / "leaderboards", METRICS)["phantom"]
    of_table = [record for record in records if record.key["fingerprint"] == fingerprint]
    found = {row.label("uniform"): row for row in ranked(of_table, METRICS)}
    header, _, *rows = first_table(text, "| translation |")
    assert len(rows) >= 5
    for name, *values in rows:
        facts = [record.method["facts"] for record in found[name].records]
        for heading, value in zip(header[1:], values, strict=True):
            fact = heading.strip("`")
            mean = sum(one[fact] for one in facts) / len(facts)
            assert f"{mean:.{len(value.partition('.')[2])}f}" == value, (name, heading)


def phantom_page() -> str:
    return (ROOT / "leaderboards" / "phantom.md").read_text(encoding="utf-8")


def readme_rows() -> dict[str, dict[str, str]]:
    header, *rows = first_table(readme())
    return {row[0]: dict(zip(header, row, strict=True)) for row in rows[1:]}


def mean(cell: str) -> str:
    return cell.split(" ± ", maxsplit=1)[0]


def test_what_the_readme_says_of_the_floor_is_what_its_table_says() -> None:
    rows = readme_rows()
    floors = [rows["prior_boxes †‡"], rows["two_lungs †"]]
    for floor in floors:  # nothing is surely better than either
        assert floor["rank"].startswith("**1")
    words, closest = " ".join(readme().split()), ("tbva_gan (quick)", "saliency_cnn (quick)")
    for network in closest:
        low, high = map(float, rows[network]["cond_gain 95 %"].split(" to "))
        assert low < 0 < high
    gains = [mean(page_rows()[network]["cond_gain"]) for network in closest]
    assert f"their `cond_gain`, is {' and '.join(gains)}, and the interval of either reaches below 0" in words
    student, blind = rows["kd_student (quick)"], rows["prior_boxes †‡"]
    assert float(mean(student["cond_ap25"])) < float(mean(blind["cond_ap25"]))
    assert f"kd_student's {mean(student['ap25'])} stands far above the {blind['ap25']} of" in words
    for network in ("kd_teacher (quick)", "kd_student (quick)", "saliency_cnn (quick)"):
        assert float(mean(rows[network]["auc"])) == pytest.approx(0.98, abs=0.005)


def page_rows() -> dict[str, dict[str, str]]:
    return runpy.run_path(str(ROOT / "docs" / "tables.py"))["rows_of"](phantom_page(), "uniform")


def test_the_spread_of_grad_cam_in_the_readme_is_that_of_its_seeds() -> None:
    from wsbench.reports import leaderboard
    from wsbench.reports.rows import ranked

    (fingerprint,) = re.findall("Data `(.*?)`", phantom_page())[:1]
    records = leaderboard.read_records(ROOT / "leaderboards", METRICS)["phantom"]
    rows = ranked((record for record in records if record.key["fingerprint"] == fingerprint), METRICS)
    (row,) = [row for row in rows if row.label("uniform") == "cam (quick) layer=network.layer3"]
    values = row.values("cond_ap25", "uniform")
    assert f"between\n  {min(values):.3f} and {max(values):.3f}." in readme()


def test_what_the_readme_says_of_drawing_is_what_its_records_say() -> None:
    from wsbench.reports import sides
    from wsbench.scoring import compared

    leaderboards, layer = ROOT / "leaderboards", "layer=network.layer3"
    centred, stretched = sides.pair(
        f"cam (quick) cam=gradcam++ cells=centred {layer}",
        f"cam (quick) cam=gradcam++ {layer}",
        METRICS,
        leaderboards,
    )
    first, second = (side.row.estimate("cond_ap25") for side in (centred, stretched))
    prior = sides.table_of(centred, leaderboards).prior("cond_ap25")
    low, high = compared.difference("cond_ap25", first, second, prior).interval
    words = f"from {second.mean:.3f} to {first.mean:.3f} (difference {low:.2f} to {high:.2f}, five seeds)"
    assert words in " ".join(readme().split())


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
