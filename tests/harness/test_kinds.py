"""Entries of datasets.yaml that name their kind: datasets for every command, by any plugin's kind."""

from __future__ import annotations

from pathlib import Path

import pytest

import wsbench
from conftest import refused
from wsbench.contract import plugins
from wsbench.contract.kinds import DatasetKindSpec
from wsbench.data import catalog
from wsbench.data.kinds import with_own_datasets
from wsbench.errors import WsbenchError
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent

STRIPES = """
import numpy as np
import wsbench

class StripesSettings(wsbench.Settings):
    count: int = 24
    step: int = 3

class Stripes(wsbench.Dataset):
    classes = ("stripe",)
    def __init__(self, settings, root):
        assert root.is_dir()
        self.step = settings.step
        self.samples = tuple(
            wsbench.Sample(
                name=f"{n:02d}", width=40, height=32, split="test" if n % 3 == 0 else "train",
                labels=("stripe",) if n % 2 else (), content=f"{n}-{settings.step}",
                boxes=(wsbench.Box("stripe", 4, 0, 24, 30),) if n % 2 else (),
            )
            for n in range(settings.count)
        )
    def read(self, sample, height, width):
        return np.random.default_rng(int(sample.name)).integers(0, 255, (height, width), dtype=np.uint8)

@wsbench.hookimpl
def wsbench_dataset_kinds():
    load = lambda settings, source: Stripes(settings, source.root)
    return [wsbench.DatasetKindSpec("stripes", "stripes", StripesSettings, load)]
"""


@pytest.fixture
def stripes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin's kind and an entry of it, in the working directory."""
    (tmp_path / "stripes.py").write_text(STRIPES)
    monkeypatch.setenv("WSBENCH_PLUGINS", str(tmp_path / "stripes.py"))
    (tmp_path / "here").mkdir()
    (tmp_path / "datasets.yaml").write_text("bars: {kind: stripes, root: here, step: 5}\n")


def test_a_strangers_kind_makes_an_entry_a_dataset_of_every_command(stripes: None, command) -> None:
    code, out, err = command("list")
    assert (code, err) == (0, "")
    assert "\nbars " in out and "\nstripes  stripes" in out
    assert "\nstep = 5\n" in command("describe", "bars")[1]
    code, out, _ = command("data", "check", "bars", "--quiet")
    assert code == 0 and out.endswith("nothing is wrong\n")
    record = wsbench.run("centre_box", "bars")
    assert record.dataset["name"] == "bars"
    assert record.dataset["settings"] == {"count": 24, "step": 5}
    assert sum(record.dataset["images"].values()) == 24
    line = refused(command("data", "check", "bars", "--quiet", "-D", "stepp=1"))
    assert "bars has no option 'stepp'; did you mean 'step'?" in line


def test_options_of_the_command_change_the_entrys_values(stripes: None) -> None:
    loaded = load_dataset(with_own_datasets(plugins.find()), "bars", {"step": "7"}, Silent())
    assert loaded.describe()["settings"] == {"count": 24, "step": 7}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bars: {kind: stripes, stepp: 1}", "bars: stepp: no key of kind stripes; did you mean 'step'?"),
        ("bars: {kind: stripes, rolse: {}}", "bars: rolse: no key of kind stripes; did you mean 'roles'?"),
        ("bars: {kind: stripes, step: many}", "bars: step: Input should be a valid integer"),
        ("bars: {kind: stripe}", "bars: unknown kind of dataset 'stripe'; did you mean 'stripes'?"),
        ("bars: {kind: [stripes]}", "bars: unknown kind of dataset"),
        ("phantom: {kind: stripes}", "phantom: wsbench_plugins.datasets.phantom provides a dataset of this"),
        ("a bar: {kind: stripes}", "a bar: a dataset 'a bar': a name consists of letters, digits"),
    ],
)
def test_a_wrong_entry_is_named_and_takes_nothing_else_down(
    stripes: None, tmp_path: Path, command, text: str, words: str
) -> None:
    (tmp_path / "datasets.yaml").write_text(text + "\n")
    name = text.partition(":")[0]
    for line in (
        refused(command("data", "check", name, "--quiet")),
        refused(command("describe", name)),
    ):
        assert "datasets.yaml" in line and words in line
        assert len(line) <= 200
    code, _, err = command("list")
    assert code == 0
    assert err.startswith("warning: ") and words in err


def test_an_unreadable_file_does_not_silence_list(tmp_path: Path, command) -> None:
    (tmp_path / "datasets.yaml").write_text("bars: [")
    code, _, err = command("list")
    assert code == 0 and err.startswith("warning: ") and "not valid YAML" in err
    assert "not valid YAML" in refused(command("data", "check", "bars"))


def test_an_entry_of_a_kind_that_is_not_there_now_harms_no_other_dataset(tmp_path: Path) -> None:
    (tmp_path / "datasets.yaml").write_text("phantm: {kind: stripes}\n")
    found = with_own_datasets(plugins.find())
    assert "phantm" in found.refused
    catalog.refuse_misspelt(found.datasets)  # its name is nearly that of a dataset, and meant
    with pytest.raises(WsbenchError, match="unknown kind of dataset 'stripes'"):
        found.dataset("phantm")


def test_a_kind_may_not_take_the_keys_of_every_entry(tmp_path: Path) -> None:
    class Clash(wsbench.Settings):
        roles: int = 0

    found = plugins.find()
    found.kinds["clash"] = DatasetKindSpec("clash", "", Clash, lambda settings, source: None)  # type: ignore[arg-type]
    (tmp_path / "datasets.yaml").write_text("mine: {kind: clash}\n")
    reason = with_own_datasets(found).refused["mine"]
    assert "kind clash has the setting 'roles', a key of every entry" in reason


def test_two_kinds_of_one_name_are_told(stripes: None, tmp_path: Path) -> None:
    (tmp_path / "more.py").write_text(STRIPES)
    with pytest.raises(WsbenchError, match="kind of dataset 'stripes' is already provided by"):
        plugins.find(["more.py"])


def test_no_built_in_kind_takes_the_keys_of_every_entry() -> None:
    for kind in plugins.find().kinds.values():
        assert not kind.settings.model_fields.keys() & catalog.Entry.model_fields.keys()
