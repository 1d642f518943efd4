"""Numbers in README and docs: each is the one that stands in the leaderboards."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("document", "board", "protocol"),
    [
        ("README.md", "phantom.md", 1),
        ("docs/clarity.md", "phantom14.md", 1),
        ("docs/tbva_gan.md", "phantom.md", 1),
        ("docs/tbva_gan.md", "phantom.md", 2),
        ("docs/saliency_cnn.md", "phantom.md", 1),
    ],
)
def test_numbers_in_documents_are_the_leaderboards(document: str, board: str, protocol: int) -> None:
    """Every cell of the document's first or second table stands in the same row of the dataset's page, under
    its first or second protocol."""
    text, page = ((ROOT / path).read_text(encoding="utf-8") for path in (document, f"leaderboards/{board}"))
    header, _, *rows = first_table("| method |".join(["", *text.split("| method |")[protocol:]]))
    theirs, _, *others = first_table(page.split("## Protocol")[protocol])
    by_method = {row[0]: dict(zip(theirs, row, strict=True)) for row in others}
    assert len(rows) >= 4
    for row in rows:
        for heading, cell in zip(header, row, strict=True):
            assert by_method[row[0]][heading] == cell, (row[0], heading)


def first_table(text: str, start: str = "| method |") -> list[list[str]]:
    """Header, rule and rows of the first table that starts so."""
    lines = text[text.index(start) :].splitlines()
    return [cells(line) for line in itertools.takewhile(lambda line: line.startswith("| "), lines)]


CAMS = {
    "ResNet18": {"layer": "network.layer3"},
    "XCiT": {
        "backbone": "timm/xcit_nano_12_p8_224",
        "layer": "network.blocks.10",
        "learning_rate": "0.0005",
        "randaugment_operations": "0",
        "warmup": "1",
    },
}
"""What the document's columns are, in settings; of its rows and cells the defaults are left out."""


@pytest.mark.parametrize("measure", ["ap25", "map_gain"])
def test_numbers_of_every_cam_are_the_leaderboards(measure: str) -> None:
    page = (ROOT / "leaderboards" / "phantom.md").read_text(encoding="utf-8")
    theirs, _, *others = first_table(page.split("## Protocol")[1])
    by_method = {row[0]: dict(zip(theirs, row, strict=True)) for row in others}
    text = (ROOT / "docs" / "cam.md").read_text(encoding="utf-8")
    header, _, *rows = first_table(text, f"| {measure} |")
    assert len(rows) == 5
    aucs = [by_method[f"cam (quick) {words(backbone)}"]["auc"] for backbone in CAMS]
    assert "an `auc` of {} (ResNet18) and {} (XCiT)".format(*aucs) in text
    for cam, *found in rows:
        for heading, cell in zip(header[1:], found, strict=True):
            backbone, where = heading.split(", ")
            named = words(backbone, cam=cam.strip("`"), cells=where)
            assert by_method[f"cam (quick) {named}"][measure] == cell, (cam, heading)


def words(backbone: str, **changed: str) -> str:
    named = (f"{name}={value}" for name, value in sorted({**CAMS[backbone], **changed}.items()))
    return " ".join(word for word in named if word not in ("cam=gradcam", "cells=stretched"))


def test_maps_on_the_phantom_depend_on_what_was_learnt_as_their_document_says() -> None:
    page = (ROOT / "leaderboards" / "phantom.md").read_text(encoding="utf-8")
    header, _, *rows = first_table(page.split("## Saliency sanity checks")[1])
    found = [dict(zip(header, row, strict=True)) for row in rows]
    by_method = {
        what: {row["method"]: float(row["Spearman"]) for row in found if row["random"] == what}
        for what in ("all parameters", "nothing, another image")
    }
    learnt, another = by_method.values()
    assert len(learnt) == 12
    assert all(learnt[method] < another[method] for method in another)
    (empty,) = [row for row in found if int(row["undefined"].split(" ")[0]) > 0]
    assert empty["method"] == "cam (quick) cells=centred layer=network.layer3"
    assert f"empty in {empty['undefined']} images" in (ROOT / "docs" / "sanity.md").read_text(
        encoding="utf-8"
    )


def test_what_translation_did_is_what_its_records_say() -> None:
    """Means over seeds of facts of the select role, in TBVA-GAN's document."""
    from wsbench import leaderboard
    from wsbench.rows import ranked

    text = (ROOT / "docs" / "tbva_gan.md").read_text(encoding="utf-8")
    found = {row.label("uniform"): row for row in ranked(leaderboard.read(ROOT / "leaderboards")["phantom"])}
    header, _, *rows = first_table(text, "| translation |")
    assert len(rows) >= 5
    for name, *values in rows:
        facts = [record.method["facts"] for record in found[name].records]
        for heading, value in zip(header[1:], values, strict=True):
            fact = heading.strip("`")
            mean = sum(one[fact] for one in facts) / len(facts)
            assert f"{mean:.{len(value.partition('.')[2])}f}" == value, (name, heading)


def test_numbers_in_claritys_words_are_its_rows() -> None:
    """Of three decimals, outside tables: each is the mean of some metric of some row of CLARiTY's."""
    text, page = ((ROOT / path).read_text() for path in ("docs/clarity.md", "leaderboards/phantom14.md"))
    section = text[text.index("## On `phantom14`") : text.index("## What the quick preset took")]
    words = "\n".join(line for line in section.splitlines() if not line.startswith("|"))
    rows = [cells(line) for line in page.splitlines() if line.startswith("| clarity (quick)")]
    means = {cell.split(" ")[0] for row in rows for cell in row}
    said = re.findall(r"\b0\.\d{3}\b", words)
    assert len(said) >= 4
    assert set(said) <= means


def test_the_auc_in_the_readmes_words_is_the_students() -> None:
    (row,) = [cells(line) for line in readme().splitlines() if line.startswith("| kd_student")]
    (words,) = re.findall(r"AUC of (\d\.\d+)", readme())
    assert row[-1].split(" ")[0] == words


def test_the_rows_whose_map_gain_is_above_0_are_those_the_readme_names() -> None:
    header, _, *rows = first_table(readme())
    gains = {row[0]: row[header.index("map_gain")].split(" ± ") for row in rows}
    beyond_noise = {
        name: float(mean) > float(spread) for name, (mean, spread) in gains.items() if float(mean) > 0
    }
    assert beyond_noise == {
        "tbva_gan (quick)": True,
        "saliency_cnn (quick)": False,
        "cam (quick) cam=gradcam++ cells=centred layer=network.layer3": False,
    }
    assert (
        "Above 0 are\n  TBVA-GAN and, within noise, the saliency-map CNN and centred Grad-CAM++." in readme()
    )


def test_what_centring_does_is_what_the_readmes_rows_say() -> None:
    header, _, *rows = first_table(readme())
    ap25 = {row[0]: row[header.index("ap25")].split(" ")[0] for row in rows}
    stretched, centred = (
        ap25[f"cam (quick) cam=gradcam++ {cells}layer=network.layer3"] for cells in ("", "cells=centred ")
    )
    assert f"an `ap25` of {stretched} to {centred} (" in readme()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
