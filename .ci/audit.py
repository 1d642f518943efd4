"""Looks for unsafe code with bandit, and for installed packages with known holes with pip-audit.

pip-audit asks PyPI's advisory service. Where that does not answer, nothing is known: this is said, and it is
a failure with ``--must-answer`` alone. Run by the Python of the environment that is audited:
``.venv/bin/python .ci/audit.py [--must-answer]``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ("harness", "plugins")
ACCEPTED: Mapping[str, str] = {}
"""Known holes that are no danger here: the advisory's id, and why in one line."""


def main(words: Sequence[str]) -> int:
    """Run both; 1 if either finds something that is not accepted."""
    unsafe = subprocess.run(
        [sys.executable, "-m", "bandit", "--quiet", "-c", "pyproject.toml", "-r", *SHIPPED],
        cwd=ROOT,
        check=False,
    )
    asked = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--skip-editable", "--progress-spinner", "off", "-f", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    wrong, lines = verdict(asked.stdout, must_answer="--must-answer" in words)
    print("\n".join(lines))
    return int(wrong or unsafe.returncode != 0)


def verdict(report: str, *, must_answer: bool) -> tuple[bool, list[str]]:
    """Whether pip-audit's report is a failure, and what to print of it.

    Args:
        report: its JSON; empty where it ended with an error, as without a network.
        must_answer: whether it is a failure that no package could be looked up.
    """
    packages: list[Mapping[str, Any]] = json.loads(report)["dependencies"] if report.strip() else []
    looked_up = [package for package in packages if "skip_reason" not in package]
    if not looked_up:
        return must_answer, ["pip-audit: NOT AUDITED: the advisory service told of no package"]
    left = sorted(package["name"] for package in packages if "skip_reason" in package)
    lines = [f"pip-audit: {len(looked_up)} packages looked up"]
    if left:
        lines.append(f"pip-audit: unknown to the service, not audited: {', '.join(left)}")
    holes = [(package, hole) for package in looked_up for hole in package["vulns"]]
    wrong = False
    for package, hole in holes:
        why = next(
            (ACCEPTED[name] for name in (hole["id"], *hole.get("aliases", ())) if name in ACCEPTED), None
        )
        wrong = wrong or why is None
        fixed = ", ".join(hole["fix_versions"]) or "no version"
        status = f"accepted: {why}" if why else f"fixed in {fixed}"
        lines.append(f"pip-audit: {package['name']} {package['version']}: {hole['id']}: {status}")
    return wrong, lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
