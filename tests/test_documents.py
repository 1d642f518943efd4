"""Documents: their numbers come from the records, the reference holds every public name, and links fit."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

import wsbench
from wsbench import testing

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / "docs" / "tools"


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    yield _tool("records", monkeypatch)


@pytest.fixture
def localised(records: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setitem(sys.modules, "records", records)  # it is imported by that name, which is no package's
    yield _tool("localised", monkeypatch)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    yield _tool("site", monkeypatch)


def _tool(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of docs/tools, which is no package."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(f"docs_{name}", TOOLS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


# Numbers.


def test_a_number_is_the_one_that_its_source_has(records: ModuleType) -> None:
    """As many digits as the words had; a page, the other protocol, a range, seeds and a difference."""
    row, layer = "saliency_cnn (quick)", "layer=network.layer3"
    cell = records.rows_of("phantom", "uniform")[row]
    for text, source, value in (
        ("9.999", f"phantom: {row}, cond_ap25", cell["cond_ap25"].split(" ± ")[0]),
        ("0.0", f"phantom: {row}, auc", f"{float(cell['auc'].split(' ')[0]):.1f}"),
        ("1.000 to 2.000", f"phantom: {row}, cond_gain 95 %", cell["cond_gain 95 %"]),
    ):
        assert records.refreshed(f"It is {text}<!-- {source} -->.") == f"It is {value}<!-- {source} -->."
    low, high = records.value_of(f"phantom seeds: cam (quick) {layer}, cond_ap25")
    mean = float(records.rows_of("phantom", "uniform")[f"cam (quick) {layer}"]["cond_ap25"].split()[0])
    assert low < mean < high
    pair = (
        f"cam (quick) cam=gradcam++ cells=centred {layer} less cam (quick) cam=gradcam++ {layer}, cond_ap25"
    )
    (difference,) = records.value_of(f"phantom difference: {pair}")
    below, above = records.value_of(f"phantom interval: {pair}")
    assert below < difference < above
    (difference,) = records.value_of("phantom upstream: kd_student (quick), cond_ap25")
    below, above = records.value_of("phantom upstream: kd_student (quick), 95 %")
    assert below < difference < above


@pytest.mark.parametrize(
    "text",
    [
        "0.1<!-- phantom: nobody, cond_ap25 -->",
        "0.1<!-- phantom: kd_student (quick), nothing -->",
        "0.1<!-- phantom guess: kd_student (quick), auc -->",
        "0.1<!-- phantom: kd_student (quick), cond_gain 95 % -->",
    ],
)
def test_a_source_that_is_not_there_is_an_error(records: ModuleType, text: str) -> None:
    with pytest.raises(KeyError):
        records.refreshed(text)


def test_a_table_has_the_cells_of_its_page(records: ModuleType) -> None:
    table = records.table_of("phantom", "paper", "miou, ap25", "two_lungs †; kd_student (quick) ‡")
    rows = records.rows_of("phantom", "paper")
    for label in ("two_lungs †", "kd_student (quick) ‡"):
        assert f"| {label} | {rows[label]['miou']} | {rows[label]['ap25']} |" in table
    with pytest.raises(KeyError):
        records.table_of("phantom", "paper", "miou", "nobody")


def test_facts_are_means_over_seeds(records: ModuleType) -> None:
    row = "tbva_gan (quick)"
    seeds = [record.method["facts"]["score_normal"] for record in records.committed("phantom")[row].records]
    assert len(seeds) == 3
    table = records.facts_of("phantom", "translation", row, "score_normal 4")
    assert f"| {row} | {sum(seeds) / 3:.4f} |" in table


def test_signs_are_means_over_seeds_with_their_limits(localised: ModuleType) -> None:
    row = localised.committed("phantom")["plain_cnn"]
    said = [[sign["value"] for sign in of.learning if sign["name"] == "select_auc"] for of in row.records]
    mean = sum(value for (value,) in said) / len(said)
    table = localised.signs_of("phantom", "plain_cnn")
    assert len(said) == 3
    assert f"| plain_cnn | `select_auc` | {mean:.4f} ± " in table
    assert "| `select_auc_rise` |" in table
    assert "| at most 0.02 | yes |" in table
    with pytest.raises(KeyError):
        localised.signs_of("phantom", "nobody")


def test_classes_stand_beside_blind_boxes(localised: ModuleType) -> None:
    rows = localised.committed("phantom14")
    row, boxes = rows["plain_cnn"], rows["prior_boxes †‡"].first
    of_class = [_of_class(record, "cond_ap25", "Mass") for record in row.records]
    floor = _of_class(boxes, "cond_ap25", "Mass")
    above = sum(value > floor for value in of_class)
    (line,) = [
        line
        for line in localised.classes_of("phantom14", "plain_cnn", "prior_boxes †‡").splitlines()
        if line.startswith("| Mass |")
    ]
    assert f" {sum(of_class) / len(of_class):.3f} ± " in line
    assert f" {floor:.3f} (" in line
    assert line.endswith(f"| {above} of {len(of_class)} |")


def _of_class(record: Any, metric: str, name: str) -> float:
    return float(record.protocols["uniform"]["metrics"][metric]["per_class"][name])


def test_what_the_readme_says_of_image_blind_boxes_is_so(records: ModuleType) -> None:
    """Not in its words, which may change: what must hold for it to say so."""
    rows = records.rows_of("phantom", "uniform")
    for blind in ("prior_boxes †‡", "two_lungs †"):
        assert rows[blind]["rank"].startswith("**1 "), "nothing is surely better"
    closest = ("plain_cnn", "tbva_gan (quick)", "saliency_cnn (quick)")
    for best in closest:
        low, high = map(float, rows[best]["cond_gain 95 %"].split(" to "))
        assert low < 0 < high
    gains = {name: float(row["cond_gain"].split()[0]) for name, row in rows.items() if "†" not in name}
    assert max(gains, key=gains.__getitem__) == closest[0]
    cam = "cam (quick) cam=gradcam++"
    centred, stretched = f"{cam} cells=centred layer=network.layer3", f"{cam} layer=network.layer3"
    low, _ = records.value_of(f"phantom interval: {centred} less {stretched}, cond_ap25")
    assert low > 0, "where cells are drawn matters"
    student, blind_row = rows["kd_student (quick)"], rows["prior_boxes †‡"]
    assert float(student["cond_ap25"].split()[0]) < float(blind_row["cond_ap25"].split()[0])
    assert float(student["ap25"].split()[0]) > float(blind_row["ap25"].split()[0])


def test_what_the_readme_says_of_fourteen_findings_is_so(records: ModuleType) -> None:
    clarity = "clarity (quick)"
    assert next(iter(records.rows_of("phantom14", "uniform"))) == clarity, "it stands first"
    low, _ = records.value_of(f"phantom14 interval: {clarity} less plain_cnn, cond_ap25")
    assert low > 0, "ahead of a plain network"
    low, high = records.value_of(f"phantom14 interval: {clarity} less prior_boxes, cond_ap25")
    assert low < 0 < high, "not told from the average patient's boxes"


def test_what_the_pages_say_of_teachers_losses_and_unguided_systems_is_so(records: ModuleType) -> None:
    kept = ROOT / "docs" / "sweeps"
    students = pd.read_csv(kept / "kd_teacher_questions.csv").query("metric == 'cond_ap25'")
    students = students[students["method"].str.startswith("kd_") & students["difference"].notna()]
    assert len(students) == 6
    assert students["p_holm"].min() > 0.05, "no gain of distillation is shown"
    losses = pd.read_csv(kept / "tbva_losses.csv").query("metric == 'region_iou' and protocol == 'paper'")
    means = losses.groupby("method")["mean"].max()
    assert means["tbva_gan"] < min(means["prior_boxes"], means["two_lungs"]), "no loss reaches blind boxes"
    unguided = records.rows_of("phantom", "uniform")["mdva_gan (quick) ¤"]
    assert float(unguided["cond_gain 95 %"].split(" to ")[1]) < 0, "blind boxes are better"
    facts = [record.method["facts"] for record in records.committed("phantom")["mdva_gan (quick) ¤"].records]
    assert all(seed["change_normal"] > 0.8 * seed["change_tuberculous"] for seed in facts)


# The reference.

PUBLIC = {
    "wsbench": wsbench.__all__,
    **{f"wsbench.{name}": getattr(wsbench, name).__all__ for name in wsbench.NAMESPACES},
}


def test_every_public_name_stands_in_the_reference() -> None:
    """Each exactly once, and no other name does."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "reference").glob("*.md"))
    documented = re.findall(r"^::: (\S+)$", text, flags=re.MULTILINE)
    modules = {"errors", "settings", "testing", "types", *wsbench.NAMESPACES}
    expected = [
        f"{module}.{name}" for module, names in PUBLIC.items() for name in names if name not in modules
    ]
    expected += [f"wsbench.testing.{name}" for name in names_of_testing()]
    expected += ["wsbench.settings.MapSettings", "wsbench.settings.MAP_SETTINGS", "wsbench.types.Reading"]
    expected += ["wsbench.types.Point"]
    assert sorted(documented) == sorted([*expected, "wsbench.contract.hookspecs"])
    assert all(f"`wsbench.{name}`" in text for name in modules)


def names_of_testing() -> list[str]:
    """What `wsbench.testing` defines, or imports under its own name (``as``); it has no list of its own."""
    tree = ast.parse(Path(testing.__file__).read_text(encoding="utf-8"))
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    imported = [
        alias.asname
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    ]
    return [name for name in [*defined, *imported] if not name.startswith("_")]


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md", "docs/how-to/real-data.md"])
def test_lists_of_datasets_are_complete(page: str) -> None:
    """Every dataset that is read from files stands in the generated list of a page, and no other one."""
    from wsbench.contract.plugins import find

    text = (ROOT / page).read_text(encoding="utf-8")
    (listed,) = re.findall(r"\[\[\[cog dataset\w*\(\) \]\]\] -->(.*?)<!-- \[\[\[end", text, flags=re.DOTALL)
    names = {name for name, spec in find().datasets.items() if not spec.computed}
    cells = [line.split("|")[1] for line in listed.splitlines() if line.startswith(("| [`", "| `"))]
    assert set(re.findall(r"`(\w+)`", " ".join(cells) or listed)) == names


def test_every_dataset_of_files_says_what_its_folder_holds() -> None:
    from wsbench.contract.plugins import find
    from wsbench.data.catalog import read_entries

    entries = read_entries()
    silent = [name for name, spec in find().datasets.items() if not spec.computed and not entries[name].holds]
    assert silent == []


def test_every_hook_stands_in_the_reference() -> None:
    from wsbench.contract import hookspecs

    text = (ROOT / "docs" / "reference" / "wsbench.md").read_text(encoding="utf-8")
    hooks = {name for name in vars(hookspecs) if name.startswith("wsbench_")}
    assert set(re.findall(r"- (wsbench_\w+)", text)) == hooks


# The site.


def test_every_page_stands_in_the_navigation(site: ModuleType) -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    shown = re.findall(r"(\S+\.md)$", navigation, flags=re.MULTILINE)
    assert sorted(shown) == sorted(address for address in site.sources() if address.endswith(".md"))


def test_links_lead_from_page_to_page_of_the_site(site: ModuleType) -> None:
    for address, text, expected in (
        ("cam.md", "[page](../leaderboards/phantom.md)", "[page](leaderboards/phantom.md)"),
        ("how-to/gpu.md", "[files](../files.md#x)", "[files](../files.md#x)"),
        ("leaderboards/nih.md", "[costs](../docs/efficiency.md)", "[costs](../efficiency.md)"),
        ("contributing.md", "[rooms](docs/architecture.md)", "[rooms](architecture.md)"),
        ("cam.md", "![maps](cam.jpg)", "![maps](cam.jpg)"),
        ("cam.md", "[numbers](../leaderboards/floors.yaml)", "numbers"),
        (
            "cam.md",
            "[home](../README.md) and [law](https://a.org)",
            "[home](index.md) and [law](https://a.org)",
        ),
        ("cam.md", "0.5<!-- phantom: a, b -->\n or more", "0.5\n or more"),
        ("cam.md", "say `<!-- why -->` <!-- here -->\nso", "say `<!-- why -->` so"),
        ("cam.md", "<!-- not run: why -->\n```bash\nls <!-- x -->\n```", "```bash\nls <!-- x -->\n```"),
    ):
        assert site.prepared(text, address) == expected


@pytest.mark.parametrize("text", ["[page](nowhere.md)", "![picture](nowhere.png)", "[up](../nothing/)"])
def test_a_link_that_leads_nowhere_is_an_error(site: ModuleType, text: str) -> None:
    with pytest.raises(FileNotFoundError, match="there is no"):
        site.prepared(text, "cam.md")
