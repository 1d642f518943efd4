"""datasets.yaml: what is read, what is laid over it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import refused
from wsbench.data import catalog
from wsbench.errors import WsbenchError

BOMB = "a: &a0 [x, x]\n" + "".join(f"b{n}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(9))


def test_the_packaged_catalogue_knows_the_release() -> None:
    entry = catalog.read_entries()["tbx11k"]
    assert entry.release == {"train": 6600, "val": 1800}
    assert entry.folder == "TBX11K"
    assert entry.roles["train"] == {"fit": 0.8, "select": 0.1, "calibrate": 0.1}


def test_a_file_in_the_working_directory_is_laid_over_it(tmp_path: Path) -> None:
    (tmp_path / "datasets.yaml").write_text("tbx11k: {root: /data/tb}\nmine: {licence: own}\n")
    entries = catalog.read_entries(tmp_path)
    assert entries["tbx11k"].root == Path("/data/tb")
    assert entries["tbx11k"].release == {"train": 6600, "val": 1800}
    assert entries["mine"].licence == "own"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tbx11k: [", "not valid YAML"),
        ("tbx11k: {root: &a [*a]}", "its aliases stand for more than 100000 values"),
        (BOMB, "its aliases stand for more than 100000 values"),
        ("tbx11k: " + "[" * 5000, "lists within lists go too deep"),
        ("#" * 2_000_000, "holds more than the 1000000 characters"),
        (f"tbx11k: {{root: {'x' * 300}}}", "tbx11k: root: is no path that a file system can have"),
        ('tbx11k: {folder: "a\\0b"}', "tbx11k: folder: is no path that a file system can have"),
        ("7: {root: x}", "7 is no name of a dataset"),
        ("tbx11k: {root: 0777777777777777}", "root: "),
        ("tbx11k: {licence: 2026-99-99}", "not valid YAML: month must be in 1..12"),
        ("tbx11k: {rooot: x}", "tbx11k: rooot: Extra inputs are not permitted; did you mean 'root'"),
        ("tbx11k: {release: {}}", "tbx11k.release: is the size of the release, {'train': 6600, 'val': 1800}"),
        ("- a\n- b\n", "one mapping per dataset"),
        ("tbx11k: {rot: x}", "tbx11k: rot: Extra inputs are not permitted"),
        ("tbx11k: {roles: {train: {fit: 0.5}}}", "must be positive and sum to 1"),
        ("tbx11k: {roles: {train: {fit: 1.5, select: -0.5}}}", "must be positive and sum to 1"),
        ("tbx11k: {roles: {train: {train: 1}}}", "tbx11k: roles.train"),
        ("tbx11k: !!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_a_bad_catalogue_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "datasets.yaml").write_text(text)
    with pytest.raises(WsbenchError, match=r"datasets\.yaml") as error:
        catalog.read_entries(tmp_path)
    assert words in str(error.value)


def test_where_a_dataset_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("given", "data/TBX11K", "written"):
        (tmp_path / name).mkdir(parents=True)
    entry = catalog.Entry(folder="TBX11K", root=tmp_path / "written")
    assert catalog.root_of("tbx11k", entry, None) == tmp_path / "written"
    monkeypatch.setenv("WSBENCH_DATA", str(tmp_path / "data"))
    assert catalog.root_of("tbx11k", entry, None) == tmp_path / "data" / "TBX11K"
    assert catalog.root_of("tbx11k", entry, tmp_path / "given") == tmp_path / "given"


def test_no_folder_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = catalog.read_entries()["tbx11k"]
    with pytest.raises(WsbenchError, match=r"give --root FOLDER, set WSBENCH_DATA .*get it at https"):
        catalog.root_of("tbx11k", entry, None)
    monkeypatch.setenv("WSBENCH_DATA", str(tmp_path))
    with pytest.raises(WsbenchError, match="TBX11K is not a folder"):
        catalog.root_of("tbx11k", entry, None)


def test_an_entry_under_nearly_a_datasets_name_is_refused(tmp_path: Path) -> None:
    known = ["tbx11k", "nih", "phantom"]
    for word, near in (("TBX11K", "tbx11k"), ("tbx11", "tbx11k"), ("Nih", "nih")):
        (tmp_path / "datasets.yaml").write_text(f"{word}: {{root: data}}\n")
        with pytest.raises(WsbenchError, match=rf"has an entry {word}, .*; did you mean '{near}'\?"):
            catalog.refuse_misspelt(known, tmp_path)
    (tmp_path / "datasets.yaml").write_text("tbx11k: {root: data}\nmine: {root: data}\n")
    catalog.refuse_misspelt(known, tmp_path)


def test_a_misspelt_entry_is_named_by_the_command(command, tmp_path: Path) -> None:
    (tmp_path / "datasets.yaml").write_text("TBX11K:\n  root: data\n")
    line = refused(command("data", "check", "tbx11k", "-q", "--no-near"))
    assert "has an entry TBX11K" in line and "did you mean 'tbx11k'?" in line


def test_aliases_within_the_limit_are_written_out(tmp_path: Path) -> None:
    (tmp_path / "datasets.yaml").write_text("mine: &mine {licence: own}\nother: {<<: *mine, folder: x}\n")
    assert catalog.read_entries(tmp_path)["other"].licence == "own"


def test_describe_says_where_data_is_and_what_its_owners_allow(command, tmp_path: Path) -> None:
    (tmp_path / "datasets.yaml").write_text("tbx11k:\n  licence: ask its owners\n")
    code, out, _ = command("describe", "tbx11k")
    assert code == 0
    assert "homepage: https://mmcheng.net/tb/\n" in out
    assert "folder holds: imgs/, lists/, annotations/json/\n" in out
    assert "licence: ask its owners\n" in out
    assert "licence" not in command("describe", "kd_student")[1]
