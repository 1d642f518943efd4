"""Method pretrained: outputs and classes, what a network is shown, mistakes, and rows of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

import wsbench
from conftest import refused
from released_models import TIMM_FILE, loaded, plain, timm_file, timm_model
from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.records import load_record
from wsbench.runs.plan import make_plan
from wsbench.utils.progress import Silent
from wsbench_plugins.methods.pretrained import PretrainedSettings, _labels
from wsbench_plugins.methods.pretrained._input import Input

SPEC = plugins.find().methods["pretrained"]
LOADED = testing.toy()
VIEW = LOADED.views.images(LOADED.roles.members["test"])
STRETCHED = {"fit": "stretch"}
"""Toy images are not square; where images are, nothing is stretched."""
SMALL = ("-d", "phantom", "-D", "images=80", "-D", "size=64", "-q", "--no-references")


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
    assert "| pretrained §? | architecture=timm/test_resnet" in page.read_text()
    table = record.scores()
    data = plugins.find().datasets["phantom"]
    made = data.load(data.settings(images=80, size=64), wsbench.Source(None, tmp_path, Silent()))
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
    assert "trained before on Phantom, CheXpert" in " ".join(out.split())
    assert "§?" not in out and " §" in out


def test_cam_without_an_epoch_says_what_to_do(command) -> None:
    line = refused(command("run", "-m", "cam", *SMALL, "-o", "epochs=0"))
    assert "`-m pretrained` scores a released model with its own head" in line
    assert line.endswith("see `wsbench describe cam`")


def test_every_map_of_cam_is_a_map_of_pretrained() -> None:
    cam = plugins.find().methods["cam"].settings.model_fields
    for name in wsbench.settings.MAP_SETTINGS:
        assert repr(cam[name]) == repr(SPEC.settings.model_fields[name])
