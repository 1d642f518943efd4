"""What continuous integration runs besides the tests: the audit's verdicts."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SOUND = {"name": "numpy", "version": "2.1.0", "vulns": []}
HOLED = {
    "name": "pillow",
    "version": "11.0.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["11.1.0"], "description": ""}],
}
UNKNOWN = {"name": "torch", "skip_reason": "Dependency not found on PyPI and could not be audited"}


@pytest.fixture
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def report(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_a_known_hole_fails_unless_its_reason_is_written(audit: ModuleType, monkeypatch) -> None:
    wrong, lines = audit.verdict(report(SOUND, HOLED, UNKNOWN), must_answer=False)
    assert wrong
    assert lines == [
        "pip-audit: 2 packages looked up",
        "pip-audit: unknown to the service, not audited: torch",
        "pip-audit: pillow 11.0.0: PYSEC-1: fixed in 11.1.0",
    ]
    for name in ("PYSEC-1", "CVE-1"):
        monkeypatch.setattr(audit, "ACCEPTED", {name: "not called here"})
        wrong, lines = audit.verdict(report(HOLED), must_answer=True)
        assert not wrong and lines[-1].endswith("PYSEC-1: accepted: not called here")
    assert audit.verdict(report(SOUND), must_answer=True)[0] is False


@pytest.mark.parametrize("silent", ["", report(), report(UNKNOWN)])
def test_an_audit_that_looked_at_nothing_says_so(audit: ModuleType, silent: str) -> None:
    for must_answer in (True, False):
        wrong, (line,) = audit.verdict(silent, must_answer=must_answer)
        assert wrong is must_answer
        assert "NOT AUDITED" in line


def test_both_pipelines_audit_and_the_public_one_takes_no_silence() -> None:
    assert ".venv/bin/python .ci/audit.py\n" in (ROOT / ".ci" / "run").read_text()
    public = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert ".venv/bin/python .ci/audit.py --must-answer\n" in public


def test_the_coverage_in_the_readme_is_the_least_that_ci_accepts() -> None:
    (least,) = re.findall(r"--fail-under (\d+)", (ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert f"cover at least {least} % of lines" in (ROOT / "README.md").read_text(encoding="utf-8")
