"""Published numbers: well formed, transcribed consistently, shown and never ranked."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from conftest import METRICS
from records_examples import example
from wsbench.contract import plugins
from wsbench.errors import WsbenchError
from wsbench.reports import leaderboard, published

LEADERBOARDS = Path(__file__).parents[2] / "leaderboards"
PAPERS = published.read_papers(LEADERBOARDS)
TABLES = [table for paper in PAPERS for table in paper.tables]
TABLE = """citation: x
tables: [{table: "1", dataset: phantom, split: s, differs: d, columns: [auc], rows: {net: [0.5]}}]
"""
CURVATURE = {"hessian_trace", *(f"hessian_eigenvalue_{rank}" for rank in range(1, 11))}
"""What `wsbench hessian` measures of a loss."""
COUNTED = {"parameters", "multiply_accumulates"} | CURVATURE


def test_all_six_papers_are_here() -> None:
    assert [path.stem for path in sorted((LEADERBOARDS / "published").glob("*.yaml"))] == [
        "clarity",
        "eva_x",
        "kd_gradcam",
        "saliency_cnn",
        "symformer",
        "tbva_gan",
    ]


def test_columns_are_metrics_of_wsbench() -> None:
    known = set(plugins.find().metrics) | COUNTED
    for table in TABLES:
        assert {column.partition("/")[0] for column in table.columns} <= known


def test_numbers_are_shares() -> None:
    for table in TABLES:
        for numbers in table.rows.values():
            for column, number in zip(table.columns, numbers, strict=True):
                assert number is None or column in COUNTED or 0 <= number <= 1


def test_printed_means_are_those_of_the_printed_classes() -> None:
    """A slip in copying 600 numbers would show. Three rows of the paper itself do not add up."""
    odd = set()
    checked = 0
    for table in TABLES:
        if "/" not in table.columns[0]:
            continue
        for name, (*classes, mean) in table.rows.items():
            known = [number for number in classes if number is not None]
            checked += 1
            if not math.isclose(sum(known) / len(known), mean, abs_tol=0.0016):
                odd.add((table.table, name))
    assert checked == 33 + 5 * 8
    assert odd == {
        ("Table 4", "HydraViT (as cited)"),
        ("Table 4", "Yao et al. (2017)"),
        ("Table 5, T(IoU) = 0.1", "PCAN"),
    }


def test_kd_gradcam_means() -> None:
    (table,) = [table for table in TABLES if table.columns == ["miou"]]
    for who in ("teacher", "student"):
        seeds = [number for name, (number,) in table.rows.items() if name.startswith(f"{who}, seed")]
        assert len(seeds) == 4
        assert sum(seeds) / 4 == pytest.approx(table.rows[f"{who}, mean"][0], abs=1e-4)


def test_zeros_stand_as_the_paper_prints_them() -> None:
    """Table 4 prints 0.9100 and 0.9850; a table that does not say so is as short as its numbers are."""
    (table,) = [table for table in TABLES if table.columns[:2] == ["accuracy", "auc"]]
    assert [table.printed(number) for number in table.rows["teacher, seed 42"]] == [
        "0.9817", "0.9944", "0.9100", "0.9906", "0.9563", "0.9503",
    ]  # fmt: skip
    page = leaderboard.render("tbx11k", [], METRICS, PAPERS)
    assert "| student, seed 42 | 0.9850 | 0.9954 | 0.9800 | 0.9856 | 0.9462 | 0.9828 |" in page
    assert "| student, seed 1 | 0.1190 |" in page
    short = table.model_copy(update={"decimals": None})
    assert [short.printed(number) for number in (0.91, None)] == ["0.91", "-"]


def test_tables_of_the_hessian_are_as_printed() -> None:
    """A slip in copying would show in their sums, and in their order, which is odd in one place."""
    eigenvalues, trace = (table for table in TABLES if set(table.columns) <= CURVATURE)
    teacher, student = eigenvalues.rows["teacher"], eigenvalues.rows["student"]
    assert sum(teacher) == pytest.approx(29921.6576, abs=1e-4)
    assert sum(student) == pytest.approx(4353.8976, abs=1e-4)
    rising = [rank for rank in range(9) if abs(teacher[rank]) < abs(teacher[rank + 1])]
    assert rising == [1]
    assert student == sorted(student, key=abs, reverse=True)
    assert [[trace.printed(number) for number in row] for row in trace.rows.values()] == [
        ["40864.3358"],
        ["4064.3874"],
    ]


def test_unified_detection_proficiency_is_the_mean_of_its_parts() -> None:
    (table,) = [table for table in TABLES if "udp" in table.columns]
    for auc, msli, udp in table.rows.values():
        assert udp == pytest.approx((auc + msli) / 2, abs=0.00051)


def test_eva_x_hit_rates_have_the_printed_mean() -> None:
    """The column that is left out shows a slip in copying. One row of the source does not add up."""
    (table,) = [table for table in TABLES if table.columns[0] == "evax_hit25"]
    printed = [6.20, 5.23, 7.52, 4.78, 4.22, 3.61, 8.84]
    odd = {
        name
        for mean, (name, (hit25, hit50, _)) in zip(printed, table.rows.items(), strict=True)
        if not math.isclose(50 * (hit25 + hit50), mean, abs_tol=0.0101)
    }
    assert odd == {"Medical MAE, ViT-S"}


def test_they_are_shown_below_and_change_no_rank(tmp_path: Path) -> None:
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "a.yaml").write_text(
        "citation: Somebody\n"
        "tables: [{table: Table 1, dataset: phantom, split: s, differs: d, columns: [ap25],"
        " rows: {theirs: [0.9]}}]\n"
    )
    leaderboard.add(example(cond_ap25=0.5), tmp_path)
    leaderboard.update(tmp_path, METRICS)
    ours, theirs = (tmp_path / "phantom.md").read_text().split("## Published")
    assert "net (quick)" in ours
    assert "theirs" not in ours
    assert "**Table 1** of Somebody. Split: s. Differs: d." in theirs
    assert "| theirs | 0.9 |" in theirs
    assert leaderboard.stale(tmp_path, METRICS) == []


def test_a_dataset_without_runs_has_a_page(tmp_path: Path) -> None:
    page = leaderboard.render("tbx11k", [], METRICS, PAPERS)
    assert "No run of wsbench on this dataset has been" in page
    assert "| student, seed 42 | 0.2428 |" in page


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("citation: [", "not valid YAML"),
        ("citation: 2026-99-99", "not valid YAML: month must be in 1..12"),
        ('citation: "a\\nb"\ntables: []', "citation: has characters that do not print"),
        (TABLE.replace("phantom", "../../x"), "tables.0.dataset: String should match pattern"),
        (TABLE.replace("0.5", ".nan"), "tables.0.rows.net.0: Input should be a finite number"),
        ("citation: x\ntables: []\nextra: 1", "extra: Extra inputs are not permitted"),
        (
            "citation: x\n"
            "tables: [{table: t, dataset: d, split: s, differs: d, columns: [a], rows: {m: [1, 2]}}]",
            "row 'm' has 2 numbers for 1 columns",
        ),
    ],
)
def test_a_file_of_another_form_is_named(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "x.yaml").write_text(text)
    with pytest.raises(WsbenchError, match=r"x\.yaml") as error:
        published.read_papers(tmp_path)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
