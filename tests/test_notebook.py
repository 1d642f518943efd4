"""The tutorial notebook: every cell is executed, with small data, and the repository holds no outputs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "notebooks" / "tutorial.ipynb"
SMALL = "IMAGES, SIZE, EPOCHS = 90, 64, 1"


@pytest.fixture(scope="module")
def cells() -> list[dict[str, Any]]:
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def test_it_holds_no_outputs(cells: list[dict[str, Any]]) -> None:
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 10
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_its_links_lead_to_files(cells: list[dict[str, Any]]) -> None:
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    links = re.findall(r"\]\(([^)#]+)", text)
    assert links
    for link in links:
        assert (NOTEBOOK.parent / link).is_file(), link


def test_elsewhere_it_says_what_is_missing(
    cells: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where wsbench is not installed and no clone is around, the first cell says what to fill in."""
    first = next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    calls: list[list[str]] = []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("subprocess.run", lambda words, check: calls.append(words))
    with pytest.raises(SystemExit, match="Write the address of the repository into REPOSITORY"):
        exec(first, {})
    exec(first.replace('REPOSITORY = ""', 'REPOSITORY = "https://example.org/wsbench"'), {})
    monkeypatch.chdir(NOTEBOOK.parent)
    exec(first, {})
    assert [words[-1] for words in calls] == ["git+https://example.org/wsbench", str(ROOT)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of the notebook's client
def test_every_cell_works(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    (sizes,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    notebook.cells.insert(notebook.cells.index(sizes) + 1, nbformat.v4.new_code_cell(SMALL))
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # workers would draw the few images no sooner
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    client = NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    shown = {
        index: "".join(output.get("text", "") or str(output.get("data", "")) for output in cell.outputs)
        for index, cell in enumerate(notebook.cells)
        if cell.cell_type == "code"
    }
    of_commands = [text for index, text in shown.items() if "!{COMMAND}" in notebook.cells[index].source]
    assert len(of_commands) == 4
    assert not [text for text in of_commands if "error: " in text or "Traceback" in text]
    everything = "\n".join(shown.values())
    for row in ("cam (quick)", "two_lungs †", "asymmetry"):
        assert f"| {row}" in everything, "the page of the leaderboard has a row of it"
    assert "image/png" in everything
