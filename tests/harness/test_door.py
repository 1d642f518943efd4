"""`wsbench.run` checks its arguments as the command line does, and in the same words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wsbench
from wsbench.contract import plugins, records

SMALL = {"images": 80, "size": 64}
HALF = """
import numpy as np
def half(scored, resamples):
    return np.full((len(resamples.sum(np.ones(len(scored.names)))), len(scored.classes)), 0.5)
"""


def run(**values: Any) -> wsbench.Record:
    return wsbench.run(**{"method": "random_map", "dataset": "phantom", "data_options": SMALL, **values})


def test_numpys_numbers_and_text_are_what_the_command_line_would_read(tmp_path: Path) -> None:
    record = run(seed=3)
    assert record.folder is not None
    for seed in (np.int64(3), np.uint8(3), "3", np.float64(3)):
        again = run(
            seed=seed, data_options={"images": np.int64(80), "size": np.int32(64)}, skip_bad=np.False_
        )
        assert (type(again.seed), again.seed, again.folder) == (int, 3, record.folder)
    assert json.loads((record.folder / records.FILE).read_text())["seed"] == 3
    assert len(list(tmp_path.glob("runs/phantom/random_map/*"))) == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"seed": None}, "seed=None is not valid: Input should be a valid integer"),
        ({"seed": 1.5}, "seed=1.5 is not valid: Input should be a valid integer"),
        ({"seed": True}, "seed=True is not valid: it must be a whole number"),
        ({"seed": np.True_}, "seed=np.True_ is not valid: it must be a whole number"),
        ({"seed": "one"}, "seed='one' is not valid: "),
        ({"seed": [0, 1]}, "seed=[0, 1] is not valid: "),
        ({"folds": "many"}, "no image has the attribute 'many' to leave out by; known: "),
        ({"folds": 1}, "folds=1 is not valid: Input should be greater than or equal to 2"),
        ({"folds": True}, "folds=True is not valid: it must be a whole number"),
        ({"options": ["cells=3"]}, "options=['cells=3'] is not valid: Input should be a valid dictionary"),
        ({"data_options": ["x" * 500]}, "... is not valid: Input should be a valid dictionary"),
        ({"device": 0}, "device=0 is not valid: Input should be a valid string"),
        ({"device": "gpu"}, "device 'gpu' is none"),
        ({"runs": None}, "runs=None is not valid: "),
        ({"root": 3}, "root=3 is not valid: "),
        ({"method": None}, "method=None is not valid: "),
        ({"skip_bad": "perhaps"}, "skip_bad='perhaps' is not valid: "),
        ({"plugin_files": 3}, "plugin_files=3 is not valid: "),
        ({"progress": print}, "progress=<built-in function print> is not valid: "),
        ({"runs": "/dev/null"}, "there is a file where a folder is needed: /dev/null"),
    ],
)
def test_a_wrong_argument_is_one_line(values: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(wsbench.WsbenchError) as error:
        run(**values)
    assert words in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) <= 200
    assert list(tmp_path.iterdir()) == []


def test_text_is_a_number_of_folds() -> None:
    assert run(folds="3").dataset["folds"] == run(folds=np.int64(3)).dataset["folds"] == 3


def test_one_path_is_one_plugin_and_begins_at_home(tmp_path: Path, monkeypatch) -> None:
    hook = "import wsbench\n@wsbench.hookimpl\ndef wsbench_metrics(): "
    (tmp_path / "half.py").write_text(
        f"{hook}return [wsbench.MetricSpec('half', '', half, needs='labels')]\n{HALF}"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    for files in ("half.py", Path("half.py"), ["half.py"], iter(["~/half.py"])):
        record = run(plugin_files=files, runs="~/own")
        assert record.value("half") == 0.5
    assert (tmp_path / "own" / "phantom").is_dir()


def test_a_plugin_that_cannot_be_used_is_a_warning_at_the_call(monkeypatch) -> None:
    found = plugins.find()
    found.broken.append(plugins.BrokenPlugin("other.package", "raised ImportError when imported"))
    monkeypatch.setattr("wsbench.runs.api_arguments.find", lambda *_: found)
    with pytest.warns(UserWarning, match=r"^plugin other\.package: raised ImportError") as warned:
        run()
    assert [entry.filename for entry in warned] == [__file__]
