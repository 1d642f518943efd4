"""Records of a leaderboard as files: compressed, or plain as earlier versions wrote them."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from conftest import METRICS
from records_examples import example
from wsbench.contract import record_files, records
from wsbench.errors import WsbenchError
from wsbench.files import limits
from wsbench.reports import leaderboard
from wsbench.runs import seals


def test_a_submission_is_compressed_and_reads_back_equal(tmp_path: Path) -> None:
    path = leaderboard.add(example(cond_ap25=0.5), tmp_path)
    assert path.name.endswith("-seed0.json.xz")
    assert path.read_bytes().startswith(b"\xfd7zXZ\0")
    assert records.load(path) == example(cond_ap25=0.5)
    plain = tmp_path / "plain.json"
    records.write(example(cond_ap25=0.5), plain)
    assert lzma.decompress(path.read_bytes()) == plain.read_bytes()


def test_the_record_of_an_earlier_version_is_read_and_gives_way(tmp_path: Path) -> None:
    """A kill between the two files leaves both: then the compressed one, which is written last, counts."""
    compressed = leaderboard.add(example(cond_ap25=0.5), tmp_path)
    plain = compressed.with_name(compressed.name.removesuffix(".xz"))
    compressed.unlink()
    records.write(example(cond_ap25=0.4), plain)
    (row,) = leaderboard.read_records(tmp_path, METRICS)["phantom"]
    assert row.value("cond_ap25") == 0.4
    text = plain.read_text()
    leaderboard.add(example(cond_ap25=0.5), tmp_path)
    assert not plain.exists()
    plain.write_text(text)
    (row,) = leaderboard.read_records(tmp_path, METRICS)["phantom"]
    assert row.value("cond_ap25") == 0.5


def test_records_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "records" / "phantom"
    folder.mkdir(parents=True)
    names = ["a-seed0.json", "a-seed1.json.xz", "a-seed10.json", "b-seed0.json.xz"]
    for name in reversed(names):
        records.write(example(), folder / name)
    (folder / "a-seed0.npz").write_bytes(b"")
    assert [path.name for path in record_files.in_leaderboards(tmp_path)] == names
    assert record_files.in_leaderboards(tmp_path, "nih") == []


def test_predictions_belong_to_the_text_however_it_is_compressed(tmp_path: Path) -> None:
    """A leaderboard that is compressed anew needs no new seals."""
    for name in ("x.json", "x.json.xz"):
        records.write(example(), tmp_path / name)
        assert seals.predictions_of(tmp_path / name) == tmp_path / "x.npz"
    again = tmp_path / "again.json.xz"
    again.write_bytes(lzma.compress(lzma.decompress((tmp_path / "x.json.xz").read_bytes()), preset=0))
    assert again.read_bytes() != (tmp_path / "x.json.xz").read_bytes()
    assert len({seals.digest_of(tmp_path / name) for name in ("x.json.xz", "again.json.xz")}) == 1
    records.write(example(seed=1), again)
    assert seals.digest_of(again) != seals.digest_of(tmp_path / "x.json.xz")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: b"{}", "not a record of wsbench: "),
        (lambda content: content[:-20], "the file is cut off"),
        (lambda content: content[:200] + b"\0" + content[201:], "not a record of wsbench: "),
        (lambda content: content * 2, "more follows its end"),
        (lambda content: b"", "the file is cut off"),
    ],
)
def test_a_damaged_file_is_named(damage, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json.xz"
    records.write(example(), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(WsbenchError, match=words) as error:
        records.load(path)
    assert "x.json.xz" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_small_file_cannot_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.json.xz"
    monkeypatch.setenv(limits.VARIABLE, "3")
    path.write_bytes(lzma.compress(b" " * 4_000_000))
    with pytest.raises(WsbenchError, match=r"bomb\.json\.xz: expands to 4 MB, and at most 3 MB are read"):
        records.load(path)
    hungry = [{"id": lzma.FILTER_LZMA2, "dict_size": 2**28}]
    path.write_bytes(lzma.compress(b"{}", filters=hungry))
    with pytest.raises(WsbenchError, match=r"bomb\.json\.xz: not a record of wsbench: Memory usage limit"):
        records.load(path)
