"""What an author's own type checker finds in a plugin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLUGIN = """
import numpy as np
import wsbench

def predict(images: wsbench.ImageView) -> wsbench.Prediction:
    scores = np.zeros((len(images), 1))
    return wsbench.Prediction({word}=scores, boxes=[[] for _ in images.names])
"""


def test_a_misspelt_word_is_found_and_a_sound_plugin_is_not(tmp_path: Path) -> None:
    # mypy's cache shows the path of an equal file that it has seen before: no two runs have equal ones.
    (tmp_path / "sound.py").write_text(PLUGIN.format(word="scores") + f"# {tmp_path}\n")
    (tmp_path / "misspelt.py").write_text(PLUGIN.format(word="score") + f"# {tmp_path}\n")
    # With the project's own settings and cache, so that `mypy` in .ci/run finds most of its work done.
    files = [str(tmp_path / name) for name in ("sound.py", "misspelt.py")]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--show-absolute-path", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert len(lines) == 1
    assert lines[0].startswith(f'{tmp_path / "misspelt.py"}:7: error: Unexpected keyword argument "score"')
    assert 'did you mean "scores"' in lines[0]
