"""What a notebook shows: figures, tables and cases, whatever names they hold."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import wsbench
from conftest import METRICS
from external_examples import finished_run
from records_examples import example
from wsbench.contract.records import Record
from wsbench.reports.notebook import Case, Cases
from wsbench.runs.results import Results
from wsbench.studies.sweeps.cells import Cell
from wsbench.studies.sweeps.results import SweepResults

HOSTILE = "<script>alert('\"')</script>|\n\x1b[31m"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Path]:
    return finished_run(tmp_path_factory.mktemp("run"))


def is_plain(text: str) -> bool:
    """Whether a name in it stays text: no element, no escape sequence, nothing from elsewhere."""
    return not re.search(r"<script|\x1b|\shref=|\ssrc=(?!\"data:)", text)


def test_a_record_draws_figures(run: tuple[Record, Path], tmp_path: Path) -> None:
    record, _ = run
    figure = record.figure("froc")
    assert figure._repr_html_().startswith("<svg ")
    figure.savefig(tmp_path / "froc.pdf")
    figure.savefig(tmp_path / "froc.png")
    assert (tmp_path / "froc.pdf").read_bytes().startswith(b"%PDF")
    with Image.open(tmp_path / "froc.png") as picture:
        assert min(picture.size) > 100
    several = Results((record, replace(record, seed=1))).figure("roc")
    assert len(several.axes[0].lines) > len(record.figure("roc").axes[0].lines)


def test_figures_that_cannot_be_drawn_say_why(run: tuple[Record, Path]) -> None:
    record, _ = run
    with pytest.raises(wsbench.WsbenchError, match=r"^unknown figure 'frock'; did you mean 'froc'"):
        record.figure("frock")
    with pytest.raises(wsbench.WsbenchError, match=r"^figure losses: no run has a history of its training"):
        record.figure("losses")
    with pytest.raises(
        wsbench.WsbenchError, match=r"^figure roc: this record was not read from a run's folder"
    ):
        example().figure("roc")


def test_a_ranking_is_a_table() -> None:
    records = [
        example(HOSTILE, seed=0, cond_ap25=0.5, draws=[0.45, 0.5, 0.55]),
        example(HOSTILE, seed=1, cond_ap25=0.6, draws=[0.55, 0.6, 0.65]),
        example("floor", cond_ap25=0.1, draws=[0.05, 0.1, 0.15], deterministic=True),
    ]
    ranking = wsbench.finished.ranking(records)
    table = ranking.table()
    assert table["cond_ap25"].tolist() == pytest.approx([0.55, 0.1])
    assert table["seeds"].tolist() == [2, 1]
    assert table["cond_ap25 low"][0] < 0.55 < table["cond_ap25 high"][0]
    assert table["ranks"].tolist() == ["1", "2"]
    shown = ranking._repr_html_()
    assert is_plain(shown)
    assert "&lt;script&gt;" in shown
    assert shown.count("<tr>") == 3
    assert "0.550 (" in shown
    assert "floor" in repr(ranking)


def test_only_rows_of_the_same_images_are_ranked() -> None:
    with pytest.raises(wsbench.WsbenchError, match="were not tested on the same images; rank them apart"):
        wsbench.finished.ranking([example(), example("other", fingerprint="beef")])
    with pytest.raises(wsbench.WsbenchError, match="no record was given"):
        wsbench.finished.ranking([])


def test_cases_show_their_pictures(run: tuple[Record, Path]) -> None:
    record, file = run
    (opened,) = wsbench.finished.open_runs([record.folder], plugin_files=[file])
    cases = opened.cases(outcomes="fn,tp", each=1)
    assert [(case.label, case.outcome) for case in cases] == [("tb", "fn"), ("tb", "tp")]
    assert isinstance(cases[0], Case)
    assert list(cases[:1]) == [cases[0]]
    assert repr(cases) == f"tb, fn: {cases[0].image}\ntb, tp: {cases[1].image}"
    shown = cases._repr_html_()
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]*)"', shown)
    assert len(pictures) == 2
    for picture in pictures:
        with Image.open(io.BytesIO(base64.b64decode(picture))) as opened_picture:
            assert opened_picture.format == "JPEG"
    assert len(shown) < 200_000
    with pytest.raises(wsbench.WsbenchError, match=r"^unknown class 'tbb'; did you mean 'tb'"):
        opened.cases("tbb")
    with pytest.raises(wsbench.WsbenchError, match=r"^unknown outcome of --cases 'fm'"):
        opened.cases(outcomes="fm")


def test_names_of_cases_are_text(run: tuple[Record, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    record, file = run
    (opened,) = wsbench.finished.open_runs([record.folder], plugin_files=[file])
    monkeypatch.setattr(Cases, "_pictures", lambda self: ["data:,"])
    cases = Cases((Case(HOSTILE, HOSTILE, "fp"),), record, opened.loaded, opened.plugins)
    assert is_plain(cases._repr_html_())
    assert "\x1b" not in repr(cases)
    assert len(repr(cases).splitlines()) == 1


def test_records_and_sweeps_are_text() -> None:
    record = example(HOSTILE, cond_ap25=0.5, draws=[0.4, 0.6])
    assert is_plain(record._repr_html_())
    assert is_plain(Results((record,))._repr_html_())
    cells = tuple(
        (Cell("net", "phantom", None, {"option": word}, {}, 0), example(HOSTILE, settings={"option": word}))
        for word in (HOSTILE, "b")
    )
    results = SweepResults(cells, METRICS, {})
    shown = results._repr_html_()
    assert "&lt;script&gt;" in shown
    assert not re.search(r"<script|\ssrc=", shown)
