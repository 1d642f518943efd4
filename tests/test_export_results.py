"""A run's boxes as a challenge takes them, read back to the same numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import wsbench
from conftest import refused
from wsbench.contract import plugins
from wsbench.contract.base import Source
from wsbench.utils.progress import Silent

VAL = "annotations/json/TBX11K_val.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small phantom as an official TBX11K folder."""
    found = plugins.find()
    spec = found.datasets["phantom"]
    phantom = spec.load(spec.settings(images=70, size=64), Source(None, Path(), Silent()))
    folder = tmp_path_factory.mktemp("made") / "TBX11K"
    found.datasets["tbx11k"].write(phantom, folder, Silent())
    return folder


@pytest.mark.parametrize("task", ["tb", "active_latent"])
def test_a_run_is_read_back_to_the_same_numbers(
    task: str, made: Path, tmp_path: Path, command: Callable
) -> None:
    """Its boxes as they stand: measures of boxes alone do not notice that class scores are missing."""
    run = wsbench.run("two_lungs", "tbx11k", root=made, data_options={"task": task})
    words = ("--root", str(made), "-q")
    code, out, err = command("export", str(run.folder), *words, "--format", "results", "--out", "r.json")
    assert code == 0, err
    results = json.loads((tmp_path / "r.json").read_text())
    assert out == f"{len(results)} boxes in r.json\n" and results
    coco = json.loads((made / VAL).read_text())
    assert {result["image_id"] for result in results} <= {image["id"] for image in coco["images"]}
    assert {result["category_id"] for result in results} == ({1} if task == "tb" else {1, 2})
    assert all(result.keys() == {"image_id", "category_id", "bbox", "score"} for result in results)
    data = ("-d", "tbx11k", "-D", f"task={task}")
    assert command("evaluate", *data, *words, "--predictions", "r.json", "--no-references")[0] == 0
    (path,) = tmp_path.glob("runs/tbx11k/r/*")
    again = wsbench.load_record(path)
    for metric in ("cond_ap25", "ap25", "ap50", "ap", "miou", "froc"):
        assert again.value(metric, "paper") == pytest.approx(run.value(metric), abs=1e-9), metric
    if task == "tb":  # and those of another program to the very same file
        code, _, err = command("export", str(path), *words, "--format", "results", "--protocol", "paper")
        assert code == 0, err

        def order(result: dict) -> str:
            return json.dumps(result)

        assert sorted(json.loads(Path("predictions.json").read_text()), key=order) == sorted(
            results, key=order
        )


def test_a_dataset_without_official_ids_says_so(tmp_path: Path, command: Callable) -> None:
    run = wsbench.run("two_lungs", "phantom", data_options={"images": 80, "size": 64})
    line = refused(command("export", str(run.folder), "-q", "--format", "results"))
    assert line.startswith("phantom has no official id of image ")
    assert line.endswith("; write names with --format coco")
    assert "unknown format 'result'; did you mean 'results'" in refused(
        command("export", str(run.folder), "-q", "--format", "result")
    )
