"""Preset paper of CLARiTY and of its teacher at their own sizes, on phantom14 in ChestX-ray14's own layout.

A few steps from random weights: what is between images and maps has to be of the right shape and size.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

import wsbench
from wsbench.contract import plugins
from wsbench.contract.base import RunContext
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent
from wsbench_plugins.methods import clarity
from wsbench_plugins.methods.clarity import _images, _training

FOUND = plugins.find()
FEW = {"weights": "random", "epochs": 1, "batch_size": 2}
"""All that differs from the preset: nothing to download, and steps of two images instead of 1,024."""


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory):
    """Four images to fit and two to select by, of phantom14 written as ChestX-ray14, with its organ masks."""
    folder, made = (
        tmp_path_factory.mktemp("nih"),
        load_dataset(FOUND, "phantom14", {"images": 60, "size": 256}, Silent()),
    )
    FOUND.datasets["nih"].write(made.dataset, folder / "release", Silent())
    read = load_dataset(FOUND, "nih", {}, Silent(), root=folder / "release")
    sick = [sample for sample in read.samples if sample.labels and sample.split != "test"]
    shown = [sample.name for sample in sick[:6]]
    for sample in made.samples:
        masks = made.dataset.organ_masks(sample, 256) if sample.name in shown else {}
        for organ, mask in masks.items():
            (folder / "organs" / organ).mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "organs" / organ / sample.name)
    entry = read.entry.model_copy(update={"organs": folder / "organs"})
    few = replace(read, samples=tuple(sick[:6]), entry=entry)
    return few.views.weak(shown[:4]), few.views.weak(shown[4:])


def run_in(folder: Path, method: str, **more: object) -> RunContext:
    folder.mkdir()
    return RunContext("nih", method, 0, folder, "cpu", Silent(), **more)


@pytest.fixture(scope="module")
def trained(views, tmp_path_factory: pytest.TempPathFactory):
    """Teacher and student after two steps each, and the student's run."""
    fit, select = views
    folder = tmp_path_factory.mktemp("runs")
    teacher = clarity.ClarityTeacher(clarity.TeacherSettings(**FEW), fit.classes)
    of_teacher = run_in(folder / "teacher", "clarity_teacher")
    teacher.fit(fit, select, of_teacher)
    teacher.restore(of_teacher)
    student = clarity.Clarity(clarity.ClaritySettings(**FEW), fit.classes)
    student.try_out()
    run = run_in(
        folder / "student",
        "clarity",
        upstream={"teacher": teacher},
        paper_score=lambda predict: float(predict(select).scores.mean()),
    )
    student.fit(fit, select, run)
    student.restore(run)
    return teacher, student, run


def test_the_teacher_answers_at_its_own_size(trained, views) -> None:
    """ConvNeXtV2-B: 88 million parameters, features of 7 x 7."""
    teacher, *_ = trained
    prediction = teacher.predict(views[1])
    assert sum(p.numel() for p in teacher.network.parameters()) == pytest.approx(87.7e6, rel=0.01)
    assert prediction.heatmaps.shape == (2, 14, 7, 7)
    assert ((prediction.scores > 0.01) & (prediction.scores < 0.99)).all()  # two steps from random weights


def test_what_lies_between_images_and_maps(trained, views) -> None:
    """Attention is a part of a softmax, the foreground neither nothing nor all, logits are no outliers."""
    _, student, _ = trained
    _, select = views
    inputs = _images.normalised(torch.from_numpy(select.pixels(224, 224)[:])[:, None], student.settings)
    with torch.inference_mode():
        logits = student.network(inputs)
        predicted = student.network.predict(inputs, layers=8)
    assert student.network.grid == (14, 14)
    assert predicted.attention.shape == predicted.foreground.shape == (2, 14, 14, 14)
    to_patches = predicted.attention.sum(dim=(2, 3))
    assert ((to_patches > 0.5) & (to_patches < 1)).all()  # the rest is attention to the 14 class tokens
    assert predicted.attention.amax() < 0.5
    assert 0.05 < predicted.foreground.mean() < 0.95
    assert set(predicted.foreground.unique().tolist()) <= {0.0, 1.0}
    assert ((logits.heatmaps > 0) & (logits.heatmaps < 1)).all()
    for part in (logits.class_token, logits.foreground, logits.patch, logits.background):
        assert part.abs().amax() < 20
    assert predicted.probabilities.std() > 1e-4


def test_its_losses_are_of_one_order_and_all_of_them_pull(trained, views) -> None:
    _, student, run = trained
    values = {sign.name: sign.value for sign in student.learning(run)}
    losses = [value for name, value in values.items() if name.startswith("loss_")]
    assert len(losses) == 8
    assert all(0 <= value < 500 for value in losses)
    norms = [value for name, value in values.items() if name.startswith("gradient_")]
    assert min(norms) > 0
    regions = values["foreground_region_share"]
    assert 0.1 < regions < 0.5  # lungs, heart and mediastinum


def test_regions_are_those_of_the_written_masks(views) -> None:
    fit, _ = views
    change = _images.WithRegions(v2.Identity(), fit.classes)
    pixels, masks = fit.pixels(224, 224)[0], fit.organs(224)[0]
    _, regions, distances = change(torch.from_numpy(pixels.copy())[None], torch.from_numpy(masks.copy()))
    lungs = regions[fit.classes.index("Nodule")]
    assert 0.1 < lungs.mean() < 0.45
    assert (distances[fit.classes.index("Nodule")][lungs == 0] > 0).all()
    left, right = lungs[:, :32].mean(), lungs[:, 32:].mean()
    assert min(left, right) > 0.05  # both lungs


def test_the_second_stage_answers_at_512_pixels(trained, views) -> None:
    """CLARiTY-S-16-512, from the weights of the first: a grid of 32 x 32."""
    _, student, _ = trained
    settings = clarity.ClaritySettings(**{**FEW, "image_size": 512})
    network = _training.start(settings, 14, seed=1, pretrained=False).eval()
    _training.go_on_from(network, student.network)
    inputs = _images.normalised(torch.from_numpy(views[1].pixels(512, 512)[:1])[:, None], settings)
    with torch.inference_mode():
        predicted = network.predict(inputs, layers=8)
        small = student.network.predict(
            torch.nn.functional.interpolate(inputs, (224, 224), mode="bilinear", antialias=True), layers=8
        )
    assert predicted.heatmaps.shape == (1, 14, 32, 32)
    assert 0.02 < predicted.foreground.mean() < 0.98
    # The same weights on the same image: answers that are near each other.
    assert (predicted.probabilities - small.probabilities).abs().amax() < 0.25
    assert isinstance(student, wsbench.Method)
