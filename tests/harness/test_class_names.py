"""Which names mean the same: one table, for datasets and for outputs of models."""

from __future__ import annotations

from pathlib import Path

import pytest

import wsbench
from wsbench.contract.releases import overlap

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "names", "same"),
    [
        ("Pleural_Thickening", ["pleural thickening", "Mass"], ["pleural thickening"]),
        ("tb", ["Normal", "Active Tuberculosis", "Tuberculosis"], ["Active Tuberculosis", "Tuberculosis"]),
        ("tb", ["Tuberculosis", "T.B."], ["T.B."]),
        ("Mass", ["Nodule", ""], []),
        ("Mass", ["mass", "MASS", "Lung Mass"], ["mass", "MASS"]),
    ],
)
def test_equal_letters_go_before_synonyms(name: str, names: list[str], same: list[str]) -> None:
    assert wsbench.names.same_names(name, names) == same


def test_letters_and_digits_are_in_one_case() -> None:
    assert wsbench.names.letters_and_digits("ChestX-ray14 ") == "chestxray14"
    assert overlap(["chestx_ray14"], ["ChestX-ray14"]) == "test"


def test_no_name_stands_for_two_findings() -> None:
    bare = [wsbench.names.letters_and_digits(name) for group in wsbench.names.SYNONYMS for name in group]
    assert len(set(bare)) == len(bare)


def test_there_is_one_table_and_one_comparison() -> None:
    sources = [*(ROOT / "harness").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in sources}
    assert [name for name, text in texts.items() if "Pulmonary Nodule" in text] == ["class_names.py"]
    compared = [name for name, text in texts.items() if "casefold() if letter.isalnum()" in text]
    assert compared == ["names.py"]
