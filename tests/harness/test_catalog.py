"""datasets.yaml: what is read, what is laid over it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsbench import catalog
from wsbench.errors import WsbenchError


def test_the_packaged_catalogue_knows_the_release() -> None:
    entry = catalog.read()["tbx11k"]
    assert entry.release == {"train": 6600, "val": 1800}
    assert entry.folder == "TBX11K"
    assert entry.roles["train"] == {"fit": 0.8, "select": 0.1, "calibrate": 0.1}


def test_a_file_in_the_working_directory_is_laid_over_it(tmp_path: Path) -> None:
    (tmp_path / "datasets.yaml").write_text("tbx11k: {root: /data/tb}\nmine: {licence: own}\n")
    entries = catalog.read(tmp_path)
    assert entries["tbx11k"].root == Path("/data/tb")
    assert entries["tbx11k"].release == {"train": 6600, "val": 1800}
    assert entries["mine"].licence == "own"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tbx11k: [", "not valid YAML"),
        ("- a\n- b\n", "one mapping per dataset"),
        ("tbx11k: {rot: x}", "tbx11k.rot: Extra inputs are not permitted"),
        ("tbx11k: {roles: {train: {fit: 0.5}}}", "must be positive and sum to 1"),
        ("tbx11k: {roles: {train: {train: 1}}}", "tbx11k.roles.train"),
        ("tbx11k: !!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_a_bad_catalogue_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "datasets.yaml").write_text(text)
    with pytest.raises(WsbenchError, match=r"datasets\.yaml") as error:
        catalog.read(tmp_path)
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
    entry = catalog.read()["tbx11k"]
    with pytest.raises(WsbenchError, match=r"give --root FOLDER, set WSBENCH_DATA .*get it at https"):
        catalog.root_of("tbx11k", entry, None)
    monkeypatch.setenv("WSBENCH_DATA", str(tmp_path))
    with pytest.raises(WsbenchError, match="TBX11K is not a folder"):
        catalog.root_of("tbx11k", entry, None)
