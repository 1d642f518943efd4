"""The contract on every registered plugin, and on a third party's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from released_models import TIMM_FILE, timm_file
from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.base import Dataset, Method, Source
from wsbench.contract.specs import BoxSupervision, MethodSpec, MetricSpec, Requirement
from wsbench.types import Prediction
from wsbench.utils.progress import Silent

FOUND = plugins.find()
SMALL_DATA = {"phantom": {"images": 60}}
TINY = {"epochs": 1, "image_size": 32, "batch_size": 16}
CLARITY = {"clarity_teacher": TINY, "clarity": {**TINY, "anatomy": "none", "teacher": TINY}}
VGG = {**TINY, "filters": 4, "blocks": 3, "hidden": 0}
GAN = {**TINY, "filters": 4, "residual_blocks": 1, "discriminator_filters": 4, "recogniser": VGG}
GANS = ("tbva_gan", "ant_gan", "mdva_gan", "fixed_point_gan")
TRANSLATION = {"gradcam_vgg16": VGG, **dict.fromkeys(GANS, GAN)}
SMALL_IMAGES = {"epochs": 1, "resize": 32, "crop": 32, "batch_size": 16}
SMALL_METHODS = (
    dict.fromkeys(("cam", "kd_teacher", "kd_student"), SMALL_IMAGES)
    | CLARITY
    | TRANSLATION
    | {"saliency_cnn": {"image_size": 64, "read_size": 64, "epochs": 1}}
)

THIRD_PARTY = '''
"""Says that what is bright is a spot."""
import wsbench
from pydantic import Field

class Settings(wsbench.Settings):
    cells: int = Field(20, ge=4, description="side of the map")

class Brightness(wsbench.Method):
    def predict(self, images):
        grey = images.pixels(self.settings.cells, self.settings.cells)[:] / 255.0
        maps = grey[:, None].repeat(len(self.classes), axis=1)
        return wsbench.Prediction(maps.max(axis=(2, 3)), maps)

def share_of_images_with_boxes(scored, resamples):
    boxed = scored.per_image(scored.predicted) > 0
    return wsbench.metrics.ratio(resamples.sum(boxed), resamples.sum(boxed | True))

@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("brightness", "what is bright", Settings, Brightness)]

@wsbench.hookimpl
def wsbench_metrics():
    return [wsbench.MetricSpec("boxed_images", "images with a box", share_of_images_with_boxes)]
'''


@pytest.mark.parametrize("name", sorted(FOUND.methods))
def test_method(name: str, tmp_path: Path) -> None:
    options = SMALL_METHODS.get(name)
    if name == "pretrained":
        options = {"weights": str(timm_file(tmp_path / "model.pt", 1)), **TIMM_FILE, "outputs": ["spot"]}
    testing.check_method(FOUND.methods[name], tmp_path, plugins=FOUND, options=options)


@pytest.mark.parametrize("name", sorted(FOUND.metrics))
def test_metric(name: str) -> None:
    testing.check_metric(FOUND.metrics[name])


@pytest.mark.parametrize("name", sorted(name for name, spec in FOUND.datasets.items() if spec.computed))
def test_computed_dataset(name: str, tmp_path: Path) -> None:
    spec = FOUND.datasets[name]
    testing.check_dataset(spec, spec.settings(**SMALL_DATA.get(name, {})), Source(None, tmp_path, Silent()))


def test_a_third_partys_file(tmp_path: Path) -> None:
    path = tmp_path / "brightness.py"
    path.write_text(THIRD_PARTY)
    found = plugins.find([path])
    assert found.broken == []
    testing.check_method(found.methods["brightness"], tmp_path / "runs")
    testing.check_metric(found.metrics["boxed_images"])


# A check that cannot fail is none: each of these breaks one promise.


class Fine(Method):
    """Keeps every promise: the score is a function of the image."""

    def predict(self, images):
        grey = images.pixels(10, 12)[:] / 255.0
        return Prediction(grey.max(axis=(1, 2))[:, None], grey[:, None])


class BatchDependent(Fine):
    def predict(self, images):
        prediction = super().predict(images)
        return Prediction(prediction.scores / len(images), prediction.heatmaps)


class Unseeded(Fine):
    def predict(self, images):
        scores = super().predict(images).scores
        return Prediction(
            np.clip(scores * np.random.default_rng().random(), 0, 1), super().predict(images).heatmaps
        )


class Malformed(Fine):
    def predict(self, images):
        prediction = super().predict(images)
        return Prediction(prediction.scores, prediction.heatmaps[:, 0])


def spec_of(method: type[Method]) -> MethodSpec:
    return MethodSpec("broken", "breaks a promise", testing.ToySettings, method)


def test_a_fine_method_passes(tmp_path: Path) -> None:
    testing.check_method(spec_of(Fine), tmp_path)


def test_the_old_name_of_the_plugins_works_with_a_warning(tmp_path: Path) -> None:
    student = MethodSpec(
        "pupil", "", testing.ToySettings, Fine, requires=lambda _: {"t": Requirement("t", {})}
    )
    found = plugins.Plugins(methods={"t": MethodSpec("t", "", testing.ToySettings, Fine), "pupil": student})
    with pytest.warns(DeprecationWarning, match="is now plugins="):
        testing.check_method(student, tmp_path, found=found)
    with pytest.raises(TypeError, match="no argument plugin"):
        testing.check_method(student, tmp_path, plugin=found)


class Untidy(Fine):
    """Counts its predictions in a file of its training."""

    def fit(self, fit, select, run):
        (run.folder / "count").write_text("0")

    def restore(self, run):
        self.count = run.folder / "count"

    def predict(self, images):
        self.count.write_text(str(int(self.count.read_text()) + 1))
        return super().predict(images)


@pytest.mark.parametrize("method", [BatchDependent, Unseeded, Malformed, Untidy])
def test_a_broken_method_is_found(method: type[Method], tmp_path: Path) -> None:
    with pytest.raises((AssertionError, Exception), match=r"differ|shape|changes what fit left"):
        testing.check_method(spec_of(method), tmp_path)


def test_a_method_cannot_see_boxes_it_did_not_declare(tmp_path: Path) -> None:
    class Greedy(Fine):
        def fit(self, fit, select, run):
            assert run.boxed.boxes

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'boxes'"):
        testing.check_method(spec_of(Greedy), tmp_path / "undeclared")
    declared = MethodSpec("g", "", testing.ToySettings, Greedy, box_supervision=BoxSupervision.FIT)
    testing.check_method(declared, tmp_path / "declared")


@pytest.mark.parametrize(
    "compute",
    [
        lambda scored, resamples: 0.5,
        lambda scored, resamples: np.full(len(resamples), np.inf),
        lambda scored, resamples: np.full(len(resamples), scored.scores[0, 0]),
        lambda scored, resamples: np.full(len(resamples), scored.scores.mean()),
    ],
    ids=["shape", "infinite", "order", "draws"],
)
def test_a_broken_metric_is_found(compute) -> None:
    with pytest.raises(AssertionError):
        testing.check_metric(MetricSpec("broken", "", compute))


@pytest.mark.parametrize("fault", ["twins", "outside", "shape", "unlabelled"])
def test_a_broken_dataset_is_found(fault: str, tmp_path: Path) -> None:
    from dataclasses import replace

    class Broken(testing.Toy):
        def __init__(self) -> None:
            super().__init__()
            first, *others = self.samples
            boxed = next(sample for sample in others if sample.boxes)
            change = {
                "twins": replace(first, name=others[0].name),
                "outside": replace(boxed, name="x", width=10),
                "unlabelled": replace(boxed, name="x", labels=()),
                "shape": first,
            }[fault]
            self.samples = (change, *others)

        def read(self, sample, height, width):
            image = super().read(sample, height, width)
            return image.T if fault == "shape" else image

    spec = replace(testing.TOY, load=lambda settings, source: Broken())
    assert isinstance(Broken(), Dataset)
    with pytest.raises(AssertionError):
        testing.check_dataset(spec, testing.ToySettings(), Source(None, tmp_path, Silent()))
