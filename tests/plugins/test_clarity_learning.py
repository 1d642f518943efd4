"""What tells whether CLARiTY has learnt: shares of the foreground, losses and norms of their gradients."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wsbench import testing
from wsbench.contract import plugins
from wsbench.runs.job import Job
from wsbench.runs.plan import load_dataset, make_plan
from wsbench.runs.runner import context_of, fitted
from wsbench.utils.progress import Silent
from wsbench_plugins.methods.clarity import _learning

FOUND = plugins.find()
SMALL = {
    "epochs": 3,
    "image_size": 32,
    "depth": 1,
    "width": 32,
    "heads": 2,
    "distill": "none",
    "precision": "32",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):
    """A short training on a few images of phantom14: the job, the method and its run."""
    loaded = load_dataset(FOUND, "phantom14", {"images": 80, "size": 64}, Silent())
    spec, folder = FOUND.methods["clarity"], tmp_path_factory.mktemp("runs")
    plan = make_plan(
        spec, "quick", SMALL, dataset=FOUND.dataset("phantom14"), seed=0, device="cpu", runs=folder
    )
    job = Job(plan, loaded, FOUND)
    return job, fitted(job)


def test_the_history_has_the_share_of_the_foreground_and_the_parts_of_the_loss(trained) -> None:
    job, _ = trained
    (path,) = job.plan.runs.rglob("history.csv")
    history = pd.read_csv(path)
    classes = job.loaded.dataset.classes
    shares = history[[f"foreground_{name}" for name in classes]]
    assert ((shares >= 0) & (shares <= 1)).all(axis=None)
    assert history["foreground"].to_numpy() == pytest.approx(shares.mean(axis=1).to_numpy(), rel=1e-5)
    parts = history[[name for name in history if name.startswith("loss_")]]
    assert {"loss_class", "loss_patch", "loss_foreground", "loss_confinement"} <= set(parts)
    assert parts.sum(axis=1).to_numpy() == pytest.approx(history["fit_loss"].to_numpy(), rel=1e-4)


def test_signs_are_what_the_restored_network_says_of_select(trained) -> None:
    """The share of one class, measured again from the pictures of S_f."""
    job, method = trained
    signs = {sign.name: sign for sign in method.learning(context_of(job))}
    view = job.loaded.views.images(job.loaded.roles.members["select"])
    foreground = method.inner_maps(view)["foreground"].astype(float)
    for index, name in enumerate(view.classes):
        assert signs[f"foreground_{name}"].value == pytest.approx(foreground[:, index].mean(), abs=2e-3)
    assert signs["foreground"].value == pytest.approx(foreground.mean(), abs=2e-3)
    assert (signs["foreground"].at_least, signs["foreground"].at_most) == (0.005, 0.9)
    assert 0 <= signs["foreground_region_iou"].value <= 1
    assert 0.05 < signs["foreground_region_share"].value < 0.6
    assert signs["select_auc"].at_least == 0.6
    assert {"select_auc_rise", "loss_tokens", "gradient_tokens"} <= set(signs)


def test_every_part_of_the_loss_has_a_gradient(trained) -> None:
    """Every part of the loss pulls at something, and each norm is a finite number."""
    job, _ = trained
    (path,) = job.plan.runs.rglob("learning.json")
    facts = json.loads(path.read_text())
    assert set(facts["gradient"]) == set(facts["loss"])
    assert all(math.isfinite(norm) and norm > 0 for norm in facts["gradient"].values())
    assert set(facts) == {"share", "region_share", "region_iou", "loss", "gradient"}


def test_overlaps_by_hand() -> None:
    first = np.array([[[[1, 1, 0, 0]], [[0, 0, 0, 0]]]], dtype=bool)
    second = np.array([[[[0, 1, 1, 0]], [[0, 0, 0, 0]]]], dtype=bool)
    assert _learning.overlap(first, second).tolist() == [[pytest.approx(1 / 3), 1.0]]


def test_a_class_of_any_name_makes_a_name() -> None:
    assert _learning.word("Nodule/Mass (other)") == "Nodule_Mass__other_"


def test_a_teacher_says_its_curve(tmp_path: Path) -> None:
    spec = FOUND.methods["clarity_teacher"]
    options = {"epochs": 2, "image_size": 32, "widths": [4, 4]}
    plan = make_plan(spec, "quick", options, dataset=testing.TOY, seed=0, device="cpu", runs=tmp_path)
    job = Job(plan, testing.toy(), FOUND)
    method = fitted(job)
    assert [sign.name for sign in method.learning(context_of(job))] == ["select_auc", "select_auc_rise"]
