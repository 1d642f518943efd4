"""CLARiTY's training: regions, distillation, its start, the epoch of protocol paper, and resumption."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torchvision.transforms import v2

from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.base import RunContext
from wsbench.errors import WsbenchError
from wsbench.files import checksums
from wsbench.runs.job import Job
from wsbench.runs.plan import load_dataset, make_plan
from wsbench.runs.runner import fitted
from wsbench.utils.progress import Silent
from wsbench_plugins.methods import clarity
from wsbench_plugins.methods.clarity import _images, _training

FOUND = plugins.find()
SPEC = FOUND.methods["clarity"]
TINY = {"epochs": 2, "image_size": 32, "batch_size": 16, "backbone": "vit_tiny_patch16_224"}
TINY_TEACHER = {**clarity.QUICK_TEACHER, "epochs": 1, "image_size": 32, "batch_size": 16}


class Organs(testing.Toy):
    """The toy data with Table 1's Nodule for its spots, and lungs left and right of the middle."""

    classes = ("Nodule",)

    def __init__(self) -> None:
        from dataclasses import replace

        super().__init__()
        self.samples = tuple(
            replace(
                s,
                labels=("Nodule",) if s.labels else (),
                boxes=tuple(replace(b, label="Nodule") for b in s.boxes),
            )
            for s in self.samples
        )

    def organ_masks(self, sample, size):
        masks = {name: np.zeros((size, size), dtype=bool) for name in ("heart", "mediastinum", "diaphragm")}
        columns = np.arange(size) < size // 2
        return {**masks, "right_lung": np.tile(columns, (size, 1)), "left_lung": np.tile(~columns, (size, 1))}


@pytest.fixture
def organs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The toy data with organs."""
    from dataclasses import replace

    monkeypatch.setenv("WSBENCH_CACHE", str(tmp_path / "cache"))
    toy = testing.toy()
    dataset = Organs()
    return replace(toy, dataset=dataset, samples=tuple(sorted(dataset.samples, key=lambda s: s.name)))


def test_image_and_regions_are_turned_together() -> None:
    """A picture of its own mask: after any augmentation one is still the other."""
    settings = clarity.ClaritySettings(rotation=40, crop=0.5, photons=0, brightness=0)
    transform = _images.WithRegions(_images.augmentation(settings, 64), ("Cardiomegaly",))
    masks = torch.zeros(5, 64, 64, dtype=torch.uint8)
    masks[2, 20:40, 10:50] = 1
    torch.manual_seed(2)
    image, regions, distances = transform(masks[2:3] * 255, masks)
    assert (regions[0] > 0).float().mean() > 0.05
    agree = ((image[0] >= 128) == (regions[0] > 0)).float().mean()
    assert agree > 0.97
    assert ((distances[0] > 0) == (regions[0] == 0)).all()


def test_the_teacher_is_asked_about_the_very_images_the_student_sees(organs, tmp_path: Path) -> None:
    """Epoch by epoch, augmentation included, whether or not masks are turned with them."""
    import wsbench

    settings = clarity.ClaritySettings(image_size=32)
    view = organs.views.weak(organs.roles.members["fit"])
    change = _images.augmentation(settings, 32)
    teachers = wsbench.torch.WeakImages(view, 32, 32, change, seed=7)
    students = wsbench.torch.WeakImages(
        view, 32, 32, _images.WithRegions(change, ("Nodule",)), seed=7, organs=True
    )
    for key in ((0, 0), (0, 5), (3, 5)):
        assert torch.equal(teachers[key][0], students[key][0][0])
    assert not torch.equal(teachers[0, 5][0], teachers[3, 5][0])


def plan_for(tmp_path: Path, **options: object):
    values = {**TINY, "teacher": TINY_TEACHER, **options}
    return make_plan(SPEC, "quick", values, dataset=testing.TOY, seed=0, device="cpu", runs=tmp_path)


def test_it_learns_with_organs_and_a_teacher(organs, tmp_path: Path) -> None:
    method = fitted(Job(plan_for(tmp_path), organs, FOUND))
    view = organs.views.images(organs.roles.members["test"])
    prediction = method.predict(view)
    assert prediction.scores.shape == (len(view), 1)
    assert prediction.heatmaps.shape == (len(view), 1, 4, 4)  # patches of 8 pixels
    assert prediction.box_grid == (32, 32)
    files = sorted(tmp_path.rglob("teacher/epoch-*.npz"))
    assert [file.name for file in files] == ["epoch-0000.npz", "epoch-0001.npz"]
    logits = np.load(files[0])["logits"]
    assert logits.shape == (len(organs.roles.members["fit"]), 1)
    assert logits.dtype == np.float16


def test_finished_epochs_of_the_teacher_are_asked_again_only_where_they_are_damaged(
    organs, tmp_path: Path
) -> None:
    fitted(Job(plan_for(tmp_path, epochs=3), organs, FOUND))
    first, second, third = sorted(tmp_path.rglob("teacher/epoch-*.npz"))
    (mark,) = first.parents[1].glob("stage.json")
    key = json.loads(mark.read_text())["key"]
    mark.write_text(json.dumps(checksums.sealed({"key": key, "done": False})))
    second.unlink()
    sound = third.read_bytes()
    flipped = bytearray(sound)
    flipped[len(sound) // 2] ^= 1  # in the middle of the logits
    third.write_bytes(flipped)
    before = first.stat().st_mtime_ns
    fitted(Job(plan_for(tmp_path, epochs=3), organs, FOUND))
    assert first.stat().st_mtime_ns == before
    assert second.exists()
    assert np.array_equal(np.load(third)["logits"], np.load(BytesIO(sound))["logits"])


def test_without_distillation_no_teacher_is_needed(tmp_path: Path) -> None:
    assert clarity.built_on(clarity.ClaritySettings(distill="none")) == {}
    (needed,) = clarity.built_on(clarity.ClaritySettings()).values()
    assert (needed.method, needed.settings["epochs"]) == ("clarity_teacher", 100)


def test_classes_without_a_region_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(WsbenchError, match=r"knows no region of spot \(its Table 1 has Atelectasis,"):
        fitted(Job(plan_for(tmp_path, distill="none"), OrganToy().loaded(), FOUND))


class OrganToy:
    """The toy data as they are, with organs."""

    def loaded(self):
        from dataclasses import replace

        class WithOrgans(testing.Toy):
            organ_masks = Organs.organ_masks

        return replace(testing.toy(), dataset=WithOrgans())


def test_a_vits_class_token_starts_all_and_positions_are_interpolated(tmp_path: Path) -> None:
    import timm

    vit = timm.create_model("vit_tiny_patch16_224", pretrained=False, num_classes=0, img_size=64)
    torch.save(vit.state_dict(), tmp_path / "vit.pth")
    settings = clarity.ClaritySettings(**{**TINY, "image_size": 96, "weights": str(tmp_path / "vit.pth")})
    network = _training.start(settings, 3, seed=0)
    for token in network.class_tokens:
        assert torch.equal(token, vit.cls_token[0, 0])
    assert torch.equal(network.blocks[3].mlp.fc1.weight, vit.blocks[3].mlp.fc1.weight)
    assert network.positions.shape == (3 + 36, 192)
    assert torch.equal(network.positions[0], vit.pos_embed[0, 0])
    grid = network.positions[3:].reshape(6, 6, 192)
    original = vit.pos_embed[0, 1:].reshape(4, 4, 192)
    assert torch.allclose(grid.mean(dim=(0, 1)), original.mean(dim=(0, 1)), atol=0.02)


def test_a_finished_clarity_starts_one_at_another_size(organs, tmp_path: Path) -> None:
    """Section 3.14: 224 first, then 512 from its weights."""
    fitted(Job(plan_for(tmp_path, distill="none"), organs, FOUND))
    (checkpoint,) = tmp_path.rglob("clarity/*/fit/best.ckpt")
    values = {**clarity.QUICK, **TINY, "image_size": 64, "weights": str(checkpoint)}
    settings = clarity.ClaritySettings(**values)
    network = _training.start(settings, 1, seed=0)
    assert network.grid == (8, 8)
    saved = torch.load(checkpoint, weights_only=True)["state_dict"]
    assert torch.equal(network.class_tokens, saved["network.class_tokens"])
    assert torch.equal(
        network.segment.features.layers[0].weight, saved["network.segment.features.layers.0.weight"]
    )
    assert network.positions.shape[0] == 1 + 64


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("nowhere.pth", "the weights nowhere.pth of vit_tiny_patch16_224 could not be loaded"),
        ("bad.pth", "do not fit"),
    ],
)
def test_weights_that_cannot_be_used_are_one_line(weights: str, words: str, tmp_path: Path) -> None:
    torch.save({"pos_embed": torch.zeros(1, 5, 192)}, tmp_path / "bad.pth")
    settings = clarity.ClaritySettings(**{**TINY, "weights": str(tmp_path / weights)})
    with pytest.raises(WsbenchError) as error:
        _training.start(settings, 2, seed=0)
    assert words.replace("nowhere.pth", str(tmp_path / "nowhere.pth")) in str(error.value)
    assert "\n" not in str(error.value)


def test_phantom14_has_organs_for_every_class() -> None:
    loaded = load_dataset(FOUND, "phantom14", {"images": 60, "size": 64}, Silent())
    view = loaded.views.weak([sample.name for sample in loaded.samples[:3]])
    transform = _images.WithRegions(v2.Identity(), view.classes)
    for row in range(3):
        pixels = torch.from_numpy(view.pixels(64, 64)[row].copy())[None]
        _, regions, _ = transform(pixels, torch.from_numpy(view.organs(64)[row].copy()))
        assert (regions.sum(dim=(1, 2)) > 20).all()


def test_protocol_paper_chooses_thresholds_for_msli(organs, tmp_path: Path) -> None:
    """Section 3.9; uniform chooses them for F1, from the same heatmaps."""
    from wsbench.runs.runner import execute

    record = execute(Job(plan_for(tmp_path, distill="none"), organs, FOUND))
    objectives = {name: part["calibration"]["objective"] for name, part in record.protocols.items()}
    assert objectives == {"uniform": "cond_loc_f1@0.25", "paper": "msli"}
    assert record.method["box_supervision"] == "paper"


class Killed(Exception):
    """Stands for a kill between two epochs."""


def run_in(folder: Path, udp=lambda predict: 0.5, epoch_ended=lambda epoch, metrics: None) -> RunContext:
    return RunContext("toy", "clarity", 0, folder, "cpu", Silent(), paper_score=udp, epoch_ended=epoch_ended)


def test_protocol_paper_takes_the_epoch_of_the_highest_udp(tmp_path: Path) -> None:
    """Section 3.14; what is asked is the network of the epoch, in evaluation."""
    loaded = testing.toy()
    views = {role: loaded.views.weak(loaded.roles.members[role]) for role in ("fit", "select")}
    settings = {**clarity.QUICK, **TINY, "epochs": 3, "anatomy": "none", "distill": "none", "precision": "32"}
    given, seen = iter((0.2, 0.9, 0.3)), []

    def udp(predict) -> float:
        seen.append(predict(views["select"]).scores)
        return next(given)

    method = clarity.Clarity(clarity.ClaritySettings(**settings), ("spot",))
    run = run_in(tmp_path, udp)
    method.fit(views["fit"], views["select"], run)
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["udp"].tolist() == pytest.approx([0.2, 0.9, 0.3])
    method.restore(run)
    best = int(history["select_auc"].idxmax())
    assert method.predict(views["select"]).scores == pytest.approx(seen[best])
    assert method.restore_paper(run) == (best != 1)
    if best != 1:
        assert method.predict(views["select"]).scores == pytest.approx(seen[1])


def test_stopped_after_an_epoch_and_started_again_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    """Dropout, schedule and the teacher's epochs included."""
    from wsbench.utils.hashing import seed_from

    loaded = testing.toy()
    settings = {**clarity.QUICK, **TINY, "epochs": 3, "anatomy": "none", "distill": "none"}
    settings |= {"stochastic_depth": 0.1, "mlp_dropout": 0.1, "attention_dropout": 0.1}
    roles = {role: loaded.views.weak(loaded.roles.members[role]) for role in ("fit", "select")}

    def train(folder: Path, epoch_ended=lambda epoch, metrics: None) -> dict[str, torch.Tensor]:
        folder.mkdir(exist_ok=True)
        run = run_in(folder, epoch_ended=epoch_ended)
        method = clarity.Clarity(clarity.ClaritySettings(**settings), ("spot",))
        method.fit(roles["fit"], roles["select"], run)
        return torch.load(folder / "last.ckpt", weights_only=True)["state_dict"]

    def stop(epoch: int, metrics: object) -> None:
        if epoch == 1:
            raise Killed

    whole = train(tmp_path / "whole")
    with pytest.raises(Killed):
        train(tmp_path / "stopped", stop)
    torch.manual_seed(seed_from("anything else"))
    again = train(tmp_path / "stopped")
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_the_second_stage_starts_from_the_first_which_has_a_teacher_of_its_size(
    organs, tmp_path: Path
) -> None:
    """Sections 3.12 to 3.14, in one run: both teachers, the first stage, the second."""
    options = {"epochs": 1, "image_size": 64, "first_size": 32, "teacher": {**TINY_TEACHER, "image_size": 64}}
    method = fitted(Job(plan_for(tmp_path, **options), organs, FOUND))
    trained = sorted(path.parts[-4] for path in tmp_path.rglob("history.csv"))
    assert trained == ["clarity", "clarity", "clarity_teacher", "clarity_teacher"]
    assert method.network.positions.shape[0] == 1 + 64


def test_the_second_stage_goes_on_from_the_first_ones_weights() -> None:
    first = _training.start(clarity.ClaritySettings(**{**TINY, "weights": "random"}), 1, seed=1)
    second = _training.start(
        clarity.ClaritySettings(**{**TINY, "weights": "random", "image_size": 64}), 1, seed=2
    )
    _training.go_on_from(second, first)
    assert torch.equal(second.blocks[2].mlp.fc1.weight, first.blocks[2].mlp.fc1.weight)
    assert torch.equal(second.segment.features.layers[0].weight, first.segment.features.layers[0].weight)
    assert torch.equal(second.positions[0], first.positions[0])
    assert second.positions.shape[0] == 1 + 16


def test_512_pixels_are_two_stages_with_a_teacher_each(tmp_path: Path) -> None:
    """Section 3.14's second model, as one preset."""
    plan = make_plan(SPEC, "paper512", {}, dataset=testing.TOY, seed=0, device="cpu", runs=tmp_path)
    teacher, first = (plan.upstream(FOUND)[role] for role in ("teacher", "first"))
    assert (plan.settings.image_size, teacher.settings.image_size) == (512, 512)
    assert first.settings == clarity.ClaritySettings()  # CLARiTY-S-16-224 as it is published
    (first_teacher,) = first.upstream(FOUND).values()
    assert first_teacher.settings == clarity.TeacherSettings()


def test_a_teacher_of_another_size_is_refused(tmp_path: Path) -> None:
    plan = make_plan(
        SPEC, "paper", {"image_size": 512}, dataset=testing.TOY, seed=0, device="cpu", runs=tmp_path
    )
    with pytest.raises(WsbenchError, match="clarity has image_size=512, but clarity_teacher, its teacher"):
        plan.all_upstream(FOUND)


def test_the_stem_may_start_from_the_teachers_first_blocks() -> None:
    teacher = clarity.ClarityTeacher(clarity.TeacherSettings(**TINY_TEACHER), ("Nodule",))
    network = _training.start(clarity.ClaritySettings(**{**clarity.QUICK, **TINY}), 1, seed=0)
    source = teacher.start(seed=3, pretrained=False)
    _training.share_stem(network, source)
    inputs = torch.rand(1, 3, 32, 32)
    ours, theirs = network.eval().patch_embed.blocks(inputs), inputs
    for layer in source.eval().blocks[: len(network.patch_embed.blocks)]:
        theirs = layer(theirs)
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("change", [{"stem": "patches"}, {"stem_widths": (16, 32, 64)}, {"teacher": {}}])
def test_a_stem_that_cannot_be_shared_is_refused(change: dict) -> None:
    settings = clarity.ClaritySettings(**{**clarity.QUICK, **change})
    with pytest.raises(WsbenchError, match="stem_weights=teacher takes stem=small_cnn and a teacher"):
        _training.refuse(settings, ("Nodule",))
