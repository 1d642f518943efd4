"""KD-Grad-CAM: every published value, every formula by hand, Captum as the witness, weights from files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import resnet18
from torchvision.transforms import v2

from kd_examples import FOUND, TINY, boxed, student
from wsbench import testing
from wsbench.contract.plugins import Plugins
from wsbench.errors import WsbenchError
from wsbench.runs.job import Job
from wsbench.runs.plan import make_plan
from wsbench.runs.runner import fitted
from wsbench.settings import fill
from wsbench.types import Box, Prediction, Region
from wsbench.utils.progress import Silent
from wsbench_plugins.methods import kd_gradcam
from wsbench_plugins.methods.kd_gradcam import _gradcam, _losses, _network, _training

# The published settings, one by one (section 3.2).


@pytest.mark.parametrize("method", ["kd_teacher", "kd_student"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("backbone", "resnet50"),
        ("weights", "IMAGENET1K_V1"),
        ("head_seed", 42),
        ("resize", 256),
        ("crop", 224),
        ("randaugment_operations", 2),
        ("randaugment_magnitude", 9),
        ("mean", (0.485, 0.456, 0.406)),
        ("standard_deviation", (0.229, 0.224, 0.225)),
        ("batch_size", 64),
        ("epochs", 100),
        ("patience", 10),
        ("learning_rate", 1e-3),
        ("weight_decay", 1e-4),
    ],
)
def test_preset_paper_is_what_was_published(method: str, name: str, value: object) -> None:
    spec = FOUND.methods[method]
    assert next(iter(spec.presets)) == "paper"
    assert getattr(fill(spec.settings, spec.presets["paper"], method), name) == value


def test_label_smoothing_divides_a_share_of_the_label_by_hand() -> None:
    # Probabilities 0.8 and 0.2 of a network whose logits differ by log 4; the true class is the first.
    logits, target = torch.tensor([[math.log(4), 0.0]]), torch.tensor([0])
    likely, unlikely = -math.log(0.8), -math.log(0.2)
    settings = kd_gradcam.TeacherSettings(label_smoothing=0.2)
    teacher = _training.Teacher(torch.nn.Identity(), settings)
    loss = teacher.classification_loss(logits, target)
    assert float(loss) == pytest.approx(0.9 * likely + 0.1 * unlikely, rel=1e-6)
    distilled = _losses.distillation_loss(logits, logits, target, 0.75, 2.0, label_smoothing=0.2)
    assert float(distilled) == pytest.approx(0.75 * float(loss), rel=1e-6)


@pytest.mark.parametrize(("name", "value"), [("alpha", 0.75), ("temperature", 2.0)])
def test_preset_paper_of_distillation(name: str, value: float) -> None:
    spec = FOUND.methods["kd_student"]
    assert getattr(fill(spec.settings, spec.presets["paper"], "kd_student"), name) == value


def test_what_the_paper_leaves_open_says_so() -> None:
    fields = kd_gradcam.TeacherSettings.model_fields
    for name in ("weights", "patience", "threshold", "stages"):
        assert "paper" in fields[name].description, name


def test_the_optimiser_is_adam_with_published_values() -> None:
    module = _training.Teacher(_network.build(student(), 0), kd_gradcam.StudentSettings())
    optimiser = module.configure_optimizers()
    assert type(optimiser) is torch.optim.Adam
    (group,) = optimiser.param_groups
    assert (group["lr"], group["weight_decay"], group["betas"]) == (1e-3, 1e-4, (0.9, 0.999))


def test_preprocessing_is_the_published_sequence() -> None:
    settings = kd_gradcam.TeacherSettings()
    crop, augment = _training.cropped(settings, augment=True).transforms
    assert list(crop.size) == [224, 224]
    assert type(augment).__name__ == "RandAugment"
    assert (augment.num_ops, augment.magnitude) == (2, 9)
    assert len(_training.cropped(settings, augment=False).transforms) == 1
    image = torch.full((1, 1, 256, 256), 51, dtype=torch.uint8)
    image[..., 16:240, 16:240] = 102  # 0.4 of 255, in the central 224
    output = _training.normalised(_training.cropped(settings, augment=False)(image), settings)
    assert output.shape == (1, 3, 224, 224)
    expected = [(0.4 - 0.485) / 0.229, (0.4 - 0.456) / 0.224, (0.4 - 0.406) / 0.225]
    assert output.amax(dim=(0, 2, 3)).tolist() == pytest.approx(expected, abs=1e-6)
    assert output.amin(dim=(0, 2, 3)).tolist() == pytest.approx(expected, abs=1e-6)


def test_augmenting_one_channel_equals_augmenting_three_equal_ones() -> None:
    augment = v2.RandAugment(2, 9)
    image = torch.randint(0, 256, (1, 48, 48), dtype=torch.uint8)
    for seed in range(40):  # enough to meet every operation
        torch.manual_seed(seed)
        grey = augment(image)
        torch.manual_seed(seed)
        coloured = augment(image.expand(3, -1, -1))
        # Grey weights of colour operations sum to 0.9999: a level is lost here and there.
        assert (coloured.int() - grey.int()).abs().max() <= 4, seed


# The formulas.


def test_soft_target_loss_by_hand() -> None:
    # T = 2: teacher softmax(2/2, 0) = (e, 1)/(e + 1), student uniform; T^2 KL = 4 (log 2 - H(p)).
    p = math.e / (math.e + 1)
    entropy = -p * math.log(p) - (1 - p) * math.log(1 - p)
    loss = _losses.soft_target_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]]), 2.0)
    assert loss.item() == pytest.approx(4 * (math.log(2) - entropy), abs=1e-6)


def test_soft_target_loss_is_a_mean_over_the_batch_and_zero_for_equal_logits() -> None:
    student_, teacher = torch.tensor([[0.0, 0.0], [1.0, 3.0]]), torch.tensor([[2.0, 0.0], [1.0, 3.0]])
    one = _losses.soft_target_loss(student_[:1], teacher[:1], 2.0)
    assert _losses.soft_target_loss(student_, teacher, 2.0).item() == pytest.approx(one.item() / 2)
    # Only differences of logits matter.
    assert _losses.soft_target_loss(teacher + 5, teacher, 3.0).item() == pytest.approx(0, abs=1e-6)


def test_distillation_loss_weighs_its_parts() -> None:
    student_, teacher = torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]])
    target = torch.tensor([1])
    soft = _losses.soft_target_loss(student_, teacher, 2.0).item()
    loss = _losses.distillation_loss(student_, teacher, target, alpha=0.75, temperature=2.0)
    assert loss.item() == pytest.approx(0.25 * soft + 0.75 * math.log(2))
    alone = _losses.distillation_loss(student_, teacher, target, alpha=1.0, temperature=2.0)
    assert alone.item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
@pytest.mark.parametrize("stages", [2, 4])
def test_the_closed_form_equals_captums_grad_cam(backbone: str, stages: int) -> None:
    from captum.attr import LayerGradCam

    network = _network.build(student(backbone=backbone, stages=stages), 3).eval()
    images = torch.randn(5, 3, 64, 64)
    logits, cam = network.logits_and_cam(images, output=1)
    witness = LayerGradCam(network, network.features[-1])
    expected = witness.attribute(images, target=1, relu_attributions=True)[:, 0]
    side = 64 // 2 ** (stages + 1)
    assert cam.shape == expected.shape == (5, side, side)
    assert torch.allclose(cam, expected, atol=1e-6)
    assert expected.max() > 1e-3
    assert torch.allclose(logits, network(images))
    maps = _gradcam.normalised_maps(cam, 64)
    from_captum = _gradcam.normalised_maps(expected.detach(), 64)
    assert torch.allclose(maps, from_captum, atol=1e-4)


def test_normalised_maps_by_hand() -> None:
    cam = torch.tensor([[[0.0, 2.0], [2.0, 4.0]], [[3.0, 3.0], [3.0, 3.0]]])
    maps = _gradcam.normalised_maps(cam, 2)
    assert maps[0].tolist() == [[0.0, 0.5], [0.5, 1.0]]
    assert maps[1].tolist() == [[0.0, 0.0], [0.0, 0.0]]  # constant
    # Bilinear between cell centres: 1 to 2 cells gives 1/4 and 3/4 in between.
    assert _gradcam.normalised_maps(torch.tensor([[[0.0, 1.0]]]), 4)[0, 0].tolist() == [0, 0.25, 0.75, 1]


def test_algorithm_1_by_hand() -> None:
    """Threshold 0.5; the smallest annotated box covers 4 % of its image, so boxes above 4 % remain."""
    known = boxed(Box("tb", 0, 0, 20, 20), Box("tb", 0, 0, 50, 50))
    assert _gradcam.smallest_box_share(known) == pytest.approx(0.04)
    heatmap = np.zeros((1, 1, 10, 10))
    heatmap[0, 0, 0:2, 0:3] = 0.5  # 6 %, kept
    heatmap[0, 0, 5:7, 5:7] = 1.0  # 4 %, not larger
    heatmap[0, 0, 9, 9] = 0.49
    prediction = Prediction(np.array([[0.8]]), heatmap, [Region(0, 0, 100, 100)])
    (boxes,) = _gradcam.algorithm_1(known, prediction, threshold=0.5, minimum=0.04)
    assert [(b.label, b.x0, b.y0, b.x1, b.y1) for b in boxes] == [("tb", 0, 0, 30, 20)]
    assert boxes[0].score == pytest.approx(0.8 * 0.5)


# Start, weights, distillation.


def test_teacher_and_student_start_from_the_same_weights(tmp_path: Path) -> None:
    starts = {}
    for name in ("kd_teacher", "kd_student"):
        spec = FOUND.methods[name]
        settings = fill(spec.settings, TINY, name)
        method = spec.build(settings, ("spot",))
        starts[name] = method._start(_run(name, tmp_path))
    for first, second in zip(
        starts["kd_teacher"].parameters(), starts["kd_student"].parameters(), strict=True
    ):
        assert torch.equal(first, second)


def _run(method: str, folder: Path, seed: int = 0):
    from wsbench.contract.base import RunContext

    return RunContext("toy", method, seed, folder, "cpu", Silent())


def test_the_head_seed_varies_the_last_layer_alone() -> None:
    first, second = (_network.build(student(head_seed=seed), 7) for seed in (42, 1234))
    assert torch.equal(first.features.conv1.weight, second.features.conv1.weight)
    assert not torch.equal(first.head.weight, second.head.weight)
    third = _network.build(student(head_seed=42), 8)
    assert not torch.equal(first.features.conv1.weight, third.features.conv1.weight)
    assert torch.equal(first.head.weight, third.head.weight)


def test_building_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    _network.build(student(), 0)
    assert torch.equal(torch.rand(2), expected)


def test_weights_from_a_local_file(tmp_path: Path) -> None:
    torch.manual_seed(11)
    source = resnet18()
    torch.save(source.state_dict(), tmp_path / "weights.pth")
    network = _network.build(student(weights=str(tmp_path / "weights.pth")), 0)
    assert torch.equal(network.features.layer3[0].conv2.weight, source.layer3[0].conv2.weight)
    assert network.head.out_features == 2


def test_weights_that_torchvision_knows_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(12)
    source, asked = resnet18(), []

    def served(url: str, **values: object) -> dict:
        asked.append((url, values["check_hash"]))
        return source.state_dict()

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", served)
    network = _network.build(student(weights="IMAGENET1K_V1"), 0)
    assert torch.equal(network.features.conv1.weight, source.conv1.weight)
    assert asked == [("https://download.pytorch.org/models/resnet18-f37072fd.pth", True)]


def pickled(path: Path) -> None:
    torch.save({"a": Path}, path)


def text(path: Path) -> None:
    path.write_text("no weights")


def another_network(path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(1)}, path)


@pytest.mark.parametrize("write", [pickled, text, another_network, None])
def test_a_bad_weights_file_is_one_line(tmp_path: Path, write) -> None:
    path = tmp_path / "weights.pth"
    if write:
        write(path)
    with pytest.raises(
        WsbenchError, match=r"weights\.pth (of resnet18 could not be loaded|do not fit)"
    ) as error:
        _network.build(student(weights=str(path)), 0)
    assert "\n" not in str(error.value)


def test_an_unknown_weights_name_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(
        WsbenchError, match=r"no weights 'IMAGENET' \(known: IMAGENET1K_V1\); give -o weights="
    ):
        _network.build(student(weights="IMAGENET"), 0)


def test_the_teacher_is_neither_trained_nor_saved_nor_in_training_mode() -> None:
    teacher = _network.build(student(), 1)
    module = _training.Student(_network.build(student(), 2), teacher, student())
    module.train()
    assert not teacher.training
    assert all(name.startswith("network.") for name in module.state_dict())
    ours = {id(parameter) for parameter in module.parameters()}
    assert not ours & {id(parameter) for parameter in teacher.parameters()}
    module.classification_loss(torch.randn(2, 3, 32, 32), torch.tensor([0, 1])).backward()
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert module.network.head.weight.grad is not None


def test_the_student_reuses_the_teacher_of_the_same_data_seed_and_settings(tmp_path: Path) -> None:
    loaded = testing.toy()

    def train(name: str, seed: int = 0, **values: object) -> Path:
        spec = FOUND.methods[name]
        wanted = make_plan(
            spec, "paper", {**TINY, **values}, dataset=testing.TOY, seed=seed, device="cpu", runs=tmp_path
        )
        fitted(Job(wanted, loaded, FOUND))
        return tmp_path / "toy"

    def teachers() -> dict[str, float]:
        found = (tmp_path / "toy" / "kd_teacher").glob("*/fit/last.ckpt")
        return {str(path): path.stat().st_mtime_ns for path in found}

    train("kd_teacher")
    before = teachers()
    train("kd_student")
    assert teachers() == before
    train("kd_student", alpha=0.5)  # another student, the same teacher
    assert teachers() == before
    train("kd_student", seed=1)
    assert len(teachers()) == 2
    train("kd_student", learning_rate=0.01)
    assert len(teachers()) == 3


def test_more_than_one_class_is_refused(tmp_path: Path) -> None:
    method = FOUND.methods["kd_teacher"].build(kd_gradcam.TeacherSettings(**TINY), ("a", "b"))
    with pytest.raises(WsbenchError, match="one class from its absence; this dataset has 2"):
        method.fit(None, None, None)


def test_predictions_cover_the_crop(tmp_path: Path) -> None:
    spec = FOUND.methods["kd_teacher"]
    wanted = make_plan(spec, "paper", TINY, dataset=testing.TOY, seed=0, device="cpu", runs=tmp_path)
    loaded = testing.toy()
    method = fitted(Job(wanted, loaded, Plugins()))
    images = loaded.views.images(("000", "001"))
    prediction = method.predict(images)
    assert prediction.heatmaps.shape == (2, 1, 32, 32)
    # The central 32 of 40 pixels, in an image of 48 x 40.
    region = prediction.regions[0]
    assert (region.x0, region.y0, region.x1, region.y1) == pytest.approx((4.8, 4.0, 43.2, 36.0))
    assert prediction.heatmaps.max(axis=(2, 3)).tolist() == pytest.approx(np.ones((2, 1)))
