"""The shortcut study: its cells, what is kept of a record, and that its page says what the kept files say."""

from __future__ import annotations

import importlib.util
import json
import lzma
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from wsbench.files import documents

ROOT = Path(__file__).parents[1]
TESTS = {"as trained": 1.0, "absent": 0.0, "reversed": -1.0}


def module_of(path: str, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


BENCHMARK = module_of("benchmarks/shortcut.py", "benchmark_shortcut")
with pytest.MonkeyPatch.context() as _patched:
    _patched.syspath_prepend(ROOT / "docs" / "tools")  # of what the tool imports
    TOOL = module_of("docs/tools/shortcut.py", "docs_shortcut")


def document(method: str, correlation: float, seed: int, auc: float, **settings: object) -> dict:
    """What is kept of a cell whose AUC falls by what the shortcut was worth."""
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 0.01, 50)
    tests = []
    for test, token in TESTS.items():
        value = auc + 0.1 * correlation * token
        values = {"auc": value, "nuisance_energy": None if test == "absent" else 0.02 + 0.1 * correlation}
        values["nuisance_energy_blank"] = 0.01
        draws = {"auc": (value + noise).tolist(), "nuisance_energy": [0.02] * 50}
        tests.append({"test": test, "values": values, "draws": draws, "units": 80, "images": 300, "boxes": 9})
    described = {"name": method, "settings": {"head_seed": 42, **settings}}
    trained_on = {"marker_correlation": correlation}
    return {"method": described, "seed": seed, "trained_on": trained_on, "tests": tests}


@pytest.fixture
def rows(tmp_path: Path):
    """A teacher, a student that is better by 0.2 when the token is reversed at all correlations, and a
    second teacher that is equal to the first but for the noise of seeds."""
    spread = (-0.004, 0.0, 0.004)
    for correlation in (0.0, 0.5, 0.8, 1.0):
        for seed, offset in enumerate(spread):
            for name, method, better, settings in (
                ("a", "kd_teacher", 0.0, {}),
                ("b", "kd_student", 0.2, {}),
                ("c", "kd_teacher", 0.001, {"head_seed": 43}),
            ):
                made = document(method, correlation, seed, 0.6 + offset + better, **settings)
                path = tmp_path / f"{name}-{correlation}-{seed}.json.xz"
                path.write_bytes(lzma.compress(json.dumps(made).encode()))
    return TOOL.Study(tmp_path)


def test_cells_are_all_combinations_and_the_first_seed_comes_first() -> None:
    study = documents.yaml_value(documents.read_bytes(BENCHMARK.STUDY), "")
    cells = list(BENCHMARK.cells(study))
    assert len(cells) == 6 * 4 * 3 == len({cell.file for cell in cells})
    assert [cell.seed for cell in cells] == [0] * 24 + [1] * 24 + [2] * 24
    assert {cell.data_options["marker_correlation"] for cell in cells} == {0, 0.5, 0.8, 1}


def test_tables_have_means_and_deviations_of_seeds(rows) -> None:
    table = TOOL.table_of(rows, "auc", "reversed", 3)
    assert "| teacher | 0.600 ± 0.004 | 0.550 ± 0.004 | 0.520 ± 0.004 | 0.500 ± 0.004 |" in table
    assert "| TBVA-GAN | - | - | - | - |" in table
    assert "| second teacher | 0.601 ± 0.004" in table
    assert "0.120 (12.0)" in TOOL.tokens_of(rows, "reversed"), "beside it the multiple of a constant map"
    assert "| student | - | - | - | - |" in TOOL.tokens_of(rows, "absent"), "no token, no share"


def test_a_large_difference_is_shown_and_a_small_one_is_not(rows) -> None:
    text = TOOL.conclusions_of(rows)
    assert len(re.findall("student and teacher, correlation .*: a difference is shown", text)) == 3
    assert "+0.200 auc for the student" in text
    by_pair = {
        (c, *pair): (difference, p)
        for c, *pair, difference, p in rows.compared("auc", "reversed", (("second teacher", "teacher"),))
    }
    difference, p = by_pair[1.0, "second teacher", "teacher"]
    assert difference.difference == pytest.approx(0.001) and p == 1.0
    assert difference.interval[0] < 0 < difference.interval[1]
    assert "probability of 80 %" in text


def test_the_curve_shows_the_means(rows, tmp_path: Path) -> None:
    TOOL.draw(rows, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    low, high = rows.row("teacher", 1.0, "reversed").interval("auc", rows.prior("auc", "reversed"))
    assert low < 0.5 < high


def test_a_cell_is_run_kept_and_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an image-blind method, which needs no training."""
    small = {"images": 120, "size": 64, "nuisances": True, "token_scale": 2.0}
    words = ",".join(f"{name}={str(value).lower()}" for name, value in small.items())
    study = {
        "datasets": "phantom", "presets": None, "seeds": [0],
        "data_options": {**small, "marker_correlation": [1]},
        "include": [{"methods": "random_map", "options": {}}],
        "test_on": [f"phantom:{words},markers=tokenless", f"phantom:{words},marker_correlation=-1"],
    }  # fmt: skip
    path = tmp_path / "study.yaml"
    path.write_text(json.dumps(study))
    monkeypatch.setattr(BENCHMARK, "STUDY", path)
    monkeypatch.setattr(BENCHMARK, "KEPT", tmp_path / "kept")
    assert BENCHMARK.main(["--runs", str(tmp_path / "runs")]) == 0
    (kept,) = (tmp_path / "kept").iterdir()
    found = json.loads(lzma.decompress(kept.read_bytes()))
    assert [test["test"] for test in found["tests"]] == ["as trained", "absent", "reversed"]
    trained, absent, reversed_ = (test["values"] for test in found["tests"])
    assert absent["nuisance_energy"] is None
    assert 0 < reversed_["nuisance_energy_blank"] < 0.1
    assert all(len(test["draws"]["auc"]) == BENCHMARK.DRAWS for test in found["tests"])
    assert trained.keys() == set(BENCHMARK.METRICS)
    before = kept.stat().st_mtime_ns
    assert BENCHMARK.main(["--runs", str(tmp_path / "runs")]) == 0
    assert kept.stat().st_mtime_ns == before


def test_the_kept_files_are_small_and_of_the_study() -> None:
    study = documents.yaml_value(documents.read_bytes(BENCHMARK.STUDY), "")
    files = set(BENCHMARK.KEPT.glob("*.json.xz"))
    assert files <= {cell.file for cell in BENCHMARK.cells(study)}
    assert sum(path.stat().st_size for path in files) < 2_000_000
